# SPDX-License-Identifier: BSD-3-Clause
"""Pruning trained torch networks without labels, beside what others publish: test accuracy on
Fashion-MNIST, in per cent, with 10, 30, 50 and 70 % of all filters removed.

    PYTHONPATH=build/python /usr/bin/python3 Testing/Benchmarks/pruning_torch.py [--seeds 1,2,3]
        [--networks LeNet-300-100,LeNet-5,ResNet-20,VGG11-BN] [--table table.md]

All methods have the same networks (pruning_networks.py), the same 2,000 unlabelled training pictures,
and take filters from the same layers, as many from each. Where a network has BatchNorm, every method is
followed by the same repair of its statistics, but "removal", which stands there both ways. Matching the
unpruned network's output uses the training pictures that the network was trained on, without labels.
The others are in pruning_others.py. One thread; seconds are the processor's.
"""

import argparse
import pathlib
import statistics
import sys
import time

HERE = sys.path.pop(0)  # a benchmark in this folder is called torch.py
import torch  # noqa: E402

torch.set_num_threads(1)
sys.path.insert(0, HERE)
import pruning_others as others  # noqa: E402
from pruning_networks import NETWORKS, pictures, trained  # noqa: E402

import tensorview.prune as prune  # noqa: E402
from tensorview.prune import moments, repair, samples  # noqa: E402

RATIOS = (0.1, 0.3, 0.5, 0.7)
parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--networks", default=",".join(NETWORKS))
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/tensorview-pruning-torch"))
parser.add_argument("--table", type=pathlib.Path, help="where the tables are written to")
parser.add_argument("--match-samples", type=int, default=60000)
parser.add_argument("--match-epochs", type=int, default=10)
parser.add_argument("--quick", action="store_true", help="to see that it runs: no figure means anything")
options = parser.parse_args()
options.work.mkdir(parents=True, exist_ok=True)
PICTURES, _ = pictures("train")
TEST, LABELS = pictures("t10k")
if options.quick:
    RATIOS, TEST, LABELS = (0.5,), TEST[:500], LABELS[:500]


def accuracy(model):
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in zip(TEST.split(500), LABELS.split(500)))
    return 100 * right / len(TEST)


def case(name, seed, note):
    """Yields (method, ratio, accuracy, seconds)."""
    model = trained(name, seed, options.work, options.quick)
    few = PICTURES[: 300 if options.quick else 2000]
    many = PICTURES[: min(options.match_samples, 600 if options.quick else NETWORKS[name][1])]
    norms = any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
    given = samples.Samples(few, torch.device("cpu"), torch.float32)
    start = time.process_time()
    with torch.no_grad():
        for batch in given:
            model(batch)
    note(name, "a forward pass over the samples", time.process_time() - start)
    yield "unpruned", None, accuracy(model), 0
    start = time.process_time()
    net = prune.Network(model, few[:2])
    readers = moments.readers_of(net, given.count)
    moments.gather(net, readers, given)
    note(name, "graph and moments", time.process_time() - start)
    threshold = 0.45 if name.startswith("LeNet") else 0.1
    for ratio in RATIOS:
        for method, make in (
            ("removal by L1", lambda: others.removal(net, readers, ratio)),
            ("Neuron Merging", lambda: others.merging(net, readers, ratio, threshold)),
            ("folding by k-means", lambda: others.folding(net, readers, ratio, seed)),
            ("GRAIL", lambda: others.grail(net, readers, ratio)),
        ):
            start = time.process_time()
            small, removed = make()
            if norms:
                if method == "removal by L1":
                    yield method + ", no repair", ratio, accuracy(small), time.process_time() - start
                repair.repair(net, small, few[:1024].split(64), removed, fit=False)
            yield method, ratio, accuracy(small), time.process_time() - start
        for method, how in (
            ("ours: reconstruct", {"repair": "norms" if norms else "none"}),
            ("ours: reconstruct, layers fitted", {"repair": "layers"}),
            ("ours: the same, outputs matched", {"repair": "match", "epochs": options.match_epochs}),
        ):
            start = time.process_time()
            given_to = many if how["repair"] == "match" else few
            small, report = prune.prune(model, given_to, ratio=ratio, **how)
            note(name, method, time.process_time() - start)
            yield method, ratio, accuracy(small), time.process_time() - start


def spread(values):
    text = f"{statistics.mean(values):.2f}"
    return text + (f" ± {statistics.pstdev(values):.2f}" if len(values) > 1 else "")


tables, seconds = [], {}
for name in options.networks.split(","):
    found, base = {}, []
    for seed in map(int, options.seeds.split(",")):
        for method, ratio, value, took in case(name, seed, lambda *a: seconds.setdefault(a[:2], []).append(a[2])):
            if ratio is None:
                base.append(value)
            else:
                found.setdefault(method, {}).setdefault(ratio, []).append(value)
            print(f"{name} {seed} {method} {ratio} {value:.2f} {took:.1f} s", flush=True)
    head = f"{name}, {len(base)} seeds, unpruned {spread(base)}"
    lines = ["| " + head + " | " + " | ".join(f"{100 * r:.0f} %" for r in RATIOS) + " |", "| --- " * (1 + len(RATIOS)) + "|"]
    for method, values in found.items():
        lines.append(f"| {method} | " + " | ".join(spread(values[r]) for r in RATIOS) + " |")
    lines.append("")
    lines.append("Seconds: " + "; ".join(f"{k[1]} {statistics.mean(v):.1f}" for k, v in seconds.items() if k[0] == name))
    tables.append("\n".join(lines) + "\n")
    print(tables[-1], flush=True)
    if options.table:
        options.table.write_text("\n".join(tables))
