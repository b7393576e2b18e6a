#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# VGG16's first layer over photographs, from nothing to pictures in build/vgg/:
#
#   bash Data/Demo/vgg.sh [WEIGHTS [BATCHES]]
#
# WEIGHTS is a file with VGG16's weights (torchvision's as safetensors, Keras's HDF5). Without one it
# is the really trained first layer of another network, of the same shape, and named as what it is.
# BATCHES: 100, which takes 1.3 GB; 1000 for the paper's Fig. 12 (c), 13 GB. Run it again: what is
# there is not done again.
set -euo pipefail
weights=${1:+$(realpath "$1")}
batches=${2:-100}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export OMP_WAIT_POLICY=passive

out=build/vgg
run=$out/vgg16-$batches.tvh5

bash Testing/install.sh demo
mkdir -p "$out"
if ! { cmake --preset release && cmake --build --preset release --target TensorView tensorview-vgg16; } \
  </dev/null >"$out/build.log" 2>&1; then
  tail -n 60 "$out/build.log" >&2
  exit 1
fi
if [ -z "$weights" ]; then
  weights=$out/first_layer.safetensors
  bash Data/Trainers/fetch_first_layer.sh "$weights"
fi
bash Data/Trainers/fetch_photographs.sh "$out/photographs"
recipe="$(sha256sum "$weights" build/bin/tensorview-vgg16 | cut -d' ' -f1)"
if [ -s "$run" ] && [ "$(cat "$run.recipe" 2>/dev/null)" = "$recipe" ]; then
  echo "The run in $run is there already."
else
  rm -f "$run.recipe"
  build/bin/tensorview-vgg16 --weights "$weights" --images "$out/photographs" --batches "$batches" \
    --threads "$(nproc)" --output "$run" --overwrite </dev/null
  echo "$recipe" >"$run.recipe"
fi
xvfb-run -a -s "-screen 0 1600x1200x24" \
  pvpython --force-offscreen-rendering Data/Demo/vgg.py "$run" "$out" </dev/null
