# SPDX-License-Identifier: BSD-3-Clause
"""One selection in all views of a dashboard: whatever is picked, filters are marked, the same ones in
the grids, the table of groups and the matrix; a row of the table stands for its group."""

import os
import unittest

from paraview import servermanager
from paraview import simple as pv
from paraview.vtk.util.numpy_support import vtk_to_numpy

RUN = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
CELL, ROW = 1, 6


def pick(source, port, query, kind):
    """What a rubber band or Find Data leaves in an output."""
    from paraview.modules.vtkRemotingViews import vtkSMSelectionHelper
    from paraview.selection import _createSelection

    chosen = _createSelection("SelectionQuerySource", QueryString=query, ElementType=kind)
    appended = vtkSMSelectionHelper.NewAppendSelectionsFromSelectionSource(chosen.SMProxy)
    source.SMProxy.SetSelectionInput(port, appended, 0)
    appended.UnRegister(None)


def extracted(source, port, name):
    """The values of an array where an output is selected, by ParaView's own filter."""
    chosen = source.SMProxy.GetSelectionInput(port)
    if chosen is None:
        return []
    extract = servermanager.filters.ExtractSelection(
        Input=servermanager.OutputPort(source, port), Selection=servermanager._getPyProxy(chosen)
    )
    extract.UpdatePipeline(pv.GetTimeKeeper().Time)
    data = servermanager.Fetch(extract)
    if hasattr(data, "GetBlock"):
        data = data.GetBlock(0)
    kind = ROW if data.IsA("vtkTable") else CELL
    return sorted(set(vtk_to_numpy(data.GetAttributes(kind).GetArray(name)).tolist()))


class Selection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
        import tensorview_dashboard
        from tensorview_dashboard import toolbar

        cls.toolbar = toolbar
        cls.reader = pv.TensorSnapshotReader(registrationName="run", FileName=[RUN])
        cls.dashboard = tensorview_dashboard.dashboard(cls.reader, "conv1")

    def setUp(self):
        self.dashboard.selected = []

    def marked(self):
        """What is marked, in each place: it must be the same."""
        board = self.dashboard
        found = {
            tuple(extracted(part, port, "Filter"))
            for part, port in (
                (board.weights, 1), (board.images, 1), (board.distributions, 1), (board.groups, 3),
            )
        }
        self.assertEqual(1, len(found), found)
        return list(found.pop())

    def test_filters_are_marked_everywhere_and_no_more_when_none_is(self):
        self.dashboard.selected = [3, 7]
        self.assertEqual([3, 7], self.marked())
        self.assertEqual([3, 7], self.dashboard.selected)
        self.assertEqual(set(range(16)), set(extracted(self.dashboard.groups, 2, "Row")))
        self.dashboard.selected = []
        self.assertEqual([], self.marked())

    def test_pixels_blocks_and_curves_select_their_filters(self):
        for part, query in (
            ("images", "(Filter == 5) & (Row == 2)"),
            ("images", "(Filter >= 5) & (Filter <= 6) & (Column > 20)"),
            ("weights", "(Filter == 11) & (Row == 0) & (Column == 2)"),
        ):
            with self.subTest(part=part, query=query):
                source = getattr(self.dashboard, part)
                pick(source, 0, query, CELL)
                self.toolbar.select("run", f"lenet {part}", 0)
                self.assertEqual(extracted(source, 0, "Filter"), self.marked())
                source.SMProxy.CleanSelectionInputs(0)
        # A curve's cells have no filter: its points do.
        curves = self.dashboard.distributions
        pick(curves, 0, "(id == 4)", CELL)
        self.toolbar.select("run", "lenet distributions", 0)
        self.assertEqual([4], self.marked())
        curves.SMProxy.CleanSelectionInputs(0)

    def test_a_row_of_the_table_is_its_group(self):
        table = servermanager.Fetch(self.dashboard.groups, idx=3)
        groups = vtk_to_numpy(table.GetColumnByName("Group")).tolist()
        self.assertIn(0, groups)
        pick(self.dashboard.groups, 3, "(Filter == %d)" % groups.index(0), ROW)
        self.toolbar.select("run", "lenet groups", 3)
        self.assertEqual([f for f, group in enumerate(groups) if group == 0], self.marked())
        alone = groups.index(-1)
        pick(self.dashboard.groups, 3, f"(Filter == {alone})", ROW)
        self.toolbar.select("run", "lenet groups", 3)
        self.assertEqual([alone], self.marked())

    def test_a_cell_of_the_matrix_is_two_filters(self):
        pick(self.dashboard.groups, 2, "(Row == 2) & (Column == 9)", CELL)
        self.toolbar.select("run", "lenet groups", 2)
        self.assertEqual([2, 9], self.marked())

    def test_one_filter_has_its_weights_in_trajectory_and_history(self):
        self.dashboard.selected = [5]
        first = 5 * 9
        self.assertEqual(f"{first}-{first + 2}", self.reader.HistoryElements)
        columns = servermanager.Fetch(self.reader, idx=1)
        for i in range(3):
            self.assertIsNotNone(columns.GetColumnByName(f"conv1/weights[{first + i}]"))
        path = servermanager.Fetch(self.dashboard.trajectory, idx=2).GetColumn(0).GetValue(0)
        self.assertRegex(path, rf"^conv1/weights \[{first}\] \[{first + 1}\]")

    def test_filters_are_asked_for_by_stretches(self):
        import numpy as np
        from tensorview_dashboard.selection import query

        units = np.arange(20000)
        for wanted in ([3], [0, 1, 2, 9, 11, 12], list(range(100, 15000)) + [19999]):
            found = eval(query(["Filter"], wanted), {"Filter": units})
            self.assertEqual(wanted, units[found].tolist())
        self.assertEqual("(Row == 2) | (Column == 2)", query(["Row", "Column"], [2]))

    def test_another_layer_clears_what_no_longer_fits(self):
        pick(self.dashboard.weights, 0, "(Filter == 3)", CELL)
        self.toolbar.select("run", "lenet weights", 0)
        self.assertEqual([3], self.marked())
        self.dashboard.layer = "conv2"
        self.assertEqual([], self.marked())
        self.assertIsNone(self.dashboard.weights.SMProxy.GetSelectionInput(0))
        self.assertEqual("0-2", self.reader.HistoryElements)
        self.dashboard.layer = "conv1"


if __name__ == "__main__":
    unittest.main()
