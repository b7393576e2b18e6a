# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of a training that goes on, out of shared memory."""

import time

from . import views
from .network import go_to_last, simple, strings, text

RING = "ring:"


def reader_of_ring(pv, name):
    """The reader that there is of the training of that name, or None."""
    for source in pv.GetSources().values():
        files = source.SMProxy.GetProperty("FileName")
        kind = source.SMProxy.GetXMLName()
        if files and kind == "TensorSnapshotReader" and text(source, "FileName") == RING + name:
            return source
    return None


def wait_for_two(reader):
    """Until two steps of the training were seen, two seconds at most: a chart draws no line through
    one."""
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        reader.SMProxy.MarkDirty(reader.SMProxy)
        reader.UpdatePipelineInformation()
        reader.UpdatePipeline()
        if reader.SMProxy.GetDataInformation(1).GetNumberOfRows() > 1:
            return
        time.sleep(0.05)


def connect(name, style="light"):
    """Shows the training that has the channel of that name, on this machine, or on the server's
    where there is one, and follows it. Called again it takes hold of the training anew: of the next
    one of that name, say. Returns a Dashboard; ValueError where there is no such training."""
    pv = simple()
    reader = reader_of_ring(pv, name)
    made = reader is None
    if made:
        reader = pv.TensorSnapshotReader(
            registrationName=name + " (live)", FileName=[RING + name], Follow=1
        )
        reader.FollowInterval = 3.0  # all views are drawn anew: that takes a second or two
    else:
        reader.Follow = 1
        reader.SMProxy.InvokeCommand("Refresh")
    reader.UpdatePipelineInformation()
    if not strings(reader, "TensorInfo"):
        if made:
            pv.Delete(reader)
        raise ValueError(f'there is no training of the name "{name}" in shared memory')
    wait_for_two(reader)
    go_to_last(pv)
    return views.dashboard(reader, style=style)
