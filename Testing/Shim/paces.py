# SPDX-License-Identifier: BSD-3-Clause
"""File and ring of one run, each at its own pace: weights at each step live, a snapshot now and then."""

import mmap
import os
import struct
import subprocess
import sys

import h5py
import numpy as np
from shim import TV_FLOAT32, Run

NAME = f"paces-{os.getpid()}"
STEPS = 26


def weights(step):
    return np.arange(40, dtype=np.float32).reshape(4, 10) + 100 * step


def batch(step):
    return np.full((3, 4, 5, 5), step, np.float32)


def latest():
    """The last step in the ring, and of its first tensor the step of the record and its data; the
    offsets are those of Data/Shim/include/tensorview/ring.h."""
    with open(f"/dev/shm/tensorview-{os.geteuid()}-{NAME}", "rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    tensors, _, _, slots, slot_bytes = struct.unpack_from("<5Q", memory, 64)
    slot = slots + slot_bytes * (struct.unpack_from("<Q", memory, 128)[0] & 0xFF)
    step = struct.unpack_from("<q", memory, slot)[0]
    recorded, _, buffer, _ = struct.unpack_from("<qqII", memory, slot + 16)
    # tv_ring_tensor: two names of 256, a tv_shape of 4 + 9 + 3 + 64, type, unused, bytes; then these.
    stride, offset = struct.unpack_from("<QQ", memory, tensors + 256 + 256 + 80 + 8 + 8)
    return step, recorded, np.frombuffer(memory, np.float32, 40, offset + stride * buffer)


def train(**options):
    # With a time to wait, though no reader comes, each step is left in the ring.
    with Run("run.tvh5", overwrite=1, channel=NAME.encode(), block_seconds=1e-3, **options) as run:
        w = run.declare("conv1", "weights", TV_FLOAT32, "oi", (4, 10))
        a = run.declare("conv1", "activations", TV_FLOAT32, "nchw", (3, 4, 5, 5))
        run.declare_filters("conv1", 4)
        for step in range(STEPS):
            run.write(w, step, weights(step))
            if step % 7 == 0:
                run.write(a, step, batch(step))
                run.write_filters("conv1", step, [-1, -1, -1, 0])
            run.record(step, "loss", step / 2)
            run.end_step(step)
            shown, recorded, data = latest()
            assert shown == recorded == step, (shown, recorded, step)
            np.testing.assert_array_equal(data, weights(step).ravel())


def written(tensors, activations):
    with h5py.File("run.tvh5") as file:
        for name, steps, of in (("weights", tensors, weights), ("activations", activations, lambda s: batch(s).sum(0))):
            group = file["layers/conv1/" + name]
            assert list(group["steps"][()]) == steps, (name, group["steps"][()])
            for row, step in enumerate(steps):
                np.testing.assert_array_equal(group["values"][row], of(step))
        assert list(file["layers/conv1/filters/steps"][()]) == [0, 7, 14, 21]
        assert list(file["scalars/values"][:, 0]) == [step / 2 for step in range(STEPS)]


if len(sys.argv) > 1:
    train()
    sys.exit()
every = list(range(STEPS))
train()
written(every, every[::7])
train(file_every=10)
written([0, 10, 20], [0, 14])
os.environ["TENSORVIEW_FILE_EVERY"] = "5"
train()
written(every[::5], every[::7])
train(file_every=10)  # the trainer's own word counts
written([0, 10, 20], [0, 14])
train(file_every=1)  # also where it says what is the default
written(every, every[::7])
for wrong in ("often", "0", "-3", "2.5"):
    done = subprocess.run([sys.executable, __file__, "again"], text=True, stderr=subprocess.PIPE,
                          env=dict(os.environ, TENSORVIEW_FILE_EVERY=wrong))
    assert done.returncode == 0
    assert done.stderr == f'tensorview: TENSORVIEW_FILE_EVERY is "{wrong}", not a number of steps; the file gets all\n'
    written(every, every[::7])
