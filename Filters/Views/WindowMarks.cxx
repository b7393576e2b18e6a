/* SPDX-License-Identifier: BSD-3-Clause */
#include "WindowMarks.h"

#include "strokes.h"

#include "vtkCellData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"

#include <algorithm>
#include <cmath>

namespace {
const size_t MostNumbers = 24; // side by side
const size_t MostFrames = 10000, MostOutlines = 2500, MostPanels = 16, MostRows = 16;
const double SmallestNumber = 0.13; // in sides of a window
const unsigned char FrameGrey = 176, NumberGrey = 118, OutlineGrey = 120, White = 255, Badge = 38;
const double Above = 0.02; // over a picture, in sides of a window: a slice hides what is nearer
} // namespace

WindowMarks::WindowMarks(const tv_view &view, PlacesType places) : View(view), Places(places)
{
  this->Points->SetNumberOfComponents(3);
  this->LineColor->SetNumberOfComponents(3);
  this->BadgeColor->SetNumberOfComponents(3);
}

WindowMarks::Rectangle WindowMarks::Window(size_t filter, size_t channel) const
{
  const tv_grid &grid = this->View.grid;
  Rectangle place{0.0, 0.0, 1.0, 1.0};
  if (this->Places == SQUARE)
    tv_grid_square_window(&grid, filter, channel, &place.Left, &place.Bottom);
  else {
    size_t x, y;
    tv_grid_window(&grid, filter, channel, &x, &y);
    place.Left = this->View.origin[0] + static_cast<double>(x) * grid.pixel;
    place.Bottom = this->View.origin[1] + static_cast<double>(y) * grid.pixel;
    place.Width = static_cast<double>(grid.width) * grid.pixel;
    place.Height = static_cast<double>(grid.height) * grid.pixel;
  }
  return place;
}

vtkIdType WindowMarks::AddPoint(double x, double y, double z)
{
  const float point[3] = {static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)};
  return this->Points->InsertNextTypedTuple(point);
}

void WindowMarks::Own(vtkIntArray *filters, vtkIntArray *channels, vtkUnsignedCharArray *colors,
  Owner owner, unsigned char grey)
{
  const unsigned char color[3] = {grey, grey, grey};
  filters->InsertNextValue(owner.Filter);
  channels->InsertNextValue(owner.Channel);
  colors->InsertNextTypedTuple(color);
}

void WindowMarks::AddBox(
  const Rectangle &place, double z, unsigned char grey, bool filled, Owner owner)
{
  const double right = place.Left + place.Width, top = place.Bottom + place.Height;
  const vtkIdType first = this->AddPoint(place.Left, place.Bottom, z);
  this->AddPoint(right, place.Bottom, z);
  this->AddPoint(right, top, z);
  this->AddPoint(place.Left, top, z);
  const vtkIdType corners[5] = {first, first + 1, first + 2, first + 3, first};
  if (filled) {
    this->Badges->InsertNextCell(4, corners);
    this->Own(this->BadgeFilter, this->BadgeChannel, this->BadgeColor, owner, grey);
  } else {
    this->Lines->InsertNextCell(5, corners);
    this->Own(this->LineFilter, this->LineChannel, this->LineColor, owner, grey);
  }
}

void WindowMarks::AddNumber(
  size_t number, double x, double y, double height, bool badge, Owner owner)
{
  float points[TV_STROKE_DIGITS * TV_STROKE_POINTS][2];
  size_t counts[TV_STROKE_DIGITS];
  const size_t digits = tv_strokes(points, counts, number, x, y, height);
  if (badge) {
    const double margin = 0.25 * height, width = height * (tv_strokes_width(number) - 0.13);
    this->AddBox({x - margin, y - margin, width + 2.0 * margin, height + 2.0 * margin}, Above,
      Badge, true, owner);
  }
  const float(*point)[2] = points;
  for (size_t i = 0; i < digits; ++i) {
    this->Lines->InsertNextCell(static_cast<int>(counts[i]));
    for (size_t k = 0; k < counts[i]; ++k, ++point)
      this->Lines->InsertCellPoint(this->AddPoint((*point)[0], (*point)[1], 2.0 * Above));
    this->Own(
      this->LineFilter, this->LineChannel, this->LineColor, owner, badge ? White : NumberGrey);
  }
}

void WindowMarks::AddNumbers(bool matrix, bool onPicture)
{
  const tv_grid &grid = this->View.grid;
  if (matrix) {
    this->AddRowNumbers();
    return;
  }
  const bool allPanels = grid.channels <= MostPanels;
  // Of the whole picture: it is what is seen, though further panels need no numbers of their own.
  const size_t columns = grid.columns * grid.sheet_columns, rows = grid.rows * grid.sheet_rows;
  const size_t stride =
    std::max<size_t>(1, (std::max(columns, rows) + MostNumbers - 1) / MostNumbers);
  const double gap = this->Places == SQUARE ? 0.0 : static_cast<double>(grid.gap) * grid.pixel;
  const bool inGap = !onPicture && gap >= SmallestNumber;
  const double apart = static_cast<double>(stride), least = inGap ? 0.17 : SmallestNumber;
  double height = std::min(std::max(least, static_cast<double>(columns) / 60.0), 0.4 * apart);
  if (inGap) // left of the window: above it they would be behind the blocks of the next row
    height = std::min(height, gap * apart / (tv_strokes_width(grid.filters - 1) + 0.3));
  for (size_t channel = 0; channel < (allPanels ? grid.channels : 1); ++channel)
    for (size_t filter = 0; filter < grid.filters; ++filter) {
      if (filter % grid.columns % stride != 0 || filter / grid.columns % stride != 0)
        continue;
      const Rectangle window = this->Window(filter, channel);
      const double top = window.Bottom + window.Height;
      const double inset = onPicture ? 0.3 * height : 0.25 * height;
      const double width = height * tv_strokes_width(filter);
      const double x = inGap ? window.Left - width : window.Left + inset;
      const double y = inGap ? window.Bottom + 0.1 * height : top - inset - height;
      this->AddNumber(filter, x, y, height, onPicture && !inGap,
        {static_cast<int>(filter), static_cast<int>(channel)});
    }
}

/// Left of a matrix: the first of its rows, and every so many further ones.
void WindowMarks::AddRowNumbers()
{
  const tv_region &region = this->View.region;
  const size_t tile = this->View.tile, rows = this->View.grid.height;
  const Rectangle window = this->Window(0, 0);
  const double row = window.Height / static_cast<double>(rows);
  const size_t stride = std::max<size_t>(1, (rows + MostRows - 1) / MostRows);
  const double height = std::min(0.04, 0.7 * row * static_cast<double>(stride));
  for (size_t i = 0; i < rows; i += stride) {
    const size_t number = region.row[0] + i * tile;
    const double x = window.Left - height * (tv_strokes_width(number) + 0.4);
    const double middle = window.Bottom + window.Height - (static_cast<double>(i) + 0.5) * row;
    this->AddNumber(number, x, middle - 0.5 * height, height, false, {static_cast<int>(number), 0});
  }
}

void WindowMarks::AddFrames()
{
  const tv_grid &grid = this->View.grid;
  if (grid.filters > MostFrames / grid.channels)
    return;
  for (size_t channel = 0; channel < grid.channels; ++channel)
    for (size_t filter = 0; filter < grid.filters; ++filter)
      this->AddBox(this->Window(filter, channel), -Above, FrameGrey, false,
        {static_cast<int>(filter), static_cast<int>(channel)});
}

void WindowMarks::AddOutlines(
  const float *boxes, size_t count, const int *filter, const int *channel)
{
  if (count > MostOutlines)
    return;
  for (size_t i = 0; i < count; ++i, boxes += 24) {
    const float *low = boxes, *high = boxes + 21; // the first and the last of its eight corners
    const Owner owner{filter ? filter[i] : -1, channel ? channel[i] : -1};
    const Rectangle place{
      low[0], low[1], static_cast<double>(high[0]) - low[0], static_cast<double>(high[1]) - low[1]};
    this->AddBox(place, high[2], OutlineGrey, false, owner);
    if (low[2] < 0.0F) { // it hangs: its end is below
      this->AddBox(place, low[2], OutlineGrey, false, owner);
    }
  }
}

void WindowMarks::Fill(vtkPolyData *output)
{
  const auto join = [output](const char *name, vtkDataArray *lines, vtkDataArray *badges) {
    // Cells of polydata are numbered lines first, then polygons.
    lines->InsertTuples(lines->GetNumberOfTuples(), badges->GetNumberOfTuples(), 0, badges);
    lines->SetName(name);
    output->GetCellData()->AddArray(lines);
  };
  vtkNew<vtkPoints> points;
  points->SetData(this->Points);
  output->SetPoints(points);
  output->SetLines(this->Lines);
  if (this->Badges->GetNumberOfCells() > 0)
    output->SetPolys(this->Badges);
  join("Filter", this->LineFilter, this->BadgeFilter);
  join("Channel", this->LineChannel, this->BadgeChannel);
  join("Color", this->LineColor, this->BadgeColor);
}
