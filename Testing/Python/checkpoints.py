# SPDX-License-Identifier: BSD-3-Clause
"""Fifty checkpoints of a small ResNet, saved by torch beside a watched training: as a series they are the
run file, step for step and bit for bit."""

import os
import shutil
import unittest

import numpy as np
import torch
from support import Case
from torch.nn import functional
from torchvision.models.resnet import BasicBlock

import tensorview

STEPS = range(0, 100, 2)


def block(inside, outside, stride):
    change = torch.nn.Sequential(
        torch.nn.Conv2d(inside, outside, 1, stride, bias=False), torch.nn.BatchNorm2d(outside)
    )
    return BasicBlock(inside, outside, stride, change if stride > 1 else None)


class Checkpoints(Case):
    def trained(self, folder):
        """The network after 100 steps; run file and checkpoints of every second one, the loss in each other."""
        self.losses = []
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
            block(8, 8, 1), block(8, 16, 2), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 10),
        )  # fmt: skip
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        with tensorview.watch(model, optimizer, self.path, every=2, log="weights", overwrite=True) as run:
            for step in range(100):
                loss = functional.cross_entropy(model(torch.randn(4, 1, 14, 14)), torch.randint(0, 10, (4,)))
                optimizer.zero_grad()
                loss.backward()
                if step in STEPS:
                    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
                    if step % 4 == 0:
                        state["loss"] = np.float32(loss.item()) if step % 8 else loss.item()
                        self.losses.append(loss.item())
                    torch.save(state, folder / f"checkpoint-{step}.ckpt")
                optimizer.step()
                run.log(loss=loss)
        return model

    def test_a_series_is_the_run(self):
        folder = self.path.parent / "series"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        model = self.trained(folder)
        with tensorview.open(self.path) as run, tensorview.open(folder) as series:
            parameters = dict(model.named_parameters())
            self.assertEqual(len(parameters), len(run))
            self.assertEqual([], series.notes)
            for name, recorded in run.items():
                saved = series[name]
                self.assertEqual(list(STEPS), recorded.steps.tolist(), name)
                self.assertEqual(list(STEPS), saved.steps.tolist(), name)
                self.assertEqual((recorded.axes, recorded.shape), (saved.axes, saved.shape), name)
                np.testing.assert_array_equal(recorded[:], saved[:], name)
                elements = [0, int(np.prod(recorded.shape)) - 1]
                np.testing.assert_array_equal(run.history(name, elements), series.history(name, elements), name)
            updates = series["0/updates"]
            np.testing.assert_array_equal(np.diff(run["0/weights"][:], axis=0), updates[:])
            self.assertEqual(["loss"], list(series.scalars))
            self.assertEqual(list(STEPS), series.scalars.steps.tolist())
            np.testing.assert_array_equal(self.losses, series.scalars["loss"][::2])
            self.assertTrue(np.isnan(series.scalars["loss"][1::2]).all())
            last = torch.load(folder / "checkpoint-98.ckpt")["optimizer"]["state"][0]["momentum_buffer"]
            np.testing.assert_array_equal(last.numpy(), series["0/weights_momentum_buffer"][-1])
            for step in STEPS:
                found = tensorview.diff(run, series, steps=(step, step))
                self.assertEqual((len(run), {0.0}), (len(found.changes), {one.relative for one in found.changes}))
                self.assertEqual([], found.only_a)
        self.assertEqual(50, len(os.listdir(folder)))


if __name__ == "__main__":
    unittest.main()
