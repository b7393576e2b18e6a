// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewToolbar.h"

#include "TensorViewHover.h"
#include "TensorViewLayers.h"
#include "TensorViewRuns.h"
#include "TensorViewSelection.h"

#include "pqActiveObjects.h"
#include "pqApplicationCore.h"
#include "pqCoreUtilities.h"
#include "pqLoadDataReaction.h"
#include "pqPipelineSource.h"
#include "pqServerManagerModel.h"
#include "pqSettings.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"

#include <QAbstractButton>
#include <QAction>
#include <QComboBox>
#include <QCompleter>
#include <QCoreApplication>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QSignalBlocker>

#include <QMainWindow>
#include <QTimer>

#include <dlfcn.h>

using namespace TensorViewRuns;

namespace {
const char *const DarkSetting = "TensorView/Dark";

} // namespace

TensorViewToolbar::TensorViewToolbar(QWidget *parent) : QToolBar(parent)
{
  this->Build();
}

TensorViewToolbar::TensorViewToolbar(const QString &title, QWidget *parent)
    : QToolBar(title, parent)
{
  this->Build();
}

void TensorViewToolbar::Build()
{
  this->setObjectName("TensorViewToolbar");
  this->setWindowTitle("TensorView");
  this->Show = this->addAction("TensorView");
  this->Show->setObjectName("actionTensorView");
  this->Show->setToolTip("Show the views of a run: weights, images, distributions, trajectory, "
                         "history; tabs with the groups of similar filters");
  this->AddLayers();
  this->AddGroups();
  this->AddLook();
  this->AddRuns();
  this->Connect();
  this->Follow();
  new TensorViewSelection(this);
  new TensorViewHover(this);
  // In a row of its own: at the end of another one most of it would be out of sight.
  QTimer::singleShot(0, this, [this]() {
    if (auto *window = qobject_cast<QMainWindow *>(this->parentWidget()))
      window->insertToolBarBreak(this);
    this->AddMenu();
  });
}

void TensorViewToolbar::AddLayers()
{
  this->Previous = this->addAction(QString::fromUtf8("\u25C0"));
  this->Previous->setObjectName("actionTensorViewPreviousLayer");
  this->Previous->setShortcut(Qt::ALT | Qt::Key_PageUp);
  this->Previous->setToolTip("The layer before, in all views (Alt+Page Up)");
  this->Layer = new QComboBox(this);
  this->Layer->setObjectName("TensorViewLayer");
  this->Layer->setEditable(true);
  this->Layer->setInsertPolicy(QComboBox::NoInsert);
  this->Layer->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  this->Layer->setMinimumContentsLength(14);
  this->Layer->setMaxVisibleItems(24);
  this->Layer->setItemDelegate(new TensorViewLayers(this->Layer));
  this->Layer->setToolTip("The layer that all views of the run show: choose, or type to find");
  this->Layer->completer()->setFilterMode(Qt::MatchContains);
  this->Layer->completer()->setCompletionMode(QCompleter::PopupCompletion);
  this->addWidget(this->Layer);
  this->Next = this->addAction(QString::fromUtf8("\u25B6"));
  this->Next->setObjectName("actionTensorViewNextLayer");
  this->Next->setShortcut(Qt::ALT | Qt::Key_PageDown);
  this->Next->setToolTip("The next layer, in all views (Alt+Page Down)");
  this->addSeparator();
}

void TensorViewToolbar::AddGroups()
{
  this->Metric = new QComboBox(this);
  this->Metric->setObjectName("TensorViewMetric");
  this->Metric->addItems({"Pearson", "Cosine"});
  this->Metric->setToolTip("How the similarity of two filters is measured");
  this->addWidget(this->Metric);
  this->Threshold = new QDoubleSpinBox(this);
  this->Threshold->setObjectName("TensorViewThreshold");
  this->Threshold->setRange(-1.0, 1.0);
  this->Threshold->setSingleStep(0.01);
  this->Threshold->setDecimals(3);
  this->Threshold->setValue(0.97);
  this->Threshold->setKeyboardTracking(false);
  this->Threshold->setPrefix(QString::fromUtf8("\u2265 "));
  this->Threshold->setToolTip("Filters that are at least so similar form a group");
  this->addWidget(this->Threshold);
  this->addSeparator();
}

void TensorViewToolbar::AddLook()
{
  this->Dark = this->addAction("Dark");
  this->Dark->setObjectName("actionTensorViewDark");
  this->Dark->setCheckable(true);
  this->Dark->setChecked(
    pqApplicationCore::instance()->settings()->value(DarkSetting, false).toBool());
  this->Dark->setToolTip("Views on black, or on white as on paper; it is remembered");
  this->Example = this->addAction("Example");
  this->Example->setObjectName("actionTensorViewExample");
  this->Example->setToolTip(
    "Open a small run that comes with TensorView: LeNet-5 on Fashion-MNIST");
  QObject::connect(this->Example, &QAction::triggered, this, [this]() { this->OpenExample(); });
}

void TensorViewToolbar::Connect()
{
  QObject::connect(this->Show, &QAction::triggered, this, [this]() { this->ShowDashboard(); });
  QObject::connect(this->Previous, &QAction::triggered, this, [this]() { this->StepLayer(-1); });
  QObject::connect(this->Next, &QAction::triggered, this, [this]() { this->StepLayer(1); });
  QObject::connect(this->Layer, QOverload<int>::of(&QComboBox::currentIndexChanged), this,
    [this](int index) { this->ChooseLayer(this->Layer->itemText(index)); });
  QObject::connect(this->Metric, &QComboBox::currentTextChanged, this, [](const QString &metric) {
    if (HasDashboard(Run()))
      Call("metric", {Quoted(Run()->getSMName()), Quoted(metric)});
  });
  QObject::connect(this->Threshold, QOverload<double>::of(&QDoubleSpinBox::valueChanged), this,
    [](double threshold) {
      if (HasDashboard(Run()))
        Call("threshold", {Quoted(Run()->getSMName()), QString::number(threshold, 'g', 6)});
    });
  QObject::connect(this->Dark, &QAction::toggled, this, [](bool dark) {
    pqApplicationCore::instance()->settings()->setValue(DarkSetting, dark);
    if (IsShown(Run()))
      Call("style", {Quoted(Run()->getSMName()), dark ? "'dark'" : "'light'"});
  });

  auto *model = pqApplicationCore::instance()->getServerManagerModel();
  const auto follow = [this]() { this->Follow(); };
  QObject::connect(
    model, &pqServerManagerModel::sourceAdded, this, [this, follow](pqPipelineSource *source) {
      if (IsReader(source))
        QTimer::singleShot(0, this, follow);
    });
  QObject::connect(
    model, &pqServerManagerModel::sourceRemoved, this, [this](pqPipelineSource *source) {
      if (source == this->Followed)
        this->Followed = nullptr;
      QTimer::singleShot(0, this, [this]() { this->Follow(); });
    });
  QObject::connect(&pqActiveObjects::instance(), &pqActiveObjects::sourceChanged, this, follow);
}

void TensorViewToolbar::Apply()
{
  auto *accept = pqCoreUtilities::mainWidget()->findChild<QAbstractButton *>("Accept");
  if (accept && accept->isEnabled())
    accept->click();
}

void TensorViewToolbar::ShowDashboard()
{
  pqPipelineSource *run = Run();
  if (!run) {
    Say("Open a training run (.tvh5) first, or the example.");
    return;
  }
  Apply();
  const QString name = Quoted(run->getSMName());
  Call("show", {name, this->Dark->isChecked() ? "'dark'" : "'light'"});
  // The views have their places now; their sizes come with the next events.
  QCoreApplication::processEvents();
  Call("fit", {name});
  this->Followed = nullptr;
  this->Follow();
}

void TensorViewToolbar::OpenExample()
{
  Dl_info here;
  QString folder;
  if (dladdr(reinterpret_cast<void *>(&IsReader), &here) && here.dli_fname)
    folder = QFileInfo(here.dli_fname).absolutePath();
  // In a build tree it lies beside the plugin.
  QString file = QDir(folder).filePath("lenet.tvh5");
  if (!QFileInfo::exists(file))
    file = QDir(folder).filePath("../../../share/tensorview/samples/lenet.tvh5");
  if (!pqLoadDataReaction::loadData(QStringList(file)))
    return;
  this->ShowDashboard();
}

void TensorViewToolbar::ChooseLayer(const QString &layer)
{
  pqPipelineSource *run = Run();
  if (!layer.isEmpty() && IsShown(run))
    Call("layer", {Quoted(run->getSMName()), Quoted(layer)});
  this->Steps = 0;
}

void TensorViewToolbar::StepLayer(int by)
{
  const int index = TensorViewLayers::Next(this->Layer, by);
  if (index >= 0)
    this->Layer->setCurrentIndex(index);
}

void TensorViewToolbar::Follow()
{
  pqPipelineSource *run = Run();
  this->Show->setEnabled(true);
  if (!run || run == this->Followed) {
    if (!run)
      this->Layer->clear();
    return;
  }
  const QSignalBlocker quiet(this->Layer), still(this->Threshold), silent(this->Metric);
  this->Followed = run;
  TensorViewLayers::Fill(this->Layer, Layers(run));
  vtkSMProxy *weights = HasDashboard(run) ? Part(run, "weights") : Compared(run);
  if (weights) {
    const QString tensor = vtkSMPropertyHelper(weights, "Tensor").GetAsString();
    this->Layer->setCurrentText(tensor.left(tensor.lastIndexOf('/')));
    this->Layer->setCurrentIndex(this->Layer->findText(this->Layer->currentText()));
  }
  if (vtkSMProxy *groups = Part(run, "groups")) {
    this->Threshold->setValue(vtkSMPropertyHelper(groups, "Threshold").GetAsDouble());
    this->Metric->setCurrentIndex(vtkSMPropertyHelper(groups, "Metric").GetAsInt());
  }
  this->Show->setToolTip("Show the views of " + run->getSMName());
}
