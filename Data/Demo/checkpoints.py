# SPDX-License-Identifier: BSD-3-Clause
"""Draws a folder of checkpoints, which no recorder has touched, as its dashboard: a layer's weights, what
moves in the whole network, the way of three weights, and the loss that the checkpoints say.

    python3 Data/Demo/checkpoints.py --train FOLDER               50 checkpoints of a small network, by torch
    xvfb-run -a pvpython Data/Demo/checkpoints.py FOLDER OUTPUT [LAYER]

OUTPUT gets checkpoints.png."""

import os
import sys


def train(folder):
    """A small convolutional network on Fashion-MNIST: a checkpoint at every tenth of 500 steps."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Python", "examples"))
    import fashion
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(4), torch.nn.Flatten(), torch.nn.Linear(576, 10)
    )
    optimizer = torch.optim.Adam(model.parameters())
    os.makedirs(folder, exist_ok=True)
    for step, (pictures, classes) in enumerate(fashion.batches(500)):
        loss = torch.nn.functional.cross_entropy(model(pictures), classes)
        if step % 10 == 0:
            state = {"step": step, "loss": loss.item(), "model": model.state_dict()}
            torch.save(state, os.path.join(folder, f"checkpoint-{step}.pt"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.3f}: {folder}")


def draw(folder, output, layer):
    import demo

    demo.start("checkpoints.py")
    import tensorview_dashboard

    os.makedirs(output, exist_ok=True)
    board = tensorview_dashboard.dashboard(os.path.abspath(folder), layer)
    picture = os.path.join(output, "checkpoints.png")
    board.save(picture)
    print("Picture:", picture)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"] and len(sys.argv) == 3:
        train(sys.argv[2])
    elif len(sys.argv) in (3, 4) and sys.argv[1] != "--train":
        draw(sys.argv[1], sys.argv[2], (sys.argv[3:] or ["0"])[0])
    else:
        sys.exit(__doc__)
