#include "LiveNetwork.h"

#include "vtkFloatArray.h"
#include "vtkTensorCollection.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>

LiveNetwork::LiveNetwork(tv_ring_reader *reader) : Reader(reader)
{
  const tv_ring_reader_tensor *tensors = nullptr;
  const tv_ring_reader_layer *layers = nullptr;
  const size_t count = tv_ring_reader_tensors(reader, &tensors);
  const size_t layerCount = tv_ring_reader_layers(reader, &layers);
  this->Tensors.resize(count);
  for (size_t i = 0; i < count; ++i) {
    Tensor &tensor = this->Tensors[i];
    tensor.Channel = &tensors[i];
    tensor.Known = tv_layout_of(&tensor.Layout, &tensors[i].shape) == TV_OK &&
                   tensor.Layout.windows.columns < INT_MAX &&
                   tensor.Layout.windows.rows < INT_MAX && tensor.Layout.count < INT_MAX;
    for (size_t l = 0; l < layerCount; ++l)
      if (std::strcmp(layers[l].layer, tensors[i].layer) == 0)
        tensor.StateLayer = static_cast<int>(l);
  }
  this->Steps->SetName("Step");
}

bool LiveNetwork::SetHistory(
  const std::string &name, const std::string &elements, std::string &error)
{
  size_t found = this->Tensors.size();
  for (size_t i = this->Tensors.size(); i-- > 0;) {
    const tv_ring_reader_tensor &tensor = *this->Tensors[i].Channel;
    if (this->Tensors[i].Known &&
        (name.empty() ? std::strcmp(tensor.kind, "weights") == 0
                      : name == tensor.layer + std::string("/") + tensor.kind))
      found = i;
  }
  if (found == this->Tensors.size()) {
    error = "there is no tensor \"" + name + "\" in the run";
    return name.empty(); // a run without weights has a history of scalars
  }
  const Tensor &tensor = this->Tensors[found];
  const std::string full = tensor.Channel->layer + std::string("/") + tensor.Channel->kind;
  const char *text = elements.c_str();
  while (*text) {
    char *end = nullptr;
    const unsigned long long first = std::strtoull(text, &end, 10);
    unsigned long long last = first;
    bool good = end != text && *text >= '0' && *text <= '9';
    if (good && *end == '-') {
      text = end + 1;
      good = *text >= '0' && *text <= '9';
      last = std::strtoull(text, &end, 10);
    }
    if (!good || last < first || (*end != 0 && *end != ',') || last - first > 10000) {
      error = "\"" + elements + "\" are no elements such as 0-2,100";
      return false;
    }
    for (unsigned long long flat = first; flat <= last; ++flat) {
      if (flat >= tensor.Layout.elements) {
        if (name.empty())
          break; // the default asks for three, whatever is there
        error = full + " has " + std::to_string(tensor.Layout.elements) + " elements, no number " +
                std::to_string(flat);
        return false;
      }
      this->Elements.push_back({found, tv_layout_source(&tensor.Layout, flat)});
      this->ElementNames.push_back(full + "[" + std::to_string(flat) + "]");
    }
    text = *end ? end + 1 : end;
  }
  for (const std::string &column : this->ElementNames) {
    this->ElementColumns.emplace_back(vtkSmartPointer<vtkDoubleArray>::New());
    this->ElementColumns.back()->SetName(column.c_str());
  }
  return true;
}

vtkSmartPointer<vtkPartitionedDataSetCollection> LiveNetwork::Wrap(const tv_ring_reader_step &step)
{
  auto tensors = vtkSmartPointer<vtkPartitionedDataSetCollection>::New();
  for (size_t i = 0; i < this->Tensors.size(); ++i) {
    Tensor &tensor = this->Tensors[i];
    if (!tensor.Known)
      continue;
    const tv_layout &layout = tensor.Layout;
    tv_ring_reader_record from;
    const void *data = tv_ring_reader_data(this->Reader, &step, i, &from);
    vtkTensorRecord record;
    record.Layer = tensor.Channel->layer;
    record.Kind = tensor.Channel->kind;
    record.Filters = static_cast<vtkIdType>(layout.windows.filters);
    record.Channels = static_cast<vtkIdType>(layout.windows.channels);
    record.Rows = static_cast<vtkIdType>(layout.windows.rows);
    record.Columns = static_cast<vtkIdType>(layout.windows.columns);
    record.Windows = static_cast<vtkIdType>(data ? layout.count : 0);
    record.RowsHere = data ? record.Rows : 0;
    record.Step = static_cast<vtkIdType>(from.step);
    record.Samples = static_cast<vtkIdType>(from.samples);
    const auto elements = static_cast<vtkIdType>(layout.elements);
    const bool wide = tv_type_result(tensor.Channel->type) == TV_FLOAT64;
    vtkSmartPointer<vtkDataArray> values;
    if (data && tv_layout_direct(&layout, tensor.Channel->type)) {
      values = wide ? static_cast<vtkDataArray *>(vtkDoubleArray::New()) : vtkFloatArray::New();
      values->UnRegister(nullptr);                                 // the smart pointer has it
      values->SetVoidArray(const_cast<void *>(data), elements, 1); // never freed: the ring's
    } else if (data) {
      if (tensor.ConvertedStep != from.step || !tensor.Converted) {
        values = wide ? static_cast<vtkDataArray *>(vtkDoubleArray::New()) : vtkFloatArray::New();
        values->UnRegister(nullptr);
        values->SetNumberOfTuples(elements);
        tv_layout_convert(
          values->GetVoidPointer(0), &layout, tensor.Channel->type, data, 0, layout.count, nullptr);
        tensor.Converted = values;
        tensor.ConvertedStep = from.step;
      }
      values = tensor.Converted;
    }
    record.Values = values;
    vtkNew<vtkIntArray> states;
    if (tensor.StateLayer >= 0) {
      const tv_ring_reader_layer *layers = nullptr;
      tv_ring_reader_layers(this->Reader, &layers);
      const auto filters = static_cast<vtkIdType>(layers[tensor.StateLayer].filters);
      const int32_t *from_states =
        tv_ring_reader_step_states(this->Reader, &step, static_cast<size_t>(tensor.StateLayer));
      states->SetNumberOfTuples(filters);
      std::copy_n(from_states, filters, states->GetPointer(0));
      if (filters == (layout.matrix ? record.Rows : record.Filters))
        record.State = states;
    }
    vtkTensorCollection::Append(tensors, record);
  }
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
