# SPDX-License-Identifier: BSD-3-Clause
"""Files that are not what they should be: each gives exactly one sentence with its name, and no crash.

Run with plain Python as the driver; each file is then opened by a pvpython of its own."""

import os
import subprocess
import sys
import textwrap
import unittest

import numpy as np
from hostile_files import CASES, GROUP, flip, plain, small
from run_file import fixed, lenet

PVPYTHON = sys.argv.pop(1)
PRUNE = sys.argv.pop(1) if len(sys.argv) > 1 else None  # tensorview-prune, where it is built

# Opens files as a script would, and prints each error and warning that ParaView shows, on one line
# each: what costs the whole file is an error, what costs a tensor a warning.
OPEN = textwrap.dedent(
    """
    import os, sys
    from paraview import simple
    from tensors import load_plugin
    load_plugin()
    for path in sys.argv[1:]:
        print("FILE " + path, flush=True)
        source = simple.TensorSnapshotReader()
        algorithm = source.GetClientSideObject()
        found = []
        def note(caller, event, text=None):
            found.append(text)
        note.CallDataType = "string0"
        algorithm.AddObserver("ErrorEvent", note)
        algorithm.AddObserver("WarningEvent", note)
        for k in (0, 1):
            algorithm.GetExecutive().AddObserver("ErrorEvent", note)
        source.FileName = [path]
        source.UpdatePipelineInformation()
        for time in (list(source.TimestepValues) or [0])[:8]:
            source.UpdatePipeline(time)
        history = algorithm.GetOutputDataObject(1)
        print("ROWS", history.GetNumberOfRows(), flush=True)
        for text in found:
            print("ERROR " + " ".join(text.split()), flush=True)
        simple.Delete(source)
    print("END", flush=True)
    """
)


def run(paths, timeout=100):
    """{path: [sentences]} of files opened one after the other in one process."""
    environment = dict(os.environ, MALLOC_CHECK_="3", MALLOC_PERTURB_="85")
    with open("open.py", "w") as file:
        file.write(OPEN)
    # 3 GB more than ParaView itself: a file must not make its reader ask for what it only claims.
    command = ["bash", "-c", 'ulimit -v 8000000; exec "$@"', "-", PVPYTHON, "open.py", *paths]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=environment, errors="replace"
    )
    output = result.stdout
    if result.returncode != 0 or not output.rstrip().endswith("END"):
        raise AssertionError(f"{paths}: exit {result.returncode}\n{output}\n{result.stderr}")
    found, path = {}, None
    for line in output.splitlines():
        if line.startswith("FILE "):
            path = line[5:]
            found[path] = []
        elif line.startswith("ERROR "):
            found[path].append(line[6:])
    return found


class Hostile(unittest.TestCase):
    def judge(self, sentences, path, words):
        self.assertEqual(1, len(sentences), f"{path}: {sentences}")
        self.assertIn(path, sentences[0])
        self.assertIn(words, sentences[0])

    def prune(self, path, sentence):
        """The other program that opens run files says the same."""
        if not PRUNE or ": record " in sentence:  # of what it does not read
            return
        command = ["bash", "-c", 'ulimit -v 8000000; exec "$@"', "-", PRUNE, "--run", path, "--output", "none"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, errors="replace")
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        self.assertIn(sentence[sentence.index(path) :], result.stderr)

    def test_each_gives_one_sentence(self):
        paths = {}
        for name, (make, words) in CASES.items():
            path = os.path.abspath(name + ".tvh5")
            if os.path.isfile(path):
                os.remove(path)
            make(path)
            paths[path] = words
        try:
            found = run(list(paths))
        except AssertionError:
            found = {}  # somebody crashed: one process for each says who
            for path in paths:
                with self.subTest(path=path):
                    found.update(run([path]))
        for path, words in paths.items():
            with self.subTest(path=path):
                self.judge(found[path], path, words)
                self.prune(path, found[path][0])

    def test_truncated_at_20_places(self):
        small("whole.tvh5")
        with open("whole.tvh5", "rb") as file:
            whole = file.read()
        paths = []
        for k in range(20):
            paths.append(os.path.abspath(f"truncated{k:02}.tvh5"))
            with open(paths[-1], "wb") as file:
                file.write(whole[: len(whole) * k // 20 + (k > 0)])
        for path, sentences in run(paths).items():
            self.judge(sentences, path, "")

    def test_complete_rules(self):
        """Rows of /complete that do not fit are passed over; what lies behind the last good one is not shown."""
        with plain("complete.tvh5") as file:
            rows = [[0, 1], [1, 2], [9, 7], [9, -1], [9, 1 << 62]]
            file["complete"] = np.array(rows, "<i8")
            file["complete"].attrs["streams"] = fixed(["/" + GROUP])
        with plain("incomplete.tvh5") as file:
            file["complete"] = np.full((200, 2), 77, "<i8")
            file["complete"].attrs["streams"] = fixed(["/" + GROUP])
        with plain("torn.tvh5") as file:  # a writer that was stopped between values and steps
            file[GROUP]["steps"].resize(2, axis=0)
            file["complete"] = np.array([[1, 2]], "<i8")
            file["complete"].attrs["streams"] = fixed([GROUP])
        script = textwrap.dedent(
            """
            from paraview import simple
            from tensors import load_plugin
            load_plugin()
            for name in ("complete", "incomplete", "torn"):
                print(list(simple.TensorSnapshotReader(FileName=[name + ".tvh5"]).TimestepValues))
            """
        )
        with open("complete.py", "w") as file:
            file.write(script)
        result = subprocess.run([PVPYTHON, "complete.py"], capture_output=True, text=True, timeout=60)
        self.assertEqual("[0.0, 1.0]\n[]\n[0.0, 1.0]\n", result.stdout, result.stderr)
        self.assertEqual("", result.stderr)

    def test_properties_that_ask_for_what_is_not_there(self):
        small("asked.tvh5")
        script = textwrap.dedent(
            """
            import sys
            from paraview import simple
            from tensors import load_plugin
            load_plugin()
            for properties in eval(sys.argv[1]):
                source = simple.TensorSnapshotReader(FileName=["asked.tvh5"], **properties)
                algorithm = source.GetClientSideObject()
                def note(caller, event, text=None):
                    print(" ".join(text.split()))
                note.CallDataType = "string0"
                algorithm.AddObserver("ErrorEvent", note)
                source.UpdatePipeline(1)
                table = algorithm.GetOutputDataObject(1)
                print(table.GetNumberOfRows(), table.GetNumberOfColumns())
            """
        )
        with open("asked.py", "w") as file:
            file.write(script)
        asked = [{"HistoryTensor": "conv9/weights"}] + [
            {"HistoryElements": text} for text in ("x", "1-", "3-1", "99999", "0-2,,3", "-1", "1;2")
        ]
        result = subprocess.run(
            [PVPYTHON, "asked.py", repr(asked)], capture_output=True, text=True, timeout=60
        )
        lines = result.stdout.splitlines()
        self.assertEqual(2 * len(asked), len(lines), result.stdout + result.stderr)
        for k, properties in enumerate(asked):
            self.assertIn("asked.tvh5", lines[2 * k])
            self.assertIn(list(properties.values())[0], lines[2 * k])
            self.assertEqual("3 3", lines[2 * k + 1])  # steps and scalars are shown all the same

    def test_a_history_with_a_flipped_byte_shows_all_other_steps(self):
        tensors, _ = lenet("flipped.tvh5", steps=6, size=6)
        flip("flipped.tvh5", "layers/conv1/weights/values", 2)
        script = textwrap.dedent(
            """
            import numpy as np
            from reading import history, reader
            from tensors import load_plugin
            load_plugin()
            source = reader("flipped.tvh5")
            source.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: print("ERROR"))
            np.savez("flipped.npz", *history(source).values())
            """
        )
        with open("flipped.py", "w") as file:
            file.write(script)
        result = subprocess.run([PVPYTHON, "flipped.py"], capture_output=True, text=True, timeout=60)
        self.assertEqual("ERROR\n", result.stdout, result.stderr)
        columns = list(np.load("flipped.npz").values())
        self.assertEqual(list(range(6)), list(columns[0]))
        expected = tensors["conv1/weights"].values.reshape(6, -1)[:, :3].astype("f8")
        expected[2] = np.nan
        self.assertTrue(np.array_equal(expected.T, columns[3:], equal_nan=True))

    def test_a_file_that_goes_away_or_is_replaced(self):
        script = textwrap.dedent(
            """
            import os, shutil
            from paraview import simple
            from tensors import load_plugin
            load_plugin()
            source = simple.TensorSnapshotReader(FileName=["goes.tvh5"])
            source.UpdatePipeline(0)
            algorithm = source.GetClientSideObject()
            def note(caller, event, text=None):
                print(" ".join(text.split()))
            note.CallDataType = "string0"
            algorithm.AddObserver("ErrorEvent", note)
            os.rename("goes.tvh5", "gone.tvh5")
            print("removed")
            source.UpdatePipeline(1)
            shutil.copy("other.tvh5", "goes.tvh5")
            print("replaced")
            source.UpdatePipeline(2)
            print("reloaded")
            simple.ReloadFiles(source)
            source.UpdatePipeline(2)
            print(list(source.TimestepValues))
            """
        )
        with open("goes.py", "w") as file:
            file.write(script)
        small("goes.tvh5")
        small("other.tvh5", steps=6)
        result = subprocess.run([PVPYTHON, "goes.py"], capture_output=True, text=True, timeout=60)
        lines = result.stdout.splitlines()
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual("removed", lines[0])
        self.assertIn("goes.tvh5", lines[1])
        self.assertIn("No such file", lines[1])
        self.assertEqual("replaced", lines[2])
        self.assertIn("replaced by another file", lines[3])
        self.assertEqual(["reloaded", "[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]"], lines[4:])


if __name__ == "__main__":
    unittest.main()
