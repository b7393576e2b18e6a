"""What in situ costs: ratios to a peer in the same run, medians over rounds that alternate.

    python3 Testing/Benchmarks/live.py [BUILD [ROUNDS [OUTPUT]]]

Needs the trainer, the shim, tensorview-live and xvfb-run; a peer that does not run ends the
benchmark. On a busy machine the times are those of
the other programs; the trainer's own processor time, beside them, is less so.
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
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
OUTPUT = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None
SCRIPTS = os.path.join(HERE, "..", "..", "Plugin", "Live", "Scripts")
RUN = f"benchmark-{os.getpid()}"
LIVE = os.path.join(BUILD, "bin", "tensorview-live")
TRAINER = os.path.join(BUILD, "bin", "tensorview-lenet")
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


def train(*options, steps=400):
    """LeNet-5: steps per second, and seconds of processor time of the whole program."""
    command = [TRAINER, "--steps", str(steps), "--threads", "1", "--samples", "5000", "--overwrite", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        text = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    found = re.search(r"([0-9.]+) steps/s", text)
    if child.returncode or not found:
        sys.exit(f"live.py: {command} failed: {text}")
    return float(found.group(1)), usage.ru_utime + usage.ru_stime


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
    slower = {name: [] for name in cases}
    busier = {name: [] for name in cases}
    rates = []
    _, start_and_end = train("--output", "none", steps=1)  # reading the data, testing the network
    for _ in range(ROUNDS):
        for name, options in cases.items():
            live = None
            if "four views" in name:
                live = start("four-views.log", LIVE, RUN, "--wait", "--script", script)
                wait_for("waiting for the run", "four-views.log", live)
            alone, cpu_alone = train("--output", "none")  # next to its peer in time
            rate, cpu = train(*options)
            rates.append(alone)
            slower[name].append(100 * (alone / rate - 1))
            busier[name].append(100 * ((cpu - start_and_end) / (cpu_alone - start_and_end) - 1))
            if live:
                live.wait(60)
    say(f"LeNet-5, batch 50, one thread; weights of convolutions and biases recorded at every step, "
        f"activations at every hundredth; "
        f"without the shim {statistics.median(rates):.1f} steps/s")
    say(f"{'recorded to':48} {'a step takes longer by, %':>30} {'its processor time by, %':>30}   aim, %")
    for name, values in slower.items():
        say(f"{name:48} {middle(values):>30} {middle(busier[name]):>30}   {aims.get(name, '')}")
    say()


class Shim:
    """The C library, from Python: the trainer of what follows."""

    class Options(ctypes.Structure):
        _fields_ = [("overwrite", ctypes.c_int), ("threads", ctypes.c_int), ("flush_seconds", ctypes.c_double),
                    ("channel", ctypes.c_char_p), ("channel_slots", ctypes.c_size_t),
                    ("block_seconds", ctypes.c_double)]

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
                                     ctypes.c_size_t(shape[0]), ctypes.c_size_t(target.size), 1)
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
        time.sleep(3)
    shim.close()
    live.wait(60)
    stop(viewer)
    with open(log, errors="replace") as file:
        drawn = {int(step): float(at) for step, at in re.findall(r"drawn (\d+) at ([0-9.]+)", file.read())}
    delays = [drawn[step] - at for step, at in ends if step in drawn]
    if len(delays) < 5:
        sys.exit("live.py: the viewer drew too few of the steps")
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
