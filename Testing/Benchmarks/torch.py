# SPDX-License-Identifier: BSD-3-Clause
"""What it costs to watch a torch network: the same steps with and without, in pairs.

    PYTHONPATH=build/python python3 Testing/Benchmarks/torch.py [NETWORK ...] [--blocks N] [--steps N]
    OPENBLAS_NUM_THREADS=1 PYTHONPATH=build/python python3 Testing/Benchmarks/torch.py --statistics [NETWORK ...]

Two copies of a network train in turn, a block of steps each, and the first step of each block of the
watched one is recorded: all weights, gradients, updates and activations. A block ends with flush(),
so that nothing of it is left to others. Printed are the quartiles of what a record adds to a block,
in processor time of all threads and by the clock; what share that is of a step's time at every 10,
100; the bytes; the split into copying, summing and writing; and what numpy.savez and h5py need to
write the same numbers. One thread computes; the thread that writes is the other.

--statistics: what watch(log="statistics") adds at each step, in pairs of blocks that take turns in who is
first: in all, of 8 samples of each batch, with the activations of activation functions alone, and without;
beside the bytes of the tensors that are measured, how fast they were read, and how fast torch.sum reads
memory that is in no cache. Batches of 64.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # this file's folder: "import torch" is to find torch, not this

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

import tensorview  # noqa: E402
from tensorview import _activations, _host, _rows, run as recording  # noqa: E402


def resnet18(width):
    """ResNet-18 whose first layer has that many filters, for pictures of 32 x 32."""

    def block(inside, outside, stride):
        down = None
        if stride > 1 or inside != outside:
            down = torch.nn.Sequential(
                torch.nn.Conv2d(inside, outside, 1, stride, bias=False), torch.nn.BatchNorm2d(outside)
            )
        return torchvision.models.resnet.BasicBlock(inside, outside, stride, down)

    layers = [torch.nn.Conv2d(3, width, 3, padding=1, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
    inside = width
    for stage, stride in enumerate((1, 2, 2, 2)):
        outside = width << stage
        layers += [block(inside, outside, stride), block(outside, outside, 1)]
        inside = outside
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(inside, 10))


def vit():
    return torchvision.models.VisionTransformer(32, 4, 6, 4, 128, 256, num_classes=10)


def lenet():
    n = torch.nn
    layers = [n.Conv2d(3, 16, 5), n.ReLU(), n.MaxPool2d(2), n.Conv2d(16, 32, 5), n.ReLU(), n.MaxPool2d(2), n.Flatten()]
    return n.Sequential(*layers, n.Linear(800, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10))


NETWORKS = {
    "lenet5": lenet,
    "resnet18-16": lambda: resnet18(16),
    "resnet18-64": lambda: resnet18(64),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=10),
    "vit-6": vit,
}


class Trainer:
    def __init__(self, make, batch=32):
        torch.manual_seed(0)
        self.model = make()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.x, self.y = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))

    def step(self):
        loss = cross_entropy(self.model(self.x), self.y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


class Split:
    """Seconds of processor time in parts of the package, by name."""

    def __init__(self, *parts):
        self.seconds, self._undo = {}, []
        for owner, name, part in parts:
            self.time(owner, name, part)

    def time(self, owner, name, part):
        inner = getattr(owner, name)

        def timed(*arguments, **named):
            start = time.thread_time()
            try:
                return inner(*arguments, **named)
            finally:
                self.seconds[part] = self.seconds.get(part, 0) + time.thread_time() - start

        setattr(owner, name, timed)
        self._undo.append(lambda: setattr(owner, name, inner))

    def end(self):
        while self._undo:
            self._undo.pop()()


WHOLE = (
    (_host.Copy, "__init__", "copy"), (_activations.Activations, "_add", "sum"),
    (recording.Run, "_write", "write"), (recording.Run, "flush", "flush"),
)  # fmt: skip
MEASURING = (
    (_rows.OutputRows, "measure", "outputs"), (_rows.Rows, "measure_parameters", "parameters"),
    (_activations.Activations, "_output", "hooks"),
)  # fmt: skip


def quartiles(values, unit=1e3):
    return " / ".join(f"{value * unit:.1f}" for value in np.quantile(values, (0.25, 0.5, 0.75)))


def timed(work):
    start = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - start[0], time.perf_counter() - start[1]


def others(folder, trainer, records):
    """numpy.savez and h5py with the numbers of one record: weights, gradients and updates."""
    arrays = [p.detach().numpy() for p in trainer.model.parameters()] * 3
    saved, written = [], []
    with h5py.File(folder / "h5py.h5", "w", libver="latest") as file:
        sets = [
            file.create_dataset(str(at), (0, *a.shape), "f4", maxshape=(None, *a.shape), chunks=(1, *a.shape))
            for at, a in enumerate(arrays)
        ]

        def append():
            for dataset, array in zip(sets, arrays):
                dataset.resize(len(dataset) + 1, 0)
                dataset[-1] = array
            file.flush()

        for record in range(records):
            saved.append(timed(lambda: np.savez(folder / f"{record}.npz", *arrays))[0])
            written.append(timed(append)[0])
    return saved, written


def measure(name, blocks, steps, folder):
    plain, watched = Trainer(NETWORKS[name]), Trainer(NETWORKS[name])
    plain.step()
    path = folder / f"{name}.tvh5"
    run = tensorview.watch(watched.model, watched.optimizer, path, every=steps, overwrite=True)
    split = Split(*WHOLE)
    pairs, alone = [], []

    def block(trainer, recorded):
        for _ in range(steps):
            loss = trainer.step()
            if recorded:
                run.log(loss=loss)
        if recorded:
            run.flush()

    for number in range(blocks + 1):
        one, other = timed(lambda: block(plain, False)), timed(lambda: block(watched, True))
        if number == 0:  # declares and creates the file
            split.seconds.clear()
            continue
        pairs.append((other[0] - one[0], other[1] - one[1]))
        alone.append(one[0] / steps)
    run.close()
    split.end()
    more, clock = zip(*pairs)
    step, record = np.median(alone), np.median(more)
    tensors = sum(p.numel() for p in plain.model.parameters())
    print(f"{name}: {tensors / 1e6:.2f} million parameters, a step takes {quartiles(alone)} ms")
    print(f"  a record adds {quartiles(more)} ms of processor time, {quartiles(clock)} ms by the clock")
    shares = ", ".join(f"{100 * record / step / every:.2f} % at every {every}" for every in (1, 10, 100))
    print(f"  that is {shares}")
    print(f"  bytes of a record: {path.stat().st_size / (blocks + 1) / 1e6:.2f} MB of file")
    parts = ", ".join(f"{part} {1e3 * spent / blocks:.1f}" for part, spent in split.seconds.items())
    print(f"  of it, ms for each record: {parts}")
    saved, written = others(folder, plain, blocks)
    print(f"  weights, gradients, updates: numpy.savez {quartiles(saved)} ms, h5py {quartiles(written)} ms", flush=True)


def memory_speed():
    """Bytes a second that torch.sum reads of 1 GB."""
    parts = [torch.ones(1 << 22) for _ in range(64)]
    return 4 * sum(part.numel() for part in parts) / min(timed(lambda: [p.sum() for p in parts])[0] for _ in range(3))


def bytes_of_outputs(trainer, kinds):
    """Of what layers of these kinds, or of any that have parameters, give in a forward."""
    total, handles = [0], []

    def add(module, inputs, output):
        total[0] += 4 * output.numel() if isinstance(output, torch.Tensor) else 0

    for module in trainer.model.modules():
        if isinstance(module, kinds) or (not kinds and (module._parameters or isinstance(module, ACTIVATIONS))):
            handles.append(module.register_forward_hook(add))
    trainer.model(trainer.x)
    for handle in handles:
        handle.remove()
    return total[0]


ACTIVATIONS = (torch.nn.ReLU, torch.nn.ReLU6, torch.nn.GELU)
CHOICES = {  # what is left out, of which modules outputs are measured (none: of all), samples
    "all": (None, (), None),
    "8 samples of each batch": (None, (), 8),
    "activations of activation functions only": (
        lambda name: not name.endswith("/activations") or name.split("/")[0] in functions, ACTIVATIONS, None
    ),
    "no activations": (lambda name: "/activations" not in name, None, None),
}  # fmt: skip
functions = set()


def measure_statistics(name, blocks, steps, folder, speed):
    plain = Trainer(NETWORKS[name], 64)
    functions.clear()
    functions.update(n for n, module in plain.model.named_modules() if isinstance(module, ACTIVATIONS))
    parameters = 4 * sum(p.numel() for p in plain.model.parameters())
    plain.step()
    for chosen, (include, kinds, samples) in CHOICES.items():
        watched = Trainer(NETWORKS[name], 64)
        outputs = 0 if kinds is None else bytes_of_outputs(watched, kinds) * (samples or 64) // 64
        path = folder / f"{name}.tvh5"
        run = tensorview.watch(
            watched.model, watched.optimizer, path, log="statistics", include=include, samples=samples, overwrite=True
        )
        split = Split(*MEASURING)
        shares, clocks, alone, with_it = [], [], [], []

        def block(trainer):
            for _ in range(steps):
                trainer.step()

        for number in range(blocks + 1):
            if number % 2:
                other, one = timed(lambda: block(watched)), timed(lambda: block(plain))
            else:
                one, other = timed(lambda: block(plain)), timed(lambda: block(watched))
            if number == 0:  # declares and creates the file
                split.seconds.clear()
            else:
                shares.append(other[0] / one[0] - 1)
                clocks.append(other[1] / one[1] - 1)
                alone.append(one[0] / steps)
                with_it.append(other[0] / steps)
        run.close()
        split.end()
        read = outputs + 4 * parameters  # weights, as they were, as they are kept, gradients
        step = np.median(alone)
        print(f"{name}, {chosen}: a step takes {quartiles(alone)} ms of processor time")
        least = 100 * (min(with_it) / min(alone) - 1)
        print(f"  statistics add {quartiles(shares, 100)} %, {quartiles(clocks, 100)} % by the clock; {least:.1f} % between the quickest of both")
        print(f"  {read / 1e6:.1f} MB pass: {1e3 * read / speed:.2f} ms from memory, {100 * read / speed / step:.2f} % of a step")
        for part, size in (("outputs", outputs), ("parameters", 4 * parameters)):
            spent = split.seconds.get(part, 0) / blocks / steps
            if spent:
                print(f"  {part}: {1e3 * spent:.2f} ms in each step, {size / spent / 1e9:.1f} GB/s ({100 * size / spent / speed:.0f} % of torch.sum)")
        hooks = (split.seconds.get("hooks", 0) - split.seconds.get("outputs", 0)) / blocks / steps
        print(f"  hooks without that: {1e3 * hooks:.2f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS) + " (all)")
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4, help="in a block")
    parser.add_argument("--statistics", action="store_true", help="statistics at each step, and nothing else")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, one thread; quartiles are 25 / 50 / 75 %")
    with tempfile.TemporaryDirectory() as folder:
        if asked.statistics:
            speed = memory_speed()
            print(f"torch.sum reads {speed / 1e9:.1f} GB/s; {os.getloadavg()[0]:.1f} processes wanted to run in the last minute")
        for name in asked.networks or NETWORKS:
            if asked.statistics:
                measure_statistics(name, asked.blocks, asked.steps, Path(folder), speed)
            else:
                measure(name, asked.blocks, asked.steps, Path(folder))


if __name__ == "__main__":
    main()
