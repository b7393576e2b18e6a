/* SPDX-License-Identifier: BSD-3-Clause */
/// What the trajectory has beside its path: where it begins and ends, and a title.
#ifndef PathEnds_h
#define PathEnds_h

#include <string>

class vtkPolyData;
class vtkTable;

/// Two balls for each path, the smaller one at its first point and the larger one at its last. Their
/// radius is a part of the size of all paths, 1.2 % and 1.8 % of the bounding box's diagonal, or down to
/// a quarter of that where the path itself is so small that they would hide it. The point
/// array Step, active, is that of their point of the path, so that they have its colours.
void MakePathEnds(vtkPolyData *paths, vtkPolyData *ends);

/// Three columns in words: "conv1/weights [0] [1] [2]". A null is left out.
std::string NameTogether(const char *const columns[3]);

/// A table of one text, Title: what the paths are of, and their first and last step; of several runs
/// also the name of each, from the field array RunNames.
void MakePathTitle(vtkPolyData *paths, const std::string &of, vtkTable *title);

#endif
