# SPDX-License-Identifier: BSD-3-Clause
"""The file that by_hand.py wrote, shown by the plugin: shown.py FILE"""

import sys

import by_hand
import numpy as np
from reading import history, reader, tensors, values
from tensors import load_plugin, values_of

load_plugin()
source = reader(sys.argv[1])
for step in range(by_hand.STEPS):
    images = tensors(source, step)
    expected = {
        "conv1/weights": by_hand.WEIGHTS[step],
        "conv1/activations": by_hand.MAPS[1 if step == 3 else 0],
        "fc1/weights": by_hand.HALF[step],
        "fc1/bias": by_hand.BRAIN[step],
    }
    assert set(images) == set(expected), images
    for name, right in expected.items():
        shown = values(images[name])
        assert np.array_equal(shown.ravel(), right.ravel().astype(shown.dtype)), (name, step)
    samples = values_of(images["conv1/activations"], "Samples")
    assert samples == [32 if step == 3 else 50], samples
    state = values_of(images["conv1/weights"], "State")
    assert state[2:5] == ([1, -3, -2] if step >= 2 else [-1, -1, -1]), state
assert np.allclose(history(source)["loss"], by_hand.LOSS)
