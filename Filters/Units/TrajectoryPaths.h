// SPDX-License-Identifier: BSD-3-Clause
#ifndef TrajectoryPaths_h
#define TrajectoryPaths_h

#include "TrajectoryComponents.h"

#include "vtkSmartPointer.h"

#include <string>
#include <vector>

class vtkPolyData;

/// Paths of several runs as one data set.
namespace TrajectoryPaths {
/// The point array Run, the same for all points.
void Number(vtkPolyData *path, int run);

/// The field array RunNames: a name for each run.
void Name(vtkPolyData *paths, const std::vector<std::string> &names);

/// One data set of them all, with the point arrays that all have.
void Join(vtkPolyData *output, const std::vector<vtkSmartPointer<vtkPolyData>> &paths);

/// The paths of all runs, Step and Run, and what the axes are.
void Draw(vtkPolyData *output, const TrajectoryComponents &components);

/// What is drawn, in words. tensor: "layer/kind", or empty: all weights.
std::string Describe(const TrajectoryComponents &components, const std::string &tensor);
} // namespace TrajectoryPaths

#endif
