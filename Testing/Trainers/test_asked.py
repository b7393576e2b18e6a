# SPDX-License-Identifier: BSD-3-Clause
"""The trainer listens: a viewer, another process, asks it to merge filters while it trains. The run has
the states from the step that it names, everything before and after it, and goes on."""

import os
import re
import subprocess
import time

import numpy as np

from trainer import FASHION, PROGRAM, Run, check

NAME = f"asked-{os.getpid()}"
COMMAND = os.path.join(os.environ["TENSORVIEW_BUILD"], "bin", "tensorview")
LIMIT = 120  # seconds for what takes one

trainer = subprocess.Popen(
    [PROGRAM, "--quiet", "--data", FASHION, "--output", "asked.tvh5", "--overwrite", "--channel", NAME,
     "--epochs", "1000", "--record-activations", "50", "--record-large", "0", "--prune-bound", "inf",
     "--statistics-batches", "2"],
    stderr=subprocess.PIPE, text=True,
)


def ask(layer, filters, *more):
    """Exit status and what the viewer prints."""
    done = subprocess.run([COMMAND, "merge", f"ring:{NAME}", layer, filters, *more], capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def ask_first(*arguments):
    """The same; the training may not have begun yet."""
    end = time.monotonic() + LIMIT
    while True:
        result = ask(*arguments)
        if not re.search("no run with|not begun|does not listen", result[2]) or time.monotonic() > end:
            return result
        check(trainer.poll() is None, "the trainer has ended")
        time.sleep(0.1)


try:
    status, said, errors = ask_first("conv1", "2,5,9", "--into", "5")
    found = re.fullmatch(r"conv1 has 14 of 16 filters left since step (\d+)", said)
    check(status == 0 and found, f"{status} {said} {errors}")
    step = int(found[1])
    status, said, _ = ask("conv1", "2,3")
    check(status == 1 and said == "refused: filter 2 of conv1 is not there any more", said)
    status, said, errors = ask("fc2", "0,1")
    check(status == 1 and 'no layer "fc2" whose filters' in errors, errors)
    status, said, errors = ask("conv1", ",".join(map(str, [f for f in range(16) if f not in (2, 9)])))
    check(status == 1 and said == "refused: only one of the 14 filters of conv1 would be left", said + errors)
    status, said, _ = ask("fc1", ",".join(map(str, range(100))))
    found = re.fullmatch(r"fc1 has 413 of 512 filters left since step (\d+)", said)
    check(status == 0 and found, said)
    last = int(found[1])
    time.sleep(0.5)
    # A handler's frame would land in the heap where oneDNN has moved the stack pointer there.
    handled = re.search(r"SigCgt:\s*(\w+)", open(f"/proc/{trainer.pid}/status").read())[1]
    check(int(handled, 16) & 2 == 0, f"the trainer handles SIGINT: {handled}")
finally:
    trainer.send_signal(2)
    check(trainer.wait(LIMIT) == 0, f"the trainer ended with {trainer.returncode}: {trainer.stderr.read()}")

run = Run("asked.tvh5")
check(list(run.steps("conv1/filters")) == [step], f"{run.steps('conv1/filters')}")
expected = np.full(16, -1)
expected[[2, 9]] = 5
check((run["conv1/filters"][0] == expected).all(), f"{run['conv1/filters']}")
states = run["fc1/filters"][0]  # of those that went some were dead
check(list(run.steps("fc1/filters")) == [last] and np.isin(states[1:100], (0, -2)).all(), f"fc1: {states}")
check((states[1:100] == 0).any() and np.isin(states[100:], (-1, -3)).all(), f"fc1: {states}")
for name in ("conv1/weights", "conv1/activations", "conv2/weights", "fc2/weights"):
    check({step - 1, step} <= set(run.steps(name)), f"{name} at {run.steps(name)}")
before, after = (run["conv1/bias"][list(run.steps("conv1/bias")).index(s)] for s in (step - 1, step))
check(not np.isnan(before).any() and (np.isnan(after) == (expected >= 0)).all(), f"{after}")
check(run.scalar_steps[-1] > last, "the training did not go on")
check(np.isfinite(run.scalars["loss"]).all() and run.scalars["accuracy"][-1] > 0.15, "it did not go on well")
