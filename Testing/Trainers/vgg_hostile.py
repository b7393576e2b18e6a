# SPDX-License-Identifier: BSD-3-Clause
"""Weights files that are wrong, cut off or made to harm: one sentence each, no crash."""

import os
import random
import struct

import h5py
import numpy as np
import torch

import vgg_support as vgg

vgg.make_photographs("photographs", 1, 32, 32)
weights = vgg.make_weights(32, "conv1_2")
good = vgg.torchvision_names(weights)
keras = vgg.keras_arrays(weights, 1)
kernel, bias = keras["block1_conv1"]
GOOD = object()


def attempt(path, *says, record="conv1_1"):
    options = ["--weights", path, "--images", "photographs", "--size", 32, "--batches", 1]
    options += ["--batch", 1, "--record", record, "--output", "run.tvh5"]
    sentence = vgg.run(*options, expect=0 if GOOD in says else 1)
    if GOOD in says:
        assert sentence == "", sentence
        return
    assert sentence.startswith("tensorview-vgg16: ") and sentence.endswith(".\n"), (path, sentence)
    assert sentence.count("\n") == 1, sentence
    for word in says:
        assert word in sentence, (word, sentence)


def safetensors(*says, change=None, edit=None, record="conv1_1"):
    tensors = dict(good)
    if change:
        change(tensors)
    vgg.write_safetensors("spoilt.safetensors", tensors, edit=edit)
    attempt("spoilt.safetensors", *says, record=record)


def raw(data, *says):
    with open("spoilt.safetensors", "wb") as file:
        file.write(data)
    attempt("spoilt.safetensors", *says)


# What is right is taken, so that the refusals below mean something.
safetensors(GOOD, record="conv1_2")
safetensors(GOOD, edit=lambda h: h.update({"__metadata__": {"a": [1, {"b": None}], "c": "\\u0041"}}))

# Other containers of the same.
torch.save({name: torch.from_numpy(array) for name, array in good.items()}, "good.pth")
attempt("good.pth", GOOD)
np.savez("good.npz", **good)
attempt("good.npz", GOOD)

# No such file, a folder, other formats.
attempt("nowhere.safetensors", "nowhere.safetensors", "cannot be opened")
attempt("photographs", "photographs")
raw(b"", "too short")
raw(b"PK\3\4" + bytes(100), "safetensors instead")
raw(b"not a weights file at all, only some text that goes on", "neither")
raw(struct.pack("<Q", 2**63) + b"{}", "neither")
raw(struct.pack("<Q", 3) + b"{}", "neither")
raw(struct.pack("<Q", 2) + b"[]", "neither")
raw(struct.pack("<Q", 2) + b"{}", "not VGG16")
raw(struct.pack("<Q", 5) + b'{"a":', "")
raw(struct.pack("<Q", 20000) + b'{"a":' + b"[" * 19995, "")
text = b'{"features.0.weight": {"shape": [99999999999999999999999], "dtype": "F32"}}'
raw(struct.pack("<Q", len(text)) + text, "features.0.weight")

# Names, shapes, types and places that do not fit.
name = "features.0.weight"
safetensors("not of the shape [64, 3, 3, 3]", change=lambda t: t.update({name: np.zeros((64, 1, 3, 3), "f4")}))
safetensors("not of the shape [64, 3, 3, 3]", change=lambda t: t.update({name: np.zeros((64, 27), "f4")}))
safetensors("bias", change=lambda t: t.pop("features.0.bias"))
safetensors("conv1_2", change=lambda t: t.pop("features.2.weight"), record="conv1_2")
safetensors("conv2_1", record="conv2_1")
safetensors("floating-point", change=lambda t: t.update({name: np.zeros((64, 3, 3, 3), "<i4")}))
safetensors("finite", change=lambda t: t.update({name: np.full((64, 3, 3, 3), np.nan, "f4")}))
safetensors("finite", change=lambda t: t.update({name: np.full((64, 3, 3, 3), np.inf, "f4")}))


def entry(**changes):
    return lambda header: header[name].update(changes)


safetensors("outside", edit=entry(data_offsets=[0, 2**62]))
safetensors("outside", edit=entry(data_offsets=[6912, 0]))
safetensors("shape and type", edit=entry(data_offsets=[0, 6911]))
safetensors("shape and type", edit=entry(shape=[2**40, 2**40, 2**40, 2**40]))
safetensors("shape and type", edit=entry(shape=[2**62, 16, 1, 1]))
safetensors("broken", edit=entry(shape=[-64, 3, 3, 3]))
safetensors("broken", edit=entry(shape="64"))
safetensors("broken", edit=lambda header: header[name].pop("data_offsets"))
safetensors("not of the shape", edit=entry(shape=[4] * 60, dtype="F4"))
many = {"t%d" % i: np.zeros(1, "f4") for i in range(5000)}
safetensors("4096", change=lambda t: t.update(many))
duplicate = b'{"features.0.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},' * 2
duplicate = duplicate[:-1].replace(b'},{', b"},") + b"}"
raw(struct.pack("<Q", len(duplicate)) + duplicate, "")

# Cut off anywhere, or with a byte changed anywhere in the header.
vgg.write_safetensors("whole.safetensors", good)
with open("whole.safetensors", "rb") as file:
    whole = file.read()
header_bytes = 8 + struct.unpack("<Q", whole[:8])[0]
for place in np.linspace(0, len(whole) - 1, 12).astype(int):
    raw(whole[:place])
chance = random.Random(1)
for _ in range(40):
    spoilt = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        spoilt[chance.randrange(header_bytes)] = chance.choice(b'{}[]:,"\\0919eE-\n\0\xff')
    with open("spoilt.safetensors", "wb") as file:
        file.write(spoilt)
    options = ["--weights", "spoilt.safetensors", "--images", "photographs", "--size", 32]
    options += ["--batches", 1, "--batch", 1, "--output", "run.tvh5"]
    try:
        sentence = vgg.run(*options, expect=1)
        assert sentence.startswith("tensorview-vgg16: ") and sentence.count("\n") == 1, sentence
    except AssertionError as error:  # a change that does no harm is fine, a signal is not
        assert error.args[0][1] == 0, error


# HDF5: what h5py can make of it.
def hdf5(make, *says):
    with h5py.File("spoilt.h5", "w") as file:
        make(file)
    attempt("spoilt.h5", *says)


def layer(file, kernel_maker, bias_maker=lambda group: group.create_dataset("b:0", data=bias)):
    group = file.create_group("block1_conv1")
    kernel_maker(group)
    bias_maker(group)


hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", data=kernel)), GOOD)
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", data=kernel.astype("f2"))), GOOD)
hdf5(lambda file: file.create_group("something"), "not VGG16")
hdf5(lambda file: layer(file, lambda g: None), "no weights")
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", data=kernel[:, :, :1])), "shape")
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", data=kernel.astype("i4"))), "floating")
strings = np.full(kernel.shape, b"text", "S4")
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", data=strings)), "floating")
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", data=kernel * np.nan)), "finite")
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", (2**40, 3, 3, 64), "f4", chunks=(1, 3, 3, 64))), "shape")
hdf5(lambda file: layer(file, lambda g: g.create_dataset("W:0", kernel.shape, "f4")), "no data")


def two_kernels(group):
    group["W:0"] = kernel
    group["V:0"] = kernel


hdf5(lambda file: layer(file, two_kernels), "both")


def elsewhere(file):
    layer(file, lambda group: group.create_dataset(
        "W:0", kernel.shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]))


hdf5(elsewhere, "outside of the file")


def virtual(file):
    layout = h5py.VirtualLayout(kernel.shape, "f4")
    layout[...] = h5py.VirtualSource("other.h5", "W", kernel.shape)
    layer(file, lambda group: group.create_virtual_dataset("W:0", layout))


hdf5(virtual, "virtual")
with h5py.File("other.h5", "w") as file:
    file["W"] = kernel
hdf5(lambda file: layer(file, lambda g: g.__setitem__("W:0", h5py.ExternalLink("other.h5", "/W"))), "no weights")
hdf5(lambda file: layer(file, lambda g: g.__setitem__("W:0", h5py.SoftLink("/nowhere"))), "no weights")


def circles(file):
    group = file.create_group("a")
    for link in range(20):
        group["again%d" % link] = group


hdf5(circles, "")

with h5py.File("whole.h5", "w") as file:
    for which, (values, offsets) in keras.items():
        file[which + "/W"], file[which + "/b"] = values, offsets
with open("whole.h5", "rb") as file:
    whole = file.read()
for place in np.linspace(9, len(whole) - 1, 20).astype(int):
    with open("spoilt.h5", "wb") as file:
        file.write(whole[:place])
    attempt("spoilt.h5", "spoilt.h5")

# A file that holds only a first layer is not used as more than that.
vgg.write_safetensors(
    "first.safetensors", {"Pre_blocks_conv/kernel": kernel, "Pre_blocks_conv/bias": bias})
attempt("first.safetensors", GOOD)
attempt("first.safetensors", "only one layer", record="conv1_2")
with h5py.File("run.tvh5") as file:
    assert list(file["layers"]) == ["esrgan_thick_conv1"], list(file["layers"])
print("all refused as they should be")
