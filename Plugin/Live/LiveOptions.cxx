// SPDX-License-Identifier: BSD-3-Clause
#include "LiveOptions.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace {
const char *const Usage =
  R"(tensorview-live RUN [options]: show a training run in ParaView while it runs.

RUN is the name of the run's channel: tv_options.channel, or TENSORVIEW_CHANNEL in the trainer's
environment. The program attaches at any time, and again; the training never waits for it, unless
its user asked for that (block_seconds). It ends when the run does.

  --script FILE       run a Catalyst Python script (a .py file, a folder, a .zip); may be repeated.
                      Its channels are "tensors" (all tensors) and "history" (a table).
  --live [HOST:]PORT  connect to the ParaView that waits at PORT (Catalyst > Connect, or
                      paraview --live=PORT). HOST is localhost unless told.
  --wait [SECONDS]    wait for the run to begin; without SECONDS as long as it takes
  --every N           only at steps that N divides
  --in-order          every step in order, as far as the ring still has it (default: the newest;
                      where the trainer waits for its readers, every step)
  --history TENSOR[:ELEMENTS]
                      the weights in the history table, e.g. conv1/weights:0-2,100
  --plugin FILE       TensorView.so, where it is not found beside this program
  --quiet             say nothing but errors
)";

bool Number(const char *text, double least, double most, double &number)
{
  char *end = nullptr;
  number = text ? std::strtod(text, &end) : 0;
  return text && *text && *end == 0 && number >= least && number <= most;
}

int Wrong(const std::string &sentence)
{
  std::fprintf(stderr, "tensorview-live: %s (--help says more)\n", sentence.c_str());
  return 1 + 2;
}
} // namespace

int LiveOptions::Parse(int count, char **arguments)
{
  for (int i = 1; i < count; ++i) {
    std::string option = arguments[i];
    const char *value = i + 1 < count ? arguments[i + 1] : nullptr;
    const auto equals = option.compare(0, 2, "--") == 0 ? option.find('=') : std::string::npos;
    bool attached = false;
    if (equals != std::string::npos) {
      value = arguments[i] + equals + 1;
      option.resize(equals);
      attached = true;
    }
    const auto take = [&] {
      i += attached ? 0 : 1;
      return value != nullptr;
    };
    double number = 0;
    if (option == "--help" || option == "-h") {
      std::fputs(Usage, stdout);
      return 1;
    } else if (option == "--script") {
      if (!take())
        return Wrong("--script needs a file");
      this->Scripts.emplace_back(value);
    } else if (option == "--live") {
      if (!take())
        return Wrong("--live needs a port");
      const char *colon = std::strrchr(value, ':');
      if (colon && colon != value)
        this->LiveHost.assign(value, colon);
      if (!Number(colon ? colon + 1 : value, 1, 65535, number))
        return Wrong(std::string("--live needs a port from 1 to 65535, not \"") + value + "\"");
      this->LivePort = static_cast<int>(number);
    } else if (option == "--wait") {
      this->Wait = -1;
      if (Number(value, 0, 1e9, number) && take())
        this->Wait = number;
      else if (attached)
        return Wrong(std::string("--wait needs a number of seconds, not \"") + value + "\"");
    } else if (option == "--every") {
      if (!take() || !Number(value, 1, 1e9, number))
        return Wrong("--every needs a number of steps from 1");
      this->Every = static_cast<long>(number);
    } else if (option == "--history") {
      if (!take())
        return Wrong("--history needs a tensor");
      const char *colon = std::strrchr(value, ':');
      this->HistoryTensor = colon ? std::string(value, colon) : std::string(value);
      if (colon)
        this->HistoryElements = colon + 1;
    } else if (option == "--plugin") {
      if (!take())
        return Wrong("--plugin needs a file");
      this->Plugin = value;
    } else if (option == "--in-order") {
      this->InOrder = true;
    } else if (option == "--quiet") {
      this->Quiet = true;
    } else if (option.compare(0, 1, "-") == 0) {
      return Wrong("there is no option " + option);
    } else if (this->Run.empty()) {
      this->Run = option;
    } else {
      return Wrong("one run at a time: \"" + this->Run + "\" and \"" + option + "\"");
    }
  }
  if (this->Run.empty())
    return Wrong("which run? It needs the name of a channel");
  for (const std::string &script : this->Scripts)
    if (access(script.c_str(), R_OK) != 0)
      return Wrong("there is no script \"" + script + "\"");
  return 0;
}
