// SPDX-License-Identifier: BSD-3-Clause
#include "NextLayer.h"

#include "vtkDataArray.h"
#include "vtkTensorCollection.h"

#include <cmath>

namespace {
constexpr vtkIdType MOST = 1 << 24; // numbers; beyond, it would take longer than all else

std::string LayerOf(const std::string &name)
{
  return name.substr(0, name.rfind('/'));
}

/// The first weights behind the last tensor of a layer.
std::string WeightsBehind(const std::vector<std::string> &names, const std::string &layer)
{
  bool behind = false;
  std::string found;
  for (const std::string &name : names) {
    if (LayerOf(name) == layer) {
      behind = true;
      found.clear();
    } else if (behind && found.empty() && name == LayerOf(name) + "/weights")
      found = name;
  }
  return found;
}
} // namespace

bool NextLayer::Find(vtkDataObject *tensors, const std::string &layer, std::size_t filters)
{
  vtkTensorRecord record;
  std::string error;
  const std::string name = WeightsBehind(vtkTensorCollection::Names(tensors), layer);
  if (name.empty() || !vtkTensorCollection::Find(tensors, name, "weights", record, error) ||
      !record.Values || record.RowsHere != record.Rows)
    return false;
  const auto count = static_cast<vtkIdType>(filters);
  const bool matrix = record.Filters == 1 && record.Channels == 1;
  const vtkIdType inputs = matrix ? record.Columns : record.Channels;
  const vtkIdType outputs = matrix ? record.Rows : record.Filters;
  if (record.Windows != record.Filters * record.Channels || count < 1 || inputs % count != 0 ||
      (!matrix && inputs != count))
    return false;
  const vtkIdType window = matrix ? inputs / count : record.Rows * record.Columns;
  if (outputs * count * window > MOST)
    return false;
  this->Values.resize(static_cast<std::size_t>(outputs * count * window));
  for (vtkIdType f = 0; f < count; ++f)
    for (vtkIdType o = 0; o < outputs; ++o)
      for (vtkIdType k = 0; k < window; ++k) {
        const double value = record.Values->GetComponent((o * count + f) * window + k, 0);
        this->Values[static_cast<std::size_t>((f * outputs + o) * window + k)] =
          std::isfinite(value) ? static_cast<float>(value) : 0.0f;
      }
  this->Rows = {
    this->Values.data(), TV_FLOAT32, filters, static_cast<std::size_t>(outputs * window)};
  this->Layer = record.Layer;
  return true;
}
