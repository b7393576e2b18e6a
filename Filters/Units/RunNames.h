// SPDX-License-Identifier: BSD-3-Clause
#ifndef RunNames_h
#define RunNames_h

#include <string>
#include <vector>

class vtkAlgorithm;

/// A name for each run that is connected to a filter's first port: as much of its path's end as tells it
/// from the others, without the extension. Where there is no path, or runs have the same one, "run 0",
/// "run 1", ... in their order.
std::vector<std::string> RunNames(vtkAlgorithm *filter);

#endif
