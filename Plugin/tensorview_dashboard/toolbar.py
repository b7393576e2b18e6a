# SPDX-License-Identifier: BSD-3-Clause
"""What the toolbar calls. Each call is one line of a trace, and that line runs in pvpython."""

from contextlib import contextmanager

from . import comparing, connecting, merging, selection, views
from .network import simple


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


def compare(names, style, link):
    from paraview import servermanager, smtrace

    runs = ""
    if servermanager.vtkSMTrace.GetActiveTracer() is not None:
        found = [smtrace.Trace.get_accessor(reader_of(name)) for name in names]
        runs = ", ".join(str(run) for run in found)
    with traced(f"tensorview_dashboard.compare([{runs}], style={style!r}, link={link!r})", None):
        comparing.compare([reader_of(name) for name in names], None, style, link)


def link(value):
    """Of the comparison that was made last, if its runs are still open."""
    for comparison in comparing.shown()[-1:]:
        with traced(f"tensorview_dashboard.comparing.shown()[-1].link = {value!r}", None):
            comparison.link = value


def fit_comparison():
    for comparison in comparing.shown()[-1:]:
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
    line = f"tensorview_dashboard.dashboard({{run}}, {layer!r})"
    if views.find(reader_of(name)) is None:
        line = f"tensorview_dashboard.comparing.of({{run}})[0].layer = {layer!r}"
    with traced(line, name):
        change(name, "layer", layer)


def merge(name):
    """Asks; TensorViewMerge.cxx looks for the answer."""
    found = views.find(reader_of(name))
    if isinstance(found, views.Dashboard):
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
    line = f"tensorview_dashboard.find({{run}}).style = {value!r}"
    if views.find(reader_of(name)) is None:
        line = f"tensorview_dashboard.comparing.of({{run}})[0].style = {value!r}"
    with traced(line, name):
        change(name, "style", value)
        for comparison in comparing.of(reader_of(name)):
            comparison.style = value


def change(name, what, value):
    """In the dashboard of a run; where it has none, in the comparisons that show it."""
    reader = reader_of(name)
    found = views.find(reader)
    for shown in [found] if found is not None else comparing.of(reader):
        if hasattr(shown, what):
            setattr(shown, what, value)


def select(name, source, port):
    """Marks in all views the filters that were picked in an output of one of them. source: its name
    in the pipeline; None: nothing is selected any more."""
    found = views.find(reader_of(name))
    if not isinstance(found, views.Dashboard):
        return
    picked = simple().FindSource(source) if source else None
    filters = selection.selected(found, picked, port) if picked else []
    with traced(f"tensorview_dashboard.find({{run}}).selected = {filters!r}", name):
        found.selected = filters
