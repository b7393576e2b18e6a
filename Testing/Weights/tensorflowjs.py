# SPDX-License-Identifier: BSD-3-Clause
"""Models of TensorFlow.js, written here by numpy and json after the format's definition, read back through
tensorview.open; and those that are wrong: one sentence each."""

import json
import os
import unittest

import numpy as np
import tensorview

RANDOM = np.random.default_rng(0)
NAMES = {"f4": "float32", "i4": "int32", "u1": "uint8", "b1": "bool"}


def entry(name, array, **more):
    return {"name": name, "shape": list(array.shape), "dtype": NAMES.get(array.dtype.str[1:], "float16"), **more}


def write(groups, folder=".", cut=4):
    """groups: [[(entry, array)]]; each group's bytes are cut into shards of cut bytes."""
    os.makedirs(folder, exist_ok=True)
    manifest = []
    for number, weights in enumerate(groups, 1):
        raw = b"".join(np.ascontiguousarray(array).tobytes() for _, array in weights)
        paths = []
        for at in range(0, len(raw), cut):
            paths.append(f"group{number}-shard{at // cut + 1}.bin")
            with open(os.path.join(folder, paths[-1]), "wb") as file:
                file.write(raw[at : at + cut])
        manifest.append({"paths": paths, "weights": [first for first, _ in weights]})
    return dump(manifest, folder)


def dump(manifest, folder="."):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.json")
    with open(path, "w") as file:
        topology = {"model_config": {"config": {"layers": [{"config": {}}]}}}
        json.dump({"format": "layers-model", "modelTopology": topology, "weightsManifest": manifest}, file)
    return path


def some(*shape, kind="<f4"):
    return (RANDOM.normal(0, 90, shape)).astype(kind)


class Good(unittest.TestCase):
    def test_values_names_and_axes(self):
        arrays = {
            "conv1/kernel": (some(3, 3, 2, 4), "conv1/weights", "hwio"),
            "conv1/bias": (some(4), "conv1/bias", "o"),
            "block/dense/kernel": (some(5, 3), "block/dense/weights", "io"),
            "tokens/ids": (some(7, kind="<i4"), "tokens/ids", "x"),
            "tokens/image": (np.arange(6, dtype="u1").reshape(2, 3), "tokens/image", "xy"),
            "tokens/mask": (some(5) > 0, "tokens/mask", "x"),
        }
        weights = [(entry(name, array), array) for name, (array, _, _) in arrays.items()]
        for cut in (7, 64, 10**6):  # weights go on in the next shard, at any byte
            with self.subTest(cut), tensorview.open(write([weights[:3], weights[3:]], f"good{cut}", cut)) as model:
                self.assertEqual({name for _, name, _ in arrays.values()}, set(model))
                for array, name, axes in arrays.values():
                    found = model[name]
                    self.assertEqual(([0], axes, None), (list(found.steps), found.axes, found.problem))
                    self.assertEqual(array.dtype, found.dtype)
                    np.testing.assert_array_equal(found[0], array, name)
                whole = model.history("block/dense/weights", "0-14")[0]
                self.assertEqual(sorted(arrays["block/dense/kernel"][0].ravel()), sorted(whole))

    def test_folders(self):
        arrays = [some(2, 3), some(2, 3)]
        for step, array in enumerate(arrays):
            write([[(entry("d/kernel", array), array)]], f"folder/checkpoint-{10 * step}")
        with tensorview.open("folder/checkpoint-10") as model:
            np.testing.assert_array_equal(arrays[1], model["d/weights"][0])
        with tensorview.open("folder") as series:
            self.assertEqual([0, 10], series["d/weights"].steps.tolist())
            np.testing.assert_array_equal(arrays, series["d/weights"][:])
        os.makedirs("other", exist_ok=True)
        np.savez("other/step-3.npz", **{"a.weight": arrays[0]})
        with open("other/model.json", "w") as file:  # of somebody else's
            file.write('{"name": "settings of a model"}')
        with tensorview.open("other") as series:
            self.assertEqual(["a/weights"], list(series))

    def test_what_is_not_shown_costs_itself(self):
        small, half, good = np.arange(6, dtype="u1"), some(3, kind="<f2"), some(4)
        quantized = {"dtype": "uint8", "scale": 0.1, "min": 0}
        weights = [({**entry("a/kernel", small), "dtype": "float32", "quantization": quantized}, small),
                   ({**entry("b/kernel", half), "dtype": "float32", "quantization": {"dtype": "float16"}}, half),
                   (entry("c/kernel", good), good),
                   ({**entry("d/words", small), "dtype": "string"}, small),
                   (entry("e/kernel", good), good)]
        with tensorview.open(write([weights, [(entry("f/kernel", good), good)]], "some", 10)) as model:
            said = {tensor.layer: tensor.problem for tensor in model.values()}
            self.assertIn("quantized to uint8", said["a"])
            self.assertIn("quantized to float16", said["b"])
            self.assertIn("string", said["d"])
            self.assertIn('"d/words", whose size', said["e"])
            self.assertEqual((None, None), (said["c"], said["f"]))
            for tensor in (model["c/kernel"], model["f/kernel"]):
                np.testing.assert_array_equal(tensor[0], good)


class Hostile(unittest.TestCase):
    def refused(self, path, *says):
        with self.assertRaises(tensorview.TensorViewError) as caught:
            tensorview.open(path)
        sentence = str(caught.exception)
        self.assertNotIn("\n", sentence)
        for word in (os.path.dirname(path), *says):
            self.assertIn(word, sentence)

    def problem(self, path, says):
        with tensorview.open(path) as model:
            (tensor,) = model.values()
            self.assertIn(says, tensor.problem)
            if np.prod(np.array(tensor.shape, "f8")) < 10**6:  # numpy would refuse before we do
                with self.assertRaisesRegex(tensorview.TensorViewError, says):
                    tensor[0]

    def one(self, paths, **changes):
        weight = {"name": "conv/kernel", "shape": [2, 3], "dtype": "float32", **changes}
        return dump([{"paths": paths, "weights": [weight]}], "bad")

    def setUp(self):
        os.makedirs("bad/folder", exist_ok=True)
        for name, count in (("bad/x.bin", 24), ("bad/short.bin", 23), ("bad/folder/x.bin", 24), ("outside.bin", 24)):
            with open(name, "wb") as file:
                file.write(bytes(count))

    def test_good(self):  # so that the refusals below mean something
        with tensorview.open(self.one(["x.bin"])) as model:
            np.testing.assert_array_equal(model["conv/weights"][0], np.zeros((2, 3)))

    def test_shards(self):
        self.problem(self.one(["short.bin"]), "shards of 23 bytes, whose weights need 24")
        self.problem(self.one(["x.bin", "x.bin"]), "shards of 48 bytes, whose weights need 24")
        self.problem(self.one([]), "shards of 0 bytes")
        self.refused(self.one(["nowhere.bin"]), "nowhere.bin", "cannot be opened")
        for name in ("../outside.bin", "folder/x.bin", "/etc/passwd", "..", "", "x" * 300):
            self.refused(self.one([name]), "no file in its folder")
        self.refused(self.one([5]), "no file in its folder")
        self.refused(self.one(["folder"]), "folder")
        if not os.path.islink("bad/link.bin"):
            os.symlink("../outside.bin", "bad/link.bin")
        self.refused(self.one(["link.bin"]), "link.bin", "a link and not followed")

    def test_shapes(self):
        self.problem(self.one(["x.bin"], shape=[2**62, 4]), "more elements than memory can")
        self.problem(self.one(["x.bin"], shape=[2**62]), "more elements than memory can")
        self.problem(self.one(["x.bin"], shape=[2**40, 3]), "whose weights need")
        self.problem(self.one(["x.bin"], shape=[1] * 9), "9 axes")
        self.problem(self.one(["x.bin"], shape=[0, 3]), "no elements")
        self.refused(self.one(["x.bin"], shape=[2**63]), "broken", "too big")
        for changes in ({"shape": [-1]}, {"shape": "6"}, {"shape": [1.5]}, {"shape": [1] * 100}, {"dtype": 7},
                        {"quantization": 3}):
            self.refused(self.one(["x.bin"], **changes), "broken", '"conv/kernel"')
        self.refused(self.one(["x.bin"], name=5), "broken")

    def test_json(self):
        for text, says in (("[" * 5000, "nested too deeply"), ('{"a":' * 5000, "nested too deeply"),
                           ("[1,", "broken"), ("5", "no groups"), ("[]", "no groups"), ("[7]", "no paths"),
                           ('[{"paths": "x.bin", "weights": []}]', "no paths")):
            with open("bad/model.json", "w") as file:
                file.write('{"weightsManifest": ' + text + "}")
            self.refused("bad/model.json", says)


if __name__ == "__main__":
    unittest.main()
