# SPDX-License-Identifier: BSD-3-Clause
"""The files of hostile.py: CASES has a function that makes each, and words of the sentence that it must give."""

import ctypes
import os

import h5py
import numpy as np
from malicious import HARMFUL, add_crash, heap_beyond_all_memory
from run_file import Tensor, add_stream, fixed, lenet, write_run

SEED = np.random.default_rng(5)


def small(path, steps=3):
    lenet(path, steps=steps, size=6)
    return path


def weights(steps=3):
    return SEED.normal(0, 1, (steps, 4, 2, 3, 3)).astype("<f4")


def plain(path, **changes):
    write_run(path, {"conv1/weights": Tensor("oihw", weights(), [0, 1, 2])}, **changes)
    return h5py.File(path, "r+", libver="latest")


GROUP = "layers/conv1/weights"
CASES = {}


def case(words):
    """A hostile file: a function that makes it, and words that its sentence must have."""

    def keep(function):
        CASES[function.__name__] = (function, words)
        return function

    return keep


def replaced(path, name, **dataset):
    with plain(path) as file:
        del file[GROUP][name]
        file[GROUP].create_dataset(name, **dataset)


def relinked(path, link, target=GROUP + "/values"):
    with plain(path) as file:
        del file[target]
        file[target] = link


@case("not an HDF5 file")
def text(path):
    with open(path, "w") as file:
        file.write("step,loss\n0,1\n")


@case("empty")
def no_bytes(path):
    open(path, "w").close()


@case("No such file")
def missing(path):
    pass


@case("not a file")
def folder(path):
    os.makedirs(path, exist_ok=True)


@case("not a TensorView run")
def somebody_elses(path):
    with h5py.File(path, "w") as file:
        file["pressure"] = np.zeros(5)


@case("not a TensorView run")
def another_format(path):
    with plain(path) as file:
        file.attrs["format"] = fixed("Keras")


@case("version 3")
def newer(path):
    with plain(path) as file:
        file.attrs["version"] = np.int32(3)


@case("version")
def version_of_words(path):
    with plain(path) as file:
        del file.attrs["version"]
        file.attrs["version"] = fixed("one")


@case("more data than the file can hold")
def four_terabytes(path):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["format"], file.attrs["version"] = fixed("TensorView"), np.int32(1)
        group = file.create_group("layers/conv1/weights")
        group.attrs["axes"] = fixed("oihw")
        group.create_dataset("values", (1, 1 << 15, 1 << 15, 32, 32), "<f4", maxshape=(None,) + (1 << 15,) * 4,
            chunks=(1, 64, 64, 1, 1), fletcher32=True)  # fmt: skip
        group.create_dataset("steps", data=np.zeros(1, "<i8"), maxshape=(None,))


@case("too large to be real")
def overflow(path):
    with plain(path) as file:
        del file[GROUP]["values"]
        big = 1 << 31
        file[GROUP].create_dataset(
            "values", (3, big, big, 4, 4), "<f4", maxshape=(None, big, big, 4, 4), chunks=(1, 64, 64, 1, 1)
        )


@case("more data than the file can hold")
def many_steps(path):
    with plain(path) as file:
        file[GROUP]["values"].resize(1 << 40, axis=0)
        file[GROUP]["steps"].resize(1 << 40, axis=0)


@case("more data than the file can hold")
def huge_chunks(path):
    with plain(path) as file:
        del file[GROUP]["steps"]
        steps = file[GROUP].create_dataset("steps", (3,), "<i8", maxshape=(None,), chunks=(1 << 28,))


@case("strings")
def values_of_strings(path):
    replaced(path, "values", data=np.full((3, 4, 2, 3, 3), b"a"), maxshape=(None, 4, 2, 3, 3))


@case("variable length")
def values_of_lists(path):
    replaced(path, "values", shape=(3, 4, 2, 3, 3), dtype=h5py.vlen_dtype("f4"), maxshape=(None, 4, 2, 3, 3))


@case("integers")
def values_of_integers(path):
    replaced(path, "values", data=np.ones((3, 4, 2, 3, 3), "<i4"), maxshape=(None, 4, 2, 3, 3))


@case("floating-point numbers of another format")
def values_of_another_float(path):
    replaced(path, "values", data=np.ones((3, 4, 2, 3, 3), ">f4"), maxshape=(None, 4, 2, 3, 3))


@case("compounds")
def steps_of_compounds(path):
    replaced(path, "steps", data=np.zeros(3, [("a", "<i8"), ("b", "<f4")]), maxshape=(None,))


@case("floating-point")
def steps_of_floats(path):
    replaced(path, "steps", data=np.arange(3.0), maxshape=(None,))


@case("5 entries, but there are 3 records")
def longer_steps(path):
    replaced(path, "steps", data=np.arange(5), maxshape=(None,))


@case("2 entries, but there are 3 records")
def shorter_steps(path):
    replaced(path, "steps", data=np.arange(2), maxshape=(None,))


@case("not increasing")
def falling_steps(path):
    replaced(path, "steps", data=np.array([0, 2, 1]), maxshape=(None,))


@case("not increasing")
def equal_steps(path):
    replaced(path, "steps", data=np.array([0, 1, 1]), maxshape=(None,))


@case("not increasing")
def negative_steps(path):
    replaced(path, "steps", data=np.array([-4, 0, 1]), maxshape=(None,))


@case("samples")
def longer_samples(path):
    with plain(path) as file:
        file[GROUP].create_dataset("samples", data=np.arange(9), maxshape=(None,))


@case("wrong number of axes")
def steps_of_two_axes(path):
    replaced(path, "steps", data=np.zeros((3, 1), "<i8"), maxshape=(None, 1))


@case("wrong number of axes")
def a_scalar_for_values(path):
    replaced(path, "values", data=np.float32(3))


@case("axes")
def fewer_axes_than_letters(path):
    replaced(path, "values", data=np.zeros((3, 4, 2, 9), "<f4"), maxshape=(None, 4, 2, 9))


@case('"oXyz"')
def unknown_letters(path):
    with plain(path) as file:
        file[GROUP].attrs["axes"] = fixed("oXyz")


@case('"oihh"')
def a_letter_twice(path):
    with plain(path) as file:
        file[GROUP].attrs["axes"] = fixed("oihh")


@case('"axes"')
def no_axes(path):
    with plain(path) as file:
        del file[GROUP].attrs["axes"]


@case('"axes"')
def axes_of_variable_length(path):
    with plain(path) as file:
        file[GROUP].attrs["axes"] = "oihw"


@case("longer than it can be")
def axes_of_four_million_letters(path):
    with plain(path) as file:
        file[GROUP].attrs["axes"] = np.array(b"oihw", dtype="S60000")


@case("size 0")
def no_filters(path):
    replaced(path, "values", shape=(3, 0, 2, 3, 3), dtype="<f4", maxshape=(None, None, 2, 3, 3))


@case("soft link")
def soft_link(path):
    relinked(path, h5py.SoftLink("/" + GROUP + "/steps"))


@case("soft link")
def dangling_link(path):
    relinked(path, h5py.SoftLink("/nowhere"))


@case("soft link")
def soft_layer(path):
    with plain(path) as file:
        file["layers/conv2"] = h5py.SoftLink("/layers/conv1")


@case("external link")
def external_link(path):
    small("outside.tvh5")
    relinked(path, h5py.ExternalLink("outside.tvh5", "/layers/conv1/weights/values"))


@case("external link")
def external_tensor(path):
    small("outside.tvh5")
    relinked(path, h5py.ExternalLink("outside.tvh5", "/layers/conv1/weights"), GROUP)


@case("another file")
def external_storage(path):
    with open("secret", "wb") as file:
        file.write(bytes(1000))
    with plain(path) as file:
        del file[GROUP]["values"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_external(b"secret", 0, 864)
        space = h5py.h5s.create_simple((3, 4, 2, 3, 3))
        h5py.h5d.create(file[GROUP].id, b"values", h5py.h5t.IEEE_F32LE, space, plist)


@case("virtual dataset")
def virtual(path):
    small("outside.tvh5")
    with plain(path) as file:
        del file[GROUP]["values"]
        layout = h5py.VirtualLayout((3, 4, 2, 3, 3), "<f4")
        layout[:] = h5py.VirtualSource("outside.tvh5", "x", (3, 4, 2, 3, 3))
        file[GROUP].create_virtual_dataset("values", layout)


@case("filter 32000")
def other_compression(path):
    # lzf is h5py's own: nobody else has it.
    replaced(path, "values", data=weights(), maxshape=(None, 4, 2, 3, 3), compression="lzf")


@case("not a dataset")
def a_group_for_values(path):
    with plain(path) as file:
        del file[GROUP]["values"]
        file[GROUP].create_group("values")


@case("not a group")
def a_dataset_for_a_tensor(path):
    with plain(path) as file:
        file["layers/conv1/bias"] = np.zeros(3)


@case('no "values"')
def no_values(path):
    with plain(path) as file:
        del file[GROUP]["values"]


@case('no "values"')
def a_circle(path):
    with plain(path) as file:
        file["layers/conv1/conv1"] = file["layers"]


@case("not a group")
def layers_of_numbers(path):
    with plain(path) as file:
        del file["layers"]
        file["layers"] = np.zeros(4)


@case("name")
def a_name_too_long(path):
    with plain(path) as file:
        file.move("layers/conv1", "layers/" + "x" * 64)


@case("name")
def a_name_that_is_no_text(path):
    with plain(path) as file:
        file.id.links.move(b"layers/conv1", file.id, b"layers/conv\xff\xfe")


@case("state 4")
def merged_into_a_filter_that_is_not_there(path):
    with plain(path) as file:
        add_stream(file["layers/conv1"].create_group("filters"), np.array([[-1, -1, 4, 0]], "<i4"), [0])


@case("names")
def scalars_without_names(path):
    with plain(path) as file:
        add_stream(file.create_group("scalars"), np.zeros((3, 2)), range(3))


@case("names")
def scalars_with_other_names(path):
    with plain(path) as file:
        group = file.create_group("scalars")
        group.attrs["names"] = fixed(["loss"])
        add_stream(group, np.zeros((3, 2)), range(3))


@case("twice")
def a_scalar_twice(path):
    with plain(path) as file:
        group = file.create_group("scalars")
        group.attrs["names"] = fixed(["loss", "loss"])
        add_stream(group, np.zeros((3, 2)), range(3))


@case("complete")
def complete_without_streams(path):
    with plain(path) as file:
        file["complete"] = np.zeros((2, 2), "<i8")


@case("one column for each stream")
def complete_of_other_width(path):
    with plain(path) as file:
        file["complete"] = np.zeros((2, 5), "<i8")
        file["complete"].attrs["streams"] = fixed(["/" + GROUP])


@case("integers")
def complete_of_words(path):
    with plain(path) as file:
        file["complete"] = np.full((2, 2), b"x")
        file["complete"].attrs["streams"] = fixed(["/" + GROUP])


def flip(path, name, record):
    """Changes one bit of a record."""
    with h5py.File(path, "r") as file:
        offset = file[name].id.get_chunk_info(record).byte_offset
    with open(path, "r+b") as file:
        file.seek(offset + 7)
        byte = file.read(1)[0]
        file.seek(offset + 7)
        file.write(bytes([byte ^ 4]))


@case("record 1 of conv1/activations (step 1) cannot be read; its checksum does not match")
def a_flipped_byte(path):
    small(path)
    flip(path, "layers/conv1/activations/values", 1)


class ImageOptions(ctypes.Structure):
    """H5AC_cache_image_config_t."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("generate", ctypes.c_bool),
        ("resize", ctypes.c_bool),
        ("age", ctypes.c_int),
    ]


def with_image(path):
    """HDF5 itself leaves an image of its cache in a file that is there."""
    with open("/proc/self/maps") as maps:
        library = next(line.split()[-1] for line in maps if "/libhdf5_serial.so" in line or "/libhdf5.so" in line)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    function = ctypes.CDLL(library).H5Pset_mdc_image_config
    function.argtypes = [ctypes.c_int64, ctypes.c_void_p]
    assert function(access.id, ctypes.byref(ImageOptions(1, True, False, -1))) >= 0
    with h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDWR, fapl=access)) as file:
        file.attrs["changed"] = 1  # so that there is something to keep


@case("image of HDF5's cache")
def cache_image(path):
    plain(path).close()
    with_image(path)


@case("superblock has an extension")
def strange_extension(path):
    """Where the superblock says it is there is something else."""
    plain(path).close()
    with_image(path)
    with open(path, "r+b") as file:
        file.seek(20)
        at = int.from_bytes(file.read(8), "little")
        file.seek(at)
        file.write(b"OHDX")


def in_the_first_format(path):
    plain(path + ".latest").close()
    with h5py.File(path, "w") as file, h5py.File(path + ".latest") as other:
        for name, value in other.attrs.items():
            file.attrs[name] = value
        for name in other:
            other.copy(name, file)
    os.remove(path + ".latest")


if HARMFUL:

    @case("HDF5 crashes over it")
    def crash(path):
        in_the_first_format(path)
        add_crash(path, "layers/conv2/weights/values")

    @case("HDF5 asks for more memory over it")
    def all_memory(path):
        in_the_first_format(path)
        heap_beyond_all_memory(path)
