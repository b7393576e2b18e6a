# SPDX-License-Identifier: BSD-3-Clause
"""Data/Shim builds alone: with sanitizers, and installed for others to use.

builds.py SOURCE sanitized            verbs.c and writer.c under address and undefined
builds.py SOURCE installed            a consumer through pkg-config, and one through find_package
"""

import os
import shutil
import subprocess
import sys

import watched

SOURCE, MODE = sys.argv[1:]


def run(*command, **arguments):
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, **arguments)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def build(folder, *options):
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run("cmake", "-S", f"{SOURCE}/Data/Shim", "-B", folder, "-DTENSORVIEW_WERROR=ON", *launcher, *options)
    run("cmake", "--build", folder)


def fresh(path):
    if os.path.exists(path):
        os.remove(path)
    return path


def sanitized():
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-D_GNU_SOURCE"]
    build("sanitized", "-DTENSORVIEW_SANITIZE=address,undefined", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    includes = [f"-I{SOURCE}/{folder}" for folder in ("Data/Shim/include", "Filters/Kernels/Base")]
    environment = dict(os.environ, ASAN_OPTIONS="abort_on_error=0:exitcode=99", UBSAN_OPTIONS="halt_on_error=1")
    for program in ("verbs", "writer"):
        source = f"{SOURCE}/Testing/Shim/{program}.c"
        link = ["-Lsanitized", "-ltensorview", "-Wl,-rpath," + os.path.abspath("sanitized"), "-lpthread"]
        run("cc", *flags, *includes, "-Isanitized/include", source, "-o", program, *link)
    print(run("./verbs", env=environment).stdout.strip())
    for flush, threads in (("0", "1"), ("0.005", "2"), ("-1", "1")):
        run("./writer", fresh("run.tvh5"), "90", flush, "0", threads, env=environment)
        with watched.h5py.File("run.tvh5", "r") as file:
            assert watched.check(file) == 89
    symbols = run("nm", "-D", "sanitized/libtensorview.so").stdout
    assert "__asan" in symbols and "__ubsan" in symbols, "the library was built without sanitizers"


def installed():
    shutil.rmtree("prefix", ignore_errors=True)
    prefix = os.path.abspath("prefix")
    build("plain", f"-DCMAKE_INSTALL_PREFIX={prefix}")
    run("cmake", "--install", "plain")
    headers = sorted(f"tensorview/{file}" for file in os.listdir("prefix/include/tensorview"))
    expected = ["tensorview/tensorview.h", "tensorview/format.h", "tensorview/types.h", "tensorview/version.h"]
    assert set(expected) <= set(headers), headers
    with open(f"{SOURCE}/VERSION") as file:
        version = file.read().strip()

    moved = os.path.abspath("moved")  # an installation that somebody moved still works
    shutil.rmtree(moved, ignore_errors=True)
    shutil.move(prefix, moved)
    library = [folder for folder, _, files in os.walk(moved) if "libtensorview.so" in files][0]
    environment = dict(
        os.environ, PKG_CONFIG_PATH=f"{library}/pkgconfig", LD_LIBRARY_PATH=library, CMAKE_PREFIX_PATH=moved
    )
    assert run("pkg-config", "--modversion", "tensorview", env=environment).stdout.strip() == version
    flags = run("pkg-config", "--cflags", "--libs", "tensorview", env=environment).stdout.split()
    example = f"{SOURCE}/Data/Shim/examples/example.c"
    run("cc", "-Wall", "-Werror", example, *flags, "-o", "through_pkg_config", env=environment)
    run("cmake", "-S", f"{SOURCE}/Testing/Shim/consumer", "-B", "consumer", f"-DEXAMPLE={example}", env=environment)
    run("cmake", "--build", "consumer", env=environment)
    for program in ("./through_pkg_config", "consumer/consumer"):
        run(program, fresh("run.tvh5"), env=environment)
        with watched.h5py.File("run.tvh5", "r") as file:
            assert file.attrs["writer"].decode().endswith(version)
            assert file["layers/conv1/weights/values"].shape == (100, 16, 1, 3, 3)

    # every header stands on its own, in C and C++
    for header in headers:
        for compiler, language in (("cc", "c"), ("c++", "c++")):
            text = f'#include <{header}>\nint unused;\n'
            run(compiler, "-x", language, "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{moved}/include",
                "-fsyntax-only", "-", input=text)


{"sanitized": sanitized, "installed": installed}[MODE]()
