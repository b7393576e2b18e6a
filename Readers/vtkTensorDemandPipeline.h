/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorDemandPipeline
 * @brief the executive of filters that take tensors on demand
 *
 * What is asked of an output stays there, and the next one who comes may know nothing of it: two
 * consumers of a reader can even be updated in turns, the request of one between those of the other.
 * So this one asks (vtkTensorDemand) only for as long as it goes upstream itself. A filter that
 * passes its tensors on asks for what is asked of it.
 */
#ifndef vtkTensorDemandPipeline_h
#define vtkTensorDemandPipeline_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkPVCompositeDataPipeline.h"

class TENSORVIEWREADERS_EXPORT vtkTensorDemandPipeline : public vtkPVCompositeDataPipeline
{
public:
  static vtkTensorDemandPipeline *New();
  vtkTypeMacro(vtkTensorDemandPipeline, vtkPVCompositeDataPipeline);

protected:
  vtkTensorDemandPipeline() = default;
  ~vtkTensorDemandPipeline() override = default;

  int ForwardUpstream(vtkInformation *request) override;

private:
  vtkTensorDemandPipeline(const vtkTensorDemandPipeline &) = delete;
  void operator=(const vtkTensorDemandPipeline &) = delete;
};

#endif
