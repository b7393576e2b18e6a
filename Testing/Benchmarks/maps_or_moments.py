# SPDX-License-Identifier: BSD-3-Clause
"""How much similarity of summed maps says about single samples: for each layer of a run that has
activations and second moments, the pairs of filters over the threshold by either, and by both.

    build/bin/tensorview-lenet --steps 2000 --record-moments 500 --output run.tvh5
    /usr/bin/python3 Testing/Benchmarks/maps_or_moments.py run.tvh5 [--threshold 0.97]

Maps are a batch's activations summed, before pooling; moments are of every pixel of every sample that
the next layer reads, after pooling.
"""

import argparse

import h5py
import numpy as np

parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("run")
parser.add_argument("--threshold", type=float, default=0.97)
options = parser.parse_args()


def from_moments(m):
    mean = m[-1, :-1] / m[-1, -1]
    covariance = m[:-1, :-1] / m[-1, -1] - np.outer(mean, mean)
    deviation = np.sqrt(np.maximum(covariance.diagonal(), 0))
    return covariance / np.outer(deviation, deviation)


print("| layer | step | pairs | by maps | by moments | by both | r of maps / of samples in those by maps |")
print("| --- | --- | --- | --- | --- | --- | --- |")
with h5py.File(options.run) as file, np.errstate(all="ignore"):
    for name, layer in sorted(file["layers"].items(), key=lambda item: item[1].attrs["index"]):
        if "moments" not in layer or "activations" not in layer or layer["activations/values"].ndim < 4:
            continue
        steps = list(layer["activations/steps"][()])
        for at, step in enumerate(layer["moments/steps"][()]):
            if step not in steps:
                continue
            maps = layer["activations/values"][steps.index(step)]
            a = np.corrcoef(maps.reshape(len(maps), -1))
            b = from_moments(layer["moments/values"][at])
            upper = np.triu_indices(len(a), 1)
            a, b = a[upper], b[upper]
            alive = np.isfinite(a) & np.isfinite(b)
            by_maps, by_moments = a[alive] >= options.threshold, b[alive] >= options.threshold
            chosen = f"{a[alive][by_maps].mean():.3f} / {b[alive][by_maps].mean():.3f}" if by_maps.any() else "-"
            print(f"| {name} | {step} | {alive.sum()} | {by_maps.sum()} | {by_moments.sum()} |"
                  f" {(by_maps & by_moments).sum()} | {chosen} |")
