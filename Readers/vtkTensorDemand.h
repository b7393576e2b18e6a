/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorDemand
 * @brief reads only what is looked at
 *
 * A view shows one tensor of hundreds. A filter that knows which one it wants asks its input for
 * tensors on demand. The source then hands over no tensor at all, but itself, and
 * vtkTensorCollection::Find() reads the one tensor that it finds. The source keeps what it has read,
 * so that a second filter reads nothing twice. A step costs what is shown, however many tensors
 * there are.
 *
 * Everybody else (a spreadsheet, a writer, a script that fetches the tensors, a filter that knows
 * nothing of this) gets all values, as ever: data that lacks them does not serve who has not asked
 * so, and the source executes again. vtkTensorDemandPipeline asks, for its filter.
 */
#ifndef vtkTensorDemand_h
#define vtkTensorDemand_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkImageData.h"            // for a leaf
#include "vtkObject.h"
#include "vtkSmartPointer.h" // for a leaf

#include <string> // for names
#include <vector> // for names

class vtkAlgorithm;
class vtkDataObject;
class vtkInformation;
class vtkInformationIntegerKey;
class vtkIntArray;
class vtkPartitionedDataSetCollection;

class TENSORVIEWREADERS_EXPORT vtkTensorDemand : public vtkObject
{
public:
  vtkTypeMacro(vtkTensorDemand, vtkObject);

  /// All tensors in order, "layer/kind".
  virtual std::vector<std::string> Names() = 0;

  /// The leaf of a tensor, as vtkTensorCollection::Find() finds it, read now: without values where
  /// they cannot be read, which was said. Null, with a sentence in error, where it is not there.
  virtual vtkSmartPointer<vtkImageData> Find(
    const std::string &name, const char *preferred, std::string &error) = 0;

  /// In pipeline information, upstream: 1 where whoever asks takes tensors on demand.
  static vtkInformationIntegerKey *ON_DEMAND();

  /// For all inputs of a filter. Looks behind ParaView's own filter (vtkPVPostFilter).
  static void Ask(vtkAlgorithm *filter, bool onDemand);

  /// Whether that was asked of an output.
  static bool Asked(vtkInformation *output);

  ///@{
  /// Tensors on demand as data. Get() is null for data that has its tensors itself.
  static void Put(vtkPartitionedDataSetCollection *tensors, vtkTensorDemand *demand);
  static vtkTensorDemand *Get(vtkDataObject *tensors);
  ///@}

  /// The same with the groups of the filters of a layer.
  static vtkSmartPointer<vtkTensorDemand> WithGroups(
    vtkTensorDemand *demand, const std::string &layer, vtkIntArray *groups);

protected:
  vtkTensorDemand() = default;
  ~vtkTensorDemand() override = default;

private:
  vtkTensorDemand(const vtkTensorDemand &) = delete;
  void operator=(const vtkTensorDemand &) = delete;
};

#endif
