# SPDX-License-Identifier: BSD-3-Clause
"""Draws VGG16's first layer over photographs: the pictures of the paper's Fig. 10 to 13.

    xvfb-run -a pvpython Data/Demo/vgg.py RUN.tvh5 FOLDER

RUN.tvh5 is what tensorview-vgg16 writes, each batch a step; Data/Demo/vgg.sh makes one and calls this.
Written to FOLDER: the image grid of the first batch, two pairs of similar filters at full size,
the sums of 10, 100 and 1,000 batches as far as the run goes, and the distribution grid with the
groups of similar filters.
"""

import os
import sys

import paraview.simple as pv

import demo

ACCUMULATED = (10, 100, 1000)
DECADES = 3


def at(source, step):
    """The source's output at a step, and every view from now on at that step."""
    scene = pv.GetAnimationScene()
    scene.UpdateAnimationUsingDataTimeSteps()
    scene.AnimationTime = step
    source.UpdatePipeline(step)


def scale_colors(display, source, decades):
    """Colours for what the source holds: linear from 0 if decades is 0, otherwise logarithmic over
    that many powers of ten. Filters of one layer differ by factors of a thousand."""
    lut = display.LookupTable
    lut.AutomaticRescaleRangeMode = "Never"
    least, most = source.CellData["Activation"].GetRange()
    if decades and most > 0:
        lut.RescaleTransferFunction(most * 10.0**-decades, most)
        if not lut.UseLogScale:
            lut.MapControlPointsToLogSpace()
            lut.UseLogScale = 1
    else:
        if lut.UseLogScale:
            lut.MapControlPointsToLinearSpace()
            lut.UseLogScale = 0
        lut.RescaleTransferFunction(least, most)


def draw_grid(source, folder, name, title, subtitle, color=demo.WHITE, decades=0):
    view = demo.new_view(title, subtitle)
    display = demo.show(source, view)
    if decades:
        scale_colors(display, source, decades)
    demo.frame(view, source)
    demo.number_windows(view, source, color, [0.004, 0.006])
    path = demo.save(view, folder, name)
    pv.Delete(view)
    return path


def draw_pair(run, pair, correlation, folder, name):
    """Two filters' pictures side by side, each with all its pixels."""
    paths = []
    for filter_ in pair:
        grid = pv.ImageGrid(Input=run, FilterRange=[filter_, filter_])
        grid.UpdatePipeline(0)
        view = demo.new_view(
            f"Filter {filter_}", f"correlation of {pair[0]} and {pair[1]}: {correlation:.3f}"
        )
        display = demo.show(grid, view)
        scale_colors(display, grid, 0)
        display.SetScalarBarVisibility(view, False)
        demo.frame(view, grid)
        paths.append(demo.save(view, folder, f"{name}-{filter_}"))
        pv.Delete(view)
        pv.Delete(grid)
    page = demo.sheet(paths, folder, columns=2, name=name)
    for path in paths:
        os.remove(path)
    return page


def similar_pairs(groups):
    """[(correlation, representative, filter)] of all that stand in a group."""
    columns = {name: demo.numbers(column) for name, column in demo.table(groups, 1).items()
               if name in ("Filter", "Group", "Representative", "Correlation")}
    rows = zip(*(columns[name] for name in ("Filter", "Group", "Representative", "Correlation")))
    return sorted(
        (correlation, int(representative), int(filter_))
        for filter_, group, representative, correlation in rows
        if group >= 0 and filter_ != representative
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    demo.start("vgg.py")
    os.makedirs(folder, exist_ok=True)

    run = pv.TensorSnapshotReader(FileName=[path])
    run.UpdatePipelineInformation()
    steps = list(run.TimestepValues)
    at(run, 0)
    groups = pv.SimilarityGroups(Input=run)
    at(groups, 0)
    layer = groups.GetProperty("Tensor").GetElement(0).split("/")[0]
    pictures = []

    grid = pv.ImageGrid(Input=pv.OutputPort(groups, 0), IndexArrays="On")
    at(grid, 0)
    pictures.append(
        draw_grid(
            grid,
            folder,
            "fig10",
            "Activations of the first batch",
            f"layer {layer}; colours are logarithmic",
            decades=DECADES,
        )
    )

    pairs = similar_pairs(groups)
    threshold = groups.Threshold
    if pairs:
        for name, (correlation, first, second) in (("fig11a", pairs[-1]), ("fig11b", pairs[0])):
            pictures.append(draw_pair(run, (first, second), correlation, folder, name))

    # The first batch's groups stay: ParaView would regroup the sums, and that is another question.
    distribution = pv.DistributionGrid(Input=pv.OutputPort(groups, 0))
    at(distribution, 0)
    pictures.append(
        draw_grid(
            distribution,
            folder,
            "fig13",
            "Distribution grid of the first batch",
            f"layer {layer}; colour: filters with a correlation of at least {threshold:g}",
            demo.GREY,
        )
    )

    run.Accumulate = 1
    sums = pv.ImageGrid(Input=run, IndexArrays="On")
    for batches in ACCUMULATED:
        if batches > len(steps):
            print(f"The run has {len(steps)} batches: no picture after {batches:,}.")
            continue
        at(sums, steps[batches - 1])
        pictures.append(
            draw_grid(
                sums,
                folder,
                f"fig12-{batches}",
                f"Sum of the first {batches:,} batches",
                f"layer {layer}; colours are logarithmic",
                decades=DECADES,
            )
        )

    print("Pictures: " + ", ".join(os.path.relpath(picture) for picture in pictures))
    print(f"Pairs of similar filters in the first batch (at least {threshold:g}):")
    for correlation, first, second in reversed(pairs):
        print(f"  {first} and {second}: {correlation:.4f}")
    if not pairs:
        print("  none")


if __name__ == "__main__":
    main()
