/* SPDX-License-Identifier: BSD-3-Clause */
/// The runs that are open in ParaView's window, and the calls of their dashboards.
#ifndef TensorViewRuns_h
#define TensorViewRuns_h

#include <QString>
#include <QStringList>

class pqPipelineSource;
class vtkSMProxy;

namespace TensorViewRuns {
/// Whether it is a reader of a run.
bool IsReader(pqPipelineSource *source);

/// The reader from which a source was made, or that it is; null for what is none of ours.
pqPipelineSource *Origin(pqPipelineSource *source);

/// The reader of the run that is meant: the one selected, or the one that what is selected was made
/// from, or the last one opened. Null where there is none.
pqPipelineSource *Run();

/// The layers of a run, in its order.
QStringList Layers(pqPipelineSource *run);

/// The filter of the run's dashboard that has this name ("weights", "groups", ...), or null.
vtkSMProxy *Part(pqPipelineSource *run, const char *part);

/// Whether that run has its dashboard already; false for null.
bool HasDashboard(pqPipelineSource *run);

/// The weight grid that shows the run beside others, or null.
vtkSMProxy *Compared(pqPipelineSource *run);

/// Whether that run has views whose layer and look can be changed; false for null.
bool IsShown(pqPipelineSource *run);

/// A text as Python writes it.
QString Quoted(QString text);

/// Calls a function of tensorview_dashboard.toolbar; arguments as Python writes them.
void Call(const QString &function, const QStringList &arguments);
} // namespace TensorViewRuns

#endif
