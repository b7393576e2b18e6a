# SPDX-License-Identifier: BSD-3-Clause
"""The kernels are C, without VTK, and need nothing but a C compiler with OpenMP."""

import os
import pathlib
import re
import subprocess
import tempfile

folder = pathlib.Path(os.environ["TENSORVIEW_SOURCE"], "Filters", "Kernels")
files = sorted(path for path in folder.rglob("*.[ch]*"))
compiler = ["cc", f"-I{folder / 'Base'}", "-fopenmp", "-Wall", "-Wextra", "-Werror"]
assert len(files) > 5, f"no kernels in {folder}"
for file in files:
    assert file.suffix in (".c", ".h"), f"{file.name} is not C"
    for number, line in enumerate(file.read_text().splitlines(), 1):
        included = re.match(r'\s*#\s*include\s*["<](.*)[">]', line)
        assert not (included and re.search(r"vtk|hdf5|mpi|ParaView", included[1], re.I)), (
            f"{file.name}:{number}: {line.strip()}"
        )

with tempfile.TemporaryDirectory() as scratch:
    for file in sorted(folder.rglob("*.c")):
        subprocess.run([*compiler, "-c", str(file), "-o", "kernel.o"], cwd=scratch, check=True)
    for file in sorted(folder.rglob("*.h")):
        source = pathlib.Path(scratch, "header.c")
        source.write_text(f'#include "{file}"\n#include "{file}"\nint main(void) {{ return 0; }}\n')
        subprocess.run([*compiler, str(source), "-fsyntax-only"], check=True)
print(f"{len(files)} files: no VTK, each compiles by itself")
