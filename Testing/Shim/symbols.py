# SPDX-License-Identifier: BSD-3-Clause
"""The shim exports what symbols.txt lists, which is what its headers declare, and nothing else; it
needs libhdf5 and nothing that is large beside it. symbols.py LIBRARY SOURCE"""

import re
import subprocess
import sys

library, source = sys.argv[1:]


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


with open(f"{source}/Testing/Shim/symbols.txt") as file:
    listed = file.read().split()
exported = sorted(line.split()[-1] for line in lines("nm", "-D", "--defined-only", library))
assert exported == listed, f"exported and not listed, or the other way round: {set(exported) ^ set(listed)}"

declared = set()
for header in (
    "Data/Shim/include/tensorview/tensorview.h",
    "Data/Shim/include/tensorview/request.h",
    "Data/Shim/include/tensorview/source.h",
    "Data/Shim/include/tensorview/units.h",
    "Data/Shim/include/tensorview/findings.h",
    "Filters/Kernels/Base/tensorview/types.h",
):
    with open(f"{source}/{header}") as file:
        declared |= set(re.findall(r"^TV_API [^(;]*?(\w+)\(", file.read(), re.M))
assert sorted(declared) == listed, declared ^ set(listed)

needed = [line.split("[")[1].rstrip("]") for line in lines("readelf", "-d", library) if "(NEEDED)" in line]
# libjansson and libz, 100 kB each: weight files.
allowed = r"(libhdf5(_\w+)?|libjansson|libz|libgomp|libm|libc|libpthread|librt|ld-linux-[\w-]+|libmpi)\.so\.\d+"
assert all(re.fullmatch(allowed, name) for name in needed), needed
assert any(name.startswith("libhdf5") for name in needed)
soname = [line for line in lines("readelf", "-d", library) if "(SONAME)" in line]
assert "libtensorview.so.1]" in soname[0], soname
print(len(exported), "symbols; needs", *needed)
