# SPDX-License-Identifier: BSD-3-Clause
"""Files of the shim are what the table says, while they are written, when the writer is killed, and
closed. shim.py WRITER"""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import shim
import table

WRITER = sys.argv[1]


def fresh(path):
    if os.path.exists(path):
        os.remove(path)
    return path


def main():
    for steps in (1, 2, 60, 300):
        subprocess.run([WRITER, fresh("closed.tvh5"), str(steps), "0.01", "0"], check=True, timeout=60)
        table.check("closed.tvh5")

    writer = subprocess.Popen(
        [WRITER, fresh("growing.tvh5"), "100000", "0", "2000"], stdout=subprocess.DEVNULL
    )
    time.sleep(1)
    for _ in range(10):
        table.check("growing.tvh5", recent=20)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    table.check("growing.tvh5")

    with shim.Run(fresh("empty.tvh5")) as run:  # declared, and never written
        run.declare("a", "weights", shim.TV_FLOAT16, "oi", (3, 4))
        run.declare("b", "activations", shim.TV_BFLOAT16, "nhwc", (3, 4, 5, 6))
        run.declare_filters("a", 3)
    table.check("empty.tvh5")
    with shim.Run(fresh("nothing.tvh5")):
        pass
    table.check("nothing.tvh5")
    with shim.Run(fresh("scalars.tvh5")) as run:
        for step in range(3):
            run.record(step, "loss", np.nan)
            run.record(step, "précision", step)
    table.check("scalars.tvh5")


main()
