/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkWeightTrajectory
 * @brief the path of the weights through training
 *
 * Projection Elements. In: the history tables of one or several runs, a row for each step. Out:
 * vtkPolyData, for each run one polyline through the points (x, y, z) that three columns give, in the
 * order of its rows. The point array Step, active, has the column Step of the table, or the row's
 * number where there is none; every other column of numbers (loss, accuracy, ...) that all tables
 * have comes along as a point array.
 *
 * Projection PrincipalComponents. In: the readers of one or several runs, either output; their files
 * are read by this filter, all steps. Out: for each run the path of all its weights (or of one
 * Tensor), projected on the three directions in which the runs together vary most. Point array Step,
 * active. Field data: ExplainedVariance, the share of each direction, and the titles of the axes.
 *
 * Both: the point array Run counts the inputs from 0; the field array RunNames has the name of each
 * run's file. A row in which any coordinate is not a number has no point: a path begins where its
 * tensor is first recorded and ends where its filter is pruned.
 *
 * Two more outputs: the ends of each path as balls, the start the smaller one, with the point array
 * Step; and a table with one text, Title.
 */
#ifndef vtkWeightTrajectory_h
#define vtkWeightTrajectory_h

#include "LastError.h"               // for a member
#include "TensorViewFiltersModule.h" // for export macro
#include "vtkPolyDataAlgorithm.h"

#include <memory> // for the runs
#include <string> // for the columns
#include <vector> // for the columns

class vtkDataArray;
class vtkPolyData;
class vtkTable;

class TENSORVIEWFILTERS_EXPORT vtkWeightTrajectory : public vtkPolyDataAlgorithm
{
public:
  static vtkWeightTrajectory *New();
  vtkTypeMacro(vtkWeightTrajectory, vtkPolyDataAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// Columns for x, y and z. Empty (default): the first, second and third column of a weight
  /// element (a name that ends in [n]), and where there are fewer, of any number but Step; where
  /// there are fewer even so, 0.
  vtkSetStdStringFromCharMacro(XElement);
  vtkGetCharFromStdStringMacro(XElement);
  vtkSetStdStringFromCharMacro(YElement);
  vtkGetCharFromStdStringMacro(YElement);
  vtkSetStdStringFromCharMacro(ZElement);
  vtkGetCharFromStdStringMacro(ZElement);
  ///@}

  ///@{
  /// What the drop-downs offer, the default first; known where the table has come. Named as
  /// ParaView's helper for lists of arrays wants it; the status means nothing.
  int GetNumberOfXElementArrays() const { return this->GetNumberOfChoices(0); }
  int GetNumberOfYElementArrays() const { return this->GetNumberOfChoices(1); }
  int GetNumberOfZElementArrays() const { return this->GetNumberOfChoices(2); }
  const char *GetXElementArrayName(int index) const { return this->GetColumn(0, index); }
  const char *GetYElementArrayName(int index) const { return this->GetColumn(1, index); }
  const char *GetZElementArrayName(int index) const { return this->GetColumn(2, index); }
  int GetXElementArrayStatus(const char *) const { return 1; }
  int GetYElementArrayStatus(const char *) const { return 1; }
  int GetZElementArrayStatus(const char *) const { return 1; }
  ///@}

  enum ProjectionType
  {
    ELEMENTS = 0,
    PRINCIPAL_COMPONENTS = 1
  };

  ///@{
  /// Whether x, y and z are three weights, or principal components of all of them.
  vtkSetClampMacro(Projection, int, ELEMENTS, PRINCIPAL_COMPONENTS);
  vtkGetMacro(Projection, int);
  ///@}

  ///@{
  /// For principal components: the tensor, "layer/kind". Empty (default): all weights of the network.
  vtkSetStdStringFromCharMacro(Tensor);
  vtkGetCharFromStdStringMacro(Tensor);
  ///@}

  ///@{
  /// For principal components: how many records of all runs together are looked at, at most; where
  /// there are more, evenly many. Time and memory grow with their square.
  vtkSetClampMacro(MostRecords, int, 2, 20000);
  vtkGetMacro(MostRecords, int);
  ///@}

protected:
  vtkWeightTrajectory();
  ~vtkWeightTrajectory() override;

  vtkExecutive *CreateDefaultExecutive() override;
  int FillInputPortInformation(int port, vtkInformation *info) override;
  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  /// The column of that name, or the one that stands for an empty name. Null and found = false
  /// after an error message; null and found = true where there is none to choose.
  vtkDataArray *FindColumn(vtkTable *table, const std::string &name, size_t axis, bool &found);

  /// The path of one table; false after an error message.
  bool DrawElements(vtkTable *table, vtkPolyData *output);

  /// The paths of all runs, projected.
  void DrawComponents(vtkPolyData *output);

  /// The ends of the paths, and their title: what they are of.
  void AddEnds(vtkPolyData *paths, const std::string &of, vtkInformationVector *outputVector);

  /// Shows an error, once until a property changes.
  void ReportError(const std::string &sentence);

  /// The columns in the order of the drop-down of that axis: its default, then all others.
  int GetNumberOfChoices(int axis) const;
  const char *GetColumn(int axis, int index) const;

  std::string XElement;
  std::string YElement;
  std::string ZElement;
  int Projection = ELEMENTS;
  std::string Tensor;
  int MostRecords = 2000;

private:
  class Internals;

  std::unique_ptr<Internals> State;
  std::string Drawn; ///< the elements that were drawn last, in words
  LastError Last;
  void ListColumns(vtkInformationVector **inputVector);
  std::vector<std::string> Columns;

  vtkWeightTrajectory(const vtkWeightTrajectory &) = delete;
  void operator=(const vtkWeightTrajectory &) = delete;
};

#endif
