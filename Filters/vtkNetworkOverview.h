// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkNetworkOverview
 * @brief the whole network at one step: a block for each layer, a cell for each unit
 *
 * In: a reader of runs (TensorSnapshotReader), whose files this filter reads by itself. Out, port 0:
 * vtkPolyData, a quadrilateral for each unit, in a rectangle of 1.6 x 1. Layers stand in the order
 * of the network from the upper left, parts that belong together by their names side by side; the
 * area of a layer grows with the square root of its parameters, for some layers have 100,000 times
 * as many as others, and is at least 1/400 of the whole. Unit 0 is at the upper left of its layer, counting right, then down. Cell arrays:
 *
 *   named for the measure   vtkFloatArray, active, at the step shown; NaN where the layer has none,
 *                           and for a unit that was pruned. With Logarithm, log10 of what is read so
 *   Layer                   vtkIntArray: the layer's number, in the order of the network
 *   Unit                    vtkIntArray: of its layer
 *   Parameters              vtkIntArray: of its layer
 *
 * Field data: LayerNames. Port 1: vtkPolyData, the names of the layers as flat letters.
 */
#ifndef vtkNetworkOverview_h
#define vtkNetworkOverview_h

#include "LastError.h"               // for a member
#include "TensorViewFiltersModule.h" // for export macro
#include "vtkPolyDataAlgorithm.h"

#include <memory> // for the state
#include <string> // for errors

class TENSORVIEWFILTERS_EXPORT vtkNetworkOverview : public vtkPolyDataAlgorithm
{
public:
  static vtkNetworkOverview *New();
  vtkTypeMacro(vtkNetworkOverview, vtkPolyDataAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// What is shown: a tv_view_measure (tensorview/units.h).
  vtkSetClampMacro(Measure, int, 0, 9);
  vtkGetMacro(Measure, int);
  ///@}

  ///@{
  /// Whether log10 is shown of measures that are read so.
  vtkSetMacro(Logarithm, bool);
  vtkGetMacro(Logarithm, bool);
  vtkBooleanMacro(Logarithm, bool);
  ///@}

protected:
  vtkNetworkOverview();
  ~vtkNetworkOverview() override;

  vtkExecutive *CreateDefaultExecutive() override;
  int FillInputPortInformation(int port, vtkInformation *info) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  void ReportError(const std::string &sentence);

  int Measure = 0;
  bool Logarithm = true;

private:
  class Internals;

  std::unique_ptr<Internals> State;
  LastError Last;

  vtkNetworkOverview(const vtkNetworkOverview &) = delete;
  void operator=(const vtkNetworkOverview &) = delete;
};

#endif
