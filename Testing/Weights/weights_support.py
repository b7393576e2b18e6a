# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of weight files share: the tool that shows what our readers make of a file."""

import json
import os
import struct
import subprocess
import sys

import numpy as np

TOOL = sys.argv[1] if len(sys.argv) > 1 else None


def run(*arguments):
    """(exit status, lines of stdout, stderr); a signal or a sanitizer's report is a failure."""
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), (arguments, done.returncode, done.stderr)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr.strip()


def listing(path):
    """({name: description}, what is said of the file), in the file's order."""
    status, lines, error = run("list", path)
    assert status == 0, error
    rows = [json.loads(line) for line in lines]
    return {row["name"]: row for row in rows[:-1]}, rows[-1]


def read(path):
    """({name: description with "values"}, what is said of the file)."""
    status, lines, error = run("dump", path, "values.raw")
    assert status == 0, error
    rows = [json.loads(line) for line in lines]
    with open("values.raw", "rb") as file:
        raw, at = file.read(), 0
    os.remove("values.raw")
    for row in rows[:-1]:
        if row["problem"]:
            continue
        kind = np.dtype("<u2" if row["type"] == "bf16" else row["type"])
        count = int(np.prod(row["size"], dtype=np.int64))
        row["values"] = np.frombuffer(raw, kind, count, at).reshape(row["size"])
        at += count * kind.itemsize
    assert at == len(raw), (at, len(raw))
    return {row["name"]: row for row in rows[:-1]}, rows[-1]


def refusal(path):
    """The sentence with which a file is refused."""
    status, _, error = run("list", path)
    assert status == 1, f"{path} was taken"
    assert error.startswith(str(path)) and "\n" not in error and not error.endswith("."), error
    return error


def medium(path):
    return run("medium", path)[1][0]


def write_safetensors(path, tensors, metadata=None):
    """tensors: {name: array, or (type, shape, bytes)}."""
    names = {"f4": "F32", "f8": "F64", "f2": "F16", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16",
             "i4": "I32", "u4": "U32", "i8": "I64", "b1": "BOOL"}
    header, blobs, at = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        if not isinstance(tensor, tuple):
            tensor = (names[tensor.dtype.str[1:]], tensor.shape, np.ascontiguousarray(tensor).tobytes())
        header[name] = {"dtype": tensor[0], "shape": list(tensor[1]), "data_offsets": [at, at + len(tensor[2])]}
        at += len(tensor[2])
        blobs.append(tensor[2])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
