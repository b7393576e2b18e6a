# script-version: 2.0
# SPDX-License-Identifier: BSD-3-Clause
# The path of three weights through training, as far as it has come; for a viewer to look at.
#
#   tensorview-live RUN --script weight_trajectory.py  and in ParaView: Catalyst > Connect
#
# Which weights: tensorview-live --history conv1/weights:0,9,18
from paraview.simple import *
from paraview import catalyst

history = TrivialProducer(registrationName="history")
path = WeightTrajectory(registrationName="Weight trajectory", Input=history)

options = catalyst.Options()
options.EnableCatalystLive = 1
options.CatalystLiveURL = "localhost:22222"


def catalyst_execute(info):
    path.UpdatePipeline(info.time)
