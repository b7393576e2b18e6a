# SPDX-License-Identifier: BSD-3-Clause
"""vgg16's activations against a forward pass in numpy: every layer, weights in the layouts of
torchvision and Keras, each with its own preparation of the images.

    vgg_activations.py torchvision|keras|keras_model|keras3

With TENSORVIEW_FULL=1 at 224 x 224, judged by torch (takes minutes and 4 GB)."""

import os
import sys

import numpy as np

import vgg_support as vgg

which = sys.argv[1]
full = bool(os.environ.get("TENSORVIEW_FULL"))
# 64 leaves 2 x 2 before fc6, so that the order of flattening shows; the other two layouts differ
# only in names, and need no more than the first layers.
size, last = (224, "fc8") if full else (64, "fc8")
if which in ("keras_model", "keras3"):
    size, last = 32, "conv2_1"
layers = vgg.LAYERS[: vgg.LAYERS.index(last) + 1]
weights = vgg.make_weights(size, last)
pictures = vgg.make_photographs("photographs", 3, size, size)

file = "weights.h5"
if which == "torchvision":
    # Four types of numbers in one file; what the reference computes with is what they hold.
    named = vgg.torchvision_names(weights)
    for layer, name, kind in (("fc6", "classifier.0", "F16"), ("fc7", "classifier.3", "BF16")):
        kernel, bias = weights[layer]
        if kind == "F16":
            half = kernel.astype("<f2")
            weights[layer] = half.astype("f4"), bias
            named[name + ".weight"] = half
        else:
            bits = kernel.view("<u4") >> 16
            weights[layer] = (bits << 16).astype("<u4").view("f4"), bias
            named[name + ".weight"] = ("BF16", kernel.shape, bits.astype("<u2").tobytes())
    named["classifier.6.bias"] = weights["fc8"][1].astype("<f8")
    file = "weights.safetensors"
    vgg.write_safetensors(file, named, {"format": "pt"})
else:
    writer = {
        "keras": vgg.write_keras_old,
        "keras_model": vgg.write_keras_model,
        "keras3": vgg.write_keras3,
    }[which]
    writer(file, vgg.keras_arrays(weights, size // 32))

# Two batches of two: photographs 0 and 1, then 2 and 0 again.
options = ["--weights", file, "--images", "photographs", "--size", size, "--crop", "centre"]
options += ["--batch", 2, "--batches", 2, "--output", "run.tvh5"]
record = ["input"] + [name + "/activations" for name in layers]
record += ["conv1_1/weights"] + (["fc8/weights"] if last == "fc8" else [])
noise = vgg.run(*options, "--record", ",".join(record))
assert noise == "", noise

pixels = pictures.transpose(0, 3, 1, 2).astype("f8")
if which == "torchvision":
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    images = (pixels / 255 - mean[:, None, None]) / deviation[:, None, None]
else:
    images = pixels[:, ::-1] - np.array([103.939, 116.779, 123.68])[:, None, None]

if full and last == "fc8":
    import torch

    def forward(images, weights):
        values, results = torch.tensor(images, dtype=torch.float32), {}
        for name in layers:
            if name.startswith("pool"):
                values = torch.nn.functional.max_pool2d(values, 2)
            else:
                kernel, bias = map(torch.tensor, weights[name])
                if kernel.ndim == 4:
                    values = torch.nn.functional.conv2d(values, kernel, bias, padding=1)
                else:
                    values = torch.nn.functional.linear(values.flatten(1), kernel, bias)
                if name != "fc8":
                    values = torch.relu(values)
            results[name] = values.numpy().astype("f8")
        return results

    expected = forward(images, weights)
else:
    expected = vgg.forward(images, weights, last)
expected["input"] = images

for name in ["input"] + layers:
    sums, steps = vgg.read("run.tvh5", name + "/activations")
    assert steps == [0, 1], (name, steps)
    each = expected[name]
    for step, samples in enumerate(([0, 1], [2, 0])):
        wanted = each[samples].sum(axis=0)
        assert sums[step].shape == wanted.shape, (name, sums.shape, wanted.shape)
        error = np.abs(sums[step] - wanted).max() / np.abs(wanted).max()
        assert error < 1e-4, (name, step, error)
    assert sums.std() > 0, name
    print("%-8s %-20s largest relative error %.1e" % (name, sums.shape, error))

for name in ["conv1_1"] + (["fc8"] if last == "fc8" else []):
    values, steps = vgg.read("run.tvh5", name + "/weights")
    assert steps == [0], steps
    wanted = weights[name][0]
    if which != "torchvision":
        wanted = wanted.transpose(2, 3, 1, 0) if wanted.ndim == 4 else wanted.T
    assert np.array_equal(values[0], wanted), name
os.remove(file)
