/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkDistributionGrid
 * @brief each filter's activations flattened to a curve
 *
 * In: a collection of tensors (vtkTensorCollection), of which one is shown, the first activations
 * by default. Out: vtkPolyData with a curve for each window, see Filters/Kernels/distribution.h for
 * where its points stand. Style says what is drawn:
 *
 * ENVELOPE  a polyline through what a screen can show of the curve, in Resolution columns
 * POINTS    a vertex for each value
 * LINE      a polyline through all values
 *
 * Point arrays: the values, under the tensor's own array name (Activation, ...); and Filter,
 * Channel, Pixel and Group, int32. Group is active where the input has groups, otherwise the
 * values are. Windows of one pixel are vertices in any style.
 *
 * Each rank makes the curves of its own windows. Of a matrix, which is one curve, it makes the
 * points of its own rows; lines through them are on the first rank.
 */
#ifndef vtkDistributionGrid_h
#define vtkDistributionGrid_h

#include "TensorViewFiltersModule.h" // for export macro
#include "vtkTensorView.h"

#include <vector> // for curves

class vtkFloatArray;
class vtkPointData;
class vtkPolyData;
struct tv_curve;

class TENSORVIEWFILTERS_EXPORT vtkDistributionGrid : public vtkTensorView
{
public:
  static vtkDistributionGrid *New();
  vtkTypeMacro(vtkDistributionGrid, vtkTensorView);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  enum StyleType
  {
    ENVELOPE = 0,
    POINTS = 1,
    LINE = 2
  };
  ///@{
  /// Default: ENVELOPE.
  vtkSetClampMacro(Style, int, ENVELOPE, LINE);
  vtkGetMacro(Style, int);
  ///@}

  ///@{
  /// Columns of a window's envelope. A window with no more than four values a column is drawn in
  /// full. 0 (default): 2560 shared by the windows that stand side by side, at least 64.
  vtkSetClampMacro(Resolution, int, 0, VTK_INT_MAX);
  vtkGetMacro(Resolution, int);
  ///@}

  enum NormalizationType
  {
    WINDOW = 0, ///< each window from its least to its greatest value
    LAYER = 1   ///< all windows by the least and greatest value of all that are shown
  };
  ///@{
  /// Default: WINDOW.
  vtkSetClampMacro(Normalization, int, WINDOW, LAYER);
  vtkGetMacro(Normalization, int);
  ///@}

protected:
  vtkDistributionGrid();
  ~vtkDistributionGrid() override = default;

  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  int Style = ENVELOPE;
  int Resolution = 0;
  int Normalization = WINDOW;

private:
  size_t Slices(const Shown &shown) const;
  static std::vector<tv_curve> Curves(const Shown &shown, size_t slices, size_t &points);
  bool MakePoints(const Shown &shown, const std::vector<tv_curve> &curves, size_t points,
    size_t slices, const double *range, vtkFloatArray *coordinates, vtkPointData *data);
  void Draw(vtkPolyData *output, const std::vector<tv_curve> &curves, vtkFloatArray *coordinates,
    size_t pixels, size_t slices);

  vtkDistributionGrid(const vtkDistributionGrid &) = delete;
  void operator=(const vtkDistributionGrid &) = delete;
};

#endif
