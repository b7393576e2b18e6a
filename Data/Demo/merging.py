# SPDX-License-Identifier: BSD-3-Clause
"""Draws how similar filters were merged while a network was trained: the paper's Fig. 8 and 9.

    xvfb-run -a pvpython Data/Demo/merging.py RUN.tvh5 FOLDER [--layer conv1] [--threshold 0.97]
                                         [--linkage Complete]

RUN.tvh5 is what tensorview-lenet writes with --prune-at or --prune-when-groups. For each merge that
took filters out of the layer, the distribution grid before and after it stand side by side in
FOLDER/merging.png. A group has the same colour in all of them; the places of pruned filters are empty.
"""

import argparse
import os
import sys

import paraview.simple as pv

import demo

ALIVE, DEAD = -1, -3
MOST = 8  # merges in one picture: the first ones


def states(groups):
    """Of each filter: -1 alive, -2 pruned, -3 dead, or the filter into which it was merged."""
    return [int(state) for state in demo.numbers(demo.table(groups, 1)["State"])]


def left(state):
    return sum(one in (ALIVE, DEAD) for one in state)


def merges(groups, steps):
    """[(step before, states, step after, states)] wherever filters went."""
    found, before = [], None
    for step in steps:
        groups.UpdatePipeline(step)
        now = step, states(groups)
        if before and left(now[1]) < left(before[1]):
            found.append((*before, *now))
        before = now
    return found


def what_went(before, after):
    """Which filters went into which, in words."""
    went = {}
    for filter_, (was, now) in enumerate(zip(before, after)):
        if was in (ALIVE, DEAD) and now not in (ALIVE, DEAD):
            where = f"went into {now}" if now >= 0 else "dead" if was == DEAD else "removed"
            went.setdefault(where, []).append(str(filter_))
    return "; ".join(f"{', '.join(filters)} {where}" for where, filters in went.items())


def draw(grid, step, title, subtitle, folder, name):
    """The grid at a step, each window with its filter's number."""
    scene = pv.GetAnimationScene()
    scene.UpdateAnimationUsingDataTimeSteps()
    scene.AnimationTime = step
    grid.UpdatePipeline(step)
    view = demo.new_view(title, subtitle)
    demo.show(grid, view)
    demo.frame(view, grid)
    demo.number_windows(view, grid, demo.BLACK, [0.004, 0.006])
    path = demo.save(view, folder, name)
    pv.Delete(view)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", help="run file with the states of the layer's filters")
    parser.add_argument("folder", help="where the picture goes")
    parser.add_argument("--layer", default="conv1")
    parser.add_argument("--threshold", type=float, default=0.97, help="correlation of a group (0.97)")
    parser.add_argument("--linkage", default="Complete", choices=("Complete", "Single"))
    options = parser.parse_args()
    demo.start("merging.py")
    os.makedirs(options.folder, exist_ok=True)

    tensor = options.layer + "/activations"
    run = pv.TensorSnapshotReader(FileName=[os.path.abspath(options.run)], Tensors=[tensor])
    run.UpdatePipelineInformation()
    groups = pv.SimilarityGroups(
        Input=run, Tensor=tensor, Threshold=options.threshold, Linkage=options.linkage
    )
    grid = pv.DistributionGrid(Input=pv.OutputPort(groups, 0), Tensor=tensor)
    found = merges(groups, list(run.TimestepValues))
    if not found:
        sys.exit(f"merging.py: no filters of {options.layer} were merged in {options.run}")
    paths = []
    for number, (before, states_before, after, states_after) in enumerate(found[:MOST]):
        for step, state, words in (
            (before, states_before, f"colour: groups with a correlation of at least {options.threshold:g}"),
            (after, states_after, what_went(states_before, states_after)),
        ):
            title = f"{options.layer}, step {step:.0f}: {left(state)} filters"
            paths.append(draw(grid, step, title, words, options.folder, f"merging-{len(paths)}"))
        print(f"step {after:.0f}: {left(states_after)} filters left; {words}")
    page = demo.sheet(paths, options.folder, columns=2, name="merging")
    for path in paths:
        os.remove(path)
    print("Picture: " + os.path.relpath(page))


if __name__ == "__main__":
    main()
