# SPDX-License-Identifier: BSD-3-Clause
"""Builds the C library through CMake and puts it into the package, so that what pip installs needs
nothing of this project beside it. TENSORVIEW_BUILD names a build tree that has it already."""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

TOP = Path(__file__).resolve().parents[2]
VERSION = (TOP / "VERSION").read_text().strip()


class Build(build_py):
    def run(self):
        super().run()
        package = Path(self.build_lib) / "tensorview"
        package.mkdir(parents=True, exist_ok=True)
        (package / "_version.py").write_text(f'__version__ = "{VERSION}"\n')
        shutil.copyfile(TOP / "Data/Demo/demo.py", package / "_sheet.py")
        for library in (self.built() / "python/tensorview").glob("*.so*"):
            shutil.copyfile(library, package / library.name)
        shutil.copy(self.built() / "python/tensorview/tensorview-trial", package)

    def built(self):
        """A build tree with the libraries."""
        if os.environ.get("TENSORVIEW_BUILD"):
            return Path(os.environ["TENSORVIEW_BUILD"])
        tree = Path(self.get_finalized_command("build").build_temp).resolve() / "cmake"
        parts = ("TENSORVIEW_PLUGIN", "TENSORVIEW_TRAINERS", "BUILD_TESTING")
        off = [f"-D{part}=OFF" for part in parts]
        subprocess.run(["cmake", "-S", TOP, "-B", tree, *off], check=True)
        target = "tensorview_python_package"
        subprocess.run(["cmake", "--build", tree, "--target", target, "-j2"], check=True)
        return tree


class Platform(Distribution):
    def has_ext_modules(self):
        return True


commands = {"build_py": Build}
try:
    from wheel.bdist_wheel import bdist_wheel

    class Wheel(bdist_wheel):
        def get_tag(self):
            return "py3", "none", super().get_tag()[2]  # the libraries know no Python

    commands["bdist_wheel"] = Wheel
except ImportError:
    pass

setup(version=VERSION, cmdclass=commands, distclass=Platform)
