# SPDX-License-Identifier: BSD-3-Clause
"""Several processes, threads and devices."""

import threading
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from support import Case, array, read, small
from torch import nn
from torch.nn import functional

import tensorview
from tensorview import _host


def part_of_ddp(rank, meeting, path, results):
    """One of two processes; leaves its losses and weights in a file."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    torch.manual_seed(rank)
    net = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5)))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    run = tensorview.watch(net, optimizer, path, every=1) if path else None
    losses, gradients = [], []
    for _ in range(3):
        loss = functional.cross_entropy(net(torch.randn(4, 6)), torch.randint(0, 5, (4,)))
        optimizer.zero_grad()
        loss.backward()
        gradients.append(array(net.module[0].weight.grad).copy())
        optimizer.step()
        losses.append(loss.item())
        if run:
            run.log(loss=loss)
    if run:
        run.close()
    torch.save((losses, gradients, net.module.state_dict()), f"{results}-{rank}")
    torch.distributed.destroy_process_group()


class Distributed(Case):
    def test_two_processes_of_which_rank_0_records(self):
        results = [self.path.with_name(name) for name in ("plain", "watched")]
        for result, path in zip(results, (None, str(self.path))):
            meeting = self.path.with_name("meeting").resolve()
            torch.multiprocessing.start_processes(
                part_of_ddp, (str(meeting), path, str(result)), nprocs=2, start_method="fork"
            )
            meeting.unlink(missing_ok=True)
        for rank in range(2):
            plain, watched = (torch.load(f"{result}-{rank}") for result in results)
            self.assertEqual(plain[0], watched[0])
            for name, value in plain[2].items():
                self.assertTrue(torch.equal(value, watched[2][name]))
            recorded = read(self.path)
            if rank == 0:
                self.assertEqual(watched[0], list(recorded["scalars/loss"].values()))
            for step, gradient in enumerate(watched[1]):  # of all processes, the same in each
                np.testing.assert_array_equal(gradient, recorded["0/gradients"][step])
        for left in self.path.parent.iterdir():
            left.unlink()


class OnTheWay(Case):
    """Copies to the host. There is no GPU here: what one would do is played by a stub."""

    def test_a_copy_from_a_device_is_fetched_when_it_is_written(self):
        done = []

        class Event:
            def record(self, stream):
                done.append(("recorded", stream))

            def synchronize(self):
                done.append("waited for")

        class Device:
            """A tensor on a GPU, as far as fetch() looks at it."""

            device, shape, dtype = SimpleNamespace(type="cuda"), (3,), torch.float32
            contiguous = lambda self: torch.tensor([1.0, 2.0, 3.0])

        gpu = SimpleNamespace(is_available=lambda: True, current_stream=lambda device: "stream", Event=Event)
        with mock.patch.object(torch, "empty", lambda shape, dtype, pin_memory: torch.zeros(shape) * pin_memory):
            host, arrived = _host.fetch(Device(), gpu)
        self.assertEqual([("recorded", "stream")], done)
        arrived()
        self.assertEqual("waited for", done[-1])
        self.assertEqual([1, 2, 3], host.tolist())

    def test_a_copy_is_of_that_moment(self):
        value = torch.ones(2, 3).t()
        copied = _host.Copy(value, "float64")
        value.zero_()
        self.assertEqual(24, copied.nbytes)
        np.testing.assert_array_equal(np.ones((3, 2)), copied())
        own = torch.ones(3)
        self.assertEqual(own.data_ptr(), _host.Copy(own, "float32", own=True)().ctypes.data)

    def test_activations_of_replicas_in_threads_are_one_sum(self):
        net, x = small(), torch.randn(8, 3, 8, 8)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with tensorview.watch(net, optimizer, self.path, every=1):
            halves = [threading.Thread(target=net, args=(half,)) for half in x.split(4)]
            for half in halves:  # what DataParallel does, on one device
                half.start()
            for half in halves:
                half.join()
            net[0].weight.grad = torch.zeros_like(net[0].weight)
            optimizer.step()
        recorded = read(self.path)
        np.testing.assert_allclose(array(net[0](x).sum(0)), recorded["0/activations"][0], rtol=1e-4, atol=1e-5)
        self.assertNotIn("0/activations_2", recorded)

    def test_data_parallel_without_a_gpu(self):
        self.check_wrapped(nn.DataParallel)

    def check_wrapped(self, wrapper):
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with tensorview.watch(wrapper(net), optimizer, self.path, every=1):
            wrapper(net)(torch.randn(2, 3, 8, 8)).mean().backward()
            optimizer.step()
        self.assertIn("0/weights", read(self.path))

    def test_names_under_torch_compile(self):
        class Compiled(nn.Module):  # torch 1.13 has no compile: what it wraps a module in
            def __init__(self, inner):
                super().__init__()
                self._orig_mod = inner

            def forward(self, x):
                return self._orig_mod(x)

        self.check_wrapped(Compiled)


if __name__ == "__main__":
    import unittest

    unittest.main()
