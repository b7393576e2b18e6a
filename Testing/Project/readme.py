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


def block(language):
    [found] = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return found


class Readme(unittest.TestCase):
    def test_the_c_example_is_the_one_that_compiles(self):
        example = (TOP / "Data/Shim/examples/example.c").read_text()
        shown = example.split("/* README: from here */\n", 1)[1]
        self.assertEqual(shown.strip(), block("c").strip())
        self.assertLessEqual(len(shown.strip().splitlines()), 34)

    def test_the_script_runs(self):
        script = block("python")
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

    def test_programs_that_it_names_are_built(self):
        build = Path(os.environ["TENSORVIEW_BUILD"])
        for program in set(re.findall(r"build/bin/([\w-]+)", README)):
            self.assertTrue((build / "bin" / program).exists(), program)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
