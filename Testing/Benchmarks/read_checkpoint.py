# SPDX-License-Identifier: BSD-3-Clause
"""One layer of 411 MB in a weight file of 2 GB: time and memory until its values are there, and until it is
seen, each in a process of its own and beside what people read such files with.

    PYTHONPATH=build/python python3 Testing/Benchmarks/read_checkpoint.py [--folder /tmp/tensorview-large]
                                                                          [--rounds 3] [--table checkpoint.md]

Needs 2 GB of disk at a time, torch, h5py, pvpython and Xvfb; removes what it writes. Files are read from
the page cache, rounds take turns, and the quickest counts. Memory is what the process held at its peak
beyond what it held with everything imported; pages of a mapped file count, too, although the system may
drop them. The picture is a WeightGrid of the whole layer, 1200 x 900, from opening the file on."""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if os.path.abspath(place) != HERE]  # torch.py there is a benchmark
SHAPE, LAYERS, WANTED = (4096, 25088), 5, 2
ROW = f"fc{WANTED}"
MEDIA = {"torch": "large.pt", "safetensors": "large.safetensors", "keras": "large.weights.h5"}
PEERS = {"torch": "torch.load", "safetensors": "numpy.memmap", "keras": "h5py"}


def layers():
    random = np.random.default_rng(0)
    for number in range(LAYERS):
        yield f"fc{number}", random.standard_normal(SHAPE, dtype="f4")


def write(medium, path):
    if medium == "torch":
        import torch

        torch.save({f"{name}.weight": torch.from_numpy(values) for name, values in layers()}, path)
    elif medium == "safetensors":
        size = 4 * SHAPE[0] * SHAPE[1]
        entries = {
            f"fc{n}.weight": {"dtype": "F32", "shape": SHAPE, "data_offsets": [n * size, (n + 1) * size]}
            for n in range(LAYERS)
        }
        header = json.dumps(entries).encode()
        header += b" " * (-len(header) % 8)
        with open(path, "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for _, values in layers():
                values.tofile(file)
    else:
        import h5py

        with h5py.File(path, "w") as file:  # as Keras lays its weights out
            file.attrs["layer_names"] = [f"fc{n}".encode() for n in range(LAYERS)]
            for name, values in layers():
                group = file.create_group(name)
                group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
                group.create_dataset(f"{name}/kernel:0", data=values)


def peer(medium, path):
    if medium == "torch":
        import torch

        return lambda: torch.load(path)[f"{ROW}.weight"].numpy()
    if medium == "keras":
        import h5py

        return lambda: h5py.File(path, "r")[f"{ROW}/{ROW}/kernel:0"][...]

    def work():
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            at = json.loads(file.read(length))[f"{ROW}.weight"]["data_offsets"][0]
        return np.array(np.memmap(path, "<f4", "r", 8 + length + at, SHAPE))

    return work


def ours(path):
    import tensorview

    return lambda: tensorview.open(path)[f"{ROW}/weights"][0]


def picture(path):
    """Runs in pvpython."""
    from paraview import simple

    simple.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], remote=False, ns=simple.__dict__)
    view = simple.CreateView("RenderView")
    view.ViewSize = [1200, 900]
    simple.Render(view)

    def work():
        reader = simple.NetworkFileReader(FileName=[path])
        grid = simple.WeightGrid(Input=reader, Tensor=f"{ROW}/weights")
        simple.Show(grid, view)
        simple.ResetCamera(view)
        simple.Render(view)
        return np.empty(SHAPE, "b1")

    return work


def resident(field):
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith(field)]
    return int(line.split()[1]) * 1024


def measure(who, medium, path):
    work = picture(path) if who == "picture" else ours(path) if who == "ours" else peer(medium, path)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins here
    before = resident("VmRSS")
    begin = time.perf_counter()
    values = work()
    seconds = time.perf_counter() - begin
    assert values.shape == SHAPE
    print("measured", seconds, resident("VmHWM") - before)


def started(who, medium, path):
    """(seconds, bytes) of a process that does it once."""
    command = [sys.executable, __file__, "--measure", who, medium, path]
    if who == "picture":
        display = ["bash", os.path.join(HERE, "..", "Support", "with_display.sh"), "1280x1024"]
        command = [*display, "pvpython", *command[1:]]
    result = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in result.stdout.splitlines() if line.startswith("measured")]
    if not lines:
        sys.exit(f"{who} of {medium} failed:\n{result.stdout}{result.stderr}")
    return tuple(map(float, lines[-1].split()[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", default="/tmp/tensorview-large")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table")
    parser.add_argument("--measure", nargs=3)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    plugin = os.path.join(HERE, "..", "..", "build", "lib", "TensorView", "TensorView.so")
    os.environ.setdefault("TENSORVIEW_PLUGIN", os.path.abspath(plugin))
    os.makedirs(options.folder, exist_ok=True)
    lines = [
        "| file of 2 GB | read by | the layer is in memory | peak memory | the layer is seen | peak memory |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for medium, name in MEDIA.items():
        path = os.path.join(options.folder, name)
        try:
            write(medium, path)
            best = {}
            for _ in range(options.rounds):
                for who in (PEERS[medium], "ours", "picture"):
                    best[who] = min(best.get(who, (np.inf, 0)), started(who, medium, path))
        finally:
            if os.path.exists(path):
                os.remove(path)
        cells = {who: f"{seconds:.2f} s | {memory / 1e6:.0f} MB" for who, (seconds, memory) in best.items()}
        lines.append(f"| {name} | {PEERS[medium]} | {cells[PEERS[medium]]} | | |")
        lines.append(f"| | TensorView | {cells['ours']} | {cells['picture']} |")
        print("\n".join(lines[-2:]), flush=True)
    table = "\n".join(lines) + "\n"
    print(table)
    if options.table:
        with open(options.table, "w") as file:
            file.write(table)


if __name__ == "__main__":
    main()
