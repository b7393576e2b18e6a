# SPDX-License-Identifier: BSD-3-Clause
"""Photographs in, network's input out: decoding, crops, seeds, and what cannot be used."""

import os
import shutil
import subprocess

import numpy as np

import vgg_support as vgg

weights = vgg.make_weights(32, "conv1_1")
vgg.write_safetensors("weights.safetensors", vgg.torchvision_names(weights))
BASE = ["--weights", "weights.safetensors", "--prepare", "unit", "--record", "input,conv1_1/weights"]


def inputs(folder, *options, size=32, batch=1):
    noise = vgg.run(*BASE, "--images", folder, "--size", size, "--batch", batch,
                    "--output", "run.tvh5", *options)
    assert noise == "", noise
    return vgg.read("run.tvh5", "input/activations")[0]


# JPEG and grey PNG against ImageMagick.
vgg.make_photographs("few", 2, 64, 64)
magick = lambda *arguments: subprocess.run(arguments, check=True, capture_output=True).stdout
magick("convert", "few/photograph00.png", "-quality", "90", "few/a.jpg")
magick("convert", "few/photograph01.png", "-quality", "90", "-interlace", "JPEG",
       "-sampling-factor", "1x1", "few/b.jpg")
magick("convert", "few/photograph01.png", "-colorspace", "Gray", "few/c.png")
names = sorted(os.listdir("few"))
assert names == ["a.jpg", "b.jpg", "c.png", "photograph00.png", "photograph01.png"], names
seen = inputs("few", "--crop", "centre", "--batches", len(names), size=64)
for name, values in zip(names, seen):
    wanted = np.frombuffer(magick("convert", "few/" + name, "-depth", "8", "rgb:-"), "u1")
    wanted = wanted.reshape(64, 64, 3).transpose(2, 0, 1) / 255.0
    assert np.abs(values - wanted).max() < 1.5 / 255, (name, np.abs(values - wanted).max())

# The centre of a wide picture, reduced by exactly 2: the mean of each 2 x 2 pixels.
wide = vgg.make_photographs("wide", 1, 64, 100)[0]
seen = inputs("wide", "--crop", "centre", "--batches", 1)[0]
square = wide[:, 18:82].astype("f8").reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
assert np.abs(seen - square / 255).max() < 1.5 / 255

# Random crops: the same seed gives the same, batch by batch, however they are grouped; another seed
# gives others; all lie within the picture's values; some are mirrored.
vgg.make_photographs("many", 3, 90, 120)
one = inputs("many", "--batches", 12, "--seed", 7)
again = inputs("many", "--batches", 12, "--seed", 7, "--threads", 2)
assert np.array_equal(one, again)
grouped = inputs("many", "--batches", 3, "--seed", 7, batch=4)
assert np.allclose(grouped, one.reshape(3, 4, 3, 32, 32).sum(axis=1), atol=1e-5)
other = inputs("many", "--batches", 12, "--seed", 8)
assert not np.allclose(one, other)
assert one.min() >= 0 and one.max() <= 1 and one.std() > 0.05
assert len({crop.tobytes() for crop in one}) == len(one)

os.makedirs("ramp", exist_ok=True)
ramp = np.repeat(np.linspace(0, 255, 96)[None, :, None], 96, axis=0).repeat(3, axis=2).astype("u1")
vgg.write_png("ramp/ramp.png", ramp)
crops = inputs("ramp", "--batches", 40)
rising = np.sign(crops[:, 0, 16, -1] - crops[:, 0, 16, 0])
assert 8 <= (rising > 0).sum() <= 32, rising
widths = np.abs(crops[:, 0, 16, -1] - crops[:, 0, 16, 0]) * 95 * 32 / 31
assert widths.min() > 38 and widths.max() < 90, (widths.min(), widths.max())

# What cannot be used is left out with a line, the rest is used; nothing left is a sentence.
shutil.copytree("few", "mixed", dirs_exist_ok=True)
with open("few/a.jpg", "rb") as file:
    jpeg = file.read()
with open("few/c.png", "rb") as file:
    png = file.read()
spoilt = {"cut.jpg": jpeg[: len(jpeg) // 2], "cut.png": png[: len(png) // 2], "text.jpg": b"text",
          "head.jpg": jpeg[:30], "empty.png": b"", "head.png": png[:20]}
for name, data in spoilt.items():
    with open("mixed/" + name, "wb") as file:
        file.write(data)
vgg.write_png("mixed/tiny.png", np.zeros((8, 8, 3), "u1"))
os.makedirs("mixed/folder.jpg", exist_ok=True)
program = os.environ["TENSORVIEW_VGG16"]
options = ["--size", "64", "--batch", "1", "--batches", "1", "--overwrite", "--output", "run.tvh5"]
done = subprocess.run([program, *BASE, "--images", "mixed", *options], capture_output=True, text=True)
assert done.returncode == 0, done.stderr
assert "5 photographs" in done.stdout, done.stdout
left_out = done.stderr.splitlines()
assert len(left_out) == len(spoilt) + 1, done.stderr
for name in list(spoilt) + ["tiny.png"]:
    assert any(name in line for line in left_out), (name, done.stderr)
for name in list(os.listdir("mixed")):
    if name not in spoilt:
        (shutil.rmtree if os.path.isdir("mixed/" + name) else os.remove)("mixed/" + name)
sentence = vgg.run(*BASE, "--images", "mixed", *options, expect=1)
assert "no JPEG or PNG photograph" in sentence, sentence
assert "nowhere" in vgg.run(*BASE, "--images", "nowhere", *options, expect=1)

# The command line.
few = ["--images", "few", "--output", "run.tvh5"]
for arguments, word in (
    (["--images", "few"], "--weights FILE is missing"),
    (["--weights", "weights.safetensors"], "--images FOLDER is missing"),
    (BASE + few + ["--record", "conv9_9"], "conv9_9"),
    (BASE + few + ["--record", "pool1/weights"], "pool1"),
    (BASE + few + ["--record", "conv1_1/gradients"], "gradients"),
    (BASE + few + ["--batches", "-1"], "--batches"),
    (BASE + few + ["--batch", "0"], "--batch"),
    (BASE + few + ["--batch", "ten"], "ten"),
    (BASE + few + ["--size"], "--size"),
    (BASE + few + ["--size", "16", "--record", "pool5"], "nothing"),
    (BASE + few + ["--faster"], "--faster"),
    (BASE + few + ["--size", "32", "--output", "/nowhere/run.tvh5"], "/nowhere/run.tvh5"),
):
    sentence = vgg.run(*arguments, expect=1)
    assert word in sentence and sentence.count("\n") == 1, (word, sentence)
assert "--weights" in subprocess.run([program, "--help"], capture_output=True, text=True).stdout
print("photographs come in as they should")
