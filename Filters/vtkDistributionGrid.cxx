// SPDX-License-Identifier: BSD-3-Clause
#include "vtkDistributionGrid.h"

#include "vtkCellArray.h"
#include "vtkDataArray.h"
#include "vtkFloatArray.h"
#include "vtkIdList.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkTypeInt32Array.h"

#include "Ranks/Ranks.h"
#include "Views/WindowMarks.h"
#include "distribution.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

vtkStandardNewMacro(vtkDistributionGrid);

namespace {
const size_t ScreenSlices = 2560; // of pixels, that all windows of a row share
const size_t FewestSlices = 64;

/// Least and greatest value of all curves, on all ranks. Every rank must come here.
void FindLayerRange(const std::vector<tv_curve> &curves, double range[2])
{
  range[0] = std::numeric_limits<double>::infinity();
  range[1] = -range[0];
  for (const tv_curve &curve : curves)
    if (curve.count > 0) {
      range[0] = std::min(range[0], curve.low);
      range[1] = std::max(range[1], curve.high);
    }
  Ranks::Widen(Ranks::Controller(), range);
}

/// All points of one curve, of which each rank has made those of its rows: on the first rank, in
/// order; on the others none. Every rank must call this. Returns how many there are here.
vtkIdType JoinCurve(
  vtkFloatArray *points, vtkPointData *data, const tv_tensor &tensor, size_t slices)
{
  std::vector<vtkDataArray *> arrays(1, points);
  for (int i = 0; i < data->GetNumberOfArrays(); ++i)
    arrays.push_back(data->GetArray(i));
  for (vtkDataArray *array : arrays)
    Ranks::Join(Ranks::Controller(), array);
  const auto count = static_cast<size_t>(points->GetNumberOfTuples());
  if (count == 0)
    return 0;

  std::vector<size_t> kept(count);
  const int *pixel = static_cast<int *>(data->GetArray("Pixel")->GetVoidPointer(0));
  kept.resize(tv_curve_thin(kept.data(), pixel, arrays[1]->GetVoidPointer(0), tensor.type, count,
    tensor.whole.rows * tensor.whole.columns, slices));
  vtkNew<vtkIdList> ids;
  for (size_t point : kept)
    ids->InsertNextId(static_cast<vtkIdType>(point));
  if (kept.size() < count)
    for (vtkDataArray *array : arrays) {
      const auto some = vtkSmartPointer<vtkDataArray>::Take(array->NewInstance());
      some->SetName(array->GetName());
      some->SetNumberOfComponents(array->GetNumberOfComponents());
      some->SetNumberOfTuples(ids->GetNumberOfIds());
      array->GetTuples(ids, some);
      array->ShallowCopy(some);
    }
  return static_cast<vtkIdType>(kept.size());
}

/// One vertex for each point.
vtkSmartPointer<vtkCellArray> MakeVertices(vtkIdType points)
{
  vtkNew<vtkTypeInt32Array> offsets, connectivity;
  offsets->SetNumberOfValues(points + 1);
  connectivity->SetNumberOfValues(points);
  std::iota(offsets->GetPointer(0), offsets->GetPointer(0) + points + 1, 0);
  std::iota(connectivity->GetPointer(0), connectivity->GetPointer(0) + points, 0);
  auto cells = vtkSmartPointer<vtkCellArray>::New();
  cells->SetData(offsets.Get(), connectivity.Get());
  return cells;
}

/// One polyline for each curve that has points: tv_curve_path().
vtkSmartPointer<vtkCellArray> MakeLines(const std::vector<tv_curve> &curves,
  const float *coordinates, const int *pixel, size_t pixels, size_t slices)
{
  vtkNew<vtkTypeInt32Array> offsets, connectivity;
  std::vector<size_t> path;
  for (const tv_curve &curve : curves)
    if (curve.count > 0) {
      path.resize(curve.count);
      path.resize(tv_curve_path(path.data(), coordinates + 3 * curve.first, pixel + curve.first,
        curve.count, pixels, slices));
      const vtkIdType begin = connectivity->GetNumberOfValues();
      offsets->InsertNextValue(static_cast<int>(begin));
      int *points = connectivity->WritePointer(begin, static_cast<vtkIdType>(path.size()));
      for (size_t i = 0; i < path.size(); ++i)
        points[i] = static_cast<int>(curve.first + path[i]);
    }
  offsets->InsertNextValue(static_cast<int>(connectivity->GetNumberOfValues()));
  auto cells = vtkSmartPointer<vtkCellArray>::New();
  cells->SetData(offsets.Get(), connectivity.Get());
  return cells;
}
} // namespace

vtkDistributionGrid::vtkDistributionGrid() : vtkTensorView("activations", VTK_INT_MAX) {}

void vtkDistributionGrid::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Style: " << this->Style << "\n";
  os << indent << "Resolution: " << this->Resolution << "\n";
  os << indent << "Normalization: " << this->Normalization << "\n";
}

int vtkDistributionGrid::FillOutputPortInformation(int port, vtkInformation *info)
{
  if (port != GRID_PORT)
    return this->Superclass::FillOutputPortInformation(port, info);
  info->Set(vtkDataObject::DATA_TYPE_NAME(), "vtkPolyData");
  return 1;
}

/// The envelope's slices of each window; 0: every value is drawn.
size_t vtkDistributionGrid::Slices(const Shown &shown) const
{
  if (this->Style != ENVELOPE || shown.Empty)
    return 0;
  const tv_grid &grid = shown.View.grid;
  const size_t shared = ScreenSlices / (grid.columns * grid.sheet_columns);
  return this->Resolution > 0 ? static_cast<size_t>(this->Resolution)
                              : std::max(shared, FewestSlices);
}

/// The curves of this rank, measured, and how many points they have.
std::vector<tv_curve> vtkDistributionGrid::Curves(const Shown &shown, size_t slices, size_t &points)
{
  std::vector<tv_curve> curves(shown.Empty ? 0 : tv_curves(nullptr, &shown.View, &shown.Tensor));
  const tv_execution execution = Execution();
  points = 0;
  if (!curves.empty()) {
    tv_curves(curves.data(), &shown.View, &shown.Tensor);
    points = tv_curves_measure(curves.data(), curves.size(), &shown.Tensor, slices, &execution);
  }
  return curves;
}

/// Their points, with what belongs to them. False where the user stopped it.
bool vtkDistributionGrid::MakePoints(const Shown &shown, const std::vector<tv_curve> &curves,
  size_t points, size_t slices, const double *range, vtkFloatArray *coordinates, vtkPointData *data)
{
  const auto number = static_cast<vtkIdType>(points);
  const vtkSmartPointer<vtkDataArray> values = NewValues(shown, number);
  data->SetScalars(values);
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(number);
  tv_curve_points out;
  out.points = coordinates->GetPointer(0);
  out.values = values->GetVoidPointer(0);
  out.filter = AddIndices(data, "Filter", number);
  out.channel = AddIndices(data, "Channel", number);
  out.pixel = AddIndices(data, "Pixel", number);
  out.group = AddIndices(data, "Group", number);
  if (shown.Tensor.group)
    data->SetActiveScalars("Group");
  const tv_execution execution = Execution();
  return this->InChunks(curves.size(), [&](size_t first, size_t count) {
    tv_curves_write(
      &out, &curves[first], count, &shown.Tensor, &shown.View.grid, slices, range, &execution);
  });
}

int vtkDistributionGrid::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  vtkPolyData *output = vtkPolyData::GetData(outputVector);
  Shown shown;
  if (!this->Prepare(inputVector, shown))
    return 1;
  const tv_tensor &tensor = shown.Tensor;
  const size_t pixels = tensor.whole.rows * tensor.whole.columns;
  if (pixels > static_cast<size_t>(VTK_INT_MAX)) {
    this->ReportError(shown.Record.Name() + ": " + std::to_string(tensor.whole.rows) + " x " +
                      std::to_string(tensor.whole.columns) +
                      " values are too many for one curve; show a weight grid or an image grid");
    return 1;
  }
  size_t points;
  const size_t slices = this->Slices(shown);
  std::vector<tv_curve> curves = this->Curves(shown, slices, points);
  // Of a matrix each rank has a part of the same curve, which is drawn in one piece.
  const bool cut = Ranks::Controller() && IsMatrix(tensor);
  const bool joined = cut && this->Style != POINTS;
  const bool common = this->Normalization == LAYER || cut;
  double range[2] = {0.0, 0.0};
  if (common)
    FindLayerRange(curves, range);
  const size_t drawn = joined ? Ranks::Sum(Ranks::Controller(), points) : points;
  if (drawn > static_cast<size_t>(VTK_INT_MAX)) {
    this->ReportError(shown.Record.Name() + ": " + std::to_string(drawn) +
                      " points are too many; show an envelope, or fewer filters");
    return 1;
  }
  this->AddFields(output->GetFieldData(), shown);
  AddTitle(outputVector, shown, true);
  if (!shown.Empty) {
    WindowMarks marks(shown.View, WindowMarks::SQUARE);
    if (Ranks::IsFirst())
      marks.AddFrames();
    this->AddMarks(outputVector, shown, marks, false);
  }
  if (drawn == 0)
    return 1;

  auto number = static_cast<vtkIdType>(points);
  vtkPointData *data = output->GetPointData();
  vtkNew<vtkFloatArray> coordinates;
  const bool finished =
    this->MakePoints(shown, curves, points, slices, common ? range : nullptr, coordinates, data);
  if (joined) { // stopped or not: the others wait for it
    number = JoinCurve(coordinates, data, tensor, slices);
    curves.assign(1, tv_curve{});
    curves[0].count = static_cast<size_t>(number);
  }
  if (finished && number > 0)
    this->Draw(output, curves, coordinates, pixels, slices);
  else
    data->Initialize();
  return 1;
}

/// Points and curves into the output.
void vtkDistributionGrid::Draw(vtkPolyData *output, const std::vector<tv_curve> &curves,
  vtkFloatArray *coordinates, size_t pixels, size_t slices)
{
  RememberRanges(output->GetPointData());
  vtkNew<vtkPoints> place;
  place->SetData(coordinates);
  output->SetPoints(place);
  if (this->Style == POINTS || pixels == 1) {
    output->SetVerts(MakeVertices(coordinates->GetNumberOfTuples()));
    return;
  }
  const void *pixel = output->GetPointData()->GetArray("Pixel")->GetVoidPointer(0);
  output->SetLines(
    MakeLines(curves, coordinates->GetPointer(0), static_cast<const int *>(pixel), pixels, slices));
}
