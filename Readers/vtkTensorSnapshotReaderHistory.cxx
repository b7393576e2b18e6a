// vtkTensorSnapshotReader: the second output.
#include "vtkTensorSnapshotReaderInternals.h"

#include "vtkDoubleArray.h"
#include "vtkIdTypeArray.h"
#include "vtkInformation.h"
#include "vtkNew.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"

#include <algorithm>
#include <cmath>

namespace {
constexpr size_t MostElements = 4096; // columns of the history table

/// "0-2,100" as indices, each once, in the order given.
bool ParseElements(const std::string &text, size_t available, std::vector<size_t> &elements)
{
  size_t at = 0;
  const auto blank = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t'))
      ++at;
  };
  const auto number = [&](size_t &value) {
    blank();
    const size_t begin = at;
    for (value = 0; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      value = std::min<size_t>(value * 10 + static_cast<size_t>(text[at] - '0'), size_t(1) << 50);
    const bool found = at > begin;
    blank();
    return found;
  };
  elements.clear();
  blank();
  while (at < text.size()) {
    size_t first, last;
    if (!number(first))
      return false;
    last = first;
    if (at < text.size() && text[at] == '-' && (++at, !number(last)))
      return false;
    if (last < first || first >= available)
      return false;
    last = std::min(last, available - 1);
    if (last - first >= MostElements || elements.size() + (last - first) >= MostElements)
      return false;
    for (size_t k = first; k <= last; ++k)
      if (std::find(elements.begin(), elements.end(), k) == elements.end())
        elements.push_back(k);
    if (at < text.size() && text[at++] != ',')
      return false;
    blank();
  }
  return true;
}

} // namespace

void vtkTensorSnapshotReader::ReadHistory(vtkInformation *info)
{
  Internals &state = *this->State;
  auto *output = vtkTable::GetData(info);
  if (!output || !state.Good)
    return;
  const bool mine = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()) == 0;

  const RunSeries::Tensor *tensor = nullptr;
  std::vector<size_t> elements;
  if (!this->HistoryTensor.empty())
    tensor = state.Series.FindTensor(this->HistoryTensor);
  else
    for (const RunSeries::Tensor &candidate : state.Series.Tensors)
      if (!tensor || (candidate.Kind == "weights" && tensor->Kind != "weights"))
        tensor = &candidate;
  if (!tensor && !this->HistoryTensor.empty())
    this->Report(state.Names[0] + ": there is no tensor \"" + this->HistoryTensor +
                 "\" whose history could be shown");
  if (tensor && !ParseElements(this->HistoryElements, tensor->Layout.elements, elements)) {
    this->Report(state.Names[0] + ": \"" + this->HistoryElements + "\" is no list of elements of " +
                 tensor->Name + ", such as 0-2,100: it has elements 0 to " +
                 std::to_string(tensor->Layout.elements - 1) + ", and at most " +
                 std::to_string(MostElements) + " can be chosen");
    elements.clear();
  }

  std::vector<int64_t> steps;
  const std::vector<int64_t> none, &recorded = tensor ? tensor->Steps : none;
  const std::vector<int64_t> &scalarSteps = state.Series.Scalars.Steps;
  std::set_union(scalarSteps.begin(), scalarSteps.end(), recorded.begin(), recorded.end(),
    std::back_inserter(steps));
  const vtkIdType rows = mine ? static_cast<vtkIdType>(steps.size()) : 0;

  vtkNew<vtkIdTypeArray> stepColumn;
  stepColumn->SetName("Step");
  stepColumn->SetNumberOfValues(rows);
  std::copy(steps.begin(), steps.begin() + rows, stepColumn->GetPointer(0));
  output->AddColumn(stepColumn);
  std::vector<double *> columns; // the table keeps the arrays
  const auto add = [&](const std::string &name) {
    vtkNew<vtkDoubleArray> column;
    column->SetName(name.c_str());
    column->SetNumberOfValues(rows);
    std::fill_n(column->GetPointer(0), rows, std::nan(""));
    columns.push_back(column->GetPointer(0));
    output->AddColumn(column);
  };
  for (const std::string &name : state.Series.ScalarNames)
    add(name);
  for (size_t element : elements)
    add(tensor->Name + "[" + std::to_string(element) + "]");
  if (!mine)
    return;

  vtkTensorSnapshotSession session(state.Series);
  const size_t names = state.Series.ScalarNames.size();
  size_t row = 0;
  for (const RunSeries::Segment &segment : state.Series.Scalars.Segments) {
    RunFile &file = state.Series.Files[segment.File];
    std::vector<double> values;
    if (segment.Count == 0 || !session.Open(segment.File))
      continue;
    if (!file.ReadScalars(values)) {
      session.Fail(segment.File);
      continue;
    }
    const size_t width = file.ScalarNames().size();
    std::vector<double *> targets(width);
    for (size_t k = 0; k < width; ++k)
      targets[k] =
        columns[static_cast<size_t>(std::find(state.Series.ScalarNames.begin(),
                                      state.Series.ScalarNames.end(), file.ScalarNames()[k]) -
                                    state.Series.ScalarNames.begin())];
    for (size_t k = 0; k < segment.Count; ++k) {
      while (steps[row] < scalarSteps[segment.Begin + k])
        ++row;
      for (size_t column = 0; column < width; ++column)
        targets[column][row] = values[k * width + column];
    }
  }

  std::map<std::string, std::vector<double>> histories;
  const auto progress = [this](double done) {
    this->UpdateProgress(done);
    return !this->CheckAbort();
  };
  row = 0;
  for (size_t s = 0; tensor && !elements.empty() && s < tensor->Segments.size(); ++s) {
    const RunSeries::Segment &segment = tensor->Segments[s];
    if (segment.Count == 0)
      continue;
    RunFile &file = state.Series.Files[segment.File];
    const RunFile::Tensor &stream = file.Tensors()[segment.Stream];
    const std::string key = file.Identity() + "\n" + tensor->Name + "\n" + this->HistoryElements;
    std::vector<double> values = std::move(state.Histories[key]);
    const size_t known = values.size() / elements.size();
    bool whole = true;
    if (known < segment.Count) { // the rest of it; what cannot be read stays NaN
      values.resize(stream.Complete * elements.size(), std::nan(""));
      whole = session.Open(segment.File) && (file.ReadElements(stream, elements, known,
                                               values.data() + known * elements.size(), progress) ||
                                              session.Fail(segment.File));
    }
    for (size_t k = 0; k < segment.Count; ++k) {
      while (steps[row] < recorded[segment.Begin + k])
        ++row;
      for (size_t column = 0; column < elements.size(); ++column)
        columns[names + column][row] = values[k * elements.size() + column];
    }
    if (whole)
      histories[key] = std::move(values);
  }
  state.Histories.swap(histories);
  this->ReportOnce(1, session.Error);
}
