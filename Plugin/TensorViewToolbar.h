/* SPDX-License-Identifier: BSD-3-Clause */
/// The toolbar *TensorView*: the dashboard of a run, its layer, threshold and metric, and its look.
///
/// Everything that it does is a call of the Python package tensorview_dashboard, which scripts call
/// as well; a trace has these calls. The toolbar itself only finds the run that is meant: the one
/// selected, or the one that a selected filter shows, or the only one.
#ifndef TensorViewToolbar_h
#define TensorViewToolbar_h

#include <QStringList>
#include <QToolBar>

class pqPipelineSource;
class QAction;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QMenu;
class TensorViewMerge;

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
  void AddRuns();
  void AddLinks();
  void AddMenu();
  void Connect();

  /// Applies what is pending in the panel, as its button does.
  static void Apply();

  /// Into the status bar, for a while.
  static void Say(const QString &text);

  /// A run was opened from a file: says what shows its views, or shows them, where that was chosen.
  void Opened(pqPipelineSource *run);
  void CompareRuns();
  void ListTrainings();
  void ConnectTo(const QString &name);
  /// Whether the training that is watched goes on, and the step in view.
  void ShowState();
  void ShowDashboard();
  void OpenExample();
  void ChooseLayer(const QString &layer);
  void StepLayer(int by);
  /// Fills the list of layers, where the run that is meant is another one.
  void Follow();

  QAction *Show = nullptr, *Previous = nullptr, *Next = nullptr, *Dark = nullptr;
  QAction *Example = nullptr, *Compare = nullptr, *ShowOpened = nullptr;
  TensorViewMerge *Merge = nullptr;
  QMenu *Trainings = nullptr, *Links = nullptr;
  QLabel *State = nullptr;
  QString Shown;     ///< the step that ShowState() said last
  int Steps = 0;     ///< of the training that is watched, as they came
  QStringList Ended; ///< names of trainings that were watched to their end
  QComboBox *Layer = nullptr, *Metric = nullptr;
  QDoubleSpinBox *Threshold = nullptr;
  pqPipelineSource *Followed = nullptr;
};

#endif
