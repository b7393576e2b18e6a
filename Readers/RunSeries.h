/// @class RunSeries
/// @brief one or several run files as one continued run
///
/// A run that was stopped and went on in another file is a series. Files are taken in the order of
/// their first steps, whatever the order of their names; from the first step of a later file on,
/// what an earlier one has is superseded (training that went back to a checkpoint). Tensors and
/// scalars are the union of those of all files; a tensor must have the same axes, sizes and type in
/// all of them.
#ifndef RunSeries_h
#define RunSeries_h

#include "RunFile.h"

#include <string> // for names
#include <vector> // for lists

class RunSeries
{
public:
  /// Some records of one stream of one file.
  struct Segment
  {
    size_t File;   ///< index into Files
    size_t Stream; ///< index into that file's Tensors() or States()
    size_t Begin;  ///< of the track's records, which is this file's record 0
    size_t Count;  ///< of records
  };

  /// The records of a tensor (or of states, or of scalars) through all files.
  struct Track
  {
    std::vector<int64_t> Steps; ///< strictly increasing
    std::vector<Segment> Segments;

    /// The last record at or before a time; -1 where there is none.
    int64_t Find(double time) const;

    /// Where a record is.
    const Segment &Locate(size_t record) const;
  };

  struct Tensor : Track
  {
    std::string Name; ///< "layer/kind"
    std::string Layer;
    std::string Kind;
    std::string Axes;
    tv_type Type;
    tv_layout Layout;
  };

  struct States : Track
  {
    std::string Layer;
  };

  std::vector<RunFile> Files;
  std::vector<Tensor> Tensors;
  std::vector<States> FilterStates;
  Track Scalars;
  std::vector<std::string> ScalarNames;

  /// Opens, lists and closes all files. False, with a sentence in error.
  bool Open(const std::vector<std::string> &paths, std::string &error);

  /// Whether this is what another one was, with nothing but records added.
  bool Continues(const RunSeries &before) const;

  /// Null where there is none.
  const Tensor *FindTensor(const std::string &name) const;
  const States *FindStates(const std::string &layer) const;
};

#endif
