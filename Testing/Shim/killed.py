# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 at random instants: the file opens and holds, whole and right, all that was committed.

killed.py WRITER [times] [seed]"""

import os
import random
import signal
import subprocess
import sys
import time

import watched


def run_once(writer, path, flush, pause, seconds, begun):
    """Returns the last step that the writer said was complete, or -1."""
    if os.path.exists(path):
        os.remove(path)
    with open(path + ".log", "w+") as log:
        process = subprocess.Popen([writer, path, "1000000", str(flush), str(pause)], stdout=log)
        # A busy machine may need longer than that to start a program, or for its first step.
        while process.poll() is None and (not os.path.exists(path) or begun and os.path.getsize(path + ".log") == 0):
            time.sleep(0.001)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        log.seek(0)
        lines = log.read().split("\n")
    return int(lines[-2]) if len(lines) > 1 else -1


def main(writer, times=20, seed=None):
    seed = int(seed) if seed else random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    steps = []
    for turn in range(int(times)):
        flush = chance.choice([0, 0, 0, 0.003, 0.05])
        pause = chance.choice([0, 300, 1000])
        seconds = chance.uniform(0.0, 0.25)
        path = "killed.tvh5"
        begun = flush == 0 and turn % 4 != 3  # only then it says which steps are complete
        said = run_once(writer, path, flush, pause, seconds, begun)
        try:
            file = watched.open_watched(path)
        except OSError:
            # Before its first step is complete the file cannot be read, and nothing was promised.
            assert said < 0, f"turn {turn}: cannot be opened after step {said}"
            continue
        with file:
            if said < 0 and "complete" not in file:
                continue
            step = watched.check(file)
        assert step >= said, f"turn {turn}: step {said} was complete, the file has {step}"
        steps.append(step)
    print(f"{times} kills, {len(steps)} files with records, steps {steps}")
    assert len(steps) >= int(times) // 4


main(*sys.argv[1:])
