/* SPDX-License-Identifier: BSD-3-Clause */
/// ParaView's in situ engine as tensorview-live needs it: started once, with the plugin loaded, two
/// producers, and without the one complaint of ParaView 5.11 that means nothing here.
#ifndef LiveParaView_h
#define LiveParaView_h

#include "vtkSmartPointer.h"

#include <string>
#include <vector>

class vtkDataObject;
class vtkSMSourceProxy;
class vtkTensorLivePipeline;

class LiveParaView
{
public:
  /// Starts the engine and loads the plugin. False after a sentence on standard error.
  bool Start(const std::string &plugin);
  ~LiveParaView();

  void AddScript(const std::string &file);

  /// What the channels "tensors" and "history" show from now on.
  void SetData(vtkDataObject *tensors, vtkDataObject *history, double time);

  void Execute(int step, double time);

  const std::vector<vtkSmartPointer<vtkTensorLivePipeline>> &GetScripts() const
  {
    return this->Scripts;
  }

private:
  vtkSmartPointer<vtkSMSourceProxy> Tensors, History;
  std::vector<vtkSmartPointer<vtkTensorLivePipeline>> Scripts;
  bool Started = false;
};

#endif
