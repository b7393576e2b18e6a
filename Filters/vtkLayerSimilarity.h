// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkLayerSimilarity
 * @brief how alike layers see the same samples: linear CKA of every pair, within a run or of two
 *
 * In: the reader of a run, or those of two; their files are read by this filter. Looked at are the
 * tensors that keep their samples apart: axes that begin with 's' ("schw", "sc"), with the same number
 * of samples, a few hundred at most. A trainer records them for samples that stay the same.
 *
 * Out: vtkImageData, the matrix at the step shown, layers of the first run from top to bottom, those
 * of the second (or the same) from left to right. Cell arrays CKA, active, from 0 to 1, NaN where a
 * layer gives the same for all samples; Row and Column. Field data: RowNames and ColumnNames.
 *
 * Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of Neural Network Representations Revisited".
 */
#ifndef vtkLayerSimilarity_h
#define vtkLayerSimilarity_h

#include "LastError.h"               // for a member
#include "TensorViewFiltersModule.h" // for export macro
#include "vtkImageAlgorithm.h"

#include <memory> // for the state
#include <string> // for errors

class TENSORVIEWFILTERS_EXPORT vtkLayerSimilarity : public vtkImageAlgorithm
{
public:
  static vtkLayerSimilarity *New();
  vtkTypeMacro(vtkLayerSimilarity, vtkImageAlgorithm);
  void PrintSelf(ostream &os, vtkIndent indent) override;

protected:
  vtkLayerSimilarity();
  ~vtkLayerSimilarity() override;

  vtkExecutive *CreateDefaultExecutive() override;
  int FillInputPortInformation(int port, vtkInformation *info) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

  void ReportError(const std::string &sentence);

private:
  class Internals;

  std::unique_ptr<Internals> State;
  LastError Last;

  vtkLayerSimilarity(const vtkLayerSimilarity &) = delete;
  void operator=(const vtkLayerSimilarity &) = delete;
};

#endif
