# SPDX-License-Identifier: BSD-3-Clause
"""Every unit at every step of two trainings of a ResNet-18 side by side: one that is well, and one in
which a layer dies half way.

    PYTHONPATH=build/python python3 Data/Demo/stuck.py --train FOLDER [STEPS]   records well.tvh5 and stuck.tvh5
    xvfb-run -a pvpython Data/Demo/stuck.py FOLDER OUTPUT                       draws them: stuck.png

Half way a BatchNorm of layer3.0 gets a bias of -10, as after a step that was far too large: the ReLU behind
it gives 0 for every sample, and no gradient comes back through it."""

import os
import sys
from collections import OrderedDict

WIDTH, BIAS = 16, -10.0


def network():
    """ResNet-18 of a quarter of the width, for pictures of 28 x 28 of one channel."""
    import torch
    from torchvision.models.resnet import BasicBlock

    def block(inside, outside, stride):
        down = None
        if stride > 1:
            down = torch.nn.Sequential(
                torch.nn.Conv2d(inside, outside, 1, stride, bias=False), torch.nn.BatchNorm2d(outside)
            )
        return BasicBlock(inside, outside, stride, down)

    parts = OrderedDict(conv1=torch.nn.Conv2d(1, WIDTH, 3, padding=1, bias=False), bn1=torch.nn.BatchNorm2d(WIDTH))
    parts["relu"], inside = torch.nn.ReLU(), WIDTH
    for stage in range(4):
        outside = WIDTH << stage
        first = block(inside, outside, 1 if stage == 0 else 2)
        parts[f"layer{stage + 1}"] = torch.nn.Sequential(first, block(outside, outside, 1))
        inside = outside
    parts["pool"], parts["flat"] = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    parts["fc"] = torch.nn.Linear(inside, 10)
    return torch.nn.Sequential(parts)


def train(folder, steps):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Python", "examples"))
    import fashion
    import torch

    import tensorview

    os.makedirs(folder, exist_ok=True)
    for name in ("well", "stuck"):
        torch.manual_seed(0)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        path = os.path.join(folder, f"{name}.tvh5")
        with tensorview.watch(model, optimizer, path, log="statistics", overwrite=True) as run:
            for step, (pictures, classes) in enumerate(fashion.batches(steps, 32)):
                if name == "stuck" and step == steps // 2:
                    torch.nn.init.constant_(model.layer3[0].bn1.bias, BIAS)
                loss = torch.nn.functional.cross_entropy(model(pictures), classes)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
        print(f"{path}: loss {loss.item():.3f}")


def draw(folder, output):
    import demo
    import paraview.simple as pv

    demo.start("stuck.py")
    demo.SIZE = [1000, 560]
    os.makedirs(output, exist_ok=True)
    pictures = []
    for name, title in (("well", "A training that is well"), ("stuck", "One in which a layer dies")):
        reader = pv.TensorSnapshotReader(FileName=[os.path.abspath(os.path.join(folder, f"{name}.tvh5"))])
        reader.UpdatePipelineInformation()
        last = int(reader.TimestepValues[-1])
        timeline = pv.UnitTimeline(Input=reader)
        timeline.UpdatePipelineInformation()
        vectors = ("bn", "downsample.1")  # BatchNorm's say the same once more
        timeline.Layers = [name for name in timeline.Layers.Available if not any(part in name for part in vectors)]
        view = demo.new_view(title, f"log10 of update/weight of every filter of ResNet-18, steps 0 to {last}")
        display = demo.show(timeline, view)
        display.LookupTable.RescaleTransferFunction(-6, 0)
        names = pv.Show(pv.OutputPort(timeline, 2), view)
        names.DiffuseColor = names.AmbientColor = demo.BLACK
        frame(view, timeline, demo.SIZE)
        pictures.append(demo.save(view, output, name))
    print("Picture:", demo.sheet(pictures, output, columns=2, name="stuck"))


def frame(view, timeline, size):
    """The picture with the names at its left."""
    left, right, bottom, top, _, _ = timeline.GetDataInformation(0).GetBounds()
    width = right - left
    left -= 0.24 * width
    view.CameraParallelScale = 0.5 * max((top - bottom) / 0.86, (right - left) / 0.82 * size[1] / size[0])
    high = 2 * view.CameraParallelScale
    x, y = 0.5 * (left + right) + 0.08 * high * size[0] / size[1], 0.5 * (bottom + top) + 0.045 * high
    view.CameraFocalPoint, view.CameraPosition, view.CameraViewUp = [x, y, 0], [x, y, 100], [0, 1, 0]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"] and len(sys.argv) in (3, 4):
        train(sys.argv[2], int((sys.argv[3:] or [400])[0]))
    elif len(sys.argv) == 3:
        draw(*sys.argv[1:])
    else:
        sys.exit(__doc__)
