# SPDX-License-Identifier: BSD-3-Clause
"""`tensorview prune`: the same from the shell, on a checkpoint whose model can be imported."""

import argparse
import importlib
import os
import sys

from .names import REPAIRS, WAYS


def add_arguments(parser):
    parser.add_argument("checkpoint", help="a state_dict: .pt, .pth, or .safetensors")
    parser.add_argument("--model", required=True, metavar="MODULE:FUNCTION", help="what gives the unpruned model")
    parser.add_argument("--samples", required=True, metavar="FILE",
                        help="unlabelled inputs [n, ...]: .npy, .npz, .pt; or MODULE:FUNCTION, which gives them")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--ratio", type=float, help="the share of each layer's filters that goes")
    how.add_argument("--budget", type=float, help="multiply-adds that are left: a number, or a share up to 1")
    how.add_argument("--parameters", type=float, help="parameters that are left: a number, or a share up to 1")
    how.add_argument("--plan", action="append", metavar="LAYER=FILE",
                     help="the table of SimilarityGroups of a layer, saved as CSV; once for each layer")
    parser.add_argument("--way", choices=WAYS, default="reconstruct")
    parser.add_argument("--repair", choices=REPAIRS, default="layers")
    parser.add_argument("--epochs", type=int, default=10, help="of matching outputs, with --repair match (10)")
    parser.add_argument("--protect", default="", metavar="LAYERS", help="layers whose filters stay, with commas")
    parser.add_argument("--output", metavar="FILE", help="where the smaller model's state_dict goes (.pt)")
    return parser


def command(arguments):
    """arguments: a list of words, or what add_arguments()'s parser made of them. Returns 0, or 1 with a
    sentence on stderr."""
    import torch

    from .main import prune

    if not isinstance(arguments, argparse.Namespace):
        parser = argparse.ArgumentParser(prog="tensorview prune", description=__doc__)
        arguments = add_arguments(parser).parse_args(arguments)
    a = arguments
    try:
        model = load(_call(a.model), a.checkpoint)
        budget = {"parameters": a.parameters} if a.parameters is not None else a.budget
        small, report = prune(
            model, read_samples(a.samples), ratio=a.ratio, budget=budget, plan=_plan(a.plan), way=a.way, repair=a.repair,
            epochs=a.epochs, protect=[name for name in a.protect.split(",") if name])
        if a.output:
            torch.save(small.state_dict(), a.output)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"tensorview prune: {error}", file=sys.stderr)
        return 1
    print(report)
    if a.output:
        made = a.model.split(":")[1]
        print(f"{a.output}: its state_dict; tensorview.prune.resize({made}(), torch.load(...)) opens it")
    return 0


def _plan(words):
    if words is None:
        return None
    found = {}
    for word in words:
        layer, _, path = word.partition("=")
        if not layer or not path or layer in found:
            raise ValueError(f"--plan {word}: LAYER=FILE is needed, once for each layer")
        found[layer] = path
    return found


def _call(name):
    module, _, function = name.partition(":")
    if not module or not function:
        raise ValueError(f"{name} is no MODULE:FUNCTION")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = getattr(importlib.import_module(module), function, None)
    if not callable(found):
        raise ValueError(f"{module} has no function {function}")
    return found()


def load(model, path):
    """Nothing in the file is run: arrays are all that it may hold."""
    if path.endswith(".safetensors"):
        state = importlib.import_module("safetensors.torch").load_file(path)
    else:
        state = read_arrays(path)
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a state_dict")
    for name in ("state_dict", "model", "model_state_dict"):
        if isinstance(state.get(name), dict):
            state = state[name]
    model.load_state_dict(state)
    return model


def read_arrays(path):
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # pickle's, zip's, torch's: anything that a wrong file makes of it
        raise ValueError(f"{path} is no file of arrays that torch can read: {error}") from error


def read_samples(name):
    import numpy

    if name.endswith((".npy", ".npz")):
        found = numpy.load(name, allow_pickle=False)
        if name.endswith(".npz"):
            if len(found.files) != 1:
                raise ValueError(f"{name} holds {len(found.files)} arrays; one of samples is needed")
            found = found[found.files[0]]
        return found
    if name.endswith((".pt", ".pth")):
        return read_arrays(name)
    return _call(name)
