# SPDX-License-Identifier: BSD-3-Clause
"""The package with the address and undefined-behaviour sanitizers in the C libraries that it calls, while
torch trains: pointers to tensors that move, grow, shrink and go. addresses.py SOURCE"""

import os
import subprocess
import sys

source = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
TESTS = ("statistics_alone", "loops", "layers", "late")  # in one process: torch is loaded once
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return done


def library(name):
    path = run(["gcc", f"-print-file-name={name}"]).stdout.strip()
    return path if os.path.isabs(path) else None


asan, standard = library("libasan.so"), library("libstdc++.so")
if not asan or not standard:
    print("skipped: there is no libasan")
    sys.exit(0)
run(["cmake", "-S", source, "-B", "build", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", f"-DCMAKE_C_FLAGS={FLAGS}",
     "-DTENSORVIEW_PLUGIN=OFF", "-DTENSORVIEW_TRAINERS=OFF", "-DTENSORVIEW_SANITIZE=address,undefined"])  # fmt: skip
run(["cmake", "--build", "build", "--parallel", "2", "--target", "tensorview_python_package"])
environment = {
    **os.environ,
    "LD_PRELOAD": f"{asan} {standard}",  # torch throws, and the interpreter is linked with neither
    "ASAN_OPTIONS": "detect_leaks=0",
    "PYTHONPATH": os.pathsep.join([os.path.abspath("build/python"), here, os.environ.get("PYTHONPATH", "")]),
}
print(run([sys.executable, "-m", "unittest", *TESTS], env=environment).stderr.splitlines()[-3:])

# It would notice a pointer that is wrong.
broken = subprocess.run(
    [sys.executable, "-c", """
import ctypes, numpy, tensorview
from tensorview import kernels
values, data = numpy.zeros((4, 8), "f4"), numpy.zeros(4 * 96 - 16, "f4")  # a few numbers too few
item = kernels.Item(view=kernels.view("oi", (4, 96)), data=data.ctypes.data)
kernels.measure(ctypes.byref(item), 1, values.ctypes.data)
"""],
    env=environment, capture_output=True, text=True,
)  # fmt: skip
assert broken.returncode != 0 and "AddressSanitizer" in broken.stderr, broken.stderr
