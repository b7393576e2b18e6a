// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorDemand.h"

#include "vtkAlgorithm.h"
#include "vtkFieldData.h"
#include "vtkInformation.h"
#include "vtkInformationIntegerKey.h"
#include "vtkInformationObjectBaseKey.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSet.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkStringArray.h"

namespace {
const char *const Carrier = "Tensors"; // the array whose information says who has them

/// Data that lacks values is no data for who wants them all.
class OnDemandKey : public vtkInformationIntegerKey
{
public:
  OnDemandKey() : vtkInformationIntegerKey("ON_DEMAND", "vtkTensorDemand") {}

  bool NeedToExecute(vtkInformation *pipeline, vtkInformation *) override
  {
    return pipeline->Get(this) == 0 &&
           vtkTensorDemand::Get(pipeline->Get(vtkDataObject::DATA_OBJECT()));
  }
};

vtkInformationObjectBaseKey *DemandKey()
{
  static auto *key = new vtkInformationObjectBaseKey("DEMAND", "vtkTensorDemand");
  return key;
}

class Grouped : public vtkTensorDemand
{
public:
  vtkTypeMacro(Grouped, vtkTensorDemand);
  static Grouped *New();

  vtkSmartPointer<vtkTensorDemand> Inner;
  std::string Layer;
  vtkSmartPointer<vtkIntArray> Groups;

  std::vector<std::string> Names() override { return this->Inner->Names(); }

  vtkSmartPointer<vtkImageData> Find(
    const std::string &name, const char *preferred, std::string &error) override
  {
    const vtkSmartPointer<vtkImageData> leaf = this->Inner->Find(name, preferred, error);
    vtkFieldData *fields = leaf ? leaf->GetFieldData() : nullptr;
    auto *layer =
      fields ? vtkStringArray::SafeDownCast(fields->GetAbstractArray("Layer")) : nullptr;
    if (layer && layer->GetValue(0) == this->Layer)
      fields->AddArray(this->Groups);
    return leaf;
  }
};
vtkStandardNewMacro(Grouped);
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
      vtkInformation *behind = nullptr;
      if (source && source->IsA("vtkPVPostFilter") && source->GetNumberOfInputConnections(0) == 1)
        behind = source->GetInputInformation(0, 0);
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

/// A leaf of its own carries it: field data is what every copy of a collection keeps.
void vtkTensorDemand::Put(vtkPartitionedDataSetCollection *tensors, vtkTensorDemand *demand)
{
  vtkNew<vtkStringArray> carrier;
  carrier->SetName(Carrier);
  carrier->InsertNextValue("on demand");
  carrier->GetInformation()->Set(DemandKey(), demand);
  vtkNew<vtkImageData> leaf;
  leaf->GetFieldData()->AddArray(carrier);
  vtkNew<vtkPartitionedDataSet> partitions;
  partitions->SetNumberOfPartitions(1);
  partitions->SetPartition(0, leaf);
  tensors->SetNumberOfPartitionedDataSets(1);
  tensors->SetPartitionedDataSet(0, partitions);
}

vtkTensorDemand *vtkTensorDemand::Get(vtkDataObject *data)
{
  auto *tensors = vtkPartitionedDataSetCollection::SafeDownCast(data);
  if (!tensors || tensors->GetNumberOfPartitionedDataSets() != 1)
    return nullptr;
  vtkPartitionedDataSet *partitions = tensors->GetPartitionedDataSet(0);
  vtkDataSet *leaf =
    partitions && partitions->GetNumberOfPartitions() == 1 ? partitions->GetPartition(0) : nullptr;
  vtkAbstractArray *carrier = leaf ? leaf->GetFieldData()->GetAbstractArray(Carrier) : nullptr;
  return carrier && carrier->HasInformation()
           ? vtkTensorDemand::SafeDownCast(carrier->GetInformation()->Get(DemandKey()))
           : nullptr;
}

vtkSmartPointer<vtkTensorDemand> vtkTensorDemand::WithGroups(
  vtkTensorDemand *demand, const std::string &layer, vtkIntArray *groups)
{
  vtkNew<Grouped> grouped;
  grouped->Inner = demand;
  grouped->Layer = layer;
  grouped->Groups = groups;
  return grouped;
}
