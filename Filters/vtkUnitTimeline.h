// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkUnitTimeline
 * @brief every unit of every layer over every step, in one picture; and what is wrong, in words
 *
 * In: a reader of runs (TensorSnapshotReader), whose files this filter reads by itself, all steps.
 *
 * Out, port 0: vtkImageData of cells, a row for each unit, a column for each step at which something
 * was recorded. Layers are stacked in the order of the network, the first at the top, unit 0 of each
 * at its top, with a gap between them. Where there are more than fits (MostColumns, 4 million cells),
 * each cell shows the greatest, or the least, of all that it stands for: nothing is skipped. The
 * picture is 1.6 times as wide as it is high, whatever it shows. Cell arrays:
 *
 *   named for the measure   vtkFloatArray, active; NaN in gaps, before a unit's first record and
 *                           after it was pruned. With Logarithm, log10 of what is read so, from -12
 *   Layer                   vtkIntArray: the layer's number in the picture, -1 in gaps
 *   Unit                    vtkIntArray: of its layer, the first where several share a row
 *   Step                    vtkIntArray: the first step of the column
 *
 * Field data: LayerNames, a vtkStringArray in the order of the picture; Steps, the first and the
 * last step.
 *
 * Port 1: vtkTable, what is wrong, a row for each finding: Layer, Unit (-1: all), Since, Until,
 * Finding, Value, Sentence. Of all layers and steps, whatever the picture shows.
 *
 * Port 2: vtkPolyData, the names of the layers as flat letters, left of the picture.
 */
#ifndef vtkUnitTimeline_h
#define vtkUnitTimeline_h

#include "LastError.h"               // for a member
#include "TensorViewFiltersModule.h" // for export macro
#include "vtkDataObjectAlgorithm.h"

#include <memory> // for the state

class vtkDataArraySelection;

class TENSORVIEWFILTERS_EXPORT vtkUnitTimeline : public vtkDataObjectAlgorithm
{
public:
  static vtkUnitTimeline *New();
  vtkTypeMacro(vtkUnitTimeline, vtkDataObjectAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// What is shown: a tv_view_measure (tensorview/units.h).
  vtkSetClampMacro(Measure, int, 0, 9);
  vtkGetMacro(Measure, int);
  ///@}

  ///@{
  /// Which layers; all unless switched off.
  int GetNumberOfLayerArrays();
  const char *GetLayerArrayName(int index);
  int GetLayerArrayStatus(const char *name);
  void SetLayerArrayStatus(const char *name, int status);
  ///@}

  ///@{
  /// Which steps, the first and the last; a last one before the first means to the end.
  vtkSetVector2Macro(Steps, int);
  vtkGetVector2Macro(Steps, int);
  ///@}

  enum ReductionType
  {
    GREATEST = 0,
    LEAST = 1
  };

  ///@{
  /// Which value a cell shows that stands for several.
  vtkSetClampMacro(Reduction, int, GREATEST, LEAST);
  vtkGetMacro(Reduction, int);
  ///@}

  ///@{
  /// Whether log10 is shown of measures that are read so.
  vtkSetMacro(Logarithm, bool);
  vtkGetMacro(Logarithm, bool);
  vtkBooleanMacro(Logarithm, bool);
  ///@}

  ///@{
  /// How many columns at most.
  vtkSetClampMacro(MostColumns, int, 16, 65536);
  vtkGetMacro(MostColumns, int);
  ///@}

  ///@{
  /// From where on something is a finding: tv_bounds (tensorview/measures.h).
  vtkSetMacro(Stuck, double);
  vtkGetMacro(Stuck, double);
  vtkSetMacro(Exploding, double);
  vtkGetMacro(Exploding, double);
  vtkSetMacro(Growth, double);
  vtkGetMacro(Growth, double);
  vtkSetMacro(Saturated, double);
  vtkGetMacro(Saturated, double);
  vtkSetMacro(Oscillating, double);
  vtkGetMacro(Oscillating, double);
  vtkSetMacro(Redundant, double);
  vtkGetMacro(Redundant, double);
  vtkSetClampMacro(Patience, int, 1, VTK_INT_MAX);
  vtkGetMacro(Patience, int);
  ///@}

protected:
  vtkUnitTimeline();
  ~vtkUnitTimeline() override;

  vtkExecutive *CreateDefaultExecutive() override;
  int FillInputPortInformation(int port, vtkInformation *info) override;
  int FillOutputPortInformation(int port, vtkInformation *info) override;
  vtkTypeBool ProcessRequest(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  void ReportError(const std::string &sentence);

  int Measure = 0;
  int Steps[2] = {0, -1};
  int Reduction = GREATEST;
  bool Logarithm = true;
  int MostColumns = 4096;
  double Stuck, Exploding, Growth, Saturated, Oscillating, Redundant;
  int Patience;

private:
  class Internals;

  /// The picture, from the lists alone or with its values; false after an error message.
  bool Make(bool planOnly);
  bool Find();
  void ListLayers();

  std::unique_ptr<Internals> State;
  LastError Last;

  vtkUnitTimeline(const vtkUnitTimeline &) = delete;
  void operator=(const vtkUnitTimeline &) = delete;
};

#endif
