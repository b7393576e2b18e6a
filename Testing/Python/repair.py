# SPDX-License-Identifier: BSD-3-Clause
"""What tensorview repair saves of damaged runs, judged by h5py: every record in the new file is, bit
for bit, that of the whole run; whatever is missing, a sentence says so; h5py opens the file as any
other. Cut off, flipped, with pages of zeros, half copied, and copied while it was written."""

import os
import random
import shutil
import subprocess
import sys
import unittest

import h5py
import numpy as np
from damage import content, streams

import tensorview

STEPS, ROUNDS = 60, int(os.environ.get("TENSORVIEW_REPAIR", "40"))

WRITER = """
import os, sys, shutil
import numpy as np
import tensorview
numbers = np.random.default_rng(3)
run = tensorview.Run(sys.argv[1], overwrite=True, flush_seconds=0)
weights = run.declare("conv1", "weights", "oihw", (8, 3, 5, 5))
maps = run.declare("conv1", "activations", "nchw", (4, 8, 6, 6))
half = run.declare("fc", "weights", "oi", (5, 70), "float16")
brain = run.declare("fc", "bias", "o", (5,), "bfloat16")
run.declare_states("conv1", 8)
for step in range(int(sys.argv[2])):
    run.write(weights, step, numbers.standard_normal((8, 3, 5, 5), "f4"))
    if step % 3 == 0:
        run.write(maps, step, numbers.standard_normal((1 + step % 4, 8, 6, 6), "f4"))
    run.write(half, step, numbers.standard_normal((5, 70)).astype("f2"))
    run.write(brain, step, numbers.standard_normal(5).astype("f4"))
    run.log(step, loss=1 / (step + 1))
    if step % 10 == 0:
        run.log(step, accuracy=step / 100)
        run.write_states("conv1", step, [-1] * 7 + [step % 7])
    run.end_step(step)
    if step == int(sys.argv[2]) // 2:
        shutil.copy(sys.argv[1], sys.argv[1] + ".copy")
if sys.argv[3] == "close":
    run.close()
os._exit(0)
"""


class Repair(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name, end in (("closed.tvh5", "close"), ("killed.tvh5", "kill")):
            subprocess.run([sys.executable, "-c", WRITER, name, str(STEPS), end], check=True)
        cls.whole = streams("closed.tvh5")
        assert sum(map(len, cls.whole.values())) > 3 * STEPS

    def judge(self, damaged, must=None):
        """Whether there was anything to save; how much was."""
        shutil.rmtree("out", ignore_errors=True)
        os.mkdir("out")
        before = content(damaged)
        try:
            repaired = tensorview.repair(damaged, "out/out.tvh5")
        except tensorview.TensorViewError as error:
            self.assertRegex(str(error), r"damaged|closed|killed")
            self.assertEqual([], os.listdir("out"))
            self.assertFalse(must)
            return 0
        self.assertEqual(before, content(damaged))
        self.assertEqual(["out.tvh5"], os.listdir("out"))
        found = streams("out/out.tvh5")
        with h5py.File("out/out.tvh5", "r"):  # as any other file
            pass
        missing = 0
        for name, records in found.items():
            for key, value in records.items():
                self.assertEqual(self.whole[name].get(key), value, f"{damaged}: {name} {key}")
        for name, records in self.whole.items():
            missing += len(set(records) - set(found.get(name, {})))
        if missing:
            self.assertTrue(repaired.left_out, f"{damaged}: {missing} records are missing without a word")
        with tensorview.open("out/out.tvh5") as clean:
            self.assertTrue(clean.complete)
            self.assertEqual([], clean.notes)
        return sum(map(len, found.values()))

    def damage(self, change, source="closed.tvh5"):
        """What is saved of each of many damaged copies."""
        saved = []
        data = content(source)
        for number in range(ROUNDS):
            copy = bytearray(data)
            change(copy, random.Random(number))
            with open("damaged.tvh5", "wb") as file:
                file.write(copy)
            saved.append(self.judge("damaged.tvh5"))
        total = sum(map(len, self.whole.values()))
        print(f"{self.id()}: of {total} records, {ROUNDS} times: none {saved.count(0)}, all {saved.count(total)},"
              f" on average {sum(saved) / ROUNDS:.0f}")
        return saved

    def test_whole(self):
        saved = self.judge("closed.tvh5", must=True)
        self.assertEqual(sum(map(len, self.whole.values())), saved)
        self.assertEqual([], tensorview.repair("closed.tvh5", "again.tvh5", overwrite=True).left_out)
        self.assertEqual(saved, self.judge("killed.tvh5", must=True))

    def test_copied_while_it_was_written(self):
        self.assertGreater(self.judge("killed.tvh5.copy", must=True), 0)

    def test_a_flipped_bit(self):
        def flip(data, chance):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)

        self.assertGreater(max(self.damage(flip)), 0)

    def test_a_page_of_zeros(self):
        def zero(data, chance):
            at = chance.randrange(len(data) // 4096) * 4096
            data[at : at + 4096] = bytes(len(data[at : at + 4096]))

        self.assertGreater(max(self.damage(zero)), 0)

    def test_half_of_it_was_copied(self):
        def half(data, chance):
            at = chance.randrange(len(data))
            data[at:] = bytes(len(data) - at)

        self.damage(half)

    def test_cut_off(self):
        def cut(data, chance):
            del data[chance.randrange(len(data)) :]

        self.assertGreater(max(self.damage(cut)), 0)  # its writer closed it: HDF5 itself refuses it
        self.damage(cut, "killed.tvh5")

    def test_cut_off_is_said(self):
        data = content("closed.tvh5")
        with open("damaged.tvh5", "wb") as file:
            file.write(data[: len(data) * 9 // 10])
        self.assertGreater(self.judge("damaged.tvh5", must=True), 0)
        said = tensorview.repair("damaged.tvh5", "out/out.tvh5", overwrite=True).left_out
        self.assertRegex("\n".join(said), f"it is cut off: it should have {len(data)} bytes")
        for sentence in said:
            self.assertNotIn(".repair-", sentence)

    def test_refusals(self):
        with self.assertRaisesRegex(tensorview.TensorViewError, "not repaired in place"):
            tensorview.repair("closed.tvh5", "./closed.tvh5", overwrite=True)
        with self.assertRaisesRegex(tensorview.TensorViewError, "none.tvh5"):
            tensorview.repair("none.tvh5", "new.tvh5")
        open("there.tvh5", "w").close()
        with self.assertRaisesRegex(tensorview.TensorViewError, "there.tvh5"):
            tensorview.repair("closed.tvh5", "there.tvh5")
        self.assertEqual(0, os.path.getsize("there.tvh5"))

    def test_the_command(self):
        data = bytearray(content("closed.tvh5"))
        with h5py.File("closed.tvh5", "r") as file:
            at = file["layers/conv1/weights/values"].id.get_chunk_info(0).byte_offset
        data[at + 100] ^= 1
        with open("damaged.tvh5", "wb") as file:
            file.write(data)
        done = subprocess.run(
            [sys.executable, "-m", "tensorview", "repair", "damaged.tvh5", "shell.tvh5", "--overwrite"],
            capture_output=True, text=True, check=True)
        self.assertIn("shell.tvh5: 4 tensors", done.stdout)
        self.assertRegex(done.stdout, "left out: .*conv1/weights.*damaged")
        done = subprocess.run([sys.executable, "-m", "tensorview", "repair", "damaged.tvh5", "shell.tvh5"],
                              capture_output=True, text=True)
        self.assertEqual(1, done.returncode)

    def test_ranges_of_statistics_are_made_anew(self):
        with tensorview.Run("ranges.tvh5", overwrite=True) as run:
            run.declare_statistics("a", "weights", "oi", (3, 4))
            for step in range(70):
                run.observe("a/weights", step, np.full((3, 4), step, "f4"))
        tensorview.repair("ranges.tvh5", "again.tvh5", overwrite=True)
        with h5py.File("ranges.tvh5") as before, h5py.File("again.tvh5") as after:
            group = "layers/a/weights_statistics_ranges"
            self.assertEqual(2, len(after[group]["values"]))
            for part in ("values", "steps", "samples", "checks"):
                np.testing.assert_array_equal(before[group][part], after[group][part])


if __name__ == "__main__":
    unittest.main()
