// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorSnapshotReader.h"

#include "tensorview/source.h"

#include "vtkObjectFactory.h"

#include <string>
#include <unistd.h>

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
  // ParaView says nothing useful of a file that no reader wants: a damaged run comes here all the
  // same, and RequestInformation() says what is wrong with it.
  const std::string file = name ? name : "", ending = ".tvh5";
  if (file.size() > ending.size() &&
      file.compare(file.size() - ending.size(), ending.size(), ending) == 0)
    return access(name, F_OK) == 0;
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
