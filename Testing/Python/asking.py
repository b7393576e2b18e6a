# SPDX-License-Identifier: BSD-3-Clause
"""Requests to a training that goes on, from Python: the trainer's side, the asker's, and the shell."""

import os
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import h5py
import numpy as np
from support import Case

import tensorview

SOURCE = Path(os.environ["TENSORVIEW_SOURCE"])
COMMAND = Path(os.environ["TENSORVIEW_BUILD"]) / "bin/tensorview"
LIMIT = 120  # seconds for what takes none


class Asking(Case):
    def setUp(self):
        super().setUp()
        self.name = f"asking-{os.getpid()}"
        self.run_ = tensorview.Run(self.path, channel=self.name)
        self.addCleanup(self.run_.close)
        self.weights = self.run_.declare("conv1", "weights", "oi", (4, 3))
        self.run_.declare_states("conv1", 4)
        self.step = 0
        self.train()

    def train(self):
        self.run_.write(self.weights, self.step, np.full((4, 3), self.step, "f4"))
        self.run_.end_step(self.step)
        self.step += 1

    def asked(self, *arguments, **named):
        """The answer, or the error, of ask_merge() in a thread, and the request as the trainer saw it."""
        results = []

        def ask():
            try:
                results.append(tensorview.ask_merge(*arguments, seconds=LIMIT, **named))
            except tensorview.TensorViewError as error:
                results.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        request, end = None, time.monotonic() + LIMIT
        while request is None and thread.is_alive():
            self.assertLess(time.monotonic(), end)
            self.train()
            request = self.run_.poll()
        if request is not None:
            self.answer(request)
        thread.join()
        return results[0], request

    def states_in_memory(self):
        """Once a step has come there that is later than what was asked."""
        asked, end = self.step, time.monotonic() + LIMIT
        while True:
            self.train()
            with tensorview.open(f"ring:{self.name}") as run:
                if run["conv1/weights"].steps[-1] >= asked:
                    return list(run.states["conv1"][-1])
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def answer(self, request):
        if 0 in request.merges:
            request.refuse("filter 0 is needed")
        else:
            self.run_.write_states(request.layer, self.step, [request.merges.get(f, -1) for f in range(4)])
            request.accept("höchstens 2 left")

    def test_asked_and_done(self):
        self.assertIsNone(self.run_.poll())
        answer, request = self.asked(self.name, "conv1", {3: 1, 2: 1})
        self.assertEqual(("conv1", {3: 1, 2: 1}), (request.layer, request.merges))
        self.assertEqual((True, "höchstens 2 left"), answer)
        self.assertEqual([-1, -1, 1, 1], self.states_in_memory())
        answer, request = self.asked(f"ring:{self.name}", "conv1", [2, 0])
        self.assertEqual({2: 0}, request.merges)
        self.assertEqual((True, "höchstens 2 left"), answer)
        answer, request = self.asked(self.name, "conv1", {0: 2})
        self.assertEqual((False, "filter 0 is needed"), answer)

    def test_what_cannot_be_asked(self):
        ask = tensorview.ask_merge
        with self.assertRaisesRegex(tensorview.TensorViewError, "does not listen"):
            ask(self.name, "conv1", {3: 1})
        self.assertIsNone(self.run_.poll())
        for filters, words in (({4: 1}, "filters 0 to 3"), ({1: 1}, "as well"), ({}, "1 to 1024"), ([2], "1 to 1024")):
            with self.assertRaisesRegex(tensorview.TensorViewError, words):
                ask(self.name, "conv1", filters)
        with self.assertRaisesRegex(tensorview.TensorViewError, 'no layer "conv2"'):
            ask(self.name, "conv2", {3: 1})
        with self.assertRaisesRegex(tensorview.TensorViewError, "no run with the ring"):
            ask("nobody-here", "conv1", {3: 1})
        with self.assertRaisesRegex(tensorview.TensorViewError, "has not looked"):
            ask(self.name, "conv1", {3: 1}, seconds=0)
        self.assertIsNone(self.run_.poll())  # it was withdrawn

    def test_from_the_shell(self):
        self.run_.poll()
        for filters, status, words in (
            (["3,1"], 0, "höchstens 2 left\n"), (["0,1", "--into", "1"], 1, "refused: filter 0 is needed"),
            (["9,1"], 1, ""),
        ):  # fmt: skip
            process = subprocess.Popen(
                [COMMAND, "merge", f"ring:{self.name}", "conv1", *filters], stdout=-1, stderr=-1, text=True
            )
            end = time.monotonic() + LIMIT
            while process.poll() is None:
                self.assertLess(time.monotonic(), end)
                self.train()
                request = self.run_.poll()
                if request is not None:
                    self.answer(request)
                time.sleep(0.01)
            out, errors = process.communicate()
            self.assertEqual(status, process.returncode, out + errors)
            self.assertIn(words, out)
        self.assertIn("9 cannot be merged", errors)


    def test_what_was_asked_stands_in_the_run(self):
        self.assertIsNone(self.run_.poll())
        self.asked(self.name, "conv1", {3: 1, 2: 1})
        first = self.step  # answered after step - 1 had ended: it belongs to the next
        self.asked(self.name, "conv1", {0: 2})
        second = self.step
        self.train()
        self.asked(self.name, "conv1", {0: 1})
        last = self.step
        self.run_.close()  # no step comes after the last answer
        done = "merge 3 into 1, 2 into 1 of conv1: accepted: höchstens 2 left"
        refused = "merge 0 into {} of conv1: refused: filter 0 is needed"
        expected = [(first, done), (second, refused.format(2)), (last - 1, refused.format(1))]
        with tensorview.open(self.path) as run:
            self.assertEqual(expected, run.requests)
            self.assertEqual(["conv1/weights"], list(run))
            self.assertEqual([], run.notes)
        shown = subprocess.run([COMMAND, "info", self.path], capture_output=True, text=True, check=True).stdout
        self.assertIn(f"  asked at step {first}: {done}\n", shown)
        whole = self.path.with_name("whole.tvh5")
        self.assertIn(f"left out: what was asked at step {first}: {done}", str(tensorview.repair(self.path, whole)))
        with tensorview.open(whole) as run:
            self.assertEqual([], run.requests)

    def test_several_at_one_step(self):
        """Each has its line, without line ends of its own; what does not fit is cut off. A trainer that
        listens before its first step has ended needs no further part for it."""
        self.run_.close()
        self.run_ = tensorview.Run(self.path, channel=self.name, overwrite=True)
        self.addCleanup(self.run_.close)
        self.weights = self.run_.declare("conv1", "weights", "oi", (4, 3))
        self.run_.declare_states("conv1", 4)
        self.assertIsNone(self.run_.poll())
        self.train()
        self.assertIsNone(self.run_.poll())  # now viewers are told, too
        for number in range(5):
            request, end = None, time.monotonic() + LIMIT
            thread = threading.Thread(target=tensorview.ask_merge, args=(self.name, "conv1", {1: 0}))
            thread.start()
            while request is None:
                self.assertLess(time.monotonic(), end)
                request = self.run_.poll()
            request.accept(f"{number}\n" + "x" * 1000)
            thread.join()
        self.train()
        self.run_.close()
        self.assertFalse(self.path.with_name(f"{self.path.stem}.part1.tvh5").exists())
        with tensorview.open(self.path) as run:
            lines = run.requests
        self.assertEqual([self.step - 1] * 4, [line.step for line in lines])
        self.assertEqual(2047, sum(len(line.sentence) + 1 for line in lines) - 1)
        for number, line in enumerate(lines):
            self.assertTrue(line.sentence.startswith(f"merge 1 into 0 of conv1: accepted: {number} xxx"), line)

    def test_damaged(self):
        """What stands in a file about requests costs itself, never the run."""
        self.run_.poll()
        self.asked(self.name, "conv1", {0: 2})
        self.train()
        self.run_.close()
        part = self.path.with_name(f"{self.path.stem}.part1.tvh5")  # it began to listen after the first step
        with h5py.File(part, "r+") as file:
            file["requests/values"][0, 0] ^= 1
        with tensorview.open(self.path) as run:
            with self.assertRaisesRegex(tensorview.TensorViewError, f"{part}.*requests"):
                run.requests
            self.assertGreater(len(run["conv1/weights"]), 0)
        with h5py.File(part, "r+") as file:
            del file["requests"]
            group = file.create_group("requests")
            group["values"] = np.zeros((3, 5), "f4")
            group["steps"] = np.arange(3)
        with tensorview.open(self.path) as run:
            self.assertEqual([], run.requests)
            self.assertRegex(" ".join(run.notes), f"{part}: values of requests is no text")
        with h5py.File(part, "r+") as file:
            del file["requests"]["values"]
            text = np.frombuffer(b"a\x1b[2Jb\nc\xff", "u1")
            file["requests/values"] = np.tile(text, (3, 1))
        with tensorview.open(self.path) as run:
            self.assertEqual([(0, "a [2Jb"), (0, "c\ufffd")], run.requests)


class Example(Case):
    def test_the_example_merges_and_goes_on(self):
        """Data/Python/examples/merging.py, asked while it trains; what goes stays 0."""
        script = SOURCE / "Data/Python/examples/merging.py"
        name = f"merging-{os.getpid()}"
        text = script.read_text().replace('channel="merging"', f'channel="{name}"')
        copy = self.path.with_name("example.py")
        copy.write_text(text)
        environment = dict(os.environ, PYTHONPATH=f"{script.parent}:{os.environ.get('PYTHONPATH', '')}")
        process = subprocess.Popen(
            [sys.executable, copy, "--steps", "1000000", "--every", "1", f"--output={self.path}"], env=environment
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        answer, end = None, time.monotonic() + LIMIT
        while answer is None:
            self.assertIsNone(process.poll())
            try:
                answer = tensorview.ask_merge(name, "0", {5: 3, 7: 3}, seconds=LIMIT)
            except tensorview.TensorViewError as error:
                self.assertLess(time.monotonic(), end, error)
                time.sleep(0.1)
        self.assertTrue(answer.accepted)
        self.assertRegex(answer.sentence, "14 of 16 filters are left since step")
        step = int(answer.sentence.split()[-1])
        again = tensorview.ask_merge(name, "0", {5: 4}, seconds=LIMIT)
        self.assertEqual((False, "filter 5 is not there any more"), again)
        more = tensorview.ask_merge(name, "0", {3: 2}, seconds=LIMIT)
        self.assertTrue(more.accepted)
        last = int(more.sentence.split()[-1])
        while True:  # ten steps more, so that something would have moved
            self.assertLess(time.monotonic(), end)
            with tensorview.open(self.path) as run:
                steps = run["0/weights"].steps
                if len(steps) and steps[-1] > last + 10:
                    states = {int(s): list(run.states["0"][i]) for i, s in enumerate(run.states["0"].steps)}
                    after = run["0/weights"].at(last + 10)
                    before = run["0/weights"].at(step - 1)
                    break
            time.sleep(0.1)
        process.kill()
        self.assertEqual({step, last}, set(states))
        expected = [-1] * 16
        expected[5] = expected[7] = 3
        self.assertEqual(expected, states[step])
        expected[3] = expected[5] = expected[7] = 2
        self.assertEqual(expected, states[last])
        gone = [3, 5, 7]
        self.assertTrue(np.all(np.asarray(after)[gone] == 0))
        self.assertTrue(np.all(np.abs(np.asarray(before)[gone]).sum((1, 2, 3)) > 0))
        alive = [f for f in range(16) if f not in gone]
        self.assertTrue(np.all(np.abs(np.asarray(after)[alive]).sum((1, 2, 3)) > 0))


if __name__ == "__main__":
    unittest.main()
