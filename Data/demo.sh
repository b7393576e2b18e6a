#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# From nothing to pictures: installs what is missing, builds, trains LeNet-5 on Fashion-MNIST with
# the run recorded, and draws every view into build/demo/. Run it again: what has not changed is
# not done again. On a fresh Debian 12 with two cores: under six minutes, most of it installing.
#
#   bash Data/demo.sh --live     shows a training run while it goes on, through shared memory, and
#                                leaves pictures of the viewer in build/demo/live/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Debian's tools and Debian's Python, whatever else stands on PATH: ParaView is built for them.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
export OMP_WAIT_POLICY=passive # two threads that spin while a third works take ten times as long
export HWLOC_HIDE_ERRORS=${HWLOC_HIDE_ERRORS:-2} # MPI's, where a container has no /sys

out=build/demo
run=$out/lenet.tvh5
training=(--seed 9 --steps 3000 --evaluate-every 500 --record-weights 10 --record-activations 100)

live=
case "${1-}" in
'') ;;
--live) live=1 ;;
*)
  echo "demo.sh: there is no option $1; --live shows a run while it trains" >&2
  exit 2
  ;;
esac

say() { printf '\n%s\n' "$*"; }

bash Testing/install.sh demo

say "Building the plugin, the shim and the trainer in build/"
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
mkdir -p "$out"
if ! { cmake --preset release && cmake --build --preset release \
    --target TensorView tensorview-lenet ${live:+tensorview-live} tensorview_python_package; } \
  </dev/null >"$out/build.log" 2>&1; then
  tail -n 60 "$out/build.log" >&2
  exit 1
fi

if [ -n "$live" ]; then
  exec bash Data/Demo/demo_live.sh build "$out/live"
fi

# Trained again only where the trainer or what it is told has changed.
trainer=build/bin/tensorview-lenet
recipe="${training[*]} $(sha256sum "$trainer" | cut -d' ' -f1)"
if [ -s "$run" ] && [ "$(cat "$out/recipe" 2>/dev/null)" = "$recipe" ]; then
  say "The run in $run is there already"
else
  say "Training LeNet-5 on Fashion-MNIST"
  rm -f "$out/recipe"
  "$trainer" "${training[@]}" --threads 0 --overwrite --output "$run" </dev/null
  echo "$recipe" >"$out/recipe"
fi

say "Drawing the views"
xvfb-run -a -s "-screen 0 1600x1200x24 -noreset" \
  pvpython --force-offscreen-rendering Data/Demo/demo.py "$run" "$out" </dev/null

cat <<TEXT

The same in the ParaView window, all views of a layer side by side:
  $PWD/build/bin/tensorview view $PWD/$run
TEXT
