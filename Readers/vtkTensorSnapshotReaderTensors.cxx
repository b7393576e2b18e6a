// vtkTensorSnapshotReader: the first output.
#include "vtkTensorSnapshotReaderInternals.h"

#include "execution.h"
#include "vtkTensorCollection.h"

#include "vtkDataArraySelection.h"
#include "vtkDoubleArray.h"
#include "vtkFloatArray.h"
#include "vtkInformation.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkStreamingDemandDrivenPipeline.h"

#include <algorithm>

namespace {
/// One rank's part of a tensor: a contiguous range of its filters, or of the rows of a matrix.
struct Share
{
  size_t Begin;   ///< first filter (or row)
  size_t Filters; ///< how many of them
  size_t Elements;
  std::string Words; ///< to tell it from another
};

Share ShareOf(const RunSeries::Tensor &tensor, size_t rank, size_t ranks)
{
  const size_t total =
    tensor.Layout.matrix ? tensor.Layout.windows.rows : tensor.Layout.windows.filters;
  Share share;
  share.Begin = total * rank / ranks;
  share.Filters = total * (rank + 1) / ranks - share.Begin;
  share.Elements = share.Filters * (tensor.Layout.elements / total);
  share.Words = "\n" + std::to_string(share.Begin) + "+" + std::to_string(share.Filters);
  return share;
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

template <typename T> void Add(std::vector<double> &sum, const void *values)
{
  for (size_t k = 0; k < sum.size(); ++k)
    sum[k] += static_cast<const T *>(values)[k];
}

template <typename T> void Copy(const std::vector<double> &sum, void *values)
{
  for (size_t k = 0; k < sum.size(); ++k)
    static_cast<T *>(values)[k] = static_cast<T>(sum[k]);
}

/// Adds the records of a tensor that a running sum does not have yet. Null where one cannot be
/// read.
vtkSmartPointer<vtkDataArray> Sum(vtkTensorSnapshotReader::Internals::Running &running,
  vtkTensorSnapshotSession &session, const RunSeries::Tensor &tensor, int64_t record,
  const Share &share, int threads, const RunFile::Progress &progress)
{
  const std::string source = session.Series.Files[0].Identity() + share.Words;
  if (running.Source != source || running.Record > record)
    running = vtkTensorSnapshotReader::Internals::Running();
  running.Source = source;
  running.Sum.resize(share.Elements, 0.0);
  vtkSmartPointer<vtkDataArray> values = NewValues(tensor.Type, share.Elements);
  void *numbers = values->GetVoidPointer(0);
  while (running.Record < record) {
    const auto next = static_cast<size_t>(running.Record + 1);
    const RunSeries::Segment &segment = tensor.Locate(next);
    if (!session.Open(segment.File))
      return nullptr;
    RunFile &file = session.Series.Files[segment.File];
    const RunFile::Tensor &stream = file.Tensors()[segment.Stream];
    const size_t at = next - segment.Begin;
    const auto part = [&](double done) {
      return progress((static_cast<double>(next) + done) / static_cast<double>(record + 1));
    };
    if (!file.ReadRecord(stream, at, share.Begin, share.Filters, numbers, threads, part)) {
      session.Fail(segment.File);
      return nullptr;
    }
    if (tensor.Type == TV_FLOAT64)
      Add<double>(running.Sum, numbers);
    else
      Add<float>(running.Sum, numbers);
    if (!stream.Samples.empty())
      running.Samples += stream.Samples[at];
    ++running.Record;
  }
  if (tensor.Type == TV_FLOAT64)
    Copy<double>(running.Sum, numbers);
  else
    Copy<float>(running.Sum, numbers);
  return values;
}

/// The states of a layer's filters at a time. Null where none were recorded, or where they are not
/// one for each filter (or row of a matrix).
vtkSmartPointer<vtkIntArray> ReadStates(
  vtkTensorSnapshotSession &session, const RunSeries::Tensor &tensor, double time)
{
  const RunSeries::States *states = session.Series.FindStates(tensor.Layer);
  const int64_t found = states ? states->Find(time) : -1;
  if (found < 0)
    return nullptr;
  const RunSeries::Segment &segment = states->Locate(static_cast<size_t>(found));
  if (!session.Open(segment.File))
    return nullptr;
  RunFile &file = session.Series.Files[segment.File];
  std::vector<int> codes;
  if (!file.ReadStates(
        file.States()[segment.Stream], static_cast<size_t>(found) - segment.Begin, codes)) {
    session.Fail(segment.File);
    return nullptr;
  }
  if (codes.size() !=
      (tensor.Layout.matrix ? tensor.Layout.windows.rows : tensor.Layout.windows.filters))
    return nullptr;
  auto result = vtkSmartPointer<vtkIntArray>::New();
  result->SetNumberOfValues(static_cast<vtkIdType>(codes.size()));
  std::copy(codes.begin(), codes.end(), result->GetPointer(0));
  return result;
}
} // namespace

void vtkTensorSnapshotReader::ReadTensors(vtkInformation *info)
{
  using Pipeline = vtkStreamingDemandDrivenPipeline;
  Internals &state = *this->State;
  auto *output = vtkPartitionedDataSetCollection::GetData(info);
  if (!output || !state.Good)
    return;

  // The last step at or before the time that was asked for; the first where there is none.
  double time = state.Times.empty() ? 0.0 : state.Times.front();
  if (info->Has(Pipeline::UPDATE_TIME_STEP())) {
    const double wanted = info->Get(Pipeline::UPDATE_TIME_STEP());
    const auto after = std::upper_bound(state.Times.begin(), state.Times.end(), wanted);
    if (after != state.Times.begin())
      time = *(after - 1);
  }
  output->GetInformation()->Set(vtkDataObject::DATA_TIME_STEP(), time);

  const auto rank = static_cast<size_t>(std::max(0, info->Get(Pipeline::UPDATE_PIECE_NUMBER())));
  const auto ranks =
    static_cast<size_t>(std::max(1, info->Get(Pipeline::UPDATE_NUMBER_OF_PIECES())));
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  const int threads = tv_threads(controller ? controller->GetNumberOfProcesses() : 1);

  std::map<std::string, Internals::Kept> records;
  std::map<std::string, Internals::Running> sums;
  vtkTensorSnapshotSession session(state.Series);
  const size_t count = state.Series.Tensors.size();
  for (size_t k = 0; k < count && !this->CheckAbort(); ++k) {
    const RunSeries::Tensor &tensor = state.Series.Tensors[k];
    if (!this->TensorSelection->ArrayIsEnabled(tensor.Name.c_str()))
      continue;
    const RunFile::Progress progress = [this, k, count](double done) {
      this->UpdateProgress((static_cast<double>(k) + done) / static_cast<double>(count));
      return !this->CheckAbort();
    };
    const Share share = ShareOf(tensor, rank, ranks);

    vtkTensorRecord record;
    record.Layer = tensor.Layer;
    record.Kind = tensor.Kind;
    record.Filters = static_cast<vtkIdType>(tensor.Layout.windows.filters);
    record.Channels = static_cast<vtkIdType>(tensor.Layout.windows.channels);
    record.Rows = static_cast<vtkIdType>(tensor.Layout.windows.rows);
    record.Columns = static_cast<vtkIdType>(tensor.Layout.windows.columns);
    if (tensor.Layout.matrix) {
      record.Windows = 1;
      record.FirstRow = static_cast<vtkIdType>(share.Begin);
      record.RowsHere = static_cast<vtkIdType>(share.Filters);
    } else {
      record.FirstWindow = static_cast<vtkIdType>(share.Begin) * record.Channels;
      record.Windows = static_cast<vtkIdType>(share.Filters) * record.Channels;
      record.RowsHere = record.Rows;
    }

    vtkSmartPointer<vtkDataArray> values;
    const int64_t found = tensor.Find(time);
    if (found >= 0) {
      const RunSeries::Segment &segment = tensor.Locate(static_cast<size_t>(found));
      RunFile &file = state.Series.Files[segment.File];
      const RunFile::Tensor &stream = file.Tensors()[segment.Stream];
      const size_t index = static_cast<size_t>(found) - segment.Begin;
      record.Step = tensor.Steps[static_cast<size_t>(found)];
      if (!stream.Samples.empty())
        record.Samples = stream.Samples[index];
      if (share.Filters == 0)
        values = NewValues(tensor.Type, 0); // nothing on this rank
      else if (this->Accumulate && tensor.Kind == "activations") {
        Internals::Running running = std::move(state.Sums[tensor.Name]);
        values = Sum(running, session, tensor, found, share, threads, progress);
        record.Samples = running.Samples;
        sums[tensor.Name] = std::move(running);
      } else {
        Internals::Kept kept = state.Records[tensor.Name];
        const std::string source = file.Identity() + "\n" + std::to_string(index) + share.Words;
        if (kept.Source != source) {
          kept = {source, NewValues(tensor.Type, share.Elements)};
          if (!session.Open(segment.File) ||
              !file.ReadRecord(stream, index, share.Begin, share.Filters,
                kept.Values->GetVoidPointer(0), threads, progress)) {
            session.Fail(segment.File);
            kept.Values = nullptr;
          }
        }
        values = kept.Values;
        if (values)
          records[tensor.Name] = kept;
      }
      if (!values)
        record.Step = -1; // what could not be read is not shown
    }
    record.Values = values;
    // At the time shown, which may be later than the tensor's own record.
    const vtkSmartPointer<vtkIntArray> states = ReadStates(session, tensor, time);
    record.State = states;
    vtkTensorCollection::Append(output, record);
  }
  state.Records.swap(records);
  state.Sums.swap(sums);
  this->ReportOnce(0, session.Error);
}
