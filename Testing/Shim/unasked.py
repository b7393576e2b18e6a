# SPDX-License-Identifier: BSD-3-Clause
"""A ring that only the environment asks for, and that cannot be had: one sentence for the user, and
the trainer notices nothing: no call fails, and its file is the same, byte for byte.

unasked.py WRITER"""

import os
import resource
import signal
import subprocess
import sys

from run_bytes import run_bytes
from shim import Run

WRITER = sys.argv[1]
NAME = f"unasked-{os.getpid()}"
STEPS = 20


def writer(channel, seconds="", prefix=(), **arguments):
    """The file's bytes and what was said on standard error."""
    if os.path.exists("run.tvh5"):
        os.remove("run.tvh5")
    arguments.setdefault("stderr", subprocess.PIPE)
    environment = dict(os.environ, TENSORVIEW_CHANNEL=channel, TENSORVIEW_BLOCK_SECONDS=seconds)
    done = subprocess.run([*prefix, WRITER, "run.tvh5", str(STEPS), "-1", "0"], text=True, timeout=60, env=environment,
                          **arguments)
    assert done.returncode == 0, done
    return run_bytes("run.tvh5"), done.stderr


def refused(words, *arguments, **keywords):
    content, said = writer(*arguments, **keywords)
    print(said, end="")
    assert said.startswith("tensorview: ") and words in said and said.count("\n") == 1, said
    assert said.endswith("; the run goes on without a ring\n"), said
    assert content == alone
    assert not [name for name in os.listdir("/dev/shm") if name.endswith("-" + NAME)]


def little_memory():
    """A limit for each file, the ring's too: the run file stays below it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(alone) + 4096, len(alone) + 4096))


def full_memory():
    """/dev/shm of its own, with room for the name but not for the ring."""
    inside = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k tensorview /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        print("skipped: shared memory that is really full (no file system can be mounted here)")
        return
    refused("(/dev/shm) has no room for a ring of 4 steps", NAME, prefix=inside)


def nobody_listens():
    """Standard error is a pipe that nobody reads: that line must not end the trainer."""
    reading, writing = os.pipe()
    os.close(reading)
    content, _ = writer("no/such/name", stderr=writing, restore_signals=True)
    os.close(writing)
    assert content == alone


alone, said = writer("")
assert said == "", said
assert len(alone) < 5 * 300 * 1100 * 4  # of the ring's five buffers of fc1/weights alone
assert writer(NAME) == (alone, "")
refused("a name is 1 to 63", "no/such/name")
refused('TENSORVIEW_BLOCK_SECONDS is "soon", not a number of seconds', NAME, "soon")
with Run(None, channel=NAME.encode()):
    content, said = writer(NAME)
    assert content == alone and "a run of that name is going on; the run goes on without a ring\n" in said, said
    print(said, end="")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
refused("(/dev/shm) has no room for a ring of 4 steps", NAME, preexec_fn=little_memory)
full_memory()
nobody_listens()
