# script-version: 2.0
# SPDX-License-Identifier: BSD-3-Clause
# The activations of the first layer that has any, as pictures; for a viewer to look at.
#
#   tensorview-live RUN --script image_grid.py         and in ParaView: Catalyst > Connect
from paraview.simple import *
from paraview import catalyst

tensors = TrivialProducer(registrationName="tensors")
grid = ImageGrid(registrationName="Image grid", Input=tensors)
# The viewer gets all of this at every step. Without Filter, Row, Column, ... it is a sixth as much;
# turn them on where pixels are to be picked.
grid.IndexArrays = "Off"

options = catalyst.Options()
options.EnableCatalystLive = 1
options.CatalystLiveURL = "localhost:22222"


def catalyst_execute(info):
    grid.UpdatePipeline(info.time)
