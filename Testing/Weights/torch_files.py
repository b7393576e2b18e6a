# SPDX-License-Identifier: BSD-3-Clause
"""What torch itself saves, read back tensor by tensor: networks of torchvision, as state_dict, as a
checkpoint with an optimizer and as a whole object; every type; views, shared and repeated storages."""

import collections
import os
import unittest
import zipfile

import numpy as np
import torch
import torchvision
import weights_support as weights

NETWORKS = {  # name: arguments that make it small without changing its names
    "alexnet": {},
    "densenet121": {},
    "efficientnet_b0": {},
    "googlenet": {"init_weights": False},
    "inception_v3": {"init_weights": False},
    "mnasnet0_5": {},
    "mobilenet_v2": {},
    "mobilenet_v3_small": {},
    "regnet_y_400mf": {},
    "resnet18": {},
    "resnext50_32x4d": {},
    "shufflenet_v2_x0_5": {},
    "squeezenet1_1": {},
    "swin_t": {},
    "vgg11_bn": {},
    "vit_b_32": {},
    "wide_resnet50_2": {},
    "convnext_tiny": {},
    "maxvit_t": {},
    "mvit_v2_s": {},
    "r3d_18": {},
}
SMALL = ("mobilenet_v3_small", "squeezenet1_1")  # those that are read on every run


def network(name):
    torch.manual_seed(0)
    for place in (torchvision.models, torchvision.models.video):
        if hasattr(place, name):
            return getattr(place, name)(weights=None, **NETWORKS[name])
    return None


def numbers(tensor):
    """A tensor's values as the tool writes them."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    if tensor.dtype == torch.int16:
        return tensor.numpy().astype("<i4")
    return tensor.contiguous().numpy()


class Torch(unittest.TestCase):
    def same(self, found, expected, path=""):
        self.assertEqual(list(expected), list(found), path)
        for name, tensor in expected.items():
            if tensor.numel():
                np.testing.assert_array_equal(found[name]["values"], numbers(tensor), name)
            self.assertEqual(list(tensor.shape), found[name]["size"])

    def saved(self, what, name="saved.pt"):
        torch.save(what, name)
        found = weights.read(name)
        os.remove(name)
        return found

    def check_network(self, name):
        model = network(name)
        if model is None:
            return False
        state = model.state_dict()
        found, about = self.saved(state)
        self.same(found, state, name)
        self.assertEqual("torch", about["medium"])
        self.assertEqual([], about["notes"])
        modules = dict(model.named_modules())
        for row in found.values():
            module = modules[row["layer"]] if row["kind"] in ("weights", "bias") else None
            if isinstance(module, torch.nn.Conv2d) and row["kind"] == "weights":
                self.assertEqual("oihw", row["axes"], row)
            elif isinstance(module, torch.nn.Linear) and row["kind"] == "weights":
                self.assertEqual("oi", row["axes"], row)
            elif isinstance(module, torch.nn.BatchNorm2d):
                self.assertEqual("c", row["axes"], row)
        self.assertEqual(len({(r["layer"], r["kind"]) for r in found.values()}), len(found))
        return True

    def test_small_networks(self):
        for name in SMALL:
            with self.subTest(name):
                self.assertTrue(self.check_network(name))

    @unittest.skipUnless(os.environ.get("TENSORVIEW_ALL_NETWORKS"), "TENSORVIEW_ALL_NETWORKS is not set")
    def test_all_networks(self):
        checked = 0
        for name in NETWORKS:
            with self.subTest(name):
                checked += self.check_network(name)
        print(checked, "networks")
        self.assertGreaterEqual(checked, 20)

    def test_whole_objects(self):
        model = network("squeezenet1_1")
        found, about = self.saved(model)
        self.same(found, collections.OrderedDict(model.named_parameters()))
        self.assertIn("torchvision.models.squeezenet.SqueezeNet", " ".join(about["notes"]))

    def numpy_values(self, array):
        """As the tool writes them: wider where the type has no name of its own."""
        return array.astype({"i2": "<i4", "u2": "<i4", "u4": "<i8"}.get(array.dtype.str[1:], array.dtype.newbyteorder("<")))

    def test_arrays_of_numpy_among_them(self):
        """As Lightning's and YOLO's checkpoints have: every type and order, in every protocol; numbers are numbers."""
        state = torch.nn.Linear(3, 2).state_dict()
        random = np.random.default_rng(0)
        arrays = {kind: (random.normal(size=(3, 4, 5)) * 50).astype(kind) for kind in (
            "<f4", ">f4", "<f8", ">f8", "<f2", ">f2", "|i1", "|u1", "<i2", ">i2", "<u2", "<i4", "<u4", ">u4", "<i8")}
        arrays.update(flags=random.normal(size=7) > 0, every=np.arange(256, dtype="u1"), number=np.array(2.5),
                      turned=np.asfortranarray(random.normal(size=(4, 6, 3))), view=random.normal(size=(9, 8))[::2, ::3],
                      large=random.normal(size=(200, 300)).astype("f4"), one=np.ones((1, 1)))
        for protocol in (2, 3, 4, 5):
            for packed in (False, True):
                torch.save({"state_dict": state, "global_step": np.int64(120), "best": np.float64(0.3),
                            "half": np.float16(0.5), "loss": 1.25, "count": 7, "swapped": np.dtype(">f4").type(3),
                            "name": np.str_("x"), "flag": True, "arrays": arrays, "list": [np.ones(2)],
                            "types": np.dtype("f4")}, "mixed.ckpt", pickle_protocol=protocol)
                if packed:  # by somebody who compressed it again
                    with zipfile.ZipFile("mixed.ckpt") as whole, \
                            zipfile.ZipFile("packed.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
                        for entry in whole.namelist():
                            archive.writestr(entry, whole.read(entry))
                    os.replace("packed.ckpt", "mixed.ckpt")
                found, about = weights.read("mixed.ckpt")
                self.assertEqual([], about["notes"])
                self.assertEqual(120, about["step"])
                self.assertEqual({"best": 0.3, "half": 0.5, "loss": 1.25, "count": 7, "swapped": 3}, about["scalars"])
                np.testing.assert_array_equal(state["bias"].numpy(), found.pop("state_dict.bias")["values"])
                np.testing.assert_array_equal(state["weight"].numpy(), found.pop("state_dict.weight")["values"])
                np.testing.assert_array_equal(np.ones(2), found.pop("list.0")["values"])
                self.assertEqual({"arrays." + name for name in arrays}, set(found))
                for name, array in arrays.items():
                    row = found["arrays." + name]
                    self.assertEqual((name, list(array.shape)), (name, row["size"]))
                    np.testing.assert_array_equal(self.numpy_values(array), row["values"], name)
        os.remove("mixed.ckpt")

    def test_arrays_that_are_not_shown(self):
        record = np.zeros(2, [("a", "f4"), ("b", "i4")])
        for protocol in (2, 4, 5):
            found, about = self.saved({
                "objects": np.array([None, "x"]), "text": np.array(["a", "bc"]), "complex": np.zeros(2, "c8"),
                "dates": np.zeros(2, "M8[s]"), "records": record, "none": np.zeros((0, 3)), "axes": np.zeros([1] * 9),
                "long": np.zeros(2, "g"), "masked": np.ma.array([1.0, 2.0], mask=[0, 1]), "tensor": torch.ones(2)})
            for name, says in {"objects": "Python objects, which are never loaded", "text": "the type U2", "complex": "c8",
                               "dates": "M8", "records": "records", "none": "no elements", "axes": "9 axes",
                               "long": "f16"}.items():
                self.assertIn(says, found[name]["problem"])
            self.assertIn("numpy.ma.core._mareconstruct", " ".join(about["notes"]))
            np.testing.assert_array_equal(np.ones(2), found["tensor"]["values"])
            torch.save({"mean": np.arange(5.0)}, "only.ckpt", pickle_protocol=protocol)
            self.assertEqual(["mean"], list(weights.read("only.ckpt")[0]))

    def test_scripted(self):
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Linear(2, 3))
        torch.jit.script(model).save("scripted.pt")
        found, _ = weights.read("scripted.pt")
        self.assertEqual(set(model.state_dict()), set(found))
        for name, tensor in model.state_dict().items():
            np.testing.assert_array_equal(found[name]["values"], numbers(tensor))

    def checkpoint(self, model, **more):
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.randn(4, 3, 8, 8)).sum().backward()
            optimizer.step()
        return optimizer, {"epoch": 7, "optimizer": optimizer.state_dict(), **more}

    def test_checkpoint(self):
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(),
                                    torch.nn.Linear(144, 3))
        optimizer, checkpoint = self.checkpoint(model)
        checkpoint["state_dict"] = model.state_dict()
        found, about = self.saved(checkpoint)
        self.assertEqual(7, about["step"])
        shown = {(r["layer"], r["kind"]): r for r in found.values()}
        for name, tensor in model.state_dict().items():
            row = found["state_dict." + name]
            np.testing.assert_array_equal(row["values"], numbers(tensor))
            self.assertEqual(name.rsplit(".", 1)[0], row["layer"])
        state = optimizer.state_dict()["state"]
        for number, (name, parameter) in enumerate(model.named_parameters()):
            layer, kind = name.rsplit(".", 1)
            kind = {"weight": "weights"}.get(kind, kind)
            for slot in ("exp_avg", "exp_avg_sq"):
                row = shown[layer, f"{kind}_{slot}"]
                np.testing.assert_array_equal(row["values"], numbers(state[number][slot]))
                self.assertEqual(0, row["offered"])
                self.assertEqual(shown[layer, kind]["axes"], row["axes"])
        self.assertEqual(1, shown["0", "weights"]["offered"])
        self.assertEqual("oihw", shown["0", "weights"]["axes"])
        self.assertEqual(0, shown["1", "num_batches_tracked"]["offered"])

    def test_step_stored_inside(self):
        _, about = self.saved({"epoch": 3, "global_step": 1200, "state_dict": {"a.weight": torch.zeros(2)}})
        self.assertEqual(1200, about["step"])

    def test_data_parallel(self):
        found, _ = self.saved({"module.a.weight": torch.zeros(2, 3), "module.b.bias": torch.ones(2)})
        self.assertEqual(["a", "b"], [row["layer"] for row in found.values()])

    def test_types(self):
        kinds = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64", "bool")
        state = {kind: (torch.randn(3, 5) * 50).to(getattr(torch, kind)) for kind in kinds}
        found, _ = self.saved(state)
        self.same(found, state)
        self.assertEqual("bf16", found["bfloat16"]["type"])
        self.assertEqual("<i4", found["int16"]["type"])
        self.assertEqual(1, found["float16"]["mapped"])

    def test_refused_types(self):
        found, _ = self.saved({"a": torch.zeros(2, dtype=torch.complex64), "b": torch.ones(3)})
        self.assertIn("ComplexFloatStorage", found["a"]["problem"])
        self.assertIsNone(found["b"]["problem"])

    def test_views(self):
        whole = torch.randn(6, 5, 4)
        state = {
            "whole": whole,
            "part": whole[2:4],
            "turned": whole.transpose(0, 2),
            "steps": whole[::2, 1::2, ::3],
            "column": whole[:, 3, 2],
            "number": whole[3, 2, 1],
            "expanded": whole[:1].expand(9, 5, 4),
            "last": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
            "half": torch.randn(6, 6).half().t(),
        }
        found, _ = self.saved(state)
        self.same(found, state)
        self.assertEqual(1, found["part"]["mapped"])
        self.assertEqual(0, found["turned"]["mapped"])

    def test_shared(self):
        one = torch.nn.Linear(3, 3)
        model = torch.nn.Sequential(one, one)
        found, _ = self.saved(model.state_dict())
        self.same(found, model.state_dict())

    def test_empty(self):
        found, _ = self.saved({"none": torch.zeros(0, 3), "some": torch.zeros(1)})
        self.assertIn("no elements", found["none"]["problem"])

    def test_too_many_axes(self):
        found, _ = self.saved({"many": torch.zeros(*[1] * 9)})
        self.assertIn("9 axes", found["many"]["problem"])

    def test_quantised_and_sparse(self):
        found, _ = self.saved({
            "quantised": torch.quantize_per_tensor(torch.randn(3, 3), 0.1, 0, torch.qint8),
            "sparse": torch.eye(3).to_sparse(),
        })
        self.assertIn("quantised", found["quantised"]["problem"])
        self.assertIn("sparse", found["sparse"]["problem"])

    def test_lists_and_other_objects(self):
        import argparse
        import pathlib
        checkpoint = {"args": argparse.Namespace(lr=0.1), "where": pathlib.PurePosixPath("a/b"),
                      "best": np.float64(0.5), "tensors": [torch.ones(2), torch.zeros(3)]}
        found, about = self.saved(checkpoint)
        self.assertEqual(["tensors.0", "tensors.1"], list(found))
        notes = " ".join(about["notes"])
        for name in ("argparse.Namespace", "pathlib.PurePosixPath"):
            self.assertIn(name, notes)
        self.assertNotIn("numpy", notes)
        self.assertEqual({"best": 0.5}, about["scalars"])

    def test_protocols(self):
        state = network("squeezenet1_1").state_dict()
        for protocol in (2, 3, 4, 5):
            torch.save(state, "protocol.pt", pickle_protocol=protocol)
            self.same(weights.read("protocol.pt")[0], state)

    def test_the_format_before(self):
        torch.save({"a": torch.zeros(2)}, "old.pt", _use_new_zipfile_serialization=False)
        sentence = weights.refusal("old.pt")
        self.assertIn("before version 1.6", sentence)
        self.assertIn("torch.save(torch.load(", sentence)
        # What it says must work.
        torch.save(torch.load("old.pt", map_location="cpu"), "converted.pt")
        self.assertEqual(["a"], list(weights.read("converted.pt")[0]))


if __name__ == "__main__":
    unittest.main(argv=["torch_files.py"] + __import__("sys").argv[2:])
