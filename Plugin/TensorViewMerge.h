/* SPDX-License-Identifier: BSD-3-Clause */
/// The action *Merge*: asks the training that the dashboard shows to merge the selected filters, or
/// its groups, and shows what it answers.
#ifndef TensorViewMerge_h
#define TensorViewMerge_h

#include <QAction>
#include <QElapsedTimer>
#include <QTimer>

#include <functional>

class TensorViewMerge : public QAction
{
public:
  /// say: shows a sentence to the user.
  TensorViewMerge(QObject *parent, std::function<void(const QString &)> say);

  /// Whether there is somebody to be asked: the run that is meant is a training, with a dashboard.
  void Follow();

private:
  void Ask();
  /// Whether the answer has come.
  void Look();

  std::function<void(const QString &)> Say;
  QTimer Timer;
  QElapsedTimer Asked;
};

#endif
