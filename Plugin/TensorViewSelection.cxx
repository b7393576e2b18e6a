// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewSelection.h"

#include "TensorViewRuns.h"

#include "pqOutputPort.h"
#include "pqPVApplicationCore.h"
#include "pqPipelineSource.h"
#include "pqSelectionManager.h"

#include <QTimer>

using namespace TensorViewRuns;

TensorViewSelection::TensorViewSelection(QObject *parent) : QObject(parent)
{
  // The window's own objects are made after the plugin's where it is loaded at the start.
  QTimer::singleShot(0, this, [this]() {
    if (auto *selections = pqPVApplicationCore::instance()->selectionManager())
      QObject::connect(selections, &pqSelectionManager::selectionChanged, this,
        [this](pqOutputPort *picked) { this->Follow(picked); });
  });
}

void TensorViewSelection::Follow(pqOutputPort *picked)
{
  if (this->Busy)
    return;
  pqPipelineSource *run = picked ? Origin(picked->getSource()) : nullptr;
  this->Busy = true;
  if (!this->Marked.isEmpty() && (!run || run->getSMName() != this->Marked))
    Call("select", {Quoted(this->Marked), "None", "0"});
  this->Marked.clear();
  if (HasDashboard(run)) {
    this->Marked = run->getSMName();
    Call("select", {Quoted(this->Marked), Quoted(picked->getSource()->getSMName()),
                     QString::number(picked->getPortNumber())});
  }
  this->Busy = false;
}
