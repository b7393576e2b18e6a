// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewPackage.h"

#include "vtkPythonInterpreter.h"
#include "vtksys/SystemTools.hxx"

#include <dlfcn.h>
#include <string>

void TensorViewInstallPackage()
{
  Dl_info here;
  if (!dladdr(reinterpret_cast<void *>(&TensorViewInstallPackage), &here) || !here.dli_fname)
    return;
  const std::string plugin = vtksys::SystemTools::GetRealPath(here.dli_fname);
  const std::string folder = vtksys::SystemTools::GetFilenamePath(plugin) + "/python";
  if (vtksys::SystemTools::FileIsDirectory(folder))
    vtkPythonInterpreter::PrependPythonPath(folder.c_str());
}
