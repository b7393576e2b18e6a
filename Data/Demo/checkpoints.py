# SPDX-License-Identifier: BSD-3-Clause
"""Draws a folder of checkpoints, which no recorder has touched: a layer's weights, what the last steps
changed in them, and their way through the training.

    python3 Data/Demo/checkpoints.py --train FOLDER               50 checkpoints of a small network, by torch
    xvfb-run -a pvpython Data/Demo/checkpoints.py FOLDER OUTPUT [LAYER]

OUTPUT gets a picture (.png) each and checkpoints.png with all of them side by side."""

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
        if step % 10 == 0:
            torch.save({"step": step, "model": model.state_dict()}, os.path.join(folder, f"checkpoint-{step}.pt"))
        loss = torch.nn.functional.cross_entropy(model(pictures), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.3f}: {folder}")


def draw(folder, output, layer):
    import demo
    import paraview.simple as pv

    demo.start("checkpoints.py")
    os.makedirs(output, exist_ok=True)
    weights, updates = f"{layer}/weights", f"{layer}/updates"
    series = pv.NetworkFileReader(FileName=[os.path.abspath(folder)])
    series.Tensors = [weights, updates]
    series.HistoryTensor = weights
    series.UpdatePipelineInformation()
    steps = [int(step) for step in series.TimestepValues]
    pv.GetAnimationScene().AnimationTime = steps[-1]
    pictures = []
    for tensor, title, subtitle in (
        (weights, "Weights", f"{layer} at step {steps[-1]}, from a checkpoint"),
        (updates, "What changed", f"{layer}, steps {steps[-2]} to {steps[-1]}"),
    ):
        grid = pv.WeightGrid(Input=series, Tensor=tensor)
        grid.UpdatePipeline(steps[-1])
        view = demo.new_view(title, subtitle)
        demo.frame_weights(view, demo.show(grid, view), grid)
        pictures.append(demo.save(view, output, title.lower().replace(" ", "-")))
    sources = {"weight-trajectory": pv.WeightTrajectory(Input=pv.OutputPort(series, 1))}
    sources["weight-trajectory"].UpdatePipeline(steps[-1])
    columns = demo.table(series, 1)
    about = f"three weights of {layer}, {len(steps)} checkpoints, steps {steps[0]} to {steps[-1]}"
    pictures.append(demo.draw_trajectory(sources, columns, about, output))
    print("Pictures:", ", ".join(pictures + [demo.sheet(pictures, output, name="checkpoints")]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"] and len(sys.argv) == 3:
        train(sys.argv[2])
    elif len(sys.argv) in (3, 4) and sys.argv[1] != "--train":
        draw(sys.argv[1], sys.argv[2], (sys.argv[3:] or ["0"])[0])
    else:
        sys.exit(__doc__)
