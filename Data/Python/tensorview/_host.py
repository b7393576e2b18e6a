# SPDX-License-Identifier: BSD-3-Clause
"""Tensors on their way to the host: a copy that nobody changes, fetched when it is written.

On the host that is a copy in C order. From a GPU it goes to pinned memory without blocking the
stream; whoever asks for the numbers, the thread that writes, waits for the event behind the copy.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import numpy as np
import torch

from . import _arrays


class Copy:
    """Of a tensor as it is at this moment. Called, it gives the numbers in a type of the library."""

    def __init__(self, tensor: torch.Tensor, dtype: str, *, own: bool = False):
        """own: the tensor is nobody else's and may be kept as it is."""
        tensor = tensor.detach()
        if tensor.layout != torch.strided:
            tensor, own = tensor.to_dense(), True
        self.nbytes = tensor.numel() * tensor.element_size()
        self._dtype = dtype
        self._arrived: Optional[Callable[[], Any]] = None
        if tensor.device.type == "cpu":
            row_major = torch.contiguous_format
            self.tensor = tensor.contiguous() if own else tensor.clone(memory_format=row_major)
        else:
            self.tensor, self._arrived = fetch(tensor)

    def __call__(self) -> np.ndarray:
        if self._arrived is not None:
            self._arrived()
        return _arrays.converted(_arrays.from_torch(self.tensor), self._dtype)


def fetch(tensor: torch.Tensor, gpu: Any = torch.cuda) -> Any:
    """Begins a copy from a device; the tensor that will have it, and what to call before reading.
    gpu: what has Event and current_stream."""
    pinned = gpu.is_available() and tensor.device.type == "cuda"
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=pinned)
    source = tensor.contiguous()
    host.copy_(source, non_blocking=pinned)
    if not pinned:
        return host, None
    event = gpu.Event()
    event.record(gpu.current_stream(tensor.device))

    def arrived(kept: torch.Tensor = source) -> None:  # the source lives until it was copied
        event.synchronize()

    return host, arrived
