# SPDX-License-Identifier: BSD-3-Clause
"""safetensors by its specification, numpy's own .npy and .npz, HDF5 after Keras 1, 2 and 3's layouts,
ONNX models by onnx's own helpers: read back tensor by tensor."""

import json
import sys
import unittest
import zipfile

import h5py
import numpy as np
import onnx
import weights_support as weights
from onnx import helper, numpy_helper

RANDOM = np.random.default_rng(0)


def some(*shape, kind="<f4"):
    return (RANDOM.normal(0, 20, shape)).astype(kind)


class Case(unittest.TestCase):
    def same(self, found, expected):
        self.assertEqual(set(expected), set(found))
        for name, array in expected.items():
            self.assertEqual(list(array.shape), found[name]["size"], name)
            np.testing.assert_array_equal(found[name]["values"], array, name)

    def shown(self, found):
        """{(layer, kind): axes}"""
        return {(row["layer"], row["kind"]): row["axes"] for row in found.values()}


class Safetensors(Case):
    def test_types(self):
        tensors = {kind: some(3, 4, kind=kind) for kind in
                   ("<f4", "<f8", "<f2", "<i1", "<u1", "<i2", "<u2", "<i4", "<u4", "<i8")}
        tensors["flags"] = some(5) > 0
        weights.write_safetensors("types.safetensors", tensors, {"step": "41"})
        found, about = weights.read("types.safetensors")
        self.same(found, tensors)
        self.assertEqual(("safetensors", 41), (about["medium"], about["step"]))
        self.assertEqual("safetensors", weights.medium("types.safetensors"))

    def test_small_floats(self):
        """Every bit pattern of the 8-bit types, against their definition (OCP FP8, 1.0, table 1)."""
        every = np.arange(256, dtype="u1")
        weights.write_safetensors("small.safetensors", {
            "a": ("F8_E4M3", (256,), every.tobytes()),
            "b": ("F8_E5M2", (256,), every.tobytes()),
            "c": ("BF16", (256,), (every.astype("<u2") << 8).tobytes()),
        })
        found, _ = weights.read("small.safetensors")
        sign = np.where(every & 128, -1.0, 1.0)
        exponent, mantissa = (every >> 3 & 15).astype(int), every & 7
        expected = np.where(exponent, (8.0 + mantissa) * 2.0 ** (exponent - 10), mantissa * 2.0**-9)
        expected[(exponent == 15) & (mantissa == 7)] = np.nan
        np.testing.assert_array_equal(found["a"]["values"], sign * expected)
        np.testing.assert_array_equal(found["b"]["values"], (every.astype("<u2") << 8).view("<f2"))
        np.testing.assert_array_equal(found["c"]["values"], every.astype("<u2") << 8)

    def test_names(self):
        tensors = {
            "h.0.attn.c_attn.weight": some(8, 24), "h.0.attn.c_proj.weight": some(8, 8),
            "wte.weight": some(50, 8), "ln_f.weight": some(8), "conv.weight": some(4, 3, 3, 3),
            "attn.in_proj_weight": some(24, 8), "attn.in_proj_bias": some(24), "lstm.weight_ih_l0": some(16, 8),
            "bn2.running_var": some(4), "up.deconv1.weight": some(4, 3, 2, 2), "odd": some(2, 3, 4),
            "block.strange_thing": some(2, 3), "weight": some(3, 2),
        }
        weights.write_safetensors("names.safetensors", tensors)
        found, _ = weights.read("names.safetensors")
        self.same(found, tensors)
        self.assertEqual({
            ("h.0.attn.c_attn", "weights"): "io", ("h.0.attn.c_proj", "weights"): "io",
            ("wte", "weights"): "ve", ("ln_f", "weights"): "c", ("conv", "weights"): "oihw",
            ("attn", "in_proj_weight"): "oi", ("attn", "in_proj_bias"): "o", ("lstm", "weight_ih_l0"): "oi",
            ("bn2", "running_var"): "c", ("up.deconv1", "weights"): "iohw", ("model", "odd"): "xyz",
            ("block", "strange_thing"): "xy", ("model", "weights"): "oi",
        }, self.shown(found))

    def test_order(self):
        """The format's library sorts names as text; shown are they by their numbers."""
        weights.write_safetensors("order.safetensors", {f"features.{i}.weight": some(2) for i in sorted(map(str, range(12)))})
        found, _ = weights.read("order.safetensors")
        self.assertEqual([f"features.{i}" for i in range(12)], [row["layer"] for row in found.values()])

    def test_shards(self):
        parts = {"model-00001-of-00002.safetensors": {"a.weight": some(4, 3)},
                 "model-00002-of-00002.safetensors": {"b.weight": some(2, 4), "b.bias": some(2)}}
        for name, tensors in parts.items():
            weights.write_safetensors(name, tensors)
        table = {tensor: name for name, tensors in parts.items() for tensor in tensors}
        with open("model.safetensors.index.json", "w") as file:
            json.dump({"metadata": {"total_size": 88}, "weight_map": table}, file)
        found, about = weights.read("model.safetensors.index.json")
        self.same(found, {k: v for tensors in parts.values() for k, v in tensors.items()})
        self.assertEqual("safetensors", about["medium"])


class Numpy(Case):
    def test_single(self):
        for kind in ("<f4", ">f8", "<f2", "|i1", ">i2", "<u4", "|b1"):
            array = some(3, 4, 5, kind=kind)
            np.save("single.npy", array)
            self.same(weights.read("single.npy")[0], {"array": array})
            np.save("single.npy", np.asfortranarray(array))
            self.same(weights.read("single.npy")[0], {"array": array})
        np.save("single.npy", np.float32(3))
        self.same(weights.read("single.npy")[0], {"array": np.float32(3)})

    def test_archives(self):
        arrays = {"conv1/weights": some(8, 3, 3, 3), "conv1/bias": some(8), "Dense_0/kernel": some(4, 6),
                  "turned": np.asfortranarray(some(5, 7)), "large": some(300, 100)}
        for save, flat in ((np.savez, 1), (np.savez_compressed, 0)):
            save("arrays.npz", **arrays)
            found, about = weights.read("arrays.npz")
            self.same(found, arrays)
            self.assertEqual(list(arrays), list(found))
            self.assertEqual("numpy", about["medium"])
            self.assertEqual("oihw", self.shown(found)["conv1", "weights"])
            self.assertEqual("io", self.shown(found)["Dense_0", "weights"])

    def test_objects(self):
        np.savez("objects.npz", a=np.array([None, "x"]), b=some(2), c=np.array(["text"]), d=np.zeros(2, "c8"))
        found, _ = weights.read("objects.npz")
        self.assertIn("Python objects", found["a"]["problem"])
        self.assertIsNone(found["b"]["problem"])
        self.assertIn("<U4", found["c"]["problem"])
        self.assertIn("<c8", found["d"]["problem"])


class Keras(Case):
    def keras_2(self, file):
        """model.save() of Keras 2, with an optimizer."""
        self.arrays = {}
        file.attrs["keras_version"] = np.bytes_("2.11.0")
        group = file.create_group("model_weights")
        layers = {"conv2d": (3, 3, 3, 8), "zz_first": (3, 3, 8, 8), "dense": (72, 10)}
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for name, shape in layers.items():
            path = f"model_weights/{name}/{name}/"
            self.arrays[path + "kernel:0"] = some(*shape)
            self.arrays[path + "bias:0"] = some(shape[-1])
        for gamma in ("gamma", "moving_mean"):
            self.arrays[f"model_weights/bn/bn/{gamma}:0"] = some(8)
        self.arrays["optimizer_weights/Adam/conv2d/kernel/m:0"] = some(3, 3, 3, 8)
        for name, array in self.arrays.items():
            file.create_dataset(name, data=array, chunks=True, compression="gzip", shuffle=True)

    def test_2(self):
        with h5py.File("keras2.h5", "w") as file:
            self.keras_2(file)
        found, about = weights.read("keras2.h5")
        self.same(found, self.arrays)
        self.assertEqual(("keras", "keras"), (about["medium"], weights.medium("keras2.h5")))
        shown = self.shown(found)
        self.assertEqual("hwio", shown["conv2d", "weights"])
        self.assertEqual("io", shown["dense", "weights"])
        self.assertEqual("c", shown["bn", "moving_mean"])
        layers = [row["layer"] for row in found.values()]
        self.assertLess(layers.index("zz_first"), layers.index("dense"))
        self.assertEqual([0], [row["offered"] for row in found.values() if "optimizer" in row["name"]])

    def test_order_of_layers(self):
        """By layer_names, in every way that h5py writes it: of one length, of variable length, in headers that go on
        elsewhere."""
        names = [f"layer_{k * 37 % 200}" for k in range(200)] + ["z" * 250]
        for libver in ("earliest", "latest"):
            for kind in ("S", "S20", h5py.string_dtype(), h5py.string_dtype("ascii")):
                with h5py.File("order.h5", "w", libver=libver) as file:
                    for name in names:
                        file[name + "/kernel"] = np.ones(2, "f4")
                    for k in range(5):
                        file.attrs[f"other{k}"] = "x" * 50
                    file.attrs["layer_names"] = np.array([name.encode() for name in names], kind)
                with self.subTest(libver=libver, kind=kind):
                    self.assertEqual(names, [row["layer"] for row in weights.read("order.h5")[0].values()])

    def test_1(self):
        kernel, bias = some(3, 3, 3, 64), some(64)
        with h5py.File("keras1.h5", "w") as file:
            file.attrs["layer_names"] = [b"block1_conv1"]
            file["block1_conv1/block1_conv1_W_1:0"] = kernel
            file["block1_conv1/block1_conv1_b_1:0"] = bias
        found, _ = weights.read("keras1.h5")
        self.assertEqual({("block1_conv1", "weights"): "hwio", ("block1_conv1", "bias"): "o"}, self.shown(found))

    def keras_3(self, file):
        self.arrays = {
            "layers/conv2d/vars/0": some(3, 3, 3, 8), "layers/conv2d/vars/1": some(8),
            "layers/conv2d_10/vars/0": some(3, 3, 8, 8), "layers/conv2d_2/vars/0": some(3, 3, 8, 8),
            "layers/batch_normalization/vars/0": some(8), "layers/batch_normalization/vars/3": some(8),
            "layers/dense/vars/0": some(8, 4), "layers/embedding/vars/0": some(50, 8),
            "layers/depthwise_conv2d/vars/0": some(3, 3, 8, 1), "optimizer/vars/2": some(3, 3, 3, 8),
        }
        for name, array in self.arrays.items():
            file[name] = array
        file.create_group("layers/flatten/vars")

    def check_3(self, path):
        found, about = weights.read(path)
        self.same(found, self.arrays)
        self.assertEqual("keras", weights.medium(path))
        shown = self.shown(found)
        self.assertEqual("hwio", shown["conv2d_10", "weights"])
        self.assertEqual("o", shown["conv2d", "bias"])
        self.assertEqual("c", shown["batch_normalization", "moving_variance"])
        self.assertEqual("io", shown["dense", "weights"])
        self.assertEqual("ve", shown["embedding", "weights"])
        self.assertEqual("hwgo", shown["depthwise_conv2d", "weights"])
        layers = [row["layer"] for row in found.values()]
        self.assertLess(layers.index("conv2d_2"), layers.index("conv2d_10"))
        return found

    def test_3(self):
        with h5py.File("keras3.weights.h5", "w") as file:
            self.keras_3(file)
        self.check_3("keras3.weights.h5")

    def test_archive(self):
        with h5py.File("model.weights.h5", "w") as file:
            self.keras_3(file)
        for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile("model.keras", "w", way) as archive:
                archive.writestr("metadata.json", "{}")
                archive.writestr("config.json", "{}")
                archive.write("model.weights.h5")
            self.check_3("model.keras")

    def test_types(self):
        arrays = {kind: some(3, 4, kind=kind) for kind in ("<f4", ">f8", "<f2", "i1", "u1", ">i2", "<u4", "<i8")}
        arrays["flags"] = some(4) > 0
        with h5py.File("types.h5", "w") as file:
            file.attrs["layer_names"] = [b"a"]
            for name, array in arrays.items():
                file["a/" + name] = array
            file["a/text"] = np.array([b"text"])
        found, _ = weights.read("types.h5")
        self.assertIn("floating-point", found.pop("a/text")["problem"])
        self.same(found, {"a/" + name: array for name, array in arrays.items()})

    def test_others_are_left_to_others(self):
        with h5py.File("other.h5", "w") as file:
            file["temperature"] = some(3)
        self.assertEqual("none", weights.medium("other.h5"))


class Onnx(Case):
    def model(self, nodes, tensors, path="model.onnx", raw=True):
        initializers = []
        for name, array in tensors.items():
            if raw:
                initializers.append(numpy_helper.from_array(array, name))
            else:
                kind = numpy_helper.from_array(array).data_type
                initializers.append(helper.make_tensor(name, kind, array.shape, array.flatten()))
        graph = helper.make_graph(nodes, "graph", [], [], initializers)
        onnx.save(helper.make_model(graph, producer_name="test"), path)
        return weights.read(path)

    def test_graph(self):
        tensors = {
            "last.weight": some(10, 32), "onnx::Conv_7": some(8, 3, 3, 3), "onnx::Conv_8": some(8),
            "up": some(8, 4, 2, 2), "mat": some(4, 32), "scale": some(4), "shift": some(4), "mean": some(4),
            "variance": some(4), "unused": some(2, 2), "shape": np.array([1, -1]), "w": some(1, 16, 4),
            "table": some(40, 4), "conv2d_0.w_0": some(4, 4, 1, 1),
        }
        nodes = [
            helper.make_node("Conv", ["x", "onnx::Conv_7", "onnx::Conv_8"], ["a"], name="/features/conv1/Conv"),
            helper.make_node("ConvTranspose", ["a", "up"], ["b"], name="up1"),
            helper.make_node("BatchNormalization", ["b", "scale", "shift", "mean", "variance"], ["c"], name="bn1"),
            helper.make_node("Conv", ["c", "conv2d_0.w_0"], ["d"], name="Conv_5"),
            helper.make_node("LSTM", ["d", "w"], ["e"], name="rnn"),
            helper.make_node("Gather", ["table", "e"], ["f"], name="emb"),
            helper.make_node("Reshape", ["f", "shape"], ["g"]),
            helper.make_node("MatMul", ["g", "mat"], ["h"], name="/fc1/MatMul"),
            helper.make_node("Gemm", ["h", "last.weight"], ["y"], name="/last/Gemm", transB=1),
        ]
        found, about = self.model(nodes, tensors)
        self.same(found, tensors)
        self.assertEqual("onnx", about["medium"])
        shown = self.shown(found)
        for key, axes in {
            ("features/conv1", "weights"): "oihw", ("features/conv1", "bias"): "o", ("up1", "weights"): "iohw",
            ("bn1", "running_var"): "c", ("rnn", "weights"): "goi", ("emb", "weights"): "ve",
            ("fc1", "weights"): "io", ("last", "weights"): "oi", ("conv2d_0", "weights"): "oihw",
            ("unused", "values"): "xy",
        }.items():
            self.assertEqual(axes, shown[key], key)
        layers = [row["layer"] for row in found.values()]
        self.assertEqual(layers[:2], ["features/conv1"] * 2)
        self.assertLess(layers.index("fc1"), layers.index("last"))
        self.assertEqual(0, found["shape"]["offered"])

    def test_types(self):
        kinds = ("f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "i8")
        tensors = {kind: some(3, 4, kind=kind) for kind in kinds}
        tensors["flags"] = some(5) > 0
        for raw in (True, False):
            self.same(self.model([], tensors, raw=raw)[0], tensors)

    def test_constants(self):
        kernel = some(4, 3, 3, 3)
        nodes = [helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(kernel, "")),
                 helper.make_node("Conv", ["x", "k"], ["y"], name="conv")]
        found, _ = self.model(nodes, {})
        self.same(found, {"k": kernel})
        self.assertEqual({("conv", "weights"): "oihw"}, self.shown(found))

    def test_shared_tensors(self):
        """torch.onnx.export keeps one of several equal tensors, and gives it to the others by Identity, before all."""
        nodes = [helper.make_node("Identity", ["conv2.bias"], ["conv1.bias"], name="Identity_0"),
                 helper.make_node("Conv", ["x", "conv1.weight", "conv1.bias"], ["a"], name="/conv1/Conv"),
                 helper.make_node("Conv", ["a", "conv2.weight", "conv2.bias"], ["y"], name="/conv2/Conv")]
        tensors = {"conv2.bias": some(4), "conv2.weight": some(4, 4, 3, 3), "conv1.weight": some(4, 3, 3, 3)}
        found, _ = self.model(nodes, tensors)
        self.same(found, tensors)
        self.assertEqual({("conv1", "weights"): "oihw", ("conv2", "weights"): "oihw", ("conv2", "bias"): "o"},
                         self.shown(found))
        self.assertEqual(["conv1", "conv2", "conv2"], [row["layer"] for row in found.values()])

    def test_graphs_in_graphs(self):
        inner = helper.make_graph([helper.make_node("MatMul", ["x", "m"], ["y"], name="inside")], "inner", [], [],
                                  [numpy_helper.from_array(some(2, 3), "m")])
        found, _ = self.model([helper.make_node("If", ["c"], ["y"], then_branch=inner)], {})
        self.assertEqual({("inside", "weights"): "io"}, self.shown(found))

    def test_external_data_is_not_followed(self):
        tensor = numpy_helper.from_array(some(2, 3), "far")
        onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
        tensor.ClearField("raw_data")
        graph = helper.make_graph([], "graph", [], [], [tensor, numpy_helper.from_array(some(2), "near")])
        with open("external.onnx", "wb") as file:
            file.write(helper.make_model(graph).SerializeToString())
        found, _ = weights.read("external.onnx")
        self.assertIn("another file", found["far"]["problem"])
        self.assertIsNone(found["near"]["problem"])


if __name__ == "__main__":
    unittest.main(argv=["other_files.py"] + sys.argv[2:])
