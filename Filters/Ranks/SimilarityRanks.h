/* SPDX-License-Identifier: BSD-3-Clause */
/// @file SimilarityRanks.h
/// What vtkSimilarityGroups says to other ranks: from some filters of all pixels on each rank to
/// all filters of some pixels, and from there to the second moments of everything.
///
/// All functions are collective: each rank calls them, in the same order.
#ifndef SimilarityRanks_h
#define SimilarityRanks_h

#include "tensorview/types.h"

#include <cstddef>
#include <vector>

class vtkMultiProcessController;

/// The rows of one rank, contiguous in the order of ranks.
struct RankRows
{
  const void *Values = nullptr; ///< [Filters][pixels], float or double; null where there are none
  tv_type Type = TV_FLOAT32;
  std::size_t First = 0;
  std::size_t Filters = 0;
};

namespace SimilarityRanks {
/// The second moments of all filters over all pixels, about a centre near their means
/// (tv_moments_add_rows()), and which rows are constant; the same on every rank. 0 or a negative
/// tv_status, the same on every rank too; on a rank where nothing went wrong itself tv_last_error()
/// says that it was another one.
int Moments(vtkMultiProcessController *controller, std::vector<double> &moments,
  std::vector<double> &centre, std::vector<unsigned char> &constant, const RankRows &rows,
  std::size_t filters, std::size_t pixels, const tv_execution &execution);
} // namespace SimilarityRanks

#endif
