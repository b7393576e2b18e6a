// SPDX-License-Identifier: BSD-3-Clause
#include "FlatText.h"

#include "vtkAppendPolyData.h"
#include "vtkPolyData.h"
#include "vtkTransform.h"
#include "vtkTransformPolyDataFilter.h"
#include "vtkVectorText.h"

#include <algorithm>

FlatText::FlatText() = default;
FlatText::~FlatText() = default;

void FlatText::Add(
  const std::string &word, double x, double y, double width, double height, bool right)
{
  vtkNew<vtkVectorText> text;
  text->SetText(word.c_str());
  text->Update();
  double box[6];
  text->GetOutput()->GetBounds(box);
  if (box[1] <= box[0])
    return; // no letter of it can be drawn
  const double size = std::min(height, width / box[1]);
  vtkNew<vtkTransform> place;
  place->Translate(right ? x - size * box[1] : x, y, 0);
  place->Scale(size, size, 1);
  vtkNew<vtkTransformPolyDataFilter> moved;
  moved->SetInputConnection(text->GetOutputPort());
  moved->SetTransform(place);
  moved->Update();
  this->All->AddInputData(moved->GetOutput());
}

void FlatText::Finish(vtkPolyData *letters)
{
  if (this->All->GetNumberOfInputConnections(0) == 0)
    return;
  this->All->Update();
  letters->ShallowCopy(this->All->GetOutput());
}
