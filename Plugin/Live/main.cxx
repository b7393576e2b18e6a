// SPDX-License-Identifier: BSD-3-Clause
/// tensorview-live: ParaView beside a training run. See LiveOptions.cxx for its manual.
#include "LiveNetwork.h"
#include "LiveOptions.h"
#include "LiveParaView.h"
#include "LiveWatch.h"
#include "vtkTensorLiveLink.h"
#include "vtkTensorLivePipeline.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <signal.h>
#include <unistd.h>

namespace {
volatile sig_atomic_t Stop;

void OnSignal(int)
{
  Stop = 1;
  LiveWatch::Ending = true;
}

/// Attaches, waiting as long as asked. Null after a sentence.
tv_source *Attach(const LiveOptions &options)
{
  tv_source *source = nullptr;
  const auto begin = std::chrono::steady_clock::now();
  for (bool said = false; !Stop; said = true) {
    const int status = tv_ring_source_attach(&source, options.Run.c_str());
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
    const bool may_come = status == TV_ERROR_FILE || status == TV_ERROR_STATE;
    if (status == TV_OK)
      return source;
    if (!may_come || (options.Wait >= 0 && waited.count() >= options.Wait)) {
      std::fprintf(stderr, "tensorview-live: %s\n", tv_last_error());
      return nullptr;
    }
    if (!said && !options.Quiet)
      std::fprintf(stderr, "tensorview-live: waiting for the run \"%s\"\n", options.Run.c_str());
    usleep(20000);
  }
  return nullptr;
}

/// Shows a step to the viewer, and holds the training for as long as the viewer has paused it and
/// answers.
void Watch(vtkTensorLiveLink *link, tv_ring_reader *reader, int step, double time)
{
  if (!link->Exchange(step, time))
    return;
  if (tv_ring_reader_block_seconds(reader) > 0) {
    // A breakpoint pauses from the viewer's event loop, after it has dealt with the step: its
    // answer to a first question says that it has, the time that took how busy it is, and a second
    // question comes when the event loop has had its turn.
    const auto begin = std::chrono::steady_clock::now();
    if (!link->Ask(step, time))
      return;
    const std::chrono::duration<double> busy = std::chrono::steady_clock::now() - begin;
    link->Listen(std::clamp(2 * busy.count(), 0.03, 0.5));
    link->Ask(step, time);
  }
  bool held = false;
  while (link->GetSimulationPaused() && !Stop) {
    tv_ring_reader_hold(reader, 1);
    if (!held)
      std::fprintf(stderr, "tensorview-live: the viewer holds the training, step %d\n", step);
    held = true;
    const int changed = link->Listen(1.0);
    if (changed < 0 || !(changed ? link->Exchange(step, time) : link->Ask(step, time)))
      break;
  }
  if (held) {
    tv_ring_reader_hold(reader, 0);
    std::fprintf(stderr, "tensorview-live: the training goes on\n");
  }
}

/// Where Live is asked for at this step, if anywhere.
bool WantsLive(const LiveOptions &options, const LiveParaView &paraview, int step, double time,
  std::string &address)
{
  bool wants = false;
  std::string url;
  for (const auto &script : paraview.GetScripts())
    if (script->WantsLive(step, time, url)) {
      address = url;
      wants = true;
    }
  if (options.LivePort > 0) {
    address = options.LiveHost + ":" + std::to_string(options.LivePort);
    wants = true;
  }
  return wants;
}

/// The steps of a run, one after the other, in ParaView and at the viewer.
class Steps
{
public:
  Steps(const LiveOptions &options, LiveParaView &paraview, TensorSource &source)
      : Options(options), ParaView(paraview), Network(source),
        Reader(tv_ring_source_reader(source.Get())),
        InOrder(options.InOrder || tv_ring_reader_block_seconds(this->Reader) > 0)
  {
    this->Before.slot = -1;
  }

  LiveNetwork &GetNetwork() { return this->Network; }
  size_t GetShown() const { return this->Shown; }

  /// Until the run is over, or this program is asked to end.
  void ShowAll()
  {
    const LiveWatch watch(this->Reader, &this->Network);
    tv_ring_reader_step step = {};
    while (!Stop) {
      const int status = tv_ring_reader_wait(this->Reader, 0.2);
      if (status < 0)
        break;
      if (status == 0 || tv_ring_reader_take(this->Reader, &step, this->InOrder) <= 0)
        continue;
      if (step.step % this->Options.Every == 0)
        this->ShowOne(step);
      else
        tv_ring_reader_release(this->Reader, &step);
    }
    this->Link->Conclude();
  }

private:
  void ShowOne(const tv_ring_reader_step &step)
  {
    const auto time = static_cast<double>(step.step);
    const auto number = static_cast<int>(step.step);
    this->Network.Glance();
    const auto tensors = this->Network.Wrap(step);
    this->ParaView.SetData(tensors, this->Network.History(), time);
    tv_ring_reader_release(this->Reader, &this->Before); // nothing refers to it any more
    this->Before = step;
    this->ParaView.Execute(number, time);
    std::string address;
    if (WantsLive(this->Options, this->ParaView, number, time, address)) {
      if (!this->Link->GetConnected())
        this->Link->SetAddress(address);
      Watch(this->Link, this->Reader, number, time);
    }
    if (tv_ring_reader_done(this->Reader, &this->Before) != TV_OK) {
      if (!this->Lost)
        std::fprintf(stderr, "tensorview-live: %s; its views may be mixed\n", tv_last_error());
      this->Lost = true;
    }
    ++this->Shown;
  }

  const LiveOptions &Options;
  LiveParaView &ParaView;
  LiveNetwork Network;
  tv_ring_reader *Reader;
  bool InOrder;
  vtkNew<vtkTensorLiveLink> Link;
  tv_ring_reader_step Before = {};
  size_t Shown = 0;
  bool Lost = false;
};

int Run(const LiveOptions &options, LiveParaView &paraview, TensorSource &source)
{
  Steps steps(options, paraview, source);
  std::string error;
  if (!steps.GetNetwork().SetHistory(options.HistoryTensor, options.HistoryElements, error)) {
    std::fprintf(stderr, "tensorview-live: --history: %s\n", error.c_str());
    return 2;
  }
  if (!options.Quiet) {
    for (const std::string &note : source.Notes())
      std::fprintf(stderr, "tensorview-live: %s\n", note.c_str());
    std::fprintf(stderr, "tensorview-live: attached to the run \"%s\", %zu tensors\n",
      options.Run.c_str(), tv_source_tensors(source.Get(), nullptr));
  }
  steps.ShowAll();
  if (!options.Quiet)
    std::fprintf(stderr, "tensorview-live: %s; %zu steps shown, %llu passed by\n",
      Stop ? "asked to end" : "the run is over", steps.GetShown(),
      static_cast<unsigned long long>(tv_ring_reader_dropped(tv_ring_source_reader(source.Get()))));
  int result = 0;
  for (const auto &script : paraview.GetScripts())
    result |= script->GetFailed() ? 1 : 0;
  return result;
}
} // namespace

int main(int count, char **arguments)
{
  LiveOptions options;
  if (const int end = options.Parse(count, arguments))
    return end - 1;
  signal(SIGPIPE, SIG_IGN); // a viewer that dies is an error code
  int result = 1;
  TensorSource source; // the pipelines may refer to the ring's memory to the end: it goes last
  if (options.Wait == 0) {
    tv_source *first = Attach(options);
    if (!first)
      return 1; // not worth starting ParaView for
    tv_source_close(first);
  }
  {
    LiveParaView paraview;
    if (!paraview.Start(options.Plugin))
      return 1;
    struct sigaction action = {};
    action.sa_handler = OnSignal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    for (const std::string &script : options.Scripts)
      paraview.AddScript(script);
    source.Take(Attach(options));
    if (source)
      result = Run(options, paraview, source);
  }
  return result;
}
