# SPDX-License-Identifier: BSD-3-Clause
"""Merging filters of a finished LeNet-300-100 on Fashion-MNIST, beside Neuron Merging (Kim et al.,
NeurIPS 2020, LeNet-300-100 on Fashion-MNIST): at 50, 60, 70 and 80 % of the filters removed, without
fine-tuning, the test accuracy after mere removal and after each of the three ways of merging.

    /usr/bin/python3 Testing/Benchmarks/merging.py [--build build] [--seeds 1,2,3] [--table merging.md]

Theirs uses no data; ours uses the second moments of 20,000 training samples. Trains one network for
each seed (about 40 seconds each), and keeps it in the work folder.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys

RATIOS = (0.5, 0.6, 0.7, 0.8)
WAYS = ("remove", "sum", "affine", "reconstruct")
NEURON_MERGING = {  # per cent, from their table; baseline 89.80
    "Neuron Merging: removal by L1": (88.40, 85.17, 71.26, 66.76),
    "Neuron Merging: merged": (88.69, 86.92, 82.75, 80.02),
}
GOAL = (0.3, 0.5, 1.2, 3.0)  # points below the baseline

parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/tensorview-merging"))
parser.add_argument("--table", type=pathlib.Path, help="where the table is written to")
options = parser.parse_args()
os.environ["OMP_WAIT_POLICY"] = "passive"
options.work.mkdir(parents=True, exist_ok=True)
steps = options.epochs * 1200


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr or done.stdout)
    return done.stdout


def accuracies(output):
    """Of each line of tensorview-prune's report, in per cent."""
    rows = {}
    for line in output.splitlines()[1:6]:
        rows[line.split()[0]] = 100 * float(line.split()[4])
    return rows


baselines, found = [], {way: {ratio: [] for ratio in RATIOS} for way in WAYS}
for seed in options.seeds.split(","):
    path = options.work / f"lenet-300-100-{seed}-{options.epochs}.tvh5"
    if not path.exists():
        print(f"seed {seed}: training for {options.epochs} epochs", flush=True)
        partial = path.with_suffix(".partial.tvh5")
        run(options.build / "bin/tensorview-lenet", "--network", "lenet-300-100", "--quiet", "--overwrite",
            "--optimizer", "sgd", "--learning-rate", "0.02", "--weight-decay", "0.0005",
            "--epochs", options.epochs, "--decay-every", steps * 5 // 12, "--seed", seed, "--output", partial,
            "--record-weights", 10 * steps, "--record-large", 10 * steps, "--record-moments", 10 * steps,
            "--record-activations", 0, "--record-scalars", 100, "--statistics-batches", 400)
        partial.rename(path)
    for ratio in RATIOS:
        rows = accuracies(run(options.build / "bin/tensorview-prune", "--run", path, "--ratio", ratio,
                              "--output", "none"))
        for way in WAYS:
            found[way][ratio].append(rows[way])
    baselines.append(rows["before"])
    print(f"seed {seed}: baseline {rows['before']:.2f} %", flush=True)

baseline = statistics.mean(baselines)


def spread(values):
    return f"{statistics.mean(values):.2f} ± {statistics.pstdev(values):.2f}"


lines = [
    f"LeNet-300-100 on Fashion-MNIST, test accuracy in per cent, without fine-tuning; ours: mean ± spread"
    f" of {len(baselines)} seeds, baseline {spread(baselines)}; theirs: baseline 89.80.",
    "Theirs uses no data; ours uses the second moments of 20,000 training samples.",
    "",
    "| removed | 50 % | 60 % | 70 % | 80 % |",
    "| --- | --- | --- | --- | --- |",
]
for name, values in NEURON_MERGING.items():
    lines.append(f"| {name} | " + " | ".join(f"{v:.2f}" for v in values) + " |")
for way in WAYS:
    lines.append(f"| ours: {way} | " + " | ".join(spread(found[way][r]) for r in RATIOS) + " |")
losses = [baseline - statistics.mean(found["reconstruct"][r]) for r in RATIOS]
lines.append("| ours: reconstruct, points below its baseline | " + " | ".join(f"{x:.2f}" for x in losses) + " |")
lines.append("| goal | " + " | ".join(f"{x:.1f}" for x in GOAL) + " |")
table = "\n".join(lines) + "\n"
print(table)
if options.table:
    options.table.write_text(table)
