# SPDX-License-Identifier: BSD-3-Clause
"""A small vision transformer: 16 patches, 4 layers of 4 heads. What attention looks at is recorded
too, under a kind of its own.

    PYTHONPATH=build/python python3 Data/Python/examples/vit.py --output vit.tvh5
"""

import fashion
import torch
import torchvision
from torch.nn.functional import cross_entropy

import tensorview

asked = fashion.arguments("A small vision transformer on Fashion-MNIST", steps=1000)
torch.manual_seed(0)
model = torchvision.models.VisionTransformer(
    image_size=28, patch_size=7, num_layers=4, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10
)
model.conv_proj = torch.nn.Conv2d(1, 64, 7, 7)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
first = model.encoder.layers[0]
probe = fashion.numpy_data("t10k")[0][:16].reshape(16, 1, 28, 28)


def attention():
    """What each head of the first layer looks at, averaged over 16 pictures: [heads, queries, keys]."""
    with torch.no_grad():
        x = model._process_input(torch.from_numpy(probe))
        x = torch.cat([model.class_token.expand(16, -1, -1), x], 1) + model.encoder.pos_embedding
        x = first.ln_1(x)
        return first.self_attention(x, x, x, average_attn_weights=False)[1].mean(0)


with tensorview.watch(model, optimizer, asked.output, every=asked.every, overwrite=True) as run:
    looks = run.declare("encoder.layers.encoder_layer_0", "attention", "aqk", (4, 17, 17))
    for step, (pictures, classes) in enumerate(fashion.batches(asked.steps)):
        if step % asked.every == 0:
            model.eval()
            run.write(looks, step, attention())
            model.train()
        loss = cross_entropy(model(pictures), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss)
print(f"loss {loss.item():.3f}: {asked.output}")
