#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, builds in build/, runs every test. Run it again: what has not changed
# is not done again. Arguments go to ctest, e.g. -R Similarity
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Debian's tools and Debian's Python, whatever else stands on PATH: ParaView is built for them.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
export OMP_WAIT_POLICY=passive # two threads that spin while a third works take ten times as long

bash Testing/install.sh

if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
quietly() { # shows what a command printed only where it failed
  local log
  log=$(mktemp)
  if "$@" </dev/null >"$log" 2>&1; then rm -f "$log"; else cat "$log" >&2; rm -f "$log"; return 1; fi
}
echo "Configuring and building in build/"
quietly cmake --preset release -DTENSORVIEW_WERROR=ON
quietly cmake --build --preset release

exec ctest --preset release --parallel "$(nproc)" "$@" </dev/null
