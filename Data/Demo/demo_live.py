# SPDX-License-Identifier: BSD-3-Clause
"""The viewer of `bash Data/demo.sh --live`: the four views of a training run while it goes on, and a
picture of them at every five hundredth step, or the next one that is seen.

    pvpython Data/Demo/demo_live.py PORT FOLDER [EVERY]

tensorview-live with Plugin/Live/Scripts/four_views.py connects to it. Anything that pvpython or the
ParaView GUI can do with a source can be done with these.
"""

import os
import sys
import time

import demo
import paraview.simple as pv
from paraview import live

VIEWS = ["Weight grid", "Image grid", "Distribution grid", "Weight trajectory"]


def connect(port):
    """The link to tensorview-live, and what it tells."""
    state = {"connected": False, "closed": False, "step": -1}
    link = live.ConnectToCatalyst("localhost", port)
    link.AddObserver("ConnectionCreatedEvent", lambda *_: state.update(connected=True))
    link.AddObserver("ConnectionClosedEvent", lambda *_: state.update(closed=True))
    link.AddObserver("UpdateEvent", lambda *_: state.update(step=link.GetTimeStep()))
    print("Waiting for tensorview-live", flush=True)
    wait(lambda: state["connected"])
    return link, state


def wait(until, seconds=300):
    end = time.time() + seconds
    while not until() and time.time() < end:
        live.ProcessServerNotifications()
        time.sleep(0.002)
    return until()


def there(source):
    """Whether a source has sent something."""
    source.UpdatePipeline()
    return source.GetClientSideObject().GetOutputDataObject(0).GetClassName() != "vtkDataObject"


def arrange(sources):
    """Each source in a view of its own, two by two, as Data/Demo/demo.py draws them."""
    views, lines, displays = [], [], []
    for name, source in sources.items():
        view = demo.new_view(name)
        lines.append(demo.write(view, " ", 14, [0.02, 0.905], demo.GREY).Input)
        views.append(view)
        displays.append(demo.show(source, view))
    weights, images, distributions, trajectory = views
    demo.frame_weights(weights, displays[0], sources["Weight grid"])
    demo.frame_flat(images, sources["Image grid"], demo.WHITE)
    demo.frame_flat(distributions, sources["Distribution grid"], demo.BLACK)
    demo.frame_trajectory(trajectory, displays[3], [f"conv1/weights[{i}]" for i in range(3)])
    layout = pv.CreateLayout("Live")
    layout.SplitHorizontal(0, 0.5)  # cells 1 and 2
    layout.SplitVertical(1, 0.5)  # 3 above 4
    layout.SplitVertical(2, 0.5)  # 5 above 6
    for cell, view in zip((3, 5, 4, 6), views):
        layout.AssignView(cell, view)
    layout.SetSize(2 * demo.SIZE[0], 2 * demo.SIZE[1])
    return layout, views, lines, displays


def draw(step, layout, views, lines, displays, folder):
    for view, line, display in zip(views, lines, displays):
        line.Text = f"step {step}"
        if display.ColorArrayName[1] == "Group":  # has its colours; the legend lists those that are there
            pv.Render(view)
            pv.ColorBy(display, list(display.ColorArrayName))
        else:
            display.RescaleTransferFunctionToDataRange(False, True)
        if view is views[-1]:  # the path grows
            pv.ResetCamera(view)
            view.GetActiveCamera().Zoom(0.75)
        pv.Render(view)
    path = os.path.join(folder, f"live-{step:05d}.png")
    pv.SaveScreenshot(path, layout, ImageResolution=[2 * demo.SIZE[0], 2 * demo.SIZE[1]])
    print(f"step {step}: {os.path.relpath(path)}", flush=True)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    port, folder = int(sys.argv[1]), sys.argv[2]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    demo.start("demo_live.py")
    os.makedirs(folder, exist_ok=True)
    link, state = connect(port)
    sources = {name: live.ExtractCatalystData(link, name) for name in VIEWS}
    wait(lambda: state["closed"] or all(there(source) for source in sources.values()))
    if not all(there(source) for source in sources.values()):
        sys.exit("demo_live.py: tensorview-live did not send anything")
    arranged = arrange(sources)
    drawn = shown = None
    while not state["closed"]:
        wait(lambda: state["closed"] or state["step"] != shown)
        shown = state["step"]
        for source in sources.values():
            source.UpdatePipeline()
        if drawn is None or shown // every > drawn // every:
            draw(shown, *arranged, folder)
            drawn = shown
    if drawn != shown:
        draw(shown, *arranged, folder)
    print(f"The run is over; the last step seen is {shown}", flush=True)
    os._exit(0)  # ParaView's own end would try to tell a connection that is closed


if __name__ == "__main__":
    main()
