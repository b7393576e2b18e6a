/* SPDX-License-Identifier: BSD-3-Clause */
/// What vtkSimilarityGroups knows of the filters of a layer, and how that becomes its outputs: tensors
/// with groups, tables, and the matrix.
#ifndef SimilarityResult_h
#define SimilarityResult_h

#include "vtkFloatArray.h"
#include "vtkSmartPointer.h"
#include "vtkType.h"

#include <cstdint>
#include <string>
#include <vector>

class vtkFieldData;
class vtkImageData;
class vtkPartitionedDataSetCollection;
class vtkTable;

struct SimilarityResult
{
  size_t Filters = 0, Pixels = 0;
  bool Matrix = false;                       ///< filters are the rows of a matrix
  vtkSmartPointer<vtkFloatArray> Similarity; ///< [filters][filters]
  std::vector<int32_t> Groups, Representatives, States;
  std::vector<double> Scale, Offset;
  std::string Source; ///< the tensor that similarity was taken from

  std::vector<float> Pearson; ///< [filters][filters], where Similarity is another one
  std::vector<double> Variance, Residual, Cost;
  std::string Next; ///< the layer that Cost is of

  /// Room for all filters, of which nothing is known: alive, in no group, all numbers NaN.
  void Allocate();

  /// Constant filters are dead, unless more is known of them.
  void SetDead(const std::vector<unsigned char> &constant);

  /// From second moments, about a centre or not; a tv_status.
  int SetVariances(const std::vector<double> &moments, const double *centre, bool pearson);

  /// The input with the groups in the field data of all tensors of a layer. Only the shells of the
  /// tensors that change are new: the input must stay as it is for its other readers.
  void PassTensors(vtkPartitionedDataSetCollection *output, vtkPartitionedDataSetCollection *input,
    const std::string &layer) const;

  /// A row for each filter; the columns as vtkSimilarityGroups.h lists them.
  void FillTable(vtkTable *table, const std::string &layer) const;

  /// The table as people read it: what each filter is in words.
  void Describe(vtkTable *described, vtkTable *table) const;

  /// The matrix as an image, filter 0's row at the top. Takes Similarity over, turned upside down.
  void FillMatrix(vtkImageData *image);

  /// Which tensor, from what, and at which step: for tables and images that leave the pipeline.
  void AddOrigin(vtkFieldData *fields, vtkIdType step) const;

  /// A field of one text.
  static void AddText(vtkFieldData *fields, const char *name, const std::string &text);
};

#endif
