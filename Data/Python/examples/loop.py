# SPDX-License-Identifier: BSD-3-Clause
"""Without torch: a network of two layers in numpy, and tensorview.Run. Any trainer can do this.

    PYTHONPATH=build/python python3 Data/Python/examples/loop.py --output loop.tvh5
"""

import fashion
import numpy as np

import tensorview

asked = fashion.arguments("Two layers in numpy on Fashion-MNIST", steps=2000)
random = np.random.default_rng(0)
pictures, classes = fashion.numpy_data()
pictures = pictures.reshape(-1, 784)
hidden = random.normal(0, 0.05, (32, 784)).astype("f4")  # a row for each unit
output = random.normal(0, 0.2, (10, 32)).astype("f4")

with tensorview.Run(asked.output, overwrite=True) as run:
    # A unit's weights are a picture of 28 x 28: said so, they are shown as one.
    hidden_weights = run.declare("hidden", "weights", "ohw", (32, 28, 28))
    activations = run.declare("hidden", "activations", "nc", (64, 32))  # summed over the 64
    output_weights = run.declare("output", "weights", "oi", output.shape)
    for step in range(asked.steps):
        chosen = random.integers(0, len(pictures), 64)
        x, y = pictures[chosen], classes[chosen]
        z = np.maximum(x @ hidden.T, 0)
        scores = z @ output.T
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        if step % asked.every == 0:
            run.write(hidden_weights, step, hidden.reshape(32, 28, 28))
            run.write(output_weights, step, output)
            run.write(activations, step, z)
        loss = -np.log(p[np.arange(64), y] + 1e-9).mean()
        run.log(step, loss=loss, accuracy=(scores.argmax(1) == y).mean())
        p[np.arange(64), y] -= 1
        slope = (p @ output) * (z > 0)
        output -= 0.1 * p.T @ z / 64
        hidden -= 0.1 * slope.T @ x / 64
print(f"loss {loss:.3f}: {asked.output}")
