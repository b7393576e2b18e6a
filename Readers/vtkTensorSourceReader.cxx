// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorSourceReader.h"

#include "vtkTensorCollection.h"
#include "vtkTensorSourceReaderInternals.h"

#include "vtkCommand.h"
#include "vtkDataArraySelection.h"
#include "vtkDataObject.h"
#include "vtkDemandDrivenPipeline.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkObjectFactory.h"

vtkStandardNewMacro(vtkTensorSourceReader);

vtkTensorSourceReader::vtkTensorSourceReader() : State(new Internals)
{
  this->SetNumberOfInputPorts(0);
  this->SetNumberOfOutputPorts(2);
  this->TensorSelection = vtkDataArraySelection::New();
  this->TensorSelection->AddObserver(
    vtkCommand::ModifiedEvent, this, &vtkTensorSourceReader::Modified);
}

vtkTensorSourceReader::~vtkTensorSourceReader()
{
  this->TensorSelection->Delete();
}

void vtkTensorSourceReader::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  for (const std::string &name : this->State->Names)
    os << indent << "FileName: " << name << "\n";
  os << indent << "HistoryTensor: " << this->HistoryTensor << "\n"
     << indent << "HistoryElements: " << this->HistoryElements << "\n";
}

void vtkTensorSourceReader::AddFileName(const char *name)
{
  if (name && *name) {
    this->State->Names.emplace_back(name);
    this->Modified();
  }
}

void vtkTensorSourceReader::RemoveAllFileNames()
{
  if (!this->State->Names.empty()) {
    this->State->Names.clear();
    this->State->Failure.clear();
    this->Modified();
  }
}

int vtkTensorSourceReader::GetNumberOfFileNames() const
{
  return static_cast<int>(this->State->Names.size());
}

const char *vtkTensorSourceReader::GetFileName(int index) const
{
  const bool known = index >= 0 && index < this->GetNumberOfFileNames();
  return known ? this->State->Names[index].c_str() : nullptr;
}

int vtkTensorSourceReader::CanReadFile(const char *name)
{
  const char *medium = nullptr;
  return name && tv_source_recognise(name, &medium) && std::string(medium) != "run file";
}

int vtkTensorSourceReader::GetNumberOfTensorArrays()
{
  return this->TensorSelection->GetNumberOfArrays();
}

const char *vtkTensorSourceReader::GetTensorArrayName(int index)
{
  return this->TensorSelection->GetArrayName(index);
}

int vtkTensorSourceReader::GetTensorArrayStatus(const char *name)
{
  return name && this->IsEnabled(name) ? 1 : 0;
}

/// The selection itself goes through its list for every name.
bool vtkTensorSourceReader::IsEnabled(const std::string &name)
{
  Internals &state = *this->State;
  if (state.EnabledAt != this->TensorSelection->GetMTime()) {
    state.EnabledAt = this->TensorSelection->GetMTime();
    state.Enabled.clear();
    for (int k = 0; k < this->TensorSelection->GetNumberOfArrays(); ++k)
      if (this->TensorSelection->GetArraySetting(k))
        state.Enabled.insert(this->TensorSelection->GetArrayName(k));
  }
  return state.Enabled.count(name) > 0;
}

void vtkTensorSourceReader::SetTensorArrayStatus(const char *name, int status)
{
  if (name)
    this->TensorSelection->SetArraySetting(name, status != 0);
}

int vtkTensorSourceReader::GetNumberOfHistoryTensorArrays()
{
  return static_cast<int>(this->State->Source.Tensors().size());
}

const char *vtkTensorSourceReader::GetHistoryTensorArrayName(int index)
{
  for (bool weights : {true, false})
    for (const TensorSource::Tensor &tensor : this->State->Source.Tensors())
      if ((tensor.Kind == "weights") == weights && index-- == 0)
        return tensor.Name.c_str();
  return nullptr;
}

/// What was given in place of tensors serves nobody else.
vtkMTimeType vtkTensorSourceReader::GetMTime()
{
  if (this->State->Described) {
    this->State->Described = false;
    this->Modified();
  }
  return this->Superclass::GetMTime();
}

vtkIdType vtkTensorSourceReader::GetValuesRead() const
{
  return this->State->ValuesRead;
}

void vtkTensorSourceReader::Refresh()
{
  this->State->Reload = true;
  this->State->Failure.clear();
  this->State->Said[0].clear();
  this->State->Said[1].clear();
  this->State->Reported.clear();
  this->Modified();
}

void vtkTensorSourceReader::Report(const std::string &error)
{
  if (!this->CheckAbort()) // who stopped it knows
    vtkErrorMacro(<< error);
}

/// The same failure at one step after another is one failure.
void vtkTensorSourceReader::ReportOnce(int port, const std::string &error)
{
  if (!error.empty() && error != this->State->Said[port])
    this->Report(error);
  this->State->Said[port] = error;
}

int vtkTensorSourceReader::FillOutputPortInformation(int port, vtkInformation *info)
{
  info->Set(
    vtkDataObject::DATA_TYPE_NAME(), port == 0 ? "vtkPartitionedDataSetCollection" : "vtkTable");
  return 1;
}

int vtkTensorSourceReader::ProcessRequest(
  vtkInformation *request, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  // Only what somebody asked for is read: the other output stays as it is, and out of date.
  if (request->Has(vtkDemandDrivenPipeline::REQUEST_DATA_NOT_GENERATED())) {
    const int port = request->Get(vtkExecutive::FROM_OUTPUT_PORT());
    for (int k = 0; port >= 0 && k < this->GetNumberOfOutputPorts(); ++k)
      if (k != port)
        outputVector->GetInformationObject(k)->Set(
          vtkDemandDrivenPipeline::DATA_NOT_GENERATED(), 1);
    return 1;
  }
  return this->Superclass::ProcessRequest(request, inputVector, outputVector);
}

int vtkTensorSourceReader::RequestData(
  vtkInformation *request, vtkInformationVector **, vtkInformationVector *outputVector)
{
  const int port = request->Get(vtkExecutive::FROM_OUTPUT_PORT());
  if (port != 1)
    this->ReadTensors(outputVector->GetInformationObject(0));
  if (port != 0)
    this->ReadHistory(outputVector->GetInformationObject(1));
  if (this->State->Source)
    tv_source_rest(this->State->Source.Get());
  return 1; // a failure was reported, in one sentence, and the executive would add another
}
