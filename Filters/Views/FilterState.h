/* SPDX-License-Identifier: BSD-3-Clause */
/// The state of a filter in words.
#ifndef FilterState_h
#define FilterState_h

#include "tensorview/types.h"

#include <string>

/// state: TV_FILTER_..., or the filter that it was merged into.
inline std::string StateInWords(int state)
{
  if (state >= 0)
    return "merged into " + std::to_string(state);
  return state == TV_FILTER_DEAD ? "dead" : state == TV_FILTER_PRUNED ? "pruned" : "alive";
}

#endif
