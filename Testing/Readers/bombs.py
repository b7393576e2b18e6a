# SPDX-License-Identifier: BSD-3-Clause
"""Run files that are small and unpack to gigabytes: what is not shown is not unpacked, and one record of what is
shown costs that record."""

import os
import unittest
import zlib

import h5py
import numpy as np
from paraview import simple
from run_file import Tensor, write_run
from tensors import load_plugin

load_plugin()
SHAPE, STEPS, LAYERS = (4096, 4096), 4, 8  # 64 MB a record, 2 GB in all


def bomb(path):
    """Every record is the same compressed megabytes of zeros; one tensor is as it should be."""
    tensors = {f"fc{k}/weights": Tensor("oi", np.zeros((STEPS, 1, 1), "<f4"), range(STEPS)) for k in range(LAYERS)}
    small = np.arange(STEPS * 12, dtype="<f4").reshape(STEPS, 3, 4)
    tensors["small/weights"] = Tensor("oi", small, range(STEPS))
    write_run(path, tensors)
    packed = zlib.compress(bytes(4 * SHAPE[0] * SHAPE[1]), 9)
    with h5py.File(path, "r+", libver="latest") as file:
        for k in range(LAYERS):
            group = file[f"layers/fc{k}/weights"]
            axes = dict(group["values"].attrs)
            del group["values"]
            values = group.create_dataset("values", (STEPS, *SHAPE), "<f4", maxshape=(None, *SHAPE),
                                          chunks=(1, *SHAPE), compression="gzip")
            values.attrs.update(axes)
            for step in range(STEPS):
                values.id.write_direct_chunk((step, 0, 0), packed)
    return small


def memory(field):
    with open("/proc/self/status") as status:
        [line] = [line for line in status if line.startswith(field)]
    return int(line.split()[1]) * 1024


class Bombs(unittest.TestCase):
    def test_what_is_not_shown_stays_packed(self):
        small = bomb("bomb.tvh5")
        self.assertLess(os.path.getsize("bomb.tvh5"), 8 << 20)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak begins here
        before = memory("VmRSS")
        run = simple.TensorSnapshotReader(FileName=["bomb.tvh5"])
        grid = simple.WeightGrid(Input=run, Tensor="small/weights")
        for step in range(STEPS):
            grid.UpdatePipeline(step)
            range_ = grid.GetDataInformation().GetCellDataInformation().GetArrayInformation("Weight")
            self.assertEqual((small[step].min(), small[step].max()), range_.GetComponentRange(0))
        self.assertLess(memory("VmHWM") - before, 64 << 20)
        run.SMProxy.UpdatePropertyInformation()
        self.assertEqual(small.size, int(run.GetProperty("ValuesRead")[0]))
        grid.Tensor = "fc3/weights"
        grid.UpdatePipeline(2)
        self.assertGreater(grid.GetDataInformation().GetNumberOfCells(), 0)
        run.SMProxy.UpdatePropertyInformation()
        self.assertEqual(small.size + SHAPE[0] * SHAPE[1], int(run.GetProperty("ValuesRead")[0]))
        self.assertLess(memory("VmHWM") - before, 512 << 20)


if __name__ == "__main__":
    unittest.main()
