// SPDX-License-Identifier: BSD-3-Clause
#include "vtkNetworkOverview.h"

#include "Ranks/Ranks.h"
#include "Units/FlatText.h"
#include "Units/RunSource.h"

#include "vtkCellArray.h"
#include "vtkCellData.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkIdTypeArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkStringArray.h"
#include "vtkTensorDemandPipeline.h"

#include "treemap.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

vtkStandardNewMacro(vtkNetworkOverview);

namespace {
constexpr double Width = 1.6, Least = 1.0 / 400, Margin = 0.06, Gap = 0.0012;

struct Layer
{
  std::string Name;
  size_t Units = 0;
  double Parameters = 0;
  ptrdiff_t Stream = -1; ///< that has the measure; -1: none
};

/// Layers in the order of the network, from the streams of all kinds.
std::vector<Layer> ListLayers(tv_units *units, const char *kind)
{
  std::vector<Layer> layers;
  const tv_unit_stream *streams;
  for (size_t k = 0, n = tv_units_streams(units, &streams); k < n; ++k) {
    auto layer = std::find_if(layers.begin(), layers.end(),
      [&](const Layer &other) { return other.Name == streams[k].layer; });
    if (layer == layers.end()) {
      layers.emplace_back();
      layer = layers.end() - 1;
      layer->Name = streams[k].layer;
    }
    const std::string here = streams[k].kind;
    if (here == "weights" || here == "bias")
      layer->Parameters += static_cast<double>(streams[k].numbers);
    if (here == kind)
      layer->Stream = static_cast<ptrdiff_t>(k);
    if (here == kind || (layer->Units == 0 && here != "bias"))
      layer->Units = streams[k].units;
  }
  layers.erase(std::remove_if(
                 layers.begin(), layers.end(), [](const Layer &layer) { return layer.Units == 0; }),
    layers.end());
  return layers;
}

/// The cells of all layers, as arrays.
struct Drawing
{
  vtkNew<vtkFloatArray> Values;
  vtkNew<vtkIntArray> Layers, Units, Parameters;
  vtkNew<vtkPoints> Points;

  void AddUnit(const tv_box &box, float value, int layer, int unit, int parameters)
  {
    const double x[2] = {box.x, box.x + box.width}, y[2] = {box.y, box.y + box.height};
    for (int corner : {0, 1, 3, 2})
      this->Points->InsertNextPoint(x[corner & 1], y[corner >> 1], 0);
    this->Values->InsertNextValue(value);
    this->Layers->InsertNextValue(layer);
    this->Units->InsertNextValue(unit);
    this->Parameters->InsertNextValue(parameters);
  }

  void Finish(vtkPolyData *output, const char *measure)
  {
    const vtkIdType cells = this->Values->GetNumberOfValues();
    vtkNew<vtkIdTypeArray> offsets, connectivity;
    offsets->SetNumberOfValues(cells + 1);
    connectivity->SetNumberOfValues(4 * cells);
    std::iota(connectivity->GetPointer(0), connectivity->GetPointer(0) + 4 * cells, 0);
    for (vtkIdType cell = 0; cell <= cells; ++cell)
      offsets->SetValue(cell, 4 * cell);
    vtkNew<vtkCellArray> quads;
    quads->SetData(offsets.Get(), connectivity.Get());
    output->SetPoints(this->Points);
    output->SetPolys(quads);
    this->Values->SetName(measure);
    this->Layers->SetName("Layer");
    this->Units->SetName("Unit");
    this->Parameters->SetName("Parameters");
    output->GetCellData()->SetScalars(this->Values);
    for (vtkIntArray *array : {this->Layers.Get(), this->Units.Get(), this->Parameters.Get()})
      output->GetCellData()->AddArray(array);
  }
};

tv_box Inside(const tv_box &box, double margin)
{
  const double cut = margin * std::min(box.width, box.height);
  return {box.x + cut, box.y + cut, box.width - 2 * cut, box.height - 2 * cut};
}

bool IsSame(const tv_box &a, const tv_box &b)
{
  return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

/// How high the name of a layer is written at the top of its box.
double LineOf(const tv_box &box)
{
  return std::min(0.028, 0.16 * box.height);
}

void DrawLayer(Drawing &drawing, const tv_box &box, const Layer &layer, int number,
  const std::vector<float> &values)
{
  size_t columns, rows;
  tv_unit_grid(&columns, &rows, layer.Units, &box);
  const double width = box.width / static_cast<double>(columns),
               height = box.height / static_cast<double>(rows);
  for (size_t unit = 0; unit < layer.Units; ++unit) {
    const size_t column = unit % columns, row = unit / columns;
    const tv_box cell = {box.x + static_cast<double>(column) * width,
      box.y + box.height - static_cast<double>(row + 1) * height, width, height};
    const double gap = Gap / std::min(width, height); // none where it would be thinner than a pixel
    drawing.AddUnit(Inside(cell, gap < 0.1 ? gap : 0), values[unit], number, static_cast<int>(unit),
      static_cast<int>(std::min(layer.Parameters, 2147483647.0)));
  }
}
} // namespace

class vtkNetworkOverview::Internals
{
public:
  RunSource Run;
  vtkNew<vtkPolyData> Letters; ///< the names of the layers
  std::vector<std::string> Written;
  std::vector<tv_box> At;

  /// Writes the names again where they are others: letters cost more than the rest of a step.
  void WriteNames(const std::vector<Layer> &layers, const std::vector<tv_box> &boxes)
  {
    std::vector<std::string> names;
    for (const Layer &layer : layers)
      names.push_back(layer.Name);
    const bool same = names == this->Written && std::equal(boxes.begin(), boxes.end(),
                                                  this->At.begin(), this->At.end(), IsSame);
    if (same)
      return;
    FlatText text;
    for (size_t k = 0; k < layers.size(); ++k) {
      const tv_box box = Inside(boxes[k], Margin);
      const double line = LineOf(box);
      text.Add(names[k], box.x, box.y + box.height - 0.8 * line, box.width, line);
    }
    text.Finish(this->Letters);
    this->Written = names;
    this->At = boxes;
  }

  /// The measure of each unit of a layer at a step; NaN where there is none.
  std::vector<float> Values(const Layer &layer, int measure, bool logarithm, double step)
  {
    std::vector<float> values(layer.Units, std::nanf(""));
    const tv_unit_stream *streams;
    tv_units_streams(this->Run.Units(), &streams);
    if (layer.Stream < 0)
      return values;
    const tv_unit_stream &stream = streams[layer.Stream];
    const int64_t *end = stream.steps + stream.records;
    const auto record =
      std::upper_bound(stream.steps, end, static_cast<int64_t>(step)) - stream.steps - 1;
    std::vector<float> rows(layer.Units * TV_MEASURES);
    const tv_execution execution = {RunSource::Threads(), nullptr, nullptr};
    if (record < 0 || tv_units_read(this->Run.Units(), static_cast<size_t>(layer.Stream),
                        static_cast<size_t>(record), rows.data(), &execution) < 0)
      return values; // a damaged record costs itself
    for (size_t unit = 0; unit < layer.Units; ++unit)
      values[unit] = tv_view_shown(measure, &rows[unit * TV_MEASURES], logarithm);
    return values;
  }
};

vtkNetworkOverview::vtkNetworkOverview() : State(new Internals)
{
  this->SetNumberOfOutputPorts(2);
}

vtkNetworkOverview::~vtkNetworkOverview() = default;

void vtkNetworkOverview::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Measure: " << tv_view_name(this->Measure) << "\n"
     << indent << "Logarithm: " << this->Logarithm << "\n";
}

/// It reads the run by itself: no tensor is read for it.
vtkExecutive *vtkNetworkOverview::CreateDefaultExecutive()
{
  return vtkTensorDemandPipeline::New();
}

int vtkNetworkOverview::FillInputPortInformation(int, vtkInformation *info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject");
  return 1;
}

void vtkNetworkOverview::ReportError(const std::string &sentence)
{
  if (this->Last.IsNew(sentence, this->GetMTime()))
    vtkErrorMacro(<< sentence);
}

int vtkNetworkOverview::RequestInformation(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  std::string error;
  for (int port = 0; port < 2; ++port)
    outputVector->GetInformationObject(port)->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  if (!this->State->Run.Open(RunSource::Paths(this), error))
    this->ReportError(error);
  return 1;
}

int vtkNetworkOverview::RequestData(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  vtkInformation *out = outputVector->GetInformationObject(0);
  if (!this->State->Run.Units() || !Ranks::IsFirst())
    return 1; // said already; the first rank draws
  const double step = RunSource::Step(this, out);
  const std::vector<Layer> layers =
    ListLayers(this->State->Run.Units(), tv_view_kind(this->Measure));
  if (layers.empty()) {
    this->ReportError("the run has no layer whose units could be shown");
    return 1;
  }
  std::vector<const char *> names;
  std::vector<double> sizes;
  for (const Layer &layer : layers) {
    names.push_back(layer.Name.c_str());
    sizes.push_back(std::sqrt(std::max(layer.Parameters, 1.0)));
  }
  std::vector<tv_box> boxes(layers.size());
  if (tv_treemap(boxes.data(), names.data(), sizes.data(), layers.size(), Width, 1.0,
        std::min(Least, 1.0 / static_cast<double>(layers.size()))) < 0) {
    this->ReportError(tv_last_error());
    return 1;
  }
  this->State->WriteNames(layers, boxes);
  Drawing drawing;
  vtkNew<vtkStringArray> layerNames;
  layerNames->SetName("LayerNames");
  for (size_t k = 0; k < layers.size(); ++k) {
    tv_box box = Inside(boxes[k], Margin);
    box.height -= 1.2 * LineOf(box);
    DrawLayer(drawing, box, layers[k], static_cast<int>(k),
      this->State->Values(layers[k], this->Measure, this->Logarithm, step));
    layerNames->InsertNextValue(layers[k].Name);
    this->UpdateProgress(static_cast<double>(k) / static_cast<double>(layers.size()));
  }
  vtkPolyData *output = vtkPolyData::GetData(outputVector, 0);
  drawing.Finish(output, tv_view_name(this->Measure));
  output->GetFieldData()->AddArray(layerNames);
  vtkPolyData::GetData(outputVector, 1)->ShallowCopy(this->State->Letters);
  this->State->Run.Rest();
  return 1;
}
