# SPDX-License-Identifier: BSD-3-Clause
"""Small files of every format that fuzzing starts from.   fuzz_files.py [PROGRAM COUNT]

Written into the working folder; with a program, that is then run over them."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from weights_support import write_safetensors

ones = np.ones((2, 3), "f4")
write_safetensors("a.safetensors", {"a.weight": ones, "b.bias": np.ones(2, "f2"), "c": np.ones(4, "u2")}, {"step": "3"})
with open("b.index.json", "w") as file:
    json.dump({"metadata": {}, "weight_map": {"a": "model-1.safetensors"}}, file)
with open("a.safetensors", "rb") as shard, open("b.index.json", "ab") as file:  # behind a zero: the files beside it
    file.write(b"\0" + shard.read())
manifest = [{"paths": ["s1.bin", "s2.bin"], "weights": [
    {"name": "conv/kernel", "shape": [1, 2, 1, 3], "dtype": "float32"},
    {"name": "conv/bias", "shape": [3], "dtype": "int32"}, {"name": "mask", "shape": [4], "dtype": "bool"}]},
    {"paths": ["s1.bin"], "weights": [
        {"name": "q", "shape": [20], "dtype": "float32", "quantization": {"dtype": "uint8", "min": 0, "scale": 1}}]}]
with open("k.tfjs", "w") as file:
    json.dump({"format": "layers-model", "weightsManifest": manifest}, file)
    file.write("\0" + 20 * "v")
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
torch.save({"epoch": 1, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, "c.pt")
whole = torch.arange(24.0).view(2, 3, 4)
torch.save([whole.transpose(0, 2), whole[:, ::2], torch.ones(2).bfloat16(), torch.device("cpu")], "d.pt")
torch.save(model, "e.pt", pickle_protocol=4)
mixed = {"step": np.int64(3), "loss": np.float32(2), "a": np.arange(200, 206, dtype=">u2").reshape(2, 3),
         "b": np.asfortranarray(ones), "c": np.array(["x"]), "d": np.array([None])}
torch.save(mixed, "l.pt")
torch.save(mixed, "m.pt", pickle_protocol=5)
np.save("f.npy", np.asfortranarray(ones.astype(">f8")))
np.savez("g.npz", a=ones, b=np.arange(3))
np.savez_compressed("h.npz", a=np.ones((20, 20)), b=ones)
nodes = [helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(np.ones((1, 1, 2, 2), "f4"), "")),
         helper.make_node("Conv", ["x", "k"], ["y"], name="/a/Conv"),
         helper.make_node("Gemm", ["y", "w"], ["z"], transB=1)]
tensors = [numpy_helper.from_array(ones, "w"), helper.make_tensor("i", 6, (3,), [1, 2, 3]),
           helper.make_tensor("h", 10, (2,), [1.0, 2.0])]
onnx.save(helper.make_model(helper.make_graph(nodes, "g", [], [], tensors)), "i.onnx")
with zipfile.ZipFile("j.keras", "w") as archive:
    archive.writestr("model.weights.h5", b"none")

FILES = ["a.safetensors", "b.index.json", "c.pt", "d.pt", "e.pt", "f.npy", "g.npz", "h.npz", "i.onnx", "j.keras",
         "k.tfjs", "l.pt", "m.pt"]
if len(sys.argv) > 2:
    subprocess.run([sys.argv[1], sys.argv[2], "1", *FILES], check=True)
