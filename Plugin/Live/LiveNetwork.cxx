// SPDX-License-Identifier: BSD-3-Clause
#include "LiveNetwork.h"

#include "layout.h"

#include "vtkTensorCollection.h"

#include <algorithm>
#include <cmath>

LiveNetwork::LiveNetwork(TensorSource &source)
    : Source(source), Reader(tv_ring_source_reader(source.Get())), Kept(source.Tensors().size())
{
  this->Steps->SetName("Step");
}

bool LiveNetwork::SetHistory(
  const std::string &name, const std::string &elements, std::string &error)
{
  const auto &tensors = this->Source.Tensors();
  const auto found =
    std::find_if(tensors.begin(), tensors.end(), [&name](const TensorSource::Tensor &tensor) {
      return name.empty() ? tensor.Kind == "weights" : tensor.Name == name;
    });
  if (found == tensors.end()) {
    error = "there is no tensor \"" + name + "\" in the run";
    return name.empty(); // a run without weights has a history of scalars
  }
  std::vector<size_t> chosen(TV_MOST_ELEMENTS);
  size_t count = 0;
  tv_layout layout;
  if (tv_parse_elements(chosen.data(), &count, elements.c_str(), found->Elements) != TV_OK ||
      tv_layout_of(&layout, &this->Source.Listed(*found).shape) != TV_OK) {
    error = found->Name + ": " + tv_last_error();
    return false;
  }
  for (size_t k = 0; k < count; ++k) {
    this->Elements.push_back({found->Index, tv_layout_source(&layout, chosen[k])});
    this->ElementColumns.emplace_back(vtkSmartPointer<vtkDoubleArray>::New());
    this->ElementColumns.back()->SetName(
      (found->Name + "[" + std::to_string(chosen[k]) + "]").c_str());
  }
  return true;
}

vtkSmartPointer<vtkPartitionedDataSetCollection> LiveNetwork::Wrap(const tv_ring_reader_step &step)
{
  tv_ring_source_show(this->Source.Get(), &step);
  const auto time = static_cast<double>(step.step);
  std::vector<vtkTensorRecord> records;
  std::vector<vtkSmartPointer<vtkDataArray>> held; // until the collection has them
  for (size_t k = 0; k < this->Source.Tensors().size(); ++k) {
    const TensorSource::Tensor &tensor = this->Source.Tensors()[k];
    const tv_source_tensor &listed = this->Source.Listed(tensor);
    const TensorSource::Share all = TensorSource::ShareOf(tensor, 0, 1);
    vtkTensorRecord record = TensorSource::Describe(tensor, all);
    if (listed.records > 0) {
      Converted &kept = this->Kept[k];
      if (!kept.Values || kept.Step != listed.steps[0]) {
        const tv_execution one = {1, nullptr, nullptr};
        const auto values = this->Source.Read(tensor, 0, all, &one, true);
        const bool borrowed =
          values && values->GetVoidPointer(0) == tv_source_map(this->Source.Get(), tensor.Index, 0);
        kept.Values = borrowed ? nullptr : values; // the ring's own moves from step to step
        kept.Step = listed.steps[0];
        held.push_back(values);
      } else
        held.push_back(kept.Values);
      record.Values = held.back();
      record.Step = record.Values ? listed.steps[0] : -1;
      record.Samples = listed.samples ? listed.samples[0] : 0;
    }
    bool failed = false;
    held.push_back(this->Source.ReadStates(tensor, time, failed));
    record.State = vtkIntArray::SafeDownCast(held.back());
    records.push_back(record);
  }
  auto tensors = vtkSmartPointer<vtkPartitionedDataSetCollection>::New();
  vtkTensorCollection::Append(tensors, records);
  return tensors;
}

void LiveNetwork::Glance()
{
  const std::lock_guard<std::mutex> lock(this->Mutex);
  Row row;
  double scalars[256];
  row.Elements.resize(this->Elements.size() + 1);
  while (tv_ring_reader_glance(this->Reader, &this->Seen, &row.Step, scalars, this->Elements.data(),
           this->Elements.size(), row.Elements.data()) == 1) {
    row.Scalars.assign(scalars, scalars + tv_ring_reader_scalars(this->Reader));
    row.Elements.resize(this->Elements.size());
    const auto known = [](double value) { return !std::isnan(value); };
    if (std::any_of(row.Scalars.begin(), row.Scalars.end(), known) ||
        std::any_of(row.Elements.begin(), row.Elements.end(), known))
      this->Rows.push_back(row); // as for a run file: steps at which any of these was recorded
    row.Elements.resize(this->Elements.size() + 1);
  }
}

vtkSmartPointer<vtkTable> LiveNetwork::History()
{
  std::vector<Row> rows;
  {
    const std::lock_guard<std::mutex> lock(this->Mutex);
    rows.swap(this->Rows);
  }
  const size_t scalars = tv_ring_reader_scalars(this->Reader);
  while (this->ScalarColumns.size() < scalars) {
    auto column = vtkSmartPointer<vtkDoubleArray>::New();
    column->SetName(tv_ring_reader_scalar(this->Reader, this->ScalarColumns.size()));
    for (vtkIdType i = 0; i < this->Steps->GetNumberOfTuples(); ++i)
      column->InsertNextValue(std::nan(""));
    this->ScalarColumns.push_back(column);
  }
  for (const Row &row : rows) {
    this->Steps->InsertNextValue(row.Step);
    for (size_t i = 0; i < scalars; ++i)
      this->ScalarColumns[i]->InsertNextValue(
        i < row.Scalars.size() ? row.Scalars[i] : std::nan(""));
    for (size_t i = 0; i < this->ElementColumns.size(); ++i)
      this->ElementColumns[i]->InsertNextValue(row.Elements[i]);
  }
  auto table = vtkSmartPointer<vtkTable>::New();
  table->AddColumn(this->Steps);
  for (const auto &column : this->ScalarColumns)
    table->AddColumn(column);
  for (const auto &column : this->ElementColumns)
    table->AddColumn(column);
  for (vtkIdType i = 0; i < table->GetNumberOfColumns(); ++i)
    table->GetColumn(i)->Modified();
  return table;
}
