// SPDX-License-Identifier: BSD-3-Clause
#include "RunSource.h"

#include "vtkTensorCollection.h"

#include "vtkAlgorithm.h"
#include "vtkInformation.h"
#include "vtkInformationDoubleKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkMultiProcessController.h"
#include "vtkStreamingDemandDrivenPipeline.h"

#include "execution.h"

#include <cmath>

RunSource::~RunSource()
{
  this->Close();
}

namespace {
/// What the reader behind an input says of it. ParaView puts a filter of its own in between, which
/// keeps that back.
vtkInformation *Said(vtkAlgorithm *filter, int port, int connection)
{
  vtkInformation *in = filter->GetInputInformation(port, connection);
  vtkAlgorithm *source = filter->GetInputAlgorithm(port, connection);
  if (in && !in->Has(vtkTensorCollection::PATHS()) && source && source->IsA("vtkPVPostFilter") &&
      source->GetNumberOfInputConnections(0) == 1)
    in = source->GetInputInformation(0, 0);
  return in;
}
} // namespace

std::vector<std::string> RunSource::Paths(vtkAlgorithm *filter, int port, int connection)
{
  std::vector<std::string> paths;
  vtkInformationStringVectorKey *key = vtkTensorCollection::PATHS();
  vtkInformation *in = Said(filter, port, connection);
  for (int i = 0; in && in->Has(key) && i < in->Length(key); ++i)
    paths.emplace_back(in->Get(key, i));
  return paths;
}

double RunSource::Step(vtkAlgorithm *filter, vtkInformation *out, int connection)
{
  vtkInformationDoubleKey *time = vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP();
  vtkInformationDoubleKey *scale = vtkTensorCollection::STEPS_PER_TIME();
  if (!out->Has(time))
    return 0.0;
  vtkInformation *in = Said(filter, 0, connection);
  if (!in || !in->Has(scale))
    return out->Get(time);
  return std::round(out->Get(time) * in->Get(scale) * 1e6) / 1e6; // a step that was a time and back
}

int RunSource::Threads()
{
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  return tv_threads(controller ? controller->GetNumberOfProcesses() : 1);
}

bool RunSource::Open(const std::vector<std::string> &paths, std::string &error)
{
  if (paths.empty()) {
    this->Close();
    error = "the input has no file of its own that could be read at all steps: connect the reader "
            "of a run";
    return false;
  }
  tv_change change = TV_CHANGE_NONE;
  if (this->Run && paths == this->Names && tv_source_refresh(this->Run, &change) == TV_OK &&
      change == TV_CHANGE_NONE)
    return true;
  if (!this->Run || paths != this->Names || change == TV_CHANGE_REPLACED) {
    this->Close();
    std::vector<const char *> names;
    names.reserve(paths.size());
    for (const std::string &path : paths)
      names.push_back(path.c_str());
    if (tv_source_open(&this->Run, names.data(), names.size(), nullptr) < 0)
      this->Run = nullptr;
    this->Names = paths;
    ++this->Openings;
  }
  tv_units_close(this->UnitList);
  this->UnitList = nullptr;
  ++this->Changes;
  if (this->Run && tv_units_open(&this->UnitList, this->Run) == TV_OK)
    return true;
  error = tv_last_error();
  this->Close();
  return false;
}

void RunSource::Rest()
{
  if (this->Run)
    tv_source_rest(this->Run);
}

void RunSource::Close()
{
  tv_units_close(this->UnitList);
  tv_source_close(this->Run);
  this->UnitList = nullptr;
  this->Run = nullptr;
  ++this->Changes;
}
