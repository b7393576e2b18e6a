# SPDX-License-Identifier: BSD-3-Clause
"""What a training loop may do while it is watched: each a test."""

import copy
import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import torch
from support import Case, array, classifier, read, small, train
from torch import nn

import tensorview


class Loops(Case):
    """What a training loop does."""

    def test_batches_larger_and_smaller_than_the_first(self):
        sizes = iter([4, 6, 2] * 2)
        make = classifier(small, inputs=lambda: torch.randn(next(sizes, 3), 3, 8, 8))
        sizes = iter([4, 6, 2, 1, 1, 1, 1, 1] * 2)
        recorded = self.check(make, steps=3)
        self.assertEqual([0, 1, 2], list(recorded["0/activations"]))

    def test_frozen_parameters_and_parameters_without_gradient(self):
        def model():
            net = small()
            net[0].requires_grad_(False)
            net.unused = None
            net.register_parameter("extra", nn.Parameter(torch.ones(3)))
            return net

        plain = train(classifier(model, 3, 8, 8), steps=3)
        watched = train(classifier(model, 3, 8, 8), self.path, steps=3, every=1)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertEqual([0], list(recorded["0/weights"]), "a frozen parameter is recorded when it changes")
        self.assertNotIn("0/gradients", recorded)
        self.assertEqual({}, recorded.get("model/extra_gradients", {}))
        self.assertEqual([0, 1, 2], list(recorded["model/extra"]))

    def test_a_module_that_is_called_twice(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.relu, self.last = nn.Linear(6, 6), nn.ReLU(inplace=True), nn.Linear(6, 5)

            def forward(self, x):
                return self.last(self.relu(self.inner(self.relu(self.inner(x)))))

        recorded = self.check(classifier(Model, 6))
        for kind in ("activations", "activations_2"):
            self.assertEqual([0, 1], list(recorded[f"relu/{kind}"]))
        self.assertFalse(np.array_equal(recorded["inner/activations"][0], recorded["inner/activations_2"][0]))
        self.assertNotIn("inner/activations_3", recorded)

    def test_accumulated_gradients(self):
        def run(path):
            torch.manual_seed(0)
            net = small()
            optimizer = torch.optim.Adam(net.parameters())
            kept = []
            watched = tensorview.watch(net, optimizer, path, every=1) if path else None
            for step in range(4):
                loss = net(torch.randn(3, 3, 8, 8)).square().mean()
                loss.backward()
                if step % 2:
                    kept.append(array(net[0].weight.grad).copy())
                    optimizer.step()
                    optimizer.zero_grad()
            if watched:
                watched.close()
            return kept, {n: p.clone() for n, p in net.state_dict().items()}

        plain, watched = run(None), run(self.path)
        for name, value in plain[1].items():
            self.assertTrue(torch.equal(value, watched[1][name]), name)
        recorded = read(self.path)
        for step, gradient in enumerate(watched[0]):
            np.testing.assert_array_equal(gradient, recorded["0/gradients"][step])

    def test_gradients_are_unscaled_with_amp(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

        class Scaler:  # what torch.cuda.amp.GradScaler does around step(); it needs a GPU itself
            def step(self, optimizer):
                for group in optimizer.param_groups:
                    for p in group["params"]:
                        p.grad /= 1024.0
                optimizer.step()

        with tensorview.watch(net, optimizer, self.path, every=1):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = net(torch.ones(4, 6)).float().mean()
            (loss * 1024.0).backward()
            Scaler().step(optimizer)
        gradient = read(self.path)["model/gradients"][0]
        np.testing.assert_allclose(gradient, np.full((5, 6), 0.2), rtol=0.01)

    def test_a_closure(self):
        def run(path):
            torch.manual_seed(0)
            net, x = nn.Linear(6, 5), torch.randn(4, 6)
            optimizer = torch.optim.LBFGS(net.parameters(), max_iter=3)
            watched = tensorview.watch(net, optimizer, path, every=1) if path else None
            first = []

            def closure():
                optimizer.zero_grad()
                loss = net(x).square().mean()
                loss.backward()
                first.append((array(net.weight).copy(), array(net.weight.grad).copy()))
                return loss

            starts = []
            for _ in range(2):
                starts.append(len(first))
                optimizer.step(closure)
            if watched:
                watched.close()
            return [first[start] for start in starts], net.weight.detach().clone()

        plain, watched = run(None), run(self.path)
        self.assertTrue(torch.equal(plain[1], watched[1]))
        recorded = read(self.path)
        for step, (weights, gradient) in enumerate(watched[0]):
            np.testing.assert_array_equal(weights, recorded["model/weights"][step])
            np.testing.assert_array_equal(gradient, recorded["model/gradients"][step])

    def test_several_optimizers(self):
        nets = {"generator": nn.Linear(4, 6), "discriminator": nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1))}
        optimizers = {name: torch.optim.Adam(net.parameters()) for name, net in nets.items()}
        weights = {"generator": [], "discriminator": []}
        with tensorview.watch(nets, optimizers, self.path, every=2) as run:
            for step in range(5):
                for name in ("discriminator", "discriminator", "generator"):
                    loss = nets["discriminator"](nets["generator"](torch.randn(3, 4))).mean()
                    loss.backward()
                    weights[name].append(array(next(nets[name].parameters())).copy())
                    optimizers[name].step()
                run.log(loss=loss)
        recorded = read(self.path)
        # The discriminator steps twice as often; its steps are the ones that count.
        self.assertEqual([0, 2, 4, 6, 8], list(recorded["discriminator.0/weights"]))
        self.assertEqual([1, 3, 5, 7, 9], list(recorded["generator/weights"]))
        for kept, step in zip(weights["generator"], (1, 3, 5, 7, 9)):
            np.testing.assert_array_equal(kept, recorded["generator/weights"][step])
        self.assertIn("discriminator.1/activations", recorded)

    def test_every_for_each_kind_and_choice_of_names(self):
        make = classifier(small, 3, 8, 8)
        plain = train(make, steps=7)
        options = dict(every={"weights": 2, "activations": 3}, exclude="*bias*", include=["0", "4/*"])
        watched = train(make, self.path, steps=7, **options)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertEqual([0, 2, 4, 6], list(recorded["0/weights"]))
        self.assertEqual([0, 3, 6], list(recorded["4/activations"]))
        self.assertEqual([0], list(recorded["4/gradients"]))  # every 100, unless told
        self.assertFalse([name for name in recorded if "bias" in name or name.startswith("1/")])
        self.assertEqual(list(range(7)), list(recorded["scalars/loss"]))

    def test_evaluation_in_between_is_not_recorded(self):
        for evaluation in (False, True):
            net = small()
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            x = torch.randn(4, 3, 8, 8)
            expected = []
            net[0].register_forward_hook(lambda m, i, out: expected.append(array(out.sum(0))))
            with tensorview.watch(net, optimizer, self.path, every=1, overwrite=True, evaluation=evaluation):
                with torch.no_grad():
                    net(x + 1)
                net.eval()
                net(x + 2)
                net.train()
                net(x).mean().backward()
                optimizer.step()
            found = read(self.path)["0/activations"][0]
            if evaluation:
                np.testing.assert_allclose(sum(expected), found, rtol=1e-4, atol=1e-4)
            else:
                np.testing.assert_array_equal(expected[-1], found)

    def test_learning_rate_schedulers_before_and_after(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        before = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run = tensorview.watch(net, optimizer, self.path, every=1)
            self.assertIs(optimizer, optimizer.step.__self__)
            after = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
            for _ in range(3):
                net(torch.randn(2, 6)).sum().backward()
                optimizer.step()
                before.step()
                after.step()
            run.close()
            net(torch.randn(2, 6)).sum().backward()
            optimizer.step()
            after.step()
        self.assertEqual([0, 1, 2], list(read(self.path)["model/weights"]))

    def test_step_is_a_bound_method_and_is_put_back(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.Adam(net.parameters())
        original = optimizer.step
        run = tensorview.watch(net, optimizer, self.path)
        self.assertIs(optimizer, optimizer.step.__self__)
        self.assertEqual(original.__name__, optimizer.step.__name__)
        pickle.dumps(optimizer.state_dict())
        self.assertNotIn("step", optimizer.__getstate__())
        run.close()
        self.assertEqual(original, optimizer.step)
        self.assertEqual(0, len(net._forward_hooks) + len(net._forward_pre_hooks))

    def test_no_optimizer(self):
        net = nn.Linear(6, 5)
        with tensorview.watch(net, path=self.path, every=1) as run:
            for _ in range(2):
                net(torch.randn(2, 6)).sum().backward()
                with run.step():
                    with torch.no_grad():
                        net.weight -= 0.1 * net.weight.grad
        recorded = read(self.path)
        np.testing.assert_array_equal(array(net.weight), recorded["model/weights"][1] + recorded["model/updates"][1])

    def test_data_loader_workers_that_fork(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        data = torch.utils.data.TensorDataset(torch.randn(12, 6))
        with tensorview.watch(net, optimizer, self.path, every=1) as run:
            for _ in range(2):
                for (x,) in torch.utils.data.DataLoader(data, 4, num_workers=2):
                    net(x).sum().backward()
                    optimizer.step()
                    run.log(loss=1.0)
        self.assertEqual(list(range(6)), list(read(self.path)["model/weights"]))

    def test_copies_of_a_watched_model(self):
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with tensorview.watch(net, optimizer, self.path, every=1):
            copied, saved = copy.deepcopy(net), io.BytesIO()
            torch.save(net, saved)
            copied(torch.randn(9, 3, 8, 8)).mean().backward()  # is not what is recorded
            net(torch.ones(2, 3, 8, 8)).mean().backward()
            optimizer.step()
        expected = array(net[0](torch.ones(2, 3, 8, 8)).sum(0))
        self.assertEqual(expected.shape, read(self.path)["0/activations"][0].shape)
        saved.seek(0)
        without = "import io, sys, torch; sys.modules['tensorview'] = None; net = torch.load(io.BytesIO(sys.stdin.buffer.read()));"
        without += "print(net(torch.ones(2, 3, 8, 8)).shape)"
        result = subprocess.run([sys.executable, "-c", without], input=saved.read(), capture_output=True)
        self.assertEqual(b"torch.Size([2, 5])", result.stdout.strip(), result.stderr)


if __name__ == "__main__":
    import unittest

    unittest.main()
