// SPDX-License-Identifier: BSD-3-Clause
#include "LiveOptions.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
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

/// One word of the command line as "--name=value" or "--name" "value".
class LiveOptions::Words
{
public:
  Words(int count, char **arguments) : Count(count), Arguments(arguments) {}

  bool Next()
  {
    if (++this->At >= this->Count)
      return false;
    this->Option = this->Arguments[this->At];
    this->Value = this->At + 1 < this->Count ? this->Arguments[this->At + 1] : nullptr;
    const auto equals =
      this->Option.compare(0, 2, "--") == 0 ? this->Option.find('=') : std::string::npos;
    this->Attached = equals != std::string::npos;
    if (this->Attached) {
      this->Value = this->Arguments[this->At] + equals + 1;
      this->Option.resize(equals);
    }
    return true;
  }

  /// The value is used; false where there is none.
  bool Take()
  {
    this->At += this->Attached ? 0 : 1;
    return this->Value != nullptr;
  }

  std::string Option;
  const char *Value = nullptr; ///< what follows, whether it belongs to the option or not
  bool Attached = false;       ///< by '='

private:
  int Count, At = 0;
  char **Arguments;
};

/// What is wrong with an option that has a value; "" where nothing is.
std::string LiveOptions::SetValue(Words &words)
{
  double number = 0;
  const std::string &option = words.Option;
  const bool numbered = option == "--every" || option == "--wait";
  if (numbered && !Number(words.Value, option == "--every" ? 1 : 0, 1e9, number)) {
    if (option == "--every")
      return "--every needs a number of steps from 1";
    this->Wait = -1;
    return words.Attached
             ? std::string("--wait needs a number of seconds, not \"") + words.Value + "\""
             : "";
  }
  if (!words.Take())
    return option + (option == "--live"       ? " needs a port"
                      : option == "--history" ? " needs a tensor"
                                              : " needs a file");
  const char *value = words.Value, *colon = std::strrchr(value, ':');
  if (option == "--every")
    this->Every = static_cast<long>(number);
  else if (option == "--wait")
    this->Wait = number;
  else if (option == "--script")
    this->Scripts.emplace_back(value);
  else if (option == "--plugin")
    this->Plugin = value;
  else if (option == "--history") {
    this->HistoryTensor = colon ? std::string(value, colon) : std::string(value);
    if (colon)
      this->HistoryElements = colon + 1;
  } else {
    if (colon && colon != value)
      this->LiveHost.assign(value, colon);
    if (!Number(colon ? colon + 1 : value, 1, 65535, number))
      return std::string("--live needs a port from 1 to 65535, not \"") + value + "\"";
    this->LivePort = static_cast<int>(number);
  }
  return "";
}

int LiveOptions::Parse(int count, char **arguments)
{
  static const char *const Valued[] = {
    "--script", "--live", "--wait", "--every", "--history", "--plugin"};
  Words words(count, arguments);
  while (words.Next()) {
    const std::string &option = words.Option;
    std::string wrong;
    if (option == "--help" || option == "-h") {
      std::fputs(Usage, stdout);
      return 1;
    }
    if (std::find(std::begin(Valued), std::end(Valued), option) != std::end(Valued))
      wrong = this->SetValue(words);
    else if (option == "--in-order")
      this->InOrder = true;
    else if (option == "--quiet")
      this->Quiet = true;
    else if (option.compare(0, 1, "-") == 0)
      wrong = "there is no option " + option;
    else if (this->Run.empty())
      this->Run = option;
    else
      wrong = "one run at a time: \"" + this->Run + "\" and \"" + option + "\"";
    if (!wrong.empty())
      return Wrong(wrong);
  }
  if (this->Run.empty())
    return Wrong("which run? It needs the name of a channel");
  for (const std::string &script : this->Scripts)
    if (access(script.c_str(), R_OK) != 0)
      return Wrong("there is no script \"" + script + "\"");
  return 0;
}
