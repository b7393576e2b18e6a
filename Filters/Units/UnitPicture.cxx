// SPDX-License-Identifier: BSD-3-Clause
#include "UnitPicture.h"

#include "FlatText.h"

#include "vtkCellData.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkIdTypeArray.h"
#include "vtkImageData.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkPolyData.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {
constexpr double Width = 1.6; ///< of the picture, in heights

vtkSmartPointer<vtkIntArray> Numbers(const char *name, vtkIdType count)
{
  auto array = vtkSmartPointer<vtkIntArray>::New();
  array->SetName(name);
  array->SetNumberOfValues(count);
  return array;
}

template <typename Array, typename Value>
void AddColumn(vtkTable *table, const char *name, vtkIdType rows, Value value)
{
  vtkNew<Array> column;
  column->SetName(name);
  column->SetNumberOfValues(rows);
  for (vtkIdType row = 0; row < rows; ++row)
    column->SetValue(row, value(row));
  table->AddColumn(column);
}
} // namespace

void UnitPicture::Draw(vtkImageData *image, const tv_timeline &timeline, const char *measure)
{
  const size_t rows = timeline.rows, columns = timeline.columns;
  const auto cells = static_cast<vtkIdType>(rows * columns);
  image->SetExtent(0, static_cast<int>(columns), 0, static_cast<int>(rows), 0, 0);
  image->SetOrigin(0, 0, 0);
  image->SetSpacing(Width * static_cast<double>(rows) / static_cast<double>(columns), 1, 1);
  vtkNew<vtkFloatArray> values;
  values->SetName(measure);
  values->SetNumberOfValues(cells);
  auto layer = Numbers("Layer", cells), unit = Numbers("Unit", cells),
       step = Numbers("Step", cells);
  for (size_t row = 0; row < rows; ++row) {
    const size_t at = (rows - 1 - row) * columns; // images count from below
    std::copy_n(timeline.values + row * columns, columns, values->GetPointer(0) + at);
    std::fill_n(layer->GetPointer(0) + at, columns, timeline.layer[row]);
    std::fill_n(unit->GetPointer(0) + at, columns, timeline.unit[row]);
    for (size_t c = 0; c < columns; ++c)
      step->SetValue(static_cast<vtkIdType>(at + c), static_cast<int>(timeline.steps[c]));
  }
  image->GetCellData()->SetScalars(values);
  for (vtkIntArray *array : {layer.Get(), unit.Get(), step.Get()})
    image->GetCellData()->AddArray(array);
  vtkNew<vtkStringArray> names;
  names->SetName("LayerNames");
  for (size_t k = 0; k < timeline.layers; ++k)
    names->InsertNextValue(timeline.names[k]);
  vtkNew<vtkIdTypeArray> steps;
  steps->SetName("Steps");
  steps->InsertNextValue(timeline.steps[0]);
  steps->InsertNextValue(timeline.last);
  image->GetFieldData()->AddArray(names);
  image->GetFieldData()->AddArray(steps);
}

void UnitPicture::WriteNames(vtkPolyData *letters, const tv_timeline &timeline)
{
  // The largest layers first; a name for which there is no room is left out.
  struct Name
  {
    const char *Text;
    double Middle, Size, High;
  };
  const auto rows = static_cast<double>(timeline.rows);
  std::vector<Name> names, written;
  for (size_t k = 0; k < timeline.layers; ++k) {
    const int32_t *end = timeline.layer + timeline.rows;
    const int32_t *first = std::find<const int32_t *>(timeline.layer, end, static_cast<int32_t>(k));
    const auto from = static_cast<double>(first - timeline.layer);
    const auto high = static_cast<double>(std::count(first, end, static_cast<int32_t>(k)));
    const double size = std::max(std::min(high, rows / 45), rows / 60);
    names.push_back({timeline.names[k], rows - from - high / 2, size, high});
  }
  std::stable_sort(
    names.begin(), names.end(), [](const Name &a, const Name &b) { return a.High > b.High; });
  FlatText text;
  for (const Name &name : names) {
    const bool free = std::all_of(written.begin(), written.end(), [&](const Name &other) {
      return std::abs(other.Middle - name.Middle) >= 0.75 * (other.Size + name.Size);
    });
    if (!free)
      continue;
    text.Add(name.Text, -0.01 * rows, name.Middle - 0.35 * name.Size, 0.5 * rows, name.Size, true);
    written.push_back(name);
  }
  text.Finish(letters);
}

void UnitPicture::List(vtkTable *table, const tv_findings *findings)
{
  const tv_finding *list;
  const auto rows = static_cast<vtkIdType>(tv_findings_list(findings, &list));
  AddColumn<vtkStringArray>(table, "Layer", rows, [=](vtkIdType r) { return list[r].layer; });
  AddColumn<vtkIdTypeArray>(table, "Unit", rows, [=](vtkIdType r) { return list[r].unit; });
  AddColumn<vtkIdTypeArray>(table, "Since", rows, [=](vtkIdType r) { return list[r].since; });
  AddColumn<vtkIdTypeArray>(table, "Until", rows, [=](vtkIdType r) { return list[r].until; });
  AddColumn<vtkStringArray>(
    table, "Finding", rows, [=](vtkIdType r) { return tv_fault_name(list[r].fault); });
  AddColumn<vtkDoubleArray>(table, "Value", rows, [=](vtkIdType r) { return list[r].value; });
  AddColumn<vtkStringArray>(table, "Sentence", rows, [=](vtkIdType r) { return list[r].sentence; });
}
