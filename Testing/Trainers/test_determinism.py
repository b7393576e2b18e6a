# SPDX-License-Identifier: BSD-3-Clause
"""The same seed and one thread give the same data; another seed others; two threads nearly the
same. A run that is watched differs from one that is not by nothing but its time stamps."""

import subprocess

import numpy as np

from trainer import FASHION, Run, check, train

COMMON = ["--data", FASHION, "--steps", 40, "--samples", 3000, "--record-activations", 20, "--overwrite"]


def same(a, b):
    # How far it was flushed at which second is no part of the data.
    return subprocess.run(["h5diff", "-q", "--exclude-path", "/complete", a, b]).returncode == 0


train(*COMMON, "--output", "a.tvh5", "--seed", 3)
train(*COMMON, "--output", "b.tvh5", "--seed", 3, "--flush", 0)
train(*COMMON, "--output", "c.tvh5", "--seed", 4)
train(*COMMON, "--output", "d.tvh5", "--seed", 3, "--threads", 2)
check(same("a.tvh5", "b.tvh5"), "the same seed gave other data")
check(not same("a.tvh5", "c.tvh5"), "another seed gave the same data")
one, two = Run("a.tvh5")["conv1/weights"], Run("d.tvh5")["conv1/weights"]
check(np.array_equal(one[0], two[0]), "the first weights depend on the number of threads")
check(np.abs(one - two).max() < 2e-2, "two threads learn something else than one")
