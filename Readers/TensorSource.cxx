// SPDX-License-Identifier: BSD-3-Clause
#include "TensorSource.h"

#include "layout.h"
#include "status.h"

#include "vtkDoubleArray.h"
#include "vtkFloatArray.h"
#include "vtkIntArray.h"

#include <algorithm>
#include <climits>

TensorSource::~TensorSource()
{
  tv_source_close(this->Source);
}

void TensorSource::Take(tv_source *source)
{
  if (this->Source != source)
    tv_source_close(this->Source);
  this->Source = source;
  this->List();
}

void TensorSource::Add(size_t index, const std::unordered_map<std::string, size_t> &states)
{
  const tv_source_tensor *listed;
  tv_source_tensors(this->Source, &listed);
  listed += index;
  tv_layout layout;
  if (listed->problem) {
    this->NoteList.emplace_back(listed->problem);
    return;
  }
  if (tv_layout_of(&layout, &listed->shape) != TV_OK) {
    this->NoteList.emplace_back(std::string(listed->name) + ": " + tv_last_error());
    return;
  }
  if (layout.count > INT_MAX - 1 || layout.windows.rows > INT_MAX - 1 ||
      layout.windows.columns > INT_MAX - 1) {
    this->NoteList.emplace_back(
      std::string(listed->name) + ": its sizes are too large to be shown");
    return;
  }
  const auto found = states.find(listed->layer);
  Tensor tensor;
  tensor.Name = listed->name;
  tensor.Layer = listed->layer;
  tensor.Kind = listed->kind;
  tensor.Index = index;
  tensor.Windows = layout.windows;
  tensor.Filters = layout.matrix ? layout.windows.rows : layout.windows.filters;
  tensor.Elements = layout.elements;
  tensor.Matrix = layout.matrix != 0;
  tensor.Wide = tv_layout_result_size(listed->type) == sizeof(double);
  tensor.Offered = listed->offered != 0;
  tensor.States = found == states.end() ? -1 : static_cast<ptrdiff_t>(found->second);
  this->Numbers.emplace(tensor.Name, this->TensorList.size());
  this->TensorList.push_back(std::move(tensor));
}

void TensorSource::List()
{
  this->TensorList.clear();
  this->Numbers.clear();
  this->NoteList.clear();
  if (!this->Source)
    return;
  const char *const *notes;
  const size_t count = tv_source_notes(this->Source, &notes);
  this->NoteList.assign(notes, notes + count);
  const tv_source_states *list;
  std::unordered_map<std::string, size_t> states;
  for (size_t k = 0, all = tv_source_states_of(this->Source, &list); k < all; ++k)
    states.emplace(list[k].layer, k);
  for (size_t k = 0, all = tv_source_tensors(this->Source, nullptr); k < all; ++k)
    this->Add(k, states);
}

const tv_source_tensor &TensorSource::Listed(const Tensor &tensor) const
{
  const tv_source_tensor *listed;
  tv_source_tensors(this->Source, &listed);
  return listed[tensor.Index];
}

ptrdiff_t TensorSource::Find(const std::string &name) const
{
  const auto found = this->Numbers.find(name);
  return found == this->Numbers.end() ? -1 : static_cast<ptrdiff_t>(found->second);
}

namespace {
ptrdiff_t LastAt(const int64_t *steps, size_t count, double time)
{
  const auto after = std::upper_bound(steps, steps + count, time,
    [](double wanted, int64_t step) { return wanted < static_cast<double>(step); });
  return (after - steps) - 1;
}
} // namespace

ptrdiff_t TensorSource::RecordAt(const Tensor &tensor, double time) const
{
  const tv_source_tensor &listed = this->Listed(tensor);
  return LastAt(listed.steps, listed.records, time);
}

TensorSource::Share TensorSource::ShareOf(const Tensor &tensor, size_t rank, size_t ranks)
{
  Share share;
  share.Begin = tensor.Filters * rank / ranks;
  share.Filters = tensor.Filters * (rank + 1) / ranks - share.Begin;
  share.Elements = share.Filters * (tensor.Elements / tensor.Filters);
  return share;
}

vtkTensorRecord TensorSource::Describe(const Tensor &tensor, const Share &share)
{
  vtkTensorRecord record;
  record.Layer = tensor.Layer;
  record.Kind = tensor.Kind;
  record.Filters = static_cast<vtkIdType>(tensor.Windows.filters);
  record.Channels = static_cast<vtkIdType>(tensor.Windows.channels);
  record.Rows = static_cast<vtkIdType>(tensor.Windows.rows);
  record.Columns = static_cast<vtkIdType>(tensor.Windows.columns);
  if (tensor.Matrix) {
    record.Windows = 1;
    record.FirstRow = static_cast<vtkIdType>(share.Begin);
    record.RowsHere = static_cast<vtkIdType>(share.Filters);
  } else {
    record.FirstWindow = static_cast<vtkIdType>(share.Begin) * record.Channels;
    record.Windows = static_cast<vtkIdType>(share.Filters) * record.Channels;
    record.RowsHere = record.Rows;
  }
  return record;
}

vtkSmartPointer<vtkDataArray> TensorSource::NewValues(const Tensor &tensor, size_t count)
{
  vtkSmartPointer<vtkDataArray> values;
  if (tensor.Wide)
    values = vtkSmartPointer<vtkDoubleArray>::New();
  else
    values = vtkSmartPointer<vtkFloatArray>::New();
  values->SetNumberOfTuples(static_cast<vtkIdType>(count));
  return values;
}

vtkSmartPointer<vtkDataArray> TensorSource::Read(const Tensor &tensor, size_t record,
  const Share &share, const tv_execution *execution, bool borrow) const
{
  const tv_source_tensor &listed = this->Listed(tensor);
  tv_layout layout;
  const void *memory = borrow && share.Elements == tensor.Elements
                         ? tv_source_map(this->Source, tensor.Index, record)
                         : nullptr;
  if (memory && tv_layout_of(&layout, &listed.shape) == TV_OK &&
      tv_layout_direct(&layout, listed.type)) {
    const vtkSmartPointer<vtkDataArray> values = TensorSource::NewValues(tensor, 0);
    values->SetVoidArray(const_cast<void *>(memory), static_cast<vtkIdType>(tensor.Elements), 1);
    return values;
  }
  vtkSmartPointer<vtkDataArray> values = TensorSource::NewValues(tensor, share.Elements);
  if (share.Filters > 0 && tv_source_read_windows(this->Source, tensor.Index, record, share.Begin,
                             share.Filters, values->GetVoidPointer(0), execution) != TV_OK)
    return nullptr;
  return values;
}

vtkSmartPointer<vtkIntArray> TensorSource::ReadStates(
  const Tensor &tensor, double time, bool &failed) const
{
  const tv_source_states *list;
  failed = false;
  tv_source_states_of(this->Source, &list);
  if (tensor.States < 0 || list[tensor.States].filters != tensor.Filters)
    return nullptr;
  const tv_source_states &states = list[tensor.States];
  const ptrdiff_t record = LastAt(states.steps, states.records, time);
  if (record < 0)
    return nullptr;
  auto result = vtkSmartPointer<vtkIntArray>::New();
  static_assert(sizeof(int) == sizeof(int32_t), "states are ints");
  result->SetNumberOfValues(static_cast<vtkIdType>(states.filters));
  failed = tv_source_read_states(this->Source, static_cast<size_t>(tensor.States),
             static_cast<size_t>(record), result->GetPointer(0)) != TV_OK;
  return failed ? nullptr : result;
}
