/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorSourceReader
 * @brief reads whatever holds tensors over time: the tensors of a step, and the history of the run
 *
 * Whatever tensorview/source.h opens by its files: run files, weight files and checkpoints of other
 * frameworks; as NetworkFileReader in ParaView. vtkTensorSnapshotReader adds what only run files
 * have.
 *
 * Output 0, vtkPartitionedDataSetCollection: the enabled tensors at the requested time, as
 * vtkTensorCollection describes them. Times are steps. At a time between two records of a tensor
 * its last one before it is shown, and the tensor's own step is in its field data; before the first
 * one it is there, but has no cells.
 *
 * Output 1, vtkTable: a row for each step at which a scalar or the history tensor was recorded.
 * Columns: Step (vtkIdTypeArray), each scalar by its name (vtkDoubleArray), each chosen element
 * (vtkDoubleArray, "conv1/weights[0]"); NaN where nothing was recorded. It holds the whole run,
 * whatever the time. With several ranks the first has all rows and the others have none.
 *
 * "ring:NAME" in place of a file is a training in shared memory: its last step, and of its history
 * what was seen since it was opened. With Follow each look takes the newest step.
 *
 * Each output is read only when it is asked for, and of the first, for the filters of this plugin,
 * only the tensors that they show (vtkTensorDemand). Several files are one continued run.
 *
 * With several ranks each reads only its own contiguous range of filters, of a matrix of rows; see
 * vtkTensorCollection.
 *
 * A file that cannot be used is reported once, in one sentence with its name, and gives empty
 * outputs. A tensor that cannot be used, and whatever of a damaged file was left out, is said once,
 * as a warning, and costs itself.
 */
#ifndef vtkTensorSourceReader_h
#define vtkTensorSourceReader_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkPartitionedDataSetCollectionAlgorithm.h"
#include "vtkSmartPointer.h" // for values

#include <memory> // for the state that the implementation keeps
#include <string> // for properties
#include <vector> // for lists

class vtkDataArray;
class vtkDataArraySelection;
class vtkImageData;
class vtkTable;
class vtkTensorDemand;
struct vtkTensorRecord;

class TENSORVIEWREADERS_EXPORT vtkTensorSourceReader
    : public vtkPartitionedDataSetCollectionAlgorithm
{
public:
  static vtkTensorSourceReader *New();
  vtkTypeMacro(vtkTensorSourceReader, vtkPartitionedDataSetCollectionAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// The files.
  void AddFileName(const char *name);
  void RemoveAllFileNames();
  int GetNumberOfFileNames() const;
  const char *GetFileName(int index) const;
  ///@}

  /// 1 where the file is one that this reader is for: not a run file, but one of another framework.
  /// Silent.
  virtual int CanReadFile(const char *name);

  ///@{
  /// Which tensors are read, by "layer/kind"; all at first but those that a file keeps for its own
  /// purposes (the states of an optimizer). Known after UpdateInformation().
  vtkDataArraySelection *GetTensorSelection() { return this->TensorSelection; }
  int GetNumberOfTensorArrays();
  const char *GetTensorArrayName(int index);
  int GetTensorArrayStatus(const char *name);
  void SetTensorArrayStatus(const char *name, int status);
  ///@}

  ///@{
  /// All tensors, weights first: what the drop-down of HistoryTensor offers. The status is
  /// always 1.
  int GetNumberOfHistoryTensorArrays();
  const char *GetHistoryTensorArrayName(int index);
  int GetHistoryTensorArrayStatus(const char *) { return 1; }
  ///@}

  ///@{
  /// The tensor whose elements the history has; empty (default): the first weights.
  vtkSetStdStringFromCharMacro(HistoryTensor);
  vtkGetCharFromStdStringMacro(HistoryTensor);
  ///@}

  ///@{
  /// Its elements: flat indices in [filter, channel, row, column] order, "0-2,100". Ranges end
  /// where the tensor does. At most 4096.
  vtkSetStdStringFromCharMacro(HistoryElements);
  vtkGetCharFromStdStringMacro(HistoryElements);
  ///@}

  enum TimeStepsType
  {
    CHOSEN = 0, ///< the records of the enabled tensors; where these have none, of the scalars
    ALL = 1     ///< of the scalars as well
  };
  ///@{
  /// Which steps are the times of output 0. Default: CHOSEN, so that each frame of an animation
  /// shows something new.
  vtkSetClampMacro(TimeSteps, int, CHOSEN, ALL);
  vtkGetMacro(TimeSteps, int);
  ///@}

  enum TimeUnitType
  {
    STEP = 0,   ///< the time of a record is its step
    PERCENT = 1 ///< ... its step as a share of the last one: 100 is the end of the run
  };
  ///@{
  /// What the times of output 0 are: PERCENT puts runs of different lengths side by side. Names and
  /// columns Step stay steps. Default: STEP.
  vtkSetClampMacro(TimeUnit, int, STEP, PERCENT);
  vtkGetMacro(TimeUnit, int);
  ///@}

  /// How many values of tensors were read so far, by this process: output 0 is read on demand where
  /// whoever asks knows how (vtkTensorDemand).
  vtkIdType GetValuesRead() const;

  /// On: the next update of output 0, if it would read more than 64 MB, gives no tensors: for a window
  /// that updates whatever is opened before anybody looks at it. Whoever comes next gets what is
  /// asked for. Default: off.
  vtkSetMacro(DescribeFirst, bool);
  vtkGetMacro(DescribeFirst, bool);

  vtkMTimeType GetMTime() override;

  ///@{
  /// For vtkTensorDemand: the enabled tensors, and the leaf of one of them at a time.
  std::vector<std::string> GetTensorNames();
  vtkSmartPointer<vtkImageData> FindTensor(const std::string &name, const char *preferred,
    double time, size_t rank, size_t ranks, std::string &error);
  ///@}

  /// Reads the files anew at the next update.
  void Refresh();

  struct Internals; ///< for the implementation only
  struct Request;   ///< one execution: the same

protected:
  vtkTensorSourceReader();
  ~vtkTensorSourceReader() override;

  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int ProcessRequest(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  /// Whether the files have changed since they were listed. Quick.
  bool FilesChanged() const;

  /// What derived classes may offer.
  bool Accumulate = false;
  bool Follow = false;

private:
  vtkTensorSourceReader(const vtkTensorSourceReader &) = delete;
  void operator=(const vtkTensorSourceReader &) = delete;

  void ReadTensors(vtkInformation *info);
  vtkSmartPointer<vtkDataArray> ReadValues(
    size_t tensor, size_t record, Request &request, vtkTensorRecord &result);
  vtkTensorRecord ReadRecord(
    size_t number, Request &request, std::vector<vtkSmartPointer<vtkDataArray>> &held);
  vtkSmartPointer<vtkTensorDemand> MakeDemand(const Request &request);
  bool IsEnabled(const std::string &name);
  bool IsLarge();
  void ReadHistory(vtkInformation *info);
  ptrdiff_t FindHistoryTensor();
  std::vector<size_t> FindHistoryElements(ptrdiff_t tensor);
  std::string ReadScalars(vtkTable *table);
  std::string ReadElements(
    vtkTable *table, vtkIdType first, size_t tensor, const std::vector<size_t> &elements);
  bool Live() const; ///< a ring is watched: it has the last step only
  void Remember(vtkTable *table);
  void ListAgain();
  bool ListFresh();
  void ReportNotes();
  void UpdateSelection();
  void ForgetUnknownTensors();
  void Report(const std::string &error);
  void ReportOnce(int port, const std::string &error);

  vtkDataArraySelection *TensorSelection;
  std::string HistoryTensor;
  std::string HistoryElements = "0-2";
  int TimeSteps = CHOSEN;
  int TimeUnit = STEP;
  bool DescribeFirst = false;
  std::unique_ptr<Internals> State;
};

#endif
