// SPDX-License-Identifier: BSD-3-Clause
// vtkTensorSourceReader: the second output.
#include "vtkTensorSourceReaderInternals.h"

#include "vtkDoubleArray.h"
#include "vtkIdTypeArray.h"
#include "vtkInformation.h"
#include "vtkNew.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"

#include <algorithm>
#include <cmath>

namespace {
constexpr size_t MostSeen = 100000; // steps of a ring; the oldest go first

/// A column of the table, of NaN; the table keeps it.
void AddColumn(vtkTable *table, const std::string &name, vtkIdType rows)
{
  vtkNew<vtkDoubleArray> column;
  column->SetName(name.c_str());
  column->SetNumberOfValues(rows);
  std::fill_n(column->GetPointer(0), rows, std::nan(""));
  table->AddColumn(column);
}

/// Rows of values [records][width], at their steps, into columns from first on.
void Spread(vtkTable *table, vtkIdType first, size_t width, const int64_t *steps, size_t records,
  const double *values)
{
  const vtkIdType *at = vtkIdTypeArray::SafeDownCast(table->GetColumn(0))->GetPointer(0);
  std::vector<double *> columns(width);
  for (size_t k = 0; k < width; ++k)
    columns[k] = vtkDoubleArray::SafeDownCast(table->GetColumn(first + static_cast<vtkIdType>(k)))
                   ->GetPointer(0);
  size_t row = 0;
  for (size_t r = 0; r < records; ++r) {
    while (at[row] < steps[r])
      ++row;
    for (size_t k = 0; k < width; ++k)
      columns[k][row] = values[r * width + k];
  }
}
} // namespace

/// The tensor whose history is shown; -1 where there is none.
ptrdiff_t vtkTensorSourceReader::FindHistoryTensor()
{
  const Internals &state = *this->State;
  if (!this->HistoryTensor.empty()) {
    const ptrdiff_t found = state.Source.Find(this->HistoryTensor);
    if (found < 0)
      this->Report(state.Names[0] + ": there is no tensor \"" + this->HistoryTensor +
                   "\" whose history could be shown");
    return found;
  }
  const auto &tensors = state.Source.Tensors();
  for (size_t k = 0; k < tensors.size(); ++k)
    if (tensors[k].Kind == "weights")
      return static_cast<ptrdiff_t>(k);
  return tensors.empty() ? -1 : 0;
}

/// Its elements. What are none is said, and none are shown.
std::vector<size_t> vtkTensorSourceReader::FindHistoryElements(ptrdiff_t tensor)
{
  std::vector<size_t> elements(TV_MOST_ELEMENTS);
  size_t count = 0;
  if (tensor >= 0) {
    const TensorSource::Tensor &chosen = this->State->Source.Tensors()[tensor];
    if (tv_parse_elements(
          elements.data(), &count, this->HistoryElements.c_str(), chosen.Elements) != TV_OK) {
      this->Report(this->State->Names[0] + ": " + chosen.Name + ": " + tv_last_error());
      count = 0;
    }
  }
  elements.resize(count);
  return elements;
}

/// The scalars, into columns from 1 on. The sentence of what failed.
std::string vtkTensorSourceReader::ReadScalars(vtkTable *table)
{
  tv_source *source = this->State->Source.Get();
  tv_source_scalars scalars;
  tv_source_scalars_of(source, &scalars);
  std::vector<double> values(scalars.records * scalars.count);
  if (values.empty())
    return "";
  const int status = tv_source_read_scalars(source, 0, scalars.records, values.data());
  Spread(table, 1, scalars.count, scalars.steps, scalars.records, values.data());
  return status == TV_OK ? "" : tv_last_error();
}

/// Elements of a tensor, into columns from first on. The sentence of what failed.
std::string vtkTensorSourceReader::ReadElements(
  vtkTable *table, vtkIdType first, size_t number, const std::vector<size_t> &elements)
{
  Internals &state = *this->State;
  const TensorSource::Tensor &tensor = state.Source.Tensors()[number];
  const tv_source_tensor &listed = state.Source.Listed(tensor);
  const std::string key = tensor.Name + "\n" + this->HistoryElements;
  if (state.HistoryKey != key)
    state.History.clear();
  state.HistoryKey = key;
  const size_t count = elements.size(), known = state.History.size() / count;
  std::string error;
  if (known < listed.records) { // the rest of it; what cannot be read stays NaN
    state.History.resize(listed.records * count, std::nan(""));
    Request request;
    request.Progress = [this](double done) {
      this->UpdateProgress(done);
      return !this->CheckAbort();
    };
    request.Execution = {1, Request::Call, &request};
    if (tv_source_history(state.Source.Get(), tensor.Index, elements.data(), count, known,
          state.History.data() + known * count, &request.Execution) != TV_OK)
      error = tv_last_error();
  }
  Spread(table, first, count, listed.steps, listed.records, state.History.data());
  if (!error.empty())
    state.History.clear();
  return error;
}

void vtkTensorSourceReader::ReadHistory(vtkInformation *info)
{
  Internals &state = *this->State;
  auto *output = vtkTable::GetData(info);
  if (!output || !state.Source)
    return;
  const bool mine = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()) == 0;
  const ptrdiff_t tensor = this->FindHistoryTensor();
  const std::vector<size_t> elements = this->FindHistoryElements(tensor);
  tv_source_scalars scalars;
  tv_source_scalars_of(state.Source.Get(), &scalars);

  std::vector<int64_t> steps(scalars.steps, scalars.steps + scalars.records);
  if (tensor >= 0) {
    const tv_source_tensor &listed = state.Source.Listed(state.Source.Tensors()[tensor]);
    std::vector<int64_t> merged;
    std::set_union(steps.begin(), steps.end(), listed.steps, listed.steps + listed.records,
      std::back_inserter(merged));
    steps.swap(merged);
  }
  const vtkIdType rows = mine ? static_cast<vtkIdType>(steps.size()) : 0;
  vtkNew<vtkIdTypeArray> stepColumn;
  stepColumn->SetName("Step");
  stepColumn->SetNumberOfValues(rows);
  std::copy(steps.begin(), steps.begin() + rows, stepColumn->GetPointer(0));
  output->AddColumn(stepColumn);
  for (size_t k = 0; k < scalars.count; ++k)
    AddColumn(output, scalars.names[k], rows);
  for (size_t element : elements)
    AddColumn(
      output, state.Source.Tensors()[tensor].Name + "[" + std::to_string(element) + "]", rows);
  if (!mine)
    return;
  std::string error = this->ReadScalars(output);
  if (!elements.empty()) {
    const std::string second = this->ReadElements(
      output, static_cast<vtkIdType>(1 + scalars.count), static_cast<size_t>(tensor), elements);
    error = error.empty() ? second : error;
  }
  this->ReportOnce(1, error);
  if (this->Live())
    this->Remember(output);
}

/// A ring has one step: the table of a training that is watched is what was seen of it so far. A
/// value that was seen stays, and where it was not there is NaN.
void vtkTensorSourceReader::Remember(vtkTable *table)
{
  auto &seen = this->State->Seen;
  auto *steps = vtkIdTypeArray::SafeDownCast(table->GetColumn(0));
  for (vtkIdType c = 1; c < table->GetNumberOfColumns(); ++c) {
    auto *column = vtkDoubleArray::SafeDownCast(table->GetColumn(c));
    for (vtkIdType row = 0; row < table->GetNumberOfRows(); ++row)
      if (!std::isnan(column->GetValue(row)))
        seen[steps->GetValue(row)][column->GetName()] = column->GetValue(row);
  }
  while (seen.size() > MostSeen)
    seen.erase(seen.begin());
  steps->SetNumberOfValues(static_cast<vtkIdType>(seen.size()));
  for (vtkIdType c = 1; c < table->GetNumberOfColumns(); ++c)
    vtkDoubleArray::SafeDownCast(table->GetColumn(c))
      ->SetNumberOfValues(steps->GetNumberOfValues());
  vtkIdType row = 0;
  for (const auto &[step, values] : seen) {
    steps->SetValue(row, step);
    for (vtkIdType c = 1; c < table->GetNumberOfColumns(); ++c) {
      auto *column = vtkDoubleArray::SafeDownCast(table->GetColumn(c));
      const auto value = values.find(column->GetName());
      column->SetValue(row, value == values.end() ? std::nan("") : value->second);
    }
    ++row;
  }
}
