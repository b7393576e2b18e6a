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

int Run(const LiveOptions &options, LiveParaView &paraview, TensorSource &source)
{
  LiveNetwork network(source);
  tv_ring_reader *reader = tv_ring_source_reader(source.Get());
  std::string error;
  if (!network.SetHistory(options.HistoryTensor, options.HistoryElements, error)) {
    std::fprintf(stderr, "tensorview-live: --history: %s\n", error.c_str());
    return 2;
  }
  LiveWatch watch(reader, &network);
  if (!options.Quiet) {
    for (const std::string &note : source.Notes())
      std::fprintf(stderr, "tensorview-live: %s\n", note.c_str());
    std::fprintf(stderr, "tensorview-live: attached to the run \"%s\", %zu tensors\n",
      options.Run.c_str(), tv_source_tensors(source.Get(), nullptr));
  }
  vtkNew<vtkTensorLiveLink> link;
  const bool in_order = options.InOrder || tv_ring_reader_block_seconds(reader) > 0;
  tv_ring_reader_step step = {}, before = {};
  before.slot = -1;
  size_t shown = 0;
  bool lost = false;
  while (!Stop) {
    const int status = tv_ring_reader_wait(reader, 0.2);
    if (status < 0)
      break;
    if (status == 0 || tv_ring_reader_take(reader, &step, in_order) <= 0)
      continue;
    if (step.step % options.Every != 0) {
      tv_ring_reader_release(reader, &step);
      continue;
    }
    const auto time = static_cast<double>(step.step);
    const auto number = static_cast<int>(step.step);
    network.Glance();
    const auto tensors = network.Wrap(step);
    paraview.SetData(tensors, network.History(), time);
    tv_ring_reader_release(reader, &before); // nothing refers to it any more
    before = step;
    paraview.Execute(number, time);
    std::string address;
    if (WantsLive(options, paraview, number, time, address)) {
      if (!link->GetConnected())
        link->SetAddress(address);
      Watch(link, reader, number, time);
    }
    if (tv_ring_reader_done(reader, &step) != TV_OK) {
      if (!lost)
        std::fprintf(stderr, "tensorview-live: %s; its views may be mixed\n", tv_last_error());
      lost = true;
    }
    ++shown;
  }
  link->Conclude();
  if (!options.Quiet)
    std::fprintf(stderr, "tensorview-live: %s; %zu steps shown, %llu passed by\n",
      Stop ? "asked to end" : "the run is over", shown,
      static_cast<unsigned long long>(tv_ring_reader_dropped(reader)));
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
