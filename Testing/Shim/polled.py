# SPDX-License-Identifier: BSD-3-Clause
"""A reader that polls a growing file sees whole and right records only, and more and more of them.

polled.py WRITER"""

import os
import subprocess
import sys
import time

import watched

STEPS = 400


def follow(writer, flush, pause):
    path = "polled.tvh5"
    if os.path.exists(path):
        os.remove(path)
    with open("polled.log", "w") as log:
        process = subprocess.Popen([writer, path, str(STEPS), str(flush), str(pause)], stdout=log)
    file, seen, polls = None, [], 0
    deadline = time.monotonic() + 60
    while file is None and time.monotonic() < deadline:
        try:
            file = watched.open_watched(path)
        except OSError:
            assert process.poll() is None, "the writer ended, and the file does not open"
            time.sleep(0.001)
    last = -1
    while last < STEPS - 1 and time.monotonic() < deadline:
        ended = process.poll() is not None
        # all records every tenth time, otherwise those that are new, some old ones among them
        step = watched.check(file, 0 if polls % 10 == 0 else max(0, last - 20))
        polls += 1
        assert step >= last, f"step {step} after {last}"
        if step > last:
            seen.append(step)
        last = step
        assert last == STEPS - 1 or not ended, f"the writer ended, the reader sees step {last}"
    assert process.wait() == 0
    file.close()
    print(f"flush every {flush} s: {polls} polls, {len(seen)} different steps, the last {last}")
    assert last == STEPS - 1 and len(seen) >= 5
    with watched.h5py.File(path, "r") as whole:  # closed properly: any reader opens it
        assert watched.check(whole) == STEPS - 1


for flush, pause in ((0, 4000), (0.01, 4000)):
    follow(sys.argv[1], flush, pause)
