# SPDX-License-Identifier: BSD-3-Clause
"""The example does what it says, is short, and is what the README shows. example.py EXAMPLE SOURCE"""

import os
import subprocess
import sys

import h5py
import numpy as np

example, source = sys.argv[1:]
if os.path.exists("lenet.tvh5"):
    os.remove("lenet.tvh5")
done = subprocess.run([example, "lenet.tvh5"], capture_output=True, text=True, timeout=60)
assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done
again = subprocess.run([example, "lenet.tvh5"], capture_output=True, text=True, timeout=60)
assert again.stderr.count("\n") == 1 and "exists already" in again.stderr, again

with h5py.File("lenet.tvh5", "r") as file:
    layer = file["layers/conv1"]
    weights, maps = layer["weights/values"], layer["activations/values"]
    assert weights.shape == (100, 16, 1, 3, 3) and maps.shape == (100, 16, 28, 28)
    index = np.arange(50 * 16 * 28 * 28)
    for step in (0, 57, 99):
        assert np.array_equal(maps[step].ravel(), ((index + step) % 11).reshape(50, -1).sum(axis=0))
    moved = np.minimum(np.arange(100)[:, None] >= np.arange(144), 1) * np.float32(0.1)
    assert np.array_equal(weights[:].reshape(100, 144), moved)
    loss = 2.3 / (1 + 0.1 * np.arange(100))
    assert np.allclose(file["scalars/values"][:, 0], loss, rtol=1e-6)

with open(f"{source}/Data/Shim/examples/example.c") as file:
    code = file.read().split("/* README: from here */\n")[1].strip()
lines = [line for line in code.splitlines() if line.strip()]
trainer = code[code.index("int main") :].strip().splitlines()
assert len(trainer) <= 20, len(trainer)  # with its loop; the rest stands for the network

if os.path.exists(f"{source}/README.md"):
    with open(f"{source}/README.md") as file:
        readme = file.read()
    squeezed = " ".join(readme.split())
    missing = [line for line in lines if " ".join(line.split()) not in squeezed]
    assert not missing, f"README.md does not show these lines of Data/Shim/examples/example.c: {missing}"
