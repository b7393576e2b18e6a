# SPDX-License-Identifier: BSD-3-Clause
"""Data/Demo/vgg.py draws a small run of vgg16: all pictures are there, and are no blank sheets."""

import os
import subprocess

import vgg_support as vgg

weights = vgg.make_weights(32, "conv1_1", seed=3)
kernel, bias = weights["conv1_1"]
kernel[15], bias[15] = 1.5 * kernel[8], 1.5 * bias[8]  # a pair that must be found
vgg.write_safetensors("weights.safetensors", vgg.torchvision_names(weights))
vgg.make_photographs("photographs", 3, 48, 64)
vgg.run("--weights", "weights.safetensors", "--images", "photographs", "--size", 32,
        "--batch", 4, "--batches", 10, "--output", "run.tvh5")
script = os.path.join(os.environ["TENSORVIEW_SOURCE"], "Data", "Demo", "vgg.py")
done = subprocess.run(
    [os.path.join(os.environ["TENSORVIEW_SOURCE"], "Testing", "Support", "with_display.sh"),
     "1280x1024", "pvpython", "--force-offscreen-rendering",
     script, "run.tvh5", "pictures"], capture_output=True, text=True, timeout=200)
assert done.returncode == 0, done.stdout + done.stderr
assert "8 and 15: 1.0000" in done.stdout, done.stdout
assert "no picture after 100" in done.stdout, done.stdout


def colors(path):
    told = subprocess.run(["convert", path, "-format", "%k", "info:"], capture_output=True, check=True)
    return int(told.stdout)


for name in ("fig10", "fig11a", "fig11b", "fig12-10", "fig13"):
    path = os.path.join("pictures", name + ".png")
    assert os.path.exists(path), (name, done.stdout)
    assert colors(path) > 50, (name, colors(path))
print(done.stdout)
