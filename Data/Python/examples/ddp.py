# SPDX-License-Identifier: BSD-3-Clause
"""Distributed training: two processes over gloo, each with its part of the data. watch() stands in
both; rank 0 records.

    PYTHONPATH=build/python python3 Data/Python/examples/ddp.py --output ddp.tvh5
"""

import tempfile

import fashion
import torch
from torch import distributed, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

import tensorview

PROCESSES = 2


def train(rank, asked, meeting):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=PROCESSES
    )
    torch.manual_seed(rank)
    model = DistributedDataParallel(
        nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 10),
        )  # fmt: skip
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    with tensorview.watch(model, optimizer, asked.output, every=asked.every, overwrite=True) as run:
        for pictures, classes in fashion.batches(asked.steps):
            loss = cross_entropy(model(pictures), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=loss)
    if rank == 0:
        print(f"loss {loss.item():.3f}: {asked.output}")
    distributed.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        chosen = fashion.arguments("Two processes on Fashion-MNIST", steps=500)
        torch.multiprocessing.spawn(train, (chosen, f"{folder}/meeting"), nprocs=PROCESSES)
