/* SPDX-License-Identifier: BSD-3-Clause */
/// The toolbar *TensorView*: the dashboard of a run, its layer, threshold and metric, and its look.
///
/// Everything that it does is a call of the Python package tensorview_dashboard, which scripts call
/// as well; a trace has these calls. The toolbar itself only finds the run that is meant: the one
/// selected, or the one that a selected filter shows, or the only one.
#ifndef TensorViewToolbar_h
#define TensorViewToolbar_h

#include <QToolBar>

class pqPipelineSource;
class QAction;
class QComboBox;
class QDoubleSpinBox;

class TensorViewToolbar : public QToolBar
{
public:
  explicit TensorViewToolbar(QWidget *parent = nullptr);
  explicit TensorViewToolbar(const QString &title, QWidget *parent = nullptr);

private:
  void Build();
  void AddLayers();
  void AddGroups();
  void AddLook();
  void Connect();

  /// Applies what is pending in the panel, as its button does.
  static void Apply();

  void ShowDashboard();
  void OpenExample();
  void ChooseLayer(const QString &layer);
  void StepLayer(int by);
  /// Fills the list of layers, where the run that is meant is another one.
  void Follow();

  QAction *Show = nullptr, *Previous = nullptr, *Next = nullptr, *Dark = nullptr;
  QComboBox *Layer = nullptr, *Metric = nullptr;
  QDoubleSpinBox *Threshold = nullptr;
  pqPipelineSource *Followed = nullptr;
};

#endif
