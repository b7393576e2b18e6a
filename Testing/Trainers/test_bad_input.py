# SPDX-License-Identifier: BSD-3-Clause
"""Options and data that cannot be meant: one sentence each, exit status 1, and no run file."""

import gzip
import os
import shutil
import struct

from trainer import FASHION, check, train, write_data, write_idx

import numpy as np

RUN = ["--output", "bad.tvh5", "--overwrite", "--steps", 1]


def refused(part, *options):
    if os.path.exists("bad.tvh5"):
        os.remove("bad.tvh5")
    sentence = train(*options, expect=1)
    check(part in sentence, f"{options}: '{sentence.strip()}' does not say '{part}'")
    check(sentence.count("\n") == 1 and sentence.endswith(".\n"), f"not one sentence: {sentence!r}")
    check(not os.path.exists("bad.tvh5"), f"{options} left a run file")


for part, options in {
    "--bogus": ["--bogus"], "needs a value": ["--steps"], "--steps 0": ["--steps", "0"],
    "--steps -1": ["--steps=-1"], "--batch 99999999999999999999": ["--batch", "99999999999999999999"],
    "--learning-rate nan": ["--learning-rate", "nan"], "--optimizer rmsprop": ["--optimizer", "rmsprop"],
    "--filters ": ["--filters", "16,,32"], "--hidden 5x": ["--hidden", "5x"], "extra": ["extra"],
    "lenet-300-100": ["--network", "vgg"], "--tensors conv9/weights": ["--tensors", "conv9/weights"],
    "twice": ["--tensors", "conv1/bias,conv1/bias"], "too small": ["--filters", "2,2,2,2,2"],
    "--samples asks": ["--samples", "60001"], "more than 49": ["--samples", "49"],
}.items():
    refused(part, *RUN, *options)
refused("no file train-images", *RUN, "--data", "nowhere")

# Data files. Each case begins with good ones and spoils one.
image, label = "train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"
BIG = struct.pack(">BBBB3I", 0, 0, 8, 3, 0xFFFFFFFF, 4096, 4096)


def spoil(part, name, content):
    shutil.rmtree("data", ignore_errors=True)
    write_data("data")
    with open(f"data/{name}", "wb") as file:
        file.write(content)
    refused(part, *RUN, "--data", "data", "--filters", "4")


good = struct.pack(">BBBB3I", 0, 0, 8, 3, 50, 12, 14) + bytes(50 * 12 * 14)
spoil("too short", image, b"")
spoil("too short", image, good[:15])
spoil("end after 99 of 8400", image, good[:16] + bytes(99))
spoil("not an IDX file", image, b"\x89HDF\r\n\x1a\n" + bytes(100))
spoil("not an IDX file", image, struct.pack(">BBBB3I", 0, 0, 13, 3, 50, 12, 14) + bytes(33600))
spoil("a size of 0", image, struct.pack(">BBBB3I", 0, 0, 8, 3, 0, 12, 14))
spoil("a size of 65535", image, struct.pack(">BBBB3I", 0, 0, 8, 3, 1, 65535, 65535))
spoil("more data than", image, BIG)
spoil("data end after", image, struct.pack(">BBBB3I", 0, 0, 8, 3, 250, 4096, 1024) + bytes(64))
spoil("49 labels", label, gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 49) + bytes(49)))
spoil("is 10, and there are 10", label,
      gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 50) + bytes(49) + b"\x0a"))
spoil("data end after", label, gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 50) + bytes(50))[:20])
spoil("another size", "t10k-images-idx3-ubyte", struct.pack(">BBBB3I", 0, 0, 8, 3, 7, 12, 15) + bytes(7 * 180))

# A run file that exists stays as it is; a folder that cannot be written to is said so.
write_data("data")
with open("kept.tvh5", "w") as file:
    file.write("precious")
sentence = train("--data", "data", "--output", "kept.tvh5", "--steps", 1, expect=1)
check("kept.tvh5" in sentence, sentence)
check(open("kept.tvh5").read() == "precious", "an existing file was touched")
train("--data", "data", "--output", "/proc/run.tvh5", "--steps", 1, expect=1)
