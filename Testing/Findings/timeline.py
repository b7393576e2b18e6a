# SPDX-License-Identifier: BSD-3-Clause
"""UnitTimeline, NetworkOverview and WeightTrajectory's components and LayerSimilarity in ParaView, against numpy."""

import os
import unittest

import numpy as np
import run_file
from paraview import simple
from tensors import arrays, fetch, load_plugin, values_of
from vtkmodules.util.numpy_support import vtk_to_numpy

import tensorview

load_plugin()
random = np.random.default_rng(8)
STEPS = {"conv1": np.arange(50), "layer1.0.conv2": np.arange(0, 50, 5), "fc": np.arange(50)}
SHAPES = {"conv1": ("oihw", (6, 2, 3, 3)), "layer1.0.conv2": ("oihw", (9, 6, 3, 3)), "fc": ("oi", (4, 30))}
UNITS = {layer: shape[0] for layer, (_, shape) in SHAPES.items()}
PRUNED = (2, 30)  # filter of conv1, step


def make_run(path, seed=0, shift=0.0, scale=1.0):
    source = np.random.default_rng(seed)
    tensors, weights = {}, {}
    for layer, (axes, shape) in SHAPES.items():
        steps = STEPS[layer]
        moves = source.normal(0, 0.01 * scale, (len(steps), *shape)) * np.geomspace(1, 1e-3, len(steps)).reshape(
            -1, *[1] * len(shape)
        )
        weights[layer] = (source.normal(0, 1, shape) + shift + np.cumsum(moves, axis=0)).astype("f4")
        tensors[f"{layer}/weights"] = run_file.Tensor(axes, weights[layer], steps)
    weights["fc"][20:, 3] = weights["fc"][20, 3]  # stuck from step 20 on
    maps = source.gamma(1, 1, (50, 6, 8, 8)).astype("f4")
    maps[:, 5] = 0
    tensors["conv1/activations"] = run_file.Tensor("chw", maps, STEPS["conv1"], [32] * 50)
    states = np.full((2, 6), -1)
    states[1, PRUNED[0]] = -2
    run_file.write_run(path, tensors, filters={"conv1": (states, [0, PRUNED[1]])})
    return weights, maps


WEIGHTS, MAPS = make_run("run.tvh5")


def ratios(layer):
    """[steps, units], NaN at the first."""
    w = WEIGHTS[layer].astype("f8").reshape(len(STEPS[layer]), UNITS[layer], -1)
    rms = np.sqrt((w**2).mean(axis=2))
    update = np.full_like(rms, np.nan)
    update[1:] = np.sqrt((np.diff(w, axis=0) ** 2).mean(axis=2))
    if layer == "conv1":
        rms[PRUNED[1] :, PRUNED[0]] = np.nan
    return update / rms


def expected(layers=tuple(SHAPES), first=0, last=49):
    """The picture from above, without gaps: rows of all units, a column for each step."""
    rows = []
    for layer in layers:
        value = ratios(layer)
        at = np.searchsorted(STEPS[layer], np.arange(first, last + 1), side="right") - 1
        rows.append(value[at].T)
    return np.concatenate(rows)


def reader():
    return simple.TensorSnapshotReader(FileName=["run.tvh5"])


def output(proxy, port):
    """What a port of a filter gives."""
    proxy.UpdatePipeline()
    return simple.servermanager.Fetch(proxy, idx=port)


def picture(proxy, name):
    """The image's arrays, row 0 at the top, and the image."""
    data = fetch(proxy)
    columns, rows, _ = (max(1, n - 1) for n in data.GetDimensions())
    return {k: v.reshape(rows, columns)[::-1] for k, v in arrays(data.GetCellData()).items()}, data


class Timeline(unittest.TestCase):
    def test_each_unit_at_each_step(self):
        timeline = simple.UnitTimeline(Input=reader(), Logarithm=0)
        found, data = picture(timeline, "Update/Weight")
        self.assertEqual("Update/Weight", data.GetCellData().GetScalars().GetName())
        here = found["Unit"][:, 0] >= 0
        np.testing.assert_allclose(found["Update/Weight"][here], expected(), rtol=1e-5, atol=1e-12)
        self.assertTrue(np.isnan(found["Update/Weight"][~here]).all())
        units = np.concatenate([np.arange(n) for n in UNITS.values()])
        np.testing.assert_array_equal(units, found["Unit"][here, 0])
        layers = np.repeat(np.arange(3), list(UNITS.values()))
        np.testing.assert_array_equal(layers, found["Layer"][here, 0])
        np.testing.assert_array_equal(np.arange(50), found["Step"][0])
        self.assertEqual(list(SHAPES), values_of(data, "LayerNames"))
        self.assertEqual([0, 49], values_of(data, "Steps"))
        bounds = data.GetBounds()
        self.assertAlmostEqual(1.6, (bounds[1] - bounds[0]) / (bounds[3] - bounds[2]), 5)

    def test_logarithm(self):
        found, _ = picture(simple.UnitTimeline(Input=reader()), "Update/Weight")
        here = found["Unit"][:, 0] >= 0
        values = expected()
        with np.errstate(divide="ignore"):
            log = np.where(values > 1e-12, np.log10(values), np.where(np.isnan(values), np.nan, -12))
        np.testing.assert_allclose(found["Update/Weight"][here], log, atol=1e-4)

    def test_layers_and_steps(self):
        timeline = simple.UnitTimeline(Input=reader(), Logarithm=0, Steps=[7, 31])
        timeline.Layers = ["layer1.0.conv2", "fc"]
        found, data = picture(timeline, "Update/Weight")
        here = found["Unit"][:, 0] >= 0
        values = expected(("layer1.0.conv2", "fc"), 7, 31)
        np.testing.assert_allclose(found["Update/Weight"][here], values, rtol=1e-5, atol=1e-12)
        self.assertEqual(["layer1.0.conv2", "fc"], values_of(data, "LayerNames"))
        self.assertEqual([7, 31], values_of(data, "Steps"))

    def test_nothing_is_skipped(self):
        for reduction, reduce in (("Greatest", np.nanmax), ("Least", np.nanmin)):
            timeline = simple.UnitTimeline(
                Input=reader(), Logarithm=0, MostColumns=16, Reduction=reduction
            )
            timeline.Layers = ["conv1", "fc"]
            found, _ = picture(timeline, "Update/Weight")
            here = found["Unit"][:, 0] >= 0
            values = expected(("conv1", "fc"))
            with np.errstate(all="ignore"):
                whole = np.stack(
                    [reduce(values[:, k : k + 4], axis=1) for k in range(0, 50, 4)], axis=1
                )
            np.testing.assert_allclose(found["Update/Weight"][here], whole, rtol=1e-5, atol=1e-12)
            np.testing.assert_array_equal(np.arange(0, 50, 4), found["Step"][0])

    def test_activations(self):
        found, _ = picture(simple.UnitTimeline(Input=reader(), Measure="Activation mean"), "")
        values = MAPS.mean(axis=(2, 3)).T.copy()
        values[PRUNED[0], PRUNED[1] :] = np.nan
        np.testing.assert_allclose(found["Activation mean"], values, rtol=1e-5)
        found, _ = picture(simple.UnitTimeline(Input=reader(), Measure="Dead share"), "")
        self.assertEqual([0, 1], [found["Dead share"][row, 3] for row in (0, 5)])

    def test_findings(self):
        timeline = simple.UnitTimeline(Input=reader())
        table = output(timeline, 1)
        names = ["Layer", "Unit", "Since", "Until", "Finding", "Value", "Sentence"]
        self.assertEqual(names, [table.GetColumnName(k) for k in range(table.GetNumberOfColumns())])
        rows = [[table.GetValue(r, c).ToString() for c in range(5)] for r in range(table.GetNumberOfRows())]
        self.assertEqual(
            [["conv1", "5", "0", "49", "dead"], ["fc", "3", "21", "49", "stuck"]], sorted(rows)
        )
        timeline.Patience = 45
        table = output(timeline, 1)
        self.assertEqual(1, table.GetNumberOfRows())

    def test_names(self):
        letters = output(simple.UnitTimeline(Input=reader()), 2)
        self.assertGreater(letters.GetNumberOfPolys(), 0)
        self.assertLess(letters.GetBounds()[1], 0)

    def test_the_step_shown_changes_nothing(self):
        source = reader()
        timeline = simple.UnitTimeline(Input=source)
        timeline.UpdatePipeline(3)
        before = picture(timeline, "")[0]["Update/Weight"].copy()
        timeline.UpdatePipeline(40)
        np.testing.assert_array_equal(before, picture(timeline, "")[0]["Update/Weight"])


class Overview(unittest.TestCase):
    def test_a_cell_for_each_unit(self):
        overview = simple.NetworkOverview(Input=reader(), Logarithm=0)
        for step in (12, 40):
            overview.UpdatePipeline(step)
            data = simple.servermanager.Fetch(overview)
            found = arrays(data.GetCellData())
            values = expected()[:, step]
            np.testing.assert_allclose(found["Update/Weight"], values, rtol=1e-5, atol=1e-12)
            np.testing.assert_array_equal(np.repeat(np.arange(3), list(UNITS.values())), found["Layer"])
            units = np.concatenate([np.arange(n) for n in UNITS.values()])
            np.testing.assert_array_equal(units, found["Unit"])
        self.assertEqual(sum(UNITS.values()), data.GetNumberOfPolys())
        sizes = [np.prod(shape) for _, shape in SHAPES.values()]
        np.testing.assert_array_equal(np.repeat(sizes, list(UNITS.values())), found["Parameters"])
        bounds = data.GetBounds()
        self.assertTrue(0 <= bounds[0] < bounds[1] <= 1.6 and 0 <= bounds[2] < bounds[3] <= 1)
        names = output(overview, 1)
        self.assertGreater(names.GetNumberOfPolys(), 0)


class Trajectory(unittest.TestCase):
    def components(self, *runs):
        x = np.concatenate(runs).astype("f8")
        x -= x.mean(axis=0)
        u, s, _ = np.linalg.svd(x, full_matrices=False)
        scores = (u * s)[:, :3]
        return scores * np.where(scores[-1] < 0, -1, 1), (s**2 / (s**2).sum())[:3]

    def flat(self, weights):
        """All weights at the steps at which all were recorded."""
        common = STEPS["layer1.0.conv2"]
        return np.concatenate(
            [weights[l][np.searchsorted(STEPS[l], common)].reshape(len(common), -1) for l in SHAPES], 1
        )

    def check(self, proxy, runs):
        data = fetch(proxy)
        points = vtk_to_numpy(data.GetPoints().GetData())
        scores, explained = self.components(*runs)
        np.testing.assert_allclose(points, scores, atol=1e-4 * np.abs(scores).max())
        np.testing.assert_allclose(values_of(data, "ExplainedVariance"), explained, atol=1e-4)
        found = arrays(data.GetPointData())
        count = len(runs[0])
        np.testing.assert_array_equal(np.repeat(np.arange(len(runs)), count), found["Run"])
        self.assertEqual("Step", data.GetPointData().GetScalars().GetName())
        self.assertEqual(len(runs), data.GetNumberOfLines())
        self.assertIn("Component 1", values_of(data, "AxisTitleForX")[0])
        return found

    def test_all_weights(self):
        for port in (0, 1):
            proxy = simple.WeightTrajectory(
                Input=simple.OutputPort(reader(), port), Projection="PrincipalComponents"
            )
            found = self.check(proxy, [self.flat(WEIGHTS)])
            np.testing.assert_array_equal(STEPS["layer1.0.conv2"], found["Step"])

    def test_one_tensor(self):
        proxy = simple.WeightTrajectory(
            Input=reader(), Projection="PrincipalComponents", Tensor="fc/weights"
        )
        self.check(proxy, [WEIGHTS["fc"].reshape(50, -1)])

    def test_two_runs_in_one_basis(self):
        others, _ = make_run("other.tvh5", seed=1, shift=0.1)
        both = [reader(), simple.TensorSnapshotReader(FileName=["other.tvh5"])]
        proxy = simple.WeightTrajectory(Input=both, Projection="PrincipalComponents")
        self.check(proxy, [self.flat(WEIGHTS), self.flat(others)])
        self.assertEqual(["run", "other"], values_of(fetch(proxy), "RunNames"))
        title = output(proxy, 2).GetColumnByName("Title").GetValue(0)
        _, explained = self.components(self.flat(WEIGHTS), self.flat(others))
        for share in explained:
            self.assertIn(f"{100 * share:.1f} %", title)
        self.assertIn("run 0: run, run 1: other", title)

    def test_a_small_path_is_not_hidden_by_its_ends(self):
        """Of a run that hardly moves beside one that moves far."""
        make_run("other.tvh5", seed=1, scale=200)
        both = [reader(), simple.TensorSnapshotReader(FileName=["other.tvh5"])]
        proxy = simple.WeightTrajectory(Input=both, Projection="PrincipalComponents")
        path, ends = fetch(proxy), output(proxy, 1)
        points = vtk_to_numpy(path.GetPoints().GetData())[:50]
        balls = vtk_to_numpy(ends.GetPoints().GetData()).reshape(4, -1, 3)
        size = np.linalg.norm(np.ptp(points, axis=0))
        radii = [np.ptp(ball, axis=0).max() / 2 for ball in balls]
        self.assertLess(radii[1], 0.3 * radii[3])
        self.assertLess(radii[0], radii[1])
        self.assertGreater(size, radii[1])

    def test_two_histories(self):
        make_run("other.tvh5", seed=1, shift=0.1)
        both = [
            simple.OutputPort(simple.TensorSnapshotReader(FileName=[name]), 1)
            for name in ("run.tvh5", "other.tvh5")
        ]
        data = fetch(simple.WeightTrajectory(Input=both))
        self.assertEqual(2, data.GetNumberOfLines())
        np.testing.assert_array_equal(np.repeat([0, 1], 50), arrays(data.GetPointData())["Run"])
        self.assertEqual(["run", "other"], values_of(data, "RunNames"))

    def test_runs_of_one_name_are_told_apart_by_their_folders(self):
        for folder in ("first", "second"):
            os.makedirs(folder, exist_ok=True)
            make_run(f"{folder}/run.tvh5")
        both = [simple.TensorSnapshotReader(FileName=[f"{folder}/run.tvh5"]) for folder in ("first", "second")]
        proxy = simple.WeightTrajectory(Input=both, Projection="PrincipalComponents")
        self.assertEqual(["first/run", "second/run"], values_of(fetch(proxy), "RunNames"))
        proxy = simple.WeightTrajectory(Input=[reader(), reader()], Projection="PrincipalComponents")
        self.assertEqual(["run 0", "run 1"], values_of(fetch(proxy), "RunNames"))


class Layers(unittest.TestCase):
    SHAPES = {"conv1": ("schw", (24, 5, 4, 4)), "conv2": ("schw", (24, 8, 2, 2)), "fc": ("sc", (24, 10))}

    def record(self, path, seed):
        source = np.random.default_rng(seed)
        shared = source.normal(0, 1, (24, 6))
        values, tensors = {}, {}
        for k, (layer, (axes, shape)) in enumerate(self.SHAPES.items()):
            size = int(np.prod(shape[1:]))
            x = [shared @ source.normal(0, 1, (6, size)) + k * source.normal(0, 1, (24, size)) for _ in "ab"]
            values[layer] = np.array(x).reshape(2, 24, size).astype("f4")
            tensors[f"{layer}/activations"] = run_file.Tensor(axes, values[layer].reshape(2, *shape), [0, 10])
        tensors["fc/weights"] = run_file.Tensor("oi", source.normal(0, 1, (2, 10, 8)).astype("f4"), [0, 10])
        run_file.write_run(path, tensors, version=2)
        return values

    def cka(self, x, y):
        x, y = (z.astype("f8") - z.astype("f8").mean(axis=0) for z in (x, y))
        norm = np.linalg.norm
        return norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))

    def test_of_one_run_and_of_two(self):
        one, other = self.record("one.tvh5", 1), self.record("two.tvh5", 2)
        readers = [simple.TensorSnapshotReader(FileName=[f"{name}.tvh5"]) for name in ("one", "two")]
        for inputs, second in ((readers[0], one), (readers, other)):
            proxy = simple.LayerSimilarity(Input=inputs)
            for record, step in enumerate((3, 10)):
                proxy.UpdatePipeline(step)
                data = simple.servermanager.Fetch(proxy)
                found = arrays(data.GetCellData())["CKA"].reshape(3, 3)[::-1]
                expected = [[self.cka(a[record], b[record]) for b in second.values()] for a in one.values()]
                np.testing.assert_allclose(found, expected, atol=1e-5)
            self.assertEqual(list(self.SHAPES), values_of(data, "RowNames"))

    def test_recorded_by_a_trainer(self):
        """Who wants layers compared records them for the same samples at each time, with an axis 's'
        in the place of 'n', which would be summed."""
        random = np.random.default_rng(3)
        values = {layer: random.normal(0, 1, (2, *shape)).astype("f4") for layer, (_, shape) in self.SHAPES.items()}
        with tensorview.Run("trained.tvh5", overwrite=True) as run:
            for layer, (axes, shape) in self.SHAPES.items():
                run.declare(layer, "activations", axes, shape)
            for step in range(2):
                for layer, recorded in values.items():
                    run.write(f"{layer}/activations", step, recorded[step])
        proxy = simple.LayerSimilarity(Input=simple.TensorSnapshotReader(FileName=["trained.tvh5"]))
        proxy.UpdatePipeline(1)
        found = arrays(simple.servermanager.Fetch(proxy).GetCellData())["CKA"].reshape(3, 3)[::-1]
        flat = [recorded[1].reshape(24, -1) for recorded in values.values()]
        np.testing.assert_allclose(found, [[self.cka(x, y) for y in flat] for x in flat], atol=1e-5)

    def test_a_run_without_samples_beside_one_with_them(self):
        self.record("one.tvh5", 1)
        names = ("run.tvh5", "one.tvh5")
        for pair in (names, names[::-1], names[:1]):
            both = [simple.TensorSnapshotReader(FileName=[name]) for name in pair]
            data = fetch(simple.LayerSimilarity(Input=both))
            self.assertEqual(0, data.GetNumberOfCells())


if __name__ == "__main__":
    unittest.main()
