# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of vgg16 share: made-up weights in the layouts of torchvision and Keras, made-up
photographs, and a forward pass in numpy."""

import json
import os
import struct
import subprocess
import zlib

import h5py
import numpy as np

PLAN = [  # name, torchvision, Keras, filters
    ("conv1_1", "features.0", "block1_conv1", 64),
    ("conv1_2", "features.2", "block1_conv2", 64),
    ("pool1", None, None, None),
    ("conv2_1", "features.5", "block2_conv1", 128),
    ("conv2_2", "features.7", "block2_conv2", 128),
    ("pool2", None, None, None),
    ("conv3_1", "features.10", "block3_conv1", 256),
    ("conv3_2", "features.12", "block3_conv2", 256),
    ("conv3_3", "features.14", "block3_conv3", 256),
    ("pool3", None, None, None),
    ("conv4_1", "features.17", "block4_conv1", 512),
    ("conv4_2", "features.19", "block4_conv2", 512),
    ("conv4_3", "features.21", "block4_conv3", 512),
    ("pool4", None, None, None),
    ("conv5_1", "features.24", "block5_conv1", 512),
    ("conv5_2", "features.26", "block5_conv2", 512),
    ("conv5_3", "features.28", "block5_conv3", 512),
    ("pool5", None, None, None),
    ("fc6", "classifier.0", "fc1", 4096),
    ("fc7", "classifier.3", "fc2", 4096),
    ("fc8", "classifier.6", "predictions", 1000),
]
LAYERS = [row[0] for row in PLAN]


def make_weights(size, last="fc8", seed=0):
    """{layer: (weights oihw or oi, bias)}, float32, of a scale that keeps activations alive."""
    random = np.random.default_rng(seed)
    inputs, side, made = 3, size, {}
    for name, _, _, filters in PLAN:
        if name.startswith("pool"):
            side //= 2
            continue
        if name == "fc6":
            inputs *= side * side
        shape = (filters, inputs, 3, 3) if name.startswith("conv") else (filters, inputs)
        scale = np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
        made[name] = (
            random.standard_normal(shape, np.float32) * scale,
            random.standard_normal(filters, np.float32) * np.float32(0.1),
        )
        inputs = filters
        if name == last:
            break
    return made


def convolve(images, weights, bias):
    """3 x 3, padding 1: [n, i, h, w] by [o, i, 3, 3]."""
    n, i, h, w = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, i * 9)
    result = columns @ weights.reshape(len(weights), -1).T + bias
    return result.reshape(n, h, w, -1).transpose(0, 3, 1, 2)


def forward(images, weights, last):
    """{layer: activations} in double precision, up to the layer last."""
    values, results = images.astype("f8"), {}
    for name in LAYERS[: LAYERS.index(last) + 1]:
        if name.startswith("pool"):
            n, c, h, w = values.shape
            cut = values[:, :, : h // 2 * 2, : w // 2 * 2]
            values = cut.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
        elif name.startswith("conv"):
            values = convolve(values, *(array.astype("f8") for array in weights[name]))
        else:
            kernel, bias = (array.astype("f8") for array in weights[name])
            values = values.reshape(len(values), -1) @ kernel.T + bias
        if not name.startswith("pool") and name != "fc8":
            values = np.maximum(values, 0)
        results[name] = values
    return results


def write_safetensors(path, tensors, metadata=None, edit=None):
    """tensors: {name: array, or (dtype, shape, bytes)}; edit(header) may spoil the header."""
    header, blobs, at = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    kinds = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "<i4": "I32"}
    for name, tensor in tensors.items():
        if not isinstance(tensor, tuple):
            tensor = (kinds[tensor.dtype.str], tensor.shape, np.ascontiguousarray(tensor).tobytes())
        kind, shape, blob = tensor
        header[name] = {
            "dtype": kind,
            "shape": list(shape),
            "data_offsets": [at, at + len(blob)],
        }
        blobs.append(blob)
        at += len(blob)
    if edit:
        edit(header)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            file.write(blob)


def torchvision_names(weights):
    named = {}
    for name, torchvision, _, _ in PLAN:
        if name in weights:
            named[torchvision + ".weight"], named[torchvision + ".bias"] = weights[name]
    return named


def keras_arrays(weights, side):
    """{Keras's layer name: (kernel hwio or io, bias)}; side: of the last pooling's pictures."""
    arrays = {}
    for name, _, keras, _ in PLAN:
        if name not in weights:
            continue
        kernel, bias = weights[name]
        if kernel.ndim == 4:
            kernel = kernel.transpose(2, 3, 1, 0)
        elif name == "fc6":  # Keras flattens [h, w, c]
            kernel = kernel.reshape(len(kernel), 512, side, side).transpose(2, 3, 1, 0)
            kernel = kernel.reshape(-1, kernel.shape[-1])
        else:
            kernel = kernel.T
        arrays[keras] = (np.ascontiguousarray(kernel), bias)
    return arrays


def write_keras_old(path, arrays):
    """vgg16_weights_tf_dim_ordering_tf_kernels.h5: block1_conv1/block1_conv1_W_1:0."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, (kernel, bias) in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [b"%s_W_1:0" % name.encode(), b"%s_b_1:0" % name.encode()]
            group[name + "_W_1:0"] = kernel
            group[name + "_b_1:0"] = bias


def write_keras_model(path, arrays):
    """model.save(): model_weights/block1_conv1/block1_conv1/kernel:0, and an optimiser's state."""
    with h5py.File(path, "w") as file:
        for name, (kernel, bias) in arrays.items():
            group = file.create_group("model_weights/%s/%s" % (name, name))
            group.create_dataset("kernel:0", data=kernel, chunks=True, compression="gzip", shuffle=True)
            group["bias:0"] = bias
            state = file.create_group("optimizer_weights/training/Adam/%s/kernel" % name)
            state["m:0"] = np.zeros((2, 2, 2, 2), "f4")


def write_keras3(path, arrays):
    """Keras 3's .weights.h5: layers/conv2d_1/vars/0."""
    with h5py.File(path, "w") as file:
        counts = {"conv2d": 0, "dense": 0}
        for kernel, bias in arrays.values():
            kind = "conv2d" if kernel.ndim == 4 else "dense"
            name = kind + ("_%d" % counts[kind] if counts[kind] else "")
            counts[kind] += 1
            file["layers/%s/vars/0" % name] = kernel
            file["layers/%s/vars/1" % name] = bias


def write_png(path, pixels):
    """pixels: uint8 [height, width, 3], or [height, width] for grey."""
    height, width = pixels.shape[:2]
    kind = 2 if pixels.ndim == 3 else 0

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 1))
            + chunk(b"IEND", b"")
        )


def make_photographs(folder, count, height, width, seed=0):
    """Smooth coloured pictures with some noise; returns them as uint8 [count, height, width, 3]."""
    os.makedirs(folder, exist_ok=True)
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    pictures = []
    for number in range(count):
        planes = []
        for _ in range(3):
            u, v, phase = random.uniform(0.02, 0.2, 3)
            planes.append(127 + 90 * np.sin(u * x + v * y + 40 * phase))
        picture = np.stack(planes, axis=-1) + random.normal(0, 12, (height, width, 3))
        picture = np.clip(picture, 0, 255).astype("u1")
        write_png(os.path.join(folder, "photograph%02d.png" % number), picture)
        pictures.append(picture)
    return np.stack(pictures)


def run(*arguments, expect=0):
    """Runs vgg16; returns what it says on stderr."""
    program = os.path.join(os.environ["TENSORVIEW_VGG16"])
    done = subprocess.run(
        [program, "--quiet", "--overwrite", *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr)
    assert done.stdout == "", done.stdout
    return done.stderr


def read(path, tensor):
    with h5py.File(path, "r", libver="latest", swmr=True) as file:
        group = file["layers/" + tensor]
        return group["values"][...], list(group["steps"][...])
