/// What vtkTensorSnapshotReader remembers from one execution to the next.
#ifndef vtkTensorSnapshotReaderInternals_h
#define vtkTensorSnapshotReaderInternals_h

#include "RunSeries.h"
#include "vtkTensorSnapshotReader.h"

#include "vtkDataArray.h"
#include "vtkSmartPointer.h"

#include <chrono> // for the time of the last look
#include <map>    // for what was read
#include <string> // for names
#include <vector> // for lists

struct vtkTensorSnapshotReader::Internals
{
  using Clock = std::chrono::steady_clock;

  /// What was last read of a tensor, so that a change of anything else does not read it again.
  struct Kept
  {
    std::string Source; ///< file, record and range, in words
    vtkSmartPointer<vtkDataArray> Values;
  };

  /// A running sum: records 0 to Record of a tensor.
  struct Running
  {
    std::string Source; ///< file and range
    int64_t Record = -1;
    int64_t Samples = 0;
    std::vector<double> Sum;
  };

  std::vector<std::string> Names;
  std::string Stamps;  ///< of the files as they were when they were listed
  bool Good = false;   ///< the files could be listed
  std::string Failure; ///< why not, and that it was said
  std::string Said[2]; ///< what was last said about each output; empty where it was read
  RunSeries Series;
  std::vector<double> Times; ///< TIME_STEPS
  std::map<std::string, Kept> Records;
  std::map<std::string, Running> Sums;
  std::map<std::string, std::vector<double>> Histories; ///< by file, tensor and elements
  Clock::time_point Looked;                             ///< when a change was last looked for
  bool Changed = false;                                 ///< since GetNeedsUpdate() was last asked

  std::string Stamp() const
  {
    std::string stamps;
    for (const std::string &name : this->Names)
      stamps += name + "\n" + RunFile::Stamp(name) + "\n";
    return stamps;
  }
};

/// The files of a series during one execution: opened when they are needed, closed at its end.
/// Keeps the first thing that failed.
class vtkTensorSnapshotSession
{
public:
  explicit vtkTensorSnapshotSession(RunSeries &series)
      : Series(series), Opened(series.Files.size(), false)
  {
  }
  ~vtkTensorSnapshotSession()
  {
    for (RunFile &file : this->Series.Files)
      file.Close();
  }
  vtkTensorSnapshotSession(const vtkTensorSnapshotSession &) = delete;
  void operator=(const vtkTensorSnapshotSession &) = delete;

  /// False where it cannot be opened.
  bool Open(size_t file)
  {
    this->Opened[file] = this->Opened[file] || this->Series.Files[file].Reopen();
    return this->Opened[file] || this->Fail(file);
  }

  /// Keeps the sentence of a file, unless there is one already. Always false.
  bool Fail(size_t file)
  {
    if (this->Error.empty())
      this->Error = this->Series.Files[file].Error();
    return false;
  }

  RunSeries &Series;
  std::string Error;

private:
  std::vector<bool> Opened;
};

#endif
