// SPDX-License-Identifier: BSD-3-Clause
#include "vtkImageGrid.h"

#include "vtkCellArray.h"
#include "vtkCellData.h"
#include "vtkDataArray.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTypeInt32Array.h"

#include "Ranks/Ranks.h"
#include "Ranks/RowExchange.h"
#include "Views/WindowMarks.h"
#include "mosaic.h"
#include "normalize.h"
#include "range.h"

#include <numeric>
#include <vector>

vtkStandardNewMacro(vtkImageGrid);

namespace {
const vtkIdType MostGatheredCells = 4000000;

/// The mosaic's extent, in points, of the view's whole region.
void GetExtent(const tv_view &view, int extent[6])
{
  size_t x, y, width, height;
  tv_view_rectangle(&view, &x, &y, &width, &height);
  extent[0] = static_cast<int>(x);
  extent[1] = static_cast<int>(x + width);
  extent[2] = static_cast<int>(y);
  extent[3] = static_cast<int>(y + height);
  extent[4] = extent[5] = 0;
}

/// Which rows of the mosaic each rank has.
class Bands
{
public:
  /// Of a matrix from the top, where its first rows stand: then what a rank draws is what it has.
  Bands(const tv_rectangle &whole, size_t ranks, bool fromTop)
      : Whole(whole), Ranks(ranks), FromTop(fromTop)
  {
  }

  /// That of a rank; none for those that have no part in it.
  tv_rectangle Of(size_t rank) const
  {
    const size_t slot = this->Slot(rank);
    tv_rectangle band = this->Whole;
    band.y += this->Begin(slot);
    band.height = this->Begin(slot + 1) - this->Begin(slot);
    return band;
  }

  /// The rank that has that row of the mosaic.
  size_t RankOf(size_t y) const
  {
    size_t slot = (y - this->Whole.y) * this->Ranks / this->Whole.height;
    while (y - this->Whole.y < this->Begin(slot))
      --slot;
    while (y - this->Whole.y >= this->Begin(slot + 1))
      ++slot;
    return this->Slot(slot);
  }

private:
  /// Slots are counted from below; it is its own inverse.
  size_t Slot(size_t rank) const
  {
    return this->FromTop && rank < this->Ranks ? this->Ranks - 1 - rank : rank;
  }
  size_t Begin(size_t slot) const
  {
    return slot < this->Ranks ? this->Whole.height * slot / this->Ranks : this->Whole.height;
  }

  tv_rectangle Whole;
  size_t Ranks;
  bool FromTop;
};
} // namespace

vtkImageGrid::vtkImageGrid() : vtkTensorView("activations", 8000000) {}

void vtkImageGrid::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Output: " << (this->Output == IMAGE ? "Image" : "Points") << "\n";
  os << indent << "Normalization: " << (this->Normalization == LAYER ? "Layer" : "Window") << "\n";
  os << indent << "Pieces: " << this->Pieces << "\n";
}

int vtkImageGrid::FillOutputPortInformation(int port, vtkInformation *info)
{
  if (port != GRID_PORT)
    return this->Superclass::FillOutputPortInformation(port, info);
  info->Set(vtkDataObject::DATA_TYPE_NAME(), "vtkDataSet");
  return 1;
}

int vtkImageGrid::RequestDataObject(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  vtkInformation *info = outputVector->GetInformationObject(0);
  vtkDataObject *output = vtkDataObject::GetData(info);
  const char *type = this->Output == IMAGE ? "vtkImageData" : "vtkPolyData";
  if (output && output->IsA(type))
    return 1;
  vtkSmartPointer<vtkDataObject> fresh;
  if (this->Output == IMAGE)
    fresh = vtkSmartPointer<vtkImageData>::New();
  else
    fresh = vtkSmartPointer<vtkPolyData>::New();
  info->Set(vtkDataObject::DATA_OBJECT(), fresh);
  return 1;
}

int vtkImageGrid::RequestInformation(
  vtkInformation *request, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  if (!this->Superclass::RequestInformation(request, inputVector, outputVector))
    return 0;
  vtkInformation *info = outputVector->GetInformationObject(0);
  info->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  if (this->Output != IMAGE) {
    info->Remove(vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT());
    return 1;
  }
  // Where the shape is not known before the data has come, RequestData() says it.
  int extent[6] = {0, 1, 0, 1, 0, 0};
  double origin[3] = {0.0, 0.0, 0.0}, spacing[3] = {1.0, 1.0, 1.0};
  tv_tensor tensor;
  if (this->FindShape(inputVector, tensor)) {
    tv_view view;
    const tv_region region = this->Region(tensor);
    if (!tv_view_full(&view, &tensor, &region) &&
        !tv_view_reduce(&view, &tensor, static_cast<size_t>(this->MaximumCells), 1)) {
      GetExtent(view, extent);
      origin[0] = view.origin[0];
      origin[1] = view.origin[1];
      spacing[0] = spacing[1] = spacing[2] = view.grid.pixel;
    }
  }
  info->Set(vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT(), extent, 6);
  info->Set(vtkDataObject::ORIGIN(), origin, 3);
  info->Set(vtkDataObject::SPACING(), spacing, 3);
  return 1;
}

int vtkImageGrid::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  vtkDataSet *output = vtkDataSet::GetData(outputVector);
  auto *image = vtkImageData::SafeDownCast(output);
  Shown shown;
  if (this->Prepare(inputVector, shown) && !shown.Empty) {
    if (this->Normalization == WINDOW)
      NormalizeWindows(shown);
    if (!this->Reduce(shown, image != nullptr))
      return 1;
    const bool finished = image ? this->MakeImage(shown, image)
                                : this->MakePoints(shown, vtkPolyData::SafeDownCast(output));
    if (!finished) {
      output->Initialize();
      return 1;
    }
    int extent[6];
    GetExtent(shown.View, extent);
    RememberRanges(
      image ? static_cast<vtkDataSetAttributes *>(output->GetCellData()) : output->GetPointData());
    WindowMarks marks(shown.View, WindowMarks::MOSAIC);
    this->AddMarks(outputVector, shown, marks, true);
    if (image)
      outputVector->GetInformationObject(0)->Set(
        vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT(), extent, 6);
  } else if (image) {
    // There is nothing, and that is all: or the pipeline would ask again at every picture.
    vtkInformation *info = outputVector->GetInformationObject(0);
    int asked[6];
    info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_EXTENT(), asked);
    image->GetInformation()->Set(vtkDataObject::ALL_PIECES_EXTENT(), asked, 6);
  }
  if (shown.Record.Image)
    this->AddFields(output->GetFieldData(), shown);
  AddTitle(outputVector, shown, false);
  return 1;
}

void vtkImageGrid::NormalizeWindows(Shown &shown)
{
  tv_tensor &tensor = shown.Tensor;
  shown.Note += "Each window from 0, its least value, to 1, its greatest. ";
  const size_t size = tensor.rows_here * tensor.whole.columns;
  const tv_execution execution = Execution();
  double range[2] = {VTK_DOUBLE_MAX, -VTK_DOUBLE_MAX};
  const double *shared = nullptr;
  if (Controller() && IsMatrix(tensor)) { // one window, of which each rank has some rows
    if (tensor.values)
      tv_range_float(range, tensor.values, tensor.type, tensor.windows * size, &execution);
    Ranks::Widen(Controller(), range);
    shared = range;
  }
  if (!tensor.values || tensor.windows == 0)
    return;
  const auto scaled = vtkSmartPointer<vtkDataArray>::Take(shown.Values->NewInstance());
  scaled->SetName(shown.Values->GetName());
  scaled->SetNumberOfTuples(static_cast<vtkIdType>(tensor.windows * size));
  tv_normalize(scaled->GetVoidPointer(0), tensor.values, tensor.type, tensor.windows, size, shared,
    &execution);
  shown.Values = scaled;
  tensor.values = scaled->GetVoidPointer(0);
}

void vtkImageGrid::Exchange(const Shown &shown, const tv_rectangle &whole, bool spread,
  void *values, const tv_indices &indices)
{
  vtkMultiProcessController *controller = Controller();
  const auto ranks = static_cast<size_t>(controller->GetNumberOfProcesses());
  const auto me = static_cast<size_t>(controller->GetLocalProcessId());
  const Bands bands(whole, spread ? ranks : 1, IsMatrix(shown.Tensor));
  const tv_rectangle mine = bands.Of(me);
  const tv_view &view = shown.View;
  const size_t bytes = view.grid.width * tv_type_size(shown.Tensor.type);
  std::vector<std::vector<tv_line>> lines(ranks);
  for (const tv_line &line : Lines(shown)) {
    const size_t to = bands.RankOf(tv_mosaic_height(&view, &line));
    if (to != me || !tv_view_has(&view, &shown.Tensor, &line)) // otherwise it is drawn already
      lines[to].push_back(line);
  }
  std::vector<PlacedRows> outgoing(ranks);
  for (size_t to = 0; to < ranks; ++to) {
    PlacedRows &rows = outgoing[to];
    for (const tv_line &line : lines[to]) {
      const int place[4] = {static_cast<int>(line.filter), static_cast<int>(line.channel),
        static_cast<int>(line.row), tv_view_group(&view, &shown.Tensor, &line)};
      rows.Places.insert(rows.Places.end(), place, place + 4);
    }
    rows.Values.resize(lines[to].size() * bytes);
    FillValues(rows.Values.data(), shown, lines[to].data(), lines[to].size());
  }
  const auto put = [&](const PlacedRows &rows) {
    for (size_t i = 0; i < rows.Count(); ++i) {
      const int *place = &rows.Places[4 * i];
      const tv_line line = {static_cast<size_t>(place[0]), static_cast<size_t>(place[1]),
        static_cast<size_t>(place[2])};
      tv_mosaic_put(values, &indices, &view, shown.Tensor.type, &mine, &line, place[3],
        &rows.Values[i * bytes]);
    }
  };
  put(ExchangeRows(controller, outgoing, bytes));
  put(outgoing[me]);
}

bool vtkImageGrid::MakeImage(Shown &shown, vtkImageData *output)
{
  tv_rectangle whole;
  tv_view_rectangle(&shown.View, &whole.x, &whole.y, &whole.width, &whole.height);
  tv_rectangle mine = whole;
  bool spread = false;
  vtkMultiProcessController *controller = Controller();
  if (controller) {
    const double all = static_cast<double>(whole.width) * static_cast<double>(whole.height);
    spread = this->Pieces == SPREAD ||
             (this->Pieces == AUTOMATIC_PIECES && all > static_cast<double>(MostGatheredCells));
    const Bands bands(whole, spread ? static_cast<size_t>(controller->GetNumberOfProcesses()) : 1,
      IsMatrix(shown.Tensor));
    mine = bands.Of(static_cast<size_t>(controller->GetLocalProcessId()));
  }
  const auto width = static_cast<vtkIdType>(mine.width);
  const auto cells = static_cast<vtkIdType>(mine.width * mine.height);
  const double pixel = shown.View.grid.pixel;
  const int left = static_cast<int>(mine.x), bottom = static_cast<int>(mine.y);
  if (cells > 0)
    output->SetExtent(left, left + static_cast<int>(mine.width), bottom,
      bottom + static_cast<int>(mine.height), 0, 0);
  output->SetSpacing(pixel, pixel, pixel);
  output->SetOrigin(shown.View.origin[0], shown.View.origin[1], 0.0);

  vtkCellData *data = output->GetCellData();
  const vtkSmartPointer<vtkDataArray> values = NewValues(shown, cells);
  data->SetScalars(values);
  tv_indices indices{};
  if (this->WantsIndices(shown, static_cast<vtkIdType>(whole.width * whole.height)))
    indices = AddIndices(data, cells);

  const tv_execution execution = Execution();
  const bool finished = this->InChunks(mine.height, [&](size_t first, size_t count) {
    const vtkIdType cell = static_cast<vtkIdType>(first) * width;
    const auto at = [cell](int *array) { return array ? array + cell : nullptr; };
    const tv_indices here = {at(indices.filter), at(indices.channel), at(indices.row),
      at(indices.column), at(indices.group)};
    const tv_rectangle rows = {mine.x, mine.y + first, mine.width, count};
    tv_mosaic(values->GetVoidPointer(cell), &here, &shown.View, &shown.Tensor, &rows, &execution);
  });
  if (controller) // stopped or not: the others wait for it
    this->Exchange(shown, whole, spread, values->GetVoidPointer(0), indices);
  return finished;
}

bool vtkImageGrid::MakePoints(Shown &shown, vtkPolyData *output)
{
  const tv_view &view = shown.View;
  const std::vector<tv_line> lines = Lines(shown);
  const size_t width = view.grid.width;
  if (lines.empty())
    return true; // nothing on this rank
  const auto count = static_cast<vtkIdType>(lines.size() * width);

  vtkPointData *data = output->GetPointData();
  const vtkSmartPointer<vtkDataArray> values = NewValues(shown, count);
  data->SetScalars(values);
  tv_indices indices{};
  if (this->WantsIndices(shown, static_cast<vtkIdType>(CountAllLines(shown) * width)))
    indices = AddIndices(data, count);
  vtkNew<vtkFloatArray> coordinates;
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(count);

  const tv_execution execution = Execution();
  const bool finished = this->InChunks(lines.size(), [&](size_t first, size_t number) {
    const auto point = static_cast<vtkIdType>(first * width);
    const auto at = [point](int *array) { return array ? array + point : nullptr; };
    const tv_indices here = {at(indices.filter), at(indices.channel), at(indices.row),
      at(indices.column), at(indices.group)};
    void *out = values->GetVoidPointer(point);
    FillValues(out, shown, &lines[first], number);
    tv_view_indices(&here, &view, &shown.Tensor, &lines[first], number, &execution);
    tv_mosaic_points(coordinates->GetPointer(3 * point), &view, &lines[first], number, &execution);
  });
  if (!finished)
    return false;

  vtkNew<vtkTypeInt32Array> offsets, connectivity;
  offsets->SetNumberOfValues(count + 1);
  connectivity->SetNumberOfValues(count);
  std::iota(offsets->GetPointer(0), offsets->GetPointer(0) + count + 1, 0);
  std::iota(connectivity->GetPointer(0), connectivity->GetPointer(0) + count, 0);
  vtkNew<vtkCellArray> vertices;
  vertices->SetData(offsets.Get(), connectivity.Get());
  vtkNew<vtkPoints> points;
  points->SetData(coordinates);
  output->SetPoints(points);
  output->SetVerts(vertices);
  return true;
}
