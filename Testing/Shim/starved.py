# SPDX-License-Identifier: BSD-3-Clause
"""The disk goes wrong at a chosen write: full, or the writer dies in it or after it.

starved.py WRITER BAD_DISK [stride]    stride 1: at every write of the run

Whatever happens, the writer ends by itself (or by the kill), says one sentence where the disk is
full, and all that it had committed before is whole and right."""

import os
import signal
import subprocess
import sys

import watched

STEPS = 24


def write(writer, library, path, at, how):
    if os.path.exists(path):
        os.remove(path)
    preload = " ".join([*os.environ.get("LD_PRELOAD", "").split(), library])
    environment = dict(os.environ, LD_PRELOAD=preload, BAD_DISK_AT=str(at), BAD_DISK_HOW=how)
    return subprocess.run(
        [writer, path, str(STEPS), "0", "0"], env=environment, capture_output=True, text=True, timeout=20
    )


def read(path):
    """The last complete step; None where the file cannot be read. In a process of its own: HDF5
    waits, in effect for ever, for metadata whose checksum is wrong to become right."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)
        try:
            with watched.open_watched(path) as file:
                step = watched.check(file) if "complete" in file else -1
            os.write(into, str(step).encode())
        except AssertionError as error:
            os.write(into, f"wrong {error}".encode())
        except Exception:
            pass
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    assert "wrong" not in answer, answer
    return int(answer) if answer else None


def main(writer, library, stride=19):
    path = "starved.tvh5"
    done = write(writer, library, path, 0, "full")
    assert done.returncode == 0, done
    writes = int(done.stderr.split()[0])
    results = {}
    for how in ("full", "torn", "late"):
        unreadable = []
        for at in range(1, writes + 1, int(stride)):
            done = write(writer, library, path, at, how)
            lines = done.stdout.split()
            context = f"{how} at write {at} of {writes}"
            if how == "full":
                if done.returncode == 0:  # what was left to write fitted the last page
                    assert len(lines) == STEPS, context
                    continue
                assert done.returncode == 1, (context, done)
                assert done.stderr.count("\n") == 1 and "No space left" in done.stderr, (context, done)
            else:
                assert done.returncode == -signal.SIGKILL, (context, done)
            step = read(path)
            if step is None and lines:
                unreadable.append((at, len(lines)))
            elif lines:
                assert step >= len(lines) - 1, (context, step, lines)
        results[how] = unreadable
        print(f"{how}: {len(range(1, writes + 1, int(stride)))} of {writes} writes tried,"
              f" {len(unreadable)} files unreadable", *unreadable, sep="\n  ")
    assert not any(results.values())


main(*sys.argv[1:])
