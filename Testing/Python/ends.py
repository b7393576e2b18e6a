# SPDX-License-Identifier: BSD-3-Clause
"""How a watched training ends, and what goes wrong."""

import re
import resource
import subprocess
import sys
import warnings

import numpy as np
import torch
from support import Case, read
from torch import nn

import tensorview
from tensorview import TensorViewWarning


class Ends(Case):
    """How a run ends, and what goes wrong."""

    def program(self, *lines):
        head = [
            "import torch, tensorview",
            "net = torch.nn.Linear(6, 5)",
            "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
            f"run = tensorview.watch(net, optimizer, {str(self.path)!r}, every=1)",
            "def step():",
            "    net(torch.randn(2, 6)).sum().backward(); optimizer.step()",
        ]
        return subprocess.run([sys.executable, "-c", "\n".join([*head, *lines])], capture_output=True, text=True)

    def test_the_interpreter_ends_without_close(self):
        result = self.program("for _ in range(20): step(); run.log(loss=1.0)")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertEqual(list(range(20)), list(read(self.path)["model/weights"]))

    def test_an_exception_ends_the_program(self):
        result = self.program("step()", "raise KeyError('theirs')")
        self.assertEqual(1, result.returncode)
        self.assertIn("KeyError: 'theirs'", result.stderr)
        self.assertEqual([0], list(read(self.path)["model/weights"]))

    def test_a_child_that_forks_leaves_the_run_alone(self):
        lines = ["import os, sys", "step()", "if os.fork() == 0:", "    step(); run.log(loss=1); run.close(); sys.exit(0)"]
        result = self.program(*lines, "os.wait()", "step()")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertEqual([0, 1], list(read(self.path)["model/weights"]))

    def test_an_exception_in_the_loop(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with self.assertRaisesRegex(KeyError, "theirs"):
            with tensorview.watch(net, optimizer, self.path, every=1):
                net(torch.randn(2, 6)).sum().backward()
                optimizer.step()
                raise KeyError("theirs")
        self.assertEqual([0], list(read(self.path)["model/updates"]))
        self.assertEqual(0, len(net._forward_hooks) + len(net._forward_pre_hooks))

    def test_watching_twice(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        second = self.path.with_name("second.tvh5")
        one = tensorview.watch(net, optimizer, self.path, every=1)
        with self.assertRaises(tensorview.TensorViewError):
            tensorview.watch(net, optimizer, self.path, every=1)
        two = tensorview.watch(net, optimizer, second, every=2)
        for step in range(4):
            net(torch.randn(2, 6)).sum().backward()
            optimizer.step()
            if step == 2:
                one.close()
        two.close()
        self.assertEqual([0, 1, 2], list(read(self.path)["model/weights"]))
        self.assertEqual([0, 2], list(read(second)["model/weights"]))
        self.assertNotIn("step", optimizer.__dict__)
        second.unlink()

    def test_a_failure_is_one_warning_and_the_training_goes_on(self):
        for background in (True, False):
            net = nn.Linear(600, 50)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            weights = net.weight.detach().clone()
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            options = dict(every=1, overwrite=True, background=background, flush_seconds=0)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                with tensorview.watch(net, optimizer, self.path, **options) as run:
                    for step in range(6):
                        net(torch.randn(2, 600)).sum().backward()
                        optimizer.step()
                        run.log(loss=1.0)
                        if step == 1:
                            run.flush()
                            size = self.path.stat().st_size  # as if the disk were full now
                            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
                    run.flush()
                    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self.assertEqual(1, len(said), [str(one.message) for one in said])
            self.assertIs(TensorViewWarning, said[0].category)
            self.assertIn("records nothing more", str(said[0].message))
            self.assertFalse(torch.equal(weights, net.weight))
            self.assertIn(1, list(read(self.path)["model/weights"]))

    def test_flushing_in_the_loop_and_what_comes_too_late(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with tensorview.watch(net, optimizer, self.path, every=1) as run:
                for step in range(3):
                    net(torch.randn(2, 6)).sum().backward()
                    optimizer.step()
                    run.log(loss=1.0)
                    run.flush()
                    run.log(step=0, loss=2.0)  # steps never go back
        self.assertEqual(1, len(said), [str(one.message) for one in said])
        self.assertIn("loss cannot be logged", str(said[0].message))
        recorded = read(self.path)
        self.assertEqual([0, 1, 2], list(recorded["model/weights"]))
        self.assertEqual({0: 1.0, 1: 1.0, 2: 1.0}, recorded["scalars/loss"])

    def test_a_loss_is_logged_before_the_step_is_made(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with tensorview.watch(net, optimizer, self.path, every=1) as run:
                for step in range(4):
                    loss = net(torch.randn(2, 6)).sum()
                    loss.backward()
                    run.log(loss=step)
                    optimizer.step()
        self.assertEqual([], [str(one.message) for one in said])
        recorded = read(self.path)
        self.assertEqual([0, 1, 2, 3], list(recorded["model/weights"]))
        self.assertEqual({step: step for step in range(4)}, recorded["scalars/loss"])

    def test_an_optimizer_that_never_steps_is_said(self):
        net = nn.Linear(6, 5)
        with self.assertWarnsRegex(TensorViewWarning, "no step was seen"):
            tensorview.watch(net, torch.optim.SGD(net.parameters(), lr=0.1), self.path).close()

    def test_what_is_logged(self):
        """Names that are no words of Python's, and what is no number: one warning, and it costs itself."""
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with tensorview.watch(net, optimizer, self.path, every=1) as run:
                for step in range(3):
                    net(torch.randn(2, 6)).sum().backward()
                    optimizer.step()
                    run.log({"train/loss": torch.tensor(step + 0.5)}, accuracy=True)
                    run.log(epoch="first", norms=torch.ones(4), rate=np.float32(0.25))
                    run.log(torch.tensor(0.5))
        told = [str(one.message) for one in said]
        self.assertEqual(3, len(told), told)
        self.assertIn("epoch is 'first', not a number: it is not logged", told[0])
        self.assertIn("norms is of shape (4,), not a number", told[1])
        self.assertIn("a step is an int, not tensor(0.5000)", told[2])
        recorded = read(self.path)
        self.assertEqual([0, 1, 2], list(recorded["model/weights"]))
        self.assertEqual({0: 1.0, 1: 1.0, 2: 1.0}, recorded["scalars/accuracy"])
        self.assertEqual({0: 0.25, 1: 0.25, 2: 0.25}, recorded["scalars/rate"])
        with tensorview.open(self.path) as read_back:
            self.assertEqual([0.5, 1.5, 2.5], read_back.scalars["train/loss"].tolist())

    def test_a_pattern_that_fits_nothing_is_said(self):
        net = nn.Sequential(nn.Linear(6, 5), nn.ReLU())
        for pattern, said in (("1", 0), ("0/gradients", 0), ("*/updates", 0), ("conv1", 1), ("0.*", 1)):
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                with tensorview.watch(net, optimizer, self.path, exclude=pattern, overwrite=True):
                    net(torch.randn(2, 6)).sum().backward()
                    optimizer.step()
            self.assertEqual(said, len(told), [str(one.message) for one in told])
            if said:
                self.assertIn(f"exclude: no layer has a name that fits '{pattern}'", str(told[0].message))

    def test_arguments_that_cannot_be_meant(self):
        net = nn.Linear(6, 5)
        for wrong in (dict(log=["loss"]), dict(every=0), dict(when_full="never"), dict(every={"loss": 3})):
            with self.assertRaises(ValueError):
                tensorview.watch(net, None, self.path, **wrong)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for model, trained_by, words in (
            (net, str(self.path), "The path comes third"),
            (net, net.parameters(), "has no step()"),
            ("net.pt", optimizer, "a model is a torch.nn.Module"),
            ({"a": net, "b": None}, optimizer, "not None"),
        ):
            with self.assertRaisesRegex(TypeError, re.escape(words)):
                tensorview.watch(model, trained_by, self.path)
            self.assertFalse(self.path.exists())
        with self.assertRaises(tensorview.TensorViewError):
            tensorview.watch(net, None, "no such folder/run.tvh5")
        self.assertEqual(0, len(net._forward_hooks) + len(net._forward_pre_hooks))


if __name__ == "__main__":
    import unittest

    unittest.main()
