# SPDX-License-Identifier: BSD-3-Clause
"""The viewer of live.py: draws the image grid of each step that comes, and says when.

    xvfb-run -a pvpython live_viewer.py PORT
"""

import os
import sys
import time

import paraview.simple as pv
from paraview import live

pv._DisableFirstRenderCameraReset()
pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
state = {"connected": False, "closed": False, "step": -1}
link = live.ConnectToCatalyst("localhost", int(sys.argv[1]))
link.AddObserver("ConnectionCreatedEvent", lambda *_: state.update(connected=True))
link.AddObserver("ConnectionClosedEvent", lambda *_: state.update(closed=True))
link.AddObserver("UpdateEvent", lambda *_: state.update(step=link.GetTimeStep()))
print("listening", flush=True)
while not state["connected"]:
    live.ProcessServerNotifications()
    time.sleep(0.002)
source = live.ExtractCatalystData(link, "Image grid")
print("connected", flush=True)
view, drawn = None, -1
while not state["closed"]:
    live.ProcessServerNotifications()
    time.sleep(0.001)
    if state["step"] == drawn:
        continue
    source.UpdatePipeline()
    if source.GetClientSideObject().GetOutputDataObject(0).GetClassName() != "vtkImageData":
        continue
    drawn = state["step"]
    if view is None:
        view = pv.CreateRenderView(ViewSize=[1200, 900])
        display = pv.Show(source, view)
        display.SetRepresentationType("Slice")
        pv.ColorBy(display, ("CELLS", "Activation"))
        pv.ResetCamera(view)
    pv.Render(view)
    print("drawn", drawn, "at", time.monotonic(), flush=True)
os._exit(0)
