// SPDX-License-Identifier: BSD-3-Clause
#include "vtkWeightGrid.h"

#include "vtkCellArray.h"
#include "vtkCellData.h"
#include "vtkDataArray.h"
#include "vtkFloatArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkTypeInt32Array.h"

#include "Ranks/Ranks.h"
#include "Views/WindowMarks.h"
#include "range.h"

#include <algorithm>
#include <cmath>
#include <vector>

vtkStandardNewMacro(vtkWeightGrid);

namespace {
const double BoxInset = 0.04; // a thin line of background between boxes, so that each can be seen
const double MostWidthsHigh = 100.0; // a box of value 1; beyond, boxes hide one another
const double WidthsHigh = 1.5;       // the largest box, where heights are relative to it

int *Indices(vtkPolyData *blocks, const char *name)
{
  vtkDataArray *array = blocks->GetCellData()->GetArray(name);
  return array ? static_cast<int *>(array->GetVoidPointer(0)) : nullptr;
}

void OutlineBoxes(WindowMarks &marks, vtkPolyData *blocks)
{
  marks.AddOutlines(static_cast<float *>(blocks->GetPoints()->GetVoidPointer(0)),
    static_cast<size_t>(blocks->GetNumberOfCells()), Indices(blocks, "Filter"),
    Indices(blocks, "Channel"));
}
} // namespace

vtkWeightGrid::vtkWeightGrid() : vtkTensorView("weights", 60000) {}

void vtkWeightGrid::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "HeightScale: " << this->HeightScale << "\n";
  os << indent << "Heights: " << (this->Heights == RELATIVE ? "relative" : "absolute") << "\n";
  os << indent << "Style: " << this->Style << "\n";
  os << indent << "MaximumBoxes: " << this->MaximumBoxes << "\n";
}

int vtkWeightGrid::FillOutputPortInformation(int port, vtkInformation *info)
{
  if (port != GRID_PORT)
    return this->Superclass::FillOutputPortInformation(port, info);
  info->Set(vtkDataObject::DATA_TYPE_NAME(), "vtkPolyData");
  return 1;
}

int vtkWeightGrid::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  vtkPolyData *output = vtkPolyData::GetData(outputVector);
  Shown shown;
  if (!this->Prepare(inputVector, shown))
    return 1;
  if (!shown.Empty) {
    const tv_block block = this->ChooseBlock(shown);
    if (!this->Reduce(shown, false))
      return 1;
    if (!this->MakeBlocks(shown, block, this->BoxHeight(shown), output)) {
      output->Initialize();
      return 1;
    }
    WindowMarks marks(shown.View, WindowMarks::MOSAIC);
    if (block == TV_BOX && output->GetPoints())
      OutlineBoxes(marks, output);
    this->AddMarks(outputVector, shown, marks, false);
  }
  AddFields(output->GetFieldData(), shown);
  AddTitle(outputVector, shown, false);
  return 1;
}

tv_block vtkWeightGrid::ChooseBlock(Shown &shown) const
{
  const tv_region &region = shown.View.region;
  const double values = static_cast<double>(region.filter[1] - region.filter[0]) *
                        static_cast<double>(region.channel[1] - region.channel[0]) *
                        static_cast<double>(shown.View.grid.height) *
                        static_cast<double>(shown.View.grid.width);
  if (this->Style != AUTOMATIC_STYLE)
    return this->Style == TILES ? TV_FLAT : TV_BOX;
  const bool many = values > static_cast<double>(this->MaximumBoxes);
  const bool needles =
    this->Heights == ABSOLUTE && this->HeightScale > MostWidthsHigh * shown.View.grid.pixel;
  if (!many && !needles)
    return TV_BOX;
  shown.Note += "Flat tiles: ";
  shown.Note += many ? "too many values for boxes. "
                     : "boxes would be needles, unless HeightScale is lowered. ";
  return TV_FLAT;
}

double vtkWeightGrid::BoxHeight(const Shown &shown) const
{
  if (this->Heights == ABSOLUTE)
    return this->HeightScale;
  const tv_tensor &tensor = shown.Tensor;
  const tv_execution execution = Execution();
  double range[2] = {VTK_DOUBLE_MAX, -VTK_DOUBLE_MAX};
  if (tensor.values)
    tv_range_float(range, tensor.values, tensor.type,
      tensor.windows * tensor.rows_here * tensor.whole.columns, &execution);
  Ranks::Widen(Controller(), range);
  const double largest =
    range[0] <= range[1] ? std::max(std::fabs(range[0]), std::fabs(range[1])) : 0.0;
  return largest > 0.0 ? this->HeightScale * WidthsHigh * shown.View.grid.pixel / largest : 0.0;
}

bool vtkWeightGrid::MakeBlocks(Shown &shown, tv_block block, double height, vtkPolyData *output)
{
  const tv_view &view = shown.View;
  const std::vector<tv_line> lines = Lines(shown);
  if (lines.empty())
    return true; // nothing on this rank
  const size_t width = view.grid.width;
  const auto cells = static_cast<vtkIdType>(lines.size() * width);

  vtkCellData *data = output->GetCellData();
  const vtkSmartPointer<vtkDataArray> colours = NewValues(shown, cells);
  data->SetScalars(colours);
  tv_indices indices{};
  if (this->WantsIndices(shown, static_cast<vtkIdType>(CountAllLines(shown) * width)))
    indices = AddIndices(data, cells);
  const tv_execution execution = Execution();
  const bool finished = this->InChunks(lines.size(), [&](size_t first, size_t count) {
    const auto cell = static_cast<vtkIdType>(first * width);
    const auto at = [cell](int *array) { return array ? array + cell : nullptr; };
    const tv_indices here = {at(indices.filter), at(indices.channel), at(indices.row),
      at(indices.column), at(indices.group)};
    void *out = colours->GetVoidPointer(cell);
    FillValues(out, shown, &lines[first], count);
    tv_view_indices(&here, &view, &shown.Tensor, &lines[first], count, &execution);
  });
  if (!finished)
    return false;

  vtkNew<vtkFloatArray> coordinates;
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(
    static_cast<vtkIdType>(lines.size() * tv_block_points(block, width)));
  vtkNew<vtkTypeInt32Array> offsets, connectivity;
  offsets->SetNumberOfValues(cells + 1);
  connectivity->SetNumberOfValues(cells * static_cast<vtkIdType>(tv_block_corners(block)));
  if (tv_blocks(coordinates->GetPointer(0), offsets->GetPointer(0), connectivity->GetPointer(0),
        &view, lines.data(), lines.size(), colours->GetVoidPointer(0), shown.Tensor.type, block,
        height, block == TV_BOX ? BoxInset : 0.0, &execution)) {
    this->ReportError(shown.Record.Name() + ": " + tv_last_error());
    return false;
  }
  vtkNew<vtkPoints> place;
  place->SetData(coordinates);
  vtkNew<vtkCellArray> blocks;
  blocks->SetData(offsets.Get(), connectivity.Get());
  output->SetPoints(place);
  if (block == TV_BOX)
    output->SetStrips(blocks);
  else
    output->SetPolys(blocks);
  RememberRanges(data);
  return true;
}
