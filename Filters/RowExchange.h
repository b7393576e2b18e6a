/// Rows of a mosaic on their way from the rank that has a filter to the rank that draws its place.
#ifndef RowExchange_h
#define RowExchange_h

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

#endif
