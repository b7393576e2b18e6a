# SPDX-License-Identifier: BSD-3-Clause
"""Models that others trained and published, tensor by tensor beside Debian's python3-onnx.

    real_models.py WEIGHTS_TOOL FILE.onnx...        real_models.sh fetches some and runs it

Every initialiser and every tensor of a Constant, in subgraphs too, must be listed with the same shape and
the same values, or with a sentence that says why it is not shown. A row for each file."""

import collections
import sys

import numpy as np
import onnx
import weights_support as weights
from onnx import numpy_helper


def tensors(graph):
    """(name, array) of a graph and those within it; a Constant's has the name of its output."""
    for one in graph.initializer:
        yield one.name, numpy_helper.to_array(one)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR and node.op_type == "Constant":
                yield node.output[0], numpy_helper.to_array(attribute.t)
            for inner in [attribute.g, *attribute.graphs]:
                yield from tensors(inner)


def check(path):
    expected = dict(tensors(onnx.load(path).graph))
    found, about = weights.read(path)
    problems = collections.Counter()
    same = missing = 0
    for name, array in expected.items():
        row = found.get(name)
        if row is None:
            missing += 1
            print("  missing:", name, array.shape, array.dtype)
        elif row["problem"]:
            problems[row["problem"]] += 1
        else:
            assert list(array.shape) == row["size"], (name, array.shape, row["size"])
            np.testing.assert_array_equal(array, row["values"], name)
            same += 1
    offered = [row for row in found.values() if row["offered"]]
    named = sum(not set(row["axes"]) & set("xyzrsupf") for row in offered)
    print(f"{path.rpartition('/')[2]}: {same} of {len(expected)} tensors are the same, {missing} missing; axes of {named} of"
          f" {len(offered)} that are shown are known")
    for sentence, count in problems.items():
        print(f"  {count} of them: {sentence}")
    for sentence in about["notes"]:
        print("  note:", sentence)
    return missing == 0


if __name__ == "__main__":
    sys.exit(not all([check(path) for path in sys.argv[2:]]))
