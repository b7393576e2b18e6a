/* SPDX-License-Identifier: BSD-3-Clause */
/// @file NextLayer.h
/// The weights of the layer that reads another one's filters, sorted by those filters.
#ifndef NextLayer_h
#define NextLayer_h

#include "rows.h"

#include <string>
#include <vector>

class vtkDataObject;

class NextLayer
{
public:
  /// The first layer behind that one which has weights, where as many channels as that one has
  /// filters, or a multiple of them (flattened maps), are read, and all of the weights are here. A
  /// collection does not say who reads whom: where a network branches, this is a guess.
  bool Find(vtkDataObject *tensors, const std::string &layer, std::size_t filters);

  /// For each filter the weights for it; NaN of pruned ones is 0. Valid as long as this.
  const tv_rows &Reads() const { return this->Rows; }
  const std::string &Name() const { return this->Layer; }

private:
  std::vector<float> Values;
  tv_rows Rows{};
  std::string Layer;
};

#endif
