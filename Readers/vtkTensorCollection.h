/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorCollection
 * @brief the tensors of a network at one step, as VTK data
 *
 * The one place that knows how a tensor becomes VTK data, for run files and for in situ alike, and
 * how a filter finds it again.
 *
 * A network is a vtkPartitionedDataSetCollection with a vtkDataAssembly: a node for each layer, a
 * leaf node for each tensor, whose dataset index is the partitioned data set that holds it. Where a
 * layer's name has dots or slashes ("layer1.0.conv2") each part is a node below the one before it.
 * The name of a node is made a valid one; its attribute "label" is the real part. With several ranks
 * each partitioned data set has one partition on each rank.
 *
 * A tensor is a vtkImageData of [columns, rows, windows] cells, windows = filters * channels, with
 * one cell array (float32, or float64 for float64 data), named for its kind: Weight, Activation,
 * Gradient, Bias, and otherwise the kind with a capital. Cell (column, row, window) is element
 * [filter, channel, row, column] with window = filter * channels + channel.
 *
 * A fully connected layer's weights are one window, its matrix: rows are outputs, columns are
 * inputs, Filters = Channels = 1. Its activations [n] are n filters of one pixel.
 *
 * With several ranks each has some of the windows, of a matrix some of its rows. The image's extent
 * says which: in z it begins at the rank's first window, in y at its first row. A rank that has
 * none has an image without cells.
 *
 * Field data of each leaf, one value each unless said otherwise:
 *   Layer, Kind        vtkStringArray
 *   Filters, Channels, Rows, Columns
 *                      vtkIdTypeArray: of the whole tensor, not of this rank's part. Rows and
 *                      Columns are optional: those of the image
 *   Step               vtkIdTypeArray: the step of the record shown; -1 where there is none yet,
 *                      and then the image has no cells
 *   Samples            vtkIdTypeArray: how many samples the record sums; 0 where unknown
 *   State              vtkIntArray, one for each filter of the layer (optional: all alive);
 *                      codes in tensorview/format.h. For a matrix: one for each row.
 *   Group              vtkIntArray, one for each filter (optional: no groups); -1 is no group
 */
#ifndef vtkTensorCollection_h
#define vtkTensorCollection_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkImageData.h"            // for a leaf
#include "vtkObject.h"
#include "vtkSmartPointer.h" // for a leaf

#include <string> // for arguments
#include <vector> // for arguments

class vtkDataArray;
class vtkDataObject;
class vtkInformation;
class vtkInformationDoubleKey;
class vtkInformationIntegerVectorKey;
class vtkInformationStringVectorKey;
class vtkIntArray;
class vtkPartitionedDataSetCollection;

/// One tensor at one step, as it goes into a collection and comes out of it.
struct vtkTensorRecord
{
  std::string Layer;
  std::string Kind;
  vtkIdType Filters = 1; ///< of the whole tensor, as are the next three
  vtkIdType Channels = 1;
  vtkIdType Rows = 1;
  vtkIdType Columns = 1;
  vtkIdType FirstWindow = 0;      ///< of this rank
  vtkIdType Windows = 0;          ///< of this rank
  vtkIdType FirstRow = 0;         ///< of this rank; 0 unless there is one window, a matrix
  vtkIdType RowsHere = 0;         ///< of this rank; Rows unless there is one window
  vtkIdType Step = -1;            ///< -1: no record yet
  vtkIdType Samples = 0;          ///< 0: unknown
  vtkDataArray *Values = nullptr; ///< Windows * RowsHere * Columns values
  vtkIntArray *State = nullptr;   ///< may be null: all alive
  vtkIntArray *Group = nullptr;   ///< may be null: no groups
  /// Out only: the leaf itself, which holds the arrays.
  vtkSmartPointer<vtkImageData> Image;

  std::string Name() const { return this->Layer + "/" + this->Kind; }
};

class TENSORVIEWREADERS_EXPORT vtkTensorCollection : public vtkObject
{
public:
  static vtkTensorCollection *New();
  vtkTypeMacro(vtkTensorCollection, vtkObject);

  /// Names ("layer/kind") of all tensors, in pipeline information, so that drop-downs can be filled
  /// before anything is read. Set by sources; filters pass it on.
  static vtkInformationStringVectorKey *TENSORS();

  /// Filters, channels, rows and columns of each of TENSORS(), four numbers each, so that filters
  /// can say how large their images will be. Optional.
  static vtkInformationIntegerVectorKey *SHAPES();

  /// The paths that a source reads, in the order in which it was given them, so that filters that
  /// look at all steps at once can read them by themselves (tensorview/source.h). Set by sources on
  /// their outputs; absent where the tensors come from memory.
  static vtkInformationStringVectorKey *PATHS();

  /// How many steps of the training one unit of a source's time is, where it is not one: for those
  /// who read PATHS(). Beside them.
  static vtkInformationDoubleKey *STEPS_PER_TIME();

  /// Weight, Activation, Gradient, Bias, ...: the cell array's name for a kind.
  static std::string ArrayName(const std::string &kind);

  ///@{
  /// Appends tensors: a leaf for each, and the nodes of its layer where they are new.
  /// Values and field data are shared, never copied.
  static void Append(vtkPartitionedDataSetCollection *tensors, const vtkTensorRecord &record);
  static void Append(
    vtkPartitionedDataSetCollection *tensors, const std::vector<vtkTensorRecord> &records);
  ///@}

  /// A leaf by itself.
  static vtkSmartPointer<vtkImageData> MakeLeaf(const vtkTensorRecord &record);

  /// All tensors of a collection in order, "layer/kind". Empty for data that is not ours.
  static std::vector<std::string> Names(vtkDataObject *tensors);

  /// The number of the tensor of that name among names ("layer/kind"), as Find() finds it; -1, with a
  /// sentence in error, where it is not there.
  static ptrdiff_t Choose(const std::vector<std::string> &names, const std::string &name,
    const char *preferred, std::string &error);

  /// Finds a tensor by name; an empty name means the first whose kind is preferred, and where there
  /// is none, the first. False, with a sentence in error, where it is not there. Values that are
  /// there on demand are read.
  static bool Find(vtkDataObject *tensors, const std::string &name, const char *preferred,
    vtkTensorRecord &record, std::string &error);

protected:
  vtkTensorCollection() = default;
  ~vtkTensorCollection() override = default;

private:
  vtkTensorCollection(const vtkTensorCollection &) = delete;
  void operator=(const vtkTensorCollection &) = delete;
};

#endif
