# SPDX-License-Identifier: BSD-3-Clause
"""clang-tidy over the C core, with the checks of .clang-tidy.   tidy.py SOURCE BUILD

TENSORVIEW_TIDY=all takes the C++ of the plugin in, too, which takes some minutes."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

source, build = (Path(argument).resolve() for argument in sys.argv[1:])
folders = ["Filters/Kernels/", "Data/Shim/"]
suffixes = {".c"}
if os.environ.get("TENSORVIEW_TIDY") == "all":
    folders += ["Data/Trainers/", "Filters/", "Readers/", "Plugin/"]
    suffixes |= {".cxx"}
files = set()
for entry in json.loads((build / "compile_commands.json").read_text()):
    path = (Path(entry["directory"]) / entry["file"]).resolve()
    if path.is_relative_to(source) and path.suffix in suffixes:
        if str(path.relative_to(source)).startswith(tuple(folders)):
            files.add(path)
assert len(files) > 30, f"only {len(files)} files in {build}/compile_commands.json"


def tidy(path):
    result = subprocess.run(
        ["clang-tidy", "-p", str(build), "--quiet", str(path)], cwd=source, capture_output=True, text=True
    )
    return result.stdout if result.returncode else ""


with ThreadPoolExecutor(2) as pool:
    found = [text for text in pool.map(tidy, sorted(files)) if text]
print("\n".join(found))
print(len(files), "files")
sys.exit(1 if found else 0)
