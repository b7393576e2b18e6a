# SPDX-License-Identifier: BSD-3-Clause
"""Whatever the disk refuses, once or for ever, alone or in pairs, a trainer trains on and ends as if it
had recorded nothing: exit status 0, all that it printed in its file, and its weights the same.

outlived.py TRAINER BAD_DISK [stride]    stride 1: each call of the run"""

import os
import subprocess
import sys

CALLS = ["open", "pread", "pwrite", "ftruncate", "fsync", "fdatasync", "close", "pread pwrite", "pwrite close",
         "pwrite fdatasync", "ftruncate pwrite", "pread ftruncate", "open pwrite", "fdatasync close"]


def train(trainer, library, calls, at, how, durable):
    """What the trainer printed to a file, its exit status, its standard error."""
    for name in os.listdir("."):
        if name.endswith(".tvh5"):
            os.remove(name)
    preload = " ".join([*os.environ.get("LD_PRELOAD", "").split(), library])
    environment = dict(os.environ, LD_PRELOAD=preload, BAD_DISK_CALLS=calls, BAD_DISK_AT=str(at), BAD_DISK_HOW=how)
    with open("stdout.txt", "w") as output:
        done = subprocess.run([trainer, "run.tvh5", str(durable)], env=environment, stdout=output,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    with open("stdout.txt") as output:
        return output.read(), done.returncode, done.stderr


def main(trainer, library, stride=97):
    right, status, _ = train(trainer, library, "none", 0, "ever", 0)
    assert status == 0 and "weights 0x" in right, (status, right)
    tried = reported = 0
    for calls in CALLS:
        for durable in (0, 1):
            _, _, said = train(trainer, library, calls, 0, "ever", durable)
            numbers = [line for line in said.splitlines() if line.endswith(" calls")]
            count = int(numbers[0].split()[0]) if numbers else 0
            for at in range(1, count + 1, int(stride)):
                for how in ("once", "ever"):
                    printed, status, said = train(trainer, library, calls, at, how, durable)
                    assert (printed, status) == (right, 0), (calls, at, how, durable, status, printed, said)
                    assert "anitizer" not in said, said
                    tried += 1
                    reported += "Input/output error" in said
    print(f"{tried} failures, {reported} of them reported")
    assert reported > tried // 2


main(*sys.argv[1:])
