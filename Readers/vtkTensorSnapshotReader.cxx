#include "vtkTensorSnapshotReader.h"

#include "vtkObjectFactory.h"

vtkStandardNewMacro(vtkTensorSnapshotReader);
vtkTensorSnapshotReader::vtkTensorSnapshotReader()
{
  this->SetNumberOfInputPorts(0);
}
vtkTensorSnapshotReader::~vtkTensorSnapshotReader() = default;
