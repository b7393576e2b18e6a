"""What breaks those who record torch from outside: each a test."""

import copy
import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import torch
from support import Case, array, read, train
from torch import nn
from torch.nn import functional

import tensorview
from tensorview import TensorViewWarning


def classifier(model, *shape, classes=5, learning=0.1, batch=4, inputs=None):
    """A make() for train(): random inputs, cross entropy, SGD with momentum."""

    def make():
        net = model()
        optimizer = torch.optim.SGD(net.parameters(), lr=learning, momentum=0.9)
        x = [torch.randn(batch, *shape) if inputs is None else inputs() for _ in range(8)]
        y = [torch.randint(0, classes, (len(one),)) for one in x]
        return net, optimizer, lambda step: functional.cross_entropy(net(x[step]), y[step])

    return make


def small():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)
    )


class Layers(Case):
    """Kinds of layers and of parameters."""

    def test_convolutions_of_all_kinds(self):
        def model():
            return nn.Sequential(
                nn.Conv1d(2, 6, 3, padding=1), nn.Unflatten(2, (1, 4, 4)), nn.Conv3d(6, 6, (1, 3, 3), padding=(0, 1, 1)),
                nn.Flatten(2, 3), nn.Conv2d(6, 6, 3, groups=3, padding=1), nn.Conv2d(6, 6, 3, groups=6, padding=1),
                nn.ConvTranspose2d(6, 4, 2, groups=2), nn.ConvTranspose2d(4, 3, 2), nn.Flatten(), nn.Linear(108, 5),
            )  # fmt: skip

        recorded = self.check(classifier(model, 2, 16))
        self.assertEqual((2, 36), (len(recorded["0/activations"]), recorded["4/weights"][0].size * 36 // 108))

    def test_recurrent_and_attention(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = nn.Embedding(11, 8)
                self.gru = nn.GRU(8, 8, num_layers=2, bidirectional=True)
                self.lstm = nn.LSTM(16, 8, batch_first=True)
                self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
                self.layer = nn.TransformerEncoderLayer(8, 2, 16)
                self.last = nn.Linear(8, 5)

            def forward(self, x):
                x = self.gru(self.embedding(x).transpose(0, 1))[0].transpose(0, 1)
                x = self.lstm(x)[0]
                x = x + self.attention(x, x, x)[0]
                return self.last(self.layer(x.transpose(0, 1)).mean(0))

        recorded = self.check(classifier(Model, inputs=lambda: torch.randint(0, 11, (3, 7))))
        self.assertIn("attention.out_proj/weights", recorded)
        self.assertNotIn("attention.out_proj/activations", recorded)
        for name in ("gru/weight_ih_l1_reverse", "lstm/bias_hh_l0_gradients", "attention/in_proj_weight_updates"):
            self.assertIn(name, recorded)
        # Sums over the batch, not over the sequence, whichever axis is first.
        for name, size in {"gru": 7 * 16, "lstm": 7 * 8, "attention": 7 * 8, "layer.linear1": 7 * 16}.items():
            self.assertEqual(size, recorded[f"{name}/activations"][0].size, name)

    def test_activations_are_the_sum_over_the_batch(self):
        make = classifier(small, 3, 8, 8)
        torch.manual_seed(0)
        net, _, loss_of = make()
        expected = {}
        for name in ("0", "1", "4"):
            get = net.get_submodule(name)
            get.register_forward_hook(lambda m, i, out, name=name: expected.update({name: out.detach().sum(0)}))
        loss_of(0)
        recorded = self.check(make)
        for name, value in expected.items():
            np.testing.assert_array_equal(array(value).ravel(), recorded[f"{name}/activations"][0].ravel())
        # The ReLU is in place: what the convolution gave is not what is left of it.
        self.assertTrue((recorded["0/activations"][0] < 0).any())

    def test_scalars_as_parameters_and_other_shapes(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.tensor(1.5))
                self.Table = nn.Parameter(torch.randn(1, 2, 3, 1, 5))
                self.inner = nn.Linear(6, 5)

            def forward(self, x):
                return self.inner(x) * self.scale + self.Table.sum((0, 1, 2, 3))

        recorded = self.check(classifier(Model, 6))
        self.assertEqual(1.5, recorded["model/scale"][0].item())

    def test_half_precision(self):
        for kind in (torch.bfloat16, torch.float64):
            with self.subTest(kind=kind):
                inputs = lambda kind=kind: torch.randn(4, 6).to(kind)
                model = lambda kind=kind: nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 5)).to(kind)
                self.check(classifier(model, inputs=inputs))

    def test_float16_weights(self):  # Debian's torch has no float16 products on the processor
        model = nn.Linear(6, 7).half()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        weights = array(model.weight).copy()
        with tensorview.watch(model, optimizer, self.path, every=1):
            model.weight.grad = torch.full_like(model.weight, 0.25)
            optimizer.step()
        recorded = read(self.path)
        np.testing.assert_array_equal(weights, recorded["model/weights"][0])
        self.assertEqual(np.float16, recorded["model/gradients"][0].dtype)
        expected = array(model.weight).astype("f4") - weights.astype("f4")
        np.testing.assert_array_equal(expected, recorded["model/updates"][0])

    def test_tied_weights_are_recorded_once_and_said_once(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = nn.Embedding(5, 8)
                self.decoder = nn.Linear(8, 5)
                self.decoder.weight = self.embedding.weight

            def forward(self, x):
                return self.decoder(self.embedding(x).mean(1))

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            recorded = self.check(classifier(Model, inputs=lambda: torch.randint(0, 5, (4, 3))))
        self.assertNotIn("decoder/weights", recorded)
        self.assertEqual(1, len(said), [str(one.message) for one in said])
        self.assertIn("decoder.weight is embedding.weight", str(said[0].message))

    def test_names_with_a_slash(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.parts = nn.ModuleDict({"a/b": nn.Linear(6, 6), "größe %": nn.Linear(6, 5)})

            def forward(self, x):
                return self.parts["größe %"](self.parts["a/b"](x))

        plain = train(classifier(Model, 6))
        watched = train(classifier(Model, 6), self.path, every=1)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        slash = "parts.a/b/weights" if "parts.a/b/weights" in recorded else "parts.a.b/weights"
        np.testing.assert_array_equal(watched.seen["parts.a/b/weights"][0], recorded[slash][0])
        self.assertIn("parts.größe %/weights", recorded)

    def test_memory_that_is_not_in_order(self):
        def model():
            net = small().to(memory_format=torch.channels_last)
            linear = net[4]
            linear.weight = nn.Parameter(torch.randn(32, 5).t())
            assert not net[0].weight.is_contiguous() and not linear.weight.is_contiguous()
            return net

        for background in (True, False):
            with self.subTest(background=background):
                self.check(classifier(model, 3, 8, 8), background=background)

    def test_layers_that_come_into_being_with_the_first_forward(self):
        def make():
            net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
            x = torch.randn(4, 3, 6, 6)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            return net, optimizer, lambda step: functional.cross_entropy(net(x), torch.tensor([0, 1, 2, 3]))

        torch.manual_seed(0)
        net, optimizer, loss_of = make()
        with tensorview.watch(net, optimizer, self.path, every=1):
            loss_of(0).backward()
            weights = array(net[0].weight).copy()
            optimizer.step()
        recorded = read(self.path)
        np.testing.assert_array_equal(weights, recorded["0/weights"][0])
        self.assertIn("3/activations", recorded)


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
                run.log(epoch=step)
                for name in ("discriminator", "discriminator", "generator"):
                    loss = nets["discriminator"](nets["generator"](torch.randn(3, 4))).mean()
                    loss.backward()
                    weights[name].append(array(next(nets[name].parameters())).copy())
                    optimizers[name].step()
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


class Ends(Case):
    """How a run ends, and what goes wrong."""

    def program(self, *lines):
        head = [
            "import torch, tensorview",
            "net = torch.nn.Linear(6, 5)",
            "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
            f"run = tensorview.watch(net, optimizer, {str(self.path)!r}, every=1)",
            "def step():",
            "    net(torch.randn(2, 6)).sum().backward(); optimizer.step()",
        ]
        return subprocess.run([sys.executable, "-c", "\n".join([*head, *lines])], capture_output=True, text=True)

    def test_the_interpreter_ends_without_close(self):
        result = self.program("for _ in range(20): step(); run.log(loss=1.0)")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertEqual(list(range(20)), list(read(self.path)["model/weights"]))

    def test_an_exception_ends_the_program(self):
        result = self.program("step()", "raise KeyError('theirs')")
        self.assertEqual(1, result.returncode)
        self.assertIn("KeyError: 'theirs'", result.stderr)
        self.assertEqual([0], list(read(self.path)["model/weights"]))

    def test_a_child_that_forks_leaves_the_run_alone(self):
        lines = ["import os, sys", "step()", "if os.fork() == 0:", "    step(); run.log(loss=1); run.close(); sys.exit(0)"]
        result = self.program(*lines, "os.wait()", "step()")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertEqual([0, 1], list(read(self.path)["model/weights"]))

    def test_an_exception_in_the_loop(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with self.assertRaisesRegex(KeyError, "theirs"):
            with tensorview.watch(net, optimizer, self.path, every=1):
                net(torch.randn(2, 6)).sum().backward()
                optimizer.step()
                raise KeyError("theirs")
        self.assertEqual([0], list(read(self.path)["model/updates"]))
        self.assertEqual(0, len(net._forward_hooks) + len(net._forward_pre_hooks))

    def test_watching_twice(self):
        net = nn.Linear(6, 5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        second = self.path.with_name("second.tvh5")
        one = tensorview.watch(net, optimizer, self.path, every=1)
        with self.assertRaises(tensorview.TensorViewError):
            tensorview.watch(net, optimizer, self.path, every=1)
        two = tensorview.watch(net, optimizer, second, every=2)
        for step in range(4):
            net(torch.randn(2, 6)).sum().backward()
            optimizer.step()
            if step == 2:
                one.close()
        two.close()
        self.assertEqual([0, 1, 2], list(read(self.path)["model/weights"]))
        self.assertEqual([0, 2], list(read(second)["model/weights"]))
        self.assertNotIn("step", optimizer.__dict__)
        second.unlink()

    def test_a_failure_is_one_warning_and_the_training_goes_on(self):
        for background in (True, False):
            net = nn.Linear(6, 5)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            weights = net.weight.detach().clone()
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                with tensorview.watch(net, optimizer, self.path, every=1, overwrite=True, background=background) as run:
                    for step in range(4):
                        net(torch.randn(2, 6)).sum().backward()
                        optimizer.step()
                        run.log(loss=1.0)
                        if step == 1:
                            run.flush()
                            run.log(step=0, loss=2.0)  # steps never go back: the library refuses
                            run.flush()
            self.assertEqual(1, len(said), [str(one.message) for one in said])
            self.assertIs(TensorViewWarning, said[0].category)
            self.assertIn("records nothing more", str(said[0].message))
            self.assertFalse(torch.equal(weights, net.weight))
            self.assertEqual([0, 1], list(read(self.path)["model/weights"]))

    def test_an_optimizer_that_never_steps_is_said(self):
        net = nn.Linear(6, 5)
        with self.assertWarnsRegex(TensorViewWarning, "no step was seen"):
            tensorview.watch(net, torch.optim.SGD(net.parameters(), lr=0.1), self.path).close()

    def test_arguments_that_cannot_be_meant(self):
        net = nn.Linear(6, 5)
        for wrong in (dict(log=["loss"]), dict(every=0), dict(when_full="never"), dict(every={"loss": 3})):
            with self.assertRaises(ValueError):
                tensorview.watch(net, None, self.path, **wrong)
        with self.assertRaises(tensorview.TensorViewError):
            tensorview.watch(net, None, "no such folder/run.tvh5")
        self.assertEqual(0, len(net._forward_hooks) + len(net._forward_pre_hooks))


if __name__ == "__main__":
    import unittest

    unittest.main()
