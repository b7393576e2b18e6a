// SPDX-License-Identifier: BSD-3-Clause
#include "SimilarityResult.h"

#include "vtkCellData.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkIdTypeArray.h"
#include "vtkImageData.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkPartitionedDataSet.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkStringArray.h"
#include "vtkTable.h"
#include "vtkTensorDemand.h"

#include "Views/FilterState.h"
#include "correlate.h"
#include "group.h"
#include "merge_plan.h"
#include "moments.h"

#include <algorithm>
#include <cmath>

namespace {
constexpr size_t MOST_WITH_INDICES = 1024; ///< filters; beyond, indices would outweigh the matrix

template <typename Array> vtkSmartPointer<Array> NewArray(const char *name, size_t count)
{
  auto array = vtkSmartPointer<Array>::New();
  array->SetName(name);
  array->SetNumberOfValues(static_cast<vtkIdType>(count));
  return array;
}

template <typename Array, typename Number>
void AddColumn(vtkTable *table, const char *name, const std::vector<Number> &numbers)
{
  auto column = NewArray<Array>(name, numbers.size());
  std::copy(numbers.begin(), numbers.end(), column->GetPointer(0));
  table->AddColumn(column);
}
} // namespace

void SimilarityResult::Allocate()
{
  this->Groups.assign(this->Filters, TV_NO_GROUP);
  this->Representatives.assign(this->Filters, -1);
  this->States.assign(this->Filters, TV_FILTER_ALIVE);
  for (auto *numbers : {&this->Scale, &this->Offset, &this->Variance, &this->Residual, &this->Cost})
    numbers->assign(this->Filters, NAN);
  this->Similarity = NewArray<vtkFloatArray>("Correlation", this->Filters * this->Filters);
  this->Similarity->FillValue(NAN);
}

void SimilarityResult::SetDead(const std::vector<unsigned char> &constant)
{
  for (size_t i = 0; i < this->Filters; ++i)
    if (constant[i] && this->States[i] == TV_FILTER_ALIVE)
      this->States[i] = TV_FILTER_DEAD;
}

int SimilarityResult::SetVariances(
  const std::vector<double> &moments, const double *centre, bool pearson)
{
  tv_moments_statistics(nullptr, this->Variance.data(), moments.data(), this->Filters);
  if (pearson)
    return TV_OK;
  this->Pearson.resize(this->Filters * this->Filters);
  return tv_correlate_moments(
    this->Pearson.data(), moments.data(), this->Filters, TV_PEARSON, centre);
}

void SimilarityResult::PassTensors(vtkPartitionedDataSetCollection *output,
  vtkPartitionedDataSetCollection *input, const std::string &layer) const
{
  output->ShallowCopy(input);
  auto group = NewArray<vtkIntArray>("Group", this->Groups.size());
  std::copy(this->Groups.begin(), this->Groups.end(), group->GetPointer(0));
  if (vtkTensorDemand *demand = vtkTensorDemand::Get(input)) {
    output->Initialize();
    vtkTensorDemand::Put(output, vtkTensorDemand::WithGroups(demand, layer, group));
    return;
  }
  for (unsigned int i = 0; i < input->GetNumberOfPartitionedDataSets(); ++i) {
    vtkPartitionedDataSet *from = input->GetPartitionedDataSet(i);
    vtkNew<vtkPartitionedDataSet> to;
    bool changed = false;
    for (unsigned int j = 0; from && j < from->GetNumberOfPartitions(); ++j) {
      vtkDataSet *tensor = from->GetPartition(j);
      auto *name =
        tensor ? vtkStringArray::SafeDownCast(tensor->GetFieldData()->GetAbstractArray("Layer"))
               : nullptr;
      to->SetPartition(j, tensor);
      if (!name || name->GetNumberOfValues() < 1 || name->GetValue(0) != layer)
        continue;
      auto shell = vtkSmartPointer<vtkDataSet>::Take(tensor->NewInstance());
      shell->ShallowCopy(tensor);
      vtkNew<vtkFieldData> fields;
      fields->ShallowCopy(tensor->GetFieldData());
      fields->AddArray(group);
      shell->SetFieldData(fields);
      to->SetPartition(j, shell);
      changed = true;
    }
    if (changed)
      output->SetPartitionedDataSet(i, to);
  }
}

void SimilarityResult::FillTable(vtkTable *table, const std::string &layer) const
{
  std::vector<vtkIdType> indices(this->Filters);
  std::vector<double> correlation(this->Filters, NAN);
  for (size_t i = 0; i < this->Filters; ++i) {
    indices[i] = static_cast<vtkIdType>(i);
    const int32_t by = this->Representatives[i];
    if (by >= 0)
      correlation[i] = this->Similarity->GetValue(static_cast<vtkIdType>(i * this->Filters) + by);
  }
  std::vector<int32_t> into(this->Filters);
  tv_plan_merges(into.data(), this->Representatives.data(), this->States.data(), this->Filters);
  AddColumn<vtkIdTypeArray>(table, "Filter", indices);
  AddColumn<vtkIntArray>(table, "Group", this->Groups);
  AddColumn<vtkIntArray>(table, "Representative", this->Representatives);
  AddColumn<vtkDoubleArray>(table, "Correlation", correlation);
  AddColumn<vtkDoubleArray>(table, "Scale", this->Scale);
  AddColumn<vtkDoubleArray>(table, "Offset", this->Offset);
  AddColumn<vtkIntArray>(table, "State", this->States);
  AddColumn<vtkIntArray>(table, "MergeInto", into);
  AddColumn<vtkDoubleArray>(table, "Residual", this->Residual);
  AddColumn<vtkDoubleArray>(table, "Cost", this->Cost);
  auto layers = NewArray<vtkStringArray>("Layer", this->Filters);
  for (size_t i = 0; i < this->Filters; ++i)
    layers->SetValue(static_cast<vtkIdType>(i), layer);
  table->AddColumn(layers);
}

void SimilarityResult::Describe(vtkTable *described, vtkTable *table) const
{
  auto words = NewArray<vtkStringArray>("Condition", this->Filters);
  for (size_t i = 0; i < this->Filters; ++i)
    words->SetValue(static_cast<vtkIdType>(i), StateInWords(this->States[i]));
  described->AddColumn(table->GetColumnByName("Filter"));
  described->AddColumn(words);
  for (const char *column : {"Group", "Representative", "Correlation"})
    described->AddColumn(table->GetColumnByName(column));
}

void SimilarityResult::FillMatrix(vtkImageData *image)
{
  // Images count from below, matrices are read from above.
  const auto filters = static_cast<int>(this->Filters);
  float *matrix = this->Similarity->GetPointer(0);
  for (int row = 0; row < filters / 2; ++row)
    std::swap_ranges(matrix + static_cast<size_t>(row) * filters,
      matrix + static_cast<size_t>(row + 1) * filters,
      matrix + static_cast<size_t>(filters - 1 - row) * filters);
  image->SetExtent(0, filters, 0, filters, 0, 0);
  image->SetOrigin(0.0, 0.0, 0.0);
  image->SetSpacing(1.0, 1.0, 1.0);
  image->GetCellData()->SetScalars(this->Similarity);
  if (this->Filters > MOST_WITH_INDICES)
    return;
  const size_t cells = this->Filters * this->Filters;
  auto row = NewArray<vtkIntArray>("Row", cells), column = NewArray<vtkIntArray>("Column", cells);
  for (vtkIdType i = 0; i < static_cast<vtkIdType>(cells); ++i) {
    row->SetValue(i, filters - 1 - static_cast<int>(i / filters));
    column->SetValue(i, static_cast<int>(i % filters));
  }
  image->GetCellData()->AddArray(row);
  image->GetCellData()->AddArray(column);
}

void SimilarityResult::AddOrigin(vtkFieldData *fields, vtkIdType step) const
{
  AddText(fields, "Tensor", this->Source);
  auto number = NewArray<vtkIdTypeArray>("Step", 1);
  number->SetValue(0, step);
  fields->AddArray(number);
}

void SimilarityResult::AddText(vtkFieldData *fields, const char *name, const std::string &text)
{
  auto array = NewArray<vtkStringArray>(name, 1);
  array->SetValue(0, text);
  fields->AddArray(array);
}
