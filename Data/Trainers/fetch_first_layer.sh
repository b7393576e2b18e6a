#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Fetches a really trained first layer of the shape of VGG16's (64 filters 3 x 3 over RGB), for those
# who have no VGG16 weights:
#
#   bash Data/Trainers/fetch_first_layer.sh first_layer.safetensors
#
# It is the layer Pre_blocks_conv of ESRGAN-thick, a network that enlarges photographs (npm package
# @upscalerjs/esrgan-thick 1.0.0, MIT licence, 110 MB; its model x2). It is not VGG16, and the
# program and the run file say so. The output is 7 KiB of safetensors with the same licence.
set -euo pipefail

output=${1:?the .safetensors file to write}
package=@upscalerjs/esrgan-thick@1.0.0

if [ -s "$output" ]; then
  echo "$output is there already."
  exit 0
fi
for program in npm python3; do
  command -v $program >/dev/null || {
    echo "This needs $program (apt-get install --no-install-recommends npm python3)." >&2
    exit 1
  }
done
mkdir -p "$(dirname "$output")"
output=$(realpath -m "$output")
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary"
echo "Fetching $package (110 MB)"
npm pack --silent "$package" >/dev/null || {
  echo "npm cannot fetch $package: is there a network?" >&2
  exit 1
}
tar -xzf ./*.tgz package/models/x2
python3 - package/models/x2 "$output" <<'PYTHON'
import json
import os
import struct
import sys

folder, output = sys.argv[1:]
wanted = {"Pre_blocks_conv/kernel": [3, 3, 3, 64], "Pre_blocks_conv/bias": [64]}
header = {
    "__metadata__": {
        "source": "npm @upscalerjs/esrgan-thick@1.0.0, models/x2, Pre_blocks_conv",
        "license": "MIT, Copyright (c) 2022 Kevin Scott",
    }
}
data = b""
with open(os.path.join(folder, "model.json")) as file:
    groups = json.load(file)["weightsManifest"]
for group in groups:
    shards = b""
    for path in group["paths"]:
        with open(os.path.join(folder, os.path.basename(path)), "rb") as file:
            shards += file.read()
    begin = 0
    for tensor in group["weights"]:
        if tensor["dtype"] != "float32":
            sys.exit("The model holds %s, not float32." % tensor["dtype"])
        end = begin + 4
        for size in tensor["shape"]:
            end = begin + (end - begin) * size
        if tensor["name"] in wanted:
            if tensor["shape"] != wanted.pop(tensor["name"]) or end > len(shards):
                sys.exit("The layer %s is not of the shape expected." % tensor["name"])
            header[tensor["name"]] = {
                "dtype": "F32",
                "shape": tensor["shape"],
                "data_offsets": [len(data), len(data) + end - begin],
            }
            data += shards[begin:end]
        begin = end
if wanted:
    sys.exit("The model has no %s." % ", ".join(wanted))
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(output + ".part", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
os.replace(output + ".part", output)
PYTHON
echo "$output: the first layer of ESRGAN-thick, not VGG16's"
