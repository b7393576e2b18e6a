#include "vtkImageGrid.h"

#include "vtkCellArray.h"
#include "vtkCellData.h"
#include "vtkDataArray.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTypeInt32Array.h"

#include "mosaic.h"

#include <numeric>
#include <vector>

vtkStandardNewMacro(vtkImageGrid);

namespace {
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
} // namespace

vtkImageGrid::vtkImageGrid() : vtkTensorView("activations", 8000000) {}

void vtkImageGrid::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Output: " << (this->Output == IMAGE ? "Image" : "Points") << "\n";
}

int vtkImageGrid::FillOutputPortInformation(int, vtkInformation *info)
{
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
  Shown shown;
  if (!this->Prepare(inputVector, shown))
    return 1;
  if (!shown.Empty) {
    if (!this->Reduce(shown, this->Output == IMAGE))
      return 1;
    auto *image = vtkImageData::SafeDownCast(output);
    const bool finished = image ? this->MakeImage(shown, image)
                                : this->MakePoints(shown, vtkPolyData::SafeDownCast(output));
    if (!finished) {
      output->Initialize();
      return 1;
    }
    if (image)
      outputVector->GetInformationObject(0)->Set(
        vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT(), image->GetExtent(), 6);
  }
  AddFields(output->GetFieldData(), shown);
  return 1;
}

bool vtkImageGrid::MakeImage(Shown &shown, vtkImageData *output)
{
  int extent[6];
  GetExtent(shown.View, extent);
  const double pixel = shown.View.grid.pixel;
  output->SetExtent(extent);
  output->SetSpacing(pixel, pixel, pixel);
  output->SetOrigin(shown.View.origin[0], shown.View.origin[1], 0.0);
  const vtkIdType width = extent[1] - extent[0], height = extent[3] - extent[2];

  vtkCellData *data = output->GetCellData();
  const vtkSmartPointer<vtkDataArray> values = NewValues(shown, width * height);
  data->SetScalars(values);
  tv_indices indices{};
  if (this->WantsIndices(shown, width * height))
    indices = AddIndices(data, width * height);

  const int threads = Threads();
  return this->InChunks(static_cast<size_t>(height), [&](size_t first, size_t count) {
    const vtkIdType cell = static_cast<vtkIdType>(first) * width;
    const auto at = [cell](int *array) { return array ? array + cell : nullptr; };
    const tv_indices here = {at(indices.filter), at(indices.channel), at(indices.row),
      at(indices.column), at(indices.group)};
    const tv_rectangle rows = {static_cast<size_t>(extent[0]),
      static_cast<size_t>(extent[2]) + first, static_cast<size_t>(width), count};
    tv_mosaic(values->GetVoidPointer(cell), &here, &shown.View, &shown.Tensor, &rows, threads);
  });
}

bool vtkImageGrid::MakePoints(Shown &shown, vtkPolyData *output)
{
  const tv_view &view = shown.View;
  std::vector<tv_line> lines(tv_view_lines(nullptr, &view, &shown.Tensor));
  tv_view_lines(lines.data(), &view, &shown.Tensor);
  const size_t width = view.grid.width;
  const auto count = static_cast<vtkIdType>(lines.size() * width);

  vtkPointData *data = output->GetPointData();
  const vtkSmartPointer<vtkDataArray> values = NewValues(shown, count);
  data->SetScalars(values);
  tv_indices indices{};
  if (this->WantsIndices(shown, count))
    indices = AddIndices(data, count);
  vtkNew<vtkFloatArray> coordinates;
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(count);

  const int threads = Threads();
  const bool finished = this->InChunks(lines.size(), [&](size_t first, size_t number) {
    const auto point = static_cast<vtkIdType>(first * width);
    const auto at = [point](int *array) { return array ? array + point : nullptr; };
    const tv_indices here = {at(indices.filter), at(indices.channel), at(indices.row),
      at(indices.column), at(indices.group)};
    void *out = values->GetVoidPointer(point);
    tv_view_values(out, &view, &shown.Tensor, &lines[first], number, threads);
    tv_view_indices(&here, &view, &shown.Tensor, &lines[first], number, threads);
    tv_mosaic_points(coordinates->GetPointer(3 * point), &view, &lines[first], number, threads);
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
