# SPDX-License-Identifier: BSD-3-Clause
"""Forward, backward and the optimizers against torch: every step that the trainer recorded, from
the weights that it recorded. One batch is the whole data set, so that its order does not matter."""

import numpy as np
import torch

from trainer import Run, check, train, write_data

STEPS = 4


def model(run, step, images, layers):
    """The activations of all layers from the recorded weights; leaves with gradients."""
    leaves, maps, activations = {}, torch.from_numpy(images), {}
    for i, layer in enumerate(layers):
        weights = torch.from_numpy(run[f"{layer}/weights"][step]).requires_grad_()
        bias = torch.from_numpy(run[f"{layer}/bias"][step]).requires_grad_()
        leaves[layer] = weights, bias
        if layer.startswith("conv"):
            maps = torch.relu(torch.nn.functional.conv2d(maps, weights, bias, padding=1))
            activations[layer] = maps
            maps = torch.nn.functional.max_pool2d(maps, 2)
        else:
            maps = torch.nn.functional.linear(maps.flatten(1), weights, bias)
            maps = torch.relu(maps) if i + 1 < len(layers) else maps
            activations[layer] = maps
    return leaves, activations, maps


def close(name, ours, theirs, bound=1e-5):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    check(ours.shape == theirs.shape, f"{name} has shape {ours.shape}, torch {theirs.shape}")
    error = np.abs(ours - theirs).max() / max(1e-3, np.abs(theirs).max())
    check(error < bound, f"{name} differs from torch by {error:.2g} of its largest value")
    return error


def compare(path, images, labels, layers, optimizer):
    run, worst = Run(path), 0
    images = (images[:, None] / np.float32(255)).astype(np.float32)
    parameters = None
    for step in range(STEPS + 1):
        leaves, activations, logits = model(run, step, images, layers)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
        loss.backward()
        close("loss", np.float64(run.scalars["loss"][step]), np.float64(loss.item()))
        if parameters is None:  # the optimizer runs on from the first weights on its own
            parameters = [leaf.detach().clone().requires_grad_() for l in layers for leaf in leaves[l]]
            torch_optimizer = optimizer(parameters)
        for i, layer in enumerate(layers):
            for kind, leaf in zip(("", "bias_"), leaves[layer]):
                name = f"{layer}/{kind}gradients"
                worst = max(worst, close(f"{name} of step {step}", run[name][step], leaf.grad))
            summed = activations[layer].sum(0)
            worst = max(worst, close(f"{layer}/activations", run[f"{layer}/activations"][step], summed))
            close(f"{layer}/weights of step {step}", run[f"{layer}/weights"][step], parameters[2 * i], 2e-5)
            close(f"{layer}/bias of step {step}", run[f"{layer}/bias"][step], parameters[2 * i + 1], 2e-5)
            parameters[2 * i].grad = torch.from_numpy(run[f"{layer}/gradients"][step])
            parameters[2 * i + 1].grad = torch.from_numpy(run[f"{layer}/bias_gradients"][step])
        torch_optimizer.step()
    return worst


def case(name, layers, size, options, optimizer):
    images, labels = write_data(f"data_{name}", 50, *size)
    path = f"{name}.tvh5"
    train("--data", f"data_{name}", "--output", path, "--overwrite", "--steps", STEPS,
          "--record-weights", 1, "--record-large", 1, "--record-activations", 1,
          "--record-gradients", 1, *options)
    worst = compare(path, images, labels, layers, optimizer)
    print(f"{name}: {STEPS} steps, largest relative difference {worst:.2g}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    SGD = lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)
    ADAM = lambda p: torch.optim.Adam(p, lr=0.001)
    LENET = ["conv1", "conv2", "fc1", "fc2"]
    case("sgd", LENET, (12, 14), ["--optimizer", "sgd", "--learning-rate", "0.05", "--hidden", "40"], SGD)
    case("adam", LENET, (28, 28), ["--optimizer", "adam"], ADAM)
    case("odd", LENET, (13, 11), ["--filters", "7,17", "--hidden", "33", "--initial-deviation", "0"], ADAM)
    case("deep", ["conv1", "fc1", "fc2", "fc3"], (9, 9), ["--filters", "3", "--hidden", "20,10"], ADAM)
    case("connected", ["fc1", "fc2", "fc3"], (28, 28), ["--network", "lenet-300-100"], ADAM)
