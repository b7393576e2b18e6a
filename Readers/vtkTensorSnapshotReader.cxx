#include "vtkTensorSnapshotReader.h"

#include "vtkTensorCollection.h"
#include "vtkTensorSnapshotReaderInternals.h"

#include "vtkCommand.h"
#include "vtkDataArraySelection.h"
#include "vtkDataObject.h"
#include "vtkDemandDrivenPipeline.h"
#include "vtkInformation.h"
#include "vtkInformationDoubleVectorKey.h"
#include "vtkInformationIntegerVectorKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkInformationVector.h"
#include "vtkObjectFactory.h"
#include "vtkStreamingDemandDrivenPipeline.h"

#include <algorithm>

vtkStandardNewMacro(vtkTensorSnapshotReader);

vtkTensorSnapshotReader::vtkTensorSnapshotReader() : State(new Internals)
{
  this->SetNumberOfInputPorts(0);
  this->SetNumberOfOutputPorts(2);
  this->TensorSelection = vtkDataArraySelection::New();
  this->TensorSelection->AddObserver(
    vtkCommand::ModifiedEvent, this, &vtkTensorSnapshotReader::Modified);
}

vtkTensorSnapshotReader::~vtkTensorSnapshotReader()
{
  this->TensorSelection->Delete();
}

void vtkTensorSnapshotReader::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  for (const std::string &name : this->State->Names)
    os << indent << "FileName: " << name << "\n";
  os << indent << "HistoryTensor: " << this->HistoryTensor << "\n"
     << indent << "HistoryElements: " << this->HistoryElements << "\n"
     << indent << "Accumulate: " << this->Accumulate << "\n"
     << indent << "Follow: " << this->Follow << "\n"
     << indent << "FollowInterval: " << this->FollowInterval << "\n";
}

void vtkTensorSnapshotReader::AddFileName(const char *name)
{
  if (name && *name) {
    this->State->Names.emplace_back(name);
    this->Modified();
  }
}

void vtkTensorSnapshotReader::RemoveAllFileNames()
{
  if (!this->State->Names.empty()) {
    this->State->Names.clear();
    this->State->Failure.clear();
    this->Modified();
  }
}

int vtkTensorSnapshotReader::GetNumberOfFileNames() const
{
  return static_cast<int>(this->State->Names.size());
}

const char *vtkTensorSnapshotReader::GetFileName(int index) const
{
  const bool known = index >= 0 && index < this->GetNumberOfFileNames();
  return known ? this->State->Names[index].c_str() : nullptr;
}

int vtkTensorSnapshotReader::CanReadFile(const char *name)
{
  return name && RunFile::Recognise(name);
}

int vtkTensorSnapshotReader::GetNumberOfTensorArrays()
{
  return this->TensorSelection->GetNumberOfArrays();
}

const char *vtkTensorSnapshotReader::GetTensorArrayName(int index)
{
  return this->TensorSelection->GetArrayName(index);
}

int vtkTensorSnapshotReader::GetTensorArrayStatus(const char *name)
{
  return this->TensorSelection->ArrayIsEnabled(name);
}

void vtkTensorSnapshotReader::SetTensorArrayStatus(const char *name, int status)
{
  if (name)
    this->TensorSelection->SetArraySetting(name, status != 0);
}

int vtkTensorSnapshotReader::GetNumberOfHistoryTensorArrays()
{
  return static_cast<int>(this->State->Series.Tensors.size());
}

const char *vtkTensorSnapshotReader::GetHistoryTensorArrayName(int index)
{
  for (bool weights : {true, false})
    for (const RunSeries::Tensor &tensor : this->State->Series.Tensors)
      if ((tensor.Kind == "weights") == weights && index-- == 0)
        return tensor.Name.c_str();
  return nullptr;
}

/// Whether a file has changed, where somebody wants to know, and not too often.
void vtkTensorSnapshotReader::Look()
{
  Internals &state = *this->State;
  const Internals::Clock::time_point now = Internals::Clock::now();
  if (!this->Follow ||
      std::chrono::duration<double>(now - state.Looked).count() < this->FollowInterval)
    return;
  state.Looked = now;
  if (state.Stamp() != state.Stamps) {
    state.Changed = true;
    this->Modified();
  }
}

bool vtkTensorSnapshotReader::GetNeedsUpdate()
{
  this->Look();
  const bool changed = this->State->Changed;
  this->State->Changed = false;
  return changed;
}

vtkMTimeType vtkTensorSnapshotReader::GetMTime()
{
  this->Look();
  return this->Superclass::GetMTime();
}

void vtkTensorSnapshotReader::Refresh()
{
  this->State->Stamps.clear();
  this->State->Failure.clear();
  this->State->Said[0].clear();
  this->State->Said[1].clear();
  this->State->Series = RunSeries();
  this->Modified();
}

void vtkTensorSnapshotReader::Report(const std::string &error)
{
  if (!this->CheckAbort()) // who stopped it knows
    vtkErrorMacro(<< error);
}

/// The same failure at one step after another is one failure.
void vtkTensorSnapshotReader::ReportOnce(int port, const std::string &error)
{
  if (!error.empty() && error != this->State->Said[port])
    this->Report(error);
  this->State->Said[port] = error;
}

int vtkTensorSnapshotReader::FillOutputPortInformation(int port, vtkInformation *info)
{
  info->Set(
    vtkDataObject::DATA_TYPE_NAME(), port == 0 ? "vtkPartitionedDataSetCollection" : "vtkTable");
  return 1;
}

int vtkTensorSnapshotReader::ProcessRequest(
  vtkInformation *request, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  // Only what somebody asked for is read: the other output stays as it is, and out of date.
  if (request->Has(vtkDemandDrivenPipeline::REQUEST_DATA_NOT_GENERATED())) {
    const int port = request->Get(vtkExecutive::FROM_OUTPUT_PORT());
    for (int k = 0; port >= 0 && k < this->GetNumberOfOutputPorts(); ++k)
      if (k != port)
        outputVector->GetInformationObject(k)->Set(
          vtkDemandDrivenPipeline::DATA_NOT_GENERATED(), 1);
    return 1;
  }
  return this->Superclass::ProcessRequest(request, inputVector, outputVector);
}

/// What was chosen that is not there: by a script, or by a state file that was made for another
/// run.
void vtkTensorSnapshotReader::ForgetUnknownTensors()
{
  const RunSeries &series = this->State->Series;
  for (int k = this->TensorSelection->GetNumberOfArrays(); k-- > 0;) {
    const std::string name = this->TensorSelection->GetArrayName(k);
    if (series.FindTensor(name))
      continue;
    if (this->TensorSelection->GetArraySetting(k)) {
      std::string known;
      for (const RunSeries::Tensor &tensor : series.Tensors)
        known += (known.empty() ? "" : ", ") + tensor.Name;
      this->Report(this->State->Names[0] + ": there is no tensor \"" + name + "\"; it has " +
                   (known.empty() ? "none" : known));
    }
    this->TensorSelection->RemoveArrayByIndex(k);
  }
}

/// Lists the files where they have changed.
void vtkTensorSnapshotReader::ListAgain()
{
  Internals &state = *this->State;
  const std::string stamps = state.Stamp();
  if (state.Stamps == stamps)
    return;
  state.Stamps = stamps;
  state.Looked = Internals::Clock::now();
  std::string error;
  RunSeries series;
  state.Good = series.Open(state.Names, error);
  if (!state.Good) {
    series = RunSeries();
    if (error != state.Failure)
      this->Report(error);
  }
  state.Failure = error;
  // What was read stays true where a run only grew; a run that was started again under the same
  // name may look the same, so that nothing is kept unless somebody follows each of its steps.
  if (!this->Follow || !series.Continues(state.Series)) {
    state.Records.clear();
    state.Sums.clear();
    state.Histories.clear();
  }
  // What was chosen stays chosen while a file cannot be read; what only the last file had goes.
  for (int k = this->TensorSelection->GetNumberOfArrays(); state.Good && k-- > 0;) {
    const std::string name = this->TensorSelection->GetArrayName(k);
    if (state.Series.FindTensor(name) && !series.FindTensor(name))
      this->TensorSelection->RemoveArrayByIndex(k);
  }
  state.Series = std::move(series);
  for (const RunSeries::Tensor &tensor : state.Series.Tensors)
    this->TensorSelection->AddArray(tensor.Name.c_str());
}

int vtkTensorSnapshotReader::RequestInformation(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  Internals &state = *this->State;
  this->ListAgain();
  if (state.Good)
    this->ForgetUnknownTensors();

  vtkInformation *out = outputVector->GetInformationObject(0);
  out->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  outputVector->GetInformationObject(1)->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  out->Remove(vtkTensorCollection::TENSORS());
  out->Remove(vtkTensorCollection::SHAPES());
  std::vector<int64_t> steps = state.Series.Scalars.Steps, merged;
  const auto add = [&steps, &merged](const std::vector<int64_t> &more) {
    merged.clear();
    std::set_union(
      steps.begin(), steps.end(), more.begin(), more.end(), std::back_inserter(merged));
    steps.swap(merged);
  };
  for (const RunSeries::Tensor &tensor : state.Series.Tensors)
    if (this->TensorSelection->ArrayIsEnabled(tensor.Name.c_str())) {
      add(tensor.Steps);
      out->Append(vtkTensorCollection::TENSORS(), tensor.Name.c_str());
      for (size_t size : {tensor.Layout.windows.filters, tensor.Layout.windows.channels,
             tensor.Layout.windows.rows, tensor.Layout.windows.columns})
        out->Append(vtkTensorCollection::SHAPES(), static_cast<int>(size));
    }
  state.Times.assign(steps.begin(), steps.end());
  if (state.Times.empty()) {
    out->Remove(vtkStreamingDemandDrivenPipeline::TIME_STEPS());
    out->Remove(vtkStreamingDemandDrivenPipeline::TIME_RANGE());
  } else {
    const double range[2] = {state.Times.front(), state.Times.back()};
    out->Set(vtkStreamingDemandDrivenPipeline::TIME_STEPS(), state.Times.data(),
      static_cast<int>(state.Times.size()));
    out->Set(vtkStreamingDemandDrivenPipeline::TIME_RANGE(), range, 2);
  }
  return 1;
}

int vtkTensorSnapshotReader::RequestData(
  vtkInformation *request, vtkInformationVector **, vtkInformationVector *outputVector)
{
  const int port = request->Get(vtkExecutive::FROM_OUTPUT_PORT());
  if (port != 1)
    this->ReadTensors(outputVector->GetInformationObject(0));
  if (port != 0)
    this->ReadHistory(outputVector->GetInformationObject(1));
  return 1; // a failure was reported, in one sentence, and the executive would add another
}
