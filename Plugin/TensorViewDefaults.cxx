#include "TensorViewDefaults.h"

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

// Arrays whose zero means something, as ParaView names their colour maps, and the smallest range
// they are given: correlations are always shown on [-1, 1].
struct SymmetricArray
{
  const char *ColourMap;
  double Least;
};
constexpr SymmetricArray Symmetric[] = {{"Weight.PVLookupTable", 0.0},
  {"Gradient.PVLookupTable", 0.0}, {"Bias.PVLookupTable", 0.0}, {"Correlation.PVLookupTable", 1.0}};

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

// A colour for each group whose number is beyond the preset's: its colours again, but that of "no
// group", which is the first. Layers of so many filters are rare.
void ColourGroups(vtkSMTransferFunctionProxy *lut, int last)
{
  vtkSMPropertyHelper names(lut, "Annotations"), colours(lut, "IndexedColors");
  const int known = static_cast<int>(names.GetNumberOfElements() / 2) - 1;
  if (known < 1 || last < known || colours.GetNumberOfElements() != 3u * (known + 1) ||
      std::to_string(known - 1) != names.GetAsString(2 * known)) {
    return; // all have one, or somebody has a list of his own
  }
  for (int group = known; group <= last; ++group) {
    const std::string name = std::to_string(group);
    names.Set(2 * (group + 1), name.c_str());
    names.Set(2 * (group + 1) + 1, name.c_str());
    for (int i = 0; i < 3; ++i) {
      colours.Set(3 * (group + 1) + i, colours.GetAsDouble(3 * (group % known + 1) + i));
    }
  }
}

// ParaView lists in the legend, and colours, the groups that it finds in a sample of the data, if
// they are no more than 32. Where it misses the least or the largest number, whose range is exact,
// or has no colour for it, every number of the range is listed: rather some that are not there than
// one in the grey of none.
void ListAllGroups(vtkObject *caller, unsigned long, void *, void *property)
{
  auto *lut = vtkSMTransferFunctionProxy::SafeDownCast(caller);
  if (!lut || !property ||
      strcmp(static_cast<const char *>(property), "ActiveAnnotatedValues") != 0) {
    return;
  }
  double range[2];
  if (!lut->ComputeDataRange(range)) {
    return;
  }
  const int least = static_cast<int>(range[0]), largest = static_cast<int>(range[1]);
  auto *active = vtkSMStringVectorProperty::SafeDownCast(lut->GetProperty("ActiveAnnotatedValues"));
  vtkNew<vtkStringList> listed;
  active->GetElements(listed);
  bool first = false, last = false;
  for (int i = 0; i < listed->GetNumberOfStrings(); ++i) {
    first = first || std::to_string(least) == listed->GetString(i);
    last = last || std::to_string(largest) == listed->GetString(i);
  }
  if (first && last) {
    return;
  }
  ColourGroups(lut, largest);
  listed->RemoveAllItems();
  for (int group = least; group <= largest; ++group) {
    listed->AddString(std::to_string(group).c_str());
  }
  active->SetElements(listed);
}

void Watch(
  vtkSMProxy *proxy, void (*callback)(vtkObject *, unsigned long, void *, void *), void *data)
{
  vtkNew<vtkCallbackCommand> command;
  command->SetCallback(callback);
  command->SetClientData(data);
  proxy->AddObserver(vtkCommand::PropertyModifiedEvent, command);
}

// The grid that a representation shows; null where that is something else.
vtkSMSourceProxy *ShownGrid(vtkSMProxy *representation)
{
  vtkSMPropertyHelper input(representation, "Input", true);
  auto *source =
    vtkSMSourceProxy::SafeDownCast(input.GetNumberOfElements() > 0 ? input.GetAsProxy() : nullptr);
  const std::string name = source && source->GetXMLName() ? source->GetXMLName() : "";
  return name == "WeightGrid" || name == "ImageGrid" || name == "DistributionGrid" ? source
                                                                                   : nullptr;
}

// Under ParaView's own light a white block that faces the viewer is grey (200 of 255). With these
// two its top is white, from above and from a side, and its sides are a shade that shows heights.
// A lighting that somebody chose, in a state file say, is left alone.
void LightBlocks(vtkSMProxy *representation)
{
  vtkSMProxy *source = ShownGrid(representation);
  vtkSMPropertyHelper ambient(representation, "Ambient", true),
    diffuse(representation, "Diffuse", true);
  if (!source || strcmp(source->GetXMLName(), "WeightGrid") != 0 ||
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
  vtkSMSourceProxy *grid = count > 0 ? ShownGrid(shown.GetAsProxy(count - 1)) : nullptr;
  if (!grid) {
    return;
  }
  BlankGaps(grid);
  bool first = true;
  for (unsigned int i = 0; i + 1 < count; ++i) {
    first = first && !ShownGrid(shown.GetAsProxy(i));
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
  } else if (group == "views") {
    Watch(added->Proxy, LookAtView, nullptr);
  }
  if (group != "lookup_tables") {
    return;
  }
  BlankGapsOfAll(added->Proxy->GetSessionProxyManager());
  for (const SymmetricArray &array : Symmetric) {
    if (strcmp(added->ProxyName, array.ColourMap) == 0) {
      Watch(added->Proxy, MakeSymmetric, const_cast<SymmetricArray *>(&array));
    }
  }
  if (strcmp(added->ProxyName, "Group.PVLookupTable") == 0) {
    Watch(added->Proxy, ListAllGroups, nullptr);
    // All, until ParaView looks at the data.
    vtkSMPropertyHelper all(added->Proxy, "Annotations"),
      active(added->Proxy, "ActiveAnnotatedValues");
    for (unsigned int i = 0; 2 * i + 1 < all.GetNumberOfElements(); ++i) {
      active.Set(i, all.GetAsString(2 * i));
    }
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
      Watch(views->GetProxy(), LookAtView, nullptr);
    }
  } else {
    vtkNew<vtkCallbackCommand> connected;
    connected->SetCallback(Connected);
    process->AddObserver(vtkCommand::ConnectionCreatedEvent, connected);
  }
}
