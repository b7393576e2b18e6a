# SPDX-License-Identifier: BSD-3-Clause
"""Correlation against its peers, in one run: tv_correlate() and the better of
numpy.corrcoef(dtype=float32) and standardise + ssyrk (scipy.linalg.blas), both on OpenBLAS.

    TENSORVIEW_KERNELS=build/lib/libtensorview_kernels_visible.so \\
        /usr/bin/python3 Testing/Benchmarks/correlation.py [--threads 2] [--table correlation.md]

Runs of all three alternate, with a pause for the threads of the last one to fall asleep, and the
fastest of each counts, so that other load on the machine falls on all alike. Prints a ratio only
where the peers ran, on OpenBLAS, with as many threads, and gave the same matrix; leaves with status
77 where they cannot. Peak arithmetic and bandwidth are measured in the same run. At the end: what a
second thread costs or brings where other processes keep every processor busy, and how much
processor time a process takes that has correlated and does nothing more.
"""

import argparse
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
parser.add_argument("--seconds", type=float, default=10.0, help="for each size")
parser.add_argument("--table", type=pathlib.Path, help="where the table is written to")
parser.add_argument("--size", action="append", help="FILTERSxPIXELS instead of the usual four")
options = parser.parse_args()

# Before any library that reads them is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
here = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(here.parent.parent / "Support"))
os.environ.setdefault(
    "TENSORVIEW_KERNELS", str(here.parents[2] / "build/lib/libtensorview_kernels_visible.so")
)

import numpy as np  # noqa: E402
from scipy.linalg import blas  # noqa: E402

import kernels  # noqa: E402

PAUSE = 0.03  # seconds; OpenBLAS's threads look out for more work that long
AIMS = {(64, 50176): 3.0, (512, 784): 1.2, (512, 50176): 1.5, (4096, 1000): 1.0}


def openblas():
    """The OpenBLAS in this process, and a word on it; None where BLAS is another one."""
    loaded = re.findall(r"\S*openblas\S*\.so\S*|\S*/libblas\.so\S*", open("/proc/self/maps").read())
    for path in sorted(set(loaded)):
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_get_num_threads"):
            library.openblas_get_config.restype = ctypes.c_char_p
            library.openblas_get_corename.restype = ctypes.c_char_p
            return library, (
                f"{library.openblas_get_config().decode()}, core "
                f"{library.openblas_get_corename().decode()}, "
                f"{library.openblas_get_num_threads()} threads"
            )
    return None, ""


def corrcoef(x):
    return np.corrcoef(x, dtype=np.float32)


def standardise_syrk(x):
    centred = x - x.mean(axis=1, keepdims=True)
    centred /= np.sqrt(np.einsum("ij,ij->i", centred, centred))[:, None]
    # ssyrk wants columns; the transposed view costs no copy. One triangle, then mirrored.
    r = blas.ssyrk(1.0, centred.T, trans=1, lower=1)
    upper = np.triu_indices(len(r), 1)
    if len(r) <= 1024:
        r[upper] = r.T[upper]
    else:  # indices would outweigh the matrix
        r += np.tril(r, -1).T
    return r


def fastest(calls, seconds):
    """The shortest time of each call, all of them in turn until time is up, at least thrice."""
    best = [float("inf")] * len(calls)
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 3 or time.perf_counter() < end:
        for i, call in enumerate(calls):
            time.sleep(PAUSE)
            start = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - start)
        rounds += 1
    return best


def peaks(threads):
    """Fused multiply-adds in GFlop/s and reading from memory in GB/s, with that many threads."""
    library = kernels.library
    library.tv_peak_arithmetic.restype = library.tv_peak_bandwidth.restype = ctypes.c_double
    return (
        library.tv_peak_arithmetic(ctypes.c_int(threads)),
        library.tv_peak_bandwidth(ctypes.c_int(threads)),
    )


def refuse(why):
    print(f"No comparison: {why}", file=sys.stderr)
    sys.exit(77)


def busy(threads):
    """Mean times with 1 and with that many threads, while others keep all processors busy."""
    x = np.random.default_rng(3).standard_normal((512, 784), dtype="f4")
    matrix = np.empty((512, 512), "f4")
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())
    ]
    kernels.library.tv_assume_idle(0)
    times = {1: [], threads: []}
    try:
        time.sleep(0.5)
        for _ in range(1000):
            for n, list_of_n in times.items():
                start = time.perf_counter()
                kernels.correlate(x, threads=n, matrix=matrix)
                list_of_n.append(time.perf_counter() - start)
    finally:
        for other in others:
            other.kill()
            other.wait()
        kernels.library.tv_assume_idle(1)
    return [np.mean(times[n]) for n in times]


def idle(threads):
    """Processor time in one second after a correlation."""
    x = np.random.default_rng(3).standard_normal((512, 784), dtype="f4")
    kernels.correlate(x, threads=threads)
    start = time.process_time()
    time.sleep(1.0)
    return time.process_time() - start


def main():
    library, words = openblas()
    if not library or library.openblas_get_num_threads() != options.threads:
        refuse(
            f"numpy here does not run on OpenBLAS with {options.threads} threads "
            f"({words or 'another BLAS'}). Install libopenblas0-pthread."
        )
    arithmetic, bandwidth = peaks(options.threads)
    instructions = kernels.library.tv_vectors_name().decode()
    lines = [
        f"Peer: {words}. Ours: {instructions}, {options.threads} threads.",
        f"Peak in this run: {arithmetic:.0f} GFlop/s single precision, {bandwidth:.0f} GB/s "
        "read from memory.",
        "",
        "| filters x pixels | ours | corrcoef | standardise + ssyrk | ratio to the better | aim "
        "| of peak arithmetic | of peak bandwidth |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines), flush=True)
    sizes = [tuple(map(int, s.split("x"))) for s in options.size or []] or list(AIMS)
    for filters, pixels in sizes:
        random = np.random.default_rng(3)
        x = random.standard_normal((filters, pixels), dtype="f4")
        x += random.standard_normal((1, pixels), dtype="f4")
        matrix = np.empty((filters, filters), "f4")
        ours, numpy_time, syrk_time = fastest(
            [
                lambda: kernels.correlate(x, threads=options.threads, matrix=matrix),
                lambda: corrcoef(x),
                lambda: standardise_syrk(x),
            ],
            options.seconds,
        )
        for peer in (corrcoef, standardise_syrk):
            difference = np.abs(peer(x) - matrix).max()
            if not difference < 1e-5:
                refuse(f"{peer.__name__} differs from ours by {difference:.1e}.")
        work = filters * (filters + 1) * pixels
        line = (
            f"| {filters} x {pixels} | {1e3 * ours:.2f} ms | {1e3 * numpy_time:.2f} ms "
            f"| {1e3 * syrk_time:.2f} ms | {min(numpy_time, syrk_time) / ours:.2f} "
            f"| {AIMS.get((filters, pixels), 1.0)} | {work / ours / 1e9 / arithmetic:.0%} "
            f"| {4 * filters * pixels / ours / 1e9 / bandwidth:.0%} |"
        )
        lines.append(line)
        print(line, flush=True)
    if not options.size:
        one, several = busy(options.threads)
        more = [
            "",
            f"512 x 784 on a busy machine (means): {1e3 * one:.2f} ms serial, {1e3 * several:.2f} ms "
            f"allowed {options.threads} threads.",
            f"Processor time in the second after a correlation: {1e3 * idle(options.threads):.2f} ms.",
        ]
        lines += more
        print("\n".join(more))
    if options.table:
        options.table.write_text("\n".join(lines) + "\n")


main()
