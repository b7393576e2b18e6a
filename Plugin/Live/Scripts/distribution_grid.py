# script-version: 2.0
# SPDX-License-Identifier: BSD-3-Clause
# The activations as distributions, each window in the colour of its filter's similarity group, and
# the table and the matrix of correlations behind it; for a viewer to look at.
#
#   tensorview-live RUN --script distribution_grid.py  and in ParaView: Catalyst > Connect
from paraview.simple import *
from paraview import catalyst

tensors = TrivialProducer(registrationName="tensors")
groups = SimilarityGroups(registrationName="Similarity groups", Input=tensors, Threshold=0.97)
grid = DistributionGrid(registrationName="Distribution grid", Input=OutputPort(groups, 0))

options = catalyst.Options()
options.EnableCatalystLive = 1
options.CatalystLiveURL = "localhost:22222"


def catalyst_execute(info):
    grid.UpdatePipeline(info.time)
