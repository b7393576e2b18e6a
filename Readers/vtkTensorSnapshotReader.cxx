#include "vtkTensorSnapshotReader.h"

#include "RunSeries.h"
#include "threads.h"
#include "vtkTensorCollection.h"

#include "vtkCommand.h"
#include "vtkDataArraySelection.h"
#include "vtkDemandDrivenPipeline.h"
#include "vtkDoubleArray.h"
#include "vtkFloatArray.h"
#include "vtkIdTypeArray.h"
#include "vtkInformation.h"
#include "vtkInformationDoubleVectorKey.h"
#include "vtkInformationIntegerVectorKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkSmartPointer.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

vtkStandardNewMacro(vtkTensorSnapshotReader);

namespace {
using Clock = std::chrono::steady_clock;

constexpr size_t MostElements = 4096; // columns of the history table

/// "0-2,100" as indices, each once, in the order given.
bool ParseElements(const std::string &text, size_t available, std::vector<size_t> &elements)
{
  size_t at = 0;
  const auto blank = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t'))
      ++at;
  };
  const auto number = [&](size_t &value) {
    blank();
    const size_t begin = at;
    for (value = 0; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      value = std::min<size_t>(value * 10 + static_cast<size_t>(text[at] - '0'), size_t(1) << 50);
    const bool found = at > begin;
    blank();
    return found;
  };
  elements.clear();
  blank();
  while (at < text.size()) {
    size_t first, last;
    if (!number(first))
      return false;
    last = first;
    if (at < text.size() && text[at] == '-' && (++at, !number(last)))
      return false;
    if (last < first || first >= available)
      return false;
    last = std::min(last, available - 1);
    if (last - first >= MostElements || elements.size() + (last - first) >= MostElements)
      return false;
    for (size_t k = first; k <= last; ++k)
      if (std::find(elements.begin(), elements.end(), k) == elements.end())
        elements.push_back(k);
    if (at < text.size() && text[at++] != ',')
      return false;
    blank();
  }
  return true;
}

vtkSmartPointer<vtkDataArray> NewValues(tv_type type, size_t count)
{
  vtkSmartPointer<vtkDataArray> values;
  if (type == TV_FLOAT64)
    values = vtkSmartPointer<vtkDoubleArray>::New();
  else
    values = vtkSmartPointer<vtkFloatArray>::New();
  values->SetNumberOfTuples(static_cast<vtkIdType>(count));
  return values;
}

template <typename T> void Add(std::vector<double> &sum, const T *values)
{
  for (size_t k = 0; k < sum.size(); ++k)
    sum[k] += values[k];
}
} // namespace

struct vtkTensorSnapshotReader::Internals
{
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
  const Clock::time_point now = Clock::now();
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
  this->State->Series = RunSeries();
  this->Modified();
}

bool vtkTensorSnapshotReader::Report(const std::string &error)
{
  if (!this->CheckAbort()) // who stopped it knows
    vtkErrorMacro(<< error);
  return false;
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

int vtkTensorSnapshotReader::RequestInformation(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  Internals &state = *this->State;
  const std::string stamps = state.Stamp();
  if (state.Stamps != stamps) {
    state.Stamps = stamps;
    state.Looked = Clock::now();
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
    state.Series = std::move(series);
    for (const RunSeries::Tensor &tensor : state.Series.Tensors)
      this->TensorSelection->AddArray(tensor.Name.c_str());
  }

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
      for (size_t size :
        {tensor.Layout.filters, tensor.Layout.channels, tensor.Layout.rows, tensor.Layout.columns})
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

void vtkTensorSnapshotReader::ReadTensors(vtkInformation *info)
{
  Internals &state = *this->State;
  auto *output = vtkPartitionedDataSetCollection::GetData(info);
  if (!output || !state.Good)
    return;

  // The last step at or before the time that was asked for.
  double time = state.Times.empty() ? 0.0 : state.Times.front();
  if (info->Has(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP())) {
    const double wanted = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP());
    const auto after = std::upper_bound(state.Times.begin(), state.Times.end(), wanted);
    if (after != state.Times.begin())
      time = *(after - 1);
  }
  output->GetInformation()->Set(vtkDataObject::DATA_TIME_STEP(), time);

  const int piece = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER());
  const int pieces =
    std::max(1, info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()));
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  const int threads = tv_threads(controller ? controller->GetNumberOfProcesses() : 1);

  std::map<std::string, Internals::Kept> records;
  std::map<std::string, Internals::Running> sums;
  const size_t count = state.Series.Tensors.size();
  size_t matrices = 0;
  std::vector<bool> opened(state.Series.Files.size(), false);
  const auto open = [&](size_t file) {
    if (!opened[file])
      opened[file] = state.Series.Files[file].Reopen();
    return bool(opened[file]);
  };
  std::string error;

  for (size_t k = 0; k < count && !this->CheckAbort(); ++k) {
    const RunSeries::Tensor &tensor = state.Series.Tensors[k];
    if (!this->TensorSelection->ArrayIsEnabled(tensor.Name.c_str()))
      continue;
    const auto progress = [this, k, count](double done) {
      this->UpdateProgress((static_cast<double>(k) + done) / static_cast<double>(count));
      return !this->CheckAbort();
    };
    progress(0.0);

    vtkTensorRecord record;
    record.Layer = tensor.Layer;
    record.Kind = tensor.Kind;
    record.Filters = static_cast<vtkIdType>(tensor.Layout.filters);
    record.Channels = static_cast<vtkIdType>(tensor.Layout.channels);
    record.Rows = static_cast<vtkIdType>(tensor.Layout.rows);
    record.Columns = static_cast<vtkIdType>(tensor.Layout.columns);

    // This rank's share: a contiguous range of filters. A matrix is one window and stays whole, on
    // one rank after the other.
    const bool matrix = tensor.Layout.matrix != 0;
    const auto rank = static_cast<size_t>(piece), ranks = static_cast<size_t>(pieces);
    const size_t ranges = matrix ? 1 : tensor.Layout.filters;
    const size_t first = matrix ? 0 : ranges * rank / ranks;
    const size_t behind = !matrix                      ? ranges * (rank + 1) / ranks
                          : matrices++ % ranks == rank ? 1
                                                       : 0;
    const size_t begin = first;
    const size_t filters = (behind - first) * (matrix ? tensor.Layout.rows : 1);
    const size_t elements = (behind - first) * (tensor.Layout.elements / ranges);
    record.FirstWindow = static_cast<vtkIdType>(first * tensor.Layout.channels);
    record.Windows = static_cast<vtkIdType>((behind - first) * tensor.Layout.channels);

    const int64_t found = tensor.Find(time);
    vtkSmartPointer<vtkDataArray> values;
    if (found >= 0) {
      const RunSeries::Segment &segment = tensor.Locate(static_cast<size_t>(found));
      RunFile &file = state.Series.Files[segment.File];
      const RunFile::Tensor &stream = file.Tensors()[segment.Stream];
      const size_t index = static_cast<size_t>(found) - segment.Begin;
      const std::string range = "\n" + std::to_string(begin) + "+" + std::to_string(filters);
      record.Step = tensor.Steps[static_cast<size_t>(found)];
      if (!stream.Samples.empty())
        record.Samples = stream.Samples[index];
      if (filters == 0)
        values = NewValues(tensor.Type, 0); // nothing on this rank
      else if (this->Accumulate && tensor.Kind == "activations") {
        Internals::Running running = std::move(state.Sums[tensor.Name]);
        const std::string source = state.Series.Files[0].Identity() + range;
        if (running.Source != source || running.Record > found)
          running = Internals::Running();
        running.Source = source;
        running.Sum.resize(elements, 0.0);
        values = NewValues(tensor.Type, elements);
        while (running.Record < found && error.empty()) {
          const RunSeries::Segment &part = tensor.Locate(static_cast<size_t>(running.Record + 1));
          RunFile &partFile = state.Series.Files[part.File];
          const RunFile::Tensor &partStream = partFile.Tensors()[part.Stream];
          const size_t at = static_cast<size_t>(running.Record + 1) - part.Begin;
          if (!open(part.File) ||
              !partFile.ReadRecord(
                partStream, at, begin, filters, values->GetVoidPointer(0), threads, nullptr) ||
              !progress(static_cast<double>(running.Record + 1) / static_cast<double>(found + 1))) {
            error = partFile.Error().empty() ? "reading was stopped" : partFile.Error();
            break;
          }
          if (tensor.Type == TV_FLOAT64)
            Add(running.Sum, static_cast<const double *>(values->GetVoidPointer(0)));
          else
            Add(running.Sum, static_cast<const float *>(values->GetVoidPointer(0)));
          if (!partStream.Samples.empty())
            running.Samples += partStream.Samples[at];
          ++running.Record;
        }
        record.Samples = running.Samples;
        if (tensor.Type == TV_FLOAT64)
          std::copy(running.Sum.begin(), running.Sum.end(),
            static_cast<double *>(values->GetVoidPointer(0)));
        else
          std::copy(running.Sum.begin(), running.Sum.end(),
            static_cast<float *>(values->GetVoidPointer(0)));
        sums[tensor.Name] = std::move(running);
      } else {
        const std::string source = file.Identity() + "\n" + std::to_string(index) + range;
        Internals::Kept kept = state.Records[tensor.Name];
        if (kept.Source != source) {
          kept.Source = source;
          kept.Values = NewValues(tensor.Type, elements);
          if (!open(segment.File) || !file.ReadRecord(stream, index, begin, filters,
                                       kept.Values->GetVoidPointer(0), threads, progress))
            error = file.Error();
        }
        values = kept.Values;
        if (error.empty())
          records[tensor.Name] = kept;
      }
    }
    if (!error.empty()) {
      record.Step = -1;
      values = nullptr;
    }
    record.Values = values;

    // The state of its filters at the time shown, which may be later than its own record.
    vtkNew<vtkIntArray> filterStates;
    const RunSeries::States *states = state.Series.FindStates(tensor.Layer);
    const int64_t at = states ? states->Find(time) : -1;
    if (at >= 0 && error.empty()) {
      const RunSeries::Segment &segment = states->Locate(static_cast<size_t>(at));
      RunFile &file = state.Series.Files[segment.File];
      std::vector<int> codes;
      if (!open(segment.File) || !file.ReadStates(file.States()[segment.Stream],
                                   static_cast<size_t>(at) - segment.Begin, codes))
        error = file.Error();
      else if (codes.size() ==
               (tensor.Layout.matrix ? tensor.Layout.rows : tensor.Layout.filters)) {
        filterStates->SetNumberOfValues(static_cast<vtkIdType>(codes.size()));
        std::copy(codes.begin(), codes.end(), filterStates->GetPointer(0));
        record.State = filterStates;
      }
    }
    vtkTensorCollection::Append(output, record);
    if (!error.empty())
      break;
  }
  for (size_t file = 0; file < opened.size(); ++file)
    state.Series.Files[file].Close();
  state.Records.swap(records);
  state.Sums.swap(sums);
  if (!error.empty())
    this->Report(error);
}

void vtkTensorSnapshotReader::ReadHistory(vtkInformation *info)
{
  Internals &state = *this->State;
  auto *output = vtkTable::GetData(info);
  if (!output || !state.Good)
    return;
  const bool mine = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()) == 0;

  const RunSeries::Tensor *tensor = nullptr;
  std::vector<size_t> elements;
  if (!this->HistoryTensor.empty())
    tensor = state.Series.FindTensor(this->HistoryTensor);
  else
    for (const RunSeries::Tensor &candidate : state.Series.Tensors)
      if (!tensor || (candidate.Kind == "weights" && tensor->Kind != "weights"))
        tensor = &candidate;
  if (!tensor && !this->HistoryTensor.empty())
    this->Report(state.Names[0] + ": there is no tensor \"" + this->HistoryTensor +
                 "\" whose history could be shown");
  if (tensor && !ParseElements(this->HistoryElements, tensor->Layout.elements, elements)) {
    this->Report(state.Names[0] + ": \"" + this->HistoryElements + "\" is no list of elements of " +
                 tensor->Name + ", such as 0-2,100: it has elements 0 to " +
                 std::to_string(tensor->Layout.elements - 1) + ", and at most " +
                 std::to_string(MostElements) + " can be chosen");
    elements.clear();
  }

  std::vector<int64_t> steps;
  const std::vector<int64_t> none, &recorded = tensor ? tensor->Steps : none;
  const std::vector<int64_t> &scalarSteps = state.Series.Scalars.Steps;
  std::set_union(scalarSteps.begin(), scalarSteps.end(), recorded.begin(), recorded.end(),
    std::back_inserter(steps));
  const vtkIdType rows = mine ? static_cast<vtkIdType>(steps.size()) : 0;

  vtkNew<vtkIdTypeArray> stepColumn;
  stepColumn->SetName("Step");
  stepColumn->SetNumberOfValues(rows);
  std::copy(steps.begin(), steps.begin() + rows, stepColumn->GetPointer(0));
  output->AddColumn(stepColumn);
  std::vector<double *> columns; // the table keeps the arrays
  const auto add = [&](const std::string &name) {
    vtkNew<vtkDoubleArray> column;
    column->SetName(name.c_str());
    column->SetNumberOfValues(rows);
    std::fill_n(column->GetPointer(0), rows, std::nan(""));
    columns.push_back(column->GetPointer(0));
    output->AddColumn(column);
  };
  for (const std::string &name : state.Series.ScalarNames)
    add(name);
  for (size_t element : elements)
    add(tensor->Name + "[" + std::to_string(element) + "]");
  if (!mine)
    return;

  std::string error;
  const size_t names = state.Series.ScalarNames.size();
  size_t row = 0;
  for (const RunSeries::Segment &segment : state.Series.Scalars.Segments) {
    RunFile &file = state.Series.Files[segment.File];
    std::vector<double> values;
    if (segment.Count == 0 || !error.empty())
      continue;
    if (!file.Reopen() || !file.ReadScalars(values)) {
      error = file.Error();
      continue;
    }
    file.Close();
    const size_t width = file.ScalarNames().size();
    std::vector<double *> targets(width);
    for (size_t k = 0; k < width; ++k)
      targets[k] =
        columns[static_cast<size_t>(std::find(state.Series.ScalarNames.begin(),
                                      state.Series.ScalarNames.end(), file.ScalarNames()[k]) -
                                    state.Series.ScalarNames.begin())];
    for (size_t k = 0; k < segment.Count; ++k) {
      while (steps[row] < scalarSteps[segment.Begin + k])
        ++row;
      for (size_t column = 0; column < width; ++column)
        targets[column][row] = values[k * width + column];
    }
  }

  std::map<std::string, std::vector<double>> histories;
  row = 0;
  for (const RunSeries::Segment &segment :
    tensor ? tensor->Segments : std::vector<RunSeries::Segment>()) {
    if (segment.Count == 0 || elements.empty() || !error.empty())
      continue;
    RunFile &file = state.Series.Files[segment.File];
    const RunFile::Tensor &stream = file.Tensors()[segment.Stream];
    const std::string key = file.Identity() + "\n" + tensor->Name + "\n" + this->HistoryElements;
    std::vector<double> values = std::move(state.Histories[key]);
    const size_t known = values.size() / elements.size();
    if (known < segment.Count) {
      values.resize(stream.Complete * elements.size(), std::nan(""));
      if (!file.Reopen() || !file.ReadElements(stream, elements, known,
                              values.data() + known * elements.size(), [this](double done) {
                                this->UpdateProgress(done);
                                return !this->CheckAbort();
                              })) {
        error = file.Error(); // what could be read is shown
      }
      file.Close();
    }
    for (size_t k = 0; k < segment.Count; ++k) {
      while (steps[row] < recorded[segment.Begin + k])
        ++row;
      for (size_t column = 0; column < elements.size(); ++column)
        columns[names + column][row] = values[k * elements.size() + column];
    }
    if (error.empty())
      histories[key] = std::move(values);
  }
  state.Histories.swap(histories);
  for (RunFile &file : state.Series.Files)
    file.Close();
  if (!error.empty())
    this->Report(error);
}
