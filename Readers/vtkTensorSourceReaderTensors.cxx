// SPDX-License-Identifier: BSD-3-Clause
// vtkTensorSourceReader: the first output.
#include "vtkTensorSourceReaderInternals.h"

#include "vtkTensorDemand.h"

#include "execution.h"

#include "vtkDataArraySelection.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkWeakPointer.h"

#include <algorithm>
#include <unordered_set>

namespace {
using Internals = vtkTensorSourceReader::Internals;
using Request = vtkTensorSourceReader::Request;

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

/// Adds the records of a tensor, up to one, that a running sum does not have yet. Null where one
/// cannot be read.
vtkSmartPointer<vtkDataArray> Sum(Internals::Running &running, Internals &state,
  const TensorSource::Tensor &tensor, size_t record, const TensorSource::Share &share,
  Request &request)
{
  const TensorSource &source = state.Source;
  if (!(running.Share == share) || running.Records > record + 1)
    running = Internals::Running();
  running.Share = share;
  running.Sum.resize(share.Elements, 0.0);
  const tv_source_tensor &listed = source.Listed(tensor);
  const auto outer = request.Progress;
  for (; running.Records <= record; ++running.Records) {
    request.Progress = [&](double done) {
      return outer((static_cast<double>(running.Records) + done) / static_cast<double>(record + 1));
    };
    const auto values = state.Read(tensor, running.Records, share, request.Execution);
    request.Progress = outer;
    if (!values) {
      request.Fail();
      return nullptr;
    }
    if (tensor.Wide)
      Add<double>(running.Sum, values->GetVoidPointer(0));
    else
      Add<float>(running.Sum, values->GetVoidPointer(0));
    if (listed.samples)
      running.Samples += listed.samples[running.Records];
  }
  vtkSmartPointer<vtkDataArray> result = TensorSource::NewValues(tensor, share.Elements);
  if (tensor.Wide)
    Copy<double>(running.Sum, result->GetVoidPointer(0));
  else
    Copy<float>(running.Sum, result->GetVoidPointer(0));
  return result;
}

/// The states of a tensor's filters; read once for all tensors of a layer.
vtkSmartPointer<vtkIntArray> StatesOf(
  const TensorSource &source, const TensorSource::Tensor &tensor, Request &request)
{
  if (tensor.States < 0)
    return nullptr;
  const auto key = static_cast<size_t>(tensor.States);
  const auto known = request.States.find(key);
  if (known != request.States.end() && (!known->second || known->second->GetNumberOfValues() ==
                                                            static_cast<vtkIdType>(tensor.Filters)))
    return known->second;
  bool failed = false;
  vtkSmartPointer<vtkIntArray> states = source.ReadStates(tensor, request.Time, failed);
  if (failed)
    request.Fail();
  if (states || failed)
    request.States[key] = states;
  return states;
}

int Threads()
{
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  return tv_threads(controller ? controller->GetNumberOfProcesses() : 1);
}

/// Comes back to a reader for the values of one tensor.
class Supplier : public vtkTensorDemand
{
public:
  vtkTypeMacro(Supplier, vtkTensorDemand);
  static Supplier *New();

  vtkWeakPointer<vtkTensorSourceReader> Reader;
  double Time = 0;
  size_t Rank = 0, Ranks = 1;

  vtkSmartPointer<vtkImageData> Supply(const vtkTensorRecord &record) override
  {
    return this->Reader ? this->Reader->Supply(record, this->Time, this->Rank, this->Ranks)
                        : nullptr;
  }
};
vtkStandardNewMacro(Supplier);

/// The last step at or before the time that was asked for; the first where there is none.
double TimeOf(vtkInformation *info, const std::vector<double> &times)
{
  double time = times.empty() ? 0.0 : times.front();
  if (info->Has(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP())) {
    const double wanted = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP());
    const auto after = std::upper_bound(times.begin(), times.end(), wanted);
    if (after != times.begin())
      time = *(after - 1);
  }
  return time;
}
} // namespace

vtkSmartPointer<vtkTensorDemand> vtkTensorSourceReader::MakeSupplier(const Request &request)
{
  vtkNew<Supplier> supplier;
  supplier->Reader = this;
  supplier->Time = request.Time;
  supplier->Rank = request.Rank;
  supplier->Ranks = request.Ranks;
  return supplier;
}

/// The values of a tensor at a record, as they were read before or anew. Null where they cannot be
/// read.
vtkSmartPointer<vtkDataArray> vtkTensorSourceReader::ReadValues(
  size_t number, size_t record, Request &request, vtkTensorRecord &result)
{
  Internals &state = *this->State;
  const TensorSource::Tensor &tensor = state.Source.Tensors()[number];
  const TensorSource::Share share = TensorSource::ShareOf(tensor, request.Rank, request.Ranks);
  if (share.Filters == 0)
    return TensorSource::NewValues(tensor, 0); // nothing on this rank
  if (this->Accumulate && tensor.Kind == "activations") {
    Internals::Running &running = state.Sums.Of(tensor.Name);
    const auto values = Sum(running, state, tensor, record, share, request);
    result.Samples = running.Samples;
    return values;
  }
  Internals::Kept &kept = state.Records.Of(tensor.Name);
  if (!kept.Values || kept.Record != record || !(kept.Share == share)) {
    kept.Values = nullptr; // two of a large one need not fit
    kept = {record, share, state.Read(tensor, record, share, request.Execution)};
    if (!kept.Values)
      request.Fail();
  }
  return kept.Values;
}

/// A tensor at a time, with its values; held keeps what the record points to.
vtkTensorRecord vtkTensorSourceReader::ReadRecord(
  size_t number, Request &request, std::vector<vtkSmartPointer<vtkDataArray>> &held)
{
  const TensorSource &source = this->State->Source;
  const TensorSource::Tensor &tensor = source.Tensors()[number];
  vtkTensorRecord record =
    TensorSource::Describe(tensor, TensorSource::ShareOf(tensor, request.Rank, request.Ranks));
  const ptrdiff_t found = source.RecordAt(tensor, request.Time);
  if (found >= 0) {
    const tv_source_tensor &listed = source.Listed(tensor);
    record.Samples = listed.samples ? listed.samples[found] : 0;
    held.push_back(this->ReadValues(number, static_cast<size_t>(found), request, record));
    record.Values = held.back();
    record.Step = record.Values ? listed.steps[found] : -1; // else it is not shown
  }
  // At the time shown, which may be later than the tensor's own record.
  held.push_back(StatesOf(source, tensor, request));
  record.State = vtkIntArray::SafeDownCast(held.back());
  return record;
}

/// The same, but for its values and what must be read beside them.
vtkTensorRecord vtkTensorSourceReader::DescribeRecord(
  size_t number, const Request &request, vtkTensorDemand *supplier)
{
  const TensorSource &source = this->State->Source;
  const TensorSource::Tensor &tensor = source.Tensors()[number];
  vtkTensorRecord record =
    TensorSource::Describe(tensor, TensorSource::ShareOf(tensor, request.Rank, request.Ranks));
  record.Supplier = supplier;
  const ptrdiff_t found = source.RecordAt(tensor, request.Time);
  if (found < 0)
    record.Windows = 0; // no cells
  else
    record.Step = source.Listed(tensor).steps[found];
  return record;
}

void vtkTensorSourceReader::ReadTensors(vtkInformation *info)
{
  using Pipeline = vtkStreamingDemandDrivenPipeline;
  Internals &state = *this->State;
  auto *output = vtkPartitionedDataSetCollection::GetData(info);
  if (!output || !state.Source)
    return;
  Request request;
  request.Time = TimeOf(info, state.Times);
  output->GetInformation()->Set(vtkDataObject::DATA_TIME_STEP(), request.Time);
  if (this->Live() && !state.Times.empty())
    request.Time = state.Times.back(); // it has moved on meanwhile: its last step is all there is
  request.Rank = static_cast<size_t>(std::max(0, info->Get(Pipeline::UPDATE_PIECE_NUMBER())));
  request.Ranks = static_cast<size_t>(std::max(1, info->Get(Pipeline::UPDATE_NUMBER_OF_PIECES())));
  request.Execution = {Threads(), Request::Call, &request};

  // A ring has moved on when somebody comes back for more.
  const bool onDemand = vtkTensorDemand::Asked(info) && !this->Live();
  const vtkSmartPointer<vtkTensorDemand> supplier =
    onDemand ? this->MakeSupplier(request) : nullptr;
  std::unordered_set<std::string> enabled;
  for (int k = 0; k < this->TensorSelection->GetNumberOfArrays(); ++k)
    if (this->TensorSelection->GetArraySetting(k))
      enabled.insert(this->TensorSelection->GetArrayName(k));
  const std::vector<TensorSource::Tensor> &tensors = state.Source.Tensors();
  std::vector<vtkTensorRecord> records;
  std::vector<vtkSmartPointer<vtkDataArray>> held; // until the collection has them
  state.Records.Turn();
  state.Sums.Turn();
  for (size_t k = 0; k < tensors.size() && !this->CheckAbort(); ++k) {
    if (!enabled.count(tensors[k].Name))
      continue;
    if (onDemand) {
      records.push_back(this->DescribeRecord(k, request, supplier));
      continue;
    }
    request.Progress = [this, k, &tensors](double done) {
      this->UpdateProgress((static_cast<double>(k) + done) / static_cast<double>(tensors.size()));
      return !this->CheckAbort();
    };
    records.push_back(this->ReadRecord(k, request, held));
  }
  vtkTensorCollection::Append(output, records);
  if (!onDemand)
    this->ReportOnce(0, request.Error);
}

vtkSmartPointer<vtkImageData> vtkTensorSourceReader::Supply(
  const vtkTensorRecord &wanted, double time, size_t rank, size_t ranks)
{
  const TensorSource &source = this->State->Source;
  const ptrdiff_t number = source.Find(wanted.Name());
  Request request;
  request.Time = time;
  request.Rank = rank;
  request.Ranks = ranks;
  request.Progress = [this](double done) {
    this->UpdateProgress(done);
    return !this->CheckAbort();
  };
  request.Execution = {Threads(), Request::Call, &request};
  vtkTensorRecord record = wanted;
  std::vector<vtkSmartPointer<vtkDataArray>> held;
  if (number >= 0)
    record = this->ReadRecord(static_cast<size_t>(number), request, held);
  else
    record.Step = -1;
  record.Supplier = nullptr;
  record.Group = wanted.Group;
  this->ReportOnce(0, request.Error);
  if (source)
    tv_source_rest(source.Get());
  return vtkTensorCollection::MakeLeaf(record);
}
