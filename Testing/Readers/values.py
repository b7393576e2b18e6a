# SPDX-License-Identifier: BSD-3-Clause
"""TensorSnapshotReader against h5py and numpy: every value, at every step, of every order and type."""

import itertools
import os
import unittest

import h5py
import numpy as np
from paraview import servermanager, simple
from reading import history, reader, steps, tensors, update, values, windows
from run_file import Tensor, bfloat16, lenet, write_run
from tensors import load_plugin, values_of

load_plugin()
SEED = np.random.default_rng(3)


def random(*shape):
    return SEED.normal(0, 1, shape)


class Values(unittest.TestCase):
    def check(self, path, name, axes, source=None):
        """All records of a tensor against the file as h5py reads it."""
        source = source or reader(path)
        with h5py.File(path, "r") as file:
            group = file["layers/" + name]
            recorded, written = group["values"][...], group["steps"][...]
            for row, step in zip(recorded, written):
                image = tensors(source, step)[name]
                found = values(image)
                expected = windows(axes, row)
                self.assertEqual(expected.shape, found.shape)
                self.assertTrue(np.array_equal(expected.astype(found.dtype), found, equal_nan=True))
                self.assertEqual(step, steps(image))
        return found

    def test_every_order_of_axes(self):
        sizes = {"o": 5, "i": 3, "h": 4, "w": 2, "c": 6, "m": 7}
        orders = ["".join(p) for p in itertools.permutations("oihw")]
        orders += ["".join(p) for p in itertools.permutations("chw")]
        orders += ["oi", "io", "c", "o", "mm"]
        run = {}
        for k, axes in enumerate(orders):
            kind = {"c": "activations", "m": "moments"}.get(axes.strip("hwoi")[:1], "weights")
            record = random(2, *(sizes[a] for a in axes)).astype("<f4")
            run[f"layer{k:02}/{kind}"] = Tensor(axes, record, [0, 7])
        write_run("orders.tvh5", run)
        source = reader("orders.tvh5")
        for name, tensor in run.items():
            with self.subTest(axes=tensor.axes):
                self.check("orders.tvh5", name, tensor.axes, source)

    def test_every_type(self):
        special = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1e-7, -6e-8, 65504, 1 / 3])
        run, types = {}, {"<f2": "<f4", "<f4": "<f4", "<f8": "<f8", "bfloat16": "<f4"}
        for k, (dtype, (axes, shape)) in enumerate(
            itertools.product(types, {"oihw": (9, 4, 3, 3), "hwio": (3, 3, 4, 9), "c": (9,)}.items())
        ):
            numbers = random(3, *shape)
            numbers[0].flat[: special.size] = special
            brain = dtype == "bfloat16"
            run[f"layer{k:02}/weights"] = Tensor(
                axes if axes != "c" else "o",
                numbers.astype("<f4" if brain else dtype),
                [1, 2, 30],
                dtype=bfloat16() if brain else None,
            )
        # The library's own conversion is not what judges: both are read by h5py as float32.
        with np.errstate(over="ignore"):
            write_run("types.tvh5", {n: t._replace(dtype=None) for n, t in run.items()})
        with h5py.File("types.tvh5", "r+") as file:
            for name, tensor in run.items():
                if tensor.dtype is not None:
                    group = file["layers/" + name]
                    del group["values"]
                    space = h5py.h5s.create_simple(
                        tensor.values.shape, (h5py.h5s.UNLIMITED,) + tensor.values.shape[1:]
                    )
                    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                    plist.set_chunk((1,) + tensor.values.shape[1:])
                    plist.set_fletcher32()
                    h5py.h5d.create(group.id, b"values", tensor.dtype, space, plist)
                    bits = (tensor.values.view("<u4") >> 16).astype("<u2")
                    dataset = group["values"].id
                    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, bits, mtype=tensor.dtype)
        source = reader("types.tvh5")
        for name, tensor in run.items():
            with self.subTest(name=name, dtype=tensor.dtype):
                kind = "<f8" if tensor.values.dtype == np.dtype("<f8") else "<f4"
                for k, step in enumerate([1, 2, 30]):
                    row = tensor.values[k]
                    if tensor.dtype is not None:
                        row = (row.view("<u4") & 0xFFFF0000).view("<f4")
                    found = values(tensors(source, step)[name])
                    self.assertEqual(np.dtype(kind), found.dtype)
                    expected = windows(tensor.axes, row).astype(kind)
                    self.assertTrue(np.array_equal(expected, found, equal_nan=True))

    def test_names_shapes_and_fields(self):
        run, _ = lenet("fields.tvh5", steps=3)
        source = reader("fields.tvh5")
        self.assertEqual(list(run), list(source.Tensors.Available))
        self.assertEqual([0, 1, 2], list(source.TimestepValues))
        images = tensors(source, 2)
        arrays = {"weights": "Weight", "activations": "Activation"}
        for name, tensor in run.items():
            image = images[name]
            layer, kind = name.split("/")
            self.assertEqual(arrays[kind], image.GetCellData().GetScalars().GetName())
            self.assertEqual([layer], values_of(image, "Layer"))
            self.assertEqual([50 if kind == "activations" else 0], values_of(image, "Samples"))
            shape = tensor.values.shape[1:]
            filters = 1 if tensor.axes == "oi" else shape[0]
            self.assertEqual([filters], values_of(image, "Filters"))
            self.assertIsNone(values_of(image, "State"))
        assembly = update(source).GetDataAssembly()
        layers = assembly.GetChildNodes(assembly.GetRootNode(), False)
        self.assertEqual(["conv1", "fc1"], [assembly.GetNodeName(node) for node in layers])
        leaves = assembly.GetChildNodes(layers[1], False)
        self.assertEqual(["weights", "activations"], [assembly.GetNodeName(n) for n in leaves])
        self.assertEqual([2, 3], [assembly.GetDataSetIndices(node, False)[0] for node in leaves])

    def test_between_two_records_the_last_one_is_shown(self):
        weights, maps = random(6, 4, 2, 3, 3).astype("<f4"), random(2, 4, 5, 5).astype("<f4")
        write_run(
            "between.tvh5",
            {
                "conv1/weights": Tensor("oihw", weights, [0, 1, 2, 3, 10, 11]),
                "conv1/activations": Tensor("chw", maps, [2, 10], [50, 20]),
            },
            {"loss": [1.0, 0.5]},
            [4, 20],
        )
        source = reader("between.tvh5")
        self.assertEqual([0, 1, 2, 3, 10, 11], list(source.TimestepValues), "what differs")
        source.TimeSteps = "All Records"
        source.UpdatePipelineInformation()
        self.assertEqual([0, 1, 2, 3, 4, 10, 11, 20], list(source.TimestepValues))
        for time, first, second in [(-5, 0, -1), (0, 0, -1), (1.5, 1, -1), (2, 2, 2), (9.99, 3, 2),
            (10, 10, 10), (20, 11, 10), (1e9, 11, 10)]:  # fmt: skip
            images = tensors(source, time)
            self.assertEqual(first, steps(images["conv1/weights"]), time)
            self.assertEqual(second, steps(images["conv1/activations"]), time)
            if second < 0:
                self.assertEqual(0, images["conv1/activations"].GetNumberOfCells())
                self.assertEqual([4], values_of(images["conv1/activations"], "Filters"))
            else:
                at = [2, 10].index(second)
                self.assertTrue(np.array_equal(maps[at], values(images["conv1/activations"])))
        key = update(source, 0, 9.0).DATA_TIME_STEP()
        self.assertEqual(4.0, update(source, 0, 9.0).GetInformation().Get(key))

    def test_time_as_percent_of_the_run(self):
        weights = random(4, 4, 2, 3, 3).astype("<f4")
        write_run("percent.tvh5", {"conv1/weights": Tensor("oihw", weights, [0, 7, 20, 30])})
        source = reader("percent.tvh5", TimeUnit="Percent of the Run")
        times = [step / 0.3 for step in (0, 7, 20, 30)]
        self.assertTrue(np.allclose(times, list(source.TimestepValues), rtol=1e-15))
        self.assertEqual(100, source.TimestepValues[-1])
        for time, step in [(-1, 0), (23, 0), (source.TimestepValues[1], 7), (50, 7), (67, 20), (100, 30)]:
            self.assertEqual(step, steps(tensors(source, time)["conv1/weights"]), time)
        source.TimeUnit = "Step"
        source.UpdatePipelineInformation()
        self.assertEqual([0, 7, 20, 30], list(source.TimestepValues))

    def test_accumulate(self):
        maps, dense = random(7, 4, 6, 5), random(7, 11)
        at = [0, 10, 20, 30, 40, 50, 60]
        write_run(
            "sums.tvh5",
            {
                "conv1/weights": Tensor("oihw", random(7, 4, 1, 3, 3).astype("<f4"), at),
                "conv1/activations": Tensor("hwc", maps.transpose(0, 2, 3, 1).astype("<f4"), at, range(7)),
                "fc1/activations": Tensor("c", dense, at),
            },
        )
        source = reader("sums.tvh5", Accumulate=1)
        sums = np.cumsum(maps.astype("<f4").astype("f8"), axis=0)
        for k in [0, 1, 2, 5, 6, 3, 3, 4, 0, 6]:  # forward, by jumps, and back
            images = tensors(source, at[k])
            found = values(images["conv1/activations"])
            self.assertTrue(np.array_equal(sums[k].astype("<f4"), found), k)
            self.assertEqual([sum(range(k + 1))], values_of(images["conv1/activations"], "Samples"))
            expected = np.cumsum(dense, axis=0)[k]
            self.assertTrue(np.allclose(expected, values(images["fc1/activations"]).ravel(), rtol=1e-15))
            self.assertEqual(at[k], steps(images["conv1/weights"]))
        source.Accumulate = 0
        self.assertTrue(
            np.array_equal(maps[6].astype("<f4"), values(tensors(source, 60)["conv1/activations"]))
        )

    def test_history(self):
        weights = random(40, 3, 3, 2, 16).astype("<f4")  # hwio
        at = np.arange(40) * 2
        loss, rate = random(30), random(30)
        loss[3] = np.nan
        write_run(
            "history.tvh5",
            {
                "conv1/weights": Tensor("hwio", weights, at),
                "conv1/activations": Tensor("chw", random(2, 16, 4, 4).astype("<f2"), [0, 33]),
            },
            {"loss": loss, "learning rate": rate},
            np.arange(30) * 3,
        )
        flat = weights.transpose(0, 4, 3, 1, 2).reshape(40, -1)
        source = reader("history.tvh5", HistoryElements=" 0-2, 100,287 ,5-5,100")
        table = history(source)
        elements = [0, 1, 2, 100, 287, 5]
        names = [f"conv1/weights[{k}]" for k in elements]
        self.assertEqual(["Step", "loss", "learning rate"] + names, list(table))
        expected = sorted(set(at) | set(np.arange(30) * 3))
        self.assertEqual(expected, list(table["Step"]))
        self.assertEqual("vtkIdTypeArray", update(source, 1).GetColumnByName("Step").GetClassName())
        lines = {step: k for k, step in enumerate(expected)}
        for element, name in zip(elements, names):
            column = np.full(len(expected), np.nan)
            column[[lines[step] for step in at]] = flat[:, element]
            self.assertTrue(np.array_equal(column, table[name], equal_nan=True), name)
        for name, recorded in [("loss", loss), ("learning rate", rate)]:
            column = np.full(len(expected), np.nan)
            column[[lines[3 * k] for k in range(30)]] = recorded
            self.assertTrue(np.array_equal(column, table[name], equal_nan=True), name)

        source.HistoryTensor = "conv1/activations"
        source.HistoryElements = "255-9999"
        table = history(source)
        self.assertEqual("conv1/activations[255]", list(table)[-1])
        self.assertEqual(sorted(set(range(0, 90, 3)) | {0, 33}), list(table["Step"]))
        source.HistoryElements = ""
        self.assertEqual(["Step", "loss", "learning rate"], list(history(source)))
        source.HistoryTensor = "conv1/weights"
        source.HistoryElements = "0-287"
        table = history(source)
        for element in range(288):
            column = table[f"conv1/weights[{element}]"]
            self.assertTrue(np.array_equal(flat[:, element], column[[lines[step] for step in at]]))

    def test_history_through_chunks_of_many_steps(self):
        weights = random(1000, 4, 2, 3, 3).astype("<f4")
        write_run("chunks.tvh5", {"conv1/weights": Tensor("oihw", weights, range(1000))})
        with h5py.File("chunks.tvh5", "r+", libver="latest") as file:
            group = file["layers/conv1/weights"]
            del group["values"]
            group.create_dataset(
                "values",
                data=weights,
                maxshape=(None, 4, 2, 3, 3),
                chunks=(64, 3, 1, 2, 3),
                fletcher32=True,
                shuffle=True,
                compression="gzip",
            )
        source = reader("chunks.tvh5", HistoryElements="0-71")
        table = history(source)
        for element in range(72):
            expected = weights.reshape(1000, -1)[:, element]
            self.assertTrue(np.array_equal(expected, table[f"conv1/weights[{element}]"]))
        self.check("chunks.tvh5", "conv1/weights", "oihw", source)

        # What is damaged and not asked for costs nothing; of the others only the records in it.
        with h5py.File("chunks.tvh5", "r", libver="latest") as file:
            values = file["layers/conv1/weights/values"]
            other = values.id.get_chunk_info_by_coord((128, 3, 0, 0, 0)).byte_offset
        with open("chunks.tvh5", "r+b") as file:
            file.seek(other)
            byte = file.read(1)[0]
            file.seek(other)
            file.write(bytes([byte ^ 1]))
        source = reader("chunks.tvh5", HistoryElements="0,4,9")
        errors = []
        source.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: errors.append(1))
        table = history(source)
        self.assertEqual([], errors)
        for element in (0, 4, 9):
            expected = weights.reshape(1000, -1)[:, element]
            self.assertTrue(np.array_equal(expected, table[f"conv1/weights[{element}]"]))
        source.HistoryElements = "0,4,54"
        table = history(source)
        self.assertEqual([1], errors)
        expected = weights.reshape(1000, -1)[:, [0, 4, 54]].astype("f8")
        expected[128:192] = np.nan
        found = np.stack([table[f"conv1/weights[{element}]"] for element in (0, 4, 54)], axis=1)
        np.testing.assert_array_equal(expected, found)

    def test_only_what_is_asked_for_is_read(self):
        lenet("parts.tvh5")
        with h5py.File("parts.tvh5", "r") as file:
            chunk = file["layers/conv1/activations/values"].id.get_chunk_info(2)
        with open("parts.tvh5", "r+b") as file:  # a reader of activations at step 2 would notice
            file.seek(chunk.byte_offset)
            byte = file.read(1)
            file.seek(chunk.byte_offset)
            file.write(bytes([byte[0] ^ 1]))
        source = reader("parts.tvh5")
        errors = []
        source.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: errors.append(1))
        update(source, 1, 2)
        self.assertEqual(0, source.GetClientSideObject().GetOutputDataObject(0).GetNumberOfCells())
        self.assertEqual([], errors)
        source.Tensors = ["conv1/weights", "fc1/weights"]
        self.assertEqual(["conv1/weights", "fc1/weights"], list(tensors(source, 2)))
        self.assertEqual([], errors)
        tensors(source, 1)
        history(source)
        source.Tensors = ["conv1/activations"]
        self.assertEqual(1, steps(tensors(source, 1)["conv1/activations"]))
        self.assertEqual([], errors)
        self.assertIsNone(values(tensors(source, 2)["conv1/activations"]))
        self.assertEqual([1], errors)
        self.assertEqual(3, steps(tensors(source, 3)["conv1/activations"]))

    def test_selection_changes_the_steps(self):
        write_run(
            "selection.tvh5",
            {
                "conv1/weights": Tensor("oihw", random(3, 2, 1, 3, 3).astype("<f4"), [0, 5, 9]),
                "conv2/weights": Tensor("oihw", random(2, 2, 1, 3, 3).astype("<f4"), [1, 5]),
            },
        )
        source = reader("selection.tvh5")
        self.assertEqual([0, 1, 5, 9], list(source.TimestepValues))
        source.Tensors = ["conv2/weights"]
        source.UpdatePipelineInformation()
        self.assertEqual([1, 5], list(source.TimestepValues))
        self.assertEqual(["conv2/weights"], list(tensors(source, 5)))

    def test_states_of_filters(self):
        states = np.full((2, 4), -1)
        states[1, 2] = 0
        states[1, 3] = -3
        write_run(
            "states.tvh5",
            {
                "conv1/weights": Tensor("oihw", random(4, 4, 2, 3, 3).astype("<f4"), [0, 10, 20, 30]),
                "conv1/activations": Tensor("chw", random(1, 4, 5, 5).astype("<f4"), [0]),
                "fc1/weights": Tensor("io", random(1, 6, 4).astype("<f4"), [0]),
            },
            filters={"conv1": (states, [5, 20]), "fc1": (states[1:], [0])},
        )
        source = reader("states.tvh5")
        self.assertEqual(
            ["conv1/weights", "conv1/activations", "fc1/weights"], list(source.Tensors.Available)
        )
        for time, expected in [(0, None), (10, [-1] * 4), (20, [-1, -1, 0, -3]), (30, [-1, -1, 0, -3])]:
            images = tensors(source, time)
            self.assertEqual(expected, values_of(images["conv1/weights"], "State"))
            self.assertEqual(expected, values_of(images["conv1/activations"], "State"))
            self.assertEqual([-1, -1, 0, -3], values_of(images["fc1/weights"], "State"))

    def test_a_series_is_one_run(self):
        # Names in another order than steps; the second file goes back to a checkpoint at step 3.
        parts = {"z.tvh5": range(0, 5), "y.tvh5": range(3, 8), "x.tvh5": range(8, 10)}
        expected = {}
        for k, (path, at) in enumerate(parts.items()):
            weights = random(len(at), 4, 1, 3, 3).astype("<f4")
            run = {"conv1/weights": Tensor("oihw", weights, at)}
            if k == 1:
                run["conv1/gradients"] = Tensor("oihw", weights * 2, at)
            scalars = {"loss": np.full(len(at), k)}
            if k == 2:
                scalars = {"accuracy": np.full(len(at), k), "loss": np.full(len(at), k)}
            write_run(path, run, scalars, at)
            expected.update({step: (weights[i], k) for i, step in enumerate(at)})
        source = reader(["x.tvh5", "y.tvh5", "z.tvh5"])
        self.assertEqual(list(range(10)), list(source.TimestepValues))
        for step in [9, 0, 4, 3, 2, 7, 8]:
            images = tensors(source, step)
            self.assertTrue(np.array_equal(expected[step][0][:, 0], values(images["conv1/weights"])))
            gradients = -1 if step < 3 else min(step, 7)
            self.assertEqual(gradients, steps(images["conv1/gradients"]))
        table = history(source)
        self.assertEqual(list(range(10)), list(table["Step"]))
        self.assertEqual([expected[step][1] for step in range(10)], list(table["loss"]))
        self.assertEqual([8, 9], list(np.flatnonzero(~np.isnan(table["accuracy"]))))
        for element in range(3):
            column = [expected[step][0].flat[element] for step in range(10)]
            self.assertEqual(column, list(table[f"conv1/weights[{element}]"]))

    def test_another_file_brings_its_own_tensors(self):
        lenet("first.tvh5", steps=2)
        write_run("second.tvh5", {"c/weights": Tensor("oihw", random(3, 4, 1, 3, 3).astype("<f4"), [4, 5, 6])})
        source = reader("first.tvh5")
        source.Tensors = ["conv1/weights"]
        self.assertEqual(["conv1/weights"], list(tensors(source, 0)))
        source.FileName = ["second.tvh5"]
        source.UpdatePipelineInformation()
        self.assertEqual(["c/weights"], list(source.Tensors.Available))
        self.assertEqual([4, 5, 6], list(source.TimestepValues))
        self.assertEqual(["c/weights"], list(tensors(source, 5)))
        source.HistoryTensor = "c/weights"
        self.assertEqual("c/weights[0]", list(history(source))[-3])

    def test_state_brings_everything_back(self):
        for source in simple.GetSources().values():
            simple.Delete(source)
        lenet("state.tvh5", steps=4)
        source = simple.OpenDataFile(os.path.abspath("state.tvh5"))
        source.Tensors = ["conv1/activations", "fc1/weights"]
        source.HistoryTensor = "fc1/weights"
        source.HistoryElements = "7,9"
        source.Accumulate = 1
        before = {name: values(image) for name, image in tensors(source, 2).items()}
        simple.SaveState("state.pvsm")
        simple.ResetSession()
        load_plugin()
        simple.LoadState("state.pvsm")
        (source,) = simple.GetSources().values()
        self.assertEqual("fc1/weights", source.HistoryTensor)
        self.assertEqual("fc1/weights[9]", list(history(source))[-1])
        after = {name: values(image) for name, image in tensors(source, 2).items()}
        self.assertEqual(list(before), list(after))
        for name in before:
            self.assertTrue(np.array_equal(before[name], after[name]))

    def test_an_empty_run_opens(self):
        write_run("nothing.tvh5", {})
        write_run("declared.tvh5", {"conv1/weights": Tensor("oihw", np.zeros((0, 4, 1, 3, 3), "<f4"), [])})
        for path, names in [("nothing.tvh5", []), ("declared.tvh5", ["conv1/weights"])]:
            source = reader(path)
            self.assertEqual([], list(source.TimestepValues))
            images = tensors(source)
            self.assertEqual(names, list(images))
            self.assertTrue(all(steps(image) == -1 for image in images.values()))
            self.assertEqual(0, len(history(source)["Step"]))

    def test_recognised_and_opened_by_name(self):
        lenet("opened.tvh5", steps=2)
        write_run("newer.tvh5", {}, version=99)
        with h5py.File("other.tvh5", "w") as file:
            file["x"] = 1
        with open("text.tvh5", "w") as file:
            file.write("no")
        open("empty.tvh5", "w").close()
        session = servermanager.ActiveConnection.Session
        factory = servermanager.vtkSMReaderFactory
        names = ["opened", "newer", "other", "text", "empty", "missing"]
        found = [
            factory.CanReadFile(
                os.path.abspath(name + ".tvh5"), "sources", "TensorSnapshotReader", session
            )
            for name in names
        ]
        self.assertEqual([1, 1, 1, 1, 1, 0], found, "what is named as a run is opened, to say why not")
        os.rename("other.tvh5", "other.h5")
        self.assertFalse(
            factory.CanReadFile(
                os.path.abspath("other.h5"), "sources", "TensorSnapshotReader", session
            )
        )
        source = simple.OpenDataFile(os.path.abspath("opened.tvh5"))
        self.assertEqual("TensorSnapshotReader", source.GetXMLName())
        self.assertEqual(2, len(source.TimestepValues))
        self.assertEqual("conv1/weights", source.HistoryTensor)
        self.assertEqual("0-2", source.HistoryElements)


if __name__ == "__main__":
    unittest.main()
