// SPDX-License-Identifier: BSD-3-Clause
#include "TrajectoryComponents.h"

#include "components.h"

#include <algorithm>
#include <iterator>

namespace {
/// One tensor in all runs.
struct Part
{
  std::string Name;
  std::vector<size_t> Index; ///< of the tensor in each run
  size_t Weights, Leading;   ///< of a record; filters, or rows of a matrix
  std::vector<double> Wide;  ///< for types that come as double
};

/// A record: of which run, at which step.
struct Record
{
  size_t Run;
  int64_t Step;
};

struct Reader
{
  const std::vector<RunSource *> &Runs;
  const std::vector<Record> &Records;
  Part &Tensor;

  int Read(size_t record, size_t first, size_t count, float *weights)
  {
    tv_source *source = this->Runs[this->Records[record].Run]->Source();
    const size_t tensor = this->Tensor.Index[this->Records[record].Run];
    const size_t each = this->Tensor.Weights / this->Tensor.Leading;
    const tv_source_tensor *tensors;
    tv_source_tensors(source, &tensors);
    const tv_type type = tensors[tensor].type;
    const auto number =
      static_cast<size_t>(tv_source_record_at(source, tensor, this->Records[record].Step));
    if (type != TV_FLOAT64 && type != TV_INT32 && type != TV_INT64)
      return tv_source_read_windows(
        source, tensor, number, first / each, count / each, weights, nullptr);
    this->Tensor.Wide.resize(count);
    const int status = tv_source_read_windows(
      source, tensor, number, first / each, count / each, this->Tensor.Wide.data(), nullptr);
    std::copy_n(this->Tensor.Wide.data(), status < 0 ? 0 : count, weights);
    return status;
  }
};

/// How many filters, or rows, a tensor has: what tv_source_read_windows() counts.
size_t Leading(const RunSource &run, const tv_source_tensor &tensor)
{
  const tv_unit_stream *streams;
  for (size_t k = 0, n = tv_units_streams(run.Units(), &streams); k < n; ++k)
    if (tensor.name == std::string(streams[k].layer) + "/" + streams[k].kind)
      return streams[k].units;
  return 1;
}

/// The chosen tensors of the first run, found in all others too.
bool FindParts(const std::vector<RunSource *> &runs, const std::string &wanted,
  std::vector<Part> &parts, std::string &error)
{
  const tv_source_tensor *tensors;
  const size_t count = tv_source_tensors(runs[0]->Source(), &tensors);
  for (size_t t = 0; t < count; ++t) {
    const tv_source_tensor &tensor = tensors[t];
    const bool chosen =
      wanted.empty() ? tensor.kind == std::string("weights") : tensor.name == wanted;
    if (!chosen || tensor.problem || tensor.records == 0)
      continue;
    Part part{tensor.name, {}, 1, Leading(*runs[0], tensor), {}};
    for (int axis = 0; axis < tensor.shape.rank; ++axis)
      part.Weights *= tensor.shape.size[axis];
    for (const RunSource *run : runs) {
      const ptrdiff_t found = tv_source_find(run->Source(), tensor.name);
      const tv_source_tensor *others;
      tv_source_tensors(run->Source(), &others);
      size_t weights = 1;
      for (int axis = 0; found >= 0 && axis < others[found].shape.rank; ++axis)
        weights *= others[found].shape.size[axis];
      if (found < 0 || others[found].problem || weights != part.Weights) {
        error = "the runs have no common basis: " + part.Name + " has " +
                std::to_string(part.Weights) + " weights in the first, and " +
                (found < 0 ? "is not in another" : std::to_string(weights) + " in another");
        return false;
      }
      part.Index.push_back(static_cast<size_t>(found));
    }
    parts.push_back(part);
  }
  if (parts.empty())
    error = wanted.empty() ? "the run has no weights whose path could be shown"
                           : "there is no tensor \"" + wanted + "\" in the run";
  return !parts.empty();
}

/// The steps at which a run has all parts; evenly fewer where there are too many.
std::vector<int64_t> CommonSteps(
  tv_source *source, const std::vector<Part> &parts, size_t run, size_t most)
{
  const tv_source_tensor *tensors;
  tv_source_tensors(source, &tensors);
  std::vector<int64_t> steps, common;
  for (const Part &part : parts) {
    const tv_source_tensor &tensor = tensors[part.Index[run]];
    const int64_t *end = tensor.steps + tensor.records;
    if (&part == &parts.front())
      common.assign(tensor.steps, end);
    else {
      steps.swap(common);
      common.clear();
      std::set_intersection(
        steps.begin(), steps.end(), tensor.steps, end, std::back_inserter(common));
    }
  }
  if (common.size() <= most)
    return common;
  steps.clear();
  for (size_t k = 0; k < most; ++k) // with the first and the last
    steps.push_back(common[k * (common.size() - 1) / (most - 1)]);
  return steps;
}
} // namespace

bool TrajectoryComponents::Compute(const std::vector<RunSource *> &runs, const std::string &tensor,
  size_t mostRecords, const tv_execution &execution, std::string &error)
{
  std::vector<Part> parts;
  std::vector<Record> records;
  this->Paths.assign(runs.size(), Path());
  if (!FindParts(runs, tensor, parts, error))
    return false;
  for (size_t run = 0; run < runs.size(); ++run) {
    this->Paths[run].Steps =
      CommonSteps(runs[run]->Source(), parts, run, std::max<size_t>(2, mostRecords / runs.size()));
    for (int64_t step : this->Paths[run].Steps)
      records.push_back({run, step});
  }
  if (records.empty()) {
    error = "there is no step at which all weights were recorded";
    return false;
  }
  const size_t count = records.size();
  std::vector<double> gram(count * count, 0.0), scores(count * 3);
  int status = TV_OK;
  for (Part &part : parts) {
    Reader reader{runs, records, part};
    const auto read = [](void *context, size_t record, size_t first, size_t number, float *to) {
      return static_cast<Reader *>(context)->Read(record, first, number, to);
    };
    if (status == TV_OK)
      status = tv_gram_stream(
        gram.data(), count, part.Weights, part.Weights / part.Leading, read, &reader, &execution);
  }
  if (status == TV_OK)
    status = tv_components(scores.data(), this->Explained.data(), gram.data(), count, 3);
  if (status < 0) {
    error = status == TV_ERROR_CANCELLED ? "" : tv_last_error();
    return false;
  }
  for (size_t k = 0; k < count; ++k)
    this->Paths[records[k].Run].Points.push_back(
      {scores[3 * k], scores[3 * k + 1], scores[3 * k + 2]});
  return true;
}
