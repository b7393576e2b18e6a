/* SPDX-License-Identifier: BSD-3-Clause */
/// Frames and numbers of windows, as lines with colours of their own.
///
/// Every grid has them as its second output. Cell arrays: Filter and Channel, of the window that a
/// line belongs to (-1: of none), and Color, not active: red, green and blue, to be drawn as they are.
/// Greys in the middle, which can be seen on white and on black; on a picture, white on a dark
/// badge.
#ifndef WindowMarks_h
#define WindowMarks_h

#include "view.h"

#include "vtkCellArray.h"
#include "vtkFloatArray.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkUnsignedCharArray.h"

class vtkPolyData;

class WindowMarks
{
public:
  /// Where the windows of a view stand.
  enum PlacesType
  {
    MOSAIC, ///< weight grid and image grid
    SQUARE  ///< distribution grid
  };

  explicit WindowMarks(const tv_view &view, PlacesType places);

  /// The numbers of filters, or of the rows of a matrix: all, or, where they could not be read,
  /// every second or third, ... and larger. On a picture they stand on a badge.
  void AddNumbers(bool matrix, bool onPicture);

  /// A frame around each window; none where there are more than 10,000.
  void AddFrames();

  /// The outline of the end of each box that is not on the ground: what tells a white block from
  /// white paper. boxes: [count][8][3], as tv_blocks() makes them; none above 2,500,
  /// which would be nothing but outlines.
  void AddOutlines(const float *boxes, size_t count, const int *filter, const int *channel);

  /// What was added.
  void Fill(vtkPolyData *output);

private:
  struct Rectangle
  {
    double Left, Bottom, Width, Height;
  };
  struct Owner
  {
    int Filter, Channel;
  };

  Rectangle Window(size_t filter, size_t channel) const;
  void AddNumber(size_t number, double x, double y, double height, bool badge, Owner owner);
  void AddRowNumbers();
  void AddBox(const Rectangle &place, double z, unsigned char grey, bool filled, Owner owner);
  vtkIdType AddPoint(double x, double y, double z);
  void Own(vtkIntArray *filters, vtkIntArray *channels, vtkUnsignedCharArray *colors, Owner owner,
    unsigned char grey);

  const tv_view &View;
  const PlacesType Places;
  vtkNew<vtkFloatArray> Points;
  vtkNew<vtkCellArray> Lines, Badges;
  vtkNew<vtkIntArray> LineFilter, LineChannel, BadgeFilter, BadgeChannel;
  vtkNew<vtkUnsignedCharArray> LineColor, BadgeColor;
};

#endif
