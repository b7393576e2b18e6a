#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every unit at every step of a long run, in ParaView: seconds to the first picture, and frames a second.

    PYTHONPATH=build/python Testing/Support/with_display.sh 1280x1024 \\
        /usr/bin/python3 Testing/Benchmarks/timeline.py --folder FOLDER [--steps 44000] [--layers 60]

Makes a run of statistics alone (80 units a layer; 44,000 steps of 60 layers take 7.6 GB and a few minutes)
if it is not in the folder yet, and prints beside it what the same views of 100 steps take, which is
ParaView's own. "open": the reader and the list of steps; "first picture": UnitTimeline and its findings,
opening included; "timeline", "overview": frames a second while time goes through steps, each in seconds on
the clock and of all threads."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
if str(HERE) in sys.path:
    sys.path.remove(str(HERE))  # a benchmark in this folder is called torch.py
UNITS, FRAMES = 80, 60


def make(path, steps, layers):
    """Weights that go on learning: update/weight around 1e-3, different in each unit."""
    import numpy as np

    import tensorview

    random = np.random.default_rng(1)
    partial = path.with_suffix(".partial.tvh5")
    with tensorview.Run(partial, overwrite=True) as run:
        measures = len(tensorview.kernels.MEASURES)
        names = [f"layer{at // 10}.{at % 10}.conv" for at in range(layers)]
        streams = [run.declare(name, "weights_statistics", "cx", (UNITS, measures)) for name in names]
        rows = np.zeros((64, UNITS, measures), "f4")
        at = {name: number for number, name in enumerate(tensorview.kernels.MEASURES)}
        for name, low, high in (("least", -3, -3), ("greatest", 3, 3), ("rms", 0.9, 1.1), ("update", 5e-4, 2e-3)):
            rows[..., at[name]] = random.uniform(low, high, rows.shape[:2])
        for step in range(steps):
            for stream in streams:
                run.write(stream, step, rows[random.integers(len(rows))])
    partial.rename(path)


def measure(path):
    """In pvpython: a line of JSON."""
    sys.path.insert(0, str(HERE.parent / "Support"))
    from paraview import simple
    from tensors import load_plugin

    load_plugin()
    found = {}

    def note(name, start):
        found[name] = [time.perf_counter() - start[0], time.process_time() - start[1]]

    def now():
        return time.perf_counter(), time.process_time()

    view = simple.CreateView("RenderView")
    view.ViewSize = [1200, 900]
    simple.Render(view)
    start = now()
    reader = simple.TensorSnapshotReader(FileName=[path])
    reader.UpdatePipelineInformation()
    steps = list(reader.TimestepValues)
    note("open", start)
    timeline = simple.UnitTimeline(Input=reader)
    simple.Show(timeline, view)
    simple.Render(view)
    note("first picture", start)
    chosen = [steps[at * (len(steps) - 1) // FRAMES] for at in range(1, FRAMES + 1)]

    def play(name):
        start = now()
        for at in chosen:
            view.ViewTime = at
            simple.Render(view)
        note(name, start)

    play("timeline")
    simple.Hide(timeline, view)
    simple.Show(simple.NetworkOverview(Input=reader), view)
    simple.Render(view)
    play("overview")
    print(json.dumps(found), flush=True)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=44000)
    parser.add_argument("--layers", type=int, default=60)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = {}
    for steps in (100, options.steps):
        path = options.folder / f"timeline-{options.layers}-{steps}.tvh5"
        if not path.exists():
            make(path, steps, options.layers)
        output = subprocess.run(["pvpython", __file__, "--measure", path], check=True, stdout=subprocess.PIPE, text=True)
        results[steps] = json.loads(output.stdout.splitlines()[-1])
    (small, large), load = results.values(), os.getloadavg()[0]
    print(f"{options.layers * UNITS:,} units, {options.steps:,} steps, load {load:.1f}; beside it 100 steps")
    for name in ("open", "first picture"):
        (wall, cpu), (small_wall, small_cpu) = large[name], small[name]
        print(f"{name:14} {wall:.2f} s ({cpu:.2f} s of processor time); {small_wall:.2f} ({small_cpu:.2f})")
    for name in ("timeline", "overview"):
        (wall, cpu), (small_wall, _) = large[name], small[name]
        print(f"{name:14} {FRAMES / wall:.1f} frames/s ({1000 * cpu / FRAMES:.0f} ms); {FRAMES / small_wall:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        main()
