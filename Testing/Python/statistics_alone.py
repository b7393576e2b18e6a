# SPDX-License-Identifier: BSD-3-Clause
"""Statistics of every unit without the tensors: run.observe and watch(log="statistics"), by numpy."""

import unittest
from unittest import mock

import numpy as np
import torch
from support import Case, classifier, read, small, train

import tensorview
from tensorview import kernels
from tensorview.kernels import MEASURES


def expected(values, previous=None, batch=False):
    """values: [units, numbers], or [samples, units, numbers] of a batch."""
    silent = (values == 0).all(2).mean(0) if batch else np.full(len(values), np.nan)
    flat = values.swapaxes(0, 1).reshape(values.shape[1], -1) if batch else values
    flat = flat.astype("f8")
    moved = np.full(len(flat), np.nan) if previous is None else np.sqrt(((flat - previous) ** 2).mean(1))
    rows = [flat.mean(1), np.sqrt((flat**2).mean(1)), flat.min(1), flat.max(1), (flat == 0).mean(1)]
    return np.stack([*rows, np.zeros(len(flat)), moved, silent], 1)


class Turned(torch.nn.Module):
    """Maps as a sequence whose axis of steps is slower in memory than that of samples."""

    def forward(self, x):
        return x.flatten(2).permute(2, 0, 1).contiguous().transpose(0, 1)


class Observing(Case):
    def test_run_observe(self):
        random = np.random.default_rng(0)
        weights = random.normal(size=(3, 4, 2, 3, 3)).astype("f4")
        maps = np.maximum(random.normal(size=(3, 5, 4, 2, 2)), 0).astype("f4")
        maps[:, :, 2], weights[1, 0] = 0, 0
        with tensorview.Run(self.path) as run:
            run.declare_statistics("a", "weights", "oihw", (4, 2, 3, 3))
            of_maps = run.declare_statistics("a", "activations", "nchw", maps[0].shape)
            for step in range(3):
                run.observe("a/weights", step, weights[step])
                run.observe(of_maps, step, maps[step])
            with self.assertRaises(ValueError):
                run.observe("a/weights", 3, weights[0, :, :, 0])
        recorded = read(self.path)
        for step in range(3):
            previous = weights[step - 1].reshape(4, -1) if step else None
            wanted = expected(weights[step].reshape(4, -1), previous)
            np.testing.assert_allclose(recorded["a/weights_statistics"][step], wanted, rtol=1e-5, atol=1e-6)
            wanted = expected(maps[step].reshape(5, 4, -1), batch=True)
            np.testing.assert_allclose(recorded["a/activations_statistics"][step], wanted, rtol=1e-5, atol=1e-6)
        self.assertEqual(8, len(MEASURES))

    def test_watch(self):
        make = classifier(small, 3, 8, 8)
        plain = train(make, steps=4)
        watched = train(make, self.path, steps=4, log=["statistics", "activations"], every=2)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertNotIn("0/weights", recorded)
        for name in ("0/weights", "0/gradients", "4/bias", "4/bias_gradients"):
            seen = {step: values.reshape(len(values), -1) for step, values in watched.seen[name].items()}
            for step in range(4):
                moves = step and "gradients" not in name
                wanted = expected(seen[step], seen[step - 1] if moves else None)
                got = recorded[f"{name}_statistics"][step]
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6, err_msg=name)
        self.assertEqual([0, 1, 2, 3], list(recorded["1/activations_statistics"]))
        self.assertEqual([0, 2], list(recorded["1/activations"]))
        mean = recorded["1/activations_statistics"][0][:, MEASURES.index("mean")]
        sums = recorded["1/activations"][0].reshape(8, -1)
        np.testing.assert_allclose(mean, sums.mean(1) / 4, rtol=1e-5)

    def test_what_changes_from_step_to_step(self):
        """Tensors are looked for where they lay at the step before: moved ones are found again, those
        in another order or type are read as they are, those that are missing have no record."""
        net = torch.nn.Sequential(
            torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(4), torch.nn.Linear(4, 2)
        )
        net(torch.randn(1, 3, 6, 6))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        outputs, wanted = {}, {}
        with tensorview.watch(net, optimizer, self.path, log="statistics"):
            net[1].register_forward_hook(lambda module, inputs, output: outputs.update(relu=output.detach().clone()))
            for step, batch in enumerate((4, 4, 2, 7, 4, 4, 4, 4, 4)):
                optimizer.zero_grad(set_to_none=step % 2 == 0)
                if step == 2:
                    net[0].weight.data = net[0].weight.data.clone()
                if step == 4:
                    net.to(memory_format=torch.channels_last)
                if step == 6:
                    net.double()
                values = torch.randn(batch, 3, 6, 6, dtype=net[0].weight.dtype)
                net(values).square().mean().backward()
                if step in (3, 5):
                    net[4].weight.grad = None
                self.expect(wanted, step, net, outputs["relu"])
                optimizer.step()
        recorded = read(self.path)
        for name, steps in wanted.items():
            got = recorded[f"{name}_statistics"]
            self.assertEqual(sorted(steps), sorted(got), name)
            for step, rows in steps.items():
                np.testing.assert_allclose(got[step], rows, rtol=1e-5, atol=1e-6, err_msg=f"{name} {step}")

    def expect(self, wanted, step, net, relu):
        for name, tensor in (("0", net[0].weight), ("3", net[3].weight), ("4", net[4].weight)):
            now = tensor.detach().clone().contiguous().numpy().reshape(len(tensor), -1)
            kept = self.__dict__.setdefault("kept", {})
            before = kept.get(name)
            before = None if before is None or before.dtype != now.dtype else before
            wanted.setdefault(f"{name}/weights", {})[step] = expected(now, before)
            kept[name] = now
            if tensor.grad is not None:
                gradient = tensor.grad.clone().contiguous().numpy().reshape(len(tensor), -1)
                wanted.setdefault(f"{name}/gradients", {})[step] = expected(gradient)
        maps = relu.contiguous().numpy()
        wanted.setdefault("1/activations", {})[step] = expected(maps.reshape(*maps.shape[:2], -1), batch=True)

    def test_two_optimizers(self):
        first, second = small(), small()
        optimizers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in (first, second)]
        outputs, wanted = {}, {}
        with tensorview.watch({"a": first, "b": second}, optimizers, self.path, log="statistics"):
            for net, name in ((first, "a"), (second, "b")):
                net[1].register_forward_hook(
                    lambda module, inputs, output, name=name: outputs.update({name: output.detach().clone()})
                )
            for step in range(4):
                for name, net, optimizer in zip("ab", (first, second), optimizers):
                    optimizer.zero_grad()
                    net(torch.randn(3, 3, 8, 8)).square().mean().backward()
                    if step < 3 or name == "a":
                        maps = outputs[name].numpy()
                        rows = expected(maps.reshape(*maps.shape[:2], -1), batch=True)
                        wanted[name, step] = rows
                        optimizer.step()
        recorded = read(self.path)
        for (name, step), rows in wanted.items():
            got = recorded[f"{name}.1/activations_statistics"][step]
            np.testing.assert_allclose(got, rows, rtol=1e-5, atol=1e-6, err_msg=f"{name} {step}")
        self.assertEqual([0, 1, 2, 3], sorted(recorded["a.0/gradients_statistics"]))
        self.assertEqual([0, 1, 2], sorted(recorded["b.0/gradients_statistics"]))

    def test_sparse_gradients_and_scaled_ones(self):
        net = torch.nn.Sequential(torch.nn.Embedding(6, 3, sparse=True), torch.nn.Linear(3, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        optimizer.grad_scale = torch.tensor(4.0)  # as a scaler hands it to an optimizer that unscales itself
        wanted = []
        with tensorview.watch(net, optimizer, self.path, log="statistics"):
            for _ in range(3):
                optimizer.zero_grad()
                net(torch.randint(0, 4, (5,))).square().sum().backward()
                wanted.append([net[0].weight.grad.to_dense().numpy() / 4, net[1].weight.grad.numpy() / 4])
                optimizer.step()
        recorded = read(self.path)
        for step, (sparse, dense) in enumerate(wanted):
            got = recorded["0/gradients_statistics"][step], recorded["1/gradients_statistics"][step]
            np.testing.assert_allclose(got[0], expected(sparse.reshape(1, -1)), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(got[1], expected(dense), rtol=1e-5, atol=1e-6)

    def test_outputs_that_lie_otherwise(self):
        """With the channels last, the axes of samples and steps exchanged, or numbers between, they
        are measured without the way for what is new, once they are known."""
        net = torch.nn.Sequential(
            torch.nn.Conv2d(3, 40, 3, padding=1), torch.nn.ReLU(), Turned(), torch.nn.Linear(40, 6), torch.nn.ReLU(),
        ).to(memory_format=torch.channels_last)  # fmt: skip
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        outputs, wanted, new = {}, {}, []
        with tensorview.watch(net, optimizer, self.path, log="statistics"):
            for name in ("0", "1", "3", "4"):
                net[int(name)].register_forward_hook(
                    lambda module, inputs, output, name=name: outputs.update({name: output.detach().clone()})
                )
            for step, batch in enumerate((5, 5, 1, 5, 1, 5)):
                with mock.patch("tensorview.kernels.statistics", side_effect=kernels.statistics) as slow:
                    x = torch.relu(torch.randn(batch, 3, 4, 4)).to(memory_format=torch.channels_last)
                    net(x).square().mean().backward()
                new.append(slow.call_count)
                for name, output in outputs.items():
                    maps = output.contiguous().reshape(batch, 40, 16) if name in "01" else output.swapaxes(1, 2)
                    wanted[name, step] = expected(maps.numpy(), batch=True)
                optimizer.step()
        self.assertEqual([4, 0], new[:2])
        self.assertEqual([0, 0, 0], new[3:])
        recorded = read(self.path)
        for (name, step), rows in wanted.items():
            got = recorded[f"{name}/activations_statistics"][step]
            np.testing.assert_allclose(got, rows, rtol=1e-5, atol=1e-6, err_msg=f"{name} {step}")

    def test_some_samples_of_a_batch(self):
        for layout in (torch.contiguous_format, torch.channels_last):
            net = small().to(memory_format=layout)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            outputs = []
            with tensorview.watch(net, optimizer, self.path, log="statistics", samples=3, overwrite=True):
                net[1].register_forward_hook(lambda module, inputs, output: outputs.append(output.detach().clone()))
                for batch in (7, 7, 2, 7, 3, 2):
                    net(torch.randn(batch, 3, 8, 8).to(memory_format=layout)).square().mean().backward()
                    optimizer.step()
            recorded = read(self.path)["1/activations_statistics"]
            for step, output in enumerate(outputs):
                maps = output[:3].contiguous().numpy()
                wanted = expected(maps.reshape(*maps.shape[:2], -1), batch=True)
                np.testing.assert_allclose(recorded[step], wanted, rtol=1e-5, atol=1e-6, err_msg=str(step))
        with self.assertRaisesRegex(ValueError, "samples must be 1 or more"):
            tensorview.watch(net, optimizer, self.path, samples=0, overwrite=True)

    def test_a_unit_that_is_dead(self):
        net = small()
        with torch.no_grad():
            net[0].weight[3], net[0].bias[3] = 0, -1
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with tensorview.watch(net, optimizer, self.path, log="statistics"):
            for _ in range(2):
                net(torch.randn(4, 3, 8, 8)).square().mean().backward()
                optimizer.step()
        silent = read(self.path)["1/activations_statistics"][1][:, MEASURES.index("silent")]
        self.assertEqual(1.0, silent[3])
        self.assertEqual(0.0, np.delete(silent, 3).min())


if __name__ == "__main__":
    unittest.main()
