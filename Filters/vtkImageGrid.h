/**
 * @class vtkImageGrid
 * @brief a layer's activations as pictures
 *
 * In: a collection of tensors (vtkTensorCollection), of which one is shown, the first activations
 * by default. Out, as Output says:
 *
 * IMAGE   vtkImageData, flat, one cell for each pixel of the mosaic of all windows, cell (0, 0) at
 *         the lower left. Gaps and pruned filters are NaN, and -1 in the index arrays.
 * POINTS  vtkPolyData, a vertex in the middle of each pixel; gaps have none.
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

  bool MakeImage(Shown &shown, vtkImageData *output);
  bool MakePoints(Shown &shown, vtkPolyData *output);

  int Output = IMAGE;

private:
  vtkImageGrid(const vtkImageGrid &) = delete;
  void operator=(const vtkImageGrid &) = delete;
};

#endif
