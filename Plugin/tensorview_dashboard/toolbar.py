# SPDX-License-Identifier: BSD-3-Clause
"""What the toolbar calls. Each call is one line of a trace, and that line runs in pvpython."""

from contextlib import contextmanager

from . import comparing, connecting, merging, selection, views
from .network import simple

last = []  # the comparison that was made last


@contextmanager
def traced(line, name):
    """Writes the line to the trace, where there is one, and keeps all that it does out of it.
    {run} in it becomes the name that the reader has there; name is None where there is none."""
    from paraview import servermanager, smtrace

    if servermanager.vtkSMTrace.GetActiveTracer() is None:
        yield
        return
    if name is not None:
        line = line.format(run=smtrace.Trace.get_accessor(simple().FindSource(name)))
    text = ["# the TensorView dashboard", "import tensorview_dashboard", line]
    smtrace.Trace.Output.append_separated(text)
    block = smtrace._create_trace_item_internal("BlockTraceItems")
    try:
        yield
    finally:
        del block


def reader_of(name):
    reader = simple().FindSource(name)
    if reader is None:
        raise ValueError(f'there is no run "{name}" in the pipeline')
    return reader


def show(name, style):
    with traced(f"tensorview_dashboard.dashboard({{run}}, style={style!r})", name):
        views.dashboard(reader_of(name), style=style)


def connect(name, style):
    with traced(f"tensorview_dashboard.connect({name!r}, style={style!r})", None):
        connecting.connect(name, style)


def compare(names, style):
    from paraview import servermanager, smtrace

    runs = ""
    if servermanager.vtkSMTrace.GetActiveTracer() is not None:
        found = [smtrace.Trace.get_accessor(reader_of(name)) for name in names]
        runs = ", ".join(str(run) for run in found)
    with traced(f"tensorview_dashboard.compare([{runs}], style={style!r})", None):
        last[:] = [comparing.compare([reader_of(name) for name in names], style=style)]


def fit_comparison():
    for comparison in last:
        comparison.fit()


def fit(name):
    found = views.find(reader_of(name))
    if found is not None:
        found.fit()


def grow(name):
    """The path of a training is longer than when it was fitted into its view."""
    found = views.find(reader_of(name))
    if found is not None:
        found.show_history()


def layer(name, layer):
    with traced(f"tensorview_dashboard.dashboard({{run}}, {layer!r})", name):
        change(name, "layer", layer)


def merge(name):
    """Asks; TensorViewMerge.cxx looks for the answer."""
    found = views.find(reader_of(name))
    if found is not None:
        layer, merges = merging.plan(found)
        with traced(f"tensorview_dashboard.merge({{run}}, {merges!r}, {layer!r})", name):
            merging.ask(found, layer, merges)


def threshold(name, value):
    with traced(f"tensorview_dashboard.find({{run}}).threshold = {value!r}", name):
        change(name, "threshold", value)


def metric(name, value):
    with traced(f"tensorview_dashboard.find({{run}}).metric = {value!r}", name):
        change(name, "metric", value)


def style(name, value):
    with traced(f"tensorview_dashboard.find({{run}}).style = {value!r}", name):
        change(name, "style", value)


def change(name, what, value):
    found = views.find(reader_of(name))
    if found is not None:
        setattr(found, what, value)


def select(name, source, port):
    """Marks in all views the filters that were picked in an output of one of them. source: its name
    in the pipeline; None: nothing is selected any more."""
    found = views.find(reader_of(name))
    if found is None:
        return
    picked = simple().FindSource(source) if source else None
    filters = selection.selected(found, picked, port) if picked else []
    with traced(f"tensorview_dashboard.find({{run}}).selected = {filters!r}", name):
        found.selected = filters
