# SPDX-License-Identifier: BSD-3-Clause
"""A training that listens: filters are merged when a viewer asks, and it goes on with those left.

    PYTHONPATH=build/python python3 Data/Python/examples/merging.py --steps 5000
    build/bin/tensorview merge ring:merging 0 3,5          or Merge in the toolbar of ParaView
"""

import fashion
import torch

import tensorview

asked = fashion.arguments("A convolutional network on Fashion-MNIST that merges on request", steps=5000)
first, act, pool, second = torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(16, 32, 3)
model = torch.nn.Sequential(
    first, act, pool, second, torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(800, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)  # no momentum that would move what is gone
states = torch.full((16,), -1)  # -1: alive; else the filter that stands in for it


def merge(merges, x):
    """Writes each filter that goes as scale * another + offset, by least squares on the batch; the
    second layer takes both over. What goes is 0, and stays it: nothing reads it any more."""
    maps = pool(act(first(x))).transpose(0, 1).flatten(1)
    for goes, into in merges.items():
        a, b = maps[into] - maps[into].mean(), maps[goes] - maps[goes].mean()
        scale = (a @ b) / (a @ a).clamp(min=1e-12)
        offset = maps[goes].mean() - scale * maps[into].mean()
        second.weight[:, into] += scale * second.weight[:, goes]
        second.bias += offset * second.weight[:, goes].sum((1, 2))
        second.weight[:, goes] = first.weight[goes] = first.bias[goes] = 0
        states[(states == goes).nonzero()] = into
        states[goes] = into


with tensorview.watch(model, optimizer, asked.output, every=asked.every, channel="merging", overwrite=True) as run:
    run.declare_states("0", 16)
    for step, (x, y) in enumerate(fashion.batches(asked.steps)):
        request = run.poll()
        if request is not None:
            gone = [f for f in {*request.merges, *request.merges.values()} if states[f] >= 0]
            if gone:
                request.refuse(f"filter {gone[0]} is not there any more")
            else:
                with torch.no_grad():
                    merge(request.merges, x)
                run.write_states("0", step, states)
                request.accept(f"{int((states < 0).sum())} of 16 filters are left since step {step}")
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss)
print(f"loss {loss.item():.3f}: {asked.output}")
