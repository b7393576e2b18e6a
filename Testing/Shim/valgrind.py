# SPDX-License-Identifier: BSD-3-Clause
"""valgrind over one whole write, and over everything that is refused. valgrind.py WRITER VERBS"""

import os
import subprocess
import sys

import watched

writer, verbs = sys.argv[1:]
CHECK = [
    "valgrind", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
    "--quiet",
]


def run(*command):
    done = subprocess.run([*CHECK, *command], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr


if os.path.exists("run.tvh5"):
    os.remove("run.tvh5")
run(writer, "run.tvh5", "30", "0", "0")
with watched.h5py.File("run.tvh5", "r") as file:
    assert watched.check(file) == 29
run(verbs, "left.tvh5")
