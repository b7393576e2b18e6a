/* SPDX-License-Identifier: BSD-3-Clause */
/// Rows on their way from the rank that has them to the rank that draws them.
#ifndef RowExchange_h
#define RowExchange_h

#include "view.h"

#include <cstddef>
#include <vector>

class vtkMultiProcessController;

/// Rows of cells with where they belong.
struct PlacedRows
{
  std::vector<int> Places;  ///< filter, channel, row and group of each
  std::vector<char> Values; ///< of each, one after the other

  size_t Count() const { return this->Places.size() / 4; }
};

/// Sends outgoing[rank] to each other rank and returns all that the others sent here, by rank.
/// bytes: of the values of one row, the same everywhere. Every rank must call this.
PlacedRows ExchangeRows(
  vtkMultiProcessController *controller, const std::vector<PlacedRows> &outgoing, size_t bytes);

/// A tile of a matrix whose rows lie on several ranks is drawn by the one that has its first row.
/// Where that is this rank, tile becomes the part of the tensor that this tile covers, and what is
/// returned are its values; otherwise tile stays as it is. Every rank must call this.
std::vector<char> CompleteTile(tv_tensor *tile, vtkMultiProcessController *controller,
  const tv_tensor &tensor, const tv_view &view);

#endif
