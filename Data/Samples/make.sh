#!/bin/sh
# Makes lenet.tvh5 anew with the trainer of a build folder (default: build). Takes five seconds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build}
OMP_WAIT_POLICY=passive "$build/bin/tensorview-lenet" --quiet --overwrite --output "$here/lenet.tvh5" \
  --data /usr/share/datasets/fashion-mnist --seed 9 --steps 300 --evaluate-every 100 --flush 1000 \
  --tensors "conv1/weights=1,conv1/bias=10,conv1/gradients=50,conv1/activations=100,\
conv2/weights=100,conv2/activations=100,fc1/activations=100,fc2/weights=100,\
fc2/activations=100"
