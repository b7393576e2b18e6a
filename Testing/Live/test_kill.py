# SPDX-License-Identifier: BSD-3-Clause
"""Viewers and tensorview-live come, look on, are killed and stopped at random, in mid-transfer and while
they hold the training, as a LeNet trains: it ends normally, and its weights are, bit for bit, those
of a run that nobody watched; nothing is left behind.

TENSORVIEW_LIVE_ROUNDS: how many of each are killed, 2 unless told. From 50 on, the full count, what
is stopped stands still for 10 s instead of 1, and time and memory are judged, too: about 20 minutes
on a machine that has a core free for the trainer.

    TENSORVIEW_LIVE_ROUNDS=50 ctest --test-dir build -R Live.Kill --timeout 3600 --verbose
"""

import mmap
import os
import random
import re
import shutil
import signal
import struct
import tempfile
import time
import unittest

import h5py
import numpy as np
from live_support import free_port, live, ours_at, segments, trainer, viewer
from test_scripts import same

RUN = f"kill-{os.getpid()}"
PATH = f"/dev/shm/tensorview-{os.geteuid()}-{RUN}"
ROUNDS = int(os.environ.get("TENSORVIEW_LIVE_ROUNDS", "2"))
FULL = ROUNDS >= 50
STOPPED = 10 if FULL else 1  # seconds
VIEWS = ["Weight grid", "Image grid", "Distribution grid"]
TENSORS = "conv1/weights=1,conv2/weights=1000,fc1/weights=1000,fc2/weights=1000,conv1/activations=100"


class Ring:
    """What the trainer says of itself in shared memory: Data/Shim/include/tensorview/ring.h."""

    def __init__(self):
        with open(PATH, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def standing(self):
        return struct.unpack_from("<I", self.memory, 124)[0] != 0

    def step(self):
        """The step that was published last."""
        slot = struct.unpack_from("<Q", self.memory, 128)[0] & 0xFF
        offset, size = struct.unpack_from("<QQ", self.memory, 88)
        return struct.unpack_from("<q", self.memory, offset + slot * size)[0]


def processes():
    """tensorview-live processes on this run."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if len(words) > 1 and words[0].endswith(b"tensorview-live") and words[1] == RUN.encode():
            found.append(int(process))
    return found


def wait(until, seconds=60):
    """Seconds until it was so."""
    begin = time.monotonic()
    while not until():
        if time.monotonic() - begin > seconds:
            raise AssertionError(f"it was not so within {seconds} s")
        time.sleep(0.002)
    return time.monotonic() - begin


class Held:
    """What a process holds: memory of its own in MB, open files, threads."""

    def __init__(self, child):
        with open(f"/proc/{child.pid}/status") as file:
            status = dict(line.split(":", 1) for line in file)
        self.memory = int(status["RssAnon"].split()[0]) / 1024
        self.threads = int(status["Threads"])
        self.files = len(os.listdir(f"/proc/{child.pid}/fd"))

    def __str__(self):
        return f"{self.memory:.1f} MB, {self.files} files, {self.threads} threads"


class Kill(unittest.TestCase):
    def setUp(self):
        self.started = []
        self.holds = []  # the first and the last step of each time that the training stood still
        self.released = {"a viewer": [], "tensorview-live": []}  # seconds until it went on after a death
        self.folder = tempfile.mkdtemp(dir="/dev/shm")  # so that no disk makes a step long

    def tearDown(self):
        for one in self.started:
            one.kill()
        for name in segments(RUN):  # where something above has failed: a killed trainer leaves it
            os.unlink("/dev/shm/" + name)
        shutil.rmtree(self.folder)

    def start(self, one):
        self.started.append(one)
        return one

    def look_on(self, number, port):
        for end in (".pause", ".stop"):
            if os.path.exists(f"viewer-{number}{end}"):
                os.unlink(f"viewer-{number}{end}")
        return self.start(viewer(f"viewer-{number}", port, "--passing-by", *VIEWS))

    def four_views(self, name, port):
        return self.start(live(name, RUN, "--wait", "--script", ours_at("four_views.py", port)))

    def hold(self, number):
        """A viewer pauses the training."""
        first = self.ring.step()
        open(f"viewer-{number}.pause", "w").close()
        wait(self.ring.standing)
        time.sleep(random.uniform(0, 0.3))
        return first

    def let_go(self, first, whose=None):
        """Somebody's death has let the training go on."""
        seconds = wait(lambda: not self.ring.standing())
        self.holds.append((first, self.ring.step() + 1))
        if whose:
            self.released[whose].append(seconds)
        return seconds

    def goes_on(self, seconds):
        """The training does, for so long."""
        before = self.ring.step()
        time.sleep(seconds)
        wait(lambda: self.ring.step() > before)
        self.assertFalse(self.ring.standing())

    def viewers(self, port):
        """One tensorview-live, many viewers. Every fifth one more, that says goodbye."""
        one = self.four_views("viewers-live", port)
        first = None
        for number in range(ROUNDS + ROUNDS // 5):
            client = self.look_on(number, port)
            client.wait_for("sees")
            time.sleep(random.uniform(0, 0.5))
            if number % 6 == 5:
                open(f"viewer-{number}.stop", "w").close()
                self.assertEqual(0, client.wait())
            elif number % 2:
                held = self.hold(number)
                client.send(signal.SIGKILL)
                self.let_go(held, "a viewer")
            elif number == 0:
                client.send(signal.SIGSTOP)
                self.goes_on(STOPPED)
            client.kill()
            wait(lambda: one.text().count("is gone") == number + 1)
            first = Held(one.child) if number == 4 else first
        if FULL:  # one that hangs while it holds the training
            client = self.look_on("hanging", port)
            client.wait_for("sees")
            held = self.hold("hanging")
            client.send(signal.SIGSTOP)
            print(f"a viewer that hangs holds the training for {self.let_go(held):.1f} s")
            client.kill()
            self.judge("tensorview-live", first, Held(one.child))
        one.send(signal.SIGTERM)
        one.wait()

    def lives(self):
        """Many tensorview-lives, each with a viewer. Every fifth one more, that is asked to end."""
        first = None
        for number in range(ROUNDS + ROUNDS // 5):
            port = free_port()
            client = self.look_on(number, port)
            one = self.four_views(f"live-{number}", port)
            client.wait_for("sees")
            time.sleep(random.uniform(0, 0.5))
            if number % 6 == 5:
                one.send(signal.SIGTERM)
                one.wait()
            elif number % 2:
                held = self.hold(number)
                one.send(signal.SIGKILL)
                self.let_go(held, "tensorview-live")
            elif number == 0:
                one.send(signal.SIGSTOP)
                self.goes_on(STOPPED)
                one.send(signal.SIGCONT)
                self.goes_on(0.5)
            one.kill()
            client.kill()
            first = Held(self.run.child) if number == 4 else first
        if FULL:
            self.judge("the trainer", first, Held(self.run.child))

    def judge(self, whose, first, last):
        print(f"{whose}: {first} after 5 rounds, {last} after all", flush=True)
        self.assertLess(last.memory, first.memory + 10)
        self.assertLessEqual(last.files, first.files)
        self.assertLessEqual(last.threads, first.threads)

    def times(self, path, holds):
        """Prints how long steps took, and recording in them; returns by how many seconds at most
        recording took longer than the median, without the time for which no core was free."""
        with h5py.File(path) as file:
            names = [name.decode() for name in file["scalars"].attrs["names"]]
            values = file["scalars/values"][1:]  # each of the step before
        held = np.zeros(len(values), bool)
        for first, last in holds:
            held[first : last + 1] = True
        step, recording, delay = (values[~held, names.index(name)]
                                  for name in ("step_seconds", "recording_seconds", "recording_delay"))
        print(f"{os.path.basename(path)}: {len(values)} steps, {held.sum()} of them held; ms, median and longest: "
              f"step {1e3 * np.median(step):.2f} {1e3 * step.max():.1f}, in the shim {1e3 * np.median(recording):.3f} "
              f"{1e3 * recording.max():.1f} ({1e3 * (recording - delay).max():.1f} when other programs left it a core)", flush=True)
        return (recording - delay).max() - np.median(recording)

    def test_nothing_reaches_the_training(self):
        files = {name: os.path.join(self.folder, name + ".tvh5") for name in ("watched", "alone")}
        # Large batches: few steps, so that it is not the history of them that takes memory.
        options = ["--batch", "400", "--tensors", TENSORS, "--record-times", "1", "--flush", "60"]
        self.run = self.start(trainer("watched", "--steps", "1000000000", *options, "--output", files["watched"],
                                      "--channel", RUN))
        wait(lambda: segments(RUN) and os.path.getsize(PATH) > 8192)  # the ring is there
        self.ring = Ring()
        wait(lambda: self.ring.memory[12] == 1)  # and has its layout
        begin = time.monotonic()
        self.viewers(free_port())
        self.lives()
        print(f"{time.monotonic() - begin:.0f} s", flush=True)
        self.run.send(signal.SIGINT)
        self.assertEqual(0, self.run.wait(), self.run.text())
        steps = re.match("([0-9]+) steps", self.run.text()).group(1)
        self.assertEqual([], segments(RUN))
        self.assertEqual([], processes())
        for whose, seconds in self.released.items():
            self.assertGreaterEqual(len(seconds), ROUNDS // 2 - ROUNDS // 6 if FULL else 1)
            print(f"{len(seconds)} times the death of {whose} let the training go on, s, median and longest: "
                  f"{np.median(seconds):.2f} {max(seconds):.2f}")
        alone = self.start(trainer("alone", "--steps", steps, *options, "--output", files["alone"]))
        self.assertEqual(0, alone.wait(3600), alone.text())
        longer = self.times(files["watched"], self.holds)
        self.times(files["alone"], [])
        same(files["alone"], files["watched"], self)
        if FULL:
            self.assertLess(longer, 0.05)
            self.assertLess(max(self.released["a viewer"]), 1)


if __name__ == "__main__":
    unittest.main()
