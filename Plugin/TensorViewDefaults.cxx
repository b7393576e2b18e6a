// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewDefaults.h"

#include "TensorViewColours.h"
#include "TensorViewGroups.h"
#include "TensorViewPresets.h"  // generated from Presets/TensorView.json
#include "TensorViewSettings.h" // generated from Presets/defaults.json

#include "vtkCallbackCommand.h"
#include "vtkCommand.h"
#include "vtkDataSetAttributes.h"
#include "vtkNew.h"
#include "vtkPVArrayInformation.h"
#include "vtkPVDataInformation.h"
#include "vtkPVDataSetAttributesInformation.h"
#include "vtkProcessModule.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"
#include "vtkSMProxyIterator.h"
#include "vtkSMProxyManager.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSMSettings.h"
#include "vtkSMSourceProxy.h"
#include "vtkSMStringVectorProperty.h"
#include "vtkSMTransferFunctionManager.h"
#include "vtkSMTransferFunctionPresets.h"
#include "vtkSMTransferFunctionProxy.h"
#include "vtkStringList.h"
#include "vtk_jsoncpp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>

namespace {

// Arrays whose zero means something, and the smallest range
// they are given: correlations are always shown on [-1, 1].
struct SymmetricArray
{
  const char *Name;
  double Least;
};
constexpr SymmetricArray Symmetric[] = {{"Weight", 0.0}, {"Gradient", 0.0}, {"Updates", 0.0},
  {"Bias", 0.0}, {"Weightmean", 0.0}, {"Correlation", 1.0}};

// The array of a colour map: "Weight.PVLookupTable", or, where a representation has a map of its
// own, "Separate_5872_Weight.PVLookupTable".
std::string ArrayOf(const std::string &map)
{
  std::string name = map.substr(0, map.find(".PVLookupTable"));
  if (name.compare(0, 9, "Separate_") == 0) {
    name =
      name.substr(std::min(name.size(), name.find('_', 9)) + (name.find('_', 9) < name.size()));
  }
  return name;
}

bool IsOurs(const std::string &array)
{
  for (const char *ours : {"Weight", "Gradient", "Updates", "Bias", "Activation", "Correlation",
         "Step", "Group", "Run"}) {
    if (array == ours) {
      return true;
    }
  }
  return false;
}

// A map of a representation's own begins as that of its array does: with its preset and its gaps.
void Separate(vtkSMProxy *map, const std::string &name, const std::string &array)
{
  if (name.compare(0, 9, "Separate_") == 0 && IsOurs(array) &&
      !map->GetSessionProxyManager()->GetInLoadXMLState()) {
    vtkSMTransferFunctionProxy::ResetPropertiesToDefaults(map, array.c_str(), false);
    map->UpdateVTKObjects();
  }
}

// Adds our presets to ParaView's list; one of an older version of ours is replaced.
void AddPresets()
{
  std::istringstream stream(TensorViewPresets);
  Json::Value presets;
  if (!Json::parseFromStream(Json::CharReaderBuilder(), stream, &presets, nullptr)) {
    vtkGenericWarningMacro("TensorView's own colour presets cannot be read.");
    return;
  }
  vtkSMTransferFunctionPresets *all = vtkSMTransferFunctionPresets::GetInstance();
  for (const Json::Value &preset : presets) {
    const std::string name = preset["Name"].asString();
    if (!all->HasPreset(name.c_str())) {
      all->AddPreset(name.c_str(), preset);
    } else if (all->GetFirstPresetWithName(name.c_str()) != preset) {
      all->SetPreset(name.c_str(), preset);
    }
  }
}

// ParaView fits a colour map to the data, [least, greatest]; zero is white only where the range
// is symmetric. A user who turns automatic rescaling off has the range that he chose.
void MakeSymmetric(vtkObject *caller, unsigned long, void *array, void *property)
{
  auto *lut = vtkSMTransferFunctionProxy::SafeDownCast(caller);
  if (!lut || !property || strcmp(static_cast<const char *>(property), "RGBPoints") != 0 ||
      vtkSMPropertyHelper(lut, "AutomaticRescaleRangeMode", true).GetAsInt() ==
        vtkSMTransferFunctionManager::NEVER ||
      vtkSMPropertyHelper(lut, "UseLogScale", true).GetAsInt() != 0) {
    return;
  }
  double range[2];
  if (!lut->GetRange(range)) {
    return;
  }
  const double largest = std::max(
    {std::fabs(range[0]), std::fabs(range[1]), static_cast<const SymmetricArray *>(array)->Least});
  // The second call, caused by the first one's change, finds the range symmetric and ends here.
  if (largest > 0.0 && (range[0] != -largest || range[1] != largest)) {
    lut->RescaleTransferFunction(-largest, largest);
  }
}

// Under ParaView's own light a white block that faces the viewer is grey (200 of 255). With these
// two its top is white, from above and from a side, and its sides are a shade that shows heights.
// A lighting that somebody chose, in a state file say, is left alone.
void LightBlocks(vtkSMProxy *representation)
{
  int port = 0;
  vtkSMProxy *source = TensorViewShownGrid(representation, &port);
  vtkSMPropertyHelper ambient(representation, "Ambient", true),
    diffuse(representation, "Diffuse", true);
  if (!source || port != 0 || strcmp(source->GetXMLName(), "WeightGrid") != 0 ||
      ambient.GetNumberOfElements() != 1 || diffuse.GetNumberOfElements() != 1 ||
      ambient.GetAsDouble() != 0.0 || diffuse.GetAsDouble() != 1.0) {
    return;
  }
  ambient.Set(0.4);
  diffuse.Set(0.8);
  representation->UpdateVTKObjects();
}

// Gaps of a mosaic are no numbers, and blank. Where no mosaic is shown what is no number is grey.
void BlankGaps(vtkSMSourceProxy *grid)
{
  const vtkPVArrayInformation *values =
    grid->GetDataInformation()->GetCellDataInformation()->GetAttributeInformation(
      vtkDataSetAttributes::SCALARS);
  if (strcmp(grid->GetXMLName(), "ImageGrid") != 0 || !values) {
    return;
  }
  vtkNew<vtkSMTransferFunctionManager> colourMaps;
  vtkSMProxy *lut =
    colourMaps->GetColorTransferFunction(values->GetName(), grid->GetSessionProxyManager());
  vtkSMPropertyHelper(lut, "NanOpacity").Set(0.0);
  lut->UpdateVTKObjects();
}

// A mosaic that is on the screen already may be given another tensor, and with it a new colour map.
void BlankGapsOfAll(vtkSMSessionProxyManager *manager)
{
  vtkNew<vtkSMProxyIterator> sources;
  sources->SetSessionProxyManager(manager);
  sources->SetModeToOneGroup();
  for (sources->Begin("sources"); !sources->IsAtEnd(); sources->Next()) {
    auto *source = vtkSMSourceProxy::SafeDownCast(sources->GetProxy());
    if (source && source->GetXMLName() && strcmp(source->GetXMLName(), "ImageGrid") == 0) {
      BlankGaps(source);
    }
  }
}

// ParaView smooths what it has drawn (FXAA): a pixel gets the colours of its neighbours, too. In a
// flat grid these are other values, and without a graphics card that takes longer than all the
// rest. A view is drawn as it is from the first flat grid on that it shows, unless somebody, later,
// wants otherwise.
void DrawExactly(vtkSMProxy *view, vtkSMSourceProxy *grid)
{
  double bounds[6];
  grid->GetDataInformation()->GetBounds(bounds);
  if (bounds[4] == bounds[5]) {
    vtkSMPropertyHelper(view, "UseFXAA").Set(0);
  }
}

// A view shows one thing more, or less. What a state file says of it is left alone.
void LookAtView(vtkObject *caller, unsigned long, void *, void *property)
{
  auto *view = vtkSMProxy::SafeDownCast(caller);
  if (!view || !property || strcmp(static_cast<const char *>(property), "Representations") != 0 ||
      !view->GetProperty("UseFXAA") || view->GetSessionProxyManager()->GetInLoadXMLState()) {
    return;
  }
  vtkSMPropertyHelper shown(view, "Representations");
  const unsigned int count = shown.GetNumberOfElements();
  vtkSMSourceProxy *grid = count > 0 ? TensorViewShownGrid(shown.GetAsProxy(count - 1)) : nullptr;
  if (!grid) {
    return;
  }
  BlankGaps(grid);
  bool first = true;
  for (unsigned int i = 0; i + 1 < count; ++i) {
    first = first && !TensorViewShownGrid(shown.GetAsProxy(i));
  }
  if (first) {
    DrawExactly(view, grid);
  }
}

void WatchNewProxy(vtkObject *, unsigned long, void *, void *information)
{
  const auto *added = static_cast<vtkSMProxyManager::RegisteredProxyInformation *>(information);
  if (!added || !added->Proxy || !added->GroupName || !added->ProxyName ||
      added->Type != vtkSMProxyManager::RegisteredProxyInformation::PROXY) {
    return;
  }
  const std::string group = added->GroupName;
  if (group == "representations") {
    LightBlocks(added->Proxy);
    TensorViewDrawMarks(added->Proxy);
  } else if (group == "sources") {
    TensorViewWatchColours(added->Proxy);
  } else if (group == "views") {
    TensorViewWatch(added->Proxy, LookAtView, nullptr);
  }
  if (group != "lookup_tables") {
    return;
  }
  BlankGapsOfAll(added->Proxy->GetSessionProxyManager());
  const std::string array = ArrayOf(added->ProxyName);
  Separate(added->Proxy, added->ProxyName, array);
  for (const SymmetricArray &symmetric : Symmetric) {
    if (array == symmetric.Name) {
      TensorViewWatch(added->Proxy, MakeSymmetric, const_cast<SymmetricArray *>(&symmetric));
    }
  }
  if (array == "Group") {
    TensorViewWatchGroups(added->Proxy);
  }
}

void Connected(vtkObject *, unsigned long, void *, void *)
{
  AddPresets();
}
} // namespace

void TensorViewInstallDefaults()
{
  vtkProcessModule *process = vtkProcessModule::GetProcessModule();
  if (!process || process->GetProcessType() == vtkProcessModule::PROCESS_SERVER ||
      process->GetProcessType() == vtkProcessModule::PROCESS_DATA_SERVER ||
      process->GetProcessType() == vtkProcessModule::PROCESS_RENDER_SERVER) {
    return;
  }

  // Below what a site (1) and a user (the largest) have set.
  vtkSMSettings::GetInstance()->AddCollectionFromString(TensorViewSettings, 0.5);

  vtkNew<vtkCallbackCommand> watch;
  watch->SetCallback(WatchNewProxy);
  vtkSMProxyManager::GetProxyManager()->AddObserver(vtkCommand::RegisterEvent, watch);

  // PV_PLUGIN_PATH loads plugins before the user's settings. A list of presets that is asked for
  // before then never gets the user's own, and would later be saved without them.
  if (vtkSMProxyManager::GetProxyManager()->GetActiveSession()) {
    AddPresets();
    vtkNew<vtkSMProxyIterator> views;
    views->SetSessionProxyManager(
      vtkSMProxyManager::GetProxyManager()->GetActiveSessionProxyManager());
    views->SetModeToOneGroup();
    for (views->Begin("views"); !views->IsAtEnd(); views->Next()) {
      TensorViewWatch(views->GetProxy(), LookAtView, nullptr);
    }
  } else {
    vtkNew<vtkCallbackCommand> connected;
    connected->SetCallback(Connected);
    process->AddObserver(vtkCommand::ConnectionCreatedEvent, connected);
  }
}
