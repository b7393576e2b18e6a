// SPDX-License-Identifier: BSD-3-Clause
// TensorViewToolbar: runs that are opened, compared, or watched while they go on; the menu.
#include "TensorViewToolbar.h"

#include "TensorViewMerge.h"
#include "TensorViewRuns.h"
#include "TensorViewTrainings.h"

#include "pqActiveObjects.h"
#include "pqApplicationCore.h"
#include "pqCoreUtilities.h"
#include "pqObjectBuilder.h"
#include "pqPipelineSource.h"
#include "pqServer.h"
#include "pqServerManagerModel.h"
#include "pqSettings.h"
#include "pqTimeKeeper.h"
#include "vtkSMPropertyHelper.h"

#include <QAction>
#include <QActionGroup>
#include <QCoreApplication>
#include <QLabel>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>
#include <QStatusBar>
#include <QTimer>
#include <QToolButton>

using namespace TensorViewRuns;

namespace {
const char *const OpenSetting = "TensorView/ShowOpened";
const char *const LinkSetting = "TensorView/Link";
constexpr int Look = 1000;    // milliseconds between two looks whether a training goes on
constexpr int Message = 8000; // milliseconds that a message stays
} // namespace

void TensorViewToolbar::Say(const QString &text)
{
  if (auto *window = qobject_cast<QMainWindow *>(pqCoreUtilities::mainWidget()))
    window->statusBar()->showMessage(text, Message);
}

void TensorViewToolbar::AddRuns()
{
  this->Compare = this->addAction("Compare");
  this->Compare->setObjectName("actionTensorViewCompare");
  this->Compare->setToolTip("Show a layer of several runs side by side: of those selected in the "
                            "pipeline browser, or of all that are open");
  QObject::connect(this->Compare, &QAction::triggered, this, [this]() { this->CompareRuns(); });
  this->AddLinks();

  this->Trainings = new QMenu("Connect to a training", this);
  this->Trainings->setObjectName("TensorViewTrainings");
  QObject::connect(this->Trainings, &QMenu::aboutToShow, this, [this]() { this->ListTrainings(); });
  auto *button = new QToolButton(this);
  button->setObjectName("TensorViewConnect");
  button->setText("Connect");
  button->setToolTip("Watch a training that goes on on this machine, through shared memory");
  button->setMenu(this->Trainings);
  button->setPopupMode(QToolButton::InstantPopup);
  this->addWidget(button);

  this->Merge = new TensorViewMerge(this, Say);
  this->addAction(this->Merge);

  this->State = new QLabel(this);
  this->State->setObjectName("TensorViewState");
  this->addWidget(this->State);
  auto *timer = new QTimer(this);
  QObject::connect(timer, &QTimer::timeout, this, [this]() { this->ShowState(); });
  timer->start(Look);

  QObject::connect(pqApplicationCore::instance()->getObjectBuilder(),
    QOverload<pqPipelineSource *, const QStringList &>::of(&pqObjectBuilder::readerCreated), this,
    [this](pqPipelineSource *run) { this->Opened(run); });
}

/// What is the same in all runs at one time: a choice at the side of *Compare*.
void TensorViewToolbar::AddLinks()
{
  this->Links = new QMenu("Compare at", this);
  this->Links->setObjectName("TensorViewLinks");
  auto *either = new QActionGroup(this->Links);
  const bool parts =
    pqApplicationCore::instance()->settings()->value(LinkSetting, "step").toString() == "part";
  for (const QString &link : {QString("step"), QString("part")}) {
    QAction *action =
      this->Links->addAction(link == "step" ? "The same step" : "The same part of each run");
    action->setObjectName("actionTensorViewLink_" + link);
    action->setData(link);
    action->setCheckable(true);
    action->setChecked((link == "part") == parts);
    either->addAction(action);
    QObject::connect(action, &QAction::triggered, this, [link]() {
      pqApplicationCore::instance()->settings()->setValue(LinkSetting, link);
      Call("link", {Quoted(link)});
    });
  }
  if (auto *button = qobject_cast<QToolButton *>(this->widgetForAction(this->Compare))) {
    button->setMenu(this->Links);
    button->setPopupMode(QToolButton::MenuButtonPopup);
  }
}

void TensorViewToolbar::AddMenu()
{
  auto *window = qobject_cast<QMainWindow *>(this->parentWidget());
  if (!window || !window->menuBar())
    return;
  auto *menu = new QMenu("&TensorView", window->menuBar());
  menu->setObjectName("TensorViewMenu");
  QObject::connect(menu, &QMenu::aboutToShow, this, [this]() { this->ListTrainings(); });
  for (QAction *action : {this->Show, this->Compare})
    menu->addAction(action);
  menu->addMenu(this->Links);
  menu->addMenu(this->Trainings);
  menu->addAction(this->Merge);
  menu->addSeparator();
  for (QAction *action : {this->Previous, this->Next, this->Dark})
    menu->addAction(action);
  this->ShowOpened = menu->addAction("Show the views of a run that is opened");
  this->ShowOpened->setObjectName("actionTensorViewShowOpened");
  this->ShowOpened->setCheckable(true);
  this->ShowOpened->setChecked(
    pqApplicationCore::instance()->settings()->value(OpenSetting, false).toBool());
  QObject::connect(this->ShowOpened, &QAction::toggled, this,
    [](bool show) { pqApplicationCore::instance()->settings()->setValue(OpenSetting, show); });
  menu->addSeparator();
  menu->addAction(this->Example);
  const QList<QAction *> menus = window->menuBar()->actions();
  window->menuBar()->insertMenu(menus.isEmpty() ? nullptr : menus.last(), menu); // before Help
}

void TensorViewToolbar::Opened(pqPipelineSource *run)
{
  if (!IsReader(run))
    return;
  // Apply updates it before anybody looks at it.
  vtkSMPropertyHelper(run->getProxy(), "DescribeFirst").Set(1);
  Say("Press TensorView, in the toolbar, to see " + run->getSMName());
  if (this->ShowOpened && this->ShowOpened->isChecked())
    QTimer::singleShot(0, this, [this]() { this->ShowDashboard(); });
}

void TensorViewToolbar::CompareRuns()
{
  Apply();
  QStringList chosen, all;
  for (pqServerManagerModelItem *item : pqActiveObjects::instance().selection()) {
    auto *source = qobject_cast<pqPipelineSource *>(item);
    if (IsReader(source))
      chosen << Quoted(source->getSMName());
  }
  auto *model = pqApplicationCore::instance()->getServerManagerModel();
  for (pqPipelineSource *source : model->findItems<pqPipelineSource *>())
    if (IsReader(source))
      all << Quoted(source->getSMName());
  const QStringList runs = chosen.size() > 1 ? chosen : all;
  if (runs.size() < 2) {
    Say("Open a second run to compare it with.");
    return;
  }
  const QString link =
    pqApplicationCore::instance()->settings()->value(LinkSetting, "step").toString();
  Call("compare",
    {"[" + runs.join(", ") + "]", this->Dark->isChecked() ? "'dark'" : "'light'", Quoted(link)});
  QCoreApplication::processEvents();
  Call("fit_comparison", {});
  this->Followed = nullptr;
  this->Follow();
}

void TensorViewToolbar::ListTrainings()
{
  this->Trainings->clear();
  for (const QString &name : TensorViewTrainings::Names()) {
    QAction *action = this->Trainings->addAction(name);
    action->setObjectName("actionTensorViewTraining_" + name);
    QObject::connect(action, &QAction::triggered, this, [this, name]() { this->ConnectTo(name); });
  }
  if (this->Trainings->isEmpty())
    this->Trainings->addAction("No training with a channel goes on here")->setEnabled(false);
}

void TensorViewToolbar::ConnectTo(const QString &name)
{
  this->Ended.removeAll(name);
  this->Steps = 0;
  Call("connect", {Quoted(name), this->Dark->isChecked() ? "'dark'" : "'light'"});
  QCoreApplication::processEvents();
  for (pqPipelineSource *run :
    pqApplicationCore::instance()->getServerManagerModel()->findItems<pqPipelineSource *>())
    if (TensorViewTrainings::Watched(run) == name)
      Call("fit", {Quoted(run->getSMName())});
  this->Followed = nullptr;
  this->Follow();
  this->ShowState();
}

void TensorViewToolbar::ShowState()
{
  pqPipelineSource *run = Run();
  this->Merge->Follow();
  const QString name = TensorViewTrainings::Watched(run);
  if (name.isEmpty()) {
    this->State->clear();
    return;
  }
  const QString step = QString::number(run->getServer()->getTimeKeeper()->getTime(), 'f', 0);
  // On another machine nobody can say from here. One that has ended stays so: the next one of its
  // name is another training.
  if (!run->getServer()->isRemote() && !this->Ended.contains(name) &&
      !TensorViewTrainings::GoesOn(name)) {
    this->Ended << name;
    Say("The training " + name + " has ended.");
  }
  // A path grows out of its view: now and then it is fitted anew.
  if (step != this->Shown) {
    ++this->Steps;
    if ((this->Steps & (this->Steps - 1)) == 0) // the 1st, 2nd, 4th, 8th, ...
      Call("grow", {Quoted(run->getSMName())});
  }
  this->Shown = step;
  this->State->setText(
    (this->Ended.contains(name) ? " ended, step " : " live, step ") + step + " ");
}
