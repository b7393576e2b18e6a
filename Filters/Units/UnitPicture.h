// SPDX-License-Identifier: BSD-3-Clause
#ifndef UnitPicture_h
#define UnitPicture_h

#include "tensorview/findings.h"
#include "tensorview/units.h"

class vtkImageData;
class vtkPolyData;
class vtkTable;

/// Timelines and findings as VTK data.
namespace UnitPicture {
/// The picture, upright, 1.6 times as wide as high.
void Draw(vtkImageData *image, const tv_timeline &timeline, const char *measure);

/// The names of its layers left of it, as flat letters no higher than their layer.
void WriteNames(vtkPolyData *letters, const tv_timeline &timeline);

void List(vtkTable *table, const tv_findings *findings);
} // namespace UnitPicture

#endif
