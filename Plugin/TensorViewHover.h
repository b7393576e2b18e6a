/* SPDX-License-Identifier: BSD-3-Clause */
/// What is under the cursor, in words: a tool tip over a grid names filter, channel, row, column,
/// value, group and state. Nothing is fetched but the ranges of what was hit, so that it works as
/// well with a server.
#ifndef TensorViewHover_h
#define TensorViewHover_h

#include "pqRenderView.h"

#include <QHash>
#include <QObject>
#include <QPointer>

class TensorViewHover : public QObject
{
  Q_OBJECT

public:
  explicit TensorViewHover(QObject *parent);

protected:
  /// Of the widgets of render views: shows the tool tip.
  bool eventFilter(QObject *widget, QEvent *event) override;

private:
  void Watch(pqView *view);

  QHash<QObject *, QPointer<pqRenderView>> Views; ///< by their widgets
};

#endif
