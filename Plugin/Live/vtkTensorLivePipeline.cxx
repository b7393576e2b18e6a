// SPDX-License-Identifier: BSD-3-Clause
#include "vtkPython.h" // first, as Python wants it

#include "vtkTensorLivePipeline.h"

#include "LiveWatch.h"

#include "vtkObjectFactory.h"
#include "vtkSMExtractTriggerProxy.h"
#include "vtkSMExtractsController.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMProxy.h"

#include <cstdio>

vtkStandardNewMacro(vtkTensorLivePipeline);
vtkTensorLivePipeline::vtkTensorLivePipeline() = default;
vtkTensorLivePipeline::~vtkTensorLivePipeline() = default;

bool vtkTensorLivePipeline::Initialize()
{
  const LiveWatch::Activity activity("the script \"" + this->FileName + "\" is being imported");
  if (this->Helper->PrepareFromScript(this->FileName) && this->Helper->Import() &&
      this->Helper->CatalystInitialize()) {
    this->TakeLive();
    return true;
  }
  std::fprintf(stderr, "tensorview-live: the script \"%s\" cannot be run; the rest goes on\n",
    this->FileName.c_str());
  this->Failed = true;
  return false;
}

bool vtkTensorLivePipeline::Execute(int step, double time)
{
  const LiveWatch::Activity activity(
    "the script \"" + this->FileName + "\" is at step " + std::to_string(step));
  this->TakeLive();
  if (this->Helper->CatalystExecute(step, time))
    return true;
  std::fprintf(stderr,
    "tensorview-live: the script \"%s\" failed at step %d and is not run any more; the rest goes "
    "on\n",
    this->FileName.c_str(), step);
  this->Failed = true;
  return false;
}

bool vtkTensorLivePipeline::Finalize()
{
  const LiveWatch::Activity activity("the script \"" + this->FileName + "\" is ending");
  return this->Helper->CatalystFinalize();
}

/// Live from here on is ours; a script may ask for it, or take it back, at any time.
void vtkTensorLivePipeline::TakeLive()
{
  vtkSMProxy *options = this->Helper->GetOptions();
  if (options && vtkSMPropertyHelper(options, "EnableCatalystLive").GetAsInt() != 0) {
    this->Live = true;
    vtkSMPropertyHelper(options, "EnableCatalystLive").Set(0);
  }
}

bool vtkTensorLivePipeline::WantsLive(int step, double time, std::string &url)
{
  vtkSMProxy *options = this->Helper->GetOptions();
  if (!this->Live || this->Failed || !options)
    return false;
  url = vtkSMPropertyHelper(options, "CatalystLiveURL").GetAsString();
  auto *trigger = vtkSMExtractTriggerProxy::SafeDownCast(
    vtkSMPropertyHelper(options, "CatalystLiveTrigger").GetAsProxy());
  this->Triggers->SetTimeStep(step);
  this->Triggers->SetTime(time);
  return !trigger || trigger->IsActivated(this->Triggers);
}
