/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkWeightGrid
 * @brief every filter's weights as a window of coloured blocks
 *
 * In: a collection of tensors (vtkTensorCollection), of which one is shown, the first weights by
 * default. Out: vtkPolyData, one cell for each value: a box (a triangle strip) whose height is the
 * value, or a flat tile where there are too many for boxes (Filters/Kernels/blocks.h). Cells come
 * in the tensor's order. Cell arrays: the values, under the tensor's own array name (Weight, ...)
 * and active; and Filter, Channel, Row, Column, Group, int32; Group is -1 where there is none.
 * Filters that were pruned away or merged into another have no cells.
 *
 * Each rank makes the cells of its own windows, or of its own rows of a matrix.
 */
#ifndef vtkWeightGrid_h
#define vtkWeightGrid_h

#include "TensorViewFiltersModule.h" // for export macro
#include "vtkTensorView.h"

#include "blocks.h" // for tv_block

class vtkPolyData;

class TENSORVIEWFILTERS_EXPORT vtkWeightGrid : public vtkTensorView
{
public:
  static vtkWeightGrid *New();
  vtkTypeMacro(vtkWeightGrid, vtkTensorView);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  enum HeightsType
  {
    RELATIVE = 0, ///< HeightScale 1: the largest magnitude shown is 1.5 sides of a block high
    ABSOLUTE = 1  ///< HeightScale: the height of a block whose value is 1, in sides of a window
  };
  ///@{
  /// What heights are measured by. Default: RELATIVE, with which any tensor can be read.
  vtkSetClampMacro(Heights, int, RELATIVE, ABSOLUTE);
  vtkGetMacro(Heights, int);
  ///@}

  ///@{
  /// How high blocks are; Heights says in what. Default: 1.
  vtkSetMacro(HeightScale, double);
  vtkGetMacro(HeightScale, double);
  ///@}

  enum StyleType
  {
    AUTOMATIC_STYLE = 0, ///< boxes, or tiles where there are too many or they would be needles
    BOXES = 1,
    TILES = 2
  };
  ///@{
  /// Default: AUTOMATIC_STYLE.
  vtkSetClampMacro(Style, int, AUTOMATIC_STYLE, TILES);
  vtkGetMacro(Style, int);
  ///@}

  ///@{
  /// Up to so many values are boxes by themselves. Default: 40,000.
  vtkSetClampMacro(MaximumBoxes, vtkIdType, 0, VTK_INT_MAX);
  vtkGetMacro(MaximumBoxes, vtkIdType);
  ///@}

protected:
  vtkWeightGrid();
  ~vtkWeightGrid() override = default;

  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  /// Boxes or tiles, and a word about it where that is not as asked.
  tv_block ChooseBlock(Shown &shown) const;
  /// The height of a block whose value is 1. Every rank must call this.
  double BoxHeight(const Shown &shown) const;
  /// False after an error message, or where the user aborts.
  bool MakeBlocks(Shown &shown, tv_block block, double height, vtkPolyData *output);

  int Heights = RELATIVE;
  double HeightScale = 1.0;
  int Style = AUTOMATIC_STYLE;
  vtkIdType MaximumBoxes = 40000;

private:
  vtkWeightGrid(const vtkWeightGrid &) = delete;
  void operator=(const vtkWeightGrid &) = delete;
};

#endif
