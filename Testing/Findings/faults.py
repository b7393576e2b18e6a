# SPDX-License-Identifier: BSD-3-Clause
"""Planted faults, each found at the right layer, unit and step; and nothing in the healthy twins.

Small real trainings (trainings.py), written as run files by h5py. faults.py [SEEDS], one by default; ctest takes three.
"""

import sys
import unittest

import findings
import trainings

SEEDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 1
LAST = trainings.STEPS - 1


class Faults(unittest.TestCase):
    maxDiff = None

    def runs(self, fault):
        for seed in range(SEEDS):
            recorder = trainings.train(fault, seed)
            recorder.write(f"{fault}{seed}.tvh5")
            with self.subTest(fault=fault, seed=seed):
                yield recorder, findings.find(f"{fault}{seed}.tvh5")

    def places(self, found, fault):
        return [(f.layer, f.unit, f.since, f.until) for f in found if f.fault == fault]

    def check_dead(self, recorder, found, layers=("conv1", "conv2", "fc1")):
        """What torch says died for good, and for ten records at least, is found where it did."""
        for layer in layers:
            truth = {u: since for u, since in recorder.dead(layer).items() if since <= LAST - 9}
            told = [f for f in found if f.fault == "dead" and f.layer == layer]
            for unit, since in truth.items():
                mine = [f for f in told if f.unit in (unit, -1) and f.until == LAST]
                self.assertEqual(1, len(mine), f"{layer} unit {unit}, dead since {since}: {told}")
                if mine[0].unit >= 0:  # a layer's row begins with its last unit; pauses are bridged
                    self.assertLessEqual(mine[0].since, since + 20)
            for f in told:
                if f.until == LAST and f.unit >= 0:
                    self.assertIn(f.unit, recorder.dead(layer))

    def test_healthy(self):
        for fault in ("healthy", "clipped"):
            for _, found in self.runs(fault):
                self.assertEqual([], found)

    def test_a_learning_rate_fifty_times_too_large(self):
        for recorder, found in self.runs("adam"):
            self.check_dead(recorder, found)
            self.assertGreater(len(self.places(found, "dead")), 5)
            self.assertTrue(self.places(found, "stuck"))

    def test_sgd_with_half(self):
        for recorder, found in self.runs("sgd"):
            self.check_dead(recorder, found)
            whole = [f for f in found if f.fault == "dead" and f.unit == -1]
            self.assertTrue(whole, "a layer that died as a whole is one row")
            died = max(recorder.dead(whole[-1].layer).values())
            stuck = [f.since for f in found if f.fault == "stuck"]
            self.assertLessEqual(min(stuck), died + 20, "nobody says that no gradient arrives")

    def test_a_bias_of_minus_ten(self):
        for _, found in self.runs("bias"):
            self.assertEqual([("conv2", -1, 0, LAST)], self.places(found, "dead"))
            never = {f.layer for f in found if f.fault == "never updated" and f.unit == -1}
            self.assertEqual({"conv1", "conv2", "fc1"}, never)

    def test_a_frozen_layer(self):
        for _, found in self.runs("frozen"):
            self.assertIn(("conv1", -1, 0, LAST), self.places(found, "never updated"))
            self.assertNotIn("conv2", [f.layer for f in found])

    def test_an_unused_branch(self):
        for _, found in self.runs("unused"):
            self.assertEqual([("branch", -1, 0, LAST)], self.places(found, "never updated"))

    def test_a_weight_that_is_nan_at_step_137(self):
        for _, found in self.runs("nan"):
            bad = self.places(found, "not finite")
            weights = [f for f in found if f.fault == "not finite" and "of its weights" in f.sentence]
            self.assertEqual([("fc1", 3)], [(f.layer, f.unit) for f in weights if f.since == 137])
            self.assertEqual(137, min(since for _, _, since, _ in bad))

    def test_gradients_that_explode(self):
        for recorder, found in self.runs("explode"):
            steps = [since for layer, _, since, _ in self.places(found, "exploding") if "rnn" in layer]
            self.assertTrue(steps)
            norms = [float((g.astype("f8") ** 2).sum()) ** 0.5
                     for g in recorder.values["rnn_hh_l0/gradients"]]  # fmt: skip
            truth = next(k for k in range(1, len(norms)) if norms[k] >= 100 * max(norms[:k]))
            self.assertIn(truth, steps)

    def test_two_filters_that_are_copies(self):
        for _, found in self.runs("copy"):
            self.assertEqual([("conv2", 7, 0, LAST)], self.places(found, "redundant"))
            (one,) = [f for f in found if f.fault == "redundant"]
            self.assertIn("unit 2", one.sentence)

    def test_sentences(self):
        for _, found in self.runs("bias"):
            for f in found:
                self.assertTrue(f.sentence.startswith(f.layer + ", "), f.sentence)
                self.assertIn(f"from step {f.since} to {f.until}", f.sentence)


if __name__ == "__main__":
    unittest.main()
