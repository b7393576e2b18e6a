// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewFollow.h"

#include "vtkCallbackCommand.h"
#include "vtkCommand.h"
#include "vtkNew.h"
#include "vtkProcessModule.h"
#include "vtkSMParaViewPipelineController.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxyManager.h"
#include "vtkSMSourceProxy.h"

#include <cstring>

namespace {
// The last step that the timeline has; false where it has none.
bool LastStep(vtkSMProxy *timeKeeper, double &last)
{
  const vtkSMPropertyHelper steps(timeKeeper, "TimestepValues");
  const unsigned int count = steps.GetNumberOfElements();
  if (count > 0)
    last = steps.GetAsDouble(count - 1);
  return count > 0;
}

// Somebody marked the reader as modified: ParaView's timer for live sources, or a property.
void ReaderModified(vtkObject *caller, unsigned long, void *, void *modified)
{
  auto *reader = vtkSMSourceProxy::SafeDownCast(caller);
  if (!reader || modified != reader || !vtkSMPropertyHelper(reader, "Follow").GetAsInt())
    return;
  vtkNew<vtkSMParaViewPipelineController> controller;
  vtkSMProxy *timeKeeper = controller->FindTimeKeeper(reader->GetSession());
  vtkSMProxy *scene = controller->FindAnimationScene(reader->GetSession());
  double before = 0.0, after = 0.0;
  // A training in shared memory has no other step than its last one to show.
  const bool ring =
    strncmp(vtkSMPropertyHelper(reader, "FileName").GetAsString(), "ring:", strlen("ring:")) == 0;
  const bool atEnd = timeKeeper && scene && LastStep(timeKeeper, before) &&
                     vtkSMPropertyHelper(scene, "AnimationTime").GetAsDouble() >= before;
  reader->UpdatePipelineInformation();
  if (ring && timeKeeper && scene)
    before = vtkSMPropertyHelper(scene, "AnimationTime").GetAsDouble();
  if ((atEnd || ring) && scene && LastStep(timeKeeper, after) && after > before) {
    vtkSMPropertyHelper(scene, "AnimationTime").Set(after);
    scene->UpdateProperty("AnimationTime");
  }
}

void WatchReader(vtkObject *, unsigned long, void *, void *information)
{
  const auto *added = static_cast<vtkSMProxyManager::RegisteredProxyInformation *>(information);
  if (!added || !added->Proxy || !added->GroupName || !added->Proxy->GetXMLName() ||
      added->Type != vtkSMProxyManager::RegisteredProxyInformation::PROXY ||
      strcmp(added->GroupName, "sources") != 0 ||
      strcmp(added->Proxy->GetXMLName(), "TensorSnapshotReader") != 0)
    return;
  vtkNew<vtkCallbackCommand> command;
  command->SetCallback(ReaderModified);
  added->Proxy->AddObserver(vtkCommand::ModifiedEvent, command);
}
} // namespace

void TensorViewInstallFollow()
{
  vtkProcessModule *process = vtkProcessModule::GetProcessModule();
  if (!process || process->GetProcessType() == vtkProcessModule::PROCESS_SERVER ||
      process->GetProcessType() == vtkProcessModule::PROCESS_DATA_SERVER ||
      process->GetProcessType() == vtkProcessModule::PROCESS_RENDER_SERVER)
    return;
  vtkNew<vtkCallbackCommand> watch;
  watch->SetCallback(WatchReader);
  vtkSMProxyManager::GetProxyManager()->AddObserver(vtkCommand::RegisterEvent, watch);
}
