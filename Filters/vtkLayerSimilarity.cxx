// SPDX-License-Identifier: BSD-3-Clause
#include "vtkLayerSimilarity.h"

#include "Ranks/Ranks.h"
#include "Units/RunSource.h"

#include "vtkCellData.h"
#include "vtkDataObject.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkStringArray.h"
#include "vtkTensorDemandPipeline.h"

#include "cka.h"
#include "layout.h"

#include <cmath>
#include <vector>

vtkStandardNewMacro(vtkLayerSimilarity);

namespace {
constexpr size_t MostSamples = 4096; ///< their products are kept

/// A tensor whose samples are kept apart.
struct Layer
{
  size_t Index; ///< in its source
  std::string Name;
  size_t Samples, Values;
  tv_type Type;
  std::vector<double> Products;
};

std::vector<Layer> ListLayers(tv_source *source)
{
  std::vector<Layer> layers;
  const tv_source_tensor *tensors;
  for (size_t k = 0, n = tv_source_tensors(source, &tensors); k < n; ++k) {
    const tv_shape &shape = tensors[k].shape;
    if (tensors[k].problem || tensors[k].records == 0 || shape.rank < 2 || shape.axes[0] != 's')
      continue;
    Layer layer{k, tensors[k].layer, shape.size[0], 1, tensors[k].type, {}};
    for (int axis = 1; axis < shape.rank; ++axis)
      layer.Values *= shape.size[axis];
    if (layer.Samples > 1 && layer.Samples <= MostSamples)
      layers.push_back(layer);
  }
  return layers;
}

/// The products of a layer's samples at a step; none where nothing is recorded yet.
int ReadProducts(Layer &layer, tv_source *source, int64_t step)
{
  const ptrdiff_t record = tv_source_record_at(source, layer.Index, step);
  if (record < 0)
    return TV_OK;
  const size_t count = layer.Samples * layer.Values;
  std::vector<double> raw(count), numbers(count); // room for any type
  tv_layout layout;
  int status = tv_layout_axes(&layout, "c", &count);
  if (status == TV_OK)
    status = tv_source_read(source, layer.Index, static_cast<size_t>(record), raw.data());
  if (status == TV_OK)
    status = tv_layout_convert(numbers.data(), &layout, layer.Type, raw.data(), 0, count, nullptr);
  if (status < 0)
    return status;
  std::vector<float> values(count);
  const bool wide = tv_layout_result_size(layer.Type) == sizeof(double);
  for (size_t k = 0; k < count; ++k)
    values[k] =
      wide ? static_cast<float>(numbers[k]) : reinterpret_cast<const float *>(numbers.data())[k];
  layer.Products.resize(layer.Samples * layer.Samples);
  const tv_execution execution = {RunSource::Threads(), nullptr, nullptr};
  return tv_cka_products(
    layer.Products.data(), values.data(), layer.Samples, layer.Values, &execution);
}

void AddNames(vtkImageData *image, const char *name, const std::vector<Layer> &layers)
{
  vtkNew<vtkStringArray> names;
  names->SetName(name);
  for (const Layer &layer : layers)
    names->InsertNextValue(layer.Name);
  image->GetFieldData()->AddArray(names);
}

void Draw(vtkImageData *image, const std::vector<Layer> &rows, const std::vector<Layer> &columns)
{
  const int high = static_cast<int>(rows.size()), wide = static_cast<int>(columns.size());
  vtkNew<vtkFloatArray> values;
  vtkNew<vtkIntArray> row, column;
  values->SetName("CKA");
  row->SetName("Row");
  column->SetName("Column");
  for (int y = high - 1; y >= 0; --y) // images count from below, matrices are read from above
    for (int x = 0; x < wide; ++x) {
      const Layer &one = rows[static_cast<size_t>(y)], &other = columns[static_cast<size_t>(x)];
      const bool both = !one.Products.empty() && !other.Products.empty();
      values->InsertNextValue(
        both ? static_cast<float>(tv_cka(one.Products.data(), other.Products.data(), one.Samples))
             : std::nanf(""));
      row->InsertNextValue(y);
      column->InsertNextValue(x);
    }
  image->SetExtent(0, wide, 0, high, 0, 0);
  image->GetCellData()->SetScalars(values);
  image->GetCellData()->AddArray(row);
  image->GetCellData()->AddArray(column);
  AddNames(image, "RowNames", rows);
  AddNames(image, "ColumnNames", columns);
}
} // namespace

class vtkLayerSimilarity::Internals
{
public:
  RunSource Runs[2];
  std::vector<Layer> Layers[2]; ///< rows and columns

  /// Opens one run or two, and lists their layers: one sentence where they cannot be compared.
  std::string List(vtkLayerSimilarity *filter)
  {
    std::string error;
    const int count = filter->GetNumberOfInputConnections(0);
    for (int k = 0; k < 2; ++k)
      this->Layers[k].clear();
    if (count > 2)
      return "layers of two runs can be compared, not of " + std::to_string(count);
    for (int k = 0; k < 2; ++k)
      if (k < count) {
        if (!this->Runs[k].Open(RunSource::Paths(filter, 0, k), error))
          return error;
        this->Layers[k] = ListLayers(this->Runs[k].Source());
      } else
        this->Layers[k] = this->Layers[0];
    if (this->Layers[0].empty() || this->Layers[1].empty())
      error = "there is no tensor that keeps samples apart, with axes such as \"schw\" or \"sc\": "
              "record some for the same few hundred samples";
    else
      for (const std::vector<Layer> &layers : this->Layers)
        for (const Layer &layer : layers)
          if (layer.Samples != this->Layers[0].front().Samples)
            error = layer.Name + " has " + std::to_string(layer.Samples) + " samples, and " +
                    this->Layers[0].front().Name + " " +
                    std::to_string(this->Layers[0].front().Samples) + ": they are not the same";
    if (!error.empty())
      this->Layers[0].clear();
    return error;
  }
};

vtkLayerSimilarity::vtkLayerSimilarity() : State(new Internals) {}

vtkLayerSimilarity::~vtkLayerSimilarity() = default;

void vtkLayerSimilarity::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
}

/// It reads the run by itself: no tensor is read for it.
vtkExecutive *vtkLayerSimilarity::CreateDefaultExecutive()
{
  return vtkTensorDemandPipeline::New();
}

int vtkLayerSimilarity::FillInputPortInformation(int, vtkInformation *info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject");
  info->Set(vtkAlgorithm::INPUT_IS_REPEATABLE(), 1);
  return 1;
}

void vtkLayerSimilarity::ReportError(const std::string &sentence)
{
  if (!sentence.empty() && this->Last.IsNew(sentence, this->GetMTime()))
    vtkErrorMacro(<< sentence);
}

int vtkLayerSimilarity::RequestInformation(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  vtkInformation *out = outputVector->GetInformationObject(0);
  this->ReportError(this->State->List(this));
  const std::vector<Layer> *layers = this->State->Layers;
  int extent[6] = {0, -1, 0, -1, 0, -1};
  if (Ranks::IsFirst() && !layers[0].empty()) {
    extent[1] = static_cast<int>(layers[1].size());
    extent[3] = static_cast<int>(layers[0].size());
    extent[5] = 0;
  }
  out->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
  out->Set(vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT(), extent, 6);
  return 1;
}

int vtkLayerSimilarity::RequestData(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  Internals &state = *this->State;
  vtkInformation *out = outputVector->GetInformationObject(0);
  if (state.Layers[0].empty() || !Ranks::IsFirst())
    return 1; // said already; the first rank has the matrix
  const int runs = this->GetNumberOfInputConnections(0);
  for (int run = 0; run < runs; ++run) {
    const auto step = static_cast<int64_t>(RunSource::Step(this, out, run));
    for (Layer &layer : state.Layers[run])
      if (ReadProducts(layer, state.Runs[run].Source(), step) < 0)
        this->ReportError(tv_last_error());
    state.Runs[run].Rest();
    this->UpdateProgress((run + 1.0) / runs);
  }
  Draw(vtkImageData::GetData(outputVector), state.Layers[0],
    runs > 1 ? state.Layers[1] : state.Layers[0]);
  return 1;
}
