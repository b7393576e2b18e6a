/* SPDX-License-Identifier: BSD-3-Clause */
/// @file Ranks.h
/// What the filters of several MPI ranks say to each other. RowExchange.h and SimilarityRanks.h,
/// which are built on it, are the rest of that.
///
/// All functions that take a controller are collective: each rank calls them, in the same order.
/// Where controller is null there is one rank only, and its own number is the answer.
#ifndef Ranks_h
#define Ranks_h

#include "vtkType.h"

#include <cstddef>
#include <vector>

class vtkDataArray;
class vtkMultiProcessController;

namespace Ranks {
/// The processes that share the work, or null where this is the only one.
vtkMultiProcessController *Controller();

/// Whether this is the only rank, or the first of several: the one that shows what all share.
bool IsFirst();

/// The largest of all ranks' numbers: for what only some of them know.
long long Largest(vtkMultiProcessController *controller, long long number);

/// Least and greatest of all ranks' ranges, on each.
void Widen(vtkMultiProcessController *controller, double range[2]);

/// The sum of all ranks' numbers, on each.
size_t Sum(vtkMultiProcessController *controller, size_t number);
void Sum(vtkMultiProcessController *controller, std::vector<double> &numbers);

/// Each rank's numbers, as many from each, one rank after the other, on each.
std::vector<vtkIdType> Collect(
  vtkMultiProcessController *controller, const std::vector<vtkIdType> &mine);

/// Replaces an array by those of all ranks, one after the other, on the first rank; by an empty one
/// on the others. controller must not be null.
void Join(vtkMultiProcessController *controller, vtkDataArray *array);
} // namespace Ranks

#endif
