# SPDX-License-Identifier: BSD-3-Clause
"""What in situ costs: ratios to a peer in the same run. About 4 minutes.

    /usr/bin/python3 Testing/Benchmarks/live.py [BUILD [STEPS [OUTPUT]]]

STEPS: of training in each case, 2000 unless told. Needs live_steps, the shim, tensorview-live and
xvfb-run; a peer that does not run ends the benchmark. Recorded and plain steps alternate in one
process (live_steps.c); where they differ by less than their quartiles do, the machine was too busy
to tell, and the time measured in the calls themselves, which is the least that recording costs, says
more.
"""

import ctypes
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
OUTPUT = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None
SCRIPTS = os.path.join(HERE, "..", "..", "Plugin", "Live", "Scripts")
RUN = f"benchmark-{os.getpid()}"
LIVE = os.path.join(BUILD, "bin", "tensorview-live")
TRAINER = os.path.join(BUILD, "bin", "live_steps")
MAPS = (64, 224, 224)
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ["TENSORVIEW_PLUGIN"] = os.path.join(BUILD, "lib", "TensorView", "TensorView.so")
lines = []


def say(text=""):
    print(text, flush=True)
    lines.append(text)


def start(log, *command):
    with open(log, "wb") as file:
        return subprocess.Popen([str(word) for word in command], stdout=file, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, start_new_session=True)


def stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(words, log, process, seconds=120):
    end = time.time() + seconds
    while True:
        with open(log, errors="replace") as file:
            text = file.read()
        if words in text:
            return text
        if process.poll() is not None or time.time() > end:
            sys.exit(f"live.py: {log} has no '{words}':\n{text[-2000:]}")
        time.sleep(0.05)


def train(*options):
    """LeNet-5, recorded in every other block of steps: what live_steps.c prints."""
    command = [TRAINER, "--steps", STEPS, "--threads", 1, "--samples", 5000, "--overwrite", *options]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode or not re.fullmatch(r"([-0-9.]+ ?){8}\n", done.stdout):
        sys.exit(f"live.py: {command} failed: {done.stdout}")
    return [float(word) for word in done.stdout.split()]


def middle(values):
    return f"{statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})"


def steps_per_second(port):
    every = ["--record-weights", "1", "--record-large", "500", "--record-activations", "100"]
    tenth = ["--record-weights", "10", "--record-large", "500", "--record-activations", "100"]
    # Most of what this costs is the trainer's own: oneDNN's blocked activations made plain.
    maps = ["--record-weights", "1", "--record-large", "500", "--record-activations", "1"]
    cases = {
        "the channel, nobody attached": [*every, "--output", "none", "--channel", RUN],
        "the channel, tensorview-live with four views": [*every, "--output", "none", "--channel", RUN],
        "the file, every step": [*every, "--output", "benchmark.tvh5"],
        "the file, every tenth step": [*tenth, "--output", "benchmark.tvh5"],
        "the file and the channel, every step": [*every, "--output", "benchmark.tvh5", "--channel", RUN],
        "the file, activations at every step as well": [*maps, "--output", "benchmark.tvh5"],
    }
    aims = {"the channel, nobody attached": 0.5, "the file, every step": 3.5, "the file, every tenth step": 1.0}
    script = "four_views.py"
    with open(os.path.join(SCRIPTS, script)) as file:
        text = file.read().replace("22222", str(port))
    with open(script, "w") as file:
        file.write(text)
    say("LeNet-5, batch 50, one thread; weights of convolutions, the last layer and biases at every step or as said, "
        "activations at every hundredth, the large layer at every 500th. More a step than one that is not recorded, "
        "in per cent: median of pairs of blocks (quartiles)")
    say(f"{'recorded to':48} {'time':>22} {'processor time':>22} {'in the calls':>13}   aim   steps/s without")
    for name, options in cases.items():
        live = None
        if "four views" in name:
            live = start("four-views.log", LIVE, RUN, "--wait", "--script", script)
            wait_for("waiting for the run", "four-views.log", live)
        wall, wall_low, wall_high, cpu, cpu_low, cpu_high, calls, rate = train(*options)
        if live:
            live.wait(60)
        say(f"{name:48} {f'{wall:.2f} ({wall_low:.2f} to {wall_high:.2f})':>22} "
            f"{f'{cpu:.2f} ({cpu_low:.2f} to {cpu_high:.2f})':>22} {calls:13.2f}   {aims.get(name, ''):3}   {rate:.1f}")
    say()


class Shim:
    """The C library, from Python: the trainer of what follows."""

    class Options(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t), ("overwrite", ctypes.c_int), ("threads", ctypes.c_int),
                    ("flush_seconds", ctypes.c_double), ("channel", ctypes.c_char_p),
                    ("ring_slots", ctypes.c_size_t), ("block_seconds", ctypes.c_double),
                    ("file_every", ctypes.c_size_t), ("durable", ctypes.c_int),
                    ("reserved", ctypes.c_uint64 * 8)]

    def __init__(self, run, axes, shape, block=0.0):
        import glob

        found = sorted(glob.glob(os.path.join(BUILD, "**", "libtensorview.so"), recursive=True))
        self.library = ctypes.CDLL(found[0])
        self.library.tv_default_options.restype = self.Options
        self.library.tv_last_error.restype = ctypes.c_char_p
        options = self.library.tv_default_options()
        options.channel = run.encode()
        options.block_seconds = block
        self.run, self.tensor = ctypes.c_void_p(), ctypes.c_int()
        self.check(self.library.tv_open(ctypes.byref(self.run), None, ctypes.byref(options)))
        sizes = (ctypes.c_size_t * len(shape))(*shape)
        self.check(self.library.tv_declare(ctypes.byref(self.tensor), self.run, b"conv1", b"activations", 0,
                                           axes.encode(), sizes))
        self.step = -1

    def check(self, status):
        if status < 0:
            sys.exit(f"live.py: {self.library.tv_last_error().decode()}")

    def write(self, data):
        """Hands a step over; the seconds that it took."""
        self.step += 1
        pointer, step = data.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(self.step)
        begin = time.perf_counter()
        self.check(self.library.tv_write(self.run, self.tensor, step, pointer))
        self.check(self.library.tv_end_step(self.run, step))
        return time.perf_counter() - begin

    def close(self):
        self.library.tv_close(self.run)


def memory(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":")) / 1024


def hand_over():
    """The trainer's stall at a step of 3.2 million pixels, with a reader attached."""
    for axes, shape, peer in (("chw", MAPS, "memcpy"), ("nchw", (8, *MAPS), "the sum of the batch alone")):
        data = np.random.default_rng(0).random(shape, dtype=np.float32)
        targets = [np.ones(MAPS, np.float32) for _ in range(5)]  # as many as the ring has, as cold as the ring
        Shim(RUN, axes, shape).close()  # the library itself is loaded now
        before = memory("RssAnon")
        shim = Shim(RUN, axes, shape)
        live = start("hand-over.log", LIVE, RUN, "--wait")
        shim.write(data)
        wait_for("attached", "hand-over.log", live)
        kernels = None

        class Batch(ctypes.Structure):  # tv_batch
            _fields_ = [("axis", ctypes.c_int), *((name, ctypes.c_size_t) for name in ("outer", "samples", "inner"))]

        if peer != "memcpy":
            import glob

            found = glob.glob(os.path.join(BUILD, "**", "libtensorview_kernels_visible.so"), recursive=True)
            kernels = ctypes.CDLL(found[0])
        ratios, stalls = [], []
        for number in range(40):
            target = targets[number % 5]
            begin = time.perf_counter()
            if kernels:
                kernels.tv_batch_sum(target.ctypes.data_as(ctypes.c_void_p), data.ctypes.data_as(ctypes.c_void_p), 0,
                                     ctypes.byref(Batch(0, 1, shape[0], target.size)), None)
            else:
                ctypes.memmove(target.ctypes.data, data.ctypes.data, data.nbytes)
            alone = time.perf_counter() - begin
            stalls.append(shim.write(data))
            ratios.append(stalls[-1] / alone)
            time.sleep(0.02)
        say(f"handing over {list(shape)}: {1000 * statistics.median(stalls):.2f} ms, {statistics.median(ratios):.2f} "
            f"times {peer}" + ("   aim: at most 2" if peer == "memcpy" else ""))
        if axes == "chw":
            say(f"the trainer's memory beyond the ring of {memory('RssShmem'):.0f} MB: "
                f"{memory('RssAnon') - before:.1f} MB")
        shim.close()
        live.wait(60)
    say()


def pixels(port):
    """From the end of a step to its pixels in a viewer."""
    log = "viewer.log"
    viewer = start(log, "xvfb-run", "-a", "-s", "-screen 0 1280x1024x24", "/usr/bin/pvpython",
                   os.path.join(HERE, "live_viewer.py"), port)
    wait_for("listening", log, viewer)
    with open(os.path.join(SCRIPTS, "image_grid.py")) as file:
        text = file.read().replace("22222", str(port))
    with open("image_grid.py", "w") as file:
        file.write(text)
    live = start("pixels.log", LIVE, RUN, "--wait", "--script", "image_grid.py")
    wait_for("waiting for the run", "pixels.log", live)
    shim = Shim(RUN, "chw", MAPS)
    data = np.random.default_rng(0).random(MAPS, dtype=np.float32)
    ends = []
    shim.write(data)
    time.sleep(1)
    while "connected" not in wait_for("", log, viewer):
        shim.write(data)
        time.sleep(1)
        if shim.step > 60:
            sys.exit("live.py: the viewer was never connected")
    time.sleep(3)
    for _ in range(10):
        data += np.float32(0.1)
        shim.write(data)
        ends.append((shim.step, time.monotonic()))
        wait_for(f"drawn {shim.step} at", log, viewer, 30)
        time.sleep(0.5)
    shim.close()
    live.wait(60)
    stop(viewer)
    with open(log, errors="replace") as file:
        drawn = {int(step): float(at) for step, at in re.findall(r"drawn (\d+) at ([0-9.]+)", file.read())}
    delays = [drawn[step] - at for step, at in ends]
    say(f"from the end of a step of {np.prod(MAPS):,} pixels to the viewer's picture of it, s: "
        f"{middle(delays)} of {len(delays)}   aim: under 1")


def main():
    for program in (LIVE, TRAINER):
        if not os.access(program, os.X_OK):
            sys.exit(f"live.py: there is no {program}; build it first")
    port = 20000 + os.getpid() % 20000
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        say(f"In situ, {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
        steps_per_second(port)
        hand_over()
        pixels(port + 1)
        os.chdir("/")
    if OUTPUT:
        os.makedirs(os.path.dirname(OUTPUT), exist_ok=True)
        with open(OUTPUT, "w") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
