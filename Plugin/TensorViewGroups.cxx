// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewGroups.h"

#include "vtkCallbackCommand.h"
#include "vtkCommand.h"
#include "vtkNew.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"
#include "vtkSMProxyIterator.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSMStringVectorProperty.h"
#include "vtkSMTransferFunctionProxy.h"
#include "vtkStringList.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

bool Same(vtkStringList *one, vtkStringList *other)
{
  if (one->GetNumberOfStrings() != other->GetNumberOfStrings()) {
    return false;
  }
  for (int i = 0; i < one->GetNumberOfStrings(); ++i) {
    if (strcmp(one->GetString(i), other->GetString(i)) != 0) {
      return false;
    }
  }
  return true;
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

// The groups of all grids that are shown in these colours, and the number of members of each. False
// where something else is shown in them, of which we do not know it.
bool FindGroups(vtkSMProxy *lut, std::map<int, int> &members)
{
  vtkNew<vtkSMProxyIterator> all;
  all->SetSessionProxyManager(lut->GetSessionProxyManager());
  all->SetModeToOneGroup();
  for (all->Begin("representations"); !all->IsAtEnd(); all->Next()) {
    vtkSMProxy *shown = all->GetProxy();
    if (!shown->GetProperty("LookupTable") || !shown->GetProperty("Input") ||
        vtkSMPropertyHelper(shown, "LookupTable").GetAsProxy() != lut ||
        vtkSMPropertyHelper(shown, "Visibility", true).GetAsInt() == 0) {
      continue;
    }
    vtkSMPropertyHelper input(shown, "Input");
    vtkSMProxy *source = input.GetNumberOfElements() > 0 ? input.GetAsProxy() : nullptr;
    vtkSMProperty *groups = source ? source->GetProperty("GroupInfo") : nullptr;
    if (!groups) {
      return false;
    }
    source->UpdatePropertyInformation(groups);
    const vtkSMPropertyHelper pairs(groups);
    for (unsigned int k = 0; k + 1 < pairs.GetNumberOfElements(); k += 2) {
      int group = 0, filters = 0;
      if (std::sscanf(pairs.GetAsString(k), "%d %d", &group, &filters) == 2) {
        int &count = members[group];
        count = std::max(count, filters);
      }
    }
  }
  return !members.empty();
}

// Lists these, each with the number of its members.
void ListExactly(vtkSMTransferFunctionProxy *lut, const std::map<int, int> &members)
{
  ColourGroups(lut, members.rbegin()->first);
  auto *names = vtkSMStringVectorProperty::SafeDownCast(lut->GetProperty("Annotations"));
  auto *active = vtkSMStringVectorProperty::SafeDownCast(lut->GetProperty("ActiveAnnotatedValues"));
  vtkNew<vtkStringList> labels, listed, before, labelsBefore;
  names->GetElements(labels);
  names->GetElements(labelsBefore);
  active->GetElements(before);
  for (int i = 0; i + 1 < labels->GetNumberOfStrings(); i += 2) {
    const std::string group = labels->GetString(i);
    const auto found = members.find(std::atoi(group.c_str()));
    std::string label = group == "-1" ? "no group" : group;
    if (found != members.end()) {
      label += " (" + std::to_string(found->second) + ")";
      listed->AddString(group.c_str());
    }
    labels->SetString(i + 1, label.c_str());
  }
  if (!Same(labels, labelsBefore)) {
    names->SetElements(labels);
  }
  if (!Same(listed, before)) {
    active->SetElements(listed);
  }
  lut->UpdateVTKObjects();
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
  std::map<int, int> members;
  if (FindGroups(lut, members)) {
    ListExactly(lut, members);
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

} // namespace

void TensorViewWatchGroups(vtkSMProxy *colourMap)
{
  vtkNew<vtkCallbackCommand> command;
  command->SetCallback(ListAllGroups);
  colourMap->AddObserver(vtkCommand::PropertyModifiedEvent, command);
  if (colourMap->GetSessionProxyManager()->GetInLoadXMLState()) {
    return; // the state says which
  }
  // All, until ParaView looks at the data.
  vtkSMPropertyHelper all(colourMap, "Annotations"), active(colourMap, "ActiveAnnotatedValues");
  for (unsigned int i = 0; 2 * i + 1 < all.GetNumberOfElements(); ++i) {
    active.Set(i, all.GetAsString(2 * i));
  }
}

void TensorViewListGroups(vtkSMProxy *colourMap)
{
  auto *lut = vtkSMTransferFunctionProxy::SafeDownCast(colourMap);
  std::map<int, int> members;
  if (lut && FindGroups(lut, members)) {
    ListExactly(lut, members);
  }
}
