# SPDX-License-Identifier: BSD-3-Clause
"""Weight files that are wrong, cut off or made to harm: one sentence each, nothing executed, nothing
outside of the file read, no crash."""

import json
import os
import pickle
import random
import re
import struct
import sys
import unittest
import zipfile
import zlib

import h5py
import numpy as np
import torch
import weights_support as weights
from onnx import helper, numpy_helper


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


class Case(unittest.TestCase):
    def refused(self, path, *says):
        sentence = weights.refusal(path)
        for word in says:
            self.assertIn(word, sentence)

    def problem(self, path, name, says):
        """A tensor that costs itself and nothing else."""
        found, _ = weights.read(path)
        self.assertIn(says, found[name]["problem"] or "")
        return found


class Safetensors(Case):
    def header(self, text, *says, data=b"", length=None):
        if not isinstance(text, (str, bytes)):
            text = json.dumps(text)
        text = text.encode() if isinstance(text, str) else text
        write("bad.safetensors", struct.pack("<Q", len(text) if length is None else length) + text + data)
        self.refused("bad.safetensors", *says)

    def entry(self, *says, data=bytes(24), **changes):
        self.header({"t": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24], **changes}}, *says, data=data)

    def test_lengths(self):
        self.header("{}", "neither", length=2**63)
        self.header("{}", "neither", length=2**64 - 1)
        self.header("{}", "neither", length=3)
        write("short.safetensors", b"\2\0\0")
        self.refused("short.safetensors", "too short")

    def test_json(self):
        self.header('{"a":' + "[" * 5000, "nested too deeply")
        self.header('{"a":' * 5000, "nested too deeply")
        self.header('{"a":[' + "1," * 3000000 + "1]}", "more values than any network")
        self.header('{"a":{},"a":{}}', "duplicate", "a")
        self.header('{"a":', "broken")
        self.header(b'{"\xff\xfe":{}}', "broken")
        self.header('{"t":{"shape":[99999999999999999999999]}}', '"t"', "too big")

    def test_entries(self):
        self.entry('"t"', "outside", data_offsets=[0, 2**62])
        self.entry('"t"', "outside", data_offsets=[24, 0])
        self.entry('"t"', "shape and type", data_offsets=[0, 20])
        self.entry('"t"', "shape and type", shape=[2**40, 2**40])
        self.entry('"t"', "shape and type", shape=[2**62, 2**62, 2**62])
        self.entry('"t"', "broken", shape=[-2, -3])
        self.entry('"t"', "broken", shape="6")
        self.entry('"t"', "broken", shape=[1.5])
        self.entry('"t"', "broken", shape=[1] * 100)
        self.entry('"t"', "broken", data_offsets=[0])
        self.entry('"t"', "broken", dtype=7)
        self.entry('"t"', "outside", data=bytes(23))
        self.header({"t": 5}, "broken")
        two = {name: {"dtype": "F32", "shape": [6], "data_offsets": [at, at + 24]} for name, at in (("a", 0), ("b", 8))}
        self.header(two, "overlap", '"a"', '"b"', data=bytes(32))

    def test_unknown_type_costs_one_tensor(self):
        text = json.dumps({"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]},
                           "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}).encode()
        write("some.safetensors", struct.pack("<Q", len(text)) + text + bytes(8))
        self.assertIsNone(self.problem("some.safetensors", "a", "F4")["b"]["problem"])

    def test_names_of_nothing_but_slashes(self):
        names = ("/", "//", "///optim///-///|/", "optim/", "/x/weight", ".", "optimizer", "a/b/optim/")
        weights.write_safetensors("bad.safetensors", {name: np.ones(2, "f4") for name in names})
        found, _ = weights.read("bad.safetensors")
        self.assertEqual(set(names), set(found))
        for row in found.values():
            self.assertRegex(row["layer"], "^[^/.]", row)
            self.assertRegex(row["kind"], "^[^/]+$", row)
        self.assertEqual(len(names), len({(row["layer"], row["kind"]) for row in found.values()}))

    def test_shards(self):
        for name, says in (("../other.safetensors", "in its folder"), ("/etc/passwd", "in its folder"),
                           (".safetensors", "in its folder"), ("x.bin", "in its folder"),
                           ("nowhere.safetensors", "cannot be opened")):
            write("bad.index.json", json.dumps({"weight_map": {"t": name}}).encode())
            sentence = weights.run("list", "bad.index.json")[2]
            self.assertIn(says, sentence)
        write("bad.index.json", b'{"weight_map": {"t": 5}}')
        self.refused("bad.index.json", "no file")
        write("bad.index.json", b'{"something": []}')
        self.refused("bad.index.json", "weight_map")
        write("text.safetensors", b"only some text that goes on")
        write("bad.index.json", b'{"weight_map": {"t": "text.safetensors"}}')
        self.assertIn("no safetensors file", weights.run("list", "bad.index.json")[2])

    def test_other_files(self):
        os.makedirs("folder", exist_ok=True)
        self.refused("folder", "folder")
        self.refused("nowhere.pt", "cannot be opened")
        if not os.path.exists("pipe"):
            os.mkfifo("pipe")
        self.refused("pipe", "plain file")
        write("text.pt", b"only some text, and nothing that anybody could call weights")
        self.refused("text.pt", "neither")


def local(name, data, method=0, flags=0, size=None):
    return struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, flags, method, 0, 0, zlib.crc32(data), len(data),
                       len(data) if size is None else size, len(name), 0) + name + data


def central(name, at, packed, size, method=0, flags=0, extra=b""):
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, flags, method, 0, 0, 0, packed, size, len(name),
                       len(extra), 0, 0, 0, 0, at) + name + extra


def end(count, size, offset, disk=0):
    return struct.pack("<4sHHHHIIH", b"PK\5\6", disk, 0, count, count, size, offset, 0)


class Zip(Case):
    def archive(self, locals_, centrals, *says, tail=None):
        body, directory = b"".join(locals_), b"".join(centrals)
        write("bad.zip", body + directory + (tail or end(len(centrals), len(directory), len(body))))
        self.refused("bad.zip", *says)

    def test_places(self):
        one = local(b"a/data.pkl", b"N.")
        good = central(b"a/data.pkl", 0, 2, 2)
        self.archive([one], [good], "no tensor")  # so that the refusals below mean something
        self.archive([one], [central(b"a/data.pkl", 10**6, 2, 2)], "outside of the file")
        self.archive([one], [central(b"a/data.pkl", 0, 10**6, 10**6)], "outside of the file")
        self.archive([one], [central(b"b/data.pkl", 0, 2, 2)], "another name")
        self.archive([one], [central(b"a/data.pkl", 1, 2, 2)], "not where the directory says")
        self.archive([one], [good, good], "two entries")
        self.archive([one], [central(b"a/data.pkl", 0, 2, 3)], "two sizes")
        self.archive([one], [central(b"", 0, 2, 2)], "name")
        self.archive([one], [good], "directory", tail=end(1, len(good), 10**6))
        self.archive([one], [good], "directory", tail=end(60000, len(good), len(one)))
        self.archive([one], [good], "several parts", tail=end(1, len(good), len(one), disk=3))
        self.archive([one], [good], "no directory", tail=b"that is no end of a zip file at all")

    def test_methods(self):
        self.archive([local(b"a/data.pkl", b"N.", 12)], [central(b"a/data.pkl", 0, 2, 2, 12)], "method 12")
        self.archive([local(b"a/data.pkl", b"N.", 0, 1)], [central(b"a/data.pkl", 0, 2, 2, 0, 1)], "encrypted")
        packed = zlib.compress(b"N.", 9)[2:-4]
        whole = local(b"a/data.pkl", packed, 8, size=2)
        self.archive([whole], [central(b"a/data.pkl", 0, len(packed), 2, 8)], "no tensor")
        self.archive([whole], [central(b"a/data.pkl", 0, len(packed), 3, 8)], "cannot be decompressed")
        spoilt = local(b"a/data.pkl", b"\xff\xff", 8, size=2)
        self.archive([spoilt], [central(b"a/data.pkl", 0, 2, 2, 8)], "cannot be decompressed")

    def test_bombs(self):
        """Overlapping entries (Fifield 2019), and a size that deflate cannot reach."""
        inner = local(b"b", bytes(50))
        outer = local(b"a/data.pkl", inner)
        self.archive([outer], [central(b"a/data.pkl", 0, len(inner), len(inner)),
                               central(b"b", len(outer) - len(inner), 50, 50)], "over another")
        packed = zlib.compress(bytes(10**6), 9)[2:-4]
        self.archive([local(b"a/data.pkl", packed, 8)], [central(b"a/data.pkl", 0, len(packed), 2**31, 8)],
                     "deflate cannot do")
        with zipfile.ZipFile("bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/data.pkl", bytes(129 * 2**20))
        self.refused("bomb.pt", "data.pkl", "are the most")

    def test_zip64(self):
        one, name = local(b"a/data.pkl", b"N."), b"a/data.pkl"
        for values in ((2**63, 2**63), (2**64 - 1, 2), (2, 2)):
            extra = struct.pack("<HHQQ", 1, 16, *values)
            good = central(name, 0, 2**32 - 1, 2**32 - 1, extra=extra)
            self.archive([one], [good], "no tensor" if values == (2, 2) else "in it")
        self.archive([one], [central(name, 0, 2**32 - 1, 2, extra=struct.pack("<HH", 1, 0))], "no size")
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, 2**63, 1)
        good = central(name, 0, 2, 2)
        self.archive([one], [good], "bad.zip", tail=bytes(60) + locator + end(0xffff, len(good), len(one)))
        self.archive([one], [good], "neither torch nor numpy", tail=end(0, 0, len(one) + len(good)))


class Torch(Case):
    def archive(self, data, storages=(("0", bytes(64)),)):
        with zipfile.ZipFile("bad.pt", "w") as file:
            file.writestr("a/data.pkl", data)
            for key, values in storages:
                file.writestr("a/data/" + key, values)
        return "bad.pt"

    def tensor(self, offset=0, size=(2, 3), stride=(3, 1), key="0", kind="FloatStorage"):
        """{"t": a tensor}, as torch would pickle it."""
        def number(value):
            return pickle.dumps(value, 2)[2:-1]
        def numbers(values):
            return b"(" + b"".join(map(number, values)) + b"t"
        storage = b"(" + number("storage") + b"ctorch\n" + kind.encode() + b"\n" + number(key) + number("cpu") + \
            number(16) + b"tQ"
        return b"\x80\2}" + number("t") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + \
            numbers(size) + numbers(stride) + b"\x89" + b"ccollections\nOrderedDict\n)RtRs."

    def test_good(self):
        found, _ = weights.read(self.archive(self.tensor()))
        self.assertEqual([2, 3], found["t"]["size"])
        self.assertIsNone(found["t"]["problem"])

    def test_tensors(self):
        for says, changes in {
            "reaches outside": {"offset": 11}, "reaches outside ": {"offset": 2**62}, "outside of its": {"stride": (100, 1)},
            "reaches outside of its": {"stride": (2**62, 2**62)}, "outside of": {"size": (2, 2**40)},
            "memory": {"size": (2**40, 2**40)}, "no shape": {"size": (-2, 3)}, "strides": {"stride": (-3, 1)},
            "do not fit": {"stride": (3, 1, 1)}, "no elements": {"size": (0, 3)}, "not in the file": {"key": "7"},
            "times over": {"size": (2**24,), "stride": (0,)}, "9 axes": {"size": [1] * 9, "stride": [1] * 9},
            "not known": {"kind": "UntypedStorage"}, "not shown": {"kind": "ComplexDoubleStorage"},
        }.items():
            with self.subTest(says):
                self.problem(self.archive(self.tensor(**changes)), "t", says.strip())
        self.problem(self.archive(self.tensor(), (("0", bytes(20)),)), "t", "outside of its storage")

    def test_nothing_is_called(self):
        class Evil:
            def __reduce__(self):
                return os.system, ("touch called",)

        torch.save({"a": torch.ones(2), "evil": Evil()}, "evil.pt")
        found, about = weights.read("evil.pt")
        self.assertEqual(["a"], list(found))
        self.assertIn("posix.system", " ".join(about["notes"]))
        torch.save(Evil(), "evil.pt")
        self.refused("evil.pt", "posix.system", "not done")
        self.assertFalse(os.path.exists("called"))
        evil = b"c__builtin__\neval\n(X\x0a\0\0\0print(234)tR."
        self.refused(self.archive(b"\x80\2" + evil), "__builtin__.eval")

    def array(self, shape=(2, 3), kind="f4", data=bytes(24), order="<", turned=False, version=1, state=None,
              latin1=False, function=b"cnumpy.core.multiarray\n_reconstruct\n"):
        """{"t": an array}, as numpy would pickle it with protocol 2 or 3."""
        def put(value):
            if isinstance(value, bytes) and latin1:
                return b"c_codecs\nencode\n" + put(value.decode("latin1")) + put("latin1") + b"\x86R"
            if isinstance(value, bytes):
                return b"B" + struct.pack("<I", len(value)) + value
            if isinstance(value, tuple):
                return b"(" + b"".join(map(put, value)) + b"t"
            return pickle.dumps(value, 2)[2:-1]
        state = (3, order, None, None, None, -1, -1, 0) if state is None else state
        dtype = b"cnumpy\ndtype\n" + put((kind, False, True)) + b"R" + put(state) + b"b"
        return b"\x80\2}" + put("t") + function + b"cnumpy\nndarray\n" + put((0,)) + put(b"b") + \
            b"\x87R(" + put(version) + put(shape) + dtype + put(turned) + put(data) + b"tbs."

    def test_good_arrays(self):
        values = np.arange(0, 240, 10, dtype="u1").tobytes()
        for latin1 in (False, True):
            found, _ = weights.read(self.archive(self.array(data=values, latin1=latin1)))
            np.testing.assert_array_equal(np.frombuffer(values, "<f4").reshape(2, 3), found["t"]["values"])
            found, _ = weights.read(self.archive(self.array(data=values, latin1=latin1, order=">", turned=True)))
            np.testing.assert_array_equal(np.frombuffer(values, ">f4").reshape(3, 2).T, found["t"]["values"])

    def test_arrays_of_numpy(self):
        for says, changes in {
            "has 23 bytes of numbers, and its shape needs 24": {"data": bytes(23)},
            "has 25 bytes of numbers": {"data": bytes(25)}, "has 0 bytes": {"data": b""},
            "no shape": {"shape": (-2, 3)}, "no shape, or": {"shape": (2.0, 3)}, "shape, or no type": {"shape": 5},
            "memory": {"shape": (2**40, 2**40)}, "memory ": {"shape": (2**62, 2**62, 2**62)},
            "its shape needs 17592186044416": {"shape": (2**42,)}, "no elements": {"shape": (0, 3)},
            "9 axes": {"shape": (1,) * 9}, "no type": {"shape": (1,) * 70}, "Python objects": {"kind": "O8"},
            "records": {"kind": "V8", "state": (3, "|", None, ("a", "b"), None, 8, 1, 16)},
            "holds records": {"kind": "V8", "state": (3, "|", ("f4", (2,)), None, None, 8, 1, 16)},
            "the type f16": {"kind": "f16"}, "is not known": {"kind": "f4\n"}, "type that is": {"kind": "f" * 40},
            "that is not known": {"kind": 4}, "not known here": {"state": (3,)}, "not known ": {"state": 7},
            "something else than bytes": {"data": 7}, "else than bytes": {"data": (1, 2)},
            "than bytes": {"data": None},
        }.items():
            for latin1 in (False, True):
                with self.subTest(says, latin1=latin1):
                    self.problem(self.archive(self.array(latin1=latin1, **changes)), "t", says.strip())
        good = self.array(data=b"\xe9" * 24, latin1=True)
        for bad in (b"\xc4\xa9", b"\xe9a", b"\xc3\xc3", b"\xc3a"):  # beyond U+00FF, and no UTF-8
            with self.subTest(bad):
                self.assertIn(b"\xc3\xa9", good)
                self.problem(self.archive(good.replace(b"\xc3\xa9", bad, 1)), "t", "something else than bytes")
        other = self.array(function=b"cnumpy.core.multiarray\n_reconstruct_it\n")
        self.refused(self.archive(other), "asks to call numpy.core.multiarray._reconstruct_it, which is not done")

    def test_one_array_by_a_million_names(self):
        """The text that holds its bytes is looked through once, not 10^6 times 10^6 characters."""
        one = self.array(shape=(250000,), data=bytes(10**6), latin1=True)[:-2]  # without "s."
        self.refused(self.archive(one + b"q\1s" + b"K\1(" + b"h\1" * 1999000 + b"ls."), "more than 1000000 tensors")

    def test_programs(self):
        for says, program in {
            "opcode 0x69": b"(ios\nsystem\n.", "opcode 0x82": b"\x82\1.", "opcode 0x49": b"I5\n.", "ends too early": b"}",
            "something is missing": b"R.", "a mark is missing": b"t.", "not there": b"h\5.",
            "something is put into": b"K\1K\2K\3s.", "a value is missing": b"}(K\1u.", "one thing": b"K\1K\2.",
            "name is no text": b"K\1K\2\x93.", "ends too": b"X\xff\xff\xff\xff.", "too early": b"\x8d" + b"\xff" * 8 + b".",
            "more objects": b"K\1r\xff\xff\xff\xff.",
            "nested more than": b"}K\1" + b"]" * 3000 + b"a" * 2999 + b"s.",
        }.items():
            with self.subTest(says):
                self.refused(self.archive(b"\x80\2" + program), "bad.pt", says)

    def test_cycles_and_laughs(self):
        # A list in itself; and lists of lists, of 10^9 items if every one was visited as often as it is named.
        self.refused(self.archive(b"\x80\2]q\0h\0a."), "no tensor")
        program = b"\x80\2]q\0"
        for level in range(1, 10):
            program += b"](" + b"h" + bytes([level - 1]) + (b"h" + bytes([level - 1])) * 9 + b"eq" + bytes([level])
        self.refused(self.archive(program + b"(" + b"h\x09" * 9 + b"l."), "one thing")
        self.refused(self.archive(b"\x80\2" + b"K\1" * 3000000 + b"."), "more objects")
        self.refused(self.archive(b"\x80\2" + b"(" * 20000000 + b"."), "more objects")

    def test_cut_off_or_spoilt_anywhere(self):
        torch.manual_seed(0)
        torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict(), "whole.pt")
        with open("whole.pt", "rb") as file:
            whole = file.read()
        for place in np.linspace(0, len(whole) - 1, 12).astype(int):
            self.refused(write("cut.pt", whole[:place]))
        chance = random.Random(2)
        for _ in range(40):
            spoilt = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            weights.run("dump", write("spoilt.pt", spoilt), "out.raw")


class Numpy(Case):
    def array(self, text, *says, data=b"", version=1, length=None):
        size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
        write("bad.npy", b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + data)
        if says:
            self.refused("bad.npy", *says)

    def test_headers(self):
        good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"
        self.array(good, data=bytes(24))
        self.assertEqual([2, 3], weights.read("bad.npy")[0]["array"]["size"])
        self.array(good, "its shape needs 24", data=bytes(23))
        self.array(good, "damaged or cut off", length=60000)
        self.array(good, "damaged or cut off", version=2, length=2**32 - 1)
        self.array(good, "no array of numpy's", version=9)
        for shape in ("(-2, 3)", "(2; 3)", "(99999999999999999999999,)", "2", "(2, 3", "(" + "1," * 70 + ")"):
            self.array(good.replace("(2, 3)", shape), "not numpy's")
        self.array(good.replace("fortran_order", "order"), "not numpy's")
        self.array("", "not numpy's", data=bytes(24))

    def test_problems(self):
        for text, says in (("'<f4', 'shape': (%d, %d)" % (2**40, 2**40), "memory"), ("'|O', 'shape': (2,)", "objects"),
                           ("[('a', '<f4')], 'shape': (2,)", "records"), ("'<f16', 'shape': (2,)", "<f16"),
                           ("'<f4', 'shape': (0,)", "no elements")):
            self.array("{'fortran_order': False, 'descr': " + text + "}", data=bytes(64))
            self.problem("bad.npy", "array", says)

    def test_archives(self):
        with zipfile.ZipFile("bad.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.npy", b"\x93NUMPY")
        self.refused("bad.npz", '"a"', "no array")
        np.savez_compressed("whole.npz", a=np.random.default_rng(0).normal(size=4000))
        with open("whole.npz", "rb") as file:
            spoilt = bytearray(file.read())
        spoilt[5000:5050] = bytes(50)
        status, _, error = weights.run("dump", write("spoilt.npz", spoilt), "out.raw")
        self.assertEqual(0 if status == 0 else 1, status)
        self.assertTrue(status == 0 or "cannot be decompressed" in error, error)


class Onnx(Case):
    def field(self, number, data):
        size, count = b"", len(data)
        while True:
            size += bytes([count & 127 | (128 if count > 127 else 0)])
            count >>= 7
            if not count:
                return bytes([number << 3 | 2]) + size + data

    def graph(self, graph, *says):
        write("bad.onnx", b"\x08\x07" + self.field(7, graph))
        if says:
            self.refused("bad.onnx", *says)

    def test_wire(self):
        self.graph(b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "length in it is too large")
        self.graph(b"\x2a" + b"\xff" * 11, "more than 64 bits")
        self.graph(b"\x2f" + bytes(9), "unknown type")
        self.graph(b"\x02" + bytes(9), "no number")
        self.graph(self.field(5, b"\x09\1\2") + self.field(2, b"name"), "cut off")
        inner = b""
        for _ in range(100):
            inner = self.field(1, self.field(5, self.field(6, inner)))
        self.graph(inner, "graphs in graphs")
        write("cut.onnx", b"\x08\x07" + self.field(7, bytes(1000))[:500])
        self.refused("cut.onnx", "neither")

    def test_tensors(self):
        def tensor(*parts):
            return self.field(5, b"".join(parts) + self.field(8, b"t"))
        two, real = b"\x08\2", b"\x10\1"
        for says, parts in {
            "shape and type": (two, real, self.field(9, bytes(7))),
            "no numbers": (two, real),
            "in pieces": (two, real, b"\x25\0\0\0\0\x25\0\0\0\0"),
            "memory": (b"\x08" + b"\xff" * 8 + b"\x7f", real, self.field(9, bytes(8))),
            "more elements": (b"\x08" + b"\xff" * 9 + b"\x01", real, self.field(9, bytes(8))),
            "type 8": (two, b"\x10\x08"),
            "another type": (two, b"\x10\7", self.field(4, bytes(8))),
            "9 axes": (b"\x08\1" * 9, real, self.field(9, bytes(4))),
        }.items():
            with self.subTest(says):
                self.graph(tensor(*parts))
                self.problem("bad.onnx", "t", says)
        self.graph(tensor(two, real, self.field(9, bytes(8))) * 2, "two tensors", '"t"')
        self.graph(tensor(b"\x08\1" * 70), "more than 64 axes")
        whole = helper.make_model(helper.make_graph([], "g", [], [], [
            numpy_helper.from_array(np.arange(100.0), "a"), helper.make_tensor("b", 7, (50,), range(50))]))
        text, chance = whole.SerializeToString(), random.Random(3)
        for _ in range(40):
            spoilt = bytearray(text)
            for _ in range(chance.randint(1, 4)):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            weights.run("dump", write("spoilt.onnx", spoilt), "out.raw")


class Keras(Case):
    def file(self, make):
        with h5py.File("bad.h5", "w") as file:
            file.attrs["layer_names"] = [b"conv"]
            file["conv/good"] = np.ones(3, "f4")
            make(file)
        return "bad.h5"

    def test_datasets(self):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[...] = h5py.VirtualSource("other.h5", "x", (4,))
        for says, make in {
            "outside of the file": lambda f: f.create_dataset(
                "conv/t", (4,), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]),
            "virtual": lambda f: f.create_virtual_dataset("conv/t", layout),
            "no data": lambda f: f.create_dataset("conv/t", (2**40,), "f4", chunks=(1024,)),
            "not part of HDF5": lambda f: f.create_dataset("conv/t", data=np.ones(100), compression="lzf"),
            "floating-point": lambda f: f.create_dataset("conv/t", data=np.array([b"text"])),
            "no shape": lambda f: f.create_dataset("conv/t", data=h5py.Empty("f4")),
            "no elements": lambda f: f.create_dataset("conv/t", (0, 3), "f4"),
            "9 axes": lambda f: f.create_dataset("conv/t", data=np.ones([1] * 9)),
        }.items():
            with self.subTest(says):
                found = self.problem(self.file(make), "conv/t", says)
                np.testing.assert_array_equal(found["conv/good"]["values"], np.ones(3))

        def claims(file):
            data = file.create_dataset("conv/t", (2**40,), "f4", chunks=(1024,))
            data[:10] = 1
        self.problem(self.file(claims), "conv/t", "more numbers than its bytes")

    def test_pieces_larger_than_the_whole(self):
        """HDF5 1.10 would copy 32,000 numbers out of the four that the piece gives."""
        path = self.file(lambda f: f.create_dataset("conv/t", data=np.ones(4, "f4"), chunks=(4,), compression="gzip"))
        with open(path, "rb") as file:
            whole = file.read()
        layout = re.compile(rb"(\x03\x02\x02.{8})" + struct.pack("<II", 4, 4), re.DOTALL)
        self.assertEqual(1, len(layout.findall(whole)))
        write(path, layout.sub(lambda found: found.group(1) + struct.pack("<II", 32004, 4), whole))
        self.problem(path, "conv/t", "in pieces that are larger than itself")

    def test_damaged_names_of_layers(self):
        """Strings of a length of their own: where that heap is damaged HDF5 1.10 crashes, or goes round for ever.
        Without them the layers have the order of their names."""
        for libver in ("earliest", "latest"):
            with h5py.File("names.h5", "w", libver=libver) as file:
                file.attrs["layer_names"] = [b"z_first", b"a_second", b"m" * 300]
                for name in ("z_first", "a_second"):
                    file[name + "/kernel"] = np.ones(3, "f4")
            with open("names.h5", "rb") as file:
                whole = file.read()
            self.assertEqual(["z_first", "a_second"], [row["layer"] for row in weights.read("names.h5")[0].values()])
            heap = whole.index(b"GCOL")
            places = [(heap + 8, 2**64 - 1), (heap + 8, 0), (heap + 24, 2**64 - 8), (heap + 24, 2**63), (heap + 24, 6),
                      (heap + 16, 0), (heap + 16, 9), (heap, 0)]
            if libver == "earliest":  # the other has a check over its headers: the address of the heap, and a number in it
                at = whole.index(struct.pack("<QI", heap, 3))
                places += [(at - 4, 2**63 + 8), (at, 2**63), (at, heap + 1), (at + 8, 2**32 - 1 + 8 * 2**32), (at + 8, 8 * 2**32)]
            for at, value in places:
                with self.subTest(libver, at=at, value=value):
                    spoilt = bytearray(whole)
                    spoilt[at:at + 8] = struct.pack("<Q", value)
                    found, _ = weights.read(write("spoilt.h5", spoilt))
                    self.assertEqual(["a_second", "z_first"], [row["layer"] for row in found.values()])

    def test_links(self):
        with h5py.File("other.h5", "w") as file:
            file["x"] = np.ones(4)

        def links(file):
            file["conv/far"] = h5py.ExternalLink("other.h5", "/x")
            file["conv/soft"] = h5py.SoftLink("/conv/good")
            for k in range(3):
                file["conv/again%d" % k] = file["conv"]
        status, _, error = weights.run("list", self.file(links))
        self.assertTrue(status == 0 or "more links" in error, error)

        def outside(file):
            file["conv/far"] = h5py.ExternalLink("other.h5", "/x")
        self.assertEqual({"conv/good"}, set(weights.read(self.file(outside))[0]))

    def test_cut_off(self):
        with open(self.file(lambda f: None), "rb") as file:
            whole = file.read()
        for place in np.linspace(9, len(whole) - 1, 10).astype(int):
            self.refused(write("cut.h5", whole[:place]), "cut off")
        with zipfile.ZipFile("bad.keras", "w") as archive:
            archive.writestr("model.weights.h5", b"no HDF5 file")
        self.refused("bad.keras", "model.weights.h5", "not an HDF5 file")


if __name__ == "__main__":
    unittest.main(argv=["hostile.py"] + sys.argv[2:])
