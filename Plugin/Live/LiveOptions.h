/* SPDX-License-Identifier: BSD-3-Clause */
/// What tensorview-live was asked for on its command line.
#ifndef LiveOptions_h
#define LiveOptions_h

#include <string>
#include <vector>

struct LiveOptions
{
  std::string Run;                    ///< the channel's name
  std::vector<std::string> Scripts;   ///< Catalyst Python scripts, packages or .zip files
  double Wait = 0;                    ///< seconds to wait for the run to begin; negative: for ever
  long Every = 1;                     ///< execute at steps that this divides
  bool InOrder = false;               ///< every step in order, as far as they are still there
  std::string LiveHost = "localhost"; ///< of the ParaView to connect to
  int LivePort = 0;                   ///< 0: only where a script asks for Live
  std::string HistoryTensor;          ///< "layer/kind"; empty: the first weights
  std::string HistoryElements = "0-2";
  std::string Plugin; ///< TensorView.so
  bool Quiet = false; ///< nothing but errors

  /// 0 to go on, otherwise 1 + the exit status: help was asked for, or something is wrong (one
  /// sentence on standard error).
  int Parse(int count, char **arguments);

private:
  class Words;
  std::string SetValue(Words &words);
};

#endif
