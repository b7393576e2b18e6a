// SPDX-License-Identifier: BSD-3-Clause
// vtkTensorSourceReader: the first output.
#include "vtkTensorSourceReaderInternals.h"

#include "vtkTensorDemand.h"

#include "execution.h"

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
class Demand : public vtkTensorDemand
{
public:
  vtkTypeMacro(Demand, vtkTensorDemand);
  static Demand *New();

  vtkWeakPointer<vtkTensorSourceReader> Reader;
  double Time = 0;
  size_t Rank = 0, Ranks = 1;

  std::vector<std::string> Names() override
  {
    return this->Reader ? this->Reader->GetTensorNames() : std::vector<std::string>();
  }

  vtkSmartPointer<vtkImageData> Find(
    const std::string &name, const char *preferred, std::string &error) override
  {
    if (this->Reader)
      return this->Reader->FindTensor(name, preferred, this->Time, this->Rank, this->Ranks, error);
    error = "the reader of the input is gone";
    return nullptr;
  }
};
vtkStandardNewMacro(Demand);

/// Which is the last of times at or before the one that was asked for; the first where there is none.
size_t IndexOf(vtkInformation *info, const std::vector<double> &times)
{
  if (!info->Has(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP()))
    return 0;
  const double wanted = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP());
  const auto after = std::upper_bound(times.begin(), times.end(), wanted);
  return after == times.begin() ? 0 : static_cast<size_t>(after - times.begin()) - 1;
}
} // namespace

vtkSmartPointer<vtkTensorDemand> vtkTensorSourceReader::MakeDemand(const Request &request)
{
  vtkNew<Demand> demand;
  demand->Reader = this;
  demand->Time = request.Time;
  demand->Rank = request.Rank;
  demand->Ranks = request.Ranks;
  return demand;
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

/// Whether all that is enabled is more than can be read by the way.
bool vtkTensorSourceReader::IsLarge()
{
  constexpr size_t Most = (64U << 20U) / sizeof(float);
  size_t values = 0;
  for (const TensorSource::Tensor &tensor : this->State->Source.Tensors())
    if (this->IsEnabled(tensor.Name))
      values += tensor.Elements;
  return values > Most;
}

void vtkTensorSourceReader::ReadTensors(vtkInformation *info)
{
  using Pipeline = vtkStreamingDemandDrivenPipeline;
  Internals &state = *this->State;
  auto *output = vtkPartitionedDataSetCollection::GetData(info);
  if (!output || !state.Source)
    return;
  Request request;
  const size_t index = IndexOf(info, state.Times);
  const bool any = index < state.Times.size();
  request.Time = any ? state.Steps[index] : 0.0;
  output->GetInformation()->Set(vtkDataObject::DATA_TIME_STEP(), any ? state.Times[index] : 0.0);
  if (this->Live() && any)
    request.Time = state.Steps.back(); // it has moved on meanwhile: its last step is all there is
  request.Rank = static_cast<size_t>(std::max(0, info->Get(Pipeline::UPDATE_PIECE_NUMBER())));
  request.Ranks = static_cast<size_t>(std::max(1, info->Get(Pipeline::UPDATE_NUMBER_OF_PIECES())));
  request.Execution = {Threads(), Request::Call, &request};

  // A ring has moved on when somebody comes back for more.
  state.Records.Turn();
  state.Sums.Turn();
  const bool asked = vtkTensorDemand::Asked(info);
  state.Described = !asked && this->DescribeFirst && !this->Live() && this->IsLarge();
  this->DescribeFirst = false;
  if ((asked || state.Described) && !this->Live()) {
    vtkTensorDemand::Put(output, this->MakeDemand(request));
    return;
  }
  const std::vector<TensorSource::Tensor> &tensors = state.Source.Tensors();
  std::vector<vtkTensorRecord> records;
  std::vector<vtkSmartPointer<vtkDataArray>> held; // until the collection has them
  for (size_t k = 0; k < tensors.size() && !this->CheckAbort(); ++k) {
    if (!this->IsEnabled(tensors[k].Name))
      continue;
    request.Progress = [this, k, &tensors](double done) {
      this->UpdateProgress((static_cast<double>(k) + done) / static_cast<double>(tensors.size()));
      return !this->CheckAbort();
    };
    records.push_back(this->ReadRecord(k, request, held));
  }
  vtkTensorCollection::Append(output, records);
  this->ReportOnce(0, request.Error);
}

std::vector<std::string> vtkTensorSourceReader::GetTensorNames()
{
  std::vector<std::string> names;
  for (const TensorSource::Tensor &tensor : this->State->Source.Tensors())
    if (this->IsEnabled(tensor.Name))
      names.push_back(tensor.Name);
  return names;
}

vtkSmartPointer<vtkImageData> vtkTensorSourceReader::FindTensor(const std::string &name,
  const char *preferred, double time, size_t rank, size_t ranks, std::string &error)
{
  const TensorSource &source = this->State->Source;
  std::string chosen = name;
  if (name.empty() || source.Find(name) < 0 || !this->IsEnabled(name)) {
    const std::vector<std::string> names = this->GetTensorNames();
    const ptrdiff_t number = vtkTensorCollection::Choose(names, name, preferred, error);
    if (number < 0)
      return nullptr;
    chosen = names[static_cast<size_t>(number)];
  }
  Request request;
  request.Time = time;
  request.Rank = rank;
  request.Ranks = ranks;
  request.Progress = [this](double done) {
    this->UpdateProgress(done);
    return !this->CheckAbort();
  };
  request.Execution = {Threads(), Request::Call, &request};
  std::vector<vtkSmartPointer<vtkDataArray>> held; // until the leaf has them
  const vtkTensorRecord record =
    this->ReadRecord(static_cast<size_t>(source.Find(chosen)), request, held);
  this->ReportOnce(0, request.Error);
  tv_source_rest(source.Get());
  return vtkTensorCollection::MakeLeaf(record);
}
