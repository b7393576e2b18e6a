# script-version: 2.0
# SPDX-License-Identifier: BSD-3-Clause
# The weights of the first layer as blocks, blue negative, red positive; for a viewer to look at.
#
#   tensorview-live RUN --script weight_grid.py        and in ParaView: Catalyst > Connect
from paraview.simple import *
from paraview import catalyst

tensors = TrivialProducer(registrationName="tensors")
grid = WeightGrid(registrationName="Weight grid", Input=tensors)

options = catalyst.Options()
options.EnableCatalystLive = 1
options.CatalystLiveURL = "localhost:22222"


def catalyst_execute(info):
    grid.UpdatePipeline(info.time)
