# SPDX-License-Identifier: BSD-3-Clause
"""The command tensorview: what it prints, and what it starts."""

import contextlib
import io
import os
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import run_file
from support import Case

from tensorview import Run, commands

SAMPLES = Path(os.environ["TENSORVIEW_SAMPLES"])
COMMAND = Path(os.environ["TENSORVIEW_BUILD"]) / "bin/tensorview"


def tensorview(*arguments):
    """Status, output and errors, in this process."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            status = commands.main([str(one) for one in arguments])
        except SystemExit as left:
            status = left.code
    return status, out.getvalue(), errors.getvalue()


class Info(Case):
    def test_info(self):
        states = run_file.Tensor("oi", np.zeros((1, 3, 2), "f4"), [7])
        run_file.write_run(
            self.path,
            {"a/weights": states, "a.b/bias": run_file.Tensor("o", np.zeros((3, 4), "f8"), [0, 10, 20])},
            scalars={"loss": [0.5, np.nan]}, scalar_steps=[0, 3], filters={"a": (np.zeros((1, 3)), [0])},
        )  # fmt: skip
        status, out, errors = tensorview("info", self.path)
        self.assertEqual((0, ""), (status, errors))
        lines = [" ".join(line.split()) for line in out.splitlines()]
        self.assertRegex(lines[0], r"run\.tvh5: 2 tensors of 2 layers, [\d.]+ kB, complete$")
        self.assertIn("a/weights oi 3 × 2 float32 step 7", lines)
        self.assertIn("a.b/bias o 4 float64 3 records, steps 0 to 20, every 10", lines)
        self.assertIn("scalar loss: 1 steps, last 0.5", lines)
        self.assertIn("states of the 3 filters of a: 1 records", lines)

    def test_a_file_that_is_none(self):
        self.path.write_text("nothing")
        status, out, errors = tensorview("info", self.path)
        self.assertEqual((1, ""), (status, out))
        self.assertRegex(errors, rf"^tensorview: .*{self.path.name}.*\n$")


class View(Case):
    def test_paraview_is_started_with_the_plugin_and_the_run(self):
        folder = self.path.parent / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "paraview"
        program.write_text('#!/bin/sh\necho "$PV_PLUGIN_PATH" >&2; cat "${1#--script=}" >&2; exit 3\n')
        program.chmod(0o755)
        plugin = self.path.parent / "TensorView.so"
        plugin.write_text("")
        variables = {**os.environ, "PATH": f"{folder.resolve()}:{os.environ['PATH']}", "TENSORVIEW_PLUGIN": str(plugin)}
        np.savez(self.path.parent / "w.npz", a=np.ones(3, "f4"))
        command = [COMMAND, "view", "--live", SAMPLES / "lenet.tvh5", self.path.parent / "w.npz"]
        result = subprocess.run(command, env=variables, capture_output=True, text=True)
        program.unlink()
        folder.rmdir()
        plugin.unlink()
        self.assertEqual(3, result.returncode)
        self.assertIn(str(plugin.parent), result.stderr)
        (self.path.parent / "w.npz").unlink()
        self.assertIn(f"('{SAMPLES / 'lenet.tvh5'}', 'TensorSnapshotReader')", result.stderr)
        self.assertRegex(result.stderr, r"\('/[^']*/w\.npz', 'NetworkFileReader'\)")
        self.assertIn("run.Follow = 1", result.stderr)
        compile(result.stderr.partition("\n")[2], "script", "exec")

    def test_what_is_missing_is_said(self):
        self.assertRegex(tensorview("view", "no such.tvh5")[2], "^tensorview: no such.tvh5: there is no such file\n$")
        self.assertRegex(tensorview("render", "no such.tvh5")[2], "no such file")
        with mock.patch.dict(os.environ, {"TENSORVIEW_PLUGIN": "/nowhere"}):
            self.assertRegex(tensorview("view", SAMPLES / "lenet.tvh5")[2], "the plugin, TensorView.so, is neither")

    def test_help_of_each_command(self):
        status, out, _ = tensorview("--help")
        self.assertEqual(0, status)
        for name in ("info", "view", "render", "doctor", "diff", "repair", "prune"):
            self.assertIn(f"\n    {name} ", out)
            self.assertEqual(0, tensorview(name, "--help")[0])
        self.assertEqual(2, tensorview("unknown")[0])
        result = subprocess.run([sys.executable, "-m", "tensorview", "--help"], capture_output=True, text=True)
        self.assertIn("tensorview info run.tvh5", result.stdout)


@unittest.skipUnless(os.environ.get("TENSORVIEW_PLUGIN"), "there is no plugin in this build")
class Render(Case):
    def test_the_views_of_a_layer(self):
        folder = self.path.parent / "views"
        names = ("weight-grid", "image-grid", "distribution-grid", "correlation", "weight-trajectory", "sheet")
        said = self.render(folder, names, SAMPLES / "lenet.tvh5", "--layer", "conv2")
        self.assertIn("Groups of similar filters", said)

    def test_statistics_alone(self):
        with Run(self.path) as run:
            kept = run.declare_statistics("fc", "weights", "oi", (6, 40))
            for step in range(60):
                run.observe(kept, step, np.random.default_rng(min(step, 20)).normal(0, 1, (6, 40)))
                run.log(step, loss=1 / (1 + step))
        folder = self.path.parent / "units"
        said = self.render(folder, ("unit-timeline", "network-overview", "history", "sheet"), self.path)
        self.assertIn("What is wrong:\n  fc, all 6 units, from step 21", said)

    def render(self, folder, names, *arguments):
        """What it says; the pictures of these names are there."""
        command = [COMMAND, "render", *arguments, "--output", folder]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.assertNotRegex(result.stdout + result.stderr, "ERR|Traceback")
        pictures = {path.stem: path.stat().st_size for path in folder.glob("*.png")}
        for name in names:
            self.assertGreater(pictures.get(name, 0), 5000, name)
        if not os.environ.get("TENSORVIEW_KEEP"):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        return result.stdout


if __name__ == "__main__":
    unittest.main()
