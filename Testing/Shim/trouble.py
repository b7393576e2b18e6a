# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong around a run: a full disk, a folder that cannot be written, a byte that flips.

trouble.py WRITER VERBS"""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import watched
from run_bytes import run_bytes
from shim import TV_FLOAT32, Run

WRITER, VERBS = sys.argv[1:]


def writer(path, steps, **arguments):
    return subprocess.run(
        [WRITER, path, str(steps), "0", "0"], capture_output=True, text=True, timeout=60, **arguments
    )


def full_disk():
    folder = "small"
    os.makedirs(folder, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tensorview", folder]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        print("skipped: a disk that is really full (no file system can be mounted here)")
        return
    try:
        done = writer(f"{folder}/run.tvh5", 200)
        assert done.returncode == 1 and "No space left on device" in done.stderr, done
        assert done.stderr.count("\n") == 1, done.stderr
        said = int(done.stdout.split()[-1])
        with watched.open_watched(f"{folder}/run.tvh5") as file:
            step = watched.check(file)
        assert step >= said > 0, (step, said)
        print(f"full disk: complete to step {step}")
        again = writer(f"{folder}/another.tvh5", 5)
        assert again.returncode == 1 and "No space left" in again.stderr, again
    finally:
        subprocess.run(["umount", folder], check=True)


def folder_without_permission():
    folder = "closed"
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o555)
    nobody = dict(user=65534, group=65534, extra_groups=[]) if os.getuid() == 0 else {}
    try:
        done = writer(os.path.join(os.getcwd(), folder, "run.tvh5"), 5, **nobody)
    except PermissionError:
        print("skipped: a folder that cannot be written (nobody cannot run the writer here)")
        return
    finally:
        os.chmod(folder, 0o755)
    assert done.returncode == 1 and "Permission denied" in done.stderr, done


def existing_file():
    with open("existing.tvh5", "w") as file:
        file.write("precious")
    done = writer("existing.tvh5", 5)
    assert done.returncode == 1 and "exists already" in done.stderr, done
    with open("existing.tvh5") as file:
        assert file.read() == "precious"


def left_open():
    """exit() without tv_close(): no crash, and what was committed can be read."""
    subprocess.run([VERBS, "left.tvh5"], check=True, timeout=60)
    with watched.open_watched("left.tvh5") as file:
        step, counts = watched.committed(file)
        n = counts["/layers/a/weights"]
        assert n >= 1 and step == n - 1
        assert np.array_equal(file["layers/a/weights/steps"][:n], np.arange(n))


def used_chunks(file):
    """(dataset's path, where a chunk begins, how many bytes of it are records) of all streams."""
    for path in watched.STREAMS:
        for name, dataset in file[path].items():
            row = dataset.dtype.itemsize * np.prod(dataset.shape[1:], dtype=int)
            for i in range(dataset.id.get_num_chunks()):
                chunk = dataset.id.get_chunk_info(i)
                assert chunk.filter_mask == 0, (path, name)
                rows = min(dataset.chunks[0], len(dataset) - chunk.chunk_offset[0])
                yield f"{path}/{name}", chunk.byte_offset, min(chunk.size, int(rows * row))


def flipped_bytes():
    """Every chunk of a closed file is covered: small and large rows, full and partial chunks."""
    if os.path.exists("flip.tvh5"):
        os.remove("flip.tvh5")
    assert writer("flip.tvh5", 40).returncode == 0
    with h5py.File("flip.tvh5", "r") as file:
        if file.attrs["version"] < 2:
            return
        places = list(used_chunks(file))
    noticed = 0
    for i, (path, offset, size) in enumerate(places):
        shutil.copyfile("flip.tvh5", "flipped.tvh5")
        with open("flipped.tvh5", "r+b") as raw:
            raw.seek(offset + (i * 7919) % size)
            byte = raw.read(1)
            raw.seek(-1, os.SEEK_CUR)
            raw.write(bytes([byte[0] ^ (1 << i % 8)]))
        with h5py.File("flipped.tvh5", "r") as file:
            try:
                watched.check_records(file[path.rsplit("/", 1)[0]], 0, len(file[path]))
            except AssertionError:
                noticed += 1
    assert noticed == len(places), f"{noticed} of {len(places)} flipped bytes were noticed"
    print(f"{noticed} flipped bytes noticed")


def quiet_library():
    """A failure prints nothing, and HDF5's own setting for printing errors is left as it was."""
    code = (
        "from shim import *\n"
        "try: Run('no/such/folder.tvh5')\n"
        "except Failure as failure: assert failure.status == TV_ERROR_FILE\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done


def overwritten_while_read():
    with Run("shared.tvh5", overwrite=1) as run:
        tensor = run.declare("a", "weights", TV_FLOAT32, "o", (4,))
        run.write(tensor, 0, np.arange(4, dtype="f4"))
    with h5py.File("shared.tvh5", "r") as reader:
        with Run("shared.tvh5", overwrite=1) as run:
            tensor = run.declare("a", "weights", TV_FLOAT32, "o", (4,))
            run.write(tensor, 0, np.zeros(4, "f4"))
        assert list(reader["layers/a/weights/values"][0]) == [0, 1, 2, 3]
    with h5py.File("shared.tvh5", "r") as reader:
        assert list(reader["layers/a/weights/values"][0]) == [0, 0, 0, 0]


def forked():
    """Children that ended by exit() left no trace in their parent's file."""
    subprocess.run([VERBS], check=True, timeout=60, stdout=subprocess.DEVNULL)
    with h5py.File("forked.tvh5", "r") as file:
        stream = file["layers/a/weights"]
        assert np.array_equal(stream["steps"][...], np.arange(700))
        assert np.array_equal(stream["values"][:, 0, 0], np.arange(700))
        assert file["complete"][-1][1] == 700


def reproducible():
    """The same run, flushed at the same steps, is the same file, byte for byte; with a ring in
    shared memory too."""
    files = []
    for name in ("", "", f"shim-trouble-{os.getpid()}"):
        path = "again.tvh5"
        if os.path.exists(path):
            os.remove(path)
        done = writer(path, 50, env=dict(os.environ, TENSORVIEW_CHANNEL=name))
        assert done.returncode == 0 and done.stderr == "", (name, done)
        files.append(run_bytes(path))
    assert all(content == files[0] for content in files)


full_disk()
folder_without_permission()
existing_file()
left_open()
flipped_bytes()
quiet_library()
overwritten_while_read()
forked()
reproducible()
