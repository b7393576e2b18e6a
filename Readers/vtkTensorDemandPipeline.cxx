// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorDemandPipeline.h"

#include "vtkTensorDemand.h"

#include "vtkAlgorithm.h"
#include "vtkDataObject.h"
#include "vtkInformation.h"
#include "vtkObjectFactory.h"

#include <algorithm>
#include <string>

vtkStandardNewMacro(vtkTensorDemandPipeline);

int vtkTensorDemandPipeline::ForwardUpstream(vtkInformation *request)
{
  if (!request->Has(REQUEST_UPDATE_EXTENT()) && !request->Has(REQUEST_DATA()))
    return this->Superclass::ForwardUpstream(request);
  const int port = std::max(0, request->Get(FROM_OUTPUT_PORT()));
  const char *type =
    this->Algorithm->GetOutputPortInformation(port)->Get(vtkDataObject::DATA_TYPE_NAME());
  const bool passesOn = type && std::string(type) == "vtkPartitionedDataSetCollection";
  vtkTensorDemand::Ask(
    this->Algorithm, !passesOn || vtkTensorDemand::Asked(this->GetOutputInformation(port)));
  const int result = this->Superclass::ForwardUpstream(request);
  vtkTensorDemand::Ask(this->Algorithm, false);
  return result;
}
