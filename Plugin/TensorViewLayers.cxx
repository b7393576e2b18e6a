// SPDX-License-Identifier: BSD-3-Clause
#include "TensorViewLayers.h"

#include <QComboBox>
#include <QRegularExpression>
#include <QStandardItemModel>
#include <QStyleOptionViewItem>

namespace {
const int Shown = Qt::UserRole, Depth = Qt::UserRole + 1;
const int Indent = 3; // spaces for each name above

void Add(QComboBox *list, const QString &layer, const QString &shown, int depth)
{
  list->addItem(layer);
  const int row = list->count() - 1;
  list->setItemData(row, shown, Shown);
  list->setItemData(row, depth, Depth);
  auto *model = qobject_cast<QStandardItemModel *>(list->model());
  if (layer.isEmpty() && model)
    model->item(row)->setFlags(Qt::NoItemFlags);
}
} // namespace

void TensorViewLayers::Fill(QComboBox *list, const QStringList &layers)
{
  static const QRegularExpression separator("[./]");
  list->clear();
  QStringList above; // the names that the item before stands under
  for (const QString &layer : layers) {
    QStringList names = layer.split(separator);
    const QString last = names.takeLast();
    int common = 0;
    while (common < names.size() && common < above.size() && names[common] == above[common])
      ++common;
    for (int depth = common; depth < names.size(); ++depth)
      Add(list, QString(), names[depth], depth);
    Add(list, layer, last, static_cast<int>(names.size()));
    above = names << last; // a layer may have others under it
  }
}

int TensorViewLayers::Next(const QComboBox *list, int by)
{
  for (int row = list->currentIndex() + by; row >= 0 && row < list->count(); row += by)
    if (!list->itemText(row).isEmpty())
      return row;
  return -1;
}

void TensorViewLayers::initStyleOption(QStyleOptionViewItem *option, const QModelIndex &index) const
{
  QStyledItemDelegate::initStyleOption(option, index);
  const QString indent(Indent * index.data(Depth).toInt(), ' ');
  option->text = indent + index.data(Shown).toString();
}
