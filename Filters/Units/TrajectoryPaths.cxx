// SPDX-License-Identifier: BSD-3-Clause
#include "TrajectoryPaths.h"

#include "vtkAppendPolyData.h"
#include "vtkCellArray.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkIdTypeArray.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkStringArray.h"

#include <cmath>
#include <cstdio>

void TrajectoryPaths::Number(vtkPolyData *path, int run)
{
  const vtkIdType count = path->GetNumberOfPoints();
  vtkNew<vtkIntArray> runs;
  runs->SetName("Run");
  runs->SetNumberOfValues(count);
  for (vtkIdType k = 0; k < count; ++k)
    runs->SetValue(k, run);
  path->GetPointData()->AddArray(runs);
}

void TrajectoryPaths::Name(vtkPolyData *paths, const std::vector<std::string> &names)
{
  vtkNew<vtkStringArray> array;
  array->SetName("RunNames");
  for (const std::string &name : names)
    array->InsertNextValue(name);
  paths->GetFieldData()->AddArray(array);
}

void TrajectoryPaths::Join(
  vtkPolyData *output, const std::vector<vtkSmartPointer<vtkPolyData>> &paths)
{
  if (paths.empty())
    return;
  if (paths.size() == 1) {
    output->ShallowCopy(paths[0]);
    return;
  }
  vtkNew<vtkAppendPolyData> all;
  all->SetOutputPointsPrecision(vtkAlgorithm::DOUBLE_PRECISION);
  for (const auto &path : paths)
    all->AddInputData(path);
  all->Update();
  output->ShallowCopy(all->GetOutput());
  output->GetPointData()->SetActiveScalars("Step");
  output->GetFieldData()->PassData(paths[0]->GetFieldData());
}

std::string TrajectoryPaths::Describe(
  const TrajectoryComponents &components, const std::string &tensor)
{
  char shares[96];
  std::snprintf(shares, sizeof shares, " (%.1f %%, %.1f %%, %.1f %% of the variance)",
    100 * components.Explained[0], 100 * components.Explained[1], 100 * components.Explained[2]);
  return "principal components of " + (tensor.empty() ? "all weights" : tensor) + shares;
}

void TrajectoryPaths::Draw(vtkPolyData *output, const TrajectoryComponents &components)
{
  vtkNew<vtkPoints> points;
  points->SetDataTypeToDouble();
  vtkNew<vtkCellArray> lines, dots;
  vtkNew<vtkIdTypeArray> steps;
  steps->SetName("Step");
  vtkNew<vtkIntArray> runs;
  runs->SetName("Run");
  for (size_t run = 0; run < components.Paths.size(); ++run) {
    const TrajectoryComponents::Path &path = components.Paths[run];
    const vtkIdType first = points->GetNumberOfPoints();
    for (size_t k = 0; k < path.Points.size(); ++k)
      if (std::isfinite(path.Points[k][0])) {
        points->InsertNextPoint(path.Points[k].data());
        steps->InsertNextValue(path.Steps[k]);
        runs->InsertNextValue(static_cast<int>(run));
      }
    const vtkIdType count = points->GetNumberOfPoints() - first;
    vtkCellArray *cells = count == 1 ? dots.Get() : lines.Get(); // a line needs two
    if (count > 0)
      cells->InsertNextCell(static_cast<int>(count));
    for (vtkIdType k = 0; k < count; ++k)
      cells->InsertCellPoint(first + k);
  }
  output->SetPoints(points);
  output->SetLines(lines);
  output->SetVerts(dots);
  output->GetPointData()->AddArray(steps);
  output->GetPointData()->AddArray(runs);
  output->GetPointData()->SetActiveScalars("Step");
  vtkNew<vtkDoubleArray> explained;
  explained->SetName("ExplainedVariance");
  for (int axis = 0; axis < 3; ++axis) {
    const double share = components.Explained[static_cast<size_t>(axis)];
    char title[64];
    std::snprintf(title, sizeof title, "Component %d (%.1f %%)", axis + 1, 100 * share);
    vtkNew<vtkStringArray> name; // where ParaView looks for the titles of axes
    name->SetName(axis == 0 ? "AxisTitleForX" : axis == 1 ? "AxisTitleForY" : "AxisTitleForZ");
    name->InsertNextValue(title);
    output->GetFieldData()->AddArray(name);
    explained->InsertNextValue(share);
  }
  output->GetFieldData()->AddArray(explained);
}
