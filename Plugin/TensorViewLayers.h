/* SPDX-License-Identifier: BSD-3-Clause */
/// The list of a network's layers as its tree: what stands under one name is indented below it.
///
/// An item's text is the layer's whole name, so that it can be typed and found; the list shows the
/// last part of it. Names above that are no layers are items without text, which cannot be chosen.
#ifndef TensorViewLayers_h
#define TensorViewLayers_h

#include <QStringList>
#include <QStyledItemDelegate>

class QComboBox;

class TensorViewLayers : public QStyledItemDelegate
{
  Q_OBJECT

public:
  explicit TensorViewLayers(QObject *parent) : QStyledItemDelegate(parent) {}

  /// Fills the list with these layers, in their order: "conv1", "layer1.0.conv2", "block/dense".
  static void Fill(QComboBox *list, const QStringList &layers);

  /// The next layer before (-1) or after (1) the current one, or -1: its index in the list.
  static int Next(const QComboBox *list, int by);

protected:
  void initStyleOption(QStyleOptionViewItem *option, const QModelIndex &index) const override;
};

#endif
