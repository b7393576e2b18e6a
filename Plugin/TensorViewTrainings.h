/* SPDX-License-Identifier: BSD-3-Clause */
/// The trainings of this machine that can be watched: rings in shared memory (tensorview/ring.h).
#ifndef TensorViewTrainings_h
#define TensorViewTrainings_h

#include <QString>
#include <QStringList>

class pqPipelineSource;

namespace TensorViewTrainings {
/// The names of those that go on, sorted; of this user only, since no others can be read.
QStringList Names();

/// Whether the training of that name goes on: its writer lives.
bool GoesOn(const QString &name);

/// The name of the training that a reader watches; empty where it reads files, or null.
QString Watched(pqPipelineSource *run);
} // namespace TensorViewTrainings

#endif
