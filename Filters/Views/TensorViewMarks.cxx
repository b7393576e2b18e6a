/* SPDX-License-Identifier: BSD-3-Clause */
/// What every grid has beside its picture: the numbers of its windows, and a title.
#include "vtkTensorView.h"

#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkNew.h"
#include "vtkPolyData.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include "Ranks/Ranks.h"
#include "Views/FilterState.h"
#include "Views/WindowMarks.h"

#include <map>
#include <set>

namespace {
/// 44000 as 44,000.
std::string Grouped(vtkIdType number)
{
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3 && number > 0;)
    text.insert(at -= 3, ",");
  return text;
}

std::string Count(size_t number, const char *one, const char *many)
{
  return Grouped(static_cast<vtkIdType>(number)) + " " + (number == 1 ? one : many);
}

/// In lines that a view of a dashboard has room for.
std::string InLines(std::string text)
{
  constexpr size_t Longest = 44;
  size_t begin = 0;
  while (text.size() - begin > Longest) {
    const size_t space = text.rfind(' ', begin + Longest);
    if (space == std::string::npos || space <= begin)
      break;
    text[space] = '\n';
    begin = space + 1;
  }
  return text;
}

/// How many groups there are, and how many filters are in none.
std::string Groups(vtkIntArray *group)
{
  std::set<int> groups;
  size_t none = 0;
  for (vtkIdType i = 0; i < group->GetNumberOfValues(); ++i)
    if (group->GetValue(i) < 0)
      ++none;
    else
      groups.insert(group->GetValue(i));
  return Count(groups.size(), "group", "groups") + ", " + Count(none, "filter", "filters") +
         " in none";
}
} // namespace

int vtkTensorView::FillOutputPortInformation(int port, vtkInformation *info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), port == TITLE_PORT ? "vtkTable" : "vtkPolyData");
  return 1;
}

const char *vtkTensorView::GetGroupArrayName(int index) const
{
  if (index < 0 || index >= this->GetNumberOfGroupArrays())
    return nullptr;
  return this->Members[static_cast<size_t>(index)].c_str();
}

void vtkTensorView::CountGroups(vtkIntArray *group, vtkIntArray *state)
{
  std::map<int, int> counts;
  for (vtkIdType i = 0; group && i < group->GetNumberOfValues(); ++i) {
    const int now = state && i < state->GetNumberOfValues() ? state->GetValue(i) : TV_FILTER_ALIVE;
    if (now == TV_FILTER_ALIVE || now == TV_FILTER_DEAD) // the places of others are empty
      ++counts[group->GetValue(i)];
  }
  this->Members.clear();
  for (const auto &[number, members] : counts)
    this->Members.push_back(std::to_string(number) + " " + std::to_string(members));
}

const char *vtkTensorView::GetStateArrayName(int index) const
{
  if (index < 0 || index >= this->GetNumberOfStateArrays())
    return nullptr;
  return this->States[static_cast<size_t>(index)].c_str();
}

void vtkTensorView::ListStates(vtkIntArray *state)
{
  this->States.clear();
  for (vtkIdType i = 0; state && i < state->GetNumberOfValues(); ++i)
    if (state->GetValue(i) != TV_FILTER_ALIVE)
      this->States.push_back(std::to_string(i) + " " + StateInWords(state->GetValue(i)));
}

void vtkTensorView::AddMarks(
  vtkInformationVector *outputVector, const Shown &shown, WindowMarks &marks, bool onPicture) const
{
  const bool folded = shown.Tensor.folded[0] > 0;
  if (this->Numbers && !shown.Empty && Ranks::IsFirst() && !folded)
    marks.AddNumbers(IsMatrix(shown.Tensor), onPicture);
  marks.Fill(vtkPolyData::GetData(outputVector, MARKS_PORT));
}

void vtkTensorView::AddTitle(vtkInformationVector *outputVector, const Shown &shown, bool groups)
{
  if (!Ranks::IsFirst() || !shown.Record.Image)
    return;
  const vtkTensorRecord &record = shown.Record;
  std::string title = record.Name();
  title += record.Step < 0 ? ", not recorded yet" : ", step " + Grouped(record.Step);
  if (groups && !shown.Empty)
    title += record.Group ? "\n" + Groups(record.Group) : "\nnot grouped";
  if (!shown.Note.empty())
    title += "\n" + InLines(shown.Note.substr(0, shown.Note.size() - 1));
  vtkNew<vtkStringArray> text;
  text->SetName("Title");
  text->InsertNextValue(title);
  vtkTable::GetData(outputVector, TITLE_PORT)->AddColumn(text);
}
