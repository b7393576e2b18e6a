#include "RowExchange.h"

#include "vtkMultiProcessController.h"

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

  // Every rank goes through all pairs in the same order, so that no two wait for each other.
  PlacedRows incoming;
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
