/* SPDX-License-Identifier: BSD-3-Clause */
/// The tensors of a run in shared memory as VTK data: the same collection and the same table that
/// TensorSnapshotReader gives for a run file, over the ring's own memory where type and axis order
/// permit (float32 and float64 in oihw, chw, oi, c; all else is converted).
#ifndef LiveNetwork_h
#define LiveNetwork_h

#include "TensorSource.h"
#include "ring_source.h"

#include "vtkDoubleArray.h"
#include "vtkIdTypeArray.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkSmartPointer.h"
#include "vtkTable.h"

#include <mutex>
#include <string>
#include <vector>

class LiveNetwork
{
public:
  /// A source that tv_ring_source_attach() opened; it must outlive this, and all data that Wrap()
  /// returned.
  explicit LiveNetwork(TensorSource &source);

  /// Chooses the elements of the history, flat indices in [filter, channel, row, column] order such
  /// as "0-2,100". False, with a sentence in error, where they are not there.
  bool SetHistory(const std::string &tensor, const std::string &elements, std::string &error);

  /// All tensors at a step that is held. Valid for as long as it is.
  vtkSmartPointer<vtkPartitionedDataSetCollection> Wrap(const tv_ring_reader_step &step);

  /// Copies the rows of all steps that are new in the ring. From any thread.
  void Glance();

  /// All rows so far: Step, each scalar, each element. Arrays grow in place.
  vtkSmartPointer<vtkTable> History();

private:
  /// What had to be converted, so that it is done once for each record.
  struct Converted
  {
    vtkSmartPointer<vtkDataArray> Values;
    int64_t Step = -1;
  };
  struct Row
  {
    int64_t Step;
    std::vector<double> Scalars, Elements;
  };

  TensorSource &Source;
  tv_ring_reader *Reader;
  std::vector<Converted> Kept; ///< of each tensor of the source
  std::vector<tv_ring_reader_element> Elements;

  std::mutex Mutex; ///< guards what follows
  uint64_t Seen = 0;
  std::vector<Row> Rows; ///< not in the arrays yet

  vtkNew<vtkIdTypeArray> Steps;
  std::vector<vtkSmartPointer<vtkDoubleArray>> ScalarColumns, ElementColumns;
};

#endif
