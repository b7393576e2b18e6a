# SPDX-License-Identifier: BSD-3-Clause
"""What README.md shows is what is there: the C example, and the script, which is run."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

TOP = Path(os.environ["TENSORVIEW_SOURCE"])
README = (TOP / "README.md").read_text()
PVPYTHON = sys.argv[1]


def block(language, words=""):
    """The one block of code in that language that has these words."""
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    [one] = [text for text in found if words in text]
    return one


class Readme(unittest.TestCase):
    def test_the_c_example_is_the_one_that_compiles(self):
        example = (TOP / "Data/Shim/examples/example.c").read_text()
        shown = example.split("/* README: from here */\n", 1)[1]
        self.assertEqual(shown.strip(), block("c").strip())
        self.assertLessEqual(len(shown.strip().splitlines()), 34)

    def test_the_script_runs(self):
        script = block("python", "paraview.simple")
        self.assertIn("build/lib/TensorView/TensorView.so", script)
        script = script.replace("build/lib/TensorView/TensorView.so", os.environ["TENSORVIEW_PLUGIN"])
        script = script.replace("Data/Samples", os.environ["TENSORVIEW_SAMPLES"])
        Path("script.py").write_text(script)
        result = subprocess.run([PVPYTHON, "script.py"], capture_output=True, text=True, timeout=200)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        self.assertGreater(os.path.getsize("distribution-grid.png"), 5000)
        # What Data/Samples/README.md says there is at step 300.
        groups = dict(re.findall(r"^filter (\d+) group (-?\d+)$", result.stdout, re.MULTILINE))
        self.assertEqual(16, len(groups))
        for members in ((2, 8, 13), (0, 7, 11, 12)):
            self.assertEqual(1, len({groups[str(number)] for number in members}))
        self.assertEqual("-1", groups["9"])

    def test_the_training_runs_and_is_recorded(self):
        Path("training.py").write_text(block("python", "tensorview.watch"))
        Path("run.tvh5").unlink(missing_ok=True)
        build = Path(os.environ["TENSORVIEW_BUILD"])
        environment = dict(os.environ, PYTHONPATH=str(build / "python"))
        for command in (
            ["/usr/bin/python3", "training.py"],
            [build / "bin/tensorview", "info", "run.tvh5"],
            ["/usr/bin/python3", "-c", 'import tensorview; run = tensorview.open("run.tvh5")\n'
             'print(list(run["0/weights"].steps), run["0/weights"][-1].shape, len(run.scalars["loss"]))'],
            [build / "bin/tensorview", "doctor", "run.tvh5"],
        ):
            result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
            self.assertEqual("", result.stderr, command)
            self.assertEqual(0, result.returncode, command)
            if "-c" in command:
                self.assertIn("[0, 10, 20, 30, 40, 50, 60, 70, 80, 90] (16, 1, 3, 3) 100", result.stdout)

    def test_programs_that_it_names_are_built(self):
        build = Path(os.environ["TENSORVIEW_BUILD"])
        for program in set(re.findall(r"build/bin/([\w-]+)", README)):
            self.assertTrue((build / "bin" / program).exists(), program)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
