# SPDX-License-Identifier: BSD-3-Clause
"""The command tensorview."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, List, Optional, Union

from . import _paraview, prune
from ._library import TensorViewError
from .differences import diff
from .findings import report
from .reading import Source, Tensor
from .reading import open as open_run
from .repairing import repair
from .requests import ask_merge, merges_of

DESCRIPTION = """Watch neural networks train, in ParaView.

A run is a file (.tvh5) that tensorview.watch(), tensorview.Run or the C library wrote, or
ring:NAME, a run in the memory of this machine. It may still be growing. Weight files of other
frameworks, and folders of checkpoints, are runs too: safetensors, torch, Keras, numpy, ONNX,
TensorFlow.js."""

EXAMPLES = """examples:
  tensorview info run.tvh5                     what is in it
  tensorview doctor run.tvh5                   what is wrong in it
  tensorview diff before.pt after.pt           which tensors changed, and by how much
  tensorview repair damaged.tvh5 whole.tvh5    what is whole in it, as a new file
  tensorview merge ring:lenet conv1 3,5        asks a training to merge two filters
  tensorview view run.tvh5 --live              in ParaView, which follows it
  tensorview render run.tvh5 --output views/   pictures of every view, without a screen

exit status: 0; 1 where something went wrong, which is said in one sentence; 2 for a command line
that is none."""


def parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="tensorview", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=formatter
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, does: Any, short: str, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=short, description=text, formatter_class=formatter)
        one.set_defaults(command=does)
        return one

    info = add("info", _info, "say what is in runs", INFO)
    info.add_argument("runs", nargs="+", metavar="RUN", help="a run file, or ring:NAME")
    view = add("view", _view, "open runs in ParaView", VIEW)
    view.add_argument("runs", nargs="+", metavar="RUN", help="a run file")
    view.add_argument("--live", action="store_true", help="follow the runs while they grow")
    render = add("render", _render, "draw every view of a layer into pictures", RENDER)
    render.add_argument("run", metavar="RUN", help="a run file, a weight file or a folder of checkpoints")
    render.add_argument("--output", metavar="FOLDER", default="views", help="where to (views)")
    render.add_argument("--layer", help="its name in the run (the first)")
    doctor = add("doctor", _doctor, "say what is wrong in a run", DOCTOR)
    doctor.add_argument("runs", nargs="+", metavar="RUN", help="a run file, or ring:NAME")
    changes = add("diff", _diff, "say what changed between two runs or steps", DIFF)
    changes.add_argument("a", metavar="A", help="a run, a weight file or a folder of checkpoints")
    changes.add_argument("b", metavar="B", nargs="?", help="another; without it, two steps of A")
    changes.add_argument("--steps", nargs=2, metavar=("OF_A", "OF_B"), type=_step, help=STEPS)
    changes.add_argument("--kind", action="append", help="weights, bias, ...; may stand several times")
    changes.add_argument("--most", type=int, metavar="N", help="rows of the table (all)")
    mend = add("repair", _repair, "save what is whole in a damaged run", REPAIR)
    mend.add_argument("run", metavar="IN", help="the damaged run file; it is left as it is")
    mend.add_argument("output", metavar="OUT", help="the new run file")
    mend.add_argument("--overwrite", action="store_true", help="replace OUT where it is there")
    merge = add("merge", _merge, "ask a training that goes on to merge filters", MERGE)
    merge.add_argument("run", metavar="RING", help="ring:NAME")
    merge.add_argument("layer", metavar="LAYER", help="its name in the run")
    merge.add_argument("filters", metavar="FILTERS", type=_filters, help="3,5: these become one")
    merge.add_argument("--into", type=int, metavar="N", help="which one of them (the lowest)")
    merge.add_argument("--seconds", type=float, default=60.0, help="to wait for the answer (60)")
    prune.add_arguments(add("prune", prune.command, "make a torch network smaller", PRUNE))
    return top


INFO = """Lists the tensors of a run: name, axes, shape, type, at how many steps it was recorded and
which; its scalars, with their last values; what viewers asked the trainer for, and its answers; what
could not be read, and why; whether its writer has closed it."""
VIEW = """Starts ParaView with the plugin and opens the runs. Returns when ParaView is closed."""
RENDER = """Draws weight grid, image grid, distribution grid, correlation, weight trajectory and
history of one layer at the last step, a picture (.png) each and a sheet with all of them. Needs
pvpython; without a screen, Xvfb too."""


DOCTOR = """Lists the units that are stuck, dead, saturated, exploding, not finite, oscillating, redundant or
never updated, since which step and until when, and what to try. Exit status 0, whatever is found."""
STEPS = """numbers, "first" or "last": the last record at or before that step is compared (last last;
without B, first last)"""
DIFF = """Compares tensors of the same name and lists those that changed, the largest relative change first:

  change     |B - A| / |A|, Euclidean norms of all elements
  largest    the largest difference of an element
  elements   how many are not the same

Then, by name, what did not change, what only one of the two has, and what cannot be compared. Axes that
stand in another order (Keras's and torch's, say) are brought into A's. Activations, gradients, updates
and statistics are compared where --kind asks for them. Exit status 0, whatever is found."""
REPAIR = """Writes a clean run file of what is whole in a run that is damaged, was cut off, or copied while
it was written. Says what was left out, in a sentence for each thing. Records are copied bit for bit."""
MERGE = """Asks the trainer of a training that goes on to let one filter of a layer stand in for others. It may
refuse. Prints its answer; exit status 1 where it refused, does not listen, or did not answer in time."""
PRUNE = """Merges similar filters of a torch network, repairs what is left on unlabelled samples, and
reports what that costs."""


def _info(arguments: argparse.Namespace) -> None:
    for number, path in enumerate(arguments.runs):
        with open_run(path) as run:
            print("\n" * (number > 0) + "\n".join(summary(path, run)))


def _doctor(arguments: argparse.Namespace) -> None:
    for number, path in enumerate(arguments.runs):
        with open_run(path) as run:
            print("\n" * (number > 0) + "\n".join(report(path, run.findings())))


def _step(text: str) -> Union[int, str]:
    return int(text) if text.isdigit() else text


def _diff(arguments: argparse.Namespace) -> None:
    if arguments.most is not None and arguments.most < 0:
        raise TensorViewError(f"--most must be 0 or more, not {arguments.most}")
    found = diff(arguments.a, arguments.b, steps=arguments.steps, kinds=arguments.kind)
    print("\n".join(found.lines(arguments.most)))


def _repair(arguments: argparse.Namespace) -> None:
    print(repair(arguments.run, arguments.output, overwrite=arguments.overwrite))


def _filters(text: str) -> List[int]:
    return [int(number) for number in text.split(",")]


def _merge(arguments: argparse.Namespace) -> int:
    merges = merges_of(arguments.filters, arguments.into)
    answer = ask_merge(arguments.run, arguments.layer, merges, seconds=arguments.seconds)
    print(answer.sentence if answer.accepted else f"refused: {answer.sentence}")
    return 0 if answer.accepted else 1


def _view(arguments: argparse.Namespace) -> int:
    return _paraview.view(arguments.runs, arguments.live)


def _render(arguments: argparse.Namespace) -> int:
    return _paraview.render(arguments.run, arguments.output, arguments.layer)


def summary(path: str, run: Source) -> List[str]:
    """What info prints of a run, as lines."""
    size = f", {_bytes(os.path.getsize(path))}" if os.path.isfile(path) else ""
    state = "complete" if run.complete else "being written, or its writer was ended"
    lines = [f"{path}: {len(run)} tensors of {len({t.layer for t in run.values()})} layers{size}, {state}"]
    rows = [_row(tensor) for tensor in run.values()]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for name, values in run.scalars.items():
        known = values[values == values]
        last = f", last {known[-1]:.6g}" if len(known) else ""
        lines.append(f"  scalar {name}: {len(known)} steps{last}")
    for layer, states in run.states.items():
        lines.append(f"  states of the {states.filters} filters of {layer}: {len(states)} records")
    lines += [f"  asked at step {asked.step}: {asked.sentence}" for asked in run.requests]
    return lines + [f"  note: {note}" for note in run.notes]


def _row(tensor: Tensor) -> List[str]:
    shape = " × ".join(map(str, tensor.shape)) or "1"
    row = [tensor.name, tensor.axes, shape, tensor.type, _steps(tensor)]
    return row if tensor.problem is None else row[:4] + [f"unreadable: {tensor.problem}"]


def _steps(tensor: Tensor) -> str:
    steps = tensor.steps
    if len(steps) < 2:
        return f"step {steps[0]}" if len(steps) else "no record"
    each = {int(one) for one in steps[1:] - steps[:-1]}
    every = f", every {each.pop()}" if len(each) == 1 else ""
    return f"{len(steps)} records, steps {steps[0]} to {steps[-1]}{every}"


def _bytes(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            break
        number /= 1000
    else:
        unit = "TB"
    return f"{number:.0f} {unit}" if number >= 100 or unit == "bytes" else f"{number:.1f} {unit}"


def main(arguments: Optional[List[str]] = None) -> int:
    """What the shell gets back: 0, or 1 where something is wrong."""
    chosen = parser().parse_args(arguments)
    try:
        return chosen.command(chosen) or 0
    except (TensorViewError, OSError) as error:
        print(f"tensorview: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
