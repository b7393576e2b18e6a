// SPDX-License-Identifier: BSD-3-Clause
#include "vtkUnitTimeline.h"

#include "Ranks/Ranks.h"
#include "Units/RunSource.h"
#include "Units/UnitPicture.h"

#include "vtkCommand.h"
#include "vtkDataArraySelection.h"
#include "vtkDemandDrivenPipeline.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPolyData.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"
#include "vtkTensorDemandPipeline.h"

#include "tensorview/findings.h"

#include <cstring>
#include <set>
#include <string>

vtkStandardNewMacro(vtkUnitTimeline);

/// The run, and what was made of it, until it or a property changes.
class vtkUnitTimeline::Internals
{
public:
  ~Internals()
  {
    tv_timeline_free(&this->Picture);
    tv_findings_free(this->Findings);
    tv_watch_free(this->Watch);
  }

  RunSource Run;
  vtkNew<vtkDataArraySelection> Layers;
  tv_timeline Picture = {};
  tv_findings *Findings = nullptr;
  tv_watch *Watch = nullptr;         ///< what was looked at so far
  tv_bounds Bounds = {};             ///< of it
  unsigned long WatchOf = 0;         ///< which opening of the run
  std::string PictureOf, FindingsOf; ///< version and properties; empty: nothing is made
};

vtkUnitTimeline::vtkUnitTimeline() : State(new Internals)
{
  const tv_bounds bounds = tv_default_bounds();
  this->Stuck = bounds.stuck;
  this->Exploding = bounds.exploding;
  this->Growth = bounds.growth;
  this->Saturated = bounds.saturated;
  this->Oscillating = bounds.oscillating;
  this->Redundant = bounds.redundant;
  this->Patience = static_cast<int>(bounds.patience);
  this->SetNumberOfOutputPorts(3);
  this->State->Layers->AddObserver(vtkCommand::ModifiedEvent, this, &vtkUnitTimeline::Modified);
}

vtkUnitTimeline::~vtkUnitTimeline() = default;

void vtkUnitTimeline::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Measure: " << tv_view_name(this->Measure) << "\n"
     << indent << "Steps: " << this->Steps[0] << " to " << this->Steps[1] << "\n"
     << indent << "Reduction: " << (this->Reduction == LEAST ? "Least" : "Greatest") << "\n"
     << indent << "Logarithm: " << this->Logarithm << "\n"
     << indent << "MostColumns: " << this->MostColumns << "\n"
     << indent << "Stuck: " << this->Stuck << "\n"
     << indent << "Exploding: " << this->Exploding << "\n"
     << indent << "Growth: " << this->Growth << "\n"
     << indent << "Saturated: " << this->Saturated << "\n"
     << indent << "Oscillating: " << this->Oscillating << "\n"
     << indent << "Redundant: " << this->Redundant << "\n"
     << indent << "Patience: " << this->Patience << "\n";
}

int vtkUnitTimeline::GetNumberOfLayerArrays()
{
  return this->State->Layers->GetNumberOfArrays();
}

const char *vtkUnitTimeline::GetLayerArrayName(int index)
{
  return this->State->Layers->GetArrayName(index);
}

int vtkUnitTimeline::GetLayerArrayStatus(const char *name)
{
  return this->State->Layers->ArrayIsEnabled(name);
}

void vtkUnitTimeline::SetLayerArrayStatus(const char *name, int status)
{
  if (name)
    this->State->Layers->SetArraySetting(name, status != 0);
}

void vtkUnitTimeline::ReportError(const std::string &sentence)
{
  if (this->Last.IsNew(sentence, this->GetMTime()))
    vtkErrorMacro(<< sentence);
}

/// It reads the run by itself: no tensor is read for it.
vtkExecutive *vtkUnitTimeline::CreateDefaultExecutive()
{
  return vtkTensorDemandPipeline::New();
}

int vtkUnitTimeline::FillInputPortInformation(int, vtkInformation *info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject");
  return 1;
}

int vtkUnitTimeline::FillOutputPortInformation(int port, vtkInformation *info)
{
  const char *types[] = {"vtkImageData", "vtkTable", "vtkPolyData"};
  info->Set(vtkDataObject::DATA_TYPE_NAME(), types[port]);
  return 1;
}

vtkTypeBool vtkUnitTimeline::ProcessRequest(
  vtkInformation *request, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  // Findings cost a pass of their own: only what somebody asked for is made.
  if (request->Has(vtkDemandDrivenPipeline::REQUEST_DATA_NOT_GENERATED())) {
    const int port = request->Get(vtkExecutive::FROM_OUTPUT_PORT());
    for (int k = 0; port >= 0 && k < this->GetNumberOfOutputPorts(); ++k)
      if ((k == 1) != (port == 1))
        outputVector->GetInformationObject(k)->Set(
          vtkDemandDrivenPipeline::DATA_NOT_GENERATED(), 1);
    return 1;
  }
  return this->Superclass::ProcessRequest(request, inputVector, outputVector);
}

/// The layers of the run that have statistics of any kind, each once, in its order.
void vtkUnitTimeline::ListLayers()
{
  vtkDataArraySelection *layers = this->State->Layers;
  const tv_unit_stream *streams;
  std::set<std::string> known;
  for (size_t k = 0, n = tv_units_streams(this->State->Run.Units(), &streams); k < n; ++k)
    if (known.insert(streams[k].layer).second)
      layers->AddArray(streams[k].layer);
  for (int k = layers->GetNumberOfArrays(); k-- > 0;)
    if (!known.count(layers->GetArrayName(k)))
      layers->RemoveArrayByIndex(k);
}

bool vtkUnitTimeline::Make(bool planOnly)
{
  Internals &state = *this->State;
  const std::string of =
    std::to_string(state.Run.Version()) + " " + std::to_string(this->GetMTime());
  if (state.PictureOf == of)
    return true;
  tv_timeline_options options = tv_timeline_defaults();
  options.measure = this->Measure;
  options.wanted = [](void *context, const char *layer) {
    return static_cast<vtkDataArraySelection *>(context)->ArrayIsEnabled(layer);
  };
  options.context = state.Layers.Get();
  options.first_step = this->Steps[0];
  if (this->Steps[1] >= this->Steps[0])
    options.last_step = this->Steps[1];
  options.least = this->Reduction == LEAST;
  options.logarithm = this->Logarithm;
  options.most_columns = static_cast<size_t>(this->MostColumns);
  options.plan_only = planOnly;
  const tv_execution execution = {RunSource::Threads(),
    [](void *context, double done) {
      auto *filter = static_cast<vtkUnitTimeline *>(context);
      filter->UpdateProgress(done);
      return filter->CheckAbort() ? 1 : 0;
    },
    this};
  tv_timeline_free(&state.Picture);
  const int status = tv_timeline_make(&state.Picture, state.Run.Units(), &options, &execution);
  state.PictureOf = planOnly || status < 0 ? "" : of;
  if (status < 0 && status != TV_ERROR_CANCELLED)
    this->ReportError(tv_last_error());
  return status == TV_OK;
}

bool vtkUnitTimeline::Find()
{
  Internals &state = *this->State;
  const std::string of =
    std::to_string(state.Run.Version()) + " " + std::to_string(this->GetMTime());
  if (state.FindingsOf == of)
    return true;
  tv_bounds bounds = tv_default_bounds();
  bounds.stuck = this->Stuck;
  bounds.exploding = this->Exploding;
  bounds.growth = this->Growth;
  bounds.saturated = this->Saturated;
  bounds.oscillating = this->Oscillating;
  bounds.redundant = this->Redundant;
  bounds.patience = static_cast<size_t>(this->Patience);
  const tv_execution execution = {RunSource::Threads(),
    [](void *context, double done) {
      auto *filter = static_cast<vtkUnitTimeline *>(context);
      filter->UpdateProgress(done);
      return filter->CheckAbort() ? 1 : 0;
    },
    this};
  tv_findings_free(state.Findings);
  state.Findings = nullptr;
  int status = TV_OK;
  if (!state.Watch || state.WatchOf != state.Run.Opened() ||
      std::memcmp(&bounds, &state.Bounds, sizeof bounds) != 0) {
    tv_watch_free(state.Watch);
    status = tv_watch_create(&state.Watch, &bounds);
    state.Bounds = bounds;
    state.WatchOf = state.Run.Opened();
  }
  if (status == TV_OK) // a run that has grown costs what is new
    status = tv_watch_find(state.Watch, &state.Findings, state.Run.Source(), &execution);
  state.FindingsOf = status < 0 ? "" : of;
  if (status < 0 && status != TV_ERROR_CANCELLED)
    this->ReportError(tv_last_error());
  return status == TV_OK;
}

int vtkUnitTimeline::RequestInformation(
  vtkInformation *, vtkInformationVector **, vtkInformationVector *outputVector)
{
  Internals &state = *this->State;
  std::string error;
  int extent[6] = {0, -1, 0, -1, 0, -1};
  for (int port = 0; port < 3; ++port) {
    vtkInformation *out = outputVector->GetInformationObject(port);
    out->Set(vtkAlgorithm::CAN_HANDLE_PIECE_REQUEST(), 1);
    out->Remove(vtkStreamingDemandDrivenPipeline::TIME_STEPS()); // it shows them all
    out->Remove(vtkStreamingDemandDrivenPipeline::TIME_RANGE());
  }
  if (!state.Run.Open(RunSource::Paths(this), error))
    this->ReportError(error);
  else {
    this->ListLayers();
    if (Ranks::IsFirst() && this->Make(true) && state.Picture.rows > 0) {
      extent[1] = static_cast<int>(state.Picture.columns);
      extent[3] = static_cast<int>(state.Picture.rows);
      extent[5] = 0;
    }
  }
  outputVector->GetInformationObject(0)->Set(
    vtkStreamingDemandDrivenPipeline::WHOLE_EXTENT(), extent, 6);
  return 1;
}

int vtkUnitTimeline::RequestData(
  vtkInformation *request, vtkInformationVector **, vtkInformationVector *outputVector)
{
  Internals &state = *this->State;
  const int port = request->Get(vtkExecutive::FROM_OUTPUT_PORT());
  if (!state.Run.Source() || !Ranks::IsFirst())
    return 1; // said already; the first rank draws
  if (port != 1 && this->Make(false) && state.Picture.rows > 0) {
    auto *image = vtkImageData::GetData(outputVector, 0);
    UnitPicture::Draw(image, state.Picture, tv_view_name(this->Measure));
    UnitPicture::WriteNames(vtkPolyData::GetData(outputVector, 2), state.Picture);
  } else if (port != 1 && !state.PictureOf.empty())
    this->ReportError(std::string("no layer has ") + tv_view_kind(this->Measure) + " from which " +
                      tv_view_name(this->Measure) + " could be shown");
  if (port == 1 && this->Find())
    UnitPicture::List(vtkTable::GetData(outputVector, 1), state.Findings);
  state.Run.Rest();
  return 1;
}
