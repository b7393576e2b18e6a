# SPDX-License-Identifier: BSD-3-Clause
"""SimilarityGroups against numpy and scipy: the table, the matrix, and what it leaves alone."""

import os
import unittest

import numpy as np
from paraview import servermanager, simple
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from tensors import Tensors, arrays, load_plugin, values_of
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow

load_plugin()
SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "pruned.tvh5")
SEED = np.random.default_rng(6)
COLUMNS = ["Filter", "Group", "Representative", "Correlation", "Scale", "Offset", "State"]
PLAN = ["MergeInto", "Residual", "Cost", "Layer"]
ALIVE, PRUNED, DEAD = -1, -2, -3


def maps(filters, height=12, width=13, dtype="f4"):
    """Maps of which some are alike."""
    shared = SEED.gamma(2.0, 1.0, (max(1, filters // 3), height, width))
    chosen = shared[SEED.integers(0, len(shared), filters)]
    noise = SEED.choice([0.02, 0.2, 1.0], filters)[:, None, None]
    values = chosen + noise * SEED.normal(0, 1, chosen.shape)
    scale = SEED.uniform(0.5, 3, filters)[:, None, None]
    return (scale * values + SEED.normal(0, 1, filters)[:, None, None]).astype(dtype)


def messages(call):
    """What VTK said meanwhile."""
    window = vtkStringOutputWindow()
    before = vtkOutputWindow.GetInstance()
    vtkOutputWindow.SetInstance(window)
    try:
        call()
    finally:
        vtkOutputWindow.SetInstance(before)
    return window.GetOutput()


def output(proxy, port):
    proxy.UpdatePipeline()
    return servermanager.Fetch(proxy, idx=port)


def table(proxy):
    data = output(proxy, 1)
    columns = {data.GetColumnName(i): data.GetColumn(i) for i in range(data.GetNumberOfColumns())}
    layer = columns.pop("Layer")
    found = {name: vtk_to_numpy(column) for name, column in columns.items()}
    found["Layer"] = [layer.GetValue(i) for i in range(layer.GetNumberOfValues())]
    return found


def matrix(proxy):
    """As [row, column], row 0 first."""
    data = output(proxy, 2)
    x0, x1, y0, y1, z0, z1 = data.GetExtent()
    values = arrays(data.GetCellData())
    r = values["Correlation"].reshape(y1 - y0, x1 - x0)[::-1]
    if "Row" in values:
        rows, columns = np.indices(r.shape)
        np.testing.assert_array_equal(rows, values["Row"].reshape(r.shape)[::-1])
        np.testing.assert_array_equal(columns, values["Column"].reshape(r.shape)[::-1])
    return r


def leaves(proxy):
    """Name -> data set of output 0 (in this process)."""
    proxy.UpdatePipeline()
    data = proxy.GetClientSideObject().GetOutputDataObject(0)
    result = {}
    for i in range(data.GetNumberOfPartitionedDataSets()):
        leaf = data.GetPartitionedDataSet(i).GetPartition(0)
        result[values_of(leaf, "Layer")[0] + "/" + values_of(leaf, "Kind")[0]] = leaf
    return result


def expected_groups(r, threshold, method):
    filters = len(r)
    alive = np.flatnonzero(~np.isnan(np.diag(r)))
    groups = np.full(filters, -1)
    if len(alive) < 2:
        return groups
    distance = squareform(1 - r[np.ix_(alive, alive)], checks=False)
    labels = hierarchy.fcluster(
        hierarchy.linkage(distance, method), 1 - threshold, criterion="distance"
    )
    for label in set(labels):
        members = alive[labels == label]
        if len(members) > 1:
            groups[members] = members[0]
    return groups


def correlation(x):
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.corrcoef(x.reshape(len(x), -1).astype("f8")).reshape(len(x), len(x))


def moments(batch):
    a = np.moveaxis(batch.astype("f8"), 1, 0).reshape(batch.shape[1], -1)
    a = np.vstack([a, np.ones(a.shape[1])])
    return a @ a.T


class SimilarityGroups(unittest.TestCase):
    def check(self, proxy, x, r, threshold=0.97, method="complete"):
        """All of the table and the matrix for maps x with correlations r."""
        found = matrix(proxy)
        np.testing.assert_allclose(found, r, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(r))
        t = table(proxy)
        self.assertEqual(COLUMNS + PLAN, list(t))
        np.testing.assert_array_equal(t["Filter"], np.arange(len(x)))
        groups = expected_groups(r, threshold, method)
        np.testing.assert_array_equal(t["Group"], groups)
        for i, group in enumerate(groups):
            representative = i if group < 0 else np.flatnonzero(groups == group)[0]
            if np.isnan(r[i, i]):
                self.assertEqual(-1, t["Representative"][i])
                self.assertTrue(np.isnan([t[c][i] for c in ("Correlation", "Scale", "Offset")]).all())
                continue
            self.assertEqual(representative, t["Representative"][i])
            self.assertAlmostEqual(r[i, representative], t["Correlation"][i], delta=1e-6)
            slope, offset = np.polyfit(
                x[representative].ravel().astype("f8"), x[i].ravel().astype("f8"), 1
            )
            self.assertAlmostEqual(slope, t["Scale"][i], delta=1e-6 * max(1, abs(slope)))
            self.assertAlmostEqual(offset, t["Offset"][i], delta=1e-6 * max(1, abs(offset)))
            left = 1 - r[i, representative] ** 2 if representative != i else 0
            self.assertAlmostEqual(left, t["Residual"][i], delta=3e-6)
            into = representative if representative != i and t["State"][i] == ALIVE else -1
            self.assertEqual(t["State"][i] if t["State"][i] >= 0 else into, t["MergeInto"][i])
        return t

    def test_table_and_matrix(self):
        joined = 0
        for filters in (1, 2, 7, 16, 17, 64, 130):
            for dtype in ("f4", "f8"):
                x = maps(filters, dtype=dtype)
                r = correlation(x)
                source = Tensors().add("conv1", "activations", x).source()
                for name, method in (("Complete", "complete"), ("Single", "single")):
                    with self.subTest(filters=filters, dtype=dtype, linkage=name):
                        proxy = simple.SimilarityGroups(Input=source, Linkage=name)
                        joined += len(set(self.check(proxy, x, r, method=method)["Group"]) - {-1})
        self.assertGreater(joined, 30, "the test made no groups")

    def test_what_a_merge_costs(self):
        """Against numpy, pixel by pixel: the next layer's weights on what the fit leaves over."""
        x = maps(9)
        x[2] = 3.0  # dead
        x[5] = 1.5 * x[4] + SEED.normal(0, 0.1 * x[4].std(), x[4].shape)
        x[8] = x[4] + SEED.normal(0, 0.1 * x[4].std(), x[4].shape)
        convolution = SEED.normal(0, 1, (6, 9, 3, 3)).astype("f4")
        convolution[:, 7] = np.nan  # of a filter that was pruned
        dense = SEED.normal(0, 1, (10, 9 * 4)).astype("f4")
        pixels = x.reshape(9, -1).astype("f8")
        for name, weights in (("conv2", convolution), ("fc1", dense)):
            reads = np.moveaxis(weights.reshape(len(weights), 9, -1), 1, 0).reshape(9, -1)
            reads = np.nan_to_num(reads.astype("f8"))
            whole = np.einsum("ik,jk,ij->", reads, reads, np.cov(pixels, bias=True))
            tensors = Tensors().add("conv1", "weights", SEED.normal(0, 1, (9, 1, 3, 3)).astype("f4"))
            tensors.add("conv1", "activations", x).add(name, "weights", weights)
            source = tensors.add("last", "weights", np.ones((3, 9, 1, 1), "f4")).source()
            for metric in ("Pearson", "Cosine"):
                with self.subTest(name, metric=metric):
                    proxy = simple.SimilarityGroups(Input=source, Metric=metric)
                    t = table(proxy)
                    self.assertEqual(["conv1"] * 9, t["Layer"])
                    self.assertEqual([name], values_of(output(proxy, 1), "NextLayer"))
                    merged = np.flatnonzero(t["MergeInto"] >= 0)
                    self.assertIn(5, merged)
                    for i in merged:
                        fit = np.polyval([t["Scale"][i], t["Offset"][i]], pixels[t["MergeInto"][i]])
                        left = ((pixels[i] - fit) ** 2).mean()
                        self.assertAlmostEqual(left / pixels[i].var(), t["Residual"][i], delta=1e-5)
                        cost = left * (reads[i] ** 2).sum() / whole
                        # correlations are within 1e-6, and residuals within three times that
                        exact = cost * 3e-6 / t["Residual"][i]
                        self.assertAlmostEqual(cost, t["Cost"][i], delta=exact + 1e-6 * cost)
                    self.assertTrue(np.isnan([t["Residual"][2], t["Cost"][2]]).all())
        for weights in (np.ones((6, 8, 3, 3), "f4"), np.ones((10, 35), "f4"), None):
            tensors = Tensors().add("conv1", "activations", x)
            if weights is not None:
                tensors.add("next", "weights", weights)
            t = table(simple.SimilarityGroups(Input=tensors.source()))
            self.assertTrue(np.isnan(t["Cost"]).all(), "of a layer that does not read these filters")

    def test_small_maps_are_told(self):
        batch = SEED.normal(0, 1, (30, 8, 7, 7))
        note = "has maps of 49 pixels, summed over .*: filters can look alike"
        for height, samples, words in ((7, 30, "summed over 30 samples"), (7, None, "a batch"), (8, 30, None), (7, 1, None)):
            with self.subTest(height=height, samples=samples):
                x = SEED.normal(0, 1, (8, height, 7)).astype("f4")
                more = {} if samples is None else {"samples": samples}
                proxy = simple.SimilarityGroups(Input=Tensors().add("conv1", "activations", x, **more).source())
                self.assertEqual("", messages(proxy.UpdatePipeline))
                proxy.UpdatePropertyInformation()
                said = proxy.GetProperty("Note").GetElement(0)
                for port in (1, 2, 3):
                    self.assertEqual([said] if words else None, values_of(output(proxy, port), "Note"))
                self.assertEqual(words is not None, bool(said))
                if words:
                    self.assertRegex(said, note)
                    self.assertIn(words, said)
        tensors = Tensors().add("conv1", "activations", batch.sum(0).astype("f4"), samples=30)
        source = tensors.add("conv1", "moments", moments(batch)).source()
        exact = simple.SimilarityGroups(Input=source, Statistics="Moments")
        self.assertIsNone(values_of(output(exact, 1), "Note"))

    def test_contract(self):
        source = Tensors().add("conv1", "activations", maps(16)).source()
        proxy = simple.SimilarityGroups(Input=source)
        self.assertEqual("Pearson", proxy.Metric)
        self.assertEqual(0.97, proxy.Threshold)
        self.assertEqual("Complete", proxy.Linkage)
        self.assertEqual("SummedMaps", proxy.Statistics)
        ports = [proxy.SMProxy.GetOutputPort(i) for i in range(3)]
        names = [proxy.SMProxy.GetOutputPortName(i) for i in range(3)]
        self.assertEqual((3, ["Tensors", "Groups", "Correlation"]), (len(ports), names))

    def test_dead_pruned_and_not_finite(self):
        x = maps(12)
        x[4] = 2 * x[3] + 5
        x[5] = SEED.normal(0, 1, x[5].shape)
        x[6] = 2 * x[5] + 5
        x[2] = 0.0
        x[9] = 7.0
        x[1, 3, 4] = np.nan
        x[8, 0, 0] = np.inf
        state = [ALIVE] * 12
        state[5], state[7], state[10] = PRUNED, 3, DEAD
        source = Tensors().add("conv1", "activations", x, state=state).source()
        r = correlation(x)
        for i in (1, 2, 5, 7, 8, 9, 10):
            r[i, :] = r[:, i] = np.nan
        proxy = simple.SimilarityGroups(Input=source)
        t = self.check(proxy, x, r)
        wanted = [ALIVE, ALIVE, DEAD, ALIVE, ALIVE, PRUNED, ALIVE, 3, ALIVE, DEAD, DEAD, ALIVE]
        self.assertEqual(wanted, t["State"].tolist())
        words = output(proxy, 3).GetColumnByName("Condition")
        names = {ALIVE: "alive", DEAD: "dead", PRUNED: "pruned"}
        self.assertEqual(
            [names.get(state, f"merged into {state}") for state in wanted],
            [words.GetValue(i) for i in range(12)],
        )
        self.assertEqual(t["Group"][3], t["Group"][4])
        self.assertEqual(-1, t["Group"][6], "similar to a pruned filter only")

    def test_a_group_keeps_its_number_when_filters_are_merged(self):
        x = maps(9)
        for i in range(9):
            x[i] = SEED.normal(0, 1, x[0].shape)
        x[4], x[7], x[8] = 2 * x[1] + 5, 3 * x[1], 0.5 * x[6]

        def groups(state):
            source = Tensors().add("conv1", "activations", x, state=state).source()
            t = table(simple.SimilarityGroups(Input=source))
            return t["Group"].tolist(), t["Representative"].tolist()

        self.assertEqual([-1, 1, -1, -1, 1, -1, 6, 1, 6], groups([ALIVE] * 9)[0])
        merged = [ALIVE] * 9
        merged[1], merged[0] = 4, 1  # 0 went into 1, and 1 into 4
        number, representative = groups(merged)
        self.assertEqual([-1, -1, -1, -1, 0, -1, 6, 0, 6], number)
        self.assertEqual((4, 4), (representative[4], representative[7]), "the lowest that is alive")
        merged[0] = PRUNED
        self.assertEqual([-1, -1, -1, -1, 1, -1, 6, 1, 6], groups(merged)[0])

    def test_numbers_do_not_depend_on_the_order_of_looking(self):
        run = simple.TensorSnapshotReader(FileName=[SAMPLE])
        steps = list(run.TimestepValues)
        forward = simple.SimilarityGroups(Input=run, Linkage="Single")
        seen = {}
        for step in steps:
            forward.UpdatePipeline(step)
            seen[step] = arrays(servermanager.Fetch(forward, idx=1).GetRowData())["Group"].tolist()
        self.assertGreater(len({g for groups in seen.values() for g in groups}), 2, "no groups")
        again = simple.SimilarityGroups(Input=run, Linkage="Single")
        for step in SEED.permutation(steps):
            again.UpdatePipeline(step)
            found = arrays(servermanager.Fetch(again, idx=1).GetRowData())["Group"].tolist()
            self.assertEqual(seen[step], found)

    def test_what_passes_through(self):
        x = maps(16)
        x[4] = x[3]
        tensors = Tensors()
        tensors.add("conv1", "weights", SEED.normal(0, 1, (16, 1, 3, 3)).astype("f4"))
        tensors.add("conv1", "activations", x, step=7)
        tensors.add("conv2", "activations", maps(8))
        source = tensors.source()
        proxy = simple.SimilarityGroups(Input=source)
        groups = table(proxy)["Group"].tolist()
        out = leaves(proxy)
        self.assertEqual(["conv1/weights", "conv1/activations", "conv2/activations"], list(out))
        self.assertEqual(groups, values_of(out["conv1/weights"], "Group"))
        self.assertEqual(groups, values_of(out["conv1/activations"], "Group"))
        self.assertIsNone(values_of(out["conv2/activations"], "Group"))
        for i, leaf in enumerate(out.values()):
            before = tensors.data.GetPartitionedDataSet(i).GetPartition(0)
            self.assertIsNone(values_of(before, "Group"), "the input was changed")
            self.assertIs(before.GetCellData().GetScalars(), leaf.GetCellData().GetScalars())
        self.assertEqual([7], values_of(output(proxy, 1), "Step"))
        self.assertEqual(["conv1/activations"], values_of(output(proxy, 2), "Tensor"))
        # views colour by it, and a second filter adds another layer's groups
        second = simple.SimilarityGroups(Input=proxy, Tensor="conv2/activations")
        out = leaves(second)
        self.assertEqual(groups, values_of(out["conv1/weights"], "Group"))
        self.assertEqual(8, len(values_of(out["conv2/activations"], "Group")))
        grid = simple.ImageGrid(Input=proxy)
        self.assertEqual(set(groups), set(arrays(servermanager.Fetch(grid).GetCellData())["Group"]))

    def test_cosine_and_threshold(self):
        x = maps(20)
        flat = x.reshape(20, -1).astype("f8")
        norm = np.linalg.norm(flat, axis=1)
        r = flat @ flat.T / np.outer(norm, norm)
        source = Tensors().add("conv1", "activations", x).source()
        proxy = simple.SimilarityGroups(Input=source, Metric="Cosine", Threshold=0.9)
        np.testing.assert_allclose(matrix(proxy), r, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(
            table(proxy)["Group"], expected_groups(r, 0.9, "complete")
        )

    def test_any_tensor(self):
        w = SEED.normal(0, 1, (9, 4, 3, 3)).astype("f4")
        dense = SEED.normal(0, 1, (10, 24)).astype("f4")
        dense[7] = -2 * dense[1]
        dense[8] = dense[1] / 3 + 1
        tensors = Tensors().add("conv1", "weights", w).add("fc1", "weights", dense)
        source = tensors.source()
        proxy = simple.SimilarityGroups(Input=source, Tensor="conv1/weights")
        self.check(proxy, w, correlation(w))
        proxy = simple.SimilarityGroups(Input=source, Tensor="fc1/weights")
        t = self.check(proxy, dense, correlation(dense))
        self.assertEqual((1, 1), (t["Group"][1], t["Group"][8]))

    def test_moments(self):
        batch = SEED.gamma(2.0, 1.0, (30, 8, 6, 6))
        batch[:, 5] = 1.5 * batch[:, 2] + 3
        # alike when summed, and not when looked at one by one
        signs = np.tile([1.0, -1.0], 15)[:, None, None]
        common = batch[:, 6].mean(axis=0, keepdims=True)
        batch[:, 6] = common + signs * SEED.normal(0, 1, (6, 6))
        batch[:, 7] = common + signs * SEED.normal(0, 1, (6, 6))
        summed = batch.sum(axis=0).astype("f4")
        tensors = Tensors().add("conv1", "activations", summed)
        tensors.add("conv1", "moments", moments(batch))
        source = tensors.source()
        pixels = np.moveaxis(batch, 1, 0).reshape(8, -1)
        exact = simple.SimilarityGroups(Input=source, Statistics="Moments")
        t = self.check(exact, pixels, correlation(pixels))
        self.assertEqual([-1, -1, 2, -1, -1, 2, -1, -1], t["Group"].tolist())
        self.assertEqual(["conv1/moments"], values_of(output(exact, 1), "Tensor"))
        paper = simple.SimilarityGroups(Input=source)
        t = self.check(paper, summed, correlation(summed))
        self.assertEqual(t["Group"][6], t["Group"][7])
        self.assertNotEqual(-1, t["Group"][6])

    def test_fully_connected(self):
        batch = SEED.normal(0, 1, (40, 10))
        batch[:, 3] = 2 * batch[:, 1]
        x = batch.sum(axis=0).astype("f4")
        source = Tensors().add("fc1", "activations", x).source()
        proxy = simple.SimilarityGroups(Input=source)
        said = messages(proxy.UpdatePipeline)
        self.assertIn("fc1/activations has one value for each filter", said)
        self.assertIn("at least 2 pixels", said)
        tensors = Tensors().add("fc1", "activations", x)
        source = tensors.add("fc1", "moments", moments(batch)).source()
        proxy = simple.SimilarityGroups(Input=source)
        self.check(proxy, batch.T, correlation(batch.T))

    def test_refusals(self):
        source = Tensors().add("conv1", "activations", maps(5)).source()
        for properties, words in (
            ({"Statistics": "Moments"}, 'no second moments of layer "conv1"'),
            ({"Tensor": "conv9/activations"}, 'no tensor "conv9/activations"'),
        ):
            proxy = simple.SimilarityGroups(Input=source, **properties)
            said = messages(proxy.UpdatePipeline)
            self.assertIn(words, said)
        tensors = Tensors().add("conv1", "activations", maps(5))
        source = tensors.add("conv1", "moments", np.eye(5)).source()
        proxy = simple.SimilarityGroups(Input=source, Statistics="Moments")
        self.assertIn("not the second moments of 5 filters", messages(proxy.UpdatePipeline))
        tensors = Tensors().add("conv1", "activations", maps(6))
        half = tensors.data.GetPartitionedDataSet(0).GetPartition(0)
        half.GetFieldData().GetArray("Filters").SetValue(0, 12)
        proxy = simple.SimilarityGroups(Input=tensors.source())
        self.assertIn("only 6 of its 12 windows", messages(proxy.UpdatePipeline))
        source = Tensors().source()
        said = messages(simple.SimilarityGroups(Input=source).UpdatePipeline)
        self.assertIn("no tensors", said)

    def test_progress_and_abort(self):
        source = Tensors().add("conv1", "activations", maps(200, 60, 60)).source()
        proxy = simple.SimilarityGroups(Input=source)
        algorithm = proxy.GetClientSideObject()
        seen = []
        algorithm.AddObserver("ProgressEvent", lambda *_: seen.append(algorithm.GetProgress()))
        proxy.UpdatePipeline()
        self.assertTrue(len(seen) >= 3 and seen == sorted(seen) and max(seen) <= 1, seen)


unittest.main(verbosity=1)
