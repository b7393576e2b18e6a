# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of tensor that today's networks have, from a file of version 2 that h5py wrote, against
numpy; further parts of a run; and what is damaged, of which everything else is shown."""

import os
import unittest

import h5py
import numpy as np
from paraview import simple
from reading import history, steps, tensors, update, values
from run_file import Tensor, bfloat16, write_run
from tensors import load_plugin, values_of

load_plugin()
SEED = np.random.default_rng(29)
STEPS = [0, 4, 9]

# name: (axes, shape of a record, type, chunk of a record or None, how it is shown:
#        [windows, rows, columns] of a record, by hand from the format's section Axes)
KINDS = {
    "conv1d/weights": ("oit", (6, 3, 5), "<f4", None, lambda x: x.reshape(18, 1, 5)),
    "conv3d/weights": ("oidhw", (4, 2, 3, 3, 5), "<f2", (2, 2, 2, 3, 5), lambda x: x.reshape(8, 9, 5)),
    "grouped/weights": ("goihw", (2, 3, 4, 3, 3), "<f4", (1, 2, 4, 3, 2), lambda x: x.reshape(24, 3, 3)),
    "depthwise/weights": ("ohw", (7, 3, 3), "<f4", None, lambda x: x),
    "transposed/weights": ("iohw", (3, 5, 2, 2), "<f8", None, lambda x: x.transpose(1, 0, 2, 3).reshape(15, 2, 2)),
    "embedding/weights": ("ve", (11, 4), "<f4", (5, 4), lambda x: x[None]),
    "attention/scores": ("aqk", (3, 6, 6), "<f4", (1, 6, 6), lambda x: x),
    "attention/averaged": ("qk", (6, 6), "<f4", None, lambda x: x[None]),
    "attention/activations": ("te", (6, 8), "<f4", None, lambda x: x.reshape(1, 1, 48)),
    "encoder/layers.0/norm1/weights": ("c", (8,), "<f4", None, lambda x: x[:, None, None]),
    "encoder/layers.0/norm1/running_mean": ("c", (8,), "<f8", (3,), lambda x: x[:, None, None]),
    "encoder/layers.0/temperature/weights": ("", (), "<f4", None, lambda x: x.reshape(1, 1, 1)),
    "layer1.0.conv2/weights": ("oihw", (4, 4, 3, 3), "bfloat16", (3, 4, 3, 3), lambda x: x.reshape(16, 3, 3)),
    "layer1.0.conv2/activations": ("hwc", (5, 4, 4), "<f4", (2, 4, 3), lambda x: x.transpose(2, 0, 1)),
    "layer1.0.conv2/mask": ("oihw", (4, 4, 3, 3), "?", None, lambda x: x.reshape(16, 3, 3)),
    "50%/weights": ("oi", (3, 4), "<i1", None, lambda x: x[None]),
    "quantised/weights": ("oihw", (2, 3, 2, 2), "u1", (1, 3, 2, 2), lambda x: x.reshape(6, 2, 2)),
    "quantised/bias": ("o", (2,), "<i4", None, lambda x: x[:, None, None]),
    "quantised/count": ("", (), "<i8", None, lambda x: x.reshape(1, 1, 1)),
    "last/moments": ("mm", (5, 5), "<f8", None, lambda x: x[None]),
    "last/eight": ("oidhwtbf", (2, 1, 2, 1, 2, 1, 2, 3), "<f4", None,
        lambda x: x.transpose(0, 1, 2, 3, 6, 7, 4, 5).reshape(2, 12, 2)),  # fmt: skip
}


def random(kind, shape):
    if kind == "?":
        return SEED.random(shape) > 0.5
    if kind[-2] in "iu":
        return SEED.integers(0 if kind[-2] == "u" else -100, 100, shape).astype(kind)
    if kind == "bfloat16":
        return (SEED.normal(0, 1, shape).astype("<f4").view("<u4") & 0xFFFF0000).view("<f4")
    return SEED.normal(0, 1, shape).astype(kind)


def make(path, at=STEPS, names=KINDS, **options):
    run = {}
    for name in names:
        axes, shape, kind, chunk, _ = KINDS[name]
        chunks = chunk and (2,) + chunk
        dtype = bfloat16() if kind == "bfloat16" else None
        run[name] = Tensor(axes, random(kind, (len(at),) + shape), at, None, dtype, chunks)
    scalars = {"loss": SEED.random(len(at)), "accuracy": SEED.random(len(at))}
    states = {"layer1.0.conv2": (np.array([[-1, -1, 1, -3]]), at[:1])} if "layer1.0.conv2/weights" in names else None
    write_run(path, run, scalars, at, states, version=2, **options)
    return run


def watched(path, **properties):
    """A reader, and the list of all that it complains of."""
    said = []

    def note(caller, event, text=None):
        said.append(" ".join(text.split()))

    note.CallDataType = "string0"
    source = simple.TensorSnapshotReader(**properties)
    for event in ("ErrorEvent", "WarningEvent"):
        source.GetClientSideObject().AddObserver(event, note)
    source.FileName = [path] if isinstance(path, str) else path
    return source, said


def flip(path, name, record, at=3):
    """Changes one bit of a chunk that has a record."""
    with h5py.File(path, "r", libver="latest") as file:
        dataset = file[name]
        rows = dataset.chunks[0]
        chunks = dataset.id.get_num_chunks()
        found = [dataset.id.get_chunk_info(k) for k in range(chunks)]
        chunk = next(c for c in found if c.chunk_offset[0] == record // rows * rows)
        size = chunk.size // rows
        offset = chunk.byte_offset + record % rows * size + at
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 16]))


class Kinds(unittest.TestCase):
    def test_every_kind(self):
        run = make("kinds.tvh5", complete=STEPS)
        source, said = watched("kinds.tvh5")
        self.assertEqual(STEPS, list(source.TimestepValues))
        self.assertEqual(sorted(run), sorted(source.Tensors.Available))
        for k, step in enumerate(STEPS):
            images = tensors(source, step)
            for name, (axes, shape, kind, _, shown) in KINDS.items():
                with self.subTest(name=name, step=step):
                    found = values(images[name])
                    self.assertEqual(step, steps(images[name]))
                    wide = kind in ("<f8", "<i4", "<i8")
                    self.assertEqual(np.dtype("<f8" if wide else "<f4"), found.dtype)
                    expected = shown(run[name].values[k])
                    self.assertEqual(expected.shape, found.shape)
                    self.assertTrue(np.array_equal(expected, found), name)
        self.assertEqual([-1, -1, 1, -3], values_of(images["layer1.0.conv2/weights"], "State"))
        self.assertEqual([], said)

    def test_histories(self):
        run = make("histories.tvh5", at=list(range(9)))
        for name in KINDS:
            elements = int(np.prod(KINDS[name][1], dtype=int))
            chosen = sorted({0, elements // 2, elements - 1})
            text = ",".join(map(str, chosen))
            source, said = watched("histories.tvh5", HistoryTensor=name, HistoryElements=text)
            table = history(source)
            shown = KINDS[name][4]
            for element in chosen:
                expected = [float(shown(row).ravel()[element]) for row in run[name].values]
                self.assertEqual(expected, list(table[f"{name}[{element}]"]), name)
            self.assertEqual([], said)
            simple.Delete(source)

    def test_names_are_a_tree(self):
        make("tree.tvh5")
        assembly = update(watched("tree.tvh5")[0]).GetDataAssembly()

        def labels(node):
            return {
                assembly.GetAttributeOrDefault(child, "label", ""): labels(child)
                for child in assembly.GetChildNodes(node, False)
            }

        tree = labels(assembly.GetRootNode())
        conv = {"weights": {}, "activations": {}, "mask": {}}
        self.assertEqual({"0": {"conv2": conv}}, tree["layer1"])
        norm = {"weights": {}, "running_mean": {}}
        self.assertEqual({"0": {"norm1": norm, "temperature": {"weights": {}}}}, tree["encoder"]["layers"])
        self.assertIn("50%", tree)

    def test_parts_are_one_run(self):
        first = ["layer1.0.conv2/weights", "quantised/bias"]
        parts = [("parts.tvh5", [0, 1, 2], first, None)]
        parts += [("parts.part1.tvh5", [3, 7], first + ["layer1.0.conv2/activations"], 1)]
        parts += [("parts.part2.tvh5", [8], first + ["layer1.0.conv2/activations", "last/moments"], 2)]
        runs = []
        for path, at, names, part in parts:
            if os.path.lexists(path):  # perhaps the link of an earlier test
                os.remove(path)
            runs.append((at, make(path, at, names, part=part, complete=at)))
        for paths in (["parts.tvh5"], ["parts.part2.tvh5", "parts.tvh5", "parts.part1.tvh5"]):
            source, said = watched(paths, HistoryTensor="quantised/bias", HistoryElements="1")
            self.assertEqual([0, 1, 2, 3, 7, 8], list(source.TimestepValues))
            for at, run in runs:
                for k, step in enumerate(at):
                    images = tensors(source, step)
                    for name, tensor in run.items():
                        shown = KINDS[name][4](tensor.values[k])
                        self.assertTrue(np.array_equal(shown, values(images[name])), (name, step))
            self.assertEqual(-1, steps(tensors(source, 2)["layer1.0.conv2/activations"]))
            expected = [x for at, run in runs for x in run["quantised/bias"].values[:, 1]]
            self.assertEqual(expected, list(history(source)["quantised/bias[1]"]))
            self.assertEqual([], said)
        alone = watched("parts.part1.tvh5")[0]
        self.assertEqual([3, 7], list(alone.TimestepValues))
        os.remove("parts.part1.tvh5")
        os.symlink("parts.part2.tvh5", "parts.part1.tvh5")  # nothing outside is followed
        self.assertEqual([0, 1, 2], list(watched("parts.tvh5")[0].TimestepValues))

    def test_a_damaged_record_costs_itself(self):
        for name in ("conv3d/weights", "layer1.0.conv2/mask", "embedding/weights", "quantised/count"):
            with self.subTest(name=name):
                run = make("damaged.tvh5", complete=STEPS)
                flip("damaged.tvh5", "layers/" + name + "/values", 1)
                source, said = watched("damaged.tvh5", HistoryTensor=name, HistoryElements="0")
                for k in (0, 2):
                    self.assertTrue(
                        np.array_equal(
                            KINDS[name][4](run[name].values[k]), values(tensors(source, STEPS[k])[name])
                        )
                    )
                self.assertEqual([], said)
                images = tensors(source, STEPS[1])
                self.assertIsNone(values(images[name]))
                self.assertEqual(len(KINDS) - 1, sum(values(i) is not None for i in images.values()))
                self.assertEqual(1, len(said))
                self.assertIn(f"record 1 (step 4) of {name} does not match its check", said[0])
                column = history(source)[name + "[0]"]
                self.assertEqual([False, True, False], list(np.isnan(column)))

    def test_a_tensor_that_is_not_understood_costs_itself(self):
        make("strange.tvh5")
        with h5py.File("strange.tvh5", "r+", libver="latest") as file:
            del file["layers/conv1d/weights/values"]
            file["layers/conv1d/weights"].create_dataset("values", data=np.zeros((3, 2), "<c8"), maxshape=(None, 2))
        source, said = watched("strange.tvh5")
        self.assertEqual(len(KINDS) - 1, len(tensors(source, 4)))
        self.assertEqual(1, len(said))
        self.assertIn("values of conv1d/weights holds", said[0])

    def test_steps_that_end_in_zeros(self):
        """A run that was cut off by a power failure: what is before it is there."""
        at = list(range(1, 40))
        run = make("cut.tvh5", at, ["conv1d/weights", "quantised/bias"], complete=at)
        with h5py.File("cut.tvh5", "r+", libver="latest") as file:
            file["layers/conv1d/weights/steps"][30:] = 0
        source, said = watched("cut.tvh5")
        self.assertEqual(at, list(source.TimestepValues))
        self.assertEqual(30, steps(tensors(source, 39)["conv1d/weights"]))
        self.assertTrue(
            np.array_equal(
                run["conv1d/weights"].values[29].reshape(18, 1, 5), values(tensors(source, 39)["conv1d/weights"])
            )
        )
        self.assertEqual(1, len(said))
        self.assertIn("record 30 is step 0 after step 30", said[0])

    def test_complete_that_is_damaged(self):
        make("rows.tvh5", complete=STEPS)
        with h5py.File("rows.tvh5", "r+", libver="latest") as file:
            file["complete"][2, 5] += 1  # the last row: the one before it is right
        source, said = watched("rows.tvh5")
        self.assertEqual(STEPS[:2], list(source.TimestepValues))
        self.assertEqual(1, len(said))
        self.assertIn("its last rows (1) do not match their checks", said[0])
        with h5py.File("rows.tvh5", "r+", libver="latest") as file:
            file["complete"][...] = 0
        source, said = watched("rows.tvh5")
        self.assertEqual(STEPS, list(source.TimestepValues))
        self.assertEqual(1, len(said))
        self.assertIn('"complete" is damaged', said[0])


if __name__ == "__main__":
    unittest.main()
