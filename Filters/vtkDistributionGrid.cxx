#include "vtkDistributionGrid.h"

#include "vtkCellArray.h"
#include "vtkCommunicator.h"
#include "vtkDataArray.h"
#include "vtkFloatArray.h"
#include "vtkIdList.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkTypeInt32Array.h"

#include "distribution.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

vtkStandardNewMacro(vtkDistributionGrid);

namespace {
const size_t ScreenColumns = 2560; // of pixels, that all windows of a row share
const size_t FewestColumns = 64;

/// Least and greatest value of all curves, on all ranks. Every rank must come here.
void FindLayerRange(const std::vector<tv_curve> &curves, double range[2])
{
  // The greatest is negated, so that one reduction does both.
  double mine[2], all[2];
  mine[0] = mine[1] = std::numeric_limits<double>::infinity();
  for (const tv_curve &curve : curves)
    if (curve.count > 0) {
      mine[0] = std::min(mine[0], curve.low);
      mine[1] = std::min(mine[1], -curve.high);
    }
  std::copy(mine, mine + 2, all);
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  if (controller && controller->GetNumberOfProcesses() > 1)
    controller->AllReduce(mine, all, 2, vtkCommunicator::MIN_OP);
  range[0] = all[0];
  range[1] = -all[1];
}

/// The number of points on all ranks. Every rank must call this.
size_t CountAllPoints(size_t points)
{
  const auto mine = static_cast<vtkIdType>(points);
  vtkIdType all = 0;
  vtkMultiProcessController::GetGlobalController()->AllReduce(
    &mine, &all, 1, vtkCommunicator::SUM_OP);
  return static_cast<size_t>(all);
}

/// Gives an array other tuples: change(from, to) fills to, which is new and empty.
template <typename Change> void Replace(vtkDataArray *array, const Change &change)
{
  const auto to = vtkSmartPointer<vtkDataArray>::Take(array->NewInstance());
  to->SetName(array->GetName());
  to->SetNumberOfComponents(array->GetNumberOfComponents());
  change(array, to.Get());
  array->ShallowCopy(to);
}

/// All points of one curve, of which each rank has made those of its rows: on the first rank, in
/// order; on the others none. Every rank must call this. Returns how many there are here.
vtkIdType JoinCurve(
  vtkFloatArray *points, vtkPointData *data, const tv_tensor &tensor, size_t columns)
{
  vtkCommunicator *ranks = vtkMultiProcessController::GetGlobalController()->GetCommunicator();
  std::vector<vtkDataArray *> arrays(1, points);
  for (int i = 0; i < data->GetNumberOfArrays(); ++i)
    arrays.push_back(data->GetArray(i));
  for (vtkDataArray *array : arrays)
    Replace(array, [ranks](vtkDataArray *from, vtkDataArray *to) { ranks->GatherV(from, to, 0); });
  const auto count = static_cast<size_t>(points->GetNumberOfTuples());
  if (count == 0)
    return 0;

  std::vector<size_t> kept(count);
  const int *pixel = static_cast<int *>(data->GetArray("Pixel")->GetVoidPointer(0));
  kept.resize(tv_curve_thin(kept.data(), pixel, arrays[1]->GetVoidPointer(0), tensor.type, count,
    tensor.rows * tensor.columns, columns));
  vtkNew<vtkIdList> ids;
  for (size_t point : kept)
    ids->InsertNextId(static_cast<vtkIdType>(point));
  if (kept.size() < count)
    for (vtkDataArray *array : arrays)
      Replace(array, [&ids](vtkDataArray *from, vtkDataArray *to) {
        to->SetNumberOfTuples(ids->GetNumberOfIds());
        from->GetTuples(ids, to);
      });
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
  const float *coordinates, const int *pixel, size_t pixels, size_t columns)
{
  vtkNew<vtkTypeInt32Array> offsets, connectivity;
  std::vector<size_t> path;
  for (const tv_curve &curve : curves)
    if (curve.count > 0) {
      path.resize(curve.count);
      path.resize(tv_curve_path(path.data(), coordinates + 3 * curve.first, pixel + curve.first,
        curve.count, pixels, columns));
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

int vtkDistributionGrid::FillOutputPortInformation(int, vtkInformation *info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), "vtkPolyData");
  return 1;
}

int vtkDistributionGrid::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  vtkPolyData *output = vtkPolyData::GetData(outputVector);
  Shown shown;
  if (!this->Prepare(inputVector, shown))
    return 1;
  const tv_tensor &tensor = shown.Tensor;
  if (tensor.rows * tensor.columns > static_cast<size_t>(VTK_INT_MAX)) {
    this->ReportError(shown.Record.Name() + ": " + std::to_string(tensor.rows) + " x " +
                      std::to_string(tensor.columns) +
                      " values are too many for one curve; show a weight grid or an image grid");
    return 1;
  }
  size_t columns = 0;
  if (this->Style == ENVELOPE && !shown.Empty) {
    const tv_grid &grid = shown.View.grid;
    const size_t shared = ScreenColumns / (grid.columns * grid.panel_columns);
    columns = this->Resolution > 0 ? static_cast<size_t>(this->Resolution)
                                   : std::max(shared, FewestColumns);
  }
  const tv_execution execution = Execution();

  std::vector<tv_curve> curves(shown.Empty ? 0 : tv_curves(nullptr, &shown.View, &tensor));
  size_t points = 0;
  if (!curves.empty()) {
    tv_curves(curves.data(), &shown.View, &tensor);
    points = tv_curves_measure(curves.data(), curves.size(), &tensor, columns, &execution);
  }
  // Of a matrix each rank has a part of the same curve, which is drawn in one piece.
  const bool cut = Controller() && IsMatrix(tensor);
  const bool joined = cut && this->Style != POINTS;
  double range[2] = {0.0, 0.0};
  if (this->Normalization == LAYER || cut)
    FindLayerRange(curves, range);
  const size_t drawn = joined ? CountAllPoints(points) : points;
  if (drawn > static_cast<size_t>(VTK_INT_MAX)) {
    this->ReportError(shown.Record.Name() + ": " + std::to_string(drawn) +
                      " points are too many; show an envelope, or fewer filters");
    return 1;
  }
  this->AddFields(output->GetFieldData(), shown);
  if (drawn == 0)
    return 1;

  auto number = static_cast<vtkIdType>(points);
  vtkPointData *data = output->GetPointData();
  const vtkSmartPointer<vtkDataArray> values = NewValues(shown, number);
  data->SetScalars(values);
  vtkNew<vtkFloatArray> coordinates;
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(number);
  tv_curve_points out;
  out.points = coordinates->GetPointer(0);
  out.values = values->GetVoidPointer(0);
  out.filter = AddIndices(data, "Filter", number);
  out.channel = AddIndices(data, "Channel", number);
  out.pixel = AddIndices(data, "Pixel", number);
  out.group = AddIndices(data, "Group", number);
  if (tensor.group)
    data->SetActiveScalars("Group");

  const double *common = this->Normalization == LAYER || cut ? range : nullptr;
  const bool finished = this->InChunks(curves.size(), [&](size_t first, size_t count) {
    tv_curves_write(
      &out, &curves[first], count, &tensor, &shown.View.grid, columns, common, &execution);
  });
  if (joined) { // stopped or not: the others wait for it
    number = JoinCurve(coordinates, data, tensor, columns);
    curves.assign(1, tv_curve{});
    curves[0].count = static_cast<size_t>(number);
  }
  if (!finished || number == 0) {
    output->GetPointData()->Initialize();
    return 1;
  }
  RememberRanges(data);
  vtkNew<vtkPoints> place;
  place->SetData(coordinates);
  output->SetPoints(place);
  if (this->Style == POINTS || tensor.rows * tensor.columns == 1)
    output->SetVerts(MakeVertices(number));
  else
    output->SetLines(MakeLines(curves, coordinates->GetPointer(0),
      static_cast<int *>(data->GetArray("Pixel")->GetVoidPointer(0)), tensor.rows * tensor.columns,
      columns));
  return 1;
}
