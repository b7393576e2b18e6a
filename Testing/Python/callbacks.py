# SPDX-License-Identifier: BSD-3-Clause
"""The callbacks, against stubs of the protocols that their frameworks document: who calls which
method when, and with what."""

import unittest
from types import SimpleNamespace

import numpy as np
import torch
from support import Case, array, read
from torch.nn import functional

from tensorview import keras, lightning, transformers


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 5))


class Lightning(Case):
    """pytorch_lightning.Trainer.fit: the optimizer's step gets a closure that computes the loss."""

    def fit(self, module, callbacks, batches, fails_at=None):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        trainer = SimpleNamespace(optimizers=[optimizer], is_global_zero=True, logged_metrics={})

        def call(name, *arguments):
            for callback in callbacks:
                getattr(callback, name)(trainer, module, *arguments)

        call("on_train_start")
        for number, (x, y) in enumerate(batches):

            def closure():
                loss = functional.cross_entropy(module(x), y)
                optimizer.zero_grad()
                loss.backward()
                return loss

            if number == fails_at:
                call("on_exception", RuntimeError("theirs"))
                return
            loss = optimizer.step(closure)
            trainer.logged_metrics = {"accuracy": torch.tensor(0.5)}
            call("on_train_batch_end", {"loss": loss.detach()}, (x, y), number)
        call("on_train_end")

    def batches(self, count=3):
        return [(torch.randn(4, 6), torch.randint(0, 5, (4,))) for _ in range(count)]

    def test_fit(self):
        module, plain = network(), network()
        batches = self.batches()
        callback = lightning.TensorView(self.path, every=1)
        self.fit(module, [callback], batches)
        self.fit(plain, [], batches)
        for one, other in zip(module.parameters(), plain.parameters()):
            self.assertTrue(torch.equal(one, other))
        recorded = read(self.path)
        weights, updates = recorded["0/weights"], recorded["0/updates"]
        np.testing.assert_array_equal(array(network()[0].weight), weights[0])
        np.testing.assert_allclose(weights[1], weights[0] + updates[0], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(-0.1 * recorded["0/gradients"][2], updates[2], rtol=1e-3, atol=1e-6)
        self.assertEqual([0, 1, 2], list(recorded["1/activations"]))
        self.assertEqual([0, 1, 2], list(recorded["scalars/loss"]))
        self.assertEqual({0: 0.5, 1: 0.5, 2: 0.5}, recorded["scalars/accuracy"])

    def test_an_exception_closes_the_run(self):
        self.fit(network(), [lightning.TensorView(self.path, every=1)], self.batches(), fails_at=2)
        self.assertEqual([0, 1], list(read(self.path)["0/weights"]))


class Transformers(Case):
    """transformers.Trainer: calls with args, state, control and keywords; accelerate's optimizer."""

    def test_train(self):
        model = network()
        optimizer = torch.optim.AdamW(model.parameters())
        state = SimpleNamespace(is_world_process_zero=True, global_step=0)
        callback = transformers.TensorView(self.path, every=2)
        named = dict(model=model, optimizer=SimpleNamespace(optimizer=optimizer))
        callback.on_train_begin(None, state, None, **named)
        for step in range(5):
            functional.cross_entropy(model(torch.randn(4, 6)), torch.tensor([0, 1, 2, 3])).backward()
            optimizer.step()
            state.global_step += 1
            logs = {"loss": 1.0 / (step + 1), "epoch": step / 5, "note": "no number"}
            callback.on_log(None, state, None, logs=logs, **named)
        callback.on_train_end(None, state, None, **named)
        recorded = read(self.path)
        self.assertEqual([0, 2, 4], list(recorded["0/weights"]))
        self.assertEqual([0, 1, 2, 3, 4], list(recorded["scalars/loss"]))
        self.assertNotIn("scalars/note", recorded)

    def test_other_processes_do_nothing(self):
        callback = transformers.TensorView(self.path)
        state = SimpleNamespace(is_world_process_zero=False, global_step=0)
        callback.on_train_begin(None, state, None, model=network(), optimizer=None)
        callback.on_log(None, state, None, logs={"loss": 1.0})
        callback.on_train_end(None, state, None)
        self.assertFalse(self.path.exists())


class Conv2D:
    """A layer as Keras has them: a name, variables with names, get_weights()."""

    def __init__(self, name, kernel, labels=("kernel", "bias")):
        self.name, self.values = name, [np.ones(kernel, "f4"), np.zeros(kernel[-1], "f4")]
        self.weights = [SimpleNamespace(name=f"{name}/{label}:0") for label in labels]

    def get_weights(self):
        return [value.copy() for value in self.values]


class Dense(Conv2D):
    pass


class Keras(Case):
    """model.fit: set_model, then batches with logs."""

    def test_fit(self):
        layers = [Conv2D("conv", (3, 3, 2, 4)), SimpleNamespace(name="inner", layers=[Dense("dense", (7, 5))])]
        callback = keras.TensorView(self.path, every=2, exclude="*/bias*")
        callback.set_model(SimpleNamespace(layers=layers))
        callback.on_train_begin({})
        for batch in range(3):
            callback.on_train_batch_begin(batch, {})
            for layer in (layers[0], layers[1].layers[0]):
                layer.values[0] += batch + 1
            callback.on_train_batch_end(batch, {"loss": 0.25})
        callback.on_train_end({})
        recorded = read(self.path)
        self.assertEqual({"conv/weights", "conv/updates", "inner.dense/weights", "inner.dense/updates"}, {n for n in recorded if "scalars" not in n})
        self.assertEqual([0, 2], list(recorded["conv/weights"]))
        self.assertEqual((1, 4), (recorded["conv/weights"][0].max(), recorded["conv/weights"][2].max()))
        self.assertEqual((1, 3), (recorded["inner.dense/updates"][0].max(), recorded["inner.dense/updates"][2].max()))
        self.assertEqual({0: 0.25, 1: 0.25, 2: 0.25}, recorded["scalars/loss"])

    def test_a_failure_is_one_warning(self):
        callback = keras.TensorView(self.path, every=1)
        callback.set_model(SimpleNamespace(layers=[Conv2D("conv", (3, 3, 2, 4)), Conv2D("conv", (3, 3, 2, 4))]))
        callback.on_train_begin({})
        with self.assertWarnsRegex(Warning, "records nothing more"):
            callback.on_train_batch_begin(0, {})
        callback.on_train_batch_end(0, {})
        callback.on_train_end({})


if __name__ == "__main__":
    unittest.main()
