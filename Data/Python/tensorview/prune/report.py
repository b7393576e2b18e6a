# SPDX-License-Identifier: BSD-3-Clause
"""What pruning did, as numbers and as a table."""

import time

import torch


class Report:
    """print(report) is a table. Fields:

    layers      for each layer whose filters could go: {"layer", "before", "after", "removed" (numbers
                of the filters, in the old order), "cost" (what the next layers lose of the variance of
                what they make, relative, before their weights are adjusted further), "maps"}
    filters, parameters, multiply_adds, milliseconds   each (before, after)
    fitted      layer -> (error before, after) of repair
    matched     mean square between both networks' outputs, relative, on samples left out of matching:
                (before, after)
    accuracy    name -> per cent, where a loader was given
    notes       sentences: what was left alone, where maps are small
    seconds     what took how long
    """

    def __init__(self):
        self.layers, self.fitted, self.accuracy = [], {}, {}
        self.notes, self.seconds = [], {}
        self.filters = self.parameters = self.multiply_adds = self.milliseconds = (0, 0)
        self.matched = (float("nan"),) * 2
        self.samples = 0
        self.way = ""

    def __str__(self):
        width = max([len(l["layer"]) for l in self.layers] + [5])
        lines = [f"{'layer':{width}}  before  after  cost of what went"]
        for l in self.layers:
            lines.append(f"{l['layer']:{width}}  {l['before']:6}  {l['after']:5}  {l['cost']:.2e}")
        lines.append("")
        for name, pair, form in (
            ("filters", self.filters, "{:,}"),
            ("parameters", self.parameters, "{:,}"),
            ("multiply-adds of one sample", self.multiply_adds, "{:,}"),
            ("milliseconds of a forward pass", self.milliseconds, "{:.2f}"),
        ):
            share = f"  {100 * pair[1] / pair[0]:.1f} %" if pair[0] else ""
            lines.append(f"{name:31} {form.format(pair[0]):>14} {form.format(pair[1]):>14}{share}")
        for name, value in self.accuracy.items():
            lines.append(f"accuracy, {name:21} {value:14.2f} %")
        lines.append("")
        lines.append(f"{self.way}, {self.samples:,} samples; seconds: "
                     + ", ".join(f"{name} {value:.2f}" for name, value in self.seconds.items()))
        return "\n".join(lines + self.notes)

    def to_dict(self):
        return {name: value for name, value in vars(self).items()}


def milliseconds(model, sample, repeats=5):
    """The least of some forward passes."""
    with torch.no_grad():
        model(sample)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            model(sample)
            times.append(time.perf_counter() - start)
    return 1000 * min(times)


def accuracy(model, loader):
    """Per cent of the samples of a loader of (inputs, labels) whose largest output is the label."""
    right = seen = 0
    device = next(model.parameters()).device
    with torch.no_grad():
        for inputs, labels in loader:
            found = model(inputs.to(device)).argmax(1).cpu()
            right += int((found == labels.cpu()).sum())
            seen += len(labels)
    return 100.0 * right / max(seen, 1)
