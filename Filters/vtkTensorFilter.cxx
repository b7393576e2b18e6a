// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorFilter.h"

#include "vtkDataObject.h"
#include "vtkInformation.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkInformationVector.h"
#include "vtkMultiProcessController.h"
#include "vtkTensorDemandPipeline.h"

#include "Ranks/Ranks.h"
#include "execution.h"

#include <algorithm>

vtkTensorFilter::vtkTensorFilter(const char *preferredKind) : PreferredKind(preferredKind) {}

vtkTensorFilter::~vtkTensorFilter() = default;

void vtkTensorFilter::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Tensor: " << this->Tensor << "\n";
}

const char *vtkTensorFilter::GetTensorArrayName(int index) const
{
  const bool known = index >= 0 && index < this->GetNumberOfTensorArrays();
  return known ? this->Names[index].c_str() : nullptr;
}

tv_execution vtkTensorFilter::Execution()
{
  vtkMultiProcessController *controller = Ranks::Controller();
  return {tv_threads(controller ? controller->GetNumberOfProcesses() : 1), nullptr, nullptr};
}

vtkMultiProcessController *vtkTensorFilter::Controller()
{
  return Ranks::Controller();
}

int vtkTensorFilter::FillInputPortInformation(int, vtkInformation *info)
{
  // What it is, FindTensor() says in one sentence; the pipeline would say it at every request.
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject");
  return 1;
}

vtkExecutive *vtkTensorFilter::CreateDefaultExecutive()
{
  return vtkTensorDemandPipeline::New();
}

vtkInformation *vtkTensorFilter::InputInformation(vtkInformationVector **inputVector)
{
  vtkInformation *in = inputVector[0]->GetInformationObject(0);
  vtkAlgorithm *source = this->GetInputAlgorithm(0, 0);
  if (!in->Has(vtkTensorCollection::TENSORS()) && source && source->IsA("vtkPVPostFilter") &&
      source->GetNumberOfInputConnections(0) == 1)
    return source->GetInputInformation(0, 0);
  return in;
}

int vtkTensorFilter::RequestInformation(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  vtkInformation *in = this->InputInformation(inputVector);
  vtkInformationStringVectorKey *key = vtkTensorCollection::TENSORS();
  this->Names.clear();
  if (in->Has(key))
    for (int i = 0; i < in->Length(key); ++i)
      this->Names.emplace_back(in->Get(key, i));
  else
    this->Names = vtkTensorCollection::Names(vtkDataObject::GetData(inputVector[0]));

  vtkInformation *out = outputVector->GetInformationObject(0);
  out->Remove(key);
  for (const std::string &name : this->Names)
    out->Append(key, name.c_str());
  out->CopyEntry(in, vtkTensorCollection::SHAPES());

  const std::string ending = std::string("/") + this->PreferredKind;
  std::stable_partition(this->Names.begin(), this->Names.end(), [&ending](const std::string &name) {
    return name.size() > ending.size() &&
           name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
  });
  return 1;
}

const char *vtkTensorFilter::ChosenTensor() const
{
  return this->Tensor.empty() ? this->GetTensorArrayName(0) : this->Tensor.c_str();
}

bool vtkTensorFilter::FindTensor(vtkInformationVector **inputVector, vtkTensorRecord &record)
{
  std::string error;
  if (vtkTensorCollection::Find(
        vtkDataObject::GetData(inputVector[0]), this->Tensor, this->PreferredKind, record, error))
    return true;
  this->ReportError(error);
  return false;
}

void vtkTensorFilter::ReportError(const std::string &sentence)
{
  if (this->Last.IsNew(sentence, this->GetMTime()))
    vtkErrorMacro(<< sentence);
}
