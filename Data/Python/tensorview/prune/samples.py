# SPDX-License-Identifier: BSD-3-Clause
"""Pictures, or whatever a network reads, batch by batch; labels that come with them are not used."""

import numpy
import torch


class Samples:
    """samples: a tensor or an array [n, ...], or what yields batches of them (a DataLoader, a list):
    tensors, or tuples and lists whose first part is the input."""

    def __init__(self, samples, device, dtype, batch=128):
        self._device, self._dtype = device, dtype
        if isinstance(samples, numpy.ndarray):
            samples = torch.from_numpy(samples)
        if isinstance(samples, torch.Tensor):
            if samples.dim() < 2 or not len(samples):
                shape = list(samples.shape)
                raise ValueError(f"samples have the shape {shape}; [n, ...] with n of 1 or more is needed")
            samples = samples.split(batch)
        elif iter(samples) is samples:  # can be gone through only once
            samples = list(samples)
        self._batches = samples
        self.count = sum(len(self._input(b)) for b in samples)
        if not self.count:
            raise ValueError("there are no samples")

    @staticmethod
    def _input(batch):
        batch = batch[0] if isinstance(batch, (tuple, list)) else batch
        if not isinstance(batch, torch.Tensor):
            raise ValueError(f"a batch of samples is a {type(batch).__name__}; a tensor, or (tensor, ...), is needed")
        return batch

    def __iter__(self):
        for batch in self._batches:
            x = self._input(batch).to(self._device)
            yield x.to(self._dtype) if x.is_floating_point() or x.dtype == torch.uint8 else x

    def first(self, number):
        """Up to so many samples as one tensor."""
        found = []
        for batch in self:
            found.append(batch[: number - sum(map(len, found))])
            if sum(map(len, found)) >= number:
                break
        return torch.cat(found)
