# SPDX-License-Identifier: BSD-3-Clause
"""Starts what the tests of tensorview-live need: a trainer, tensorview-live, a viewer."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

BUILD = os.environ["TENSORVIEW_BUILD"]
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(os.environ["TENSORVIEW_SOURCE"], "Plugin", "Live", "Scripts")
LIVE = os.path.join(BUILD, "bin", "tensorview-live")
TRAINER = os.path.join(BUILD, "bin", "tensorview-lenet")
SMALL = ["--filters", "16,32", "--hidden", "32", "--samples", "2000", "--threads", "1", "--seed", "7", "--quiet"]


class Process:
    """A child whose output is kept in a file."""

    def __init__(self, name, *command, **environment):
        self.path = name + ".log"
        self.file = open(self.path, "wb")
        display = environment.pop("display", False)
        environment = {**os.environ, **{key: str(value) for key, value in environment.items()}}
        if not display:
            environment.pop("DISPLAY", None)
        self.child = subprocess.Popen(
            [str(word) for word in command], stdout=self.file, stderr=subprocess.STDOUT, env=environment,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )

    def text(self):
        with open(self.path, errors="replace") as file:
            return re.sub(r"\x1b\[[0-9;]*m", "", file.read())

    def wait(self, seconds=90):
        try:
            status = self.child.wait(seconds)
            self.file.close()
            return status
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.path}: no end after {seconds} s:\n{self.text()[-3000:]}") from None

    def wait_for(self, words, seconds=60):
        end = time.time() + seconds
        while words not in self.text():
            if time.time() > end or self.child.poll() not in (None, 0):
                raise AssertionError(f"{self.path}: no '{words}':\n{self.text()[-3000:]}")
            time.sleep(0.02)

    def send(self, number):
        os.killpg(self.child.pid, number)

    def kill(self):
        if self.child.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGKILL)
        self.child.wait()
        self.file.close()

    def running(self):
        return self.child.poll() is None


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def segments(run):
    return [name for name in os.listdir("/dev/shm") if name.endswith("-" + run)]


def trainer(name, *options, **environment):
    return Process(name, TRAINER, *SMALL, *options, **environment)


def live(name, run, *options, **environment):
    return Process(name, LIVE, run, *options, **environment)


def viewer(name, port, *options):
    return Process(name, "/usr/bin/pvpython", os.path.join(HERE, "viewer.py"), port, name, *options)


def script(name, text):
    """A Catalyst script in this test's own folder."""
    with open(name, "w") as file:
        file.write("# script-version: 2.0\n" + text)
    return os.path.abspath(name)


def ours_at(name, port):
    """One of the scripts that ship, with another port."""
    with open(os.path.join(SCRIPTS, name)) as file:
        text = file.read()
    assert "localhost:22222" in text
    path = os.path.abspath(name)
    with open(path, "w") as file:
        file.write(text.replace("localhost:22222", f"localhost:{port}"))
    return path


def complaint(text):
    """What users must never see."""
    return "IOCatalystConduit" in text


class LiveTest(unittest.TestCase):
    """Ends what start() was given, and sees that nothing of the run is left in shared memory."""

    run_name = None

    def setUp(self):
        self.started = []

    def tearDown(self):
        for one in self.started:
            one.kill()
        for _ in range(50):
            if not segments(self.run_name):
                return
            time.sleep(0.1)
        self.assertEqual([], segments(self.run_name))

    def start(self, one):
        self.started.append(one)
        return one
