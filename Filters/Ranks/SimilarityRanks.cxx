// SPDX-License-Identifier: BSD-3-Clause
#include "SimilarityRanks.h"

#include "Ranks.h"

#include "vtkCommunicator.h"
#include "vtkMultiProcessController.h"
#include "vtkType.h"

#include "group.h"
#include "moments.h"
#include "status.h"

#include <algorithm>

namespace {
constexpr size_t SAMPLES = 256; ///< pixels that say where about a filter's mean is

/// Where a rank's share of pixels begins; rank = number of ranks gives the end of the last.
size_t FirstPixel(size_t pixels, int rank, int ranks)
{
  return pixels / ranks * rank + std::min<size_t>(rank, pixels % ranks);
}

/// Whether the ranks' rows are all filters, each once and in order.
bool Complete(vtkMultiProcessController *controller, const RankRows &rows, size_t filters)
{
  const long long mine[] = {
    static_cast<long long>(rows.First), static_cast<long long>(rows.Filters)};
  std::vector<long long> all(2 * static_cast<size_t>(controller->GetNumberOfProcesses()));
  controller->AllGather(mine, all.data(), 2);
  long long next = 0;
  for (size_t i = 0; i < all.size(); i += 2) {
    if (all[i + 1] > 0 && all[i] != next)
      return false;
    next += all[i + 1];
  }
  return next == static_cast<long long>(filters);
}

/// Every rank's part of the filters, all pixels -> all filters, this rank's part of the pixels.
template <typename T>
std::vector<T> Exchange(
  vtkMultiProcessController *controller, const RankRows &rows, size_t filters, size_t pixels)
{
  const int ranks = controller->GetNumberOfProcesses(), me = controller->GetLocalProcessId();
  std::vector<vtkIdType> counts(ranks), lengths(ranks), offsets(ranks);
  auto mine = static_cast<vtkIdType>(rows.Filters);
  controller->AllGather(&mine, counts.data(), 1);
  const size_t share = FirstPixel(pixels, me + 1, ranks) - FirstPixel(pixels, me, ranks);
  std::vector<T> all(filters * share), part;
  const T *values = static_cast<const T *>(rows.Values);
  for (int to = 0; to < ranks; ++to) {
    const size_t first = FirstPixel(pixels, to, ranks);
    const size_t width = FirstPixel(pixels, to + 1, ranks) - first;
    part.resize(rows.Filters * width);
    for (size_t filter = 0; filter < rows.Filters; ++filter)
      std::copy_n(values + filter * pixels + first, width, part.data() + filter * width);
    vtkIdType offset = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      offsets[rank] = offset;
      lengths[rank] = counts[rank] * static_cast<vtkIdType>(width);
      offset += lengths[rank];
    }
    controller->GatherV(part.data(), all.data(), static_cast<vtkIdType>(part.size()),
      lengths.data(), offsets.data(), to);
  }
  return all;
}

/// The mean of some of each filter's pixels, spread over all that are here: what moments are about.
template <typename T> void Sample(std::vector<double> &centre, const std::vector<T> &all)
{
  const size_t share = all.size() / centre.size(), step = share / SAMPLES + 1;
  for (size_t filter = 0; filter < centre.size(); ++filter) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t pixel = 0; pixel < share; pixel += step, ++count)
      sum += static_cast<double>(all[filter * share + pixel]);
    centre[filter] = sum / static_cast<double>(count);
  }
}

template <typename T>
int AddUp(vtkMultiProcessController *controller, std::vector<double> &moments,
  std::vector<double> &centre, const RankRows &rows, size_t filters, size_t pixels,
  const tv_execution &execution)
{
  const std::vector<T> all = Exchange<T>(controller, rows, filters, pixels);
  const size_t share = all.size() / filters;
  if (controller->GetLocalProcessId() == 0)
    Sample(centre, all); // the first rank has pixels if any has
  controller->Broadcast(centre.data(), static_cast<vtkIdType>(filters), 0);
  const tv_rows here = {all.data(), rows.Type, filters, share};
  const int status =
    share == 0 ? TV_OK : tv_moments_add_rows(moments.data(), &here, centre.data(), &execution);
  const long long failed = Ranks::Largest(controller, -status);
  if (status || failed)
    return status ? status
                  : tv_fail(static_cast<tv_status>(-failed), "another rank could not do its part");
  Ranks::Sum(controller, moments);
  return TV_OK;
}
} // namespace

namespace SimilarityRanks {
int Moments(vtkMultiProcessController *controller, std::vector<double> &moments,
  std::vector<double> &centre, std::vector<unsigned char> &constant, const RankRows &rows,
  size_t filters, size_t pixels, const tv_execution &execution)
{
  if (!Complete(controller, rows, filters))
    return tv_fail(
      TV_ERROR_ARGUMENT, "the ranks do not have each of its %zu filters once", filters);
  const auto ranks = static_cast<size_t>(controller->GetNumberOfProcesses());
  const double most = std::max(static_cast<double>(filters + 1) * (filters + 1),
    static_cast<double>(filters) * (pixels / ranks + 1));
  if (most > VTK_INT_MAX) // VTK would cut off what MPI counts by an int, and say nothing
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "%zu filters of %zu pixels are too many to be compared by %zu ranks", filters, pixels, ranks);
  moments.assign(tv_moments_size(filters), 0.0);
  centre.assign(filters, 0.0);
  std::vector<unsigned char> here(filters, 0);
  const tv_rows own = {rows.Values, rows.Type, rows.Filters, pixels};
  if (rows.Filters > 0)
    tv_constant_rows(here.data() + rows.First, &own);
  constant.assign(filters, 0);
  controller->AllReduce(
    here.data(), constant.data(), static_cast<vtkIdType>(filters), vtkCommunicator::MAX_OP);
  return rows.Type == TV_FLOAT64
           ? AddUp<double>(controller, moments, centre, rows, filters, pixels, execution)
           : AddUp<float>(controller, moments, centre, rows, filters, pixels, execution);
}
} // namespace SimilarityRanks
