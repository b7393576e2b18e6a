// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewColours.h"

#include "TensorViewGroups.h"

#include "vtkCallbackCommand.h"
#include "vtkCommand.h"
#include "vtkDataObject.h"
#include "vtkDataSetAttributes.h"
#include "vtkNew.h"
#include "vtkPVArrayInformation.h"
#include "vtkPVDataInformation.h"
#include "vtkPVDataSetAttributesInformation.h"
#include "vtkSMParaViewPipelineController.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSMSourceProxy.h"
#include "vtkSMTransferFunctionManager.h"
#include "vtkSMTransferFunctionProxy.h"
#include "vtkSMViewProxy.h"

#include <cstring>
#include <map>
#include <string>

// ParaView moved what colours a representation out of the representation in 5.13.
#if __has_include("vtkSMColorMapEditorHelper.h")
#include "vtkSMColorMapEditorHelper.h"
using ColourMapHelper = vtkSMColorMapEditorHelper;
#else
#include "vtkSMPVRepresentationProxy.h"
using ColourMapHelper = vtkSMPVRepresentationProxy;
#endif

namespace {

// When each grid was updated last; what is updated again at the same time was changed by somebody.
std::map<vtkSMSourceProxy *, double> &Times()
{
  // Never deleted: at the end of a process proxies outlive what is static.
  static auto *times = new std::map<vtkSMSourceProxy *, double>();
  return *times;
}

double Now(vtkSMProxy *proxy)
{
  vtkNew<vtkSMParaViewPipelineController> controller;
  vtkSMProxy *keeper = controller->FindTimeKeeper(proxy->GetSession());
  return keeper ? vtkSMPropertyHelper(keeper, "Time").GetAsDouble() : 0.0;
}

// The values of a grid: the active scalars of its cells or its points.
const char *Values(vtkSMSourceProxy *grid, int &association)
{
  vtkPVDataInformation *data = grid->GetDataInformation();
  for (const int where : {vtkDataObject::CELL, vtkDataObject::POINT}) {
    const vtkPVArrayInformation *values =
      data->GetAttributeInformation(where)->GetAttributeInformation(vtkDataSetAttributes::SCALARS);
    if (values) {
      association = where;
      return values->GetName();
    }
  }
  return nullptr;
}

// A grid that shows another tensor is coloured by that tensor's values, and its legend says so.
void ColourByWhatIsThere(vtkSMSourceProxy *grid, vtkSMProxy *shown)
{
  vtkSMPropertyHelper array(shown, "ColorArrayName");
  const char *name = array.GetInputArrayNameToProcess();
  int association = 0;
  const char *values = Values(grid, association);
  if (!name || !*name || !values ||
      grid->GetDataInformation()->GetArrayInformation(name, array.GetInputArrayAssociation())) {
    return;
  }
  vtkSMViewProxy *view = vtkSMViewProxy::FindView(shown);
  const bool legend = view && ColourMapHelper::IsScalarBarVisible(shown, view);
  if (legend) {
    ColourMapHelper::SetScalarBarVisibility(shown, view, false);
  }
  ColourMapHelper::SetScalarColoring(shown, values, association);
  if (legend) {
    ColourMapHelper::SetScalarBarVisibility(shown, view, true);
  }
  shown->UpdateVTKObjects();
}

void Rescale(vtkSMProxy *shown, bool extend)
{
  auto *lut = vtkSMTransferFunctionProxy::SafeDownCast(
    vtkSMPropertyHelper(shown, "LookupTable", true).GetAsProxy());
  if (!lut || vtkSMPropertyHelper(lut, "AutomaticRescaleRangeMode", true).GetAsInt() ==
                vtkSMTransferFunctionManager::NEVER) {
    return;
  }
  if (vtkSMPropertyHelper(lut, "IndexedLookup", true).GetAsInt() != 0) {
    TensorViewListGroups(lut);
  } else {
    vtkSMTransferFunctionProxy::RescaleTransferFunctionToDataRange(lut, extend);
  }
}

void GridUpdated(vtkObject *caller, unsigned long, void *, void *)
{
  auto *grid = vtkSMSourceProxy::SafeDownCast(caller);
  vtkSMSessionProxyManager *manager = grid ? grid->GetSessionProxyManager() : nullptr;
  if (!manager || manager->GetInLoadXMLState()) {
    return;
  }
  const double now = Now(grid);
  const auto last = Times().find(grid);
  // What a state file says of the range stays at its first picture.
  const bool changed = last != Times().end() && last->second == now;
  Times()[grid] = now;
  for (unsigned int i = 0; i < grid->GetNumberOfConsumers(); ++i) {
    vtkSMProxy *shown = grid->GetConsumerProxy(i);
    int port = 0;
    // One of several that a representation has inside has no types to choose from.
    if (!shown || !shown->GetProperty("RepresentationTypesInfo") ||
        TensorViewShownGrid(shown, &port) != grid || port != 0 ||
        vtkSMPropertyHelper(shown, "Visibility", true).GetAsInt() == 0) {
      continue;
    }
    ColourByWhatIsThere(grid, shown);
    Rescale(shown, !changed);
  }
}

void GridDeleted(vtkObject *caller, unsigned long, void *, void *)
{
  Times().erase(static_cast<vtkSMSourceProxy *>(caller));
}
} // namespace

vtkSMSourceProxy *TensorViewShownGrid(vtkSMProxy *representation, int *port)
{
  vtkSMPropertyHelper input(representation, "Input", true);
  const bool has = input.GetNumberOfElements() > 0;
  auto *source = vtkSMSourceProxy::SafeDownCast(has ? input.GetAsProxy() : nullptr);
  const std::string name = source && source->GetXMLName() ? source->GetXMLName() : "";
  if (port && has) {
    *port = static_cast<int>(input.GetOutputPort());
  }
  return name == "WeightGrid" || name == "ImageGrid" || name == "DistributionGrid" ? source
                                                                                   : nullptr;
}

void TensorViewWatchColours(vtkSMProxy *source)
{
  const std::string name = source->GetXMLName() ? source->GetXMLName() : "";
  if (name != "WeightGrid" && name != "ImageGrid" && name != "DistributionGrid") {
    return;
  }
  vtkNew<vtkCallbackCommand> updated, deleted;
  updated->SetCallback(GridUpdated);
  source->AddObserver(vtkCommand::UpdateDataEvent, updated);
  deleted->SetCallback(GridDeleted);
  source->AddObserver(vtkCommand::DeleteEvent, deleted);
}

void TensorViewDrawMarks(vtkSMProxy *representation)
{
  int port = 0;
  if (!TensorViewShownGrid(representation, &port) || port != 1 ||
      !representation->GetProperty("MapScalars") ||
      representation->GetSessionProxyManager()->GetInLoadXMLState()) {
    return;
  }
  // The colours themselves, with no map, and so with no legend.
  vtkSMPropertyHelper(representation, "ColorArrayName")
    .SetInputArrayToProcess(vtkDataObject::CELL, "Color");
  vtkSMPropertyHelper(representation, "MapScalars").Set(0);
  vtkSMPropertyHelper(representation, "Ambient").Set(1.0);
  vtkSMPropertyHelper(representation, "Diffuse").Set(0.0);
  vtkSMPropertyHelper(representation, "LineWidth").Set(1.2);
  // A picture is shown as a slice at first, which cannot be picked: its numbers can.
  const bool picture = strcmp(TensorViewShownGrid(representation)->GetXMLName(), "ImageGrid") == 0;
  vtkSMPropertyHelper(representation, "Pickable").Set(picture ? 1 : 0);
  representation->UpdateVTKObjects();
}

void TensorViewWatch(
  vtkSMProxy *proxy, void (*callback)(vtkObject *, unsigned long, void *, void *), void *data)
{
  vtkNew<vtkCallbackCommand> command;
  command->SetCallback(callback);
  command->SetClientData(data);
  proxy->AddObserver(vtkCommand::PropertyModifiedEvent, command);
}
