// SPDX-License-Identifier: BSD-3-Clause
// vtkTensorSourceReader: which files, what is in them, and what of it is asked for.
#include "vtkTensorSourceReaderInternals.h"

#include "vtkTensorCollection.h"

#include "vtkDataArraySelection.h"
#include "vtkInformation.h"
#include "vtkInformationDoubleKey.h"
#include "vtkInformationDoubleVectorKey.h"
#include "vtkInformationIntegerVectorKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkInformationVector.h"
#include "vtkStreamingDemandDrivenPipeline.h"

#include <algorithm>
#include <sys/stat.h>
#include <unordered_set>

namespace {
constexpr size_t MostWarnings = 20; // a file with thousands of damaged tensors is one damaged file

/// Changes whenever files do that cannot be opened.
std::string StampOf(const std::vector<std::string> &names)
{
  std::string stamp;
  for (const std::string &name : names) {
    struct stat info = {};
    if (stat(name.c_str(), &info) == 0)
      stamp += std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
               std::to_string(info.st_size) + ":" + std::to_string(info.st_mtim.tv_sec) + "." +
               std::to_string(info.st_mtim.tv_nsec);
    stamp += "\n";
  }
  return stamp;
}
} // namespace

bool vtkTensorSourceReader::FilesChanged() const
{
  const Internals &state = *this->State;
  if (state.Reload || state.Opened != state.Names)
    return true;
  return state.Source ? tv_source_changed(state.Source.Get()) != 0
                      : StampOf(state.Names) != state.Stamp;
}

bool vtkTensorSourceReader::Live() const
{
  return this->State->Names.size() == 1 && this->State->Names[0].rfind("ring:", 0) == 0;
}

/// What was left out, and why.
void vtkTensorSourceReader::ReportNotes()
{
  size_t said = 0, silent = 0;
  for (const std::string &note : this->State->Source.Notes())
    if (this->State->Reported.insert(note).second) {
      if (said < MostWarnings)
        vtkWarningMacro(<< note);
      ++(said < MostWarnings ? said : silent);
    }
  if (silent > 0)
    vtkWarningMacro(<< this->State->Names[0] << ": there are " << silent << " more such warnings");
}

/// What was chosen that is not there: by a script, or by a state file that was made for another
/// run.
void vtkTensorSourceReader::ForgetUnknownTensors()
{
  const TensorSource &source = this->State->Source;
  for (int k = this->TensorSelection->GetNumberOfArrays(); k-- > 0;) {
    const std::string name = this->TensorSelection->GetArrayName(k);
    if (source.Find(name) >= 0)
      continue;
    if (this->TensorSelection->GetArraySetting(k)) {
      std::string known;
      for (const TensorSource::Tensor &tensor : source.Tensors())
        known += (known.empty() ? "" : ", ") + tensor.Name;
      this->Report(this->State->Names[0] + ": there is no tensor \"" + name + "\"; it has " +
                   (known.empty() ? "none" : known));
    }
    this->TensorSelection->RemoveArrayByIndex(k);
  }
}

/// Opens the files, whatever was there before. False where they cannot be opened.
bool vtkTensorSourceReader::ListFresh()
{
  Internals &state = *this->State;
  std::vector<const char *> paths;
  for (const std::string &name : state.Names)
    paths.push_back(name.c_str());
  tv_source *source = nullptr;
  state.Opened = state.Names;
  state.Stamp = StampOf(state.Names);
  state.Reload = false;
  state.Seen.clear();
  const bool good =
    paths.empty() || tv_source_open(&source, paths.data(), paths.size(), nullptr) == TV_OK;
  const std::string error = good ? "" : tv_last_error();
  state.Source.Take(source);
  if (!good && error != state.Failure)
    this->Report(error);
  state.Failure = error;
  return good;
}

/// Lists the files where they have changed.
void vtkTensorSourceReader::ListAgain()
{
  Internals &state = *this->State;
  if (!this->FilesChanged())
    return;
  std::vector<std::string> before;
  for (const TensorSource::Tensor &tensor : state.Source.Tensors())
    before.push_back(tensor.Name);
  tv_change change = TV_CHANGE_REPLACED;
  if (state.Source && !state.Reload && state.Opened == state.Names &&
      tv_source_refresh(state.Source.Get(), &change) == TV_OK)
    state.Source.List();
  else {
    change = TV_CHANGE_REPLACED;
    state.Good = this->ListFresh();
  }
  // What was read stays true where a run only grew; a run that was started again under the same
  // name may look the same, so that nothing is kept unless somebody follows each of its steps.
  if (!this->Follow || change == TV_CHANGE_REPLACED)
    state.Forget();
  this->ReportNotes();
  // What was chosen stays chosen while a file cannot be read; what only the last file had goes.
  for (const std::string &name : before)
    if (state.Good && state.Source.Find(name) < 0)
      this->TensorSelection->RemoveArrayByName(name.c_str());
  this->UpdateSelection();
  if (state.Source)
    tv_source_rest(state.Source.Get());
}

/// Offers what is new.
void vtkTensorSourceReader::UpdateSelection()
{
  std::unordered_set<std::string> known;
  for (int k = 0; k < this->TensorSelection->GetNumberOfArrays(); ++k)
    known.insert(this->TensorSelection->GetArrayName(k));
  for (const TensorSource::Tensor &tensor : this->State->Source.Tensors())
    if (!known.count(tensor.Name))
      this->TensorSelection->AddArray(tensor.Name.c_str(), tensor.Offered);
  this->State->EnabledAt = 0; // the selection does not call that a change
}

namespace {
/// Adds steps in order, each once.
void Merge(std::vector<int64_t> &steps, const int64_t *more, size_t count)
{
  if (count == 0 || (steps.size() == count && std::equal(more, more + count, steps.begin())))
    return;
  if (steps.empty() || steps.back() < *more) {
    steps.insert(steps.end(), more, more + count);
    return;
  }
  std::vector<int64_t> merged;
  merged.reserve(steps.size() + count);
  std::set_union(steps.begin(), steps.end(), more, more + count, std::back_inserter(merged));
  steps.swap(merged);
}
} // namespace

int vtkTensorSourceReader::RequestInformation(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  Internals &state = *this->State;
  this->ListAgain();
  if (state.Good)
    this->ForgetUnknownTensors();

  vtkInformation *out = outputVector->GetInformationObject(0);
  out->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  outputVector->GetInformationObject(1)->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  out->Remove(vtkTensorCollection::TENSORS());
  out->Remove(vtkTensorCollection::SHAPES());
  for (int port = 0; port < 2; ++port) {
    vtkInformation *either = outputVector->GetInformationObject(port);
    either->Remove(vtkTensorCollection::PATHS());
    for (const std::string &name : state.Names)
      either->Append(vtkTensorCollection::PATHS(), name.c_str());
  }
  std::vector<int64_t> steps;
  for (const TensorSource::Tensor &tensor : state.Source.Tensors()) {
    if (!this->IsEnabled(tensor.Name))
      continue;
    const tv_source_tensor &listed = state.Source.Listed(tensor);
    const tv_windows &windows = tensor.Windows;
    Merge(steps, listed.steps, listed.records);
    out->Append(vtkTensorCollection::TENSORS(), tensor.Name.c_str());
    for (size_t size : {windows.filters, windows.channels, windows.rows, windows.columns})
      out->Append(vtkTensorCollection::SHAPES(), static_cast<int>(size));
  }
  if (steps.empty()) // of what is not shown, then: of statistics, where nothing else was recorded
    for (const TensorSource::Tensor &tensor : state.Source.Tensors()) {
      const tv_source_tensor &listed = state.Source.Listed(tensor);
      Merge(steps, listed.steps, listed.records);
    }
  if (state.Source && (this->TimeSteps == ALL || steps.empty())) {
    tv_source_scalars scalars;
    tv_source_scalars_of(state.Source.Get(), &scalars);
    Merge(steps, scalars.steps, scalars.records);
  }
  state.Steps.assign(steps.begin(), steps.end());
  state.Times = state.Steps;
  for (int port = 0; port < 2; ++port)
    outputVector->GetInformationObject(port)->Remove(vtkTensorCollection::STEPS_PER_TIME());
  if (this->TimeUnit == PERCENT && !steps.empty() && steps.back() > 0) {
    const double percent = static_cast<double>(steps.back()) / 100.0;
    for (double &time : state.Times)
      time /= percent;
    for (int port = 0; port < 2; ++port)
      outputVector->GetInformationObject(port)->Set(vtkTensorCollection::STEPS_PER_TIME(), percent);
  }
  if (state.Times.empty()) {
    out->Remove(vtkStreamingDemandDrivenPipeline::TIME_STEPS());
    out->Remove(vtkStreamingDemandDrivenPipeline::TIME_RANGE());
  } else {
    const double range[2] = {state.Times.front(), state.Times.back()};
    out->Set(vtkStreamingDemandDrivenPipeline::TIME_STEPS(), state.Times.data(),
      static_cast<int>(state.Times.size()));
    out->Set(vtkStreamingDemandDrivenPipeline::TIME_RANGE(), range, 2);
  }
  return 1;
}
