# SPDX-License-Identifier: BSD-3-Clause
"""A series of checkpoints is time: order, steps, what is missing, updates; and it equals the run file
that was recorded at the same steps."""

import json
import os
import shutil
import sys
import unittest

import numpy as np
import torch
from run_file import Tensor, write_run
import weights_support as weights
from weights_support import write_safetensors


def read(*paths):
    """({name: {..., "values": [record, ...]}}, notes), in the source's order."""
    status, lines, error = weights.run("values.raw", *paths)
    assert status == 0, error
    rows = [json.loads(line) for line in lines]
    with open("values.raw", "rb") as file:
        raw, at = file.read(), 0
    for row in rows[:-1]:
        if row.get("problem"):
            continue
        kind = np.dtype("<u2" if row["type"] == "bf16" else row["type"])
        count = int(np.prod(row["size"], dtype=np.int64)) * len(row["steps"])
        row["values"] = np.frombuffer(raw, kind, count, at).reshape([len(row["steps"]), *row["size"]])
        at += count * kind.itemsize
    assert at == len(raw), (at, len(raw))
    return {row["name"]: row for row in rows[:-1]}, rows[-1]["notes"]


class Series(unittest.TestCase):
    def setUp(self):
        shutil.rmtree("series", ignore_errors=True)
        os.mkdir("series")

    def steps(self, *names, make=None):
        """The steps of one-number files of these names, in whatever order they are given."""
        for k, name in enumerate(names):
            os.makedirs(os.path.dirname("series/" + name), exist_ok=True)
            write_safetensors("series/" + name, {"a.weight": np.full(3, k, "f4")}, make and make(k))
        found, _ = read(*("series/" + name for name in reversed(names)))
        row = found["a/weights"]
        return dict(zip([names[int(v[0])] for v in row["values"]], row["steps"]))

    def test_order(self):
        for names, steps in (
            (("model_0002.safetensors", "model_0010.safetensors"), (2, 10)),
            (("m9.safetensors", "m10.safetensors", "m100.safetensors"), (9, 10, 100)),
            (("epoch=3-step=1200.safetensors", "epoch=4-step=1600.safetensors"), (1200, 1600)),
            (("run2_e1_v3.safetensors", "run2_e7_v3.safetensors"), (1, 7)),
            (("checkpoint-500/model.safetensors", "checkpoint-1000/model.safetensors"), (500, 1000)),
            (("first.safetensors", "second.safetensors"), (0, 1)),
        ):
            self.assertEqual(dict(zip(names, steps)), self.steps(*names))

    def test_stored_steps(self):
        names = ("x3.safetensors", "x1.safetensors")
        self.assertEqual({names[0]: 70, names[1]: 80}, self.steps(*names, make=lambda k: {"step": str(70 + 10 * k)}))
        same = self.steps(*names, make=lambda k: {"step": "5"})
        self.assertEqual({names[0]: 3, names[1]: 1}, same)

    def test_a_single_file(self):
        write_safetensors("series/resnet18.safetensors", {"a.weight": np.ones(2, "f4")})
        self.assertEqual([0], read("series/resnet18.safetensors")[0]["a/weights"]["steps"])
        write_safetensors("series/step-40.safetensors", {"a.weight": np.ones(2, "f4")})
        self.assertEqual([40], read("series/step-40.safetensors")[0]["a/weights"]["steps"])

    def test_folders(self):
        for step in (5, 50, 500):
            os.mkdir(f"series/checkpoint-{step}")
            write_safetensors(f"series/checkpoint-{step}/model.safetensors", {"a.weight": np.full(2, step, "f4")})
            torch.save({"rng": torch.zeros(3)}, f"series/checkpoint-{step}/rng_state.pth")
        with open("series/README.md", "w") as file:
            file.write("no weights")
        found, notes = read("series")
        self.assertEqual(["a/weights", "a/updates"], list(found))
        self.assertEqual([5, 50, 500], found["a/weights"]["steps"])
        self.assertEqual([], notes)
        self.assertEqual([500], read("series/checkpoint-500")[0]["a/weights"]["steps"])

    def test_missing_and_other_shapes(self):
        full = {"a.weight": np.ones((2, 3), "f4"), "b.weight": np.ones(4, "f4"), "c.bias": np.ones(2, "f4")}
        for k in range(4):
            tensors = {name: array * k for name, array in full.items()}
            if k == 1:
                del tensors["b.weight"]
            if k == 2:
                tensors["a.weight"] = np.zeros((5, 3), "f4")
            write_safetensors(f"series/m{k}.safetensors", tensors)
        with open("series/m4.safetensors", "wb") as file:
            file.write(b"this one was cut off while it was written")
        found, notes = read(*(f"series/m{k}.safetensors" for k in range(5)))
        self.assertEqual([0, 1, 3], found["a/weights"]["steps"])
        self.assertEqual([0, 2, 3], found["b/weights"]["steps"])
        self.assertEqual([0, 1, 2, 3], found["c/bias"]["steps"])
        said = "\n".join(notes)
        self.assertIn("a/weights has another shape or type in 1 of 4 files, the last of them series/m2", said)
        self.assertIn("b/weights is missing in 1 of 4 files, the first of them series/m1", said)
        self.assertIn("m4.safetensors", said)
        self.assertEqual(3, len(notes), notes)

    def test_updates(self):
        random = np.random.default_rng(0)
        arrays = random.normal(size=(4, 3, 2, 2, 2)).astype("f4")
        for k, array in enumerate(arrays):
            write_safetensors(f"series/m{k}.safetensors", {"a.weight": array, "b.bias": array[0, 0, 0],
                                                           "n": np.arange(3)})
        found, _ = read("series")
        self.assertEqual([1, 2, 3], found["a/updates"]["steps"])
        self.assertEqual((0, "oihw"), (found["a/updates"]["offered"], found["a/updates"]["axes"]))
        np.testing.assert_array_equal(found["a/updates"]["values"], np.diff(arrays, axis=0))
        self.assertIn("b/bias_updates", found)
        self.assertIn("model/n", found)
        self.assertNotIn("model/n_updates", found)

    def test_equals_the_run_file(self):
        """Fifty checkpoints, optimizer and all, beside a run file of the same steps."""
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(),
                                    torch.nn.Linear(144, 3))
        optimizer = torch.optim.Adam(model.parameters())
        recorded = {}
        steps = [10 * k for k in range(50)]
        for step in steps:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step},
                       f"series/ckpt_{step}.pt")
            for name, tensor in model.named_parameters():
                recorded.setdefault(name, []).append(tensor.detach().numpy().copy())
            optimizer.zero_grad()
            model(torch.randn(4, 3, 8, 8)).square().sum().backward()
            optimizer.step()
        axes = {4: "oihw", 2: "oi", 1: "o"}
        write_run("run.tvh5", {
            name.replace(".weight", "/weights").replace(".bias", "/bias"):
                Tensor(axes[arrays[0].ndim], np.stack(arrays), steps) for name, arrays in recorded.items()})
        run, _ = read("run.tvh5")
        found, _ = read("series")
        self.assertEqual(6, len(run))
        for name, row in run.items():
            self.assertEqual(row["steps"], found[name]["steps"])
            np.testing.assert_array_equal(row["values"], found[name]["values"])
            self.assertEqual(1, found[name]["offered"])
        self.assertEqual(steps[1:], found["0/weights_exp_avg"]["steps"])
        self.assertEqual(0, found["0/weights_exp_avg"]["offered"])

    def test_refused(self):
        for path, says in (("series", "without a weight file"), ("nowhere.pt", "nowhere.pt")):
            status, _, error = weights.run("values.raw", path)
            self.assertEqual(1, status)
            self.assertIn(says, error)
        with open("series/old.pt", "wb") as file:
            torch.save({"a": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
        self.assertIn("before version 1.6", weights.run("values.raw", "series/old.pt")[2])
        with open("series/cut.pt", "wb") as file:
            file.write(b"PK\3\4 cut off")
        self.assertIn("damaged zip", weights.run("values.raw", "series/cut.pt")[2])


if __name__ == "__main__":
    unittest.main(argv=["series.py"] + sys.argv[2:])
