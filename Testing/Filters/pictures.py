# SPDX-License-Identifier: BSD-3-Clause
"""What is on the screen: filter 0 at the lower left, row 0 on top, gaps blank, and an envelope that
looks like all the points. TENSORVIEW_FULL=1 draws the envelope of [64, 224, 224], otherwise of
[16, 112, 112]."""

import os
import unittest

import numpy as np
from paraview import simple
from tensors import Tensors, load_plugin
from vtkmodules.util.numpy_support import vtk_to_numpy

load_plugin()
SEED = np.random.default_rng(5)


def picture(source, size=(800, 800), colours=None, draw=None):
    """The view of one source from straight above as [rows from the top, columns, 3] and a function
    from world to pixel."""
    view = simple.CreateView("RenderView")
    view.ViewSize = list(size)
    view.Background = [0, 1, 0]
    view.UseColorPaletteForBackground = 0
    view.OrientationAxesVisibility = 0
    view.UseFXAA = 0
    view.CameraParallelProjection = 1
    shown = simple.Show(source, view)
    shown.Ambient, shown.Diffuse = 1, 0
    name = shown.ColorArrayName[1]
    if colours:
        table = simple.GetColorTransferFunction(name)
        table.RGBPoints, table.ColorSpace = colours, "RGB"
        table.AutomaticRescaleRangeMode = "Never"
        table.NanOpacity = 0
    if draw:
        draw(shown)
    simple.ResetCamera(view)
    simple.Render(view)
    image = view.CaptureWindow(1)
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars())
    pixels = pixels.reshape(height, width, -1)[::-1, :, :3].copy()
    middle, scale = view.CameraFocalPoint, view.CameraParallelScale

    def at(x, y):
        zoom = height / (2 * scale)
        return int(height / 2 - (y - middle[1]) * zoom), int(width / 2 + (x - middle[0]) * zoom)

    kind = shown.Representation
    simple.Delete(view)
    return pixels, at, kind


def black(shown):
    simple.ColorBy(shown, None)
    shown.AmbientColor = shown.DiffuseColor = [0, 0, 0]


# Black at 0, white at 20: the value is the grey level.
GREY = [0, 0, 0, 0, 20, 1, 1, 1]


class Pictures(unittest.TestCase):
    def check_windows(self, make, layer, kind, expected_kind):
        """Window f shows f + 1, its top row 20."""
        values = np.ones((16, 1, 8, 8), "f4") * np.arange(1, 17)[:, None, None, None]
        values[:, :, 0] = 20
        source = Tensors().add(layer, kind, values.astype("f4"), state=[-1] * 15 + [-2]).source()
        pixels, at, shown_as = picture(make(source), colours=GREY)
        self.assertEqual(expected_kind, shown_as)
        for filter in range(16):
            x, y = 9 / 8 * (filter % 4), 9 / 8 * (filter // 4)
            inside, top = pixels[at(x + 0.55, y + 0.45)], pixels[at(x + 0.55, y + 0.93)]
            if filter == 15:  # pruned: the green background
                self.assertEqual([0, 255, 0], inside.tolist())
                continue
            grey = 255 * (filter + 1) / 20
            np.testing.assert_allclose(inside, [grey] * 3, atol=5, err_msg=f"filter {filter}")
            np.testing.assert_allclose(top, [255] * 3, atol=5, err_msg=f"filter {filter}")
            if filter % 4 < 3:
                self.assertEqual([0, 255, 0], pixels[at(x + 1.06, y + 0.5)].tolist())

    def test_an_image_grid(self):
        self.check_windows(
            lambda s: simple.ImageGrid(Input=s, Tensor="conv1/activations"),
            "conv1",
            "activations",
            "Slice",
        )

    def test_a_weight_grid(self):
        for flat in ({"HeightScale": 0}, {"Style": "Tiles"}):
            # A kind of its own: the plugin centres the colours of weights on zero.
            self.check_windows(
                lambda s: simple.WeightGrid(Input=s, **flat), "conv1", "levels", "Surface"
            )

    def test_an_envelope_looks_like_all_the_points(self):
        shape = (64, 224, 224) if os.environ.get("TENSORVIEW_FULL") else (16, 112, 112)
        rows, columns = np.mgrid[: shape[1], : shape[2]] / 16.0
        phase = SEED.uniform(0, 7, (shape[0], 4, 1, 1))
        maps = np.sin(rows * phase[:, 0] + phase[:, 1]) * np.cos(columns * phase[:, 2] + phase[:, 3])
        maps = np.maximum(maps + SEED.normal(0, 0.1, shape), 0).astype("f4")
        source = Tensors().add("conv1", "activations", maps).source()
        drawn = []
        for style in ("Envelope", "Line"):
            view = simple.DistributionGrid(Input=source, Style=style)
            pixels, _, _ = picture(view, (1200, 900), draw=black)
            drawn.append(pixels[:, :, 1] < 128)
        envelope, line = drawn
        self.assertGreater(line.mean(), 0.1)
        different = (envelope != line).sum() / line.sum()
        print(f"{100 * different:.3f} % of the line's pixels differ")
        self.assertLess(different, 0.02)


if __name__ == "__main__":
    unittest.main()
