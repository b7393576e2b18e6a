#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Weak and strong scaling of reader, views and correlation over MPI ranks.

    weak_scaling.py [--ranks 1,2,4] [--filters 256] [--folder FOLDER] [--output FILE.md]

For each number of ranks N runs of `mpiexec -n N pvbatch`: on a layer of N times as many filters of
224 x 224 (weak: the share of each rank stays), on one layer for all N (strong), and on the weights
of one fully connected layer, 103 million in 4,096 rows of 25,088. Each rank measures itself; the
tables have the slowest rank's time, and the largest rank's peak memory beyond what it had before
that stage. Beside each stands its ratio to one rank. The last column is each rank's peak (VmHWM)
over the whole run, beyond what ParaView itself takes before anything is read. Where a run fails,
nothing is printed for it but why. 2 to 4 minutes on two cores.

The layers are made by make_large.py. The environment: TENSORVIEW_PLUGIN, or build/ beside this.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
CONVOLUTION = ("read", "image grid", "distribution grid", "correlation")
MATRIX = ("read", "image grid", "weight grid", "distribution grid", "image in full")


# What follows runs inside pvbatch, once on each rank.


def resident(peak):
    """Bytes of this process in memory: now, or at most since it started or peak was reset."""
    name = "VmHWM:" if peak else "VmRSS:"
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(name):
                return 1024 * int(line.split()[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # then a peak is that of the whole run, which is not less


def measure(path, plugin, results, *stages):
    from paraview import simple as pv
    from vtkmodules.vtkParallelCore import vtkMultiProcessController

    controller = vtkMultiProcessController.GetGlobalController()
    pv.LoadPlugin(plugin, remote=False, ns=pv.__dict__)
    rank, found = controller.GetLocalProcessId(), {"peak": 0}

    def stage(name, update):
        controller.Barrier()
        reset_peak()
        before, begin = resident(False), time.time()
        update()
        controller.Barrier()
        found[name] = {"seconds": time.time() - begin, "peak": resident(True) - before}
        found["peak"] = max(found["peak"], resident(True) - start)

    run = pv.TensorSnapshotReader(FileName=[path])
    run.UpdatePipelineInformation()
    start = resident(False)
    for name in stages:
        source = {
            "read": lambda: run,
            "image grid": lambda: pv.ImageGrid(Input=run, IndexArrays="Off"),
            "image in full": lambda: pv.ImageGrid(Input=run, IndexArrays="Off", MaximumCells=2**31 - 1),
            "weight grid": lambda: pv.WeightGrid(Input=run),
            "distribution grid": lambda: pv.DistributionGrid(Input=run),
            "correlation": lambda: pv.SimilarityGroups(Input=run),
        }[name]()
        stage(name, lambda: source.UpdatePipeline(0))
    with open(os.path.join(results, "%d.json" % rank), "w") as file:
        json.dump(found, file)
    controller.Barrier()


# And this outside of it.


def run_ranks(ranks, path, plugin, stages):
    """{stage: (slowest seconds, largest peak), "peaks": of each rank}, or a string that says why not."""
    environment = dict(os.environ, OMP_WAIT_POLICY="passive", OMPI_ALLOW_RUN_AS_ROOT="1",
                       OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    with tempfile.TemporaryDirectory() as results:
        command = ["mpiexec", "--oversubscribe", "-n", str(ranks), "pvbatch", "--symmetric",
                   os.path.abspath(__file__), "--inside", path, plugin, results, *stages]
        if not environment.get("DISPLAY"):
            command = ["xvfb-run", "-a"] + command
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode or len(os.listdir(results)) != ranks:
            return "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
        all_ranks = []
        for rank in range(ranks):
            with open(os.path.join(results, "%d.json" % rank)) as file:
                all_ranks.append(json.load(file))
    found = {
        stage: tuple(max(rank[stage][what] for rank in all_ranks) for what in ("seconds", "peak"))
        for stage in stages
    }
    found["peaks"] = [rank["peak"] for rank in all_ranks]
    return found


def table(title, rows, stages):
    """rows: [(ranks, MB of the layer, result)] as Markdown, ratios to the first row."""
    lines = ["### " + title, "", "| ranks | layer | " + " | ".join(stages) + " | peak of each rank |",
             "| ---: | ---: |" + " ---: |" * (len(stages) + 1)]
    first = rows[0][2]
    for ranks, size, result in rows:
        if isinstance(result, str):
            lines.append("| %d | %.0f MB | %s |" % (ranks, size, result))
            continue
        cells = []
        for stage in stages:
            seconds, peak = result[stage]
            cell = "%.2f s, %.0f MB" % (seconds, peak / 1e6)
            if not isinstance(first, str) and ranks != rows[0][0]:
                cell += " (%.2f, %.2f)" % (seconds / first[stage][0], peak / max(1, first[stage][1]))
            cells.append(cell)
        cells.append(", ".join("%.0f" % (peak / 1e6) for peak in result["peaks"]) + " MB")
        lines.append("| %d | %.0f MB | %s |" % (ranks, size, " | ".join(cells)))
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="1,2,4")
    parser.add_argument("--filters", type=int, default=256, help="of each rank, and of the strong case")
    parser.add_argument("--folder", default=os.path.join(TOP, "build", "benchmarks", "large"))
    parser.add_argument("--output", default=os.path.join(TOP, "build", "benchmarks", "weak_scaling.md"))
    arguments = parser.parse_args()
    plugin = os.path.abspath(os.environ.get("TENSORVIEW_PLUGIN") or os.path.join(
        TOP, "build", "lib", "TensorView", "TensorView.so"))
    if not os.path.exists(plugin):
        sys.exit("weak_scaling.py: there is no plugin at %s; build it first" % plugin)
    ranks = [int(number) for number in arguments.ranks.split(",")]

    sys.path.insert(0, HERE)
    import make_large

    def layer(filters):
        path = make_large.make(arguments.folder, "activations", steps=1, filters=filters)
        return os.path.abspath(path), 4e-6 * filters * 224 * 224

    def matrix():
        return os.path.abspath(make_large.make(arguments.folder, "matrix")), 4e-6 * 4096 * 25088

    cases = [
        ("Weak scaling: %d filters for each rank" % arguments.filters, CONVOLUTION,
         lambda number: layer(number * arguments.filters)),
        ("Strong scaling: %d filters for all" % arguments.filters, CONVOLUTION,
         lambda number: layer(arguments.filters)),
        ("Strong scaling: one matrix for all", MATRIX, lambda number: matrix()),
    ]
    text = "%d cores. Seconds of the slowest rank, peak memory of the largest; ratios to one rank.\n" % (
        os.cpu_count())
    failed = False
    for title, stages, make in cases:
        rows = []
        for number in ranks:
            path, size = make(number)
            rows.append((number, size, run_ranks(number, path, plugin, stages)))
            failed |= isinstance(rows[-1][2], str)
            print("%s, %d ranks: done" % (title, number), flush=True)
        text += "\n" + table(title, rows, stages)
    os.makedirs(os.path.dirname(os.path.abspath(arguments.output)), exist_ok=True)
    with open(arguments.output, "w") as file:
        file.write(text)
    print(text)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--inside":
        measure(*sys.argv[2:])
    else:
        main()
