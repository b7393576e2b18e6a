// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewHover.h"

#include "TensorViewColours.h"

#include "pqApplicationCore.h"
#include "pqServerManagerModel.h"
#include "vtkCollection.h"
#include "vtkDataObject.h"
#include "vtkNew.h"
#include "vtkPVArrayInformation.h"
#include "vtkPVDataInformation.h"
#include "vtkPVDataSetAttributesInformation.h"
#include "vtkRenderer.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMRenderViewProxy.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSMSourceProxy.h"
#include "vtkSmartPointer.h"

#include <QHelpEvent>
#include <QStringList>
#include <QToolTip>
#include <QWidget>

#include <cmath>

namespace {
const vtkTypeInt64 MostCells = 2000000; // of a grid that is drawn once more to find what was hit
const int Reach = 3;                    // pixels around the cursor

// What is no value of a grid.
const char *const Indices[] = {"Filter", "Channel", "Row", "Column", "Pixel", "Group"};

// The grids that are visible in a view, and no other source.
vtkSMSourceProxy *VisibleGrid(vtkSMViewProxy *view)
{
  vtkSMPropertyHelper shown(view, "Representations");
  for (unsigned int i = 0; i < shown.GetNumberOfElements(); ++i) {
    vtkSMProxy *representation = shown.GetAsProxy(i);
    int port = 0;
    if (vtkSMPropertyHelper(representation, "Visibility", true).GetAsInt() != 0)
      if (vtkSMSourceProxy *grid = TensorViewShownGrid(representation, &port))
        if (port == 0)
          return grid;
  }
  return nullptr;
}

// Where the line of sight through a pixel meets the plane of flat pictures, z = 0.
bool OnPaper(vtkSMRenderViewProxy *view, const int at[2], double place[3])
{
  vtkRenderer *renderer = view->GetRenderer();
  double ends[2][3];
  for (const int end : {0, 1}) {
    renderer->SetDisplayPoint(at[0], at[1], end);
    renderer->DisplayToWorld();
    const double *point = renderer->GetWorldPoint();
    for (int i = 0; i < 3; ++i)
      ends[end][i] = point[i] / (point[3] != 0.0 ? point[3] : 1.0);
  }
  const double depth = ends[0][2] - ends[1][2];
  if (depth == 0.0)
    return false;
  const double along = ends[0][2] / depth;
  for (int i = 0; i < 3; ++i)
    place[i] = ends[0][i] + along * (ends[1][i] - ends[0][i]);
  place[2] = 0.0;
  return true;
}

// The cells of a flat picture at that place of the view. A slice is not drawn so that it can be
// picked, and needs not be.
vtkSmartPointer<vtkSMSourceProxy> CellsAt(vtkSMRenderViewProxy *view, const int at[2])
{
  double place[3];
  if (!OnPaper(view, at, place))
    return nullptr;
  vtkSmartPointer<vtkSMSourceProxy> chosen;
  chosen.TakeReference(vtkSMSourceProxy::SafeDownCast(
    view->GetSessionProxyManager()->NewProxy("sources", "LocationSelectionSource")));
  vtkSMPropertyHelper(chosen, "FieldType").Set(0);
  vtkSMPropertyHelper(chosen, "Locations").Set(place, 3);
  chosen->UpdateVTKObjects();
  return chosen;
}

// The selection of that grid, of all that was hit.
vtkSMSourceProxy *HitOf(
  vtkSMSourceProxy *grid, vtkCollection *representations, vtkCollection *selections)
{
  for (int i = 0; i < representations->GetNumberOfItems(); ++i) {
    int port = 0;
    auto *shown = vtkSMProxy::SafeDownCast(representations->GetItemAsObject(i));
    if (shown && TensorViewShownGrid(shown, &port) == grid && port == 0)
      return vtkSMSourceProxy::SafeDownCast(selections->GetItemAsObject(i));
  }
  return nullptr;
}

// What is drawn near that place of the view, of the grid only.
vtkSmartPointer<vtkSMSourceProxy> DrawnAt(
  vtkSMRenderViewProxy *view, vtkSMSourceProxy *grid, const int at[2])
{
  if (grid->GetDataInformation()->GetNumberOfCells() > MostCells || !view->IsSelectionAvailable())
    return nullptr;
  // First what is at the cursor itself: a block has neighbours. A curve is one cell: which of its
  // points was hit ParaView does not tell reliably.
  for (const int reach : {0, Reach}) {
    const int region[4] = {at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach};
    vtkNew<vtkCollection> representations, selections;
    view->SelectSurfaceCells(region, representations, selections, true);
    if (vtkSMSourceProxy *hit = HitOf(grid, representations, selections))
      return hit;
  }
  return nullptr;
}

// A number of what was hit, where all of it has the same; of curves it is at their points.
bool Common(vtkPVDataInformation *hit, const char *name, double &value)
{
  for (const int association : {vtkDataObject::CELL, vtkDataObject::POINT}) {
    const vtkPVArrayInformation *array =
      hit->GetAttributeInformation(association)->GetArrayInformation(name);
    if (array) {
      const double *range = array->GetComponentRange(0);
      value = range[0];
      return range[0] == range[1];
    }
  }
  return false;
}

QString Number(double value)
{
  return std::isfinite(value) ? QString::number(value, 'g', 5) : "not finite";
}

bool IsIndex(const char *name)
{
  for (const char *index : Indices)
    if (strcmp(name, index) == 0)
      return true;
  return false;
}

// What follows the filter's number in the list of such texts that a grid has: "7 dead".
QString Of(vtkSMSourceProxy *grid, const char *property, double number)
{
  vtkSMProperty *information = grid->GetProperty(property);
  if (!information)
    return {};
  grid->UpdatePropertyInformation(information);
  const vtkSMPropertyHelper texts(information);
  const QString begin = QString::number(static_cast<int>(number)) + " ";
  for (unsigned int i = 0; i + 1 < texts.GetNumberOfElements(); i += 2)
    if (QString(texts.GetAsString(i)).startsWith(begin))
      return QString(texts.GetAsString(i)).mid(begin.size());
  return {};
}

// Where it is: a matrix has units and inputs.
QStringList Place(vtkPVDataInformation *hit, bool matrix, double &unit)
{
  QStringList words;
  double channel = 0.0, row = 0.0, column = 0.0;
  const bool hasRow = Common(hit, "Row", row), hasColumn = Common(hit, "Column", column);
  if (matrix) {
    unit = hasRow ? row : -1.0;
    if (hasRow)
      words << "<b>unit " + Number(row) + "</b>";
    if (hasColumn)
      words << "input " + Number(column);
    return words;
  }
  if (Common(hit, "Filter", unit))
    words << "<b>filter " + Number(unit) + "</b>";
  else
    unit = -1.0;
  if (Common(hit, "Channel", channel))
    words << "channel " + Number(channel);
  if (hasRow && hasColumn)
    words << "row " + Number(row) + ", column " + Number(column);
  double pixel = 0.0;
  if (Common(hit, "Pixel", pixel))
    words << "pixel " + Number(pixel);
  return words;
}

QStringList Condition(vtkSMSourceProxy *grid, vtkPVDataInformation *hit, double unit)
{
  QStringList words;
  double group = 0.0;
  if (Common(hit, "Group", group)) {
    const QString members = Of(grid, "GroupInfo", group);
    if (!members.isEmpty())
      words << (group < 0 ? QString("in no group")
                          : "group " + Number(group) + " of " + members + " filters");
  }
  if (unit >= 0.0) {
    const QString state = Of(grid, "StateInfo", unit);
    words << (state.isEmpty() ? QString("alive") : state);
  }
  return words;
}

// Where it is, its value and its filter's condition; empty where nothing was hit.
QString Words(vtkSMSourceProxy *grid, vtkSMSourceProxy *extract)
{
  vtkPVDataInformation *hit = extract->GetDataInformation();
  if (hit->GetNumberOfPoints() == 0)
    return {};
  const vtkPVDataSetAttributesInformation *field =
    grid->GetDataInformation()->GetFieldDataInformation();
  const auto one = [field](const char *name) {
    const vtkPVArrayInformation *array = field->GetArrayInformation(name);
    return array && array->GetComponentRange(0)[1] == 1.0;
  };
  double unit = -1.0, value = 0.0;
  QStringList words = Place(hit, one("Filters") && one("Channels"), unit);
  for (int association : {vtkDataObject::CELL, vtkDataObject::POINT}) {
    vtkPVDataSetAttributesInformation *values = hit->GetAttributeInformation(association);
    for (int i = 0; i < values->GetNumberOfArrays(); ++i) {
      const char *name = values->GetArrayInformation(i)->GetName();
      if (!IsIndex(name) && strncmp(name, "vtk", 3) != 0 && Common(hit, name, value))
        words << QString(name) + " " + Number(value);
    }
  }
  return (words + Condition(grid, hit, unit)).join("<br>");
}

QString WordsAt(vtkSMRenderViewProxy *view, const int at[2])
{
  vtkSMSourceProxy *grid = VisibleGrid(view);
  if (!grid)
    return {};
  const bool picture = strcmp(grid->GetXMLName(), "ImageGrid") == 0;
  const vtkSmartPointer<vtkSMSourceProxy> chosen =
    picture ? CellsAt(view, at) : DrawnAt(view, grid, at);
  if (!chosen)
    return {};
  vtkSmartPointer<vtkSMSourceProxy> extract;
  extract.TakeReference(vtkSMSourceProxy::SafeDownCast(
    view->GetSessionProxyManager()->NewProxy("filters", "ExtractSelection")));
  vtkSMPropertyHelper(extract, "Input").Set(grid);
  vtkSMPropertyHelper(extract, "Selection").Set(chosen);
  extract->UpdateVTKObjects();
  extract->UpdatePipeline(vtkSMPropertyHelper(view, "ViewTime").GetAsDouble());
  return Words(grid, extract);
}
} // namespace

TensorViewHover::TensorViewHover(QObject *parent) : QObject(parent)
{
  auto *model = pqApplicationCore::instance()->getServerManagerModel();
  QObject::connect(
    model, &pqServerManagerModel::viewAdded, this, [this](pqView *view) { this->Watch(view); });
  for (pqView *view : model->findItems<pqView *>())
    this->Watch(view);
}

void TensorViewHover::Watch(pqView *view)
{
  if (qobject_cast<pqRenderView *>(view) && view->widget()) {
    this->Views[view->widget()] = qobject_cast<pqRenderView *>(view);
    view->widget()->installEventFilter(this);
  }
}

bool TensorViewHover::eventFilter(QObject *object, QEvent *event)
{
  if (event->type() != QEvent::ToolTip)
    return QObject::eventFilter(object, event);
  auto *widget = qobject_cast<QWidget *>(object);
  const QPointer<pqRenderView> shown = this->Views.value(object);
  auto *help = static_cast<QHelpEvent *>(event);
  if (!shown)
    return false;
  const double ratio = widget->devicePixelRatioF();
  const int at[2] = {static_cast<int>(help->pos().x() * ratio),
    static_cast<int>((widget->height() - 1 - help->pos().y()) * ratio)};
  const QString words = WordsAt(shown->getRenderViewProxy(), at);
  if (words.isEmpty())
    return false;
  QToolTip::showText(help->globalPos(), words, widget);
  return true;
}
