/// The tensors of a run in shared memory as VTK data: the same collection and the same table that
/// TensorSnapshotReader gives for a run file, over the ring's own memory where type and axis order
/// permit (float32 and float64 in oihw, chw, oi, c; all else is converted).
#ifndef LiveNetwork_h
#define LiveNetwork_h

#include "layout.h"
#include "ring_reader.h"

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
  /// reader must outlive this, and all data that Wrap() returned.
  explicit LiveNetwork(tv_ring_reader *reader);

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
  struct Tensor
  {
    const tv_ring_reader_tensor *Channel = nullptr;
    tv_layout Layout;
    bool Known = false;  ///< its axes are among those that layout.h knows
    int StateLayer = -1; ///< in the reader's layers
    vtkSmartPointer<vtkDataArray> Converted;
    int64_t ConvertedStep = -1;
  };
  struct Row
  {
    int64_t Step;
    std::vector<double> Scalars, Elements;
  };

  tv_ring_reader *Reader;
  std::vector<Tensor> Tensors;
  std::vector<tv_ring_reader_element> Elements;
  std::vector<std::string> ElementNames;

  std::mutex Mutex; ///< guards what follows
  uint64_t Seen = 0;
  std::vector<Row> Rows; ///< not in the arrays yet

  vtkNew<vtkIdTypeArray> Steps;
  std::vector<vtkSmartPointer<vtkDoubleArray>> ScalarColumns, ElementColumns;
};

#endif
