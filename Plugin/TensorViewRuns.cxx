// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewRuns.h"

#include "pqActiveObjects.h"
#include "pqApplicationCore.h"
#include "pqOutputPort.h"
#include "pqPVApplicationCore.h"
#include "pqPipelineFilter.h"
#include "pqPipelineSource.h"
#include "pqPythonManager.h"
#include "pqServerManagerModel.h"
#include "vtkSMProperty.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"
#include "vtkSMSourceProxy.h"

#include <QFileInfo>

bool TensorViewRuns::IsReader(pqPipelineSource *source)
{
  const char *name = source && source->getProxy() ? source->getProxy()->GetXMLName() : nullptr;
  return name && (QString(name) == "TensorSnapshotReader" || QString(name) == "NetworkFileReader");
}

QString TensorViewRuns::Quoted(QString text)
{
  return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
}

/// The layers of a run that have tensors, in its order; where there are statistics alone, of those.
QStringList TensorViewRuns::Layers(pqPipelineSource *run)
{
  QStringList layers, measured;
  vtkSMProxy *proxy = run->getProxy();
  if (vtkSMProperty *tensors = proxy->GetProperty("TensorInfo")) {
    run->getSourceProxy()->UpdatePipelineInformation();
    proxy->UpdatePropertyInformation(tensors);
    const vtkSMPropertyHelper names(tensors);
    for (unsigned int i = 0; i < names.GetNumberOfElements(); i += 2) {
      const QString name = names.GetAsString(i);
      const QString layer = name.left(name.lastIndexOf('/'));
      // As is_statistics() of tensorview_dashboard.network has it.
      const bool statistics = name.endsWith("_statistics") || name.endsWith("_statistics_ranges");
      QStringList &those = statistics ? measured : layers;
      if (!those.contains(layer))
        those << layer;
    }
  }
  return layers.isEmpty() ? measured : layers;
}

/// What the run's own filter of that name says, or an empty string.
vtkSMProxy *TensorViewRuns::Part(pqPipelineSource *run, const char *part)
{
  // As run_name() of tensorview_dashboard.network has it.
  const QString file = vtkSMPropertyHelper(run->getProxy(), "FileName").GetAsString();
  const QString name =
    (file.startsWith("ring:") ? file.mid(5) : QFileInfo(file).completeBaseName()) + " " + part;
  auto *model = pqApplicationCore::instance()->getServerManagerModel();
  auto *found = model->findItem<pqPipelineSource *>(name);
  return found ? found->getProxy() : nullptr;
}

pqPipelineSource *TensorViewRuns::Origin(pqPipelineSource *source)
{
  for (int up = 0; source && up < 64; ++up) {
    if (IsReader(source))
      return source;
    auto *filter = qobject_cast<pqPipelineFilter *>(source);
    pqOutputPort *input = filter && filter->getInputCount() > 0 ? filter->getAnyInput() : nullptr;
    source = input ? input->getSource() : nullptr;
  }
  return nullptr;
}

pqPipelineSource *TensorViewRuns::Run()
{
  if (pqPipelineSource *chosen = Origin(pqActiveObjects::instance().activeSource()))
    return chosen;
  pqPipelineSource *last = nullptr;
  auto *model = pqApplicationCore::instance()->getServerManagerModel();
  for (pqPipelineSource *other : model->findItems<pqPipelineSource *>())
    if (IsReader(other))
      last = other;
  return last;
}

bool TensorViewRuns::HasDashboard(pqPipelineSource *run)
{
  return run && ((Part(run, "weights") && Part(run, "groups")) || Part(run, "timeline"));
}

vtkSMProxy *TensorViewRuns::Compared(pqPipelineSource *run)
{
  // As tensorview_dashboard.comparing names them.
  for (pqPipelineSource *filter : run ? run->getAllConsumers() : QList<pqPipelineSource *>())
    if (filter->getSMName().startsWith("compared ") && filter->getSMName().endsWith(" weights"))
      return filter->getProxy();
  return nullptr;
}

bool TensorViewRuns::IsShown(pqPipelineSource *run)
{
  return HasDashboard(run) || Compared(run);
}

void TensorViewRuns::Call(const QString &function, const QStringList &arguments)
{
  pqPythonManager *python = pqPVApplicationCore::instance()->pythonManager();
  if (!python)
    return;
  const QString code = "from paraview import simple\nimport tensorview_dashboard.toolbar\n"
                       "tensorview_dashboard.toolbar." +
                       function + "(" + arguments.join(", ") + ")\n";
  python->executeCode(code.toUtf8());
}
