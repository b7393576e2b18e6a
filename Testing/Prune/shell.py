# SPDX-License-Identifier: BSD-3-Clause
"""`tensorview prune` as a function: a checkpoint in, a smaller one out, mistakes as sentences."""

import contextlib
import io
import os
import sys
import unittest

import numpy
import torch
from networks import Residual, make

import tensorview.prune as prune

torch.set_num_threads(1)


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = prune.command(list(words))
    return code, out.getvalue(), err.getvalue()


class Shell(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.x = torch.randn(64, 2, 8, 8)
        torch.save({"state_dict": make(Residual).state_dict()}, "full.pt")
        numpy.save("samples.npy", self.x.numpy())

    def test_a_checkpoint(self):
        words = ("full.pt", "--model", "networks:Residual", "--samples", "samples.npy", "--output", "small.pt")
        for how in (("--ratio", "0.5"), ("--budget", "0.5"), ("--parameters", "0.5")):
            code, out, err = run(*words, *how)
            self.assertEqual((0, ""), (code, err))
            self.assertIn("multiply-adds of one sample", out)
            small = prune.resize(Residual(), torch.load("small.pt")).eval()
            self.assertLess(sum(p.numel() for p in small.parameters()), sum(p.numel() for p in Residual().parameters()))
        small, _ = prune.prune(make(Residual), self.x, budget={"parameters": 0.5})
        found = prune.resize(Residual(), torch.load("small.pt")).eval()
        self.assertLess(float((small(self.x) - found(self.x)).abs().max()), 1e-5)

    def test_mistakes(self):
        with open("broken.pt", "wb") as file:
            file.write(b"no checkpoint")
        torch.save(make(Residual), "code.pt")  # a whole object: would run code when it is read
        given = {"--model": "networks:Residual", "--samples": "samples.npy", "--ratio": "0.5"}
        for checkpoint, change, sentence in (
            ("none.pt", {}, "none.pt"),
            ("broken.pt", {}, "broken.pt is no file of arrays"),
            ("code.pt", {}, "code.pt is no file of arrays"),
            ("full.pt", {"--model": "networks"}, "networks is no MODULE:FUNCTION"),
            ("full.pt", {"--model": "networks:Nothing"}, "networks has no function Nothing"),
            ("full.pt", {"--samples": "none.npy"}, "none.npy"),
            ("full.pt", {"--ratio": "1.5"}, "ratio must be"),
        ):
            words = [word for pair in {**given, **change}.items() for word in pair]
            with self.subTest(checkpoint=checkpoint, change=change):
                code, out, err = run(checkpoint, *words)
                self.assertEqual((1, ""), (code, out))
                self.assertIn(sentence, err)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    unittest.main()
