// SPDX-License-Identifier: BSD-3-Clause
#include "LiveWatch.h"

#include "LiveNetwork.h"

#include <chrono>
#include <cstdio>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace {
using Clock = std::chrono::steady_clock;
std::mutex Mutex; // guards what the program is doing
std::string What;
Clock::time_point Since;
bool Told;
const auto Patience = std::chrono::seconds(10);
} // namespace

std::atomic<bool> LiveWatch::Ending{false};

LiveWatch::Activity::Activity(const std::string &what)
{
  const std::lock_guard<std::mutex> lock(Mutex);
  What = what;
  Since = Clock::now();
  Told = false;
}

LiveWatch::Activity::~Activity()
{
  const std::lock_guard<std::mutex> lock(Mutex);
  if (Told)
    std::fprintf(stderr, "tensorview-live: %s: it has come back\n", What.c_str());
  What.clear();
}

LiveWatch::LiveWatch(tv_ring_reader *reader, LiveNetwork *network)
    : Reader(reader), Network(network)
{
  // Signals are for the main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  this->Thread = std::thread([this] { this->Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LiveWatch::~LiveWatch()
{
  this->Stop = true;
  this->Thread.join();
}

void LiveWatch::Run()
{
  uint32_t ticket = 0;
  Clock::time_point ending{};
  while (!this->Stop) {
    tv_ring_reader_beat(this->Reader);
    this->Network->Glance();
    if (LiveWatch::Ending) {
      if (ending == Clock::time_point{})
        ending = Clock::now();
      else if (Clock::now() - ending > std::chrono::seconds(2))
        _exit(1); // the main thread is stuck in a script or with a viewer
    }
    {
      const std::lock_guard<std::mutex> lock(Mutex);
      if (!What.empty() && !Told && Clock::now() - Since > Patience) {
        Told = true;
        std::fprintf(stderr,
          "tensorview-live: %s, and has not come back for ten seconds; the training goes on\n",
          What.c_str());
      }
    }
    tv_ring_reader_sleep(this->Reader, &ticket, 0.1);
  }
}
