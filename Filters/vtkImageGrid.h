/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkImageGrid
 * @brief a layer's activations as pictures
 *
 * In: a collection of tensors (vtkTensorCollection), of which one is shown, the first activations
 * by default. Out, as Output says:
 *
 * IMAGE   vtkImageData, flat, one cell for each pixel of the mosaic of all windows, cell (0, 0) at
 *         the lower left. Gaps and pruned filters are NaN, and -1 in the index arrays.
 *         With several ranks it is on the first or, where it is large, in bands of whole rows on
 *         all of them: rows travel to the rank that draws them, and to no other.
 * POINTS  vtkPolyData, a vertex in the middle of each pixel; gaps have none. Each rank has those
 *         of its own windows, or of its own rows of a matrix.
 *
 * Cell arrays of the image, point arrays of the points: the values, under the tensor's own array
 * name (Activation, ...) and active; and Filter, Channel, Row, Column, Group, int32.
 */
#ifndef vtkImageGrid_h
#define vtkImageGrid_h

#include "TensorViewFiltersModule.h" // for export macro
#include "vtkTensorView.h"

class vtkImageData;
class vtkPolyData;
struct tv_rectangle;

class TENSORVIEWFILTERS_EXPORT vtkImageGrid : public vtkTensorView
{
public:
  static vtkImageGrid *New();
  vtkTypeMacro(vtkImageGrid, vtkTensorView);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  enum OutputType
  {
    IMAGE = 0,
    POINTS = 1
  };
  ///@{
  /// Default: IMAGE.
  vtkSetClampMacro(Output, int, IMAGE, POINTS);
  vtkGetMacro(Output, int);
  ///@}

  enum PiecesType
  {
    AUTOMATIC_PIECES = 0, ///< gathered up to four million cells, spread above
    GATHERED = 1,         ///< the first rank has the image
    SPREAD = 2            ///< each rank has a band of it
  };
  ///@{
  /// Where the image is, with several ranks. ParaView 5.11 can neither fetch nor save as .vti an
  /// image that is spread. Default: AUTOMATIC_PIECES.
  vtkSetClampMacro(Pieces, int, AUTOMATIC_PIECES, SPREAD);
  vtkGetMacro(Pieces, int);
  ///@}

  enum NormalizationType
  {
    LAYER = 0, ///< values as they are: all windows on one scale
    WINDOW = 1 ///< each window from 0, its least value, to 1, its greatest
  };
  ///@{
  /// Default: LAYER.
  vtkSetClampMacro(Normalization, int, LAYER, WINDOW);
  vtkGetMacro(Normalization, int);
  ///@}

protected:
  vtkImageGrid();
  ~vtkImageGrid() override = default;

  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int RequestDataObject(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  /// This rank's rows of the mosaic.
  /// Each window on a scale of its own. Every rank must call this.
  static void NormalizeWindows(Shown &shown);
  bool MakeImage(Shown &shown, vtkImageData *output);

  /// Puts the rows that other ranks have into this rank's part of the mosaic, and sends them
  /// theirs. Every rank must call this.
  void Exchange(const Shown &shown, const tv_rectangle &whole, bool spread, void *values,
    const tv_indices &indices);

  bool MakePoints(Shown &shown, vtkPolyData *output);

  int Output = IMAGE;
  int Normalization = LAYER;
  int Pieces = AUTOMATIC_PIECES;

private:
  vtkImageGrid(const vtkImageGrid &) = delete;
  void operator=(const vtkImageGrid &) = delete;
};

#endif
