# SPDX-License-Identifier: BSD-3-Clause
"""Judges damaged run files: what is read of one against what h5py reads of the whole one.

Each file is read in a process of its own, which may be killed by it, and has 20 s of the clock."""

import collections
import os
import signal

import h5py

import tensorview

SAME, SAID, REFUSED, SILENT, NAMELESS, LOST, CRASHED, HUNG = range(8)
NAMES = ["whole", "with a sentence", "refused", "silent", "without a name", "not kept", "crashed", "over 1 s"]


def content(path):
    with open(path, "rb") as file:
        return file.read()


def streams(path):
    """By h5py, of each stream {step: (row of values, samples)}; of scalars {(step, name): value}."""
    found = {}
    with h5py.File(path, "r", libver="latest", swmr=True) as file:
        complete = file["complete"]
        names = [name.decode() for name in complete.attrs["streams"]]
        counts = dict(zip(names, complete[-1][1:])) if len(complete) else {}

        def add(name, group):
            if not isinstance(group, h5py.Group) or "values" not in group:
                return
            count = counts["/" + name]
            values, steps = group["values"][:count], group["steps"][:count]
            samples = group["samples"][:count] if "samples" in group else [0] * count
            name = name.replace("layers/", "", 1).replace("%2F", "/")
            if name == "scalars":
                columns = [text.decode() for text in group.attrs["names"]]
                for at, step in enumerate(steps):
                    for column, value in zip(columns, values[at]):
                        if value == value:
                            found.setdefault(name, {})[int(step), column] = float(value).hex()
                return
            rows = [(values[at].tobytes(), int(samples[at])) for at in range(count)]
            found[name] = dict(zip(map(int, steps), rows))

        file.visititems(add)
    return found


def compare(path, whole, may_end_early=False, promised=-1):
    """may_end_early: what is missing needs no sentence, since it was not written yet. promised: the last
    step that must be there."""
    try:
        run = tensorview.open(path)
    except tensorview.TensorViewError as error:
        return LOST if promised >= 0 else REFUSED if path in str(error) else NAMELESS
    said, found = list(run.notes), {}

    def read(name, stream, samples):
        there = found.setdefault(name, {})
        for at, step in enumerate(map(int, stream.steps)):
            try:
                there[step] = stream[at].tobytes(), 0 if samples is None else int(samples[at])
            except tensorview.TensorViewError as error:
                said.append(str(error))

    for name, tensor in run.items():
        if tensor.problem is None:
            read(name, tensor, tensor.samples)
        else:
            said.append(tensor.problem)
    for layer, states in run.states.items():
        read(layer + "/filters", states, None)
    try:
        for name, values in run.scalars.items():
            for step, value in zip(map(int, run.scalars.steps), values):
                if value == value:
                    found.setdefault("scalars", {})[step, name] = float(value).hex()
    except tensorview.TensorViewError as error:
        said.append(str(error))
    for name, records in found.items():
        if any(whole.get(name, {}).get(key) != value for key, value in records.items()):
            return SILENT
    if any(path not in sentence for sentence in said):
        return NAMELESS
    for name, records in whole.items():
        for key in set(records) - set(found.get(name, {})):
            if (key if isinstance(key, int) else key[0]) <= promised:
                return LOST
    missing = any(set(records) - set(found.get(name, {})) for name, records in whole.items())
    return SAID if said else SILENT if missing and not may_end_early else SAME


def judge(path, work):
    """What work() says, a number, in a process of its own."""
    child = os.fork()
    if child == 0:
        code = CRASHED
        try:
            signal.alarm(20)
            code = work()
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    if not os.WIFEXITED(status):
        return HUNG if os.WTERMSIG(status) == signal.SIGALRM else CRASHED
    return HUNG if usage.ru_utime + usage.ru_stime > 1 else os.WEXITSTATUS(status)


class Counts:
    """How many files came out how; the worst are kept beside."""

    def __init__(self, title):
        self.title, self.counts, self.bad = title, collections.Counter(), []

    def try_(self, data, whole, label, may_end_early=False, promised=-1):
        path = "damaged.tvh5"
        with open(path, "wb") as file:
            file.write(data)
        outcome = judge(path, lambda: compare(path, whole, may_end_early, promised))
        self.counts[outcome] += 1
        if outcome >= SILENT:
            self.bad.append(f"{self.title}, {label}: {NAMES[outcome]}")
            os.replace(path, f"bad-{len(self.bad)}.tvh5")
        return outcome

    def __str__(self):
        return f"{self.title}: " + ", ".join(f"{self.counts[at]} {name}" for at, name in enumerate(NAMES))
