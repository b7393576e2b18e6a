# SPDX-License-Identifier: BSD-3-Clause
"""Writes every view and table of a training run as files.

    pvpython Plugin/Scripts/export.py RUN.tvh5 [--output FOLDER] [--steps STEPS] [...]

For each chosen step: WeightGrid, ImageGrid, DistributionGrid, the groups of similar filters and
their correlation matrix; once: the history and the weight trajectory. Views are written as .vtp
or .vti and as .csv, tables as .csv. The files of a view over all steps open in ParaView as one
series. Needs no display.
"""

import argparse
import bisect
import os
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(
        prog="export.py", description="Write every view and table of a training run as files."
    )
    parser.add_argument("run", help="run file, .tvh5")
    parser.add_argument("--output", default="export", help="folder for the files (export)")
    parser.add_argument(
        "--steps",
        default="last",
        help="'last', 'all', 'every:N' (each Nth recorded step) or steps, e.g. 0,100,2000; "
        "for a step that was not recorded the last one before it is written (last)",
    )
    parser.add_argument("--weights", default="", help="tensor, e.g. conv2/weights (the first)")
    parser.add_argument("--activations", default="", help="tensor, e.g. conv2/activations (the first)")
    parser.add_argument("--threshold", type=float, default=0.97, help="of the similarity groups (0.97)")
    parser.add_argument("--no-csv", action="store_true", help="write .vtp and .vti only, and the tables")
    parser.add_argument("--plugin", default="", help="TensorView.so (the one built in build/)")
    return parser.parse_args()


def find_plugin(given):
    """The plugin: as given, from the environment, beside this script, or from the build folder."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [
        given,
        os.environ.get("TENSORVIEW_PLUGIN", ""),
        os.path.join(here, "..", "TensorView.so"),
        os.path.join(here, "..", "..", "build", "lib", "TensorView", "TensorView.so"),
    ]
    for place in places:
        if place and os.path.isfile(place):
            return os.path.abspath(place)
    sys.exit("export.py: TensorView.so was not found; name it with --plugin")


def choose_steps(text, recorded):
    """Recorded steps, ascending, each once."""
    if not recorded:
        return []
    if text == "last":
        return recorded[-1:]
    if text == "all":
        return recorded
    try:
        if text.startswith("every:"):
            return recorded[:: max(1, int(text[6:]))]
        wanted = [int(step) for step in text.split(",")]
    except ValueError:
        sys.exit(f"export.py: '{text}' is not last, all, every:N or steps such as 0,100")
    chosen = {recorded[max(0, bisect.bisect_right(recorded, step) - 1)] for step in wanted}
    return sorted(chosen)


class Progress:
    """One line that is drawn again and again; on a file or a pipe, a line for each tenth."""

    def __init__(self, total):
        self.total, self.done, self.start, self.shown = max(1, total), 0, time.monotonic(), -1

    def advance(self):
        self.done += 1
        share = self.done / self.total
        left = (time.monotonic() - self.start) / share * (1 - share)
        bar = "#" * round(30 * share)
        line = f"[{bar:<30}] {self.done}/{self.total} files, {left:.0f} s left"
        if sys.stderr.isatty():
            end = "\n" if self.done == self.total else ""
            sys.stderr.write("\r" + line + "   " + end)
        elif int(10 * share) > self.shown:
            self.shown = int(10 * share)
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


def main():
    options = arguments()
    if not os.path.isfile(options.run):
        sys.exit(f"export.py: there is no file {options.run}")
    plugin = find_plugin(options.plugin)
    import paraview.simple as pv

    pv._DisableFirstRenderCameraReset()
    pv.LoadPlugin(plugin, remote=False, ns=pv.__dict__)
    os.makedirs(options.output, exist_ok=True)

    run = pv.TensorSnapshotReader(FileName=[options.run])
    run.UpdatePipelineInformation()
    recorded = sorted(int(step) for step in run.TimestepValues)
    steps = choose_steps(options.steps, recorded)
    if not steps:
        sys.exit(f"export.py: {options.run} has no complete step")

    groups = pv.SimilarityGroups(Input=run, Threshold=options.threshold)
    weights = pv.WeightGrid(Input=pv.OutputPort(groups, 0))
    images = pv.ImageGrid(Input=pv.OutputPort(groups, 0), IndexArrays="On")
    distributions = pv.DistributionGrid(Input=pv.OutputPort(groups, 0))
    trajectory = pv.WeightTrajectory(Input=pv.OutputPort(run, 1))
    if options.weights:
        weights.Tensor = options.weights
    if options.activations:
        for view in (groups, images, distributions):
            view.Tensor = options.activations

    # What is written: name, where it comes from, its kind of file, the numbers of its .csv.
    views = [
        ("WeightGrid", weights, 0, "vtp", "Cell Data"),
        ("ImageGrid", images, 0, "vti", "Cell Data"),
        ("DistributionGrid", distributions, 0, "vtp", "Point Data"),
        ("Correlation", groups, 2, "vti", "Cell Data"),
        ("SimilarityGroups", groups, 1, "csv", "Row Data"),
    ]
    once = [
        ("WeightTrajectory", trajectory, 0, "vtp", "Point Data"),
        ("History", run, 1, "csv", "Row Data"),
    ]

    def files(name, suffix):
        """File names without folder, one or two for each entry."""
        names = [f"{name}.{suffix}"]
        if suffix != "csv" and not options.no_csv:
            names.append(f"{name}.csv")
        return names

    total = sum(len(files(*entry[::3][:2])) for entry in once)
    total += len(steps) * sum(len(files(*entry[::3][:2])) for entry in views)
    progress = Progress(total)

    def write(name, source, port, suffix, numbers):
        output = pv.OutputPort(source, port)
        for file in files(name, suffix):
            path = os.path.join(options.output, file)
            if file.endswith(".csv"):
                # Nine digits give every float32 back.
                settings = {"Precision": 9, "UseScientificNotation": 0}
                if numbers != "Row Data":
                    settings["FieldAssociation"] = numbers
                pv.SaveData(path, proxy=output, **settings)
            else:
                # Inline: ParaView 5.11 on Debian 12 cannot read back what is appended.
                pv.SaveData(path, proxy=output, DataMode="Binary")
            progress.advance()

    scene = pv.GetAnimationScene()
    scene.UpdateAnimationUsingDataTimeSteps()
    for entry in once:
        entry[1].UpdatePipeline(steps[-1])
        write(*entry)
    width = len(str(recorded[-1]))
    for step in steps:
        scene.AnimationTime = step
        for name, source, port, suffix, numbers in views:
            source.UpdatePipeline(step)
            write(f"{name}_{step:0{width}d}", source, port, suffix, numbers)
    print(f"{progress.done} files in {options.output}")


if __name__ == "__main__":
    main()
