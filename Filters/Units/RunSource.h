// SPDX-License-Identifier: BSD-3-Clause
#ifndef RunSource_h
#define RunSource_h

#include "tensorview/units.h"

#include <string>
#include <vector>

class vtkAlgorithm;
class vtkInformation;

/// The run behind a filter's input, read by the filter itself: for what looks at all steps at once,
/// where the pipeline hands over one. Which paths, the reader says in vtkTensorCollection::PATHS().
class RunSource
{
public:
  RunSource() = default;
  ~RunSource();
  RunSource(const RunSource &) = delete;
  void operator=(const RunSource &) = delete;

  /// The paths of what is connected to a filter's port; ParaView puts a filter of its own before
  /// each of ours, which keeps them back: this looks behind it. Empty where there are none.
  static std::vector<std::string> Paths(vtkAlgorithm *filter, int port = 0, int connection = 0);

  /// The step of the training at the time that is asked for in out; 0 where none is.
  static double Step(vtkAlgorithm *filter, vtkInformation *out, int connection = 0);

  /// How many threads kernels may use in this process: what OpenMP would use, shared fairly among the
  /// MPI ranks of a machine.
  static int Threads();

  /// Opens the paths, or looks whether they have grown. False, with a sentence, where they cannot be
  /// read; there is no source then.
  bool Open(const std::vector<std::string> &paths, std::string &error);

  tv_source *Source() const { return this->Run; }
  tv_units *Units() const { return this->UnitList; }

  /// Differs whenever what is read may differ.
  unsigned long Version() const { return this->Changes; }

  /// Differs where it is another run, and not the same one that has grown.
  unsigned long Opened() const { return this->Openings; }

  /// Lets go of files until they are needed.
  void Rest();

private:
  void Close();

  std::vector<std::string> Names;
  tv_source *Run = nullptr;
  tv_units *UnitList = nullptr;
  unsigned long Changes = 0, Openings = 0;
};

#endif
