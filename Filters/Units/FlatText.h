// SPDX-License-Identifier: BSD-3-Clause
#ifndef FlatText_h
#define FlatText_h

#include "vtkNew.h"

#include <string>

class vtkAppendPolyData;
class vtkPolyData;

/// Words as flat letters in a scene: they scale with what they name, and need no font of the system.
class FlatText
{
public:
  FlatText();
  ~FlatText();
  FlatText(const FlatText &) = delete;
  void operator=(const FlatText &) = delete;

  /// A word from x to the right, its base line at y, no wider and no higher than given. right: its
  /// end is at x instead.
  void Add(
    const std::string &word, double x, double y, double width, double height, bool right = false);

  void Finish(vtkPolyData *letters);

private:
  vtkNew<vtkAppendPolyData> All;
};

#endif
