# SPDX-License-Identifier: BSD-3-Clause
"""A GAN: two networks with an optimizer each, in one run. Layers are called generator.0, ...,
discriminator.0, ...

    PYTHONPATH=build/python python3 Data/Python/examples/gan.py --output gan.tvh5
"""

import fashion
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as entropy

import tensorview

asked = fashion.arguments("A GAN that draws clothes", steps=1000)
torch.manual_seed(0)
generator = nn.Sequential(
    nn.Linear(32, 32 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
    nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Sigmoid(),
)  # fmt: skip
discriminator = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
    nn.Flatten(), nn.Linear(32 * 7 * 7, 1),
)  # fmt: skip
networks = {"generator": generator, "discriminator": discriminator}
optimizers = {
    name: torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for name, network in networks.items()
}
real, drawn = torch.ones(64, 1), torch.zeros(64, 1)

with tensorview.watch(networks, optimizers, asked.output, every=asked.every, overwrite=True) as run:
    for pictures, _ in fashion.batches(asked.steps):
        fakes = generator(torch.randn(64, 32))
        finds = entropy(discriminator(pictures), real)
        finds = finds + entropy(discriminator(fakes.detach()), drawn)
        optimizers["discriminator"].zero_grad()
        finds.backward()
        optimizers["discriminator"].step()

        fools = entropy(discriminator(fakes), real)
        optimizers["generator"].zero_grad()
        fools.backward()
        optimizers["generator"].step()
        run.log(finds=finds, fools=fools)
print(f"finds {finds.item():.3f}, fools {fools.item():.3f}: {asked.output}")
