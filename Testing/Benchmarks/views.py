# SPDX-License-Identifier: BSD-3-Clause
"""The views at full size, each figure as a ratio to its peer in the same run.

    TENSORVIEW_PLUGIN=build/lib/TensorView/TensorView.so \\
        /usr/bin/python3 Testing/Benchmarks/views.py [--folder /tmp/large] [--rounds 3]
                                                     [--table views.md] [--csv]

[64, 224, 224] as an image against the same points as .vtp (and, with --csv, as .csv, which takes
minutes); the envelope of its curves against all their points; the 4096 x 25088 matrix against
reading it with h5py. Cases take turns, each in a process of its own, and the quickest of its rounds
counts. A ratio is printed only where its peer ran; that of processor time is the one to trust on a
busy machine. views_case.py says what a frame is, and how the view is set for all. What ParaView
itself takes for an empty view and for the smallest image bounds every ratio, and is printed too."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import h5py

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--folder", type=Path, default=Path("/tmp/tensorview-large"))
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--table", type=Path)
parser.add_argument("--csv", action="store_true")
options = parser.parse_args()

environment = dict(os.environ)
environment.setdefault("OMP_WAIT_POLICY", "passive")
environment.setdefault(
    "TENSORVIEW_PLUGIN", str(HERE.parents[1] / "build/lib/TensorView/TensorView.so")
)
environment["PYTHONPATH"] = str(HERE.parent / "Support")


def pvpython(*arguments):
    command = [] if "DISPLAY" in os.environ else ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24"]
    command.append("pvpython")
    result = subprocess.run(
        [*command, str(HERE / "views_case.py"), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode or (not lines and arguments[0] != "save"):
        print(f"{arguments[0]} did not run: {(result.stdout + result.stderr)[-600:]}")
        return None
    return json.loads(lines[-1]) if lines else None


def compete(cases):
    """The best of each figure over all rounds, by case; cases that fail are left out."""
    best = {}
    for _ in range(options.rounds):
        for name, arguments in cases.items():
            figures = pvpython(*arguments)
            if figures is None:
                continue
            known = best.setdefault(name, figures)
            best[name] = {key: min(known[key], figures[key]) for key in known}
    return best


def read_with_h5py(path):
    best = float("inf")
    for _ in range(options.rounds):
        start = time.perf_counter()
        with h5py.File(path, "r") as file:
            values = file["layers/fc6/weights/values"][0]
        best = min(best, time.perf_counter() - start)
    return best, values.nbytes / 2**20


rows = []


def row(what, value, unit, aim=""):
    rows.append(f"| {what} | {value:.3g} {unit} | {aim} |")
    print(rows[-1], flush=True)


def ratio(what, best, slow, fast, figure, aim=""):
    if slow in best and fast in best:
        row(what, best[slow][figure] / best[fast][figure], "times", aim)
        figure += " cpu"
        row("... in processor time", best[slow][figure] / best[fast][figure], "times", aim)


options.folder.mkdir(parents=True, exist_ok=True)
subprocess.run(
    [sys.executable, HERE / "make_large.py", options.folder, "activations", "convolution", "matrix"]
    + ["--steps", "4"],
    check=True,
)
activations = next(options.folder.glob("activations_4*.tvh5"))
matrix, convolution = options.folder / "matrix.tvh5", options.folder / "convolution.tvh5"
saved = options.folder / "activations"
if not saved.with_suffix(".csv").exists():
    pvpython("save", activations, saved)

bounds = compete({"empty": ("empty", "none"), "smallest": ("smallest", "none")})
if "empty" in bounds:
    row("an empty view: each frame", bounds["empty"]["frame"], "s")
if "smallest" in bounds:
    row("an image of 100 x 100: to first picture", bounds["smallest"]["picture"], "s")

# The bare image has what is in the files: no index arrays.
cases = {"image": ("image", activations), "bare image": ("bare image", activations)}
cases |= {"vtp": ("vtp", saved.with_suffix(".vtp"))}
if options.csv:
    cases["csv"] = ("csv", saved.with_suffix(".csv"))
best = compete(cases)
for name in best:
    row(f"[64, 224, 224] as {name}: file to first picture", best[name]["picture"], "s")
    row(f"[64, 224, 224] as {name}: each further frame", best[name]["frame"], "s")
best.update(bounds)
ratio("image against .vtp: file to first picture", best, "vtp", "image", "picture", "5")
ratio("image against .vtp: each further frame", best, "vtp", "image", "frame", "10")
ratio("image against .csv: file to first picture", best, "csv", "image", "picture", "80")
ratio("... without index arrays, as in the .csv", best, "csv", "bare image", "picture", "80")
ratio("... the smallest image in its place", best, "csv", "smallest", "picture")
ratio("empty view against .vtp: each further frame", best, "vtp", "empty", "frame")

best = compete({name: (name, activations) for name in ("envelope", "points", "line")})
for name in best:
    row(f"[64, 224, 224], distribution grid, {name}: each frame", best[name]["frame"], "s")
ratio("envelope against points: each frame", best, "points", "envelope", "frame", "10")
ratio("envelope against line: each frame", best, "line", "envelope", "frame", "10")

best = compete({"weights": ("weights", matrix), "image": ("weights as image", matrix)})
seconds, size = read_with_h5py(matrix)
row("[4096, 25088]: h5py reads it", seconds, "s")
for name in best:
    row(f"[4096, 25088] as {name}: file to data", best[name]["load"], "s")
    row(f"... against h5py", best[name]["load"] / seconds, "times", "below 2")
    row(f"... file to first picture", best[name]["picture"], "s", "below 8")
    row(f"... frames a second", 1 / best[name]["frame"], "", "15")
    row(f"... peak memory against its {size:.0f} MB", best[name]["peak"] / size, "times", "below 2.5")
    row(f"... cells", best[name]["cells"], "")

best = compete({"weights": ("weights", convolution), "image": ("weights as image", convolution)})
for name in best:
    row(f"[512, 512, 3, 3] as {name}: file to first picture", best[name]["picture"], "s", "below 8")
    row(f"... frames a second", 1 / best[name]["frame"], "", "15")
    row(f"... cells", best[name]["cells"], "")

if options.table:
    head = "| what | measured | aim |\n| --- | --- | --- |\n"
    options.table.write_text(head + "\n".join(rows) + "\n")
