/// @class RunFile
/// @brief a run file (.tvh5) as its reader sees it: checked before it is used
///
/// Opens a file that is closed, still being written, or left behind by a writer that was killed;
/// lists what it holds; reads records, ranges of filters of a record, and the history of single
/// elements. Data/Shim/include/tensorview/format.h is the format. Needs HDF5, not VTK's data model.
///
/// Nothing in a file is believed before it was checked: links (hard ones only), types, ranks, sizes
/// against what the file can hold, lengths against each other, steps in order. Every function
/// returns false, with one sentence in Error() that names the file, the tensor and what is wrong,
/// and prints nothing.
///
/// The file is held open only between Open() or Reopen() and Close(), without locks: a trainer that
/// wants to replace its file is never stopped by somebody who looks at it.
///
/// One thread at a time; HDF5 itself is not called from two.
#ifndef RunFile_h
#define RunFile_h

#include "Hdf5Handle.h"
#include "layout.h"
#include "status.h"

#include <cstdint>    // for steps
#include <functional> // for progress
#include <string>     // for names
#include <vector>     // for lists

class RunFile
{
public:
  /// Records beside the steps at which they were written. Only complete ones are listed.
  struct Stream
  {
    std::string Path;             ///< in the file, "/layers/conv1/weights"
    std::string Title;            ///< in sentences, "conv1/weights"
    std::vector<hsize_t> Shape;   ///< of values, without time
    std::vector<int64_t> Steps;   ///< of each record, strictly increasing, from 0
    std::vector<int64_t> Samples; ///< of each record; empty where the file has none
    std::vector<hsize_t> Extents; ///< records that values, steps and (where there) samples hold
    size_t Complete = 0;          ///< records that are whole: Steps.size()
  };

  struct Tensor : Stream
  {
    std::string Layer;
    std::string Kind;
    std::string Axes; ///< of values without time, "oihw"
    tv_type Type = TV_FLOAT32;
    tv_layout Layout; ///< of one record
  };

  /// The state of each filter of a layer over time: int32 [T, filters].
  struct FilterStates : Stream
  {
    std::string Layer;
  };

  /// Called between pieces of work with what is done, 0 to 1; false asks to stop.
  using Progress = std::function<bool(double)>;

  RunFile() = default;
  ~RunFile() = default;
  RunFile(RunFile &&) = default;
  RunFile &operator=(RunFile &&) = default;

  /// Whether this is an HDF5 file with our root attribute, of whatever version. Quick and silent.
  static bool Recognise(const std::string &path);

  /// Opens a file and lists all that it holds. Leaves it open.
  bool Open(const std::string &path);

  /// Opens the listed file once more, to read from it. False, too, where it was replaced by another
  /// file since.
  bool Reopen();

  void Close();

  /// Of this thread's last failure; a whole sentence that begins with the file's name.
  const std::string &Error() const { return this->Sentence; }

  const std::string &Path() const { return this->FileName; }

  /// Tells this file from another one that takes its place: device and inode, in words.
  const std::string &Identity() const { return this->FileIdentity; }
  const std::vector<Tensor> &Tensors() const { return this->TensorList; }
  const std::vector<FilterStates> &States() const { return this->StateList; }
  const Stream &Scalars() const { return this->ScalarStream; }
  const std::vector<std::string> &ScalarNames() const { return this->ScalarNameList; }

  /// Changes whenever the file does: device, inode, size and time of change, in words. While it is
  /// changing at this very moment, no two stamps are the same. Empty where there is no such file.
  static std::string Stamp(const std::string &path);

  /// One record of a tensor as [filter][channel][row][column], float32 (float64 for float64).
  /// Filters first to first + filters; for a matrix, rows (outputs) instead of filters. result is
  /// the caller's. Where order and type allow, HDF5 reads straight into it.
  bool ReadRecord(const Tensor &tensor, size_t record, size_t first, size_t filters, void *result,
    int threads, const Progress &progress);

  /// The history of single elements: result[record * columns.size() + k] is element columns[k], a
  /// flat index in [filter, channel, row, column] order, of each complete record from first on.
  /// Reads only the chunks that hold them and keeps nothing else. Where some cannot be read, the
  /// result has NaN for their records and is otherwise complete.
  bool ReadElements(const Tensor &tensor, const std::vector<size_t> &columns, size_t first,
    double *result, const Progress &progress);

  /// All scalars: result[record * names + k].
  bool ReadScalars(std::vector<double> &result);

  /// The states of all filters at a record.
  bool ReadStates(const FilterStates &states, size_t record, std::vector<int> &result);

private:
  void OpenFile();
  void List();
  void ListLayer(const std::string &layer);
  void ListScalars();
  void ListStream(Stream &stream, bool numbers);
  void ReadComplete(std::vector<Stream *> streams);
  void ReadSteps(Stream &stream);
  void ReadSlab(Hdf5Handle &dataset, const Stream &stream, hid_t type,
    const std::vector<hsize_t> &start, const std::vector<hsize_t> &count, size_t cache,
    void *result);

  Hdf5Handle OpenValues(const Stream &stream, size_t cache);
  Hdf5Handle OpenPath(const std::string &path, const std::string &title, size_t cache = 0);
  Hdf5Handle OpenChild(
    hid_t parent, const std::string &name, const std::string &title, hid_t access);
  void CheckDataset(hid_t dataset, const std::string &title, bool numbers);
  static bool FindType(hid_t type, tv_type &found);
  static uint64_t Size(const std::string &path);
  void CheckFits(hid_t dataset, double bytes, const std::string &title);
  std::vector<int64_t> ReadIntegers(
    const std::string &path, size_t count, const std::string &title);
  std::vector<std::string> ReadStrings(
    hid_t object, const char *attribute, size_t most, const std::string &title);
  std::string ReadString(hid_t object, const char *attribute, const std::string &title);
  bool Guard(const std::function<void()> &work);
  [[noreturn]] void Fail(const std::string &what) const;

  std::string FileName;
  std::string Sentence;
  std::string FileIdentity; // device and inode of what was listed
  uint64_t FileSize = 0;    // when it was opened
  bool Live = false;        // opened beside, or after, a writer that did not close it
  Hdf5Handle File;
  std::vector<Tensor> TensorList;
  std::vector<FilterStates> StateList;
  Stream ScalarStream;
  std::vector<std::string> ScalarNameList;
};

#endif
