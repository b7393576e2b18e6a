#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes the samples anew with the trainer of a build folder (default: build). Takes ten seconds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build}
train() {
  OMP_WAIT_POLICY=passive "$build/bin/tensorview-lenet" --quiet --overwrite --seed 9 --steps 300 \
    --data /usr/share/datasets/fashion-mnist --evaluate-every 100 --flush 1000 "$@"
}
train --output "$here/lenet.tvh5" \
  --tensors "conv1/weights=1,conv1/bias=10,conv1/gradients=50,conv1/activations=100,\
conv2/weights=100,conv2/activations=100,fc1/activations=100,fc2/weights=100,fc2/activations=100"
train --output "$here/pruned.tvh5" --prune-at 100,200 --record-scalars 10 \
  --tensors "conv1/weights=10,conv1/activations=100,conv1/moments=100"
