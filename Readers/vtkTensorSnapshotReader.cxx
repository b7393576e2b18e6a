#include "vtkTensorSnapshotReader.h"

#include "tensorview/source.h"

#include "vtkObjectFactory.h"

#include <string>

vtkStandardNewMacro(vtkTensorSnapshotReader);
vtkTensorSnapshotReader::vtkTensorSnapshotReader() = default;
vtkTensorSnapshotReader::~vtkTensorSnapshotReader() = default;

void vtkTensorSnapshotReader::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Accumulate: " << this->Accumulate << "\n"
     << indent << "Follow: " << this->Follow << "\n"
     << indent << "FollowInterval: " << this->FollowInterval << "\n";
}

int vtkTensorSnapshotReader::CanReadFile(const char *name)
{
  const char *medium = nullptr;
  return name && tv_source_recognise(name, &medium) && std::string(medium) == "run file";
}

/// Whether a file has changed, where somebody wants to know, and not too often.
void vtkTensorSnapshotReader::Look()
{
  const auto now = std::chrono::steady_clock::now();
  if (!this->Follow ||
      std::chrono::duration<double>(now - this->Looked).count() < this->FollowInterval)
    return;
  this->Looked = now;
  if (this->FilesChanged()) {
    this->Changed = true;
    this->Modified();
  }
}

bool vtkTensorSnapshotReader::GetNeedsUpdate()
{
  this->Look();
  const bool changed = this->Changed;
  this->Changed = false;
  return changed;
}

vtkMTimeType vtkTensorSnapshotReader::GetMTime()
{
  this->Look();
  return this->Superclass::GetMTime();
}
