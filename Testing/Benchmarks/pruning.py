# SPDX-License-Identifier: BSD-3-Clause
"""The paper's case: LeNet-5 on MNIST, similar filters of the first layer merged at the steps 1080,
1680 and 2220, and training going on for 40 epochs of 55,000 samples (44,000 steps); the same seeds
without merging beside it. The paper: 16 filters to 12 within 5,500 steps, 99.17 % at the end.

Single linkage, as chains of similar filters are marked in the paper's figures. Both columns are
trained with Adam at 0.001, divided by 10 half-way: the paper names no schedule, and without one the
last step's accuracy is a matter of luck (over the last half of a run it goes up and down by 0.3).

    sh Data/Trainers/fetch_mnist.sh build/mnist
    /usr/bin/python3 Testing/Benchmarks/pruning.py --data build/mnist [--steps 44000] [--seeds 1,2,3]

About 4 minutes for each run on an idle core. Finished runs are kept in the work folder.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

import h5py

parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of MNIST's IDX files")
parser.add_argument("--steps", type=int, default=44000)
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--at", default="1080,1680,2220")
parser.add_argument("--linkage", default="single", choices=("complete", "single"))
parser.add_argument("--threshold", default="0.97")
parser.add_argument("--decay-every", type=int, help="steps until the learning rate falls to a tenth"
                    " (half of all); 0: never")
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/tensorview-pruning"))
parser.add_argument("--table", type=pathlib.Path, help="where the table is written to")
parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
options = parser.parse_args()
decay = options.steps // 2 if options.decay_every is None else options.decay_every
EARLY = 5500  # steps within which the paper's filters were merged
os.environ["OMP_WAIT_POLICY"] = "passive"
options.work.mkdir(parents=True, exist_ok=True)
seeds = options.seeds.split(",")
CASES = {"not merged": [], "merged": ["--prune-at", options.at, "--prune-linkage", options.linkage,
                                         "--prune-threshold", options.threshold]}


def path(seed, case):
    return options.work / f"{case.replace(' ', '-')}-{seed}-{options.steps}-{decay}.tvh5"


def start(seed, case):
    partial = path(seed, case).with_suffix(".partial.tvh5")
    return subprocess.Popen(
        [options.build / "bin/tensorview-lenet", "--data", options.data, "--samples", "55000", "--quiet",
         "--steps", str(options.steps), "--decay-every", str(decay), "--seed", seed, "--overwrite", "--output", partial,
         "--tensors", "conv1/weights=100,conv1/activations=1100", "--evaluate-every", "5500", *CASES[case]])


waiting = [(s, c) for s in seeds for c in CASES if not path(s, c).exists()]
running = {}
while waiting or running:
    while waiting and len(running) < options.jobs:
        print("training: seed {}, {}".format(*waiting[0]), flush=True)
        running[waiting[0]] = start(*waiting[0])
        waiting.pop(0)
    job, process = next(iter(running.items()))
    if process.wait():
        sys.exit(f"the run of seed {job[0]}, {job[1]}, failed")
    path(*job).with_suffix(".partial.tvh5").rename(path(*job))
    del running[job]


def result(seed, case):
    with h5py.File(path(seed, case)) as file:
        names = [name.decode() for name in file["scalars"].attrs["names"]]
        accuracy = 100 * file["scalars/values"][-1, names.index("accuracy")]
        filters = file["layers/conv1"].get("filters")
        early = [] if not filters else filters["values"][filters["steps"][:] <= EARLY]
        states = early[-1] if len(early) else [-1] * 16
    return accuracy, sum(int(state) in (-1, -3) for state in states)


falls = f"falling to a tenth each {decay} steps" if decay else "constant"
lines = [f"LeNet-5 on MNIST, {options.steps} steps, learning rate 0.001, {falls} (ours: the paper names no"
         f" schedule); filters of the first layer merged at {options.at}.", "",
         f"| seed | filters left at step {EARLY} | merged, % | not merged, % |", "| --- | --- | --- | --- |"]
columns = {case: [] for case in CASES}
for seed in seeds:
    merged, plain = result(seed, "merged"), result(seed, "not merged")
    columns["merged"].append(merged[0])
    columns["not merged"].append(plain[0])
    lines.append(f"| {seed} | {merged[1]} of 16 | {merged[0]:.2f} | {plain[0]:.2f} |")
lines.append("| mean | | {:.3f} | {:.3f} |".format(*(statistics.mean(columns[c]) for c in ("merged", "not merged"))))
lines.append("| paper | 12 of 16 | 99.17 | |")
table = "\n".join(lines) + "\n"
print(table)
if options.table:
    options.table.write_text(table)
