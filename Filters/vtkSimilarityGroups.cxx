// SPDX-License-Identifier: BSD-3-Clause
#include "vtkSimilarityGroups.h"

#include "vtkDataArray.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationIntegerKey.h"
#include "vtkInformationIntegerVectorKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkSmartPointer.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"
#include "vtkTensorDemand.h"

#include "Ranks/Ranks.h"
#include "Ranks/SimilarityRanks.h"
#include "Units/NextLayer.h"
#include "Views/SimilarityResult.h"
#include "correlate.h"
#include "group.h"
#include "merge_plan.h"
#include "moments.h"
#include "status.h"
#include "tensorview/types.h"

#include <algorithm>
#include <cmath>

vtkStandardNewMacro(vtkSimilarityGroups);

namespace {
constexpr size_t SMALL_MAPS = 50; ///< pixels, as tensorview.prune has it

tv_type TypeOf(vtkDataArray *values)
{
  return values && values->GetDataType() == VTK_DOUBLE ? TV_FLOAT64 : TV_FLOAT32;
}

/// What the image covers: all filters on the first rank, nothing on others and after a failure. It
/// must agree with the image, or the pipeline believes that data is missing and executes again: for
/// ever, or, on one rank of several, waiting for the others for ever.
void SetExtent(vtkInformationVector *outputVector, int filters)
{
  const bool here = filters > 0 && Ranks::IsFirst();
  const int end = here ? filters : -1, depth = here ? 0 : -1;
  const int extent[6] = {0, end, 0, end, 0, depth};
  outputVector->GetInformationObject(2)->Set(
    vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT(), extent, 6);
}
} // namespace

vtkSimilarityGroups::vtkSimilarityGroups() : vtkTensorFilter("activations")
{
  this->SetNumberOfOutputPorts(4);
}

void vtkSimilarityGroups::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Metric: " << (this->Metric == PEARSON ? "Pearson" : "Cosine") << "\n";
  os << indent << "Threshold: " << this->Threshold << "\n";
  os << indent << "Linkage: " << (this->Linkage == COMPLETE ? "Complete" : "Single") << "\n";
  os << indent << "Statistics: " << (this->Statistics == MOMENTS ? "Moments" : "SummedMaps")
     << "\n";
}

int vtkSimilarityGroups::FillOutputPortInformation(int port, vtkInformation *info)
{
  const char *types[] = {"vtkPartitionedDataSetCollection", "vtkTable", "vtkImageData", "vtkTable"};
  info->Set(vtkDataObject::DATA_TYPE_NAME(), types[port]);
  return 1;
}

int vtkSimilarityGroups::RequestInformation(
  vtkInformation *request, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  if (!this->Superclass::RequestInformation(request, inputVector, outputVector))
    return 0;
  // An image must say how large it will be; RequestData() corrects it where this is not known yet.
  int filters = 1;
  vtkInformation *in = inputVector[0]->GetInformationObject(0);
  vtkInformationStringVectorKey *names = vtkTensorCollection::TENSORS();
  vtkInformationIntegerVectorKey *shapes = vtkTensorCollection::SHAPES();
  const char *chosen = this->ChosenTensor();
  for (int i = 0; chosen && i < in->Length(names) && 4 * i + 3 < in->Length(shapes); ++i)
    if (std::string(in->Get(names, i)) == chosen)
      filters = std::max(1, in->Get(shapes)[4 * i]);
  SetExtent(outputVector, filters);
  vtkInformation *tensors = outputVector->GetInformationObject(0);
  if (!vtkTensorDemand::Asked(tensors)) // or the pipeline would not look whether there is more
    tensors->Set(vtkTensorDemand::ON_DEMAND(), 0);
  for (int port = 0; port < 4; ++port)
    outputVector->GetInformationObject(port)->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  return 1;
}

bool vtkSimilarityGroups::FromMaps(const vtkTensorRecord &record, SimilarityResult &result)
{
  if (Ranks::Controller())
    return this->FromMapsOfRanks(record, result);
  const vtkIdType all = result.Matrix ? 1 : record.Filters * record.Channels;
  const bool cut = record.RowsHere != record.Rows;
  if (record.Windows != all || cut) {
    this->ReportError(record.Name() + " has only " +
                      std::to_string(cut ? record.RowsHere : record.Windows) + " of its " +
                      std::to_string(cut ? record.Rows : all) + (cut ? " rows" : " windows") +
                      " here: it was written by several ranks, and cannot be compared in part");
    return false;
  }
  tv_execution execution = Execution();
  execution.context = this;
  execution.progress = [](void *context, double done) {
    auto *filter = static_cast<vtkSimilarityGroups *>(context);
    filter->UpdateProgress(0.9 * done);
    return filter->CheckAbort() ? 1 : 0;
  };
  const tv_rows rows = {
    record.Values->GetVoidPointer(0), TypeOf(record.Values), result.Filters, result.Pixels};
  int status = tv_correlate(
    result.Similarity->GetPointer(0), &rows, static_cast<tv_metric>(this->Metric), &execution);
  if (status == TV_ERROR_CANCELLED)
    return false;
  if (!status) {
    std::vector<unsigned char> constant(result.Filters);
    tv_constant_rows(constant.data(), &rows);
    result.SetDead(constant);
    if (!this->Group(record, result))
      return false;
    status = tv_regress(
      result.Scale.data(), result.Offset.data(), &rows, result.Representatives.data(), &execution);
    tv_row_variances(result.Variance.data(), &rows);
    if (!status && this->Metric != PEARSON) {
      result.Pearson.resize(result.Filters * result.Filters);
      execution.progress = nullptr;
      status = tv_correlate(result.Pearson.data(), &rows, TV_PEARSON, &execution);
    }
  }
  if (status)
    this->ReportError(record.Name() + ": " + tv_last_error());
  return !status;
}

bool vtkSimilarityGroups::FromMapsOfRanks(const vtkTensorRecord &record, SimilarityResult &result)
{
  vtkMultiProcessController *controller = Ranks::Controller();
  const size_t filters = result.Filters;
  RankRows rows;
  rows.Type = Ranks::Largest(controller, TypeOf(record.Values)) ? TV_FLOAT64 : TV_FLOAT32;
  const vtkIdType windows = result.Matrix ? 1 : record.Channels;
  if (record.Values && record.Windows > 0) {
    rows.Values = record.Values->GetVoidPointer(0);
    rows.First = result.Matrix ? record.FirstRow : record.FirstWindow / windows;
    rows.Filters = result.Matrix ? record.RowsHere : record.Windows / windows;
  }
  std::vector<unsigned char> constant(filters);
  std::vector<double> moments, centre;
  int status = SimilarityRanks::Moments(
    controller, moments, centre, constant, rows, filters, result.Pixels, Execution());
  if (!status)
    status = tv_correlate_moments(result.Similarity->GetPointer(0), moments.data(), filters,
      static_cast<tv_metric>(this->Metric), centre.data());
  if (!status) {
    for (size_t i = 0; i < filters; ++i)
      if (constant[i])
        tv_exclude(result.Similarity->GetPointer(0), filters, i);
    result.SetDead(constant);
    if (!this->Group(record, result))
      return false;
    status = tv_regress_moments(result.Scale.data(), result.Offset.data(), moments.data(), filters,
      result.Representatives.data(), centre.data());
    if (!status)
      status = result.SetVariances(moments, centre.data(), this->Metric == PEARSON);
  }
  if (status)
    this->ReportError(record.Name() + ": " + tv_last_error());
  return !status;
}

bool vtkSimilarityGroups::FromMoments(const vtkTensorRecord &record, SimilarityResult &result)
{
  vtkMultiProcessController *controller = Ranks::Controller();
  const size_t filters = result.Filters, size = tv_moments_size(filters);
  std::vector<double> moments(size, 0.0);
  const bool fits = !record.Values || (record.Windows == 1 && record.Rows == record.Columns &&
                                        static_cast<size_t>(record.Rows) == filters + 1);
  if (Ranks::Largest(controller, fits ? 0 : 1)) {
    this->ReportError(record.Name() + " are not the second moments of " + std::to_string(filters) +
                      " filters: that would be a matrix of " + std::to_string(filters + 1) +
                      " rows and columns");
    return false;
  }
  const auto first = static_cast<size_t>(record.FirstRow * record.Columns);
  const auto here = static_cast<size_t>(record.Values ? record.RowsHere * record.Columns : 0);
  for (size_t i = 0; i < here; ++i)
    moments[first + i] = TypeOf(record.Values) == TV_FLOAT64
                           ? static_cast<const double *>(record.Values->GetVoidPointer(0))[i]
                           : static_cast<const float *>(record.Values->GetVoidPointer(0))[i];
  Ranks::Sum(controller, moments);
  std::vector<double> variance(filters);
  tv_moments_statistics(nullptr, variance.data(), moments.data(), filters);
  std::vector<unsigned char> constant(filters);
  for (size_t i = 0; i < filters; ++i)
    constant[i] = variance[i] == 0.0;
  result.SetDead(constant);
  int status = tv_correlate_moments(result.Similarity->GetPointer(0), moments.data(), filters,
    static_cast<tv_metric>(this->Metric), nullptr);
  if (!status && !this->Group(record, result))
    return false;
  if (!status)
    status = tv_regress_moments(result.Scale.data(), result.Offset.data(), moments.data(), filters,
      result.Representatives.data(), nullptr);
  if (!status)
    status = result.SetVariances(moments, nullptr, this->Metric == PEARSON);
  if (status)
    this->ReportError(record.Name() + ": " + tv_last_error());
  return !status;
}

bool vtkSimilarityGroups::Group(const vtkTensorRecord &record, SimilarityResult &result)
{
  float *matrix = result.Similarity->GetPointer(0);
  for (size_t i = 0; i < result.Filters; ++i)
    if (result.States[i] != TV_FILTER_ALIVE)
      tv_exclude(matrix, result.Filters, i);
  if (tv_group(result.Groups.data(), matrix, result.Filters, this->Threshold,
        static_cast<tv_linkage>(this->Linkage))) {
    this->ReportError(record.Name() + ": " + tv_last_error());
    return false;
  }
  tv_representatives(result.Representatives.data(), result.Groups.data(), matrix, result.Filters);
  tv_keep_group_names(result.Groups.data(), result.States.data(), result.Filters);
  return true;
}

bool vtkSimilarityGroups::Compute(
  vtkDataObject *input, const vtkTensorRecord &record, SimilarityResult &result)
{
  vtkMultiProcessController *controller = Ranks::Controller();
  const auto rows = Ranks::Largest(controller, record.Values ? record.Rows : 0);
  const auto columns = Ranks::Largest(controller, record.Values ? record.Columns : 0);
  // A fully connected layer's weights, or a matrix of one's own: one window, a row for each filter.
  result.Matrix = record.Kind != "activations" && record.Filters == 1 && record.Channels == 1;
  result.Filters = static_cast<size_t>(result.Matrix && rows > 0 ? rows : record.Filters);
  result.Pixels = static_cast<size_t>(result.Matrix ? columns : record.Channels * rows * columns);
  result.Source = record.Name();

  const auto count = static_cast<vtkIdType>(result.Filters);
  result.Allocate();
  if (record.State && record.State->GetNumberOfValues() == count)
    std::copy_n(record.State->GetPointer(0), count, result.States.begin());
  if (rows < 1)
    return true; // nothing recorded yet

  vtkTensorRecord moments;
  std::string error;
  const std::string name = record.Layer + "/moments";
  const bool wanted = this->Statistics == MOMENTS || result.Pixels < 2;
  const bool found = wanted && vtkTensorCollection::Find(input, name, "moments", moments, error) &&
                     Ranks::Largest(controller, moments.Values ? 1 : 0);
  if (this->Statistics == MOMENTS || found) {
    if (!found) {
      this->ReportError("there are no second moments of layer \"" + record.Layer + "\" (" + name +
                        ") at this step: choose Statistics = SummedMaps, or have the trainer "
                        "record them");
      return false;
    }
    result.Source = name;
    return this->FromMoments(moments, result);
  }
  if (result.Pixels < 2) {
    this->ReportError(record.Name() +
                      " has one value for each filter, and correlation needs at "
                      "least 2 pixels: record second moments of the layer (" +
                      name + ") to compare its filters over samples");
    return false;
  }
  return this->FromMaps(record, result);
}

bool vtkSimilarityGroups::Plan(
  vtkDataObject *input, const vtkTensorRecord &record, SimilarityResult &result)
{
  const float *pearson =
    result.Pearson.empty() ? result.Similarity->GetPointer(0) : result.Pearson.data();
  NextLayer next;
  const bool known = !Ranks::Controller() && next.Find(input, record.Layer, result.Filters);
  const tv_execution execution = Execution();
  if (tv_plan_costs(result.Residual.data(), result.Cost.data(), pearson, result.Variance.data(),
        result.Representatives.data(), result.Filters, known ? &next.Reads() : nullptr,
        &execution)) {
    this->ReportError(record.Name() + ": " + tv_last_error());
    return false;
  }
  result.Next = known ? next.Name() : "";
  const bool summed = result.Source == record.Name() && record.Kind == "activations";
  if (summed && record.Samples != 1 && result.Pixels > 1 && result.Pixels < SMALL_MAPS)
    this->Note = record.Layer + " has maps of " + std::to_string(result.Pixels) + " pixels, " +
                 (record.Samples > 0 ? "summed over " + std::to_string(record.Samples) + " samples"
                                     : "summed over a batch") +
                 ": filters can look alike that are not in single samples. Have second moments "
                 "recorded, or let samples decide (tensorview.prune)";
  return true;
}

int vtkSimilarityGroups::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  auto *input = vtkPartitionedDataSetCollection::GetData(inputVector[0]);
  auto *tensors = vtkPartitionedDataSetCollection::GetData(outputVector, 0);
  vtkTensorRecord record;
  SimilarityResult result;
  SetExtent(outputVector, 0);
  if (input)
    tensors->ShallowCopy(input); // what comes after this filter still works where it fails
  this->Note.clear();
  if (!this->FindTensor(inputVector, record) || !this->Compute(input, record, result) ||
      !this->Plan(input, record, result))
    return 1; // said already; returning 0 would make the pipeline say more, and try again
  result.PassTensors(tensors, input, record.Layer);
  this->UpdateProgress(0.95);

  const auto filters = static_cast<int>(result.Filters);
  SetExtent(outputVector, filters);
  if (!Ranks::IsFirst())
    return 1; // the first rank has the table and the matrix, for all

  vtkTable *table = vtkTable::GetData(outputVector, 1);
  result.FillTable(table, record.Layer);
  result.Describe(vtkTable::GetData(outputVector, 3), table);
  result.FillMatrix(vtkImageData::GetData(outputVector, 2));
  for (int port = 1; port < 3; ++port)
    result.AddOrigin(vtkDataObject::GetData(outputVector, port)->GetFieldData(), record.Step);
  SimilarityResult::AddText(table->GetFieldData(), "NextLayer", result.Next);
  if (!this->Note.empty())
    for (int port = 1; port < 4; ++port)
      SimilarityResult::AddText(
        vtkDataObject::GetData(outputVector, port)->GetFieldData(), "Note", this->Note);
  return 1;
}
