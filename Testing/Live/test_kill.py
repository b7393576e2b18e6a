"""tensorview-live and viewers are killed and stopped at random while a LeNet trains: the training
ends normally, and its recorded weights are, bit for bit, those of a run that nobody watched.

TENSORVIEW_LIVE_ROUNDS: how many are started and killed, 3 unless told (50 is the full count).
"""

import os
import random
import re
import signal
import time
import unittest

from live_support import free_port, live, ours_at, segments, trainer, viewer
from test_scripts import same

RUN = f"kill-{os.getpid()}"
ROUNDS = int(os.environ.get("TENSORVIEW_LIVE_ROUNDS", "3"))


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


class Kill(unittest.TestCase):
    def test_nothing_reaches_the_training(self):
        ports = [free_port() for _ in range(ROUNDS)]
        rate = trainer("rate", "--steps", "200", "--output", "none")
        self.assertEqual(0, rate.wait())
        rate = float(re.search(r"([0-9.]+) steps/s", rate.text()).group(1))
        steps = int(rate * 4 * ROUNDS)
        options = ["--steps", steps, "--record-weights", "1", "--record-activations", "10"]
        viewers = {number: viewer(f"viewer-{number}", ports[number], "Weight grid") for number in range(0, min(ROUNDS, 16), 4)}
        for client in viewers.values():
            client.wait_for("listening")
        watched = trainer("watched", *options, "--output", "watched.tvh5", "--overwrite", "--channel", RUN)
        alone = trainer("alone", *options, "--output", "alone.tvh5", "--overwrite")
        kills = stops = 0
        for number in range(ROUNDS):
            client = viewers.get(number)
            script = ours_at("weight_grid.py", ports[number])
            one = live(f"live-{number}", RUN, "--wait", "--script", script, *(["--in-order"] if number % 2 else []))
            time.sleep(random.uniform(0.5, 3.0))
            if number % 3 == 2:
                one.send(signal.SIGSTOP)
                time.sleep(random.uniform(0.1, 1.0))
                stops += 1
            if client and number % 8 == 0:
                client.send(signal.SIGKILL)
            kills += one.running() and watched.running()
            one.kill()
            if client:
                client.kill()
        self.assertEqual(0, watched.wait(900), watched.text())
        self.assertEqual(0, alone.wait(900), alone.text())
        self.assertGreater(kills, 0)
        print(f"{kills} of {ROUNDS} were killed while the training ran, {stops} stopped before: {watched.text().strip()}")
        self.assertEqual([], segments(RUN))
        self.assertEqual([], processes())
        same("alone.tvh5", "watched.tvh5", self)


if __name__ == "__main__":
    unittest.main()
