// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewTrainings.h"

#include "pqPipelineSource.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"

#include <QDir>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace {
const char *const Folder = "/dev/shm";

QString Prefix()
{
  return "tensorview-" + QString::number(geteuid()) + "-";
}
} // namespace

bool TensorViewTrainings::GoesOn(const QString &name)
{
  const QByteArray path = (QString(Folder) + "/" + Prefix() + name).toLocal8Bit();
  const int file = open(path.constData(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return false;
  // A writer holds this lock for as long as it lives.
  const bool alive = flock(file, LOCK_SH | LOCK_NB) != 0;
  close(file);
  return alive;
}

QStringList TensorViewTrainings::Names()
{
  QStringList names;
  for (const QString &entry : QDir(Folder).entryList({Prefix() + "*"}, QDir::Files, QDir::Name))
    if (GoesOn(entry.mid(Prefix().size())))
      names << entry.mid(Prefix().size());
  return names;
}

QString TensorViewTrainings::Watched(pqPipelineSource *run)
{
  const QString ring = "ring:";
  vtkSMProxy *proxy = run ? run->getProxy() : nullptr;
  if (!proxy || !proxy->GetProperty("FileName"))
    return {};
  const QString file = vtkSMPropertyHelper(proxy, "FileName").GetAsString();
  return file.startsWith(ring) ? file.mid(ring.size()) : QString();
}
