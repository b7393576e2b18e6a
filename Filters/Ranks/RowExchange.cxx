// SPDX-License-Identifier: BSD-3-Clause
#include "RowExchange.h"

#include "vtkMultiProcessController.h"

#include <algorithm>

namespace {
const int PlacesTag = 7301, ValuesTag = 7302;
}

PlacedRows ExchangeRows(
  vtkMultiProcessController *controller, const std::vector<PlacedRows> &outgoing, size_t bytes)
{
  const int ranks = controller->GetNumberOfProcesses(), me = controller->GetLocalProcessId();
  std::vector<vtkIdType> mine(static_cast<size_t>(ranks)), all(mine.size() * mine.size());
  for (size_t rank = 0; rank < mine.size(); ++rank)
    mine[rank] = static_cast<vtkIdType>(outgoing[rank].Count());
  controller->AllGather(mine.data(), all.data(), ranks);

  PlacedRows incoming;
  size_t expected = 0;
  for (int from = 0; from < ranks; ++from)
    if (from != me)
      expected += static_cast<size_t>(all[static_cast<size_t>(from * ranks + me)]);
  incoming.Places.reserve(4 * expected);
  incoming.Values.reserve(expected * bytes);
  // Every rank goes through all pairs in the same order, so that no two wait for each other.
  for (int from = 0; from < ranks; ++from)
    for (int to = 0; to < ranks; ++to) {
      const auto rows = static_cast<size_t>(all[static_cast<size_t>(from * ranks + to)]);
      if (rows == 0 || from == to)
        continue;
      const auto places = static_cast<vtkIdType>(4 * rows);
      const auto length = static_cast<vtkIdType>(rows * bytes);
      if (from == me) {
        const PlacedRows &rowsOut = outgoing[static_cast<size_t>(to)];
        controller->Send(rowsOut.Places.data(), places, to, PlacesTag);
        controller->Send(rowsOut.Values.data(), length, to, ValuesTag);
      } else if (to == me) {
        const size_t place = incoming.Places.size(), value = incoming.Values.size();
        incoming.Places.resize(place + 4 * rows);
        incoming.Values.resize(value + rows * bytes);
        controller->Receive(incoming.Places.data() + place, places, from, PlacesTag);
        controller->Receive(incoming.Values.data() + value, length, from, ValuesTag);
      }
    }
  return incoming;
}

std::vector<char> CompleteTile(tv_tensor *tile, vtkMultiProcessController *controller,
  const tv_tensor &tensor, const tv_view &view)
{
  const auto ranks = static_cast<size_t>(controller->GetNumberOfProcesses());
  const size_t first = tensor.first_row, end = first + tensor.rows_here;
  const size_t bytes = tensor.whole.columns * tv_type_size(tensor.type);
  const char *values = static_cast<const char *>(tensor.values);
  const vtkIdType mine[2] = {static_cast<vtkIdType>(first), static_cast<vtkIdType>(end)};
  std::vector<vtkIdType> all(2 * ranks);
  controller->AllGather(mine, all.data(), 2);

  size_t rows[2]; // of the tile that holds a row of the region
  const auto find = [&rows, &view](size_t row) {
    const tv_line line = {0, 0, (row - view.region.row[0]) / view.tile};
    tv_view_rows(rows, &view, &line);
  };
  std::vector<PlacedRows> outgoing(ranks);
  if (end > first && first > view.region.row[0] && first < view.region.row[1]) {
    find(first);
    const auto begin = static_cast<vtkIdType>(rows[0]);
    for (size_t to = 0; to < ranks && rows[0] < first; ++to)
      if (all[2 * to] <= begin && begin < all[2 * to + 1]) {
        const size_t count = std::min(end, rows[1]) - first;
        outgoing[to].Places.resize(4 * count); // they come in order
        outgoing[to].Values.assign(values, values + count * bytes);
      }
  }
  const PlacedRows incoming = ExchangeRows(controller, outgoing, bytes);
  if (incoming.Count() == 0)
    return {};
  find(end - 1);
  std::vector<char> together(values + (rows[0] - first) * bytes, values + (end - first) * bytes);
  together.insert(together.end(), incoming.Values.begin(), incoming.Values.end());
  *tile = tensor;
  tile->values = together.data();
  tile->first_row = rows[0];
  tile->rows_here = together.size() / bytes;
  return together;
}
