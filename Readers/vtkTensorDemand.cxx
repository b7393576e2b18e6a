// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorDemand.h"

#include "vtkAlgorithm.h"
#include "vtkCellData.h"
#include "vtkDataArray.h"
#include "vtkFieldData.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationIntegerKey.h"
#include "vtkInformationObjectBaseKey.h"
#include "vtkPartitionedDataSet.h"
#include "vtkPartitionedDataSetCollection.h"

vtkInformationKeyMacro(vtkTensorDemand, SUPPLIER, ObjectBase);

namespace {
/// Data that lacks values is no data for who wants them all.
class OnDemandKey : public vtkInformationIntegerKey
{
public:
  OnDemandKey() : vtkInformationIntegerKey("ON_DEMAND", "vtkTensorDemand") {}

  bool NeedToExecute(vtkInformation *pipeline, vtkInformation *) override
  {
    return pipeline->Get(this) == 0 &&
           vtkTensorDemand::IsOnDemand(pipeline->Get(vtkDataObject::DATA_OBJECT()));
  }
};
} // namespace

vtkInformationIntegerKey *vtkTensorDemand::ON_DEMAND()
{
  static OnDemandKey *key = new OnDemandKey; // the library of keys lets go of it
  return key;
}

void vtkTensorDemand::Ask(vtkAlgorithm *filter, bool onDemand)
{
  for (int port = 0; port < filter->GetNumberOfInputPorts(); ++port)
    for (int k = 0; k < filter->GetNumberOfInputConnections(port); ++k) {
      vtkInformation *in = filter->GetInputInformation(port, k);
      vtkAlgorithm *source = filter->GetInputAlgorithm(port, k);
      vtkInformation *behind =
        source && source->IsA("vtkPVPostFilter") && source->GetNumberOfInputConnections(0) == 1
          ? source->GetInputInformation(0, 0)
          : nullptr;
      for (vtkInformation *output : {in, behind})
        if (output)
          output->Set(vtkTensorDemand::ON_DEMAND(), onDemand ? 1 : 0);
    }
}

bool vtkTensorDemand::Asked(vtkInformation *output)
{
  return output->Has(vtkTensorDemand::ON_DEMAND()) &&
         output->Get(vtkTensorDemand::ON_DEMAND()) == 1;
}

vtkTensorDemand *vtkTensorDemand::SupplierOf(vtkImageData *leaf)
{
  vtkDataArray *step = leaf->GetFieldData()->GetArray("Step");
  return step && step->HasInformation()
           ? vtkTensorDemand::SafeDownCast(step->GetInformation()->Get(vtkTensorDemand::SUPPLIER()))
           : nullptr;
}

bool vtkTensorDemand::IsOnDemand(vtkDataObject *data)
{
  auto *tensors = vtkPartitionedDataSetCollection::SafeDownCast(data);
  for (unsigned int i = 0; tensors && i < tensors->GetNumberOfPartitionedDataSets(); ++i) {
    vtkPartitionedDataSet *partitions = tensors->GetPartitionedDataSet(i);
    for (unsigned int j = 0; partitions && j < partitions->GetNumberOfPartitions(); ++j) {
      auto *image = vtkImageData::SafeDownCast(partitions->GetPartition(j));
      if (image && vtkTensorDemand::SupplierOf(image))
        return true;
      if (image && image->GetCellData()->GetNumberOfArrays() > 0)
        return false; // all leaves come with values, or none does
    }
  }
  return false;
}
