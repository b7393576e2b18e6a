// SPDX-License-Identifier: BSD-3-Clause
#include "LiveParaView.h"

#include "LiveWatch.h"
#include "vtkTensorLivePipeline.h"

#include "vtkDataObject.h"
#include "vtkInSituInitializationHelper.h"
#include "vtkLogger.h"
#include "vtkNew.h"
#include "vtkPVTrivialProducer.h"
#include "vtkPVVersion.h"
#include "vtkPythonInterpreter.h"
#include "vtkSMParaViewPipelineController.h"
#include "vtkSMPluginManager.h"
#include "vtkSMProxyManager.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSMSourceProxy.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <unistd.h>

namespace {
/// ParaView 5.11 prints this at every step where it was built without Catalyst 2, as Debian's is.
const char *const Complaint = "module IOCatalystConduit is disabled, cannot use steering";

void Report(void *, const vtkLogger::Message &message)
{
  if (!std::strstr(message.message, Complaint))
    std::fprintf(stderr, "ParaView (%s:%u): %s%s\n", message.filename, message.line, message.prefix,
      message.message);
}

/// TensorView.so beside this program: in a build folder, and where it was installed.
std::string FindPlugin()
{
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  std::string here(path, length > 0 ? static_cast<size_t>(length) : 0);
  here.resize(here.rfind('/') == std::string::npos ? 0 : here.rfind('/'));
  for (const char *folder : {"/../lib/TensorView/", "/../" TENSORVIEW_PLUGIN_FOLDER "/", "/"}) {
    const std::string file = here + folder + "TensorView.so";
    if (access(file.c_str(), R_OK) == 0)
      return file;
  }
  return std::string();
}

/// Whether an X server answers. Rendering without one ends ParaView 5.11 with a segmentation fault.
bool HasDisplay()
{
  if (!std::getenv("DISPLAY"))
    return false;
  void *library = dlopen("libX11.so.6", RTLD_NOW);
  if (!library)
    return false;
  auto open = reinterpret_cast<void *(*)(const char *)>(dlsym(library, "XOpenDisplay"));
  auto close = reinterpret_cast<int (*)(void *)>(dlsym(library, "XCloseDisplay"));
  void *display = open && close ? open(nullptr) : nullptr;
  if (display)
    close(display);
  return display != nullptr;
}

/// Without a display a script that wants to render fails with a sentence instead.
const char *const NoDisplay = R"(
def _tensorview_no_display():
    import paraview.simple as simple
    def refuse(*arguments, **properties):
        raise RuntimeError("there is no display to render to: start tensorview-live as "
                           "'xvfb-run -a tensorview-live ...'")
    def create(view, *arguments, **properties):
        return kept(view, *arguments, **properties) if view == 'SpreadSheetView' else refuse()
    kept = simple.CreateView
    simple.CreateView = create
    simple.CreateRenderView = simple.SaveScreenshot = simple.Render = refuse
_tensorview_no_display()
)";

vtkSmartPointer<vtkSMSourceProxy> NewProducer(const char *channel)
{
  auto *manager = vtkSMProxyManager::GetProxyManager()->GetActiveSessionProxyManager();
  vtkSmartPointer<vtkSMSourceProxy> producer;
  producer.TakeReference(
    vtkSMSourceProxy::SafeDownCast(manager->NewProxy("sources", "PVTrivialProducer")));
  vtkNew<vtkSMParaViewPipelineController> controller;
  controller->PreInitializeProxy(producer);
  controller->PostInitializeProxy(producer);
  producer->UpdateVTKObjects();
  vtkInSituInitializationHelper::SetProducer(channel, producer);
  return producer;
}

void Show(vtkSMSourceProxy *producer, vtkDataObject *data, double time)
{
  vtkPVTrivialProducer::SafeDownCast(producer->GetClientSideObject())->SetOutput(data, time);
  vtkInSituInitializationHelper::MarkProducerModified(producer);
  producer->UpdatePipeline(time);
}
} // namespace

bool LiveParaView::Start(const std::string &asked)
{
  vtkLogger::SetStderrVerbosity(vtkLogger::VERBOSITY_OFF);
  vtkLogger::AddCallback("tensorview-live", Report, nullptr, vtkLogger::VERBOSITY_WARNING);
  // ParaView starts MPI, which would look at every X server for graphics cards, and end this
  // program with a server that ends meanwhile.
  setenv("HWLOC_COMPONENTS", "-gl", 0);
#if PARAVIEW_VERSION_MAJOR < 6
  vtkInSituInitializationHelper::Initialize(0);
#else
  vtkInSituInitializationHelper::Initialize(0, {});
#endif
  this->Started = true;
  const std::string plugin = asked.empty() ? FindPlugin() : asked;
  if (plugin.empty() ||
      !vtkSMProxyManager::GetProxyManager()->GetPluginManager()->LoadLocalPlugin(plugin.c_str())) {
    std::fprintf(stderr, "tensorview-live: the plugin %s cannot be loaded (--plugin FILE)\n",
      plugin.empty() ? "TensorView.so is not beside this program and" : plugin.c_str());
    return false;
  }
  // Python starts here rather than at the first step.
  vtkPythonInterpreter::RunSimpleString("import paraview.simple, paraview.catalyst");
  if (!HasDisplay())
    vtkPythonInterpreter::RunSimpleString(NoDisplay);
  return true;
}

LiveParaView::~LiveParaView()
{
  if (this->Started)
    vtkInSituInitializationHelper::Finalize();
}

void LiveParaView::AddScript(const std::string &file)
{
  vtkNew<vtkTensorLivePipeline> script;
  script->SetFileName(file);
  vtkInSituInitializationHelper::AddPipeline(script);
  this->Scripts.emplace_back(script);
}

void LiveParaView::SetData(vtkDataObject *tensors, vtkDataObject *history, double time)
{
  if (!this->Tensors) {
    this->Tensors = NewProducer("tensors");
    this->History = NewProducer("history");
  }
  Show(this->Tensors, tensors, time);
  Show(this->History, history, time);
}

void LiveParaView::Execute(int step, double time)
{
  vtkInSituInitializationHelper::ExecutePipelines(step, time);
}
