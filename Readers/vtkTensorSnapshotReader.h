/**
 * @class vtkTensorSnapshotReader
 * @brief reads run files (.tvh5): the tensors of a step, and the history of the run
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
 * Each output is read only when it is asked for. Several files are one continued run (RunSeries).
 *
 * With several ranks each reads only its own contiguous range of filters, of a matrix of rows; see
 * vtkTensorCollection.
 *
 * A file that cannot be used is reported once, in one sentence with its name, and gives empty
 * outputs.
 */
#ifndef vtkTensorSnapshotReader_h
#define vtkTensorSnapshotReader_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkPartitionedDataSetCollectionAlgorithm.h"

#include <memory> // for the state that the implementation keeps
#include <string> // for properties

class vtkDataArraySelection;

class TENSORVIEWREADERS_EXPORT vtkTensorSnapshotReader
    : public vtkPartitionedDataSetCollectionAlgorithm
{
public:
  static vtkTensorSnapshotReader *New();
  vtkTypeMacro(vtkTensorSnapshotReader, vtkPartitionedDataSetCollectionAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// The run files.
  void AddFileName(const char *name);
  void RemoveAllFileNames();
  int GetNumberOfFileNames() const;
  const char *GetFileName(int index) const;
  ///@}

  /// 1 where the file is a run file, of whatever version. Silent.
  int CanReadFile(const char *name);

  ///@{
  /// Which tensors are read, by "layer/kind"; all at first. Known after UpdateInformation().
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

  ///@{
  /// Off (default): activations of each step as they were recorded. On: their running sum up to the
  /// step, added up in double precision; Samples is then the sum of samples.
  vtkSetMacro(Accumulate, bool);
  vtkGetMacro(Accumulate, bool);
  vtkBooleanMacro(Accumulate, bool);
  ///@}

  ///@{
  /// Whether new steps of files that are still being written are looked for (off), and how often at
  /// most, in seconds (1).
  vtkSetMacro(Follow, bool);
  vtkGetMacro(Follow, bool);
  vtkBooleanMacro(Follow, bool);
  vtkSetClampMacro(FollowInterval, double, 0.05, 3600.0);
  vtkGetMacro(FollowInterval, double);
  ///@}

  /// True where Follow is on and a file has changed since this was last asked. ParaView's client
  /// asks it all the time.
  bool GetNeedsUpdate();

  /// With Follow, later as soon as a file has changed: any update of the pipeline takes new steps
  /// in.
  vtkMTimeType GetMTime() override;

  /// Reads the files anew at the next update.
  void Refresh();

  struct Internals; ///< for the implementation only

protected:
  vtkTensorSnapshotReader();
  ~vtkTensorSnapshotReader() override;

  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int ProcessRequest(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

private:
  vtkTensorSnapshotReader(const vtkTensorSnapshotReader &) = delete;
  void operator=(const vtkTensorSnapshotReader &) = delete;

  void ReadTensors(vtkInformation *info);
  void ReadHistory(vtkInformation *info);
  void ListAgain();
  void ForgetUnknownTensors();
  void Report(const std::string &error);
  void ReportOnce(int port, const std::string &error);
  void Look();

  vtkDataArraySelection *TensorSelection;
  std::string HistoryTensor;
  std::string HistoryElements = "0-2";
  bool Accumulate = false;
  bool Follow = false;
  double FollowInterval = 1.0;
  std::unique_ptr<Internals> State;
};

#endif
