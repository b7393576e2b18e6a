# SPDX-License-Identifier: BSD-3-Clause
"""A GRU that reads each picture row by row. How often is said for each kind.

    PYTHONPATH=build/python python3 Data/Python/examples/gru.py --output gru.tvh5
"""

import fashion
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import tensorview


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.GRU(28, 64, num_layers=2, batch_first=True)
        self.answer = nn.Linear(64, 10)

    def forward(self, pictures):
        states, _ = self.rows(pictures[:, 0])
        return self.answer(states[:, -1])


asked = fashion.arguments("A GRU on the rows of Fashion-MNIST", steps=1000)
torch.manual_seed(0)
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
often = {kind: asked.every for kind in ("weights", "gradients", "updates")}
often["activations"] = 10 * asked.every  # one for each row that is read

with tensorview.watch(model, optimizer, asked.output, every=often, overwrite=True) as run:
    for pictures, classes in fashion.batches(asked.steps):
        loss = cross_entropy(model(pictures), classes)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        run.log(loss=loss, gradient_norm=norm)
print(f"loss {loss.item():.3f}: {asked.output}")
