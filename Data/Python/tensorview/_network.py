# SPDX-License-Identifier: BSD-3-Clause
"""What a torch model is made of: its layers and parameters under torch's own names, and which axis
of each means what."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch import nn

GENERIC = "xyzurspb"  # axes of no known meaning
NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
)
ACTIVATIONS = tuple(
    kind
    for kind in vars(nn.modules.activation).values()
    if isinstance(kind, type) and issubclass(kind, nn.Module) and kind is not nn.MultiheadAttention
    and kind is not nn.Module
)


class Parameter(NamedTuple):
    layer: str  # torch's name of the module
    kind: str  # "weights", "bias", or torch's name of the parameter
    axes: str
    shape: Tuple[int, ...]  # as recorded: torch's, but for groups, which have an axis of their own
    value: nn.Parameter

    def kind_of(self, what: str) -> str:
        """The kind of its gradients or updates."""
        return what if self.kind == "weights" else f"{self.kind}_{what}"


class Layer(NamedTuple):
    name: str
    module: nn.Module
    root: nn.Module  # the model of which it is a part
    parameters: List[Parameter]
    seen: bool  # its activations can be recorded


def unwrapped(model: nn.Module) -> nn.Module:
    """The user's own network inside DataParallel, DistributedDataParallel and torch.compile."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod
        else:
            return model


def roots(model: Any) -> Dict[str, nn.Module]:
    """The networks that are called, by the name that precedes those of their layers."""
    for part in model.values() if isinstance(model, dict) else (model,):
        if not isinstance(part, nn.Module):
            raise TypeError(f"a model is a torch.nn.Module, or several in a dict, not {part!r:.80}")
    if isinstance(model, dict):
        return {f"{name}.": unwrapped(part) for name, part in model.items()}
    model = unwrapped(model)
    if isinstance(model, (nn.ModuleDict, nn.ModuleList)):  # is never called itself
        return {f"{name}.": unwrapped(part) for name, part in model.named_children()}
    return {"": model}


def layers(networks: Dict[str, nn.Module]) -> Tuple[List[Layer], List[Tuple[str, str]]]:
    """All layers in the order of the network; and which parameters are others under a second name,
    as pairs of names of torch's: this one, and the first."""
    found: List[Layer] = []
    first: Dict[int, str] = {}
    modules: Dict[int, str] = {}
    tied: List[Tuple[str, str]] = []
    for prefix, root in networks.items():
        for name, module in root.named_modules(remove_duplicate=False):
            name = (prefix + name).rstrip(".") or "model"
            parameters: List[Parameter] = []
            kinds: Dict[str, int] = {}
            for label, value in module.named_parameters(recurse=False):
                if nn.parameter.is_lazy(value):
                    continue  # its shape comes with the first forward
                full = f"{name}.{label}"
                if id(value) in first:
                    tied.append((full, first[id(value)]))
                    continue
                first[id(value)] = full
                axes, shape = parameter_axes(module, label, value)
                parameters.append(Parameter(name, _kind(label, kinds), axes, shape, value))
            again = id(module) in modules
            modules.setdefault(id(module), name)
            seen = not again and (bool(module._parameters) or isinstance(module, ACTIVATIONS))
            if parameters or seen:
                found.append(Layer(name, module, root, parameters, seen))
    return found, tied


def _kind(label: str, kinds: Dict[str, int]) -> str:
    """torch's name of a parameter as a kind: of a layer each is there once."""
    kind = {"weight": "weights"}.get(label)
    if kind is None:
        kind = "".join(c if c.isascii() and c.isalnum() else "_" for c in label.lower())
    kinds[kind] = kinds.get(kind, 0) + 1
    return kind if kinds[kind] == 1 else f"{kind}_{kinds[kind]}"


def parameter_axes(
    module: nn.Module, label: str, value: torch.Tensor
) -> Tuple[str, Tuple[int, ...]]:
    """What the axes of a parameter are, and its shape with an axis for groups where it has them."""
    shape = tuple(value.shape)
    rank = len(shape)
    if isinstance(module, nn.modules.conv._ConvNd) and label == "weight":
        space = "dhw"[5 - rank :]
        axes = ("io" if module.transposed else "oi") + space
        if module.groups == 1:
            return axes, shape
        return "g" + axes, (module.groups, shape[0] // module.groups) + shape[1:]
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "ve", shape
    if isinstance(module, NORMS) and 1 <= rank <= 3:
        return "chw"[:rank], shape
    if rank <= 2:
        return ("", "o", "oi")[rank], shape
    return GENERIC[:rank], shape


def activation_axes(layer: Layer, shape: Tuple[int, ...], like: Dict[Tuple[int, ...], str]) -> str:
    """What the axes of a layer's output are. like: the axes of outputs of that shape so far, which
    decide for a layer that works on single numbers."""
    module, rank = layer.module, len(shape)
    if isinstance(module, ACTIVATIONS) and shape in like:
        return like[shape]
    if isinstance(module, nn.modules.conv._ConvNd):
        space = "dhw"[3 - len(module.kernel_size) :]
        axes = ("n" if rank == len(space) + 2 else "") + "c" + space
    elif isinstance(module, NORMS) and not _channels_last(module, shape):
        axes = ("nc", "ncw", "nchw", "ncdhw")[rank - 2] if 2 <= rank <= 5 else ""
    elif isinstance(module, ACTIVATIONS) or type(module).__name__ == "PReLU":
        axes = ("c", "nc", "ntc", "nchw", "ncdhw")[rank - 1] if 1 <= rank <= 5 else ""
    else:  # fully connected, attention, recurrent: the last axis has the features
        axes = ("c", "nc", "ntc", "nhwc", "ndhwc")[rank - 1] if 1 <= rank <= 5 else ""
    if len(axes) != rank:
        axes = ("n" + GENERIC[: rank - 1]) if rank else ""
    if axes == "ntc" and not _batch_first(layer):
        axes = "tnc"
    return axes


def _channels_last(module: nn.Module, shape: Tuple[int, ...]) -> bool:
    """Whether a norm's filters are the last axis: LayerNorm's are, but for ConvNeXt's kind of it."""
    if not isinstance(module, nn.LayerNorm):
        return False
    features = module.normalized_shape
    return len(features) == 1 and not (
        len(shape) == 4 and shape[1] == features[0] and type(module).__name__ == "LayerNorm2d"
    )


def _batch_first(layer: Layer) -> bool:
    """Of sequences torch's recurrent and attention layers have the batch second, unless told."""
    own = getattr(layer.module, "batch_first", None)
    if own is not None:
        return bool(own)
    part: Optional[nn.Module] = layer.root
    answer = True
    for name in _path(layer):
        attention = getattr(part, "self_attn", None)
        if isinstance(attention, nn.MultiheadAttention):
            answer = bool(attention.batch_first)
        part = part._modules.get(name) if part is not None else None
    return answer


def _path(layer: Layer) -> Iterator[str]:
    for name, module in layer.root.named_modules():
        if module is layer.module:
            yield from name.split(".")
            return
