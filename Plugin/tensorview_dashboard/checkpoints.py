# SPDX-License-Identifier: BSD-3-Clause
"""What a dashboard shows of weight files, which have no activations and, where it is one file, no history:
the whole network at one step, and of a series every unit over the steps."""

import glob
import os

from .network import simple

LARGE = 1 << 30  # bytes of files of which only what a layer's views show is read


def is_weight_file(reader):
    return reader.SMProxy.GetXMLName() == "NetworkFileReader"


def parts_of(reader):
    """The parts that a dashboard of weight files has, beside weights and distributions."""
    parts = [] if size_of(reader) > LARGE else ["overview"]
    if len(times(reader)) > 1:
        parts += ["trajectory"] + ["timeline"] * bool(parts) + ["history"] * has_scalars(reader)
    return parts


def size_of(reader):
    """Bytes of the files, as far as they can be seen from here."""
    names = reader.SMProxy.GetProperty("FileName")
    paths = [names.GetElement(i) for i in range(names.GetNumberOfElements())]
    folders = [path for path in paths if os.path.isdir(path)]
    for folder in folders:  # or in folders of one file each
        paths += glob.glob(glob.escape(folder) + "/*") + glob.glob(glob.escape(folder) + "/*/*")
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))


def times(reader):
    values = reader.TimestepValues
    return list(values) if hasattr(values, "__len__") else [values]


def has_scalars(reader):
    """Whether the files say a loss, or another number, of themselves."""
    reader.UpdatePipelineInformation()
    table = simple().OutputPort(reader, 1)
    table.UpdatePipeline(times(reader)[-1])
    rows = reader.SMProxy.GetDataInformation(1).GetRowDataInformation()
    names = [rows.GetArrayInformation(i).GetName() for i in range(rows.GetNumberOfArrays())]
    return any(name != "Step" and not name.endswith("]") for name in names)
