# SPDX-License-Identifier: BSD-3-Clause
"""ResNet-18 of torchvision on Fashion-MNIST.

    PYTHONPATH=build/python python3 Data/Python/examples/resnet.py --output resnet.tvh5
    build/bin/tensorview view resnet.tvh5
"""

import fashion
import torch
import torchvision
from torch.nn.functional import cross_entropy

import tensorview

asked = fashion.arguments("ResNet-18 on Fashion-MNIST", steps=500)
torch.manual_seed(0)
model = torchvision.models.resnet18(num_classes=10)
model.conv1 = torch.nn.Conv2d(1, 64, 3, padding=1, bias=False)  # pictures of 28 x 28, one channel
model.maxpool = torch.nn.MaxPool2d(2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, asked.steps)

with tensorview.watch(model, optimizer, asked.output, every=asked.every, overwrite=True) as run:
    for pictures, classes in fashion.batches(asked.steps, 32):
        guesses = model(pictures)
        loss = cross_entropy(guesses, classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracy = (guesses.argmax(1) == classes).float().mean()
        run.log(loss=loss, accuracy=accuracy, learning_rate=scheduler.get_last_lr()[0])
        scheduler.step()
print(f"loss {loss.item():.3f}, accuracy {accuracy.item():.2f}: {asked.output}")
