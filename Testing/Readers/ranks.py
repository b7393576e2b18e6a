# SPDX-License-Identifier: BSD-3-Clause
"""Ranks: the parts of several put together are what one reads, and each reads no more than its own."""

import unittest

import h5py
import numpy as np
from reading import history, leaf, reader, tensors, values
from run_file import Tensor, write_run
from tensors import load_plugin, values_of

load_plugin()
SEED = np.random.default_rng(11)
PIECES = (1, 2, 3, 4, 7)


def random(*shape):
    return SEED.normal(0, 1, shape).astype("<f4")


def part(source, time, piece, pieces, port=0):
    """What rank piece of pieces reads; here one after the other in one process."""
    algorithm = source.GetClientSideObject()
    source.UpdateVTKObjects()
    algorithm.UpdateInformation()
    executive = algorithm.GetExecutive()
    executive.GetOutputInformation(port).Set(executive.UPDATE_TIME_STEP(), float(time))
    information = executive.GetOutputInformation(port)
    information.Set(executive.UPDATE_PIECE_NUMBER(), piece)
    information.Set(executive.UPDATE_NUMBER_OF_PIECES(), pieces)
    information.Set(executive.UPDATE_NUMBER_OF_GHOST_LEVELS(), 0)
    algorithm.Update(port)
    return algorithm.GetOutputDataObject(port)


class Ranks(unittest.TestCase):
    def test_parts_together(self):
        run = {
            "conv1/weights": Tensor("hwio", random(3, 3, 3, 2, 16), [0, 1, 2]),
            "conv1/activations": Tensor("chw", random(3, 16, 6, 5), [0, 1, 2], [5, 5, 5]),
            "conv2/weights": Tensor("oihw", random(3, 3, 4, 2, 2).astype("<f2"), [0, 1, 2]),
            "fc1/weights": Tensor("io", random(3, 12, 10), [0, 1, 2]),
            "fc1/activations": Tensor("c", random(3, 10), [0, 1, 2]),
            "fc2/weights": Tensor("oi", random(3, 7, 10), [0, 1, 2]),
            "fc2/moments": Tensor("mm", random(3, 3, 3).astype("<f8"), [0, 1, 2]),
            "fc3/weights": Tensor("oi", random(3, 1, 10), [0, 1, 2]),
        }
        states = np.arange(16)[None] % 3 - 3
        write_run("ranks.tvh5", run, {"loss": [3.0, 2.0, 1.0]}, [0, 1, 2], {"conv1": (states, [0])})
        for accumulate in (0, 1):
            source = reader("ranks.tvh5", Accumulate=accumulate)
            whole = {}
            for time in (0, 2, 1):
                whole[time] = {name: values(image) for name, image in tensors(source, time).items()}
            for pieces in PIECES:
                for time in (0, 2, 1):
                    parts = {name: {} for name in run}
                    for piece in range(pieces):
                        collection = part(source, time, piece, pieces)
                        self.assertEqual(len(run), collection.GetNumberOfPartitionedDataSets())
                        for k in range(len(run)):
                            name, image = leaf(collection, k)
                            self.assertEqual([time], values_of(image, "Step"))
                            if name.startswith("conv1"):
                                self.assertEqual(list(states[0]), values_of(image, "State"))
                            matrix = len(run[name].axes) == 2
                            sizes = whole[time][name].shape
                            if matrix:
                                self.assertEqual(list(sizes), [1] + sum(
                                    (values_of(image, size) for size in ("Rows", "Columns")), []))
                            if values(image) is not None:
                                at = image.GetExtent()[2 if matrix else 4]
                                self.assertNotIn(at, parts[name])
                                parts[name][at] = values(image)
                    for name, found in parts.items():
                        axis = 1 if len(run[name].axes) == 2 else 0
                        at = 0
                        for first in sorted(found):
                            self.assertEqual(at, first)
                            at += found[first].shape[axis]
                        joined = np.concatenate([found[first] for first in sorted(found)], axis)
                        self.assertTrue(np.array_equal(whole[time][name], joined), name)

    def test_rows_of_a_matrix(self):
        matrices = {
            "odd": Tensor("oi", random(1, 37, 11), [0]),
            "turned": Tensor("io", random(1, 11, 37), [0]),
            "half": Tensor("oi", random(1, 37, 11).astype("<f2"), [0]),
            "few": Tensor("oi", random(1, 3, 5), [0]),
        }
        write_run("matrices.tvh5", {name + "/weights": matrix for name, matrix in matrices.items()})
        source = reader("matrices.tvh5")
        for pieces in (1, 2, 4):
            for piece in range(pieces):
                collection = part(source, 0, piece, pieces)
                for k, name in enumerate(matrices):
                    with h5py.File("matrices.tvh5", libver="latest", swmr=True) as file:
                        expected = file[f"layers/{name}/weights/values"][0].astype("<f4")
                    if name == "turned":
                        expected = expected.T
                    rows = len(expected)
                    first, end = rows * piece // pieces, rows * (piece + 1) // pieces
                    _, image = leaf(collection, k)
                    self.assertEqual([rows], values_of(image, "Rows"))
                    self.assertEqual([expected.shape[1]], values_of(image, "Columns"))
                    if first == end:
                        self.assertIsNone(values(image))
                        continue
                    self.assertEqual((first, end), image.GetExtent()[2:4])
                    self.assertTrue(np.array_equal(expected[None, first:end], values(image)), name)

    def test_history_is_on_the_first(self):
        write_run(
            "first.tvh5", {"conv1/weights": Tensor("oihw", random(5, 4, 1, 3, 3), range(5))}, {"loss": range(5)}, range(5)
        )
        whole = history(reader("first.tvh5"))
        for piece in range(3):
            # A reader for each, as ranks have: VTK 9.4 makes no table again for another piece.
            table = part(reader("first.tvh5"), 0, piece, 3, port=1)
            self.assertEqual(list(whole), [table.GetColumnName(k) for k in range(table.GetNumberOfColumns())])
            self.assertEqual(0 if piece else 5, table.GetNumberOfRows())

    def test_each_reads_only_its_own(self):
        for axes, values in (("oihw", random(1, 8, 2, 3, 3)), ("oi", random(1, 8, 6))):
            write_run("own.tvh5", {"conv1/weights": Tensor(axes, values, [0])})
            with h5py.File("own.tvh5", "r+", libver="latest") as file:
                group = file["layers/conv1/weights"]
                del group["values"]
                group.create_dataset(
                    "values",
                    data=values,
                    maxshape=(None,) + values.shape[1:],
                    chunks=(1, 1) + values.shape[2:],
                    fletcher32=True,
                )
                offset = group["values"].id.get_chunk_info(2).byte_offset
            with open("own.tvh5", "r+b") as file:  # filter, or row, 2 is damaged: who touches it notices
                file.seek(offset)
                byte = file.read(1)[0]
                file.seek(offset)
                file.write(bytes([byte ^ 1]))
            source = reader("own.tvh5")
            errors = []
            source.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: errors.append(1))
            damaged = []
            for piece in range(4):
                before = len(errors)
                part(source, 0, piece, 4)
                damaged.append(len(errors) - before)
            self.assertEqual([0, 1, 0, 0], damaged, axes)


if __name__ == "__main__":
    unittest.main()
