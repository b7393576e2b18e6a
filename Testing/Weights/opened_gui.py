# SPDX-License-Identifier: BSD-3-Clause
"""A large file that is opened in ParaView's window: Apply reads nothing, a view reads its tensor, and whoever
asks for the tensors themselves gets all of them.

    opened_gui.py PARAVIEW
"""

import os
import subprocess
import sys
import time
import unittest

import numpy as np
from weights_support import write_safetensors
from window import log, open_file, start

LAYERS, SIZE = 5, 1024 * 4096  # 84 MB: above what is read by the way
PATIENCE = 120  # seconds for what takes five

# Runs inside the window before the file is opened there, and waits for Apply.
SCRIPT = """
import json, os
from paraview import servermanager, simple
noted, readers = [], []
def note(reader):
    reader.SMProxy.UpdatePropertyInformation()
    output = reader.GetClientSideObject().GetOutputDataObject(0)
    arrays = [output.GetPartition(k, 0).GetCellData().GetNumberOfArrays()
              for k in range(output.GetNumberOfPartitionedDataSets())]
    noted.append([int(reader.GetProperty("ValuesRead")[0]), sum(arrays)])
def applied(proxy, event):
    if noted:
        return
    reader = servermanager._getPyProxy(proxy)
    note(reader)
    grid = simple.WeightGrid(Input=reader, Tensor="fc3/weights")
    grid.UpdatePipeline()
    note(reader)
    reader.UpdatePipeline(0)
    note(reader)
    with open("noted.new", "w") as file:
        json.dump(noted, file)
    os.rename("noted.new", "noted")
def registered(*_):
    for reader in simple.GetSources().values():
        if reader.GetXMLName() == "NetworkFileReader" and not readers:
            readers.append(reader)
            reader.SMProxy.AddObserver("UpdateDataEvent", applied)
servermanager.ProxyManager().SMProxyManager.AddObserver("RegisterEvent", registered)
"""


class OpenedGui(unittest.TestCase):
    def test_apply_reads_nothing(self):
        if os.path.exists("noted"):
            os.remove("noted")
        values = np.arange(SIZE, dtype="f4").reshape(1024, 4096)
        path = os.path.abspath("large.safetensors")
        write_safetensors(path, {f"fc{k}.weight": values for k in range(LAYERS)})
        with open("script.py", "w") as file:
            file.write(SCRIPT)
        window = start(sys.argv[1], open_file(path), "--script=" + os.path.abspath("script.py"))
        try:
            deadline = time.monotonic() + PATIENCE
            while not os.path.exists("noted"):
                if time.monotonic() > deadline or window.poll() is not None:
                    self.fail(f"{window.poll()} {log()}")
                time.sleep(0.1)
        finally:
            window.terminate()
            try:
                window.wait(20)
            except subprocess.TimeoutExpired:
                window.kill()
                window.wait()
            os.remove(path)
        with open("noted") as file:
            self.assertEqual(f"[[0, 0], [{SIZE}, 0], [{LAYERS * SIZE}, {LAYERS}]]", file.read())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
