#include "RunSeries.h"

#include <algorithm>
#include <limits>

namespace {
constexpr int64_t Never = std::numeric_limits<int64_t>::max();

int64_t First(const RunFile::Stream &stream, int64_t otherwise)
{
  return stream.Steps.empty() ? otherwise : std::min(otherwise, stream.Steps.front());
}

/// The first step of a file; Never where it has no records.
int64_t FirstStep(const RunFile &file)
{
  int64_t first = First(file.Scalars(), Never);
  for (const RunFile::Tensor &tensor : file.Tensors())
    first = First(tensor, first);
  for (const RunFile::FilterStates &states : file.States())
    first = First(states, first);
  return first;
}

/// Adds a file's records before the step at which the next file begins.
void Extend(
  RunSeries::Track &track, const RunFile::Stream &stream, size_t file, size_t index, int64_t end)
{
  const auto last = std::lower_bound(stream.Steps.begin(), stream.Steps.end(), end);
  const size_t count = static_cast<size_t>(last - stream.Steps.begin());
  track.Segments.push_back({file, index, track.Steps.size(), count});
  track.Steps.insert(track.Steps.end(), stream.Steps.begin(), last);
}
} // namespace

int64_t RunSeries::Track::Find(double time) const
{
  const auto after = std::upper_bound(this->Steps.begin(), this->Steps.end(), time,
    [](double wanted, int64_t step) { return wanted < static_cast<double>(step); });
  return static_cast<int64_t>(after - this->Steps.begin()) - 1;
}

const RunSeries::Segment &RunSeries::Track::Locate(size_t record) const
{
  size_t k = 0;
  while (
    k + 1 < this->Segments.size() && record >= this->Segments[k].Begin + this->Segments[k].Count)
    ++k;
  return this->Segments[k];
}

const RunSeries::Tensor *RunSeries::FindTensor(const std::string &name) const
{
  for (const Tensor &tensor : this->Tensors)
    if (tensor.Name == name)
      return &tensor;
  return nullptr;
}

const RunSeries::States *RunSeries::FindStates(const std::string &layer) const
{
  for (const States &states : this->FilterStates)
    if (states.Layer == layer)
      return &states;
  return nullptr;
}

bool RunSeries::Continues(const RunSeries &before) const
{
  const auto grew = [](const Track &now, const Track &then) {
    return now.Steps.size() >= then.Steps.size() &&
           std::equal(then.Steps.begin(), then.Steps.end(), now.Steps.begin());
  };
  if (before.Files.empty() || this->Files.size() != before.Files.size() ||
      this->Tensors.size() != before.Tensors.size() || !grew(this->Scalars, before.Scalars))
    return false;
  for (size_t k = 0; k < this->Files.size(); ++k)
    if (this->Files[k].Identity() != before.Files[k].Identity())
      return false;
  for (size_t k = 0; k < this->Tensors.size(); ++k)
    if (this->Tensors[k].Name != before.Tensors[k].Name ||
        this->Tensors[k].Layout.elements != before.Tensors[k].Layout.elements ||
        !grew(this->Tensors[k], before.Tensors[k]))
      return false;
  return true;
}

bool RunSeries::Open(const std::vector<std::string> &paths, std::string &error)
{
  *this = RunSeries();
  for (const std::string &path : paths) {
    RunFile file;
    if (!file.Open(path)) {
      error = file.Error();
      return false;
    }
    file.Close();
    this->Files.push_back(std::move(file));
  }
  std::stable_sort(this->Files.begin(), this->Files.end(),
    [](const RunFile &left, const RunFile &right) { return FirstStep(left) < FirstStep(right); });
  for (size_t f = 0; f < this->Files.size(); ++f) {
    const RunFile &file = this->Files[f];
    const int64_t end = f + 1 < this->Files.size() ? FirstStep(this->Files[f + 1]) : Never;
    if (end != Never && FirstStep(file) == end) {
      error = this->Files[f + 1].Path() + ": it begins at the same step as " + file.Path() +
              ", so that neither continues the other; open them one by one";
      return false;
    }
    for (size_t k = 0; k < file.Tensors().size(); ++k) {
      const RunFile::Tensor &stream = file.Tensors()[k];
      Tensor *tensor = const_cast<Tensor *>(this->FindTensor(stream.Title));
      if (!tensor) {
        this->Tensors.emplace_back();
        tensor = &this->Tensors.back();
        tensor->Name = stream.Title;
        tensor->Layer = stream.Layer;
        tensor->Kind = stream.Kind;
        tensor->Axes = stream.Axes;
        tensor->Type = stream.Type;
        tensor->Layout = stream.Layout;
      } else if (tensor->Type != stream.Type || tensor->Layout.matrix != stream.Layout.matrix ||
                 tensor->Layout.windows.filters != stream.Layout.windows.filters ||
                 tensor->Layout.windows.channels != stream.Layout.windows.channels ||
                 tensor->Layout.windows.rows != stream.Layout.windows.rows ||
                 tensor->Layout.windows.columns != stream.Layout.windows.columns) {
        error = file.Path() + ": " + stream.Title +
                " has other sizes or another type than in the files before it";
        return false;
      }
      Extend(*tensor, stream, f, k, end);
    }
    for (size_t k = 0; k < file.States().size(); ++k) {
      const RunFile::FilterStates &stream = file.States()[k];
      States *states = const_cast<States *>(this->FindStates(stream.Layer));
      if (!states) {
        this->FilterStates.emplace_back();
        states = &this->FilterStates.back();
        states->Layer = stream.Layer;
      }
      Extend(*states, stream, f, k, end);
    }
    Extend(this->Scalars, file.Scalars(), f, 0, end);
    for (const std::string &name : file.ScalarNames())
      if (std::find(this->ScalarNames.begin(), this->ScalarNames.end(), name) ==
          this->ScalarNames.end())
        this->ScalarNames.push_back(name);
  }
  return true;
}
