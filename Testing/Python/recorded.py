# SPDX-License-Identifier: BSD-3-Clause
"""tensorview.Run: arrays from everywhere, in the trainer's thread and in one of its own."""

import array as arrays
import os
import threading
import time
import unittest

import h5py
import numpy as np
import torch
from support import Case, numbers, read

import tensorview
from tensorview import TensorViewError
from tensorview._arrays import from_any, to_bfloat16, type_name
from tensorview._background import Background


class Dlpack:
    """An array of another library, that knows nothing but DLPack."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **how):
        return self.values.__dlpack__(**how)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Recording(Case):
    def test_whatever_holds_numbers(self):
        expected = np.arange(6, dtype="f4").reshape(2, 3)
        flat = arrays.array("f", expected.ravel())
        ways = {
            "numpy": expected,
            "fortran": np.asfortranarray(expected),
            "strided": np.repeat(expected, 2, axis=1)[:, ::2],
            "torch": torch.from_numpy(expected),
            "transposed": torch.from_numpy(np.ascontiguousarray(expected.T)).t(),
            "gradient": torch.from_numpy(expected.copy()).requires_grad_() * 1,
            "sparse": torch.from_numpy(expected).to_sparse(),
            "dlpack": Dlpack(expected),
            "buffer": memoryview(flat).cast("B").cast("f", (2, 3)),
            "list": expected.tolist(),
            "float64": expected.astype("f8"),
            "swapped": expected.astype(">f4"),
        }
        for background in (False, True):
            with tensorview.Run(self.path, overwrite=True, background=background) as run:
                for kind in ways:
                    run.declare("layer", kind, "oi", (2, 3))
                for kind, value in ways.items():
                    run.write(f"layer/{kind}", 0, value)
            recorded = read(self.path)
            for kind in ways:
                np.testing.assert_array_equal(expected, recorded[f"layer/{kind}"][0], kind)

    def test_types(self):
        for dtype in ("float32", "float64", "float16", np.float32, "f8", np.dtype("f2"), torch.float16):
            with self.subTest(dtype=dtype), tensorview.Run(self.path, overwrite=True) as run:
                weights = run.declare("a", "weights", "o", [3], dtype)
                run.write(weights, 0, [1, 2.5, -3])
                run.close()
                found = read(self.path)["a/weights"][0]
                self.assertEqual(type_name(dtype), found.dtype.name)
                np.testing.assert_array_equal([1, 2.5, -3], found)
        for wrong in ("complex64", "string", object):
            with self.assertRaises(TypeError):
                type_name(wrong)
        with self.assertRaises(TypeError):
            run = tensorview.Run(self.path, overwrite=True)
            run.write(run.declare("a", "weights", "o", [2]), 0, np.array([1j, 2]))

    def test_bfloat16_is_torchs(self):
        values = torch.cat([torch.randn(1000), torch.tensor([0.0, -0.0, float("inf"), float("nan"), 1e-40, 3.4e38])])
        expected = values.bfloat16().view(torch.int16).numpy().view("u2")
        found = to_bfloat16(values.numpy())
        number = ~np.isnan(values.numpy())
        np.testing.assert_array_equal(expected[number], found[number])
        with tensorview.Run(self.path) as run:
            run.write(run.declare("a", "weights", "o", [1006], torch.bfloat16), 0, values.bfloat16())
        np.testing.assert_array_equal(values.bfloat16().float().numpy(), read(self.path)["a/weights"][0])

    def test_nothing_is_copied_that_lies_right(self):
        for value in (np.ones((4, 3), "f4"), torch.ones(4, 3), torch.ones(4, 3, dtype=torch.bfloat16)):
            pointer = value.ctypes.data if isinstance(value, np.ndarray) else value.data_ptr()
            self.assertEqual(pointer, from_any(value).values.ctypes.data)

    def test_batches_are_summed(self):
        batch = np.random.default_rng(0).normal(size=(5, 4, 2, 2)).astype("f4")
        with tensorview.Run(self.path) as run:
            maps = run.declare("a", "activations", "nchw", batch.shape)
            run.write(maps, 0, batch)
            run.write(maps, 1, batch[:2])
            for wrong in (np.zeros((6, 4, 2, 2)), np.zeros((5, 4, 2)), np.zeros((5, 3, 2, 2))):
                with self.assertRaisesRegex(TensorViewError, "a/activations was declared as"):
                    run.write(maps, 2, wrong)
        recorded = read(self.path)["a/activations"]
        for step, expected in enumerate((batch.sum(0), batch[:2].sum(0))):
            np.testing.assert_allclose(expected, recorded[step], rtol=1e-5, atol=1e-6)
        with h5py.File(self.path) as file:
            self.assertEqual([5, 2], file["layers/a/activations/samples"][:].tolist())

    def test_scalars_and_states(self):
        with tensorview.Run(self.path) as run:
            run.declare_states("a", 3)
            run.write(run.declare("a", "weights", "oi", (3, 2)), 0, np.zeros((3, 2)))
            run.log(loss=torch.tensor(2.0, requires_grad=True), accuracy=np.float32(0.5))
            run.write_states("a", 4, [-1, 0, -2])
            run.log(step=4, loss=1)
            run.log(accuracy=1)
        recorded = read(self.path)
        self.assertEqual({0: 2.0, 4: 1.0}, recorded["scalars/loss"])
        self.assertEqual({0: 0.5, 4: 1.0}, recorded["scalars/accuracy"])
        self.assertEqual([-1, 0, -2], recorded["a/filters"][4].tolist())

    def test_what_is_flushed_is_there(self):
        run = tensorview.Run(self.path, background=True, flush_seconds=-1)
        weights = run.declare("a", "weights", "o", [3])
        for step in range(50):
            run.write(weights, step, np.full(3, step))
        run.flush()
        with h5py.File(self.path, "r", libver="latest", swmr=True) as file:
            self.assertEqual(49, numbers(file["layers/a/weights/values"])[49, 0])
        run.close()
        run.close()

    def test_errors_are_the_librarys_sentences(self):
        with tensorview.Run(self.path) as run:
            weights = run.declare("a", "weights", "o", [3])
            with self.assertRaisesRegex(TensorViewError, "weights") as caught:
                run.declare("a", "weights", "o", [3])
            self.assertLess(caught.exception.status, 0)
            with self.assertRaisesRegex(ValueError, "do not agree"):
                run.declare("b", "weights", "oi", [3])
            run.write(weights, 5, np.zeros(3))
            with self.assertRaises(TensorViewError):
                run.write(weights, 4, np.zeros(3))
            with self.assertRaisesRegex(TensorViewError, str(self.path)):
                tensorview.Run(self.path)
        with self.assertRaisesRegex(TensorViewError, "closed"):
            run.log(loss=1)

    def test_failures_in_the_background_are_raised_by_the_next_call(self):
        run = tensorview.Run(self.path, background=True)
        weights = run.declare("a", "weights", "o", [3])
        run.write(weights, 5, np.zeros(3))
        run.write(weights, 4, np.zeros(3))
        with self.assertRaises(TensorViewError):
            run.flush()
        run.write(weights, 6, np.ones(3))
        run.close()
        self.assertEqual([5, 6], list(read(self.path)["a/weights"]))

    def test_an_array_may_change_as_soon_as_it_was_handed_over(self):
        with tensorview.Run(self.path, background=True) as run:
            weights = run.declare("a", "weights", "o", [1000])
            values = np.zeros(1000, "f4")
            for step in range(100):
                values[:] = step
                run.write(weights, step, values)
        for step, values in read(self.path)["a/weights"].items():
            self.assertTrue((values == step).all())

    def test_a_child_is_refused(self):
        run = tensorview.Run(self.path, background=True)
        weights = run.declare("a", "weights", "o", [3])
        child = os.fork()
        if child == 0:
            try:
                run.write(weights, 0, np.zeros(3))
            except TensorViewError:
                os._exit(7)
            os._exit(0)
        self.assertEqual(7, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        run.close()


class InTheBackground(unittest.TestCase):
    def test_memory_is_bounded_and_nothing_is_lost(self):
        gate, done, waiting = threading.Event(), [], []
        background = Background(100, False, self.fail)
        for number in range(3):
            background.put(lambda number=number: (gate.wait(), done.append(number)), 40 if number < 2 else 10)
        trainer = threading.Thread(target=lambda: (background.put(lambda: done.append(3), 40), waiting.append(1)))
        trainer.start()
        trainer.join(0.05)
        self.assertEqual([], waiting)  # there is no room
        gate.set()
        trainer.join()
        background.put(lambda: done.append(4), 1000)  # larger than all the room
        background.wait()
        background.end()
        self.assertEqual([0, 1, 2, 3, 4], done)

    def test_who_waits_long_sleeps(self):
        """Until work comes, and then does it at once."""
        background, done = Background(100, False, self.fail), threading.Event()
        looks, wait = [], background._changed.wait
        background._changed.wait = lambda timeout=None: (looks.append(timeout), wait(timeout))
        background.put(lambda: None)
        background.wait()
        end = time.monotonic() + 60
        while not background._sleeping and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.5)  # in which 25 looks would be
        self.assertLess(len(looks), 10)
        background.put(done.set)
        self.assertTrue(done.wait(60))
        background.end()

    def test_dropping_where_told(self):
        gate, done = threading.Event(), []
        background = Background(100, True, self.fail)
        kept = [background.put(lambda: (gate.wait(), done.append(1)), 60, droppable=True) for _ in range(3)]
        gate.set()
        background.end()
        self.assertEqual(([True, False, False], 2, [1]), (kept, background.dropped, done))


class Kernels(unittest.TestCase):
    def test_correlation_is_numpys(self):
        maps = np.random.default_rng(0).normal(size=(6, 5, 7)).astype("f4")
        for value in (maps, torch.from_numpy(maps), maps.astype("f8"), maps.astype("f2").astype("f4")):
            expected = np.corrcoef(np.asarray(value, "f8").reshape(6, -1))
            np.testing.assert_allclose(tensorview.correlate(value), expected, atol=1e-6)
        flat = maps.reshape(6, -1)
        cosine = flat @ flat.T / np.outer(*[np.linalg.norm(flat, axis=1)] * 2)
        np.testing.assert_allclose(tensorview.correlate(maps, "cosine"), cosine, atol=1e-6)

    def test_groups(self):
        maps = np.random.default_rng(0).normal(size=(6, 50))
        maps[4], maps[3], maps[5] = 2 * maps[1] + 1, maps[1] - 3, 7
        found = tensorview.groups(maps)
        self.assertEqual([-1, 1, -1, 1, 1, -1], found.group.tolist())
        self.assertEqual([0, 1, 2, 1, 1, -1], found.representative.tolist())
        self.assertTrue(np.isnan(found.matrix[5]).all())
        with self.assertRaises(ValueError):
            tensorview.groups(maps, linkage="average")
        with self.assertRaises(ValueError):
            tensorview.correlate(np.zeros(3))
        with self.assertRaises(TensorViewError):
            tensorview.groups(maps, threshold=float("nan"))


if __name__ == "__main__":
    unittest.main()
