/* SPDX-License-Identifier: BSD-3-Clause */
/// One selection for all views of a dashboard: what is picked in one of them, or found by *Find
/// Data*, selects filters, and these are marked in the others.
#ifndef TensorViewSelection_h
#define TensorViewSelection_h

#include <QObject>

class pqOutputPort;

class TensorViewSelection : public QObject
{
  Q_OBJECT

public:
  explicit TensorViewSelection(QObject *parent);

private:
  void Follow(pqOutputPort *picked);

  bool Busy = false; // marking selects as well
  QString Marked;    // the run whose dashboard has marks
};

#endif
