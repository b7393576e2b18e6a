# SPDX-License-Identifier: BSD-3-Clause
"""Watches that are opened and closed leave nothing: no memory, threads, descriptors or hooks.

300 of them; TENSORVIEW_LEAKS says another number, e.g. 10000.
"""

import gc
import os
import threading
import unittest

import torch
from support import Case
from torch import nn

import tensorview

TIMES = int(os.environ.get("TENSORVIEW_LEAKS", "300"))


def resident():
    """Bytes of this process that lie in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Leaks(Case):
    def test_many_watches(self):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x = torch.randn(2, 3, 8, 8)

        def once():
            with tensorview.watch(net, optimizer, self.path, every=1, overwrite=True) as run:
                net(x).mean().backward()
                optimizer.step()
                run.log(loss=1.0)

        for _ in range(50):
            once()
        gc.collect()
        before = resident(), threading.active_count(), len(os.listdir("/proc/self/fd"))
        for _ in range(TIMES):
            once()
        gc.collect()
        grown = resident() - before[0]
        # One record of this network and its copies are 30 kB: kept, they would be 9 MB in 300.
        self.assertLess(grown, TIMES * 10_000 + 2_000_000)
        self.assertEqual(before[1:], (threading.active_count(), len(os.listdir("/proc/self/fd"))))
        self.assertEqual(0, len(net._forward_pre_hooks) + sum(len(m._forward_hooks) for m in net.modules()))
        print(f"{TIMES} watches: {grown / TIMES:.0f} bytes each")

    def test_a_run_that_nobody_holds_is_closed(self):
        before = len(os.listdir("/proc/self/fd"))
        run = tensorview.Run(self.path)
        run.write(run.declare("a", "weights", "o", [3]), 0, [1, 2, 3])
        del run
        gc.collect()
        self.assertEqual(before, len(os.listdir("/proc/self/fd")))


if __name__ == "__main__":
    unittest.main()
