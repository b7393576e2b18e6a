"""The command tensorview."""

from __future__ import annotations

import argparse
import sys
from typing import List, Optional

from . import _paraview, prune
from ._library import TensorViewError

DESCRIPTION = "Watch neural networks train, in ParaView."


def parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="tensorview", description=DESCRIPTION, formatter_class=formatter
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    view = commands.add_parser(
        "view",
        help="open runs in ParaView",
        description="Starts ParaView with the plugin and opens the runs.",
        formatter_class=formatter,
    )
    view.add_argument("runs", nargs="+", metavar="RUN", help="a run file (.tvh5)")
    view.add_argument("--live", action="store_true", help="follow the runs while they grow")
    view.set_defaults(command=lambda arguments: _paraview.view(arguments.runs, arguments.live))

    smaller = commands.add_parser(
        "prune",
        help="make a torch checkpoint smaller",
        description="Merges filters that the network can do without, and writes the smaller weights.",
        formatter_class=formatter,
    )
    prune.add_arguments(smaller).set_defaults(command=prune.command)
    return top


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
