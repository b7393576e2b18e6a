# SPDX-License-Identifier: BSD-3-Clause
"""tensorview.diff and the command: beside numpy, on files that torch, numpy and h5py wrote."""

import contextlib
import io
import unittest
from unittest import mock

import numpy as np
import run_file
import torch
from support import Case

import tensorview
from tensorview import commands, differences

RANDOM = np.random.default_rng(0)


def command(*arguments):
    """Status, output and errors."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        status = commands.main(["diff", *map(str, arguments)])
    return status, out.getvalue(), errors.getvalue()


def expected(a, b):
    """relative, largest, share and cosine, by numpy."""
    a, b = a.astype("f8").ravel(), b.astype("f8").ravel()
    norm = np.linalg.norm
    cosine = a @ b / (norm(a) * norm(b)) if norm(a) * norm(b) else np.nan
    return norm(b - a) / norm(a), np.abs(b - a).max(), np.mean(a != b), cosine


class Differences(Case):
    def file(self, name, **arrays):
        path = self.path.parent / name
        np.savez(path, **arrays)
        self.addCleanup(path.unlink, missing_ok=True)
        return path

    def same(self, change, a, b):
        got = change.relative, change.largest, change.share, change.cosine
        np.testing.assert_allclose(got, expected(a, b), rtol=1e-12, err_msg=change.name)

    def test_two_checkpoints_of_torch(self):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Conv2d(8, 4, 3))
        model[2].bias.requires_grad_(False)
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
        paths = [self.path.parent / f"{when}.pt" for when in ("before", "after")]
        states = []
        for path in paths:
            states.append({name: values.detach().clone() for name, values in model.state_dict().items()})
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
            self.addCleanup(path.unlink, missing_ok=True)
            model(torch.randn(2, 3, 8, 8)).square().sum().backward()
            optimizer.step()
        found = tensorview.diff(*paths)
        names = {"0/weights": "0.weight", "0/bias": "0.bias", "1/weights": "1.weight", "1/bias": "1.bias",
                 "1/running_mean": "1.running_mean", "1/running_var": "1.running_var", "2/weights": "2.weight",
                 "2/bias": "2.bias"}  # fmt: skip
        self.assertEqual(set(names), {one.name for one in found.changes})
        for one in found.changes:
            if states[0][names[one.name]].any():
                self.same(one, *(state[names[one.name]].numpy() for state in states))
            else:
                self.assertEqual(np.inf, one.relative)
        relative = [one.relative for one in found.changes]
        self.assertEqual(sorted(relative, reverse=True), relative)
        self.assertEqual(("2/bias", 0.0), (found.changes[-1].name, found.changes[-1].relative))
        self.assertEqual(([], [], []), (found.only_a, found.only_b, found.others))
        self.assertIn("7 of 8 tensors changed", str(found))
        self.assertIn("  unchanged: 2/bias", str(found))

    def test_steps_of_a_run(self):
        tensors, _ = run_file.lenet(self.path, steps=7)
        of = tensors["conv1/weights"]
        for steps, records in ((None, (0, -1)), ((of.steps[2], of.steps[4]), (2, 4)), (("last", "first"), (-1, 0))):
            found = {one.name: one for one in tensorview.diff(self.path, steps=steps).changes}
            self.same(found["conv1/weights"], *(of.values[at] for at in records))
            self.assertEqual(tuple(of.steps[at] for at in records), found["conv1/weights"].steps)
            self.assertFalse([name for name in found if "activations" in name])
        found = tensorview.diff(self.path, kinds=["activations"]).changes
        self.assertTrue(found and all(one.kind == "activations" for one in found))
        with tensorview.open(self.path) as run:
            self.assertEqual(0, tensorview.diff(run, run, steps=("last", "last")).changes[0].relative)
            self.assertEqual(of.axes, run["conv1/weights"].axes)  # it is still open
        for wrong in (("last", -1), ("middle", 3), (0, 1.5)):
            with self.assertRaisesRegex(tensorview.TensorViewError, "a step is a number from 0"):
                tensorview.diff(self.path, steps=wrong)

    def test_a_run_beside_a_weight_file_and_a_series(self):
        values = RANDOM.normal(size=(3, 4, 2)).astype("f4")
        run_file.write_run(self.path, {"a/weights": run_file.Tensor("oi", values, [0, 10, 20])})
        folder = self.path.parent / "series"
        folder.mkdir(exist_ok=True)
        for step in range(3):
            self.file(f"series/step-{step}.npz", **{"a/weights": values[step] + 1})
        (one,) = tensorview.diff(self.path, folder / "step-0.npz", steps=(10, "last")).changes
        self.same(one, values[1], values[0] + 1)
        (one,) = tensorview.diff(folder).changes
        self.same(one, values[0] + 1, values[2] + 1)
        self.assertEqual((0, 2), one.steps)
        (one,) = tensorview.diff([folder / "step-1.npz", folder / "step-0.npz"], self.path, steps=(0, 0)).changes
        self.same(one, values[0] + 1, values[0])

    def test_axes_in_another_order(self):
        torch_ones, keras = RANDOM.normal(size=(2, 5, 4, 3, 2))
        dense = RANDOM.normal(size=(2, 6, 3))
        a = self.file("a.npz", **{"conv.weight": torch_ones, "fc.weight": dense[0]})
        b = self.file("b.npz", **{"conv/kernel": keras.transpose(2, 3, 1, 0), "fc/kernel": dense[1].T})
        found = {one.name: one for one in tensorview.diff(a, b).changes}
        self.same(found["conv/weights"], torch_ones, keras)
        self.same(found["fc/weights"], *dense)
        self.assertEqual(("oihw", (5, 4, 3, 2)), (found["conv/weights"].axes, found["conv/weights"].shape))

    def test_pieces_and_types(self):
        for kind in ("f2", "f4", "f8", "i4", "u1"):
            values = RANDOM.normal(100, 20, size=(2, 37)).astype(kind)
            with mock.patch.object(differences, "PIECE", 10):
                (one,) = tensorview.diff(self.file("a.npz", a=values[0]), self.file("b.npz", a=values[1])).changes
            self.same(one, *values)

    def test_what_is_not_in_both(self):
        ones = np.ones((2, 3), "f4")
        a = self.file("a.npz", **{"a.weight": ones, "b.weight": ones, "c.weight": ones, "d.weight": ones * np.nan})
        b = self.file("b.npz", **{"b.weight": ones[:1], "c.weight": 2 * ones, "d.weight": ones, "e.weight": ones})
        found = tensorview.diff(a, b)
        self.assertEqual(["d/weights", "c/weights"], [one.name for one in found.changes])  # what is broken is first
        self.assertTrue(np.isnan(found.changes[0].relative))
        self.assertEqual((["a/weights"], ["e/weights"]), (found.only_a, found.only_b))
        self.assertEqual(1, len(found.others))
        self.assertRegex(found.others[0], r"b/weights has another shape: 2 × 3 \(oi\) in .*a\.npz, 1 × 3 \(oi\) in .*b")
        status, out, errors = command(a, b)
        self.assertEqual((0, ""), (status, errors))
        for name in ("a/weights", "b/weights", "e/weights"):
            self.assertEqual(1, out.count(name), out)
        lines = [" ".join(line.split()) for line in out.splitlines()]
        self.assertIn("d/weights 2 × 3 not finite 100 %", lines)
        self.assertIn("c/weights 2 × 3 100 % 1 100 %", lines)

    def test_the_command(self):
        random = RANDOM.normal(size=(2, 12, 4))
        a, b = (self.file(name, **{f"l{at}.weight": one for at, one in enumerate(arrays)})
                for name, arrays in (("a.npz", random[0]), ("b.npz", random[1])))  # fmt: skip
        status, out, _ = command(a, b, "--most", 3)
        self.assertEqual((0, 6), (status, len(out.splitlines())))
        self.assertIn("12 of 12 tensors changed", out)
        self.assertIn("  and 9 more", out)
        self.assertIn("unchanged: l0/weights, l1/weights, l2/weights, l3/weights, l4/weights and 7 more", command(a, a)[1])
        for arguments, says in (
            ((a, "nowhere.pt"), "^tensorview: nowhere.pt: .*\n$"),
            ((a, b, "--kind", "nothing"), "has no tensor of the kind nothing"),
            ((a, b, "--steps", "soon", "last"), 'a step is a number from 0, "first" or "last", not \'soon\''),
            ((a, b, "--most", "-1"), "--most must be 0 or more, not -1"),
        ):
            status, out, errors = command(*arguments)
            self.assertEqual((1, ""), (status, out))
            self.assertRegex(errors, says)


if __name__ == "__main__":
    unittest.main()
