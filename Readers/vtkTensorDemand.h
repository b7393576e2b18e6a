/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorDemand
 * @brief reads only what is looked at
 *
 * A view shows one tensor of hundreds. A filter that knows which one it wants asks its input for
 * tensors on demand. The source then hands over every leaf complete but for its values, and
 * with them a supplier, from which vtkTensorCollection::Find() takes the values of the one tensor
 * that it finds. The source keeps what it has read, so that a second filter reads nothing twice.
 *
 * Everybody else (a spreadsheet, a writer, a script that fetches the tensors, a filter that knows
 * nothing of this) gets all values, as ever: data that lacks them does not serve who has not asked
 * so, and the source executes again. vtkTensorDemandPipeline asks, for its filter.
 */
#ifndef vtkTensorDemand_h
#define vtkTensorDemand_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkObject.h"
#include "vtkSmartPointer.h" // for the leaf

class vtkAlgorithm;
class vtkDataArray;
class vtkDataObject;
class vtkImageData;
class vtkInformation;
class vtkInformationIntegerKey;
class vtkInformationObjectBaseKey;
struct vtkTensorRecord;

class TENSORVIEWREADERS_EXPORT vtkTensorDemand : public vtkObject
{
public:
  vtkTypeMacro(vtkTensorDemand, vtkObject);

  /// The leaf of a record with its values and states, whatever else the record says. Without values
  /// where they cannot be read, which was said; null where the source is gone.
  virtual vtkSmartPointer<vtkImageData> Supply(const vtkTensorRecord &record) = 0;

  /// In pipeline information, upstream: 1 where whoever asks takes tensors on demand.
  static vtkInformationIntegerKey *ON_DEMAND();

  /// In the information of a leaf's Step: who supplies the values of the leaf.
  static vtkInformationObjectBaseKey *SUPPLIER();

  /// For all inputs of a filter. Looks behind ParaView's own filter (vtkPVPostFilter).
  static void Ask(vtkAlgorithm *filter, bool onDemand);

  /// Whether that was asked of an output.
  static bool Asked(vtkInformation *output);

  /// Null where a leaf has its values, or none at all.
  static vtkTensorDemand *SupplierOf(vtkImageData *leaf);

  /// Whether tensors are there on demand only.
  static bool IsOnDemand(vtkDataObject *tensors);

protected:
  vtkTensorDemand() = default;
  ~vtkTensorDemand() override = default;

private:
  vtkTensorDemand(const vtkTensorDemand &) = delete;
  void operator=(const vtkTensorDemand &) = delete;
};

#endif
