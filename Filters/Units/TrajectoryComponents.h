// SPDX-License-Identifier: BSD-3-Clause
#ifndef TrajectoryComponents_h
#define TrajectoryComponents_h

#include "RunSource.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

/// Principal components over time of one tensor, or of all weights, of one or several runs in one
/// basis.
class TrajectoryComponents
{
public:
  struct Path
  {
    std::vector<int64_t> Steps;
    std::vector<std::array<double, 3>>
      Points; ///< one for each step; NaN where a record is not finite
  };

  /// The paths of all runs. tensor: "layer/kind", or empty: all weights that were recorded. False,
  /// with a sentence, where there is nothing to show, or the runs do not have the same tensors;
  /// false and no sentence where it was stopped.
  bool Compute(const std::vector<RunSource *> &runs, const std::string &tensor, size_t mostRecords,
    const tv_execution &execution, std::string &error);

  std::vector<Path> Paths;           ///< of each run
  std::array<double, 3> Explained{}; ///< share of the variance, of each component
};

#endif
