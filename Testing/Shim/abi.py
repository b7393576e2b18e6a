# SPDX-License-Identifier: BSD-3-Clause
"""Programs that were built with the last release still run: the library's binary interface beside the
stored one, by libabigail. Functions may be added; nothing may be changed or taken away.

abi.py SOURCE             compares with Testing/Shim/tensorview.abi
abi.py SOURCE --store     stores it: at a release, with a number of its own where it breaks a program"""

import os
import shutil
import subprocess
import sys

SOURCE = sys.argv[1]
BASELINE = f"{SOURCE}/Testing/Shim/tensorview.abi"
INCOMPATIBLE = 8  # a bit of abidiff's exit status


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def describe(path):
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run("cmake", "-S", f"{SOURCE}/Data/Shim", "-B", "abi", "-DCMAKE_BUILD_TYPE=Debug", *launcher)
    run("cmake", "--build", "abi", "--target", "tensorview")
    os.makedirs("headers", exist_ok=True)
    for folder in (f"{SOURCE}/Data/Shim/include/tensorview", f"{SOURCE}/Filters/Kernels/Base/tensorview"):
        shutil.copytree(folder, "headers", dirs_exist_ok=True)
    run("abidw", "--headers-dir", "headers", "--drop-private-types", "--exported-interfaces-only", "--no-show-locs", "--no-comp-dir-path",
        "--no-corpus-path", "--no-elf-needed", "--out-file", path, os.path.realpath("abi/libtensorview.so"))
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write("".join(line.lstrip() + "\n" for line in text.splitlines()))


def broken(before, after):
    done = subprocess.run(["abidiff", before, after], capture_output=True, text=True, timeout=60)
    assert not done.returncode & 3, (done.returncode, done.stdout, done.stderr)
    return done.returncode & INCOMPATIBLE, done.stdout


if not shutil.which("abidw"):
    print("skipped: abigail-tools is not installed")
    sys.exit(0)
if "--store" in sys.argv:
    describe(BASELINE)
    sys.exit(0)
describe("now.abi")
with open(BASELINE) as old, open("now.abi") as new:
    versions = [file.readline().partition("version='")[2][:1] for file in (old, new)]
if versions[0] != versions[1]:
    print(f"skipped: libabigail here writes format {versions[1]}, the stored one is {versions[0]}")
    sys.exit(0)
bad, said = broken(BASELINE, "now.abi")
assert not bad, said
print("as before" if not said else said)

# It would notice a function that is gone.
with open("now.abi") as file:
    text = file.read()
assert "tv_end_step" in text
with open("less.abi", "w") as file:
    file.write("\n".join(line for line in text.splitlines() if "name='tv_end_step' type=" not in line))
bad, _ = broken(BASELINE, "less.abi")
assert bad, "a function that was taken away was not noticed"
