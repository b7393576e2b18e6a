# SPDX-License-Identifier: BSD-3-Clause
"""Each example of the gallery runs, is short, and leaves a run in which its layers are."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
import unittest
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
from support import Case, read

import tensorview

GALLERY = Path(os.environ["TENSORVIEW_SOURCE"]) / "Data/Python/examples"
sys.path.insert(0, str(GALLERY))
EXPECTED = {
    "resnet": ("layer1.0.conv1/weights", "layer4.1.relu/activations_2", "fc/updates", "bn1/gradients"),
    "vit": ("encoder.layers.encoder_layer_3.self_attention/in_proj_weight", "encoder.layers.encoder_layer_0/attention"),
    "gru": ("rows/weight_hh_l1_gradients", "rows/activations", "answer/weights"),
    "gan": ("generator.3/weights", "discriminator.0/activations", "discriminator.5/updates"),
    "ddp": ("0/weights", "3/gradients", "1/activations"),
    "merging": ("0/weights", "0/activations", "3/gradients", "7/bias"),
    "loop": ("hidden/weights", "hidden/activations", "output/weights"),
}


class Examples(Case):
    def here(self, script, arguments):
        """In this process, which has torch already."""
        said = io.StringIO()
        with mock.patch.object(sys, "argv", [str(script), *arguments]), contextlib.redirect_stdout(said):
            runpy.run_path(str(script), run_name="__main__")
        return said.getvalue()

    def alone(self, arguments):
        command = [sys.executable, "-W", "error::UserWarning:tensorview", GALLERY / "ddp.py", *arguments]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stdout

    def run_example(self, name):
        text = (GALLERY / f"{name}.py").read_text()
        self.assertLessEqual(len(text.splitlines()), 60)
        every = 3 if name == "resnet" else 2  # whose records have 100 MB and more
        arguments = ["--steps=3", f"--every={every}", f"--output={self.path}"]
        with warnings.catch_warnings():
            warnings.simplefilter("error", tensorview.TensorViewWarning)
            said = self.here(GALLERY / f"{name}.py", arguments) if name != "ddp" else self.alone(arguments)
        self.assertIn(str(self.path), said)
        recorded = read(self.path)
        for tensor in EXPECTED[name]:
            self.assertTrue(tensor in recorded, f"{tensor} is not in {name}'s run")
            self.assertEqual(0, min(recorded[tensor]), tensor)
            self.assertTrue(all(np.isfinite(values).all() for values in recorded[tensor].values()))
        self.assertEqual(list(range(0, 3, every)), list(recorded[EXPECTED[name][0]]))
        scalars = [tensor for tensor in recorded if tensor.startswith("scalars/")]
        self.assertTrue(scalars)
        for scalar in scalars:
            self.assertEqual([0, 1, 2], list(recorded[scalar]))


for each in EXPECTED:
    setattr(Examples, f"test_{each}", lambda self, each=each: self.run_example(each))


class Gallery(unittest.TestCase):
    def test_every_example_is_tested(self):
        self.assertEqual(set(EXPECTED) | {"fashion"}, {path.stem for path in GALLERY.glob("*.py")})


if __name__ == "__main__":
    unittest.main()
