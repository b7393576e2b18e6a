/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorFilter
 * @brief what all filters of tensors share: the Tensor property and its drop-down
 *
 * A subclass says which kind it shows by default, and reads the chosen tensor with FindTensor().
 * The names for the drop-down come from pipeline information, or from the input itself where its
 * source gives none (a producer in situ). Names of the preferred kind stand first, so that the
 * drop-down's default is what an empty Tensor means.
 */
#ifndef vtkTensorFilter_h
#define vtkTensorFilter_h

#include "LastError.h"               // for a member
#include "TensorViewFiltersModule.h" // for export macro
#include "tensorview/types.h"        // for tv_execution
#include "vtkDataObjectAlgorithm.h"
#include "vtkTensorCollection.h" // for vtkTensorRecord

#include <string> // for the names
#include <vector> // for the names

class vtkMultiProcessController;

class TENSORVIEWFILTERS_EXPORT vtkTensorFilter : public vtkDataObjectAlgorithm
{
public:
  vtkTypeMacro(vtkTensorFilter, vtkDataObjectAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// The tensor to show, "layer/kind". Empty (default): the first of the preferred kind.
  vtkSetStdStringFromCharMacro(Tensor);
  vtkGetCharFromStdStringMacro(Tensor);
  ///@}

  ///@{
  /// What the drop-down offers; known after UpdateInformation(). Named as ParaView's helper for
  /// lists of arrays wants it (vtkSIArraySelectionProperty), which is the one that can bring a
  /// list of names from a server. The status means nothing: it is always 1.
  int GetNumberOfTensorArrays() const { return static_cast<int>(this->Names.size()); }
  const char *GetTensorArrayName(int index) const;
  int GetTensorArrayStatus(const char *) const { return 1; }
  ///@}

  /// The processes that share the work, or null where this is the only one.
  static vtkMultiProcessController *Controller();

protected:
  /// How kernels may work in this process: with as many threads as OpenMP would use, shared fairly
  /// among the MPI ranks of a machine; no progress.
  static tv_execution Execution();

  explicit vtkTensorFilter(const char *preferredKind);
  ~vtkTensorFilter() override;

  int FillInputPortInformation(int port, vtkInformation *info) override;

  /// One that asks for the chosen tensor only.
  vtkExecutive *CreateDefaultExecutive() override;

  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  /// What the input's source says of it before there is any data: TENSORS and SHAPES of
  /// vtkTensorCollection. ParaView puts a filter of its own (vtkPVPostFilter) before each of ours,
  /// which keeps neither; this looks behind it.
  vtkInformation *InputInformation(vtkInformationVector **inputVector);

  /// The chosen tensor of the input; false after an error message that says what is wrong.
  bool FindTensor(vtkInformationVector **inputVector, vtkTensorRecord &record);

  /// Shows an error, once until a property changes.
  void ReportError(const std::string &sentence);

  /// The name of the chosen tensor, as far as RequestInformation() knows; null where it does not.
  const char *ChosenTensor() const;

  std::string Tensor;

private:
  vtkTensorFilter(const vtkTensorFilter &) = delete;
  void operator=(const vtkTensorFilter &) = delete;

  const char *const PreferredKind;
  std::vector<std::string> Names;
  LastError Last;
};

#endif
