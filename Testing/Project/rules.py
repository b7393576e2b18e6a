# SPDX-License-Identifier: BSD-3-Clause
"""What holds for the repository as a whole: who may include what, what is documented, what is in it."""

import os
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(os.environ["TENSORVIEW_SOURCE"])
BUILD = Path(os.environ["TENSORVIEW_BUILD"])
TEXT = {".c", ".h", ".cxx", ".py", ".sh", ".md", ".txt", ".xml", ".json", ".cmake", ".in", ""}


def tracked():
    """Files that git knows or would take; without git, all but the build folders."""
    git = ["git", "-c", "safe.directory=*", "-C", str(TOP), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        names = subprocess.run(git, check=True, capture_output=True).stdout.decode().split("\0")
        paths = [TOP / name for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [p for p in TOP.rglob("*") if not p.relative_to(TOP).parts[0].startswith(("build", ".git"))]
    return [p for p in paths if p.is_file()]


FILES = tracked()


def name(path):
    return str(path.relative_to(TOP))


def lines(folders, suffixes, pattern, flags=0):
    """Lines that match a pattern, as "file:line: text"."""
    found = []
    for path in FILES:
        if path.suffix not in suffixes or (folders and not name(path).startswith(folders)):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if re.search(pattern, line, flags):
                found.append(f"{name(path)}:{number}: {line.strip()}")
    return found


def includes():
    """Pairs of tracked files: who includes whom."""
    headers = [path for path in FILES if path.suffix == ".h"]
    pairs = []
    for path in FILES:
        if path.suffix not in {".c", ".h", ".cxx"}:
            continue
        for written in re.findall(r'^\s*#\s*include\s*[<"]([^">]+)', path.read_text(), re.MULTILINE):
            candidates = [h for h in headers if name(h).endswith("/" + written)]
            beside = [h for h in candidates if h.parent == path.parent]
            if candidates:
                pairs.append((name(path), name((beside or candidates)[0])))
    return pairs


class Rules(unittest.TestCase):
    def test_files_were_found(self):
        self.assertGreater(len(FILES), 20)

    def test_the_c_core_knows_no_vtk(self):
        core = ("Filters/Kernels/", "Data/Shim/")
        self.assertEqual([], lines(core, {".c", ".h"}, r'#\s*include\s*[<"]vtk'))

    def test_who_may_include_whom(self):
        """The house's floors: each folder includes from itself and from those below it only."""
        below = {
            "Filters/Kernels/Base/": (),
            "Filters/Kernels/": ("Filters/Kernels/Base/",),
            "Filters/": ("Filters/Kernels/", "Readers/", "Data/Shim/"),
            "Data/Shim/": ("Filters/Kernels/Base/",),
            "Data/Trainers/": ("Data/Shim/", "Filters/Kernels/"),
            "Readers/": ("Data/Shim/", "Filters/Kernels/"),
            "Plugin/": ("Data/Shim/", "Readers/", "Filters/"),
        }
        found = []
        for includer, included in includes():
            floor = max((f for f in below if includer.startswith(f)), key=len, default=None)
            if floor and not included.startswith((floor, *below[floor])):
                found.append(f"{includer} includes {included}")
        self.assertEqual([], found)

    def test_no_circle_of_files(self):
        uses = {}
        for includer, included in includes():
            uses.setdefault(includer, set()).add(included)
        done, found = set(), []

        def walk(file, path):
            if file in path:
                found.append(" -> ".join(path[path.index(file):] + [file]))
            elif file not in done:
                for other in sorted(uses.get(file, ())):
                    walk(other, path + [file])
                done.add(file)

        for file in sorted(uses):
            walk(file, [])
        self.assertEqual([], found)

    def test_one_place_for_each_thing(self):
        core = {".c", ".h", ".cxx"}
        for pattern, where in (
            (r"omp_get_max_threads", "Filters/Kernels/Base/execution.c"),
            (r"__builtin_cpu_supports", "Filters/Kernels/"),
        ):
            files = {line.split(":")[0] for line in lines(("Filters/", "Data/Shim/", "Readers/"), core, pattern)}
            self.assertEqual(1, len(files), f"{pattern} stands in {sorted(files)}")
            self.assertTrue(files.pop().startswith(where))

    def test_plugin_code_uses_paraviews_hdf5(self):
        plugin = ("Readers/", "Filters/", "Plugin/")
        self.assertEqual([], lines(plugin, {".c", ".h", ".cxx"}, r'#\s*include\s*[<"]hdf5'))

    def test_only_debians_own_paths(self):
        # A user's or a machine's folder in the tree works nowhere else.
        pattern = r"(?<![\w.$}/-])/(home|root|work|farm|Users)/"
        self.assertEqual([], [l for l in lines((), TEXT, pattern) if not l.startswith("Testing/Project/")])

    def test_nothing_is_left_unfinished(self):
        pattern = r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"
        self.assertEqual([], lines((), TEXT, pattern))

    def test_no_large_file(self):
        large = [name(p) for p in FILES if p.stat().st_size > 2 * 1024 * 1024]
        self.assertEqual([], large)

    def test_version_stands_in_one_place(self):
        version = (TOP / "VERSION").read_text().strip()
        self.assertRegex(version, r"^\d+\.\d+\.\d+$")
        self.assertIn(f"## {version}", (TOP / "CHANGELOG.md").read_text())
        template = (TOP / "Data/Shim/include/tensorview/version.h.in").read_text()
        self.assertIn('#define TENSORVIEW_VERSION "@TENSORVIEW_VERSION@"', template)
        built = BUILD / "Data/Shim/include/tensorview/version.h"
        self.assertIn(f'#define TENSORVIEW_VERSION "{version}"', built.read_text())
        stated = lines((), {".c", ".h", ".cxx", ".py", ".cmake", ".txt", ".toml"}, re.escape(version))
        self.assertEqual([], [line for line in stated if "Testing/" not in line and "e.g." not in line])

    def test_every_proxy_and_property_is_documented(self):
        proxies = 0
        for path in FILES:
            if path.suffix != ".xml" or path.parent.name != "ServerManagerXML":
                continue
            for proxy in ElementTree.parse(path).getroot().iter():
                if not proxy.tag.endswith("Proxy") or proxy.get("name") is None:
                    continue
                proxies += 1
                where = f"{name(path)}: {proxy.get('name')}"
                documentation = proxy.find("Documentation")
                self.assertIsNotNone(documentation, where)
                self.assertTrue(documentation.get("short_help"), where)
                self.assertGreater(len((documentation.text or "").split()), 3, where)
                for item in proxy:
                    if not item.tag.endswith("Property") or item.get("panel_visibility") == "never":
                        continue
                    if item.get("information_only") == "1":
                        continue
                    text = item.find("Documentation")
                    self.assertIsNotNone(text, f"{where}.{item.get('name')} has no Documentation")
                    self.assertGreater(len((text.text or "").split()), 2, f"{where}.{item.get('name')}")
        self.assertGreater(proxies, 0)

    def test_every_proxy_file_is_in_the_plugin(self):
        plugin = (TOP / "Plugin/CMakeLists.txt").read_text()
        for path in FILES:
            if path.parent.name == "ServerManagerXML" and path.suffix == ".xml":
                self.assertIn(f"ServerManagerXML/{path.name}", plugin)

    def test_nothing_stands_at_the_top_but_what_must(self):
        allowed = {".ci", ".clang-format", ".gitignore", "CHANGELOG.md", "CMakeLists.txt", "LICENSE"}
        allowed |= {"CMakePresets.json", "README.md", "VERSION", ".github", ".clang-tidy"}
        allowed |= {"Plugin", "Readers", "Filters", "ServerManagerXML", "Data", "Testing"}
        self.assertEqual(set(), {path.relative_to(TOP).parts[0] for path in FILES} - allowed)

    def test_commands_of_the_readme_exist(self):
        readme = TOP / "README.md"
        if not readme.exists():
            self.skipTest("no README.md")
        for script in re.findall(r"\b(?:bash|pvpython)\s+(\S+\.(?:sh|py))", readme.read_text()):
            self.assertTrue((TOP / script).exists(), f"README.md names {script}")
        for link in re.findall(r"\]\(([^)#]+)\)", readme.read_text()):
            if not link.startswith("http"):
                self.assertTrue((TOP / link).exists(), f"README.md links {link}")

    def test_shell_scripts_parse(self):
        for path in FILES:
            if path.suffix == ".sh" or name(path) == ".ci/run":
                subprocess.run(["bash", "-n", str(path)], check=True)

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_layout_is_clang_formats(self):
        sources = [str(p) for p in FILES if p.suffix in {".c", ".h", ".cxx"}]
        result = subprocess.run(
            ["clang-format", "--dry-run", "-Werror", *sources], cwd=TOP, capture_output=True, text=True
        )
        self.assertEqual(0, result.returncode, result.stderr[-4000:])


if __name__ == "__main__":
    unittest.main()
