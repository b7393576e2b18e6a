/* SPDX-License-Identifier: BSD-3-Clause */
#include "PathEnds.h"

#include "vtkBoundingBox.h"
#include "vtkCellArray.h"
#include "vtkDataArray.h"
#include "vtkFieldData.h"
#include "vtkIdList.h"
#include "vtkMath.h"
#include "vtkNew.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace {
const int Around = 16, Up = 8; // of a ball
const double Start = 0.012, End = 0.018;

/// How large the balls of a path are that itself is so large, as a part of what they are otherwise.
double SizeOfBalls(double path, double all)
{
  const double fits = path / (8 * End * all);
  return path > 0.0 && fits < 1.0 ? std::max(fits, 0.25) : 1.0;
}

double SizeOf(vtkPolyData *paths, vtkIdList *path)
{
  vtkBoundingBox box;
  for (vtkIdType k = 0; k < path->GetNumberOfIds(); ++k)
    box.AddPoint(paths->GetPoint(path->GetId(k)));
  return box.IsValid() ? box.GetDiagonalLength() : 0.0;
}

void AddBall(const double centre[3], double radius, vtkPoints *points, vtkCellArray *faces,
  vtkDataArray *normals)
{
  const vtkIdType first = points->GetNumberOfPoints();
  for (int i = 0; i <= Up; ++i)
    for (int k = 0; k < Around; ++k) {
      const double polar = vtkMath::Pi() * i / Up, azimuth = 2.0 * vtkMath::Pi() * k / Around;
      const double way[3] = {
        std::sin(polar) * std::cos(azimuth), std::sin(polar) * std::sin(azimuth), std::cos(polar)};
      points->InsertNextPoint(
        centre[0] + radius * way[0], centre[1] + radius * way[1], centre[2] + radius * way[2]);
      normals->InsertNextTuple(way);
    }
  for (int i = 0; i < Up; ++i)
    for (int k = 0; k < Around; ++k) {
      const vtkIdType here = first + static_cast<vtkIdType>(i) * Around;
      const int next = (k + 1) % Around;
      const vtkIdType corners[4] = {here + k, here + Around + k, here + Around + next, here + next};
      faces->InsertNextCell(4, corners);
    }
}

} // namespace

std::string NameTogether(const char *const names[3])
{
  std::string together, tensor;
  for (int i = 0; i < 3; ++i) {
    const std::string name = names[i] ? names[i] : "";
    const size_t bracket = name.find('[');
    const std::string of = name.substr(0, bracket);
    if (!name.empty() && of != tensor)
      together += (together.empty() ? "" : ", ") + of;
    if (bracket != std::string::npos)
      together += " " + name.substr(bracket);
    tensor = of;
  }
  return together;
}

void MakePathEnds(vtkPolyData *paths, vtkPolyData *ends)
{
  vtkDataArray *steps = paths->GetPointData()->GetArray("Step");
  const double size = paths->GetLength();
  if (paths->GetNumberOfPoints() < 1 || !steps)
    return;
  vtkNew<vtkPoints> points;
  vtkNew<vtkCellArray> faces;
  vtkSmartPointer<vtkDataArray> step = vtkSmartPointer<vtkDataArray>::Take(steps->NewInstance());
  step->SetName("Step");
  auto normals = vtkSmartPointer<vtkDataArray>::Take(vtkDataArray::CreateDataArray(VTK_FLOAT));
  normals->SetName("Normals");
  normals->SetNumberOfComponents(3);
  for (vtkIdType cell = 0; cell < paths->GetNumberOfCells(); ++cell) {
    vtkNew<vtkIdList> path;
    paths->GetCellPoints(cell, path);
    const double radius = size > 0.0 ? size * SizeOfBalls(SizeOf(paths, path), size) : 1.0;
    for (const bool last : {false, true}) {
      if (path->GetNumberOfIds() < 1)
        continue;
      const vtkIdType at = path->GetId(last ? path->GetNumberOfIds() - 1 : 0);
      double centre[3];
      paths->GetPoint(at, centre);
      AddBall(centre, (last ? End : Start) * radius, points, faces, normals);
      while (step->GetNumberOfTuples() < points->GetNumberOfPoints())
        step->InsertNextTuple(at, steps);
    }
  }
  ends->SetPoints(points);
  ends->SetPolys(faces);
  ends->GetPointData()->SetNormals(normals);
  ends->GetPointData()->SetScalars(step);
}

void MakePathTitle(vtkPolyData *paths, const std::string &of, vtkTable *title)
{
  vtkDataArray *steps = paths->GetPointData()->GetArray("Step");
  if (paths->GetNumberOfPoints() < 1 || !steps)
    return;
  const double *range = steps->GetRange(0);
  vtkNew<vtkStringArray> text;
  text->SetName("Title");
  std::string words = of + ", steps " + std::to_string(static_cast<long long>(range[0])) + " to " +
                      std::to_string(static_cast<long long>(range[1]));
  auto *names = vtkStringArray::SafeDownCast(paths->GetFieldData()->GetAbstractArray("RunNames"));
  const vtkIdType runs = names ? names->GetNumberOfValues() : 0;
  for (vtkIdType run = 0; runs > 1 && run < runs; ++run)
    words += (run == 0 ? "\nrun " : ", run ") + std::to_string(run) + ": " + names->GetValue(run);
  text->InsertNextValue(words);
  title->AddColumn(text);
}
