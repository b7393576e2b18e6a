# SPDX-License-Identifier: BSD-3-Clause
"""Words that prune() and the shell know, without torch."""

WAYS = ("remove", "sum", "affine", "reconstruct")  # see merge.py
REPAIRS = ("none", "norms", "layers", "match")  # see repair.py
ORDERS = ("output", "magnitude")  # see choose.py
