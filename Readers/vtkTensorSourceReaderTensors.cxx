// SPDX-License-Identifier: BSD-3-Clause
// vtkTensorSourceReader: the first output.
#include "vtkTensorSourceReaderInternals.h"

#include "execution.h"

#include "vtkDataArraySelection.h"
#include "vtkInformation.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkStreamingDemandDrivenPipeline.h"

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
vtkSmartPointer<vtkDataArray> Sum(Internals::Running &running, const TensorSource &source,
  const TensorSource::Tensor &tensor, size_t record, const TensorSource::Share &share,
  Request &request)
{
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
    const auto values = source.Read(tensor, running.Records, share, &request.Execution, false);
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
    Internals::Running running = std::move(state.Sums[tensor.Name]);
    const auto values = Sum(running, state.Source, tensor, record, share, request);
    result.Samples = running.Samples;
    request.Sums[tensor.Name] = std::move(running);
    return values;
  }
  Internals::Kept kept = state.Records[tensor.Name];
  if (!kept.Values || kept.Record != record || !(kept.Share == share)) {
    kept = {record, share, state.Source.Read(tensor, record, share, &request.Execution, false)};
    if (!kept.Values)
      request.Fail();
  }
  if (kept.Values)
    request.Records[tensor.Name] = kept;
  return kept.Values;
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
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  request.Execution = {
    tv_threads(controller ? controller->GetNumberOfProcesses() : 1), Request::Call, &request};

  std::unordered_set<std::string> enabled;
  for (int k = 0; k < this->TensorSelection->GetNumberOfArrays(); ++k)
    if (this->TensorSelection->GetArraySetting(k))
      enabled.insert(this->TensorSelection->GetArrayName(k));
  const std::vector<TensorSource::Tensor> &tensors = state.Source.Tensors();
  std::vector<vtkTensorRecord> records;
  std::vector<vtkSmartPointer<vtkDataArray>> held; // until the collection has them
  for (size_t k = 0; k < tensors.size() && !this->CheckAbort(); ++k) {
    const TensorSource::Tensor &tensor = tensors[k];
    if (!enabled.count(tensor.Name))
      continue;
    request.Progress = [this, k, &tensors](double done) {
      this->UpdateProgress((static_cast<double>(k) + done) / static_cast<double>(tensors.size()));
      return !this->CheckAbort();
    };
    vtkTensorRecord record =
      TensorSource::Describe(tensor, TensorSource::ShareOf(tensor, request.Rank, request.Ranks));
    const ptrdiff_t found = state.Source.RecordAt(tensor, request.Time);
    if (found >= 0) {
      const tv_source_tensor &listed = state.Source.Listed(tensor);
      record.Samples = listed.samples ? listed.samples[found] : 0;
      held.push_back(this->ReadValues(k, static_cast<size_t>(found), request, record));
      record.Values = held.back();
      record.Step = record.Values ? listed.steps[found] : -1; // else it is not shown
    }
    // At the time shown, which may be later than the tensor's own record.
    held.push_back(StatesOf(state.Source, tensor, request));
    record.State = vtkIntArray::SafeDownCast(held.back());
    records.push_back(record);
  }
  vtkTensorCollection::Append(output, records);
  state.Records.swap(request.Records);
  state.Sums.swap(request.Sums);
  this->ReportOnce(0, request.Error);
}
