# SPDX-License-Identifier: BSD-3-Clause
"""Small HDF5 files after each of Keras's layouts, that fuzzing starts from.   fuzz_keras.py [PROGRAM COUNT]

Written into the working folder; with a program, that is then run over them."""

import subprocess
import sys
import zipfile

import h5py
import numpy as np

FILES = []


def file(path, libver="earliest"):
    FILES.append(path)
    return h5py.File(path, "w", libver=libver)


ones = np.ones((3, 3, 2, 4), "f4")
for libver in ("earliest", "latest"):  # the latter has checksums of its own structures: less gets through
    with file(f"one-{libver}.h5", libver) as keras:
        keras.attrs["layer_names"] = [b"conv1", b"fc"]
        keras["conv1/conv1_W_1:0"], keras["conv1/conv1_b_1:0"] = ones, ones[0, 0, 0]
        keras["fc/fc_W_1:0"] = np.ones((4, 2), ">f8")
    with file(f"two-{libver}.h5", libver) as keras:
        keras.attrs["keras_version"], keras.attrs["backend"] = "2.11.0", np.bytes_("tensorflow")
        group = keras.create_group("model_weights")
        group.attrs["layer_names"] = np.array(["conv2d", "bn"], h5py.string_dtype())
        group.create_dataset("conv2d/conv2d/kernel:0", data=ones, chunks=(3, 3, 2, 2), compression="gzip", shuffle=True)
        group.create_dataset("bn/bn/moving_mean:0", data=np.ones(4, "f2"), fletcher32=True, chunks=(4,))
        keras["optimizer_weights/Adam/iter:0"] = np.int64(3)
    with file(f"three-{libver}.weights.h5", libver) as keras:
        keras["layers/conv2d/vars/0"], keras["layers/conv2d/vars/1"] = ones, ones[0, 0, 1]
        keras["layers/embedding/vars/0"] = np.ones((5, 2), "i2")
        keras["layers/dense/vars/0"] = np.ones((2, 2)) > 0
        keras["optimizer/vars/0"] = h5py.SoftLink("/layers/conv2d/vars/0")
        keras.create_group("layers/flatten/vars")
for name, way in (("stored.keras", zipfile.ZIP_STORED), ("deflated.keras", zipfile.ZIP_DEFLATED)):
    FILES.append(name)
    with zipfile.ZipFile(name, "w", way) as archive:
        archive.write("three-earliest.weights.h5", "model.weights.h5")

if len(sys.argv) > 2:
    subprocess.run([sys.argv[1], sys.argv[2], "1", *FILES], check=True)
