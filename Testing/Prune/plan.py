# SPDX-License-Identifier: BSD-3-Clause
"""prune(plan=...): what a table of SimilarityGroups says is what happens; wrong tables are sentences."""

import contextlib
import io
import unittest

import torch
from networks import Residual, make
from torch import nn

import tensorview.prune as prune

torch.set_num_threads(1)

# As ParaView's spreadsheet saves it, sorted by a click: names in quotes, nan, rows in any order.
CSV = """"Filter","Group","Representative","Correlation","Scale","Offset","State"
5,-1,5,1,1,0,-1
1,0,0,0.99,2,0.5,-1
0,0,0,1,1,0,-1
2,-1,2,1,1,0,-1
3,-1,-1,nan,nan,nan,-3
4,2,2,0.98,0.5,-1,-1
"""
MERGED = {1: (0, 2.0, 0.5), 4: (2, 0.5, -1.0)}  # filter: representative, scale, offset


def network():
    """Filters 1 and 4 are affine in 0 and 2, as the table says, and 3 gives nothing; linear between, so
    that this is true of what is read as well."""
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(2, 6, 3), nn.Conv2d(6, 4, 3)).double().eval()
    with torch.no_grad():
        weight, bias = model[0].weight, model[0].bias
        for filter_, (other, scale, offset) in MERGED.items():
            weight[filter_], bias[filter_] = scale * weight[other], scale * bias[other] + offset
        weight[3], bias[3] = 0, 0
    return model


def write(text, name="plan.csv"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


class Plan(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        self.x = torch.randn(64, 2, 8, 8, dtype=torch.float64)

    def prune(self, plan, model=None, **more):
        return prune.prune(model or network(), self.x, plan=plan, repair="none", **more)

    def test_a_table_is_done(self):
        model = network()
        small, report = self.prune({"0": write(CSV)}, model, way="affine")
        self.assertEqual([1, 4], report.layers[0]["removed"])
        self.assertEqual(4, len(small[0].weight))
        with torch.no_grad():
            self.assertLess(float((small(self.x) - model(self.x)).abs().max()), 1e-10)

    def test_into_whom_it_says(self):
        """`sum` adds the columns (the paper's equation 3) where the table says, against likeness too."""
        rows = {"Filter": [0, 1, 2, 3, 4, 5], "Representative": [0, 5, 2, 3, 5, 5]}
        small, _ = self.prune({"0": rows}, way="sum")
        weight = network()[1].weight.detach().clone()
        weight[:, 5] += weight[:, 1] + weight[:, 4]
        self.assertTrue(torch.allclose(weight[:, [0, 2, 3, 5]], small[1].weight, atol=1e-12))

    def test_what_has_gone_by_then_goes(self):
        """1 was merged into 0 in the run, 2 was pruned, and 4 goes into 1: into 0, that is."""
        rows = {"Filter": range(6), "Representative": [0, -1, -1, 3, 1, 5], "State": [-1, 0, -2, -3, -1, -1]}
        small, report = self.prune({"0": rows}, way="sum")
        self.assertEqual([1, 2, 4], report.layers[0]["removed"])
        weight = network()[1].weight.detach().clone()
        weight[:, 0] += weight[:, 1] + weight[:, 4]
        self.assertTrue(torch.allclose(weight[:, [0, 3, 5]], small[1].weight, atol=1e-12))

    def test_a_table_names_its_layer(self):
        rows = {"Filter": range(6), "Representative": [0, 5, 2, 3, 5, 5], "Layer": ["0"] * 6}
        named = CSV.replace('"State"', '"State","Layer"').replace(",-1\n", ",-1,0\n").replace(",-3\n", ",-3,0\n")
        for plan, gone in ((rows, [1, 4]), ([rows], [1, 4]), (write(named), [1, 4]), ([write(named)], [1, 4])):
            _, report = self.prune(plan)
            self.assertEqual(gone, report.layers[0]["removed"])
        for plan, sentence in (
            (write(CSV), "plan.csv.* does not say of which layer"),
            ({**rows, "Layer": ["0"] * 5 + ["1"]}, "does not say of which layer"),
            ([rows, rows], "is of 0, which another table is of, too"),
            ([], "plan must be"),
            (3, "plan must be"),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, sentence):
                self.prune(plan)

    def test_small_maps_are_told(self):
        rows = {"Filter": range(6), "Representative": [0, 5, 2, 3, 5, 5]}
        _, report = self.prune({"0": rows})
        self.assertIn("look whether the plan was made from such maps", " ".join(report.notes))

    def test_layers_that_are_added_go_together(self):
        self.x = self.x.float()
        rows = {"Filter": range(8), "Representative": [0, 0, 2, 3, 4, 5, 6, 3]}
        _, report = self.prune({"conv2": rows}, make(Residual), way="sum")
        gone = {row["layer"]: row["removed"] for row in report.layers}
        self.assertEqual({"stem.0": [1, 7], "conv1": [], "conv2": [1, 7]}, gone)
        other = {"Filter": range(8), "Representative": [0, 2, 2, 3, 4, 5, 6, 3]}
        with self.assertRaisesRegex(ValueError, "another layer, whose plan merges it elsewhere"):
            self.prune({"conv2": rows, "stem.0": other}, make(Residual))

    def test_wrong_tables(self):
        good = {"Filter": range(6), "Representative": [0, 0, 2, 3, 2, 5]}
        for change, sentence in (
            ({"Filter": [0, 1, 2, 3, 4, 4]}, "each filter from 0 to 5 once"),
            ({"Filter": range(5)}, "differ in length"),
            ({"Representative": [0, 0, 2, 3, 9, 5]}, "filter 4 cannot be merged into 9 of 6"),
            ({"Representative": [0, 0, 2, 3, 2.5, 5]}, "2.5, which is no whole number"),
            ({"Representative": [0, 0, 2, 3, float("nan"), 5]}, "nan, which is no whole number"),
            ({"Representative": [1, 0, 2, 3, 2, 5]}, "merged into each other"),
            ({"State": [-1, -1, -1, -1, -1, 6]}, "filter 5 has a state 6"),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, "plan of 0.*" + sentence):
                self.prune({"0": {**good, **change}})
        seven = {"Filter": range(7), "Representative": [0] * 7}
        for plan, sentence in (
            ({}, "plan must be"),
            ({"0": 3}, "must be the path of a CSV file"),
            ({"0": {"Filter": [0]}}, "no column Representative"),
            ({"0": seven}, "7 rows, and the layer 6 filters"),
            ({"5": seven}, "5 is no layer whose filters can go"),
            ({"0": write("", "empty.csv")}, "empty.csv.* is empty"),
            ({"0": write("Filter,Representative\n0\n", "short.csv")}, "short.csv.*row 2 has 1 columns"),
            ({"0": write("Filter,Representative\n0,x\n", "word.csv")}, "word.csv.*'x', which is no whole number"),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, sentence):
                self.prune(plan)
        with self.assertRaises(FileNotFoundError):
            self.prune({"0": "none.csv"})
        with self.assertRaisesRegex(ValueError, "one of ratio, budget, keep and plan"):
            self.prune({"0": good}, ratio=0.5)

    def test_from_the_shell(self):
        torch.save(network().float().state_dict(), "full.pt")
        torch.save(self.x.float(), "samples.pt")
        words = ["full.pt", "--model", "plan:single", "--samples", "samples.pt", "--plan"]
        for word, code, sentence in ((f"0={write(CSV)}", 0, ""), ("plan.csv", 1, "LAYER=FILE is needed")):
            err = io.StringIO()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
                self.assertEqual(code, prune.command([*words, word]), err.getvalue())
            self.assertIn(sentence, err.getvalue())


def single():
    return network().float()


if __name__ == "__main__":
    unittest.main()
