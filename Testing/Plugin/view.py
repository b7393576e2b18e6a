# SPDX-License-Identifier: BSD-3-Clause
"""The command that Data/demo.sh ends with, in the real ParaView window: it opens the dashboard, with
no variable of the environment set.

    view.py PARAVIEW RUN.tvh5
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

from window import HERE, environment, log, properties, state

PARAVIEW, RUN = sys.argv[1], os.path.abspath(sys.argv[2])

# In ParaView's place on PATH: ParaView, which says at the end of the script what is shown.
STARTER = """#!/bin/bash
script=${{1#--script=}}
{{ cat "$script"; echo 'SaveState("shown.pvsm.part")'
  echo 'import os; os.rename("shown.pvsm.part", "shown.pvsm")'; }} > script.py
exec {paraview} --script="$PWD/script.py"
"""


def last_command():
    """The words of the last command that Data/demo.sh prints, for this build and the sample."""
    with open(os.path.join(os.environ["TENSORVIEW_SOURCE"], "Data", "demo.sh")) as script:
        lines = re.findall(r"^  (\$PWD/.*)$", script.read(), re.M)
    command = lines[-1].replace("$PWD/build", os.environ["TENSORVIEW_BUILD"])
    return shlex.split(command.replace("$PWD/$run", RUN))


class View(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name in ("shown.pvsm", "shown.pvsm.part"):
            if os.path.exists(name):
                os.remove(name)
        variables = environment()
        for name in ("PV_PLUGIN_PATH", "TENSORVIEW_PLUGIN", "PYTHONPATH"):
            variables.pop(name, None)
        os.makedirs("bin", exist_ok=True)
        with open("bin/paraview", "w") as starter:
            starter.write(STARTER.format(paraview=shlex.quote(PARAVIEW)))
        os.chmod("bin/paraview", 0o755)
        variables["PATH"] = os.path.join(HERE, "bin") + os.pathsep + variables["PATH"]
        with open("paraview.log", "w") as output:
            process = subprocess.Popen(
                last_command(), env=variables, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )
        try:
            deadline = time.monotonic() + 200
            while not os.path.exists("shown.pvsm") and process.poll() is None:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.2)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def test_it_shows_the_views_of_the_run(self):
        self.assertTrue(os.path.exists("shown.pvsm"), log())
        shown, _ = state("shown.pvsm")
        self.assertLessEqual({"Weight", "Activation", "Group", "Step"}, set(shown))

    def test_the_chart_has_its_series(self):
        root = ElementTree.parse("shown.pvsm").getroot()
        [chart] = [p for p in root.iter("Proxy") if p.get("type") == "XYChartRepresentation"]
        series = properties(chart)["SeriesVisibility"]
        drawn = {name for name, visible in zip(series[::2], series[1::2]) if visible == "1"}
        self.assertEqual({"loss", "accuracy"}, drawn)

    def test_nothing_complains(self):
        self.assertEqual([], re.findall(r".*(?:ERR|WARN)\|.*|.*Traceback.*", log()))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
