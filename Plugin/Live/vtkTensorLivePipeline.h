/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorLivePipeline
 * @brief one Catalyst Python script of tensorview-live
 *
 * Runs a script as ParaView's own vtkInSituPipelinePython does, with two differences: a script that
 * fails is named in one sentence, after Python's own report, and not run again; and Live is not
 * done by the script's engine, which would stop in a viewer's pause without a word, but left to
 * tensorview-live, which asks WantsLive().
 */
#ifndef vtkTensorLivePipeline_h
#define vtkTensorLivePipeline_h

#include "vtkCPPythonScriptV2Helper.h"
#include "vtkInSituPipeline.h"
#include "vtkNew.h"

#include <string>

class vtkSMExtractsController;

class vtkTensorLivePipeline : public vtkInSituPipeline
{
public:
  static vtkTensorLivePipeline *New();
  vtkTypeMacro(vtkTensorLivePipeline, vtkInSituPipeline);

  void SetFileName(const std::string &name) { this->FileName = name; }

  bool Initialize() override;
  bool Execute(int step, double time) override;
  bool Finalize() override;

  /// Whether the script asked for Live at this step, and at which HOST:PORT.
  bool WantsLive(int step, double time, std::string &url);

  /// Whether anything was wrong with the script so far.
  bool GetFailed() const { return this->Failed; }

protected:
  vtkTensorLivePipeline();
  ~vtkTensorLivePipeline() override;

private:
  vtkTensorLivePipeline(const vtkTensorLivePipeline &) = delete;
  void operator=(const vtkTensorLivePipeline &) = delete;

  void TakeLive();

  vtkNew<vtkCPPythonScriptV2Helper> Helper;
  vtkNew<vtkSMExtractsController> Triggers;
  std::string FileName;
  bool Live = false;
  bool Failed = false;
};

#endif
