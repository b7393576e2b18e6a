// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewMerge.h"

#include "TensorViewRuns.h"
#include "TensorViewTrainings.h"

#include "pqActiveObjects.h"
#include "pqPipelineSource.h"
#include "pqServer.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSmartPointer.h"

using namespace TensorViewRuns;

namespace {
constexpr int Look = 200;       // milliseconds between two looks for the answer
constexpr int Patience = 60000; // until the request is withdrawn
// As tensorview_dashboard.merging registers it, and as vtkTrainerRequest numbers its states.
const char *const Group = "tensorview";
const char *const Name = "MergeRequest";
enum
{
  Waiting = 1,
  Accepted = 2,
  Refused = 3
};

vtkSMProxy *Request()
{
  pqServer *server = pqActiveObjects::instance().activeServer();
  return server ? server->proxyManager()->GetProxy(Group, Name) : nullptr;
}
} // namespace

TensorViewMerge::TensorViewMerge(QObject *parent, std::function<void(const QString &)> say)
    : QAction("Merge", parent), Say(std::move(say))
{
  this->setObjectName("actionTensorViewMerge");
  this->setToolTip(
    "Ask the training to merge the selected filters, or the groups as they are shown");
  this->setEnabled(false);
  this->Timer.setInterval(::Look);
  QObject::connect(this, &QAction::triggered, this, [this]() { this->Ask(); });
  QObject::connect(&this->Timer, &QTimer::timeout, this, [this]() { this->Look(); });
}

void TensorViewMerge::Follow()
{
  pqPipelineSource *run = Run();
  this->setEnabled(!TensorViewTrainings::Watched(run).isEmpty() && HasDashboard(run));
}

void TensorViewMerge::Ask()
{
  pqPipelineSource *run = Run();
  if (!HasDashboard(run))
    return;
  Call("merge", {Quoted(run->getSMName())});
  vtkSMProxy *request = Request();
  if (!request)
    return;
  if (vtkSMPropertyHelper(request, "Merges").GetNumberOfElements() == 0) {
    this->Say("There is nothing to merge: no group, and fewer than two selected filters.");
    return;
  }
  this->Say("The training is asked ...");
  this->Asked.start();
  this->Timer.start();
  this->Look();
}

void TensorViewMerge::Look()
{
  const vtkSmartPointer<vtkSMProxy> request = Request();
  if (!request) {
    this->Timer.stop();
    return;
  }
  request->UpdatePropertyInformation();
  const int state = vtkSMPropertyHelper(request, "State").GetAsInt();
  const QString answer = vtkSMPropertyHelper(request, "Answer").GetAsString();
  const bool late = state == Waiting && this->Asked.elapsed() > Patience;
  if (state == Waiting && !late)
    return;
  this->Timer.stop();
  request->InvokeCommand("Withdraw");
  request->GetSessionProxyManager()->UnRegisterProxy(Group, Name, request);
  const QString said = state == Accepted  ? "Merged: " + answer
                       : state == Refused ? "The training refused: " + answer
                                          : "Not merged: " + answer;
  this->setToolTip(this->toolTip().section('\n', 0, 0) + "\n" + said);
  this->Say(said + ".");
}
