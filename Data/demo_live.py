"""The viewer of `bash Data/demo.sh --live`: the four views of a training run while it goes on, and a
picture of them at every hundredth step.

    pvpython Data/demo_live.py PORT FOLDER [EVERY]

tensorview-live with Plugin/Live/Scripts/four_views.py connects to it. Anything that pvpython or the
ParaView GUI can do with a source can be done with these.
"""

import os
import sys
import time

import paraview.simple as pv
from paraview import live

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
VIEWS = ["Weight grid", "Image grid", "Distribution grid", "Weight trajectory"]


def connect(port):
    """The link to tensorview-live; held at its first step until we have said what to look at."""
    state = {"connected": False, "closed": False, "step": -1}
    link = live.ConnectToCatalyst("localhost", port)
    live.PauseCatalyst(link, True)
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


def new_view(title):
    view = pv.CreateRenderView()
    view.UseColorPaletteForBackground = 0
    view.Background = [1.0, 1.0, 1.0]
    view.OrientationAxesVisibility = 0
    view.CenterAxesVisibility = 0
    text = pv.Text(Text=title)
    display = pv.Show(text, view, "TextSourceRepresentation")
    display.WindowLocation = "Upper Left Corner"
    display.FontSize = 20
    display.Color = [0.0, 0.0, 0.0]
    return view, text


def arrange(sources):
    """Each source in a view of its own, two by two."""
    layout = pv.CreateLayout("Live")
    views, texts, displays = [], [], []
    for name, source in sources.items():
        view, text = new_view(name)
        display = pv.Show(source, view)
        displays.append(display)
        if name == "Weight trajectory":
            display.LineWidth = 3
            pv.ColorBy(display, ("POINTS", "Step"))
        elif name == "Weight grid":
            display.Ambient, display.Diffuse = 0.35, 0.75
        view.CameraParallelProjection = 1
        views.append(view)
        texts.append(text)
    layout.SplitHorizontal(0, 0.5)  # cells 1 and 2
    layout.SplitVertical(1, 0.5)  # 3 above 4
    layout.SplitVertical(2, 0.5)  # 5 above 6
    for cell, view in zip((3, 5, 4, 6), views):
        layout.AssignView(cell, view)
    layout.SetSize(1200, 1000)
    return layout, views, texts, displays


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    if not os.environ.get("DISPLAY"):
        sys.exit("demo_live.py: ParaView draws on a display only; start this with xvfb-run -a")
    port, folder = int(sys.argv[1]), sys.argv[2]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    plugin = os.environ.get("TENSORVIEW_PLUGIN") or os.path.join(TOP, "build/lib/TensorView/TensorView.so")
    pv._DisableFirstRenderCameraReset()
    pv.LoadPlugin(os.path.abspath(plugin), remote=False, ns=pv.__dict__)
    os.makedirs(folder, exist_ok=True)
    link, state = connect(port)
    sources = {name: live.ExtractCatalystData(link, name) for name in VIEWS}
    live.PauseCatalyst(link, True)
    link.InvokeCommand("LiveChanged")

    def there(source):
        source.UpdatePipeline()
        data = source.GetClientSideObject().GetOutputDataObject(0)
        return data.GetClassName() != "vtkDataObject"

    if not wait(lambda: state["closed"] or all(there(source) for source in sources.values())) or state["closed"]:
        sys.exit("demo_live.py: tensorview-live did not send anything")
    layout, views, texts, displays = arrange(sources)
    live.PauseCatalyst(link, False)
    shown = -1
    while not state["closed"]:
        wait(lambda: state["closed"] or state["step"] > shown)
        step = state["step"]
        if step == shown:
            break
        picture = step // every > shown // every or shown < 0
        shown = step
        if not picture:
            continue
        for name, view, text, display in zip(VIEWS, views, texts, displays):
            sources[name].UpdatePipeline()
            text.Text = f"{name}, step {step}"
            if name != "Distribution grid":  # its groups have colours of their own
                display.RescaleTransferFunctionToDataRange(False, True)
            pv.ResetCamera(view)
            pv.Render(view)
        path = os.path.join(folder, f"live-{step:05d}.png")
        pv.SaveScreenshot(path, layout, ImageResolution=[1200, 1000])
        print(f"step {step}: {os.path.relpath(path)}", flush=True)
    print(f"The run is over; the last step seen is {shown}", flush=True)
    sys.stdout.flush()
    os._exit(0)  # ParaView's own end would try to tell a connection that is closed


if __name__ == "__main__":
    main()
