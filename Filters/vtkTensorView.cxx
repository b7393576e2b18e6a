// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorView.h"

#include "vtkCellData.h"
#include "vtkDataArray.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationDoubleVectorKey.h"
#include "vtkInformationInformationVectorKey.h"
#include "vtkInformationIntegerVectorKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkOutputWindow.h"
#include "vtkStringArray.h"

#include "Ranks/Ranks.h"
#include "Ranks/RowExchange.h"
#include "range.h"

#include <algorithm>
#include <climits>

namespace {
const vtkIdType MostIndexedCells = 4000000;

tv_windows Windows(vtkIdType filters, vtkIdType channels, vtkIdType rows, vtkIdType columns)
{
  return {static_cast<size_t>(filters), static_cast<size_t>(channels), static_cast<size_t>(rows),
    static_cast<size_t>(columns)};
}

/// State or group of each filter, in kernels' terms. Null where there is none, or one that does not
/// belong to this tensor.
const int *Labels(vtkIntArray *labels, const tv_tensor &tensor, int &byRow)
{
  if (!labels || labels->GetNumberOfComponents() != 1)
    return nullptr;
  const auto count = static_cast<size_t>(labels->GetNumberOfTuples());
  byRow = count != tensor.whole.filters;
  if (byRow && (tensor.whole.filters * tensor.whole.channels != 1 || count != tensor.whole.rows))
    return nullptr;
  return labels->GetPointer(0);
}

std::string Text(size_t number)
{
  return std::to_string(number);
}
} // namespace

vtkTensorView::vtkTensorView(const char *preferredKind, vtkIdType maximumCells)
    : vtkTensorFilter(preferredKind), MaximumCells(maximumCells)
{
  this->SetNumberOfOutputPorts(3);
}

void vtkTensorView::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  const auto range = [&os, indent](const char *name, const int values[2]) {
    os << indent << name << ": " << values[0] << " " << values[1] << "\n";
  };
  range("FilterRange", this->FilterRange);
  range("ChannelRange", this->ChannelRange);
  range("RowRange", this->RowRange);
  range("ColumnRange", this->ColumnRange);
  os << indent << "MaximumCells: " << this->MaximumCells << "\n";
  os << indent << "Reduction: " << (this->Reduction == TV_MEAN ? "mean" : "magnitude") << "\n";
  os << indent << "IndexArrays: " << this->IndexArrays << "\n";
  os << indent << "Numbers: " << this->Numbers << "\n";
}

tv_region vtkTensorView::Region(const tv_tensor &tensor) const
{
  const auto set = [](size_t out[2], const int range[2], size_t size) {
    // Other negative numbers become larger than any size, and the kernel refuses them.
    out[0] = static_cast<size_t>(range[0]);
    out[1] = range[1] == -1 ? size : static_cast<size_t>(range[1]) + 1;
  };
  tv_region region;
  set(region.filter, this->FilterRange, tensor.whole.filters);
  set(region.channel, this->ChannelRange, tensor.whole.channels);
  set(region.row, this->RowRange, tensor.whole.rows);
  set(region.column, this->ColumnRange, tensor.whole.columns);
  return region;
}

bool vtkTensorView::Prepare(vtkInformationVector **inputVector, Shown &shown)
{
  const bool found = this->FindTensor(inputVector, shown.Record);
  this->CountGroups(found ? shown.Record.Group : nullptr, found ? shown.Record.State : nullptr);
  this->ListStates(found ? shown.Record.State : nullptr);
  if (found && shown.Record.Values && shown.Record.Windows > 0)
    this->Describe(shown);
  if (!this->Agree(found, shown))
    return false;
  if (shown.Empty)
    return true;
  this->Label(shown);
  return this->LayOut(shown);
}

/// What lies here of the tensor, in kernels' terms.
void vtkTensorView::Describe(Shown &shown)
{
  const vtkTensorRecord &record = shown.Record;
  tv_tensor &tensor = shown.Tensor;
  tensor.whole = Windows(record.Filters, record.Channels, record.Rows, record.Columns);
  tensor.first_window = static_cast<size_t>(record.FirstWindow);
  tensor.windows = static_cast<size_t>(record.Windows);
  tensor.first_row = static_cast<size_t>(record.FirstRow);
  tensor.rows_here = static_cast<size_t>(record.RowsHere);
  shown.Values = record.Values;
  const int type = record.Values->GetDataType();
  if ((type != VTK_FLOAT && type != VTK_DOUBLE) || !record.Values->HasStandardMemoryLayout()) {
    // Not from our sources: some other filter made it. Numbers are numbers.
    vtkNew<vtkDoubleArray> copy;
    copy->DeepCopy(record.Values);
    copy->SetName(record.Values->GetName());
    shown.Values = copy;
  }
  tensor.type = shown.Values->GetDataType() == VTK_FLOAT ? TV_FLOAT32 : TV_FLOAT64;
  tensor.values = shown.Values->GetVoidPointer(0);
  shown.Empty = false;
}

/// The states and groups of its filters.
void vtkTensorView::Label(Shown &shown)
{
  const vtkTensorRecord &record = shown.Record;
  tv_tensor &tensor = shown.Tensor;
  int stateByRow = 0, groupByRow = 0;
  tensor.state = Labels(record.State, tensor, stateByRow);
  tensor.group = Labels(record.Group, tensor, groupByRow);
  tensor.by_row = (tensor.state && stateByRow) || (tensor.group && groupByRow);
  if ((record.State && !tensor.state) || (record.Group && !tensor.group))
    vtkWarningMacro(<< "the states or groups of " << record.Name()
                    << " are not one for each of its filters and are left out");
}

/// Whether all ranks found the tensor; tells those that have nothing of it what the others have.
bool vtkTensorView::Agree(bool found, Shown &shown)
{
  vtkMultiProcessController *controller = Controller();
  if (!controller)
    return found;
  tv_tensor &tensor = shown.Tensor;
  const std::vector<vtkIdType> all = Ranks::Collect(controller,
    {found, !shown.Empty, tensor.type, static_cast<vtkIdType>(tensor.whole.filters),
      static_cast<vtkIdType>(tensor.whole.channels), static_cast<vtkIdType>(tensor.whole.rows),
      static_cast<vtkIdType>(tensor.whole.columns)});
  for (size_t i = 0; i < all.size(); i += 7)
    if (!all[i])
      return false; // that rank has said why
  for (size_t i = 0; i < all.size() && shown.Empty; i += 7)
    if (all[i + 1]) {
      tensor.type = static_cast<tv_type>(all[i + 2]);
      tensor.whole = Windows(all[i + 3], all[i + 4], all[i + 5], all[i + 6]);
      shown.Empty = false;
    }
  return true;
}

bool vtkTensorView::LayOut(Shown &shown)
{
  const tv_region region = this->Region(shown.Tensor);
  if (tv_view_full(&shown.View, &shown.Tensor, &region)) {
    this->ReportError(shown.Record.Name() + ": " + tv_last_error());
    return false;
  }
  shown.View.reduction = static_cast<tv_reduction>(this->Reduction);
  return true;
}

bool vtkTensorView::FindShape(vtkInformationVector **inputVector, tv_tensor &tensor)
{
  vtkInformation *in = this->InputInformation(inputVector);
  vtkInformationStringVectorKey *names = vtkTensorCollection::TENSORS();
  vtkInformationIntegerVectorKey *shapes = vtkTensorCollection::SHAPES();
  const char *chosen = this->ChosenTensor();
  tensor = tv_tensor{};
  if (chosen && in->Has(names) && in->Has(shapes))
    for (int i = 0; i < in->Length(names) && 4 * i + 3 < in->Length(shapes); ++i)
      if (std::string(in->Get(names, i)) == chosen) {
        const int *shape = in->Get(shapes) + 4 * i;
        tensor.whole = Windows(shape[0], shape[1], shape[2], shape[3]);
        return *std::min_element(shape, shape + 4) > 0;
      }
  vtkTensorRecord record;
  std::string error;
  if (!chosen ||
      !vtkTensorCollection::Find(
        vtkDataObject::GetData(inputVector[0]), chosen, "", record, error) ||
      !record.Values)
    return false;
  tensor.whole = Windows(record.Filters, record.Channels, record.Rows, record.Columns);
  return true;
}

bool vtkTensorView::Reduce(Shown &shown, bool gaps)
{
  const auto most = static_cast<size_t>(this->MaximumCells);
  if (tv_view_reduce(&shown.View, &shown.Tensor, most, gaps)) {
    this->ReportError(shown.Record.Name() + ": " + tv_last_error());
    return false;
  }
  if (!gaps && tv_view_fold(&shown.View, &shown.Tensor, most))
    shown.Note += "All windows as one matrix, a row for each filter: they are too many. ";
  if (shown.View.tile > 1) {
    const std::string tile = Text(shown.View.tile);
    shown.Note += "An overview: each cell is the ";
    shown.Note += this->Reduction == TV_MEAN ? "mean" : "largest magnitude";
    shown.Note += " of a tile of " + tile + " x " + tile + " values. ";
    if (Controller() && IsMatrix(shown.Tensor))
      shown.BorderValues = CompleteTile(&shown.Border, Controller(), shown.Tensor, shown.View);
  }
  return true;
}

std::vector<tv_line> vtkTensorView::Lines(const Shown &shown)
{
  const size_t own = tv_view_lines(nullptr, &shown.View, &shown.Tensor);
  std::vector<tv_line> lines(own + tv_view_lines(nullptr, &shown.View, &shown.Border));
  tv_view_lines(lines.data(), &shown.View, &shown.Tensor);
  tv_view_lines(lines.data() + own, &shown.View, &shown.Border);
  return lines;
}

size_t vtkTensorView::CountAllLines(const Shown &shown)
{
  tv_tensor tensor = shown.Tensor;
  tensor.first_window = tensor.first_row = 0;
  tensor.windows = tensor.whole.filters * tensor.whole.channels;
  tensor.rows_here = tensor.whole.rows;
  return tv_view_lines(nullptr, &shown.View, &tensor);
}

void vtkTensorView::FillValues(void *values, const Shown &shown, const tv_line *lines, size_t count)
{
  const tv_view &view = shown.View;
  const size_t border = count > 0 && tv_view_has(&view, &shown.Border, &lines[count - 1]);
  const size_t own = count - border, bytes = view.grid.width * tv_type_size(shown.Tensor.type);
  const tv_execution execution = Execution();
  tv_view_values(values, &view, &shown.Tensor, lines, own, &execution);
  if (border)
    tv_view_row(static_cast<char *>(values) + own * bytes, &view, &shown.Border, &lines[own]);
}

bool vtkTensorView::WantsIndices(Shown &shown, vtkIdType cells) const
{
  if (this->IndexArrays != AUTOMATIC || cells <= MostIndexedCells)
    return this->IndexArrays != OFF;
  shown.Note += "The index arrays are left out: they would be five times as large as the data. ";
  return false;
}

vtkSmartPointer<vtkDataArray> vtkTensorView::NewValues(const Shown &shown, vtkIdType count)
{
  vtkSmartPointer<vtkDataArray> values;
  values.TakeReference(
    vtkDataArray::CreateDataArray(shown.Tensor.type == TV_FLOAT32 ? VTK_FLOAT : VTK_DOUBLE));
  values->SetName(vtkTensorCollection::ArrayName(shown.Record.Kind).c_str());
  values->SetNumberOfTuples(count);
  return values;
}

int *vtkTensorView::AddIndices(vtkDataSetAttributes *attributes, const char *name, vtkIdType count)
{
  vtkNew<vtkIntArray> array;
  array->SetName(name);
  array->SetNumberOfTuples(count);
  attributes->AddArray(array);
  return array->GetPointer(0);
}

tv_indices vtkTensorView::AddIndices(vtkDataSetAttributes *attributes, vtkIdType count)
{
  tv_indices indices;
  indices.filter = AddIndices(attributes, "Filter", count);
  indices.channel = AddIndices(attributes, "Channel", count);
  indices.row = AddIndices(attributes, "Row", count);
  indices.column = AddIndices(attributes, "Column", count);
  indices.group = AddIndices(attributes, "Group", count);
  return indices;
}

void vtkTensorView::RememberRanges(vtkDataSetAttributes *attributes)
{
  const tv_execution execution = Execution();
  for (int i = 0; i < attributes->GetNumberOfArrays(); ++i) {
    vtkDataArray *array = attributes->GetArray(i);
    const auto count = static_cast<size_t>(array->GetNumberOfTuples());
    double range[2];
    int found = 0;
    if (array->GetDataType() == VTK_INT)
      found = tv_range_int(range, static_cast<int *>(array->GetVoidPointer(0)), count, &execution);
    else
      found = tv_range_float(range, array->GetVoidPointer(0),
        array->GetDataType() == VTK_FLOAT ? TV_FLOAT32 : TV_FLOAT64, count, &execution);
    if (!found)
      continue;
    for (auto *key :
      {vtkAbstractArray::PER_COMPONENT(), vtkAbstractArray::PER_FINITE_COMPONENT()}) {
      vtkNew<vtkInformationVector> components;
      components->SetNumberOfInformationObjects(1);
      components->GetInformationObject(0)->Set(vtkDataArray::COMPONENT_RANGE(), range, 2);
      array->GetInformation()->Set(key, components);
    }
  }
}

void vtkTensorView::AddFields(vtkFieldData *fields, const Shown &shown)
{
  fields->PassData(shown.Record.Image->GetFieldData());
  const std::string before = this->Note;
  this->Note.clear();
  if (shown.Note.empty())
    return;
  const std::string sentence = shown.Note.substr(0, shown.Note.size() - 1);
  vtkNew<vtkStringArray> note;
  note->SetName("Note");
  note->InsertNextValue(sentence);
  fields->AddArray(note);
  this->Note = shown.Record.Name() + ": " + sentence;
  const bool first = Ranks::IsFirst();
  if (first && this->Note != before) // once, not at every step, nor by every rank
    vtkOutputWindowDisplayText((this->Note + "\n").c_str());
}

bool vtkTensorView::InChunks(size_t count, const std::function<void(size_t, size_t)> &work)
{
  const size_t chunk = std::max<size_t>(1, (count + 15) / 16);
  for (size_t first = 0; first < count; first += chunk) {
    if (this->CheckAbort())
      return false;
    work(first, std::min(chunk, count - first));
    this->UpdateProgress(static_cast<double>(std::min(first + chunk, count)) / count);
  }
  return true;
}
