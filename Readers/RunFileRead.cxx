// RunFile: the part that reads values. What it reads was checked when the file was opened; the
// sizes are checked once more, because a file may have changed since.
#include "RunFile.h"

#include "tensorview/format.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

namespace {
constexpr double PieceBytes = 16 << 20; // between two calls of a progress function
constexpr double CacheBytes = 8 << 20;  // of chunks, while a history is read
constexpr size_t RecordBytes = 2 << 20; // of whole records, while many of their elements are read
constexpr size_t RunElements = 64;      // HDF5 copies so many in the time that it finds a run in

size_t Count(const std::vector<hsize_t> &sizes)
{
  return std::accumulate(sizes.begin(), sizes.end(), size_t(1), std::multiplies<size_t>());
}

/// Elements that stand beside each other in the source: one hyperslab.
struct Run
{
  size_t Begin;  // index in the list of sorted elements
  size_t Length; // how many
};
} // namespace

/// Reads a box of a dataset. Beside a writer, a chunk may be caught while it is being replaced: its
/// checksum tells, and a moment later it is whole.
void RunFile::ReadSlab(Hdf5Handle &dataset, const Stream &stream, hid_t type,
  const std::vector<hsize_t> &start, const std::vector<hsize_t> &count, size_t cache, void *result)
{
  for (int attempt = 0;; ++attempt) {
    const Hdf5Handle space(H5Dget_space(dataset));
    // Memory of the file's own shape: with any other HDF5 goes through the elements one by one.
    const Hdf5Handle memory(
      H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) >=
          0 &&
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, result) >= 0)
      return;
    const std::string reason = Hdf5Reason();
    if (!this->Live || attempt == 4)
      this->Fail((count[0] > 1 ? "a record from " : "record ") + std::to_string(start[0]) + " of " +
                 stream.Title + " (step " + std::to_string(stream.Steps[start[0]]) +
                 ") cannot be read; " + reason +
                 (this->Live ? "; its writer was interrupted there, or is still writing" : ""));
    std::this_thread::sleep_for(std::chrono::milliseconds(10 << attempt));
    dataset.Reset();
    this->OpenFile();
    dataset = this->OpenValues(stream, cache);
  }
}

/// The values of a stream, once more: what was listed must still be there.
Hdf5Handle RunFile::OpenValues(const Stream &stream, size_t cache)
{
  Hdf5Handle dataset = this->OpenPath(stream.Path + "/values", stream.Title, cache);
  std::vector<hsize_t> extent = Hdf5Extent(dataset);
  if (extent.size() != 1 + stream.Shape.size() || extent[0] < stream.Complete ||
      !std::equal(stream.Shape.begin(), stream.Shape.end(), extent.begin() + 1))
    this->Fail(
      "values of " + stream.Title + " has changed its size since it was opened; reload it");
  return dataset;
}

bool RunFile::ReadRecord(const Tensor &tensor, size_t record, size_t first, size_t filters,
  void *result, int threads, const Progress &progress)
{
  return this->Guard([&] {
    const int axis = tensor.Layout.order[0]; // of the range
    const size_t total =
      tensor.Layout.matrix ? tensor.Layout.windows.rows : tensor.Layout.windows.filters;
    if (record >= tensor.Complete || first > total || filters < 1 || filters > total - first)
      this->Fail("there is no such record of " + tensor.Title);
    const tv_execution execution = {threads, nullptr, nullptr};
    std::vector<size_t> shape(tensor.Shape.begin(), tensor.Shape.end());
    shape[axis] = filters;
    tv_layout layout;
    if (tv_layout_axes(&layout, tensor.Axes.c_str(), shape.data()) != 0)
      this->Fail(tensor.Title + ": " + tv_last_error());

    Hdf5Handle dataset = this->OpenValues(tensor, 0);
    const size_t from = tv_type_size(tensor.Type), to = tv_layout_result_size(tensor.Type);
    this->CheckFits(dataset, static_cast<double>(layout.elements) * from, tensor.Title);
    const Hdf5Handle type(tensor.Type == TV_FLOAT32   ? H5Tcopy(H5T_NATIVE_FLOAT)
                          : tensor.Type == TV_FLOAT64 ? H5Tcopy(H5T_NATIVE_DOUBLE)
                                                      : H5Dget_type(dataset));

    // In pieces of whole chunks along the source's first axis. Where that axis is the one that the
    // result begins with, too, each piece is converted on its own, or needs no conversion at all.
    const bool direct = tv_layout_direct(&layout, tensor.Type) != 0;
    const bool sliced = axis == 0;
    const size_t length = shape[0], slice = layout.elements / length;
    const std::vector<hsize_t> chunk = Hdf5Chunk(dataset);
    const size_t wanted =
      std::max<size_t>(1, static_cast<size_t>(PieceBytes / (static_cast<double>(slice) * from)));
    const size_t step =
      std::max<size_t>(1, wanted / static_cast<size_t>(chunk[1])) * static_cast<size_t>(chunk[1]);
    std::vector<char> buffer;
    if (!direct)
      buffer.resize((sliced ? std::min(step, length) : length) * slice * from);
    for (size_t begin = 0; begin < length;) {
      const size_t offset = axis == 0 ? first : 0; // of this axis in the file
      const size_t end = std::min(length, ((begin + offset) / step + 1) * step - offset);
      std::vector<hsize_t> start(1 + shape.size(), 0), count(1, 1);
      start[0] = record;
      count.insert(count.end(), shape.begin(), shape.end());
      start[1 + axis] = first;
      start[1] = offset + begin;
      count[1] = end - begin;
      char *target = direct   ? static_cast<char *>(result) + begin * slice * from
                     : sliced ? buffer.data()
                              : buffer.data() + begin * slice * from;
      this->ReadSlab(dataset, tensor, type, start, count, 0, target);
      if (!direct && sliced) {
        tv_layout part;
        shape[0] = end - begin;
        tv_layout_axes(&part, tensor.Axes.c_str(), shape.data());
        shape[0] = length;
        tv_layout_convert(static_cast<char *>(result) + begin * slice * to, &part, tensor.Type,
          target, 0, part.count, &execution);
      }
      begin = end;
      if (progress && !progress(static_cast<double>(begin) / static_cast<double>(length)))
        this->Fail("reading " + tensor.Title + " was stopped");
    }
    if (!direct && !sliced)
      tv_layout_convert(result, &layout, tensor.Type, buffer.data(), 0, layout.count, &execution);
  });
}

bool RunFile::ReadElements(const Tensor &tensor, const std::vector<size_t> &columns, size_t first,
  double *result, const Progress &progress)
{
  return this->Guard([&] {
    if (columns.empty() || first >= tensor.Complete)
      return;
    for (size_t column : columns)
      if (column >= tensor.Layout.elements)
        this->Fail(tensor.Title + " has no element " + std::to_string(column) + ": it has " +
                   std::to_string(tensor.Layout.elements));

    // In the order in which the file has them; neighbours along its last axis are read as one.
    std::vector<std::pair<size_t, size_t>> sorted; // where in the source, which column
    for (size_t k = 0; k < columns.size(); ++k)
      sorted.emplace_back(tv_layout_source(&tensor.Layout, columns[k]), k);
    std::sort(sorted.begin(), sorted.end());
    const size_t last = static_cast<size_t>(tensor.Shape.back());
    std::vector<Run> runs;
    for (size_t k = 0; k < sorted.size(); ++k) {
      const bool joins = k > 0 && sorted[k].first == sorted[k - 1].first + 1 &&
                         sorted[k].first / last == sorted[k - 1].first / last;
      if (!joins)
        runs.push_back({k, 0});
      ++runs.back().Length;
    }

    Hdf5Handle dataset = this->OpenValues(tensor, 0);
    const std::vector<hsize_t> chunk = Hdf5Chunk(dataset);
    const double bytes =
      static_cast<double>(Count(chunk)) * static_cast<double>(tv_type_size(tensor.Type));
    this->CheckFits(
      dataset, static_cast<double>(tensor.Complete) * tv_type_size(tensor.Type), tensor.Title);
    const size_t cache = static_cast<size_t>(std::max(CacheBytes, bytes));
    dataset = this->OpenValues(tensor, cache);

    // All runs of a band of records, before the next band: each chunk is read and checked once.
    // A chunk that cannot be read costs its own records, and no others.
    const size_t rows = static_cast<size_t>(chunk[0]);
    size_t band = rows * std::max<size_t>(1, static_cast<size_t>(CacheBytes / bytes));
    // Where many elements of few are chosen, whole records are read, and the rest is dropped.
    const size_t elements = tensor.Layout.elements;
    bool whole = runs.size() > 1 && runs.size() * RunElements >= elements &&
                 static_cast<double>(rows * elements * sizeof(double)) <= CacheBytes;
    const size_t wholeBand =
      rows * std::max<size_t>(1, RecordBytes / sizeof(double) / elements / rows);
    std::vector<double> values;
    std::string failure;
    for (size_t begin = first; begin < tensor.Complete;) {
      const size_t together = whole ? wholeBand : band;
      const size_t end = std::min(tensor.Complete, (begin / together + 1) * together);
      try {
        if (whole) {
          std::vector<hsize_t> start(1 + tensor.Shape.size(), 0), count(tensor.Shape);
          start[0] = begin;
          count.insert(count.begin(), end - begin);
          values.resize((end - begin) * elements);
          this->ReadSlab(dataset, tensor, H5T_NATIVE_DOUBLE, start, count, cache, values.data());
          for (size_t record = begin; record < end; ++record)
            for (const auto &[source, column] : sorted)
              result[(record - first) * columns.size() + column] =
                values[(record - begin) * elements + source];
        }
        for (const Run &run : whole ? std::vector<Run>() : runs) {
          std::vector<hsize_t> start(1 + tensor.Shape.size()), count(1 + tensor.Shape.size(), 1);
          size_t rest = sorted[run.Begin].first;
          for (size_t a = tensor.Shape.size(); a-- > 0;) {
            start[1 + a] = rest % tensor.Shape[a];
            rest /= tensor.Shape[a];
          }
          start[0] = begin;
          count[0] = end - begin;
          count.back() = run.Length;
          values.resize((end - begin) * run.Length);
          this->ReadSlab(dataset, tensor, H5T_NATIVE_DOUBLE, start, count, cache, values.data());
          for (size_t record = begin; record < end; ++record)
            for (size_t k = 0; k < run.Length; ++k)
              result[(record - first) * columns.size() + sorted[run.Begin + k].second] =
                values[(record - begin) * run.Length + k];
        }
      } catch (const RunFileFailure &problem) {
        if (whole) { // perhaps because of what was not asked for
          whole = false;
          continue;
        }
        if (band > rows) { // which of its chunks is it?
          band = rows;
          continue;
        }
        if (failure.empty())
          failure = problem.what();
        std::fill(result + (begin - first) * columns.size(),
          result + (end - first) * columns.size(), std::nan(""));
      }
      begin = end;
      if (progress && !progress(static_cast<double>(begin - first) /
                                static_cast<double>(tensor.Complete - first)))
        this->Fail("reading the history of " + tensor.Title + " was stopped");
    }
    if (!failure.empty())
      throw RunFileFailure(failure);
  });
}

bool RunFile::ReadScalars(std::vector<double> &result)
{
  return this->Guard([&] {
    const Stream &stream = this->ScalarStream;
    result.clear();
    if (stream.Complete == 0 || this->ScalarNameList.empty())
      return;
    Hdf5Handle dataset = this->OpenValues(stream, 0);
    const std::vector<hsize_t> count{stream.Complete, stream.Shape[0]};
    this->CheckFits(
      dataset, static_cast<double>(count[0]) * static_cast<double>(count[1]) * 4, stream.Title);
    result.resize(Count(count));
    this->ReadSlab(dataset, stream, H5T_NATIVE_DOUBLE, {0, 0}, count, 0, result.data());
  });
}

bool RunFile::ReadStates(const FilterStates &states, size_t record, std::vector<int> &result)
{
  return this->Guard([&] {
    result.clear();
    if (record >= states.Complete)
      this->Fail("there is no such record of " + states.Title);
    Hdf5Handle dataset = this->OpenValues(states, 0);
    this->CheckFits(dataset, static_cast<double>(states.Shape[0]), states.Title);
    result.resize(static_cast<size_t>(states.Shape[0]));
    this->ReadSlab(
      dataset, states, H5T_NATIVE_INT, {record, 0}, {1, states.Shape[0]}, 0, result.data());
    for (int code : result)
      if (code < TV_FILTER_DEAD || code >= static_cast<int>(result.size()))
        this->Fail("record " + std::to_string(record) + " of " + states.Title + " (step " +
                   std::to_string(states.Steps[record]) + ") has the state " +
                   std::to_string(code) + ", which means nothing for one of " +
                   std::to_string(result.size()) + " filters");
  });
}
