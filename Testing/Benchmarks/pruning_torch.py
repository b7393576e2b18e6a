# SPDX-License-Identifier: BSD-3-Clause
"""Pruning trained torch networks without labels, beside what others publish: test accuracy on
Fashion-MNIST, in per cent, with 10, 30, 50 and 70 % of all filters removed.

    PYTHONPATH=build/python /usr/bin/python3 Testing/Benchmarks/pruning_torch.py [--seeds 1,2,3]
        [--networks LeNet-300-100,LeNet-5,ResNet-20,VGG11-BN] [--table table.md] [--cost]

All methods have the same networks (pruning_networks.py), the same 2,000 unlabelled training pictures,
and take filters from the same layers, as many from each. Where a network has BatchNorm, every method is
followed by the same repair of its statistics, but "removal", which stands there both ways. Matching the
unpruned network's output uses the training pictures that the network was trained on, without labels; its
settings are prune()'s own, the same for all, and were chosen on training pictures that the networks have
not seen. LeNet-300-100 has 60 and 80 % as well. The others are in pruning_others.py. One thread; seconds
are the processor's. What was measured is kept in the work folder, results.json, and not measured again.
--cost says instead how long pruning ResNet-20 by half with 5,000 samples takes, in forward passes over
them, and how much memory."""

import argparse
import json
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
MORE = {"LeNet-300-100": (0.1, 0.3, 0.5, 0.6, 0.7, 0.8)}
parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--networks", default=",".join(NETWORKS))
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/tensorview-pruning-torch"))
parser.add_argument("--table", type=pathlib.Path, help="where the tables are written to")
parser.add_argument("--match-samples", type=int, default=60000)
parser.add_argument("--match-epochs", type=int, default=10)
parser.add_argument("--cost", action="store_true", help="what pruning costs, and nothing else")
parser.add_argument("--quick", action="store_true", help="to see that it runs: no figure means anything")
options = parser.parse_args()
options.work.mkdir(parents=True, exist_ok=True)
PICTURES, _ = pictures("train")
TEST, LABELS = pictures("t10k")
if options.quick:
    RATIOS, MORE, TEST, LABELS = (0.5,), {}, TEST[:500], LABELS[:500]


def accuracy(model):
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in zip(TEST.split(500), LABELS.split(500)))
    return 100 * right / len(TEST)


class Results:
    """What was measured: "network seed method ratio" -> [accuracy, seconds, ...]."""

    def __init__(self, path):
        self.path = path
        self.found = json.loads(path.read_text()) if path.exists() else {}

    def get(self, key, measure):
        if key not in self.found:
            self.found[key] = measure()
            partial = self.path.with_suffix(".partial")
            partial.write_text(json.dumps(self.found, indent=1))
            partial.rename(self.path)
        return self.found[key]


def timed(make):
    start = time.process_time()
    result = make()
    return result, time.process_time() - start


class Case:
    """A trained network, and what all methods take from it."""

    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.model = trained(name, seed, options.work, options.quick)
        self.few = PICTURES[: 300 if options.quick else 2000]
        most = 600 if options.quick else NETWORKS[name][1]
        self.many = PICTURES[: min(options.match_samples, most)]
        self.norms = any(isinstance(m, torch.nn.BatchNorm2d) for m in self.model.modules())
        self.net = None

    def gather(self):
        given = samples.Samples(self.few, torch.device("cpu"), torch.float32)
        self.net = prune.Network(self.model, self.few[:2])
        self.readers = moments.readers_of(self.net, given.count)
        moments.gather(self.net, self.readers, given)

    def other(self, make, ratio, repaired):
        if self.net is None:
            self.gather()
        (small, removed), took = timed(lambda: make(self.net, self.readers, ratio))
        if self.norms and repaired:
            repair.repair(self.net, small, self.few[:1024].split(64), removed, fit=False)
        return accuracy(small), took

    def ours(self, ratio, given, **how):
        (small, _), took = timed(lambda: prune.prune(self.model, given, ratio=ratio, **how))
        return accuracy(small), took

    def methods(self):
        """(name, function of the ratio that returns accuracy and seconds)."""
        threshold = 0.45 if self.name.startswith("LeNet") else 0.1
        if self.norms:
            yield "removal by L1, no repair", lambda r: self.other(others.removal, r, False)
        for name, make in (
            ("removal by L1", others.removal),
            ("Neuron Merging", lambda n, m, r: others.merging(n, m, r, threshold)),
            ("folding by k-means", lambda n, m, r: others.folding(n, m, r, self.seed)),
            ("GRAIL", others.grail),
        ):
            yield name, lambda r, make=make: self.other(make, r, True)
        plain = "norms" if self.norms else "none"
        yield "ours: reconstruct", lambda r: self.ours(r, self.few, repair=plain)
        yield "ours: reconstruct, layers fitted", lambda r: self.ours(r, self.few, repair="layers")
        matched = {"repair": "match", "epochs": options.match_epochs}
        yield "ours: the same, outputs matched", lambda r: self.ours(r, self.many, **matched)


def spread(values):
    text = f"{statistics.mean(values):.2f}"
    return text + (f" ± {statistics.pstdev(values):.2f}" if len(values) > 1 else "")


def table(name, results, seeds):
    found, base, seconds = {}, [], {}
    ratios = MORE.get(name, RATIOS)
    for seed in seeds:
        case = Case(name, seed)
        base.append(results.get(f"{name} {seed} unpruned", lambda: [accuracy(case.model)])[0])
        for method, measure in case.methods():
            for ratio in ratios:
                key = f"{name} {seed} {method} {ratio}"
                value, took = results.get(key, lambda: measure(ratio))
                found.setdefault(method, {}).setdefault(ratio, []).append(value)
                seconds.setdefault(method, []).append(took)
                print(f"{key} {value:.2f} {took:.1f} s", flush=True)
    head = f"{name}, {len(base)} seeds, unpruned {spread(base)}"
    lines = ["| " + head + " | " + " | ".join(f"{100 * r:.0f} %" for r in ratios) + " |", "| --- " * (1 + len(ratios)) + "|"]
    for method, values in found.items():
        lines.append(f"| {method} | " + " | ".join(spread(values[r]) for r in ratios) + " |")
    lines.append("")
    lines.append("Seconds: " + "; ".join(f"{m} {statistics.mean(s):.1f}" for m, s in seconds.items()))
    return "\n".join(lines) + "\n"


def peak():
    """Kilobytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def cost(number=5000, rounds=5):
    """Prints the least seconds of some rounds, of a forward pass and of pruning, and what memory it took."""
    model, given, least = trained("ResNet-20", 1, options.work, options.quick), PICTURES[:number], {}

    def forward():
        with torch.no_grad():
            for batch in given.split(128):
                model(batch)

    def note(name, make):
        least[name] = min(least.get(name, 1e9), timed(make)[1])

    note("forward", forward)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak()
    for _ in range(rounds):
        note("pruning", lambda: prune.prune(model, given, ratio=0.5))
        note("forward", forward)
    more = (peak() - before) / 1000
    print(f"{number} samples, the least of {rounds}: a forward pass {least['forward']:.2f} s, pruning "
          f"{least['pruning']:.2f} s, {least['pruning'] / least['forward']:.1f} times as long, {more:.0f} MB more")


if options.cost:
    cost()
    sys.exit()
tables = []
kept = Results(options.work / ("results-quick.json" if options.quick else "results.json"))
for network in options.networks.split(","):
    tables.append(table(network, kept, [int(seed) for seed in options.seeds.split(",")]))
    print(tables[-1], flush=True)
    if options.table:
        options.table.write_text("\n".join(tables))
