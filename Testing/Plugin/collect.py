# SPDX-License-Identifier: BSD-3-Clause
"""Everything that the plugin makes of a run file, as numpy arrays in one .npz file.

    pvpython collect.py RUN.tvh5 OUT.npz [SERVER_PORT]

With a port, the work is done by the pvserver that listens there.
"""

import os
import sys

import numpy as np
import paraview.simple as pv
from vtkmodules.vtkIOImage import vtkPNGReader
from vtkmodules.vtkIOXML import vtkXMLPImageDataReader, vtkXMLPPolyDataReader
from vtkmodules.util.numpy_support import vtk_to_numpy


def whole_image(source, port):
    """Cell arrays of an image of which each rank has some windows, the rest of it blank."""
    whole = {}
    for rank in range(pv.servermanager.ActiveConnection.GetNumberOfDataPartitions()):
        fields = pv.servermanager.Fetch(source, rank, idx=port).GetCellData()
        part = {}
        for index in range(fields.GetNumberOfArrays()):
            array = fields.GetArray(index)
            if array and array.GetName() != "vtkGhostType":
                part[array.GetName()] = vtk_to_numpy(array)
        if not part or "Filter" not in part:
            whole.update(part)
            continue
        for name, values in part.items():
            if name in whole:
                shown = part["Filter"] >= 0
                whole[name][shown] = values[shown]
            else:
                whole[name] = values.copy()
    return {"cell " + name: values for name, values in whole.items()}


def fetch(source, port):
    """Points, cells and all arrays of an output, cells in an order that ranks do not change."""
    if source.GetDataInformation(port).GetDataClassName() == "vtkImageData":
        return whole_image(source, port)
    data = pv.servermanager.Fetch(source, idx=port)
    arrays = {}
    if data.IsA("vtkTable"):
        fields = data.GetRowData()
    else:
        fields = data.GetCellData()
        for index in range(data.GetPointData().GetNumberOfArrays()):
            array = data.GetPointData().GetArray(index)
            if array and array.GetName() != "vtkGhostType":
                arrays["point " + array.GetName()] = vtk_to_numpy(array)
        # Fetch() makes a mosaic of several ranks unstructured, with points in single precision.
        arrays["bounds"] = np.array(source.GetDataInformation(port).GetBounds())
        arrays["cells"] = np.array([data.GetNumberOfCells()])
    for index in range(fields.GetNumberOfArrays()):
        array = fields.GetArray(index)
        if array and array.GetName() != "vtkGhostType":
            arrays["cell " + array.GetName()] = vtk_to_numpy(array)
    for prefix in ("cell ", "point "):
        keys = [arrays[prefix + n] for n in ("Pixel", "Column", "Row", "Channel", "Filter") if prefix + n in arrays]
        if keys:
            order = np.lexsort(keys)
            for name in arrays:
                if name.startswith(prefix):
                    arrays[name] = arrays[name][order]
    return arrays


def numbers(column):
    """A column of a .csv file as numbers, or as the texts that it has."""
    try:
        return column.astype(float)
    except ValueError:
        return np.array(column.tolist())  # as wide as its own texts


def saved(source, path):
    """What a file has that ParaView saved, as above. Ranks write .pvtp and .pvti, not .vtp and .vti."""
    if path.endswith(".csv"):
        pv.SaveData(path, proxy=source)
        with open(path) as file:
            names = [name.strip('"') for name in file.readline().strip().split(",")]
            columns = np.loadtxt(file, delimiter=",", ndmin=2, dtype=str).T
        found = {name: numbers(column) for name, column in zip(names, columns)}
    else:
        pv.SaveData(path, proxy=source, DataMode="Binary")  # this ParaView cannot read its default
        reader = vtkXMLPImageDataReader() if path.endswith(".pvti") else vtkXMLPPolyDataReader()
        reader.SetFileName(path)
        reader.Update()
        cells = reader.GetOutput().GetCellData()
        arrays = [cells.GetArray(i) for i in range(cells.GetNumberOfArrays())]
        found = {array.GetName(): vtk_to_numpy(array) for array in arrays}
    if not path.endswith(".pvti"):  # an image has its order
        keys = [found[name] for name in ("Pixel", "Column", "Row", "Channel", "Filter") if name in found]
        order = np.lexsort(keys) if keys else slice(None)
        found = {name: values[order] for name, values in found.items()}
    return found


def main():
    run_file, out = sys.argv[1:3]
    plugin = os.environ["TENSORVIEW_PLUGIN"]
    if len(sys.argv) > 3:
        pv.Connect("127.0.0.1", int(sys.argv[3]))
        pv.LoadPlugin(plugin, remote=True, ns=pv.__dict__)
    pv.LoadPlugin(plugin, remote=False, ns=pv.__dict__)

    run = pv.TensorSnapshotReader(FileName=[run_file])
    run.UpdatePipelineInformation()
    steps = list(run.TimestepValues)
    groups = pv.SimilarityGroups(Input=run)
    rows = pv.SimilarityGroups(Input=run, Tensor="fc1/weights", Threshold=0.2)
    outputs = {
        "history": (run, 1),
        "groups": (groups, 1),
        "matrix": (groups, 2),
        "weights": (pv.WeightGrid(Input=run), 0),
        "dense": (pv.WeightGrid(Input=run, Tensor="fc1/weights"), 0),
        # Tiles of 3 rows: of two ranks with 5 rows each, one tile has rows of both.
        "dense overview": (pv.WeightGrid(Input=run, Tensor="fc1/weights", MaximumCells=40), 0),
        "dense tiles": (
            pv.ImageGrid(Input=pv.OutputPort(rows, 0), Tensor="fc1/weights", MaximumCells=40),
            0,
        ),
        "dense curve": (pv.DistributionGrid(Input=run, Tensor="fc1/weights", Resolution=7), 0),
        "dense groups": (rows, 1),
        "dense matrix": (rows, 2),
        "images": (pv.ImageGrid(Input=pv.OutputPort(groups, 0)), 0),
        "distributions": (pv.DistributionGrid(Input=pv.OutputPort(groups, 0)), 0),
        "trajectory": (pv.WeightTrajectory(Input=pv.OutputPort(run, 1)), 0),
    }
    collected = {"steps": np.array(steps)}
    for step in (steps[0], steps[-1]):
        for name, (source, port) in outputs.items():
            source.UpdatePipeline(step)
            for array, values in fetch(source, port).items():
                collected[f"{step:g} {name} {array}"] = values
    spread = pv.ImageGrid(Input=run, Pieces="Spread")
    for name, source in (
        ("weights.pvtp", outputs["weights"][0]),
        ("images.pvti", outputs["images"][0]),
        ("spread.pvti", spread),
        ("distributions.csv", outputs["distributions"][0]),
        ("groups.csv", pv.OutputPort(groups, 1)),
        ("history.csv", pv.OutputPort(run, 1)),
    ):
        for array, values in saved(source, os.path.abspath(f"{out}.{name}")).items():
            collected[f"saved {name} {array}"] = values
    # And what is drawn.
    for name in ("weights", "images", "distributions", "dense overview"):
        view = pv.CreateView("RenderView")
        view.ViewSize = [300, 300]
        view.UseColorPaletteForBackground = 0
        view.Background = [1.0, 1.0, 1.0]
        view.OrientationAxesVisibility = 0
        view.UseFXAA = 0
        pv.Show(outputs[name][0], view)
        pv.ResetCamera(view)
        picture = f"{out}.{name}.png"
        pv.SaveScreenshot(picture, view, ImageResolution=[300, 300])
        reader = vtkPNGReader()
        reader.SetFileName(picture)
        reader.Update()
        collected["picture " + name] = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    np.savez(out, **collected)
    print(f"{len(collected)} arrays")


if __name__ == "__main__":
    main()
