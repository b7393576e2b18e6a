# SPDX-License-Identifier: BSD-3-Clause
"""Who listens at the viewer's port and is no viewer is left alone: whatever it answers, echoes or
keeps to itself, neither tensorview-live nor the training ends, and a viewer that comes after all of
them sees the training."""

import os
import random
import signal
import socket
import struct
import sys
import threading
import time
import unittest

from live_support import BUILD, HERE, LiveTest, Process, free_port, live, ours_at, viewer

RUN = f"stranger-{os.getpid()}"
PATIENCE = 10  # seconds, LiveSocket::Patience

TRAINER = """
import os, sys, time
import numpy as np
import tensorview
with tensorview.Run(channel=sys.argv[1]) as run:
    weights = run.declare("conv1", "weights", "oihw", (4, 1, 3, 3), "float32")
    step = 0
    while not os.path.exists("stranger.stop"):
        run.write(weights, step, np.random.rand(4, 1, 3, 3).astype("float32"))
        step += 1
        time.sleep(0.02)
print("steps", step)
"""


def exactly(connection, count):
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got


def message(connection):
    tag, length = struct.unpack("=ii", exactly(connection, 8))
    return tag, exactly(connection, length)


def say(connection, tag, data):
    connection.sendall(struct.pack("=ii", tag, len(data)) + data)


def echo(connection):
    while True:
        connection.sendall(connection.recv(4096) or exactly(connection, 1))


def garbage(connection):
    connection.sendall(random.Random(1).randbytes(100000))
    exactly(connection, 1 << 20)


def huge(connection):
    """A message of another tag that claims to be of two gigabytes."""
    connection.sendall(struct.pack("=ii", 1, 0x7FFFFFF0))
    exactly(connection, 1 << 20)


def negative(connection):
    connection.sendall(struct.pack("=ii", 1, -5))
    exactly(connection, 1 << 20)


def silent(connection):
    exactly(connection, 1 << 20)


def close(connection):
    pass


def half(connection):
    """The first of four answers, and the end."""
    say(connection, *message(connection))


def shake(connection):
    for _ in range(4):
        say(connection, *message(connection))
    message(connection)
    return message(connection)


def other_consent(connection):
    """VTK's handshake and an answer to ParaView's with a tag that nobody waits for: ParaView's own
    client takes what stands in its memory for the answer."""
    shake(connection)
    say(connection, 99991, struct.pack("=i", 0))
    exactly(connection, 1 << 20)


def refusal(connection):
    shake(connection)
    say(connection, 99990, struct.pack("=i", 2))


def consent(connection):
    tag, words = shake(connection)
    assert tag == 99991 and words.startswith(b"paraview.insitu."), words
    say(connection, 99990, struct.pack("=i", 0))
    message(connection)
    assert b"<ServerManagerState" in message(connection)[1]


def no_process(connection):
    """A viewer to the last word, of no process."""
    consent(connection)
    say(connection, 8002, struct.pack("=i", 0))
    exactly(connection, 1 << 20)


STRANGERS = [
    echo, garbage, huge, negative, close, half, other_consent, refusal, no_process, silent,
]


class Listener:
    """Listens at the port, and is a stranger of one kind to whoever comes."""

    def __init__(self, kind, port):
        self.kind = kind
        self.ended = threading.Event()  # the first one who came was answered, and has gone
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(("127.0.0.1", port))
        self.server.listen()
        self.wrong = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection:
                try:
                    self.kind(connection)
                except (ConnectionError, OSError):
                    pass
                except AssertionError as error:
                    self.wrong = error
            self.ended.set()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


class Stranger(LiveTest):
    run_name = RUN

    def test_strangers_and_then_a_viewer(self):
        for old in ("stranger.stop", "stranger-viewer.npz", "stranger-viewer.stop"):
            if os.path.exists(old):
                os.unlink(old)
        port = free_port()
        run = self.start(Process("stranger-run", sys.executable, "-c", TRAINER, RUN,
                                 PYTHONPATH=os.path.join(BUILD, "python")))
        one = self.start(live("stranger-live", RUN, "--wait", "--script", ours_at("weight_grid.py", port)))
        one.wait_for("attached to the run")
        for kind in STRANGERS:
            with self.subTest(stranger=kind.__name__):
                listener = Listener(kind, port)
                begin = time.monotonic()
                try:
                    answered = listener.ended.wait(60)
                finally:
                    listener.close()
                print(f"{kind.__name__}: left after {time.monotonic() - begin:.1f} s")
                self.assertTrue(one.running(), one.text()[-3000:])
                self.assertTrue(run.running(), run.text())
                self.assertTrue(answered, "nobody came, or nobody went: " + one.text()[-1000:])
                self.assertIsNone(listener.wrong)
        self.assertNotIn("a viewer at", one.text())
        self.assertIn(f"what listens at localhost:{port} is no ParaView", one.text())
        client = self.start(viewer("stranger-viewer", port, "--passing-by", "Weight grid"))
        client.wait_for("sees", 90)
        one.wait_for(f"a viewer at localhost:{port}")
        client.send(signal.SIGKILL)
        one.wait_for("is gone")
        with open("stranger.stop", "w"):
            pass
        self.assertEqual(0, run.wait(), run.text())
        self.assertEqual(0, one.wait(), one.text())


if __name__ == "__main__":
    unittest.main()
