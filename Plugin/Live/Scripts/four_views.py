# script-version: 2.0
# SPDX-License-Identifier: BSD-3-Clause
# All four views of one run, with similarity groups, at every step; for a viewer to look at.
#
#   tensorview-live RUN --script four_views.py         and in ParaView: Catalyst > Connect
from paraview.simple import *
from paraview import catalyst

tensors = TrivialProducer(registrationName="tensors")
history = TrivialProducer(registrationName="history")
groups = SimilarityGroups(registrationName="Similarity groups", Input=tensors, Threshold=0.97)
grouped = OutputPort(groups, 0)
views = [
    WeightGrid(registrationName="Weight grid", Input=grouped),
    ImageGrid(registrationName="Image grid", Input=grouped),
    DistributionGrid(registrationName="Distribution grid", Input=grouped),
    WeightTrajectory(registrationName="Weight trajectory", Input=history),
]

options = catalyst.Options()
options.EnableCatalystLive = 1
options.CatalystLiveURL = "localhost:22222"


def catalyst_execute(info):
    for view in views:
        view.UpdatePipeline(info.time)
