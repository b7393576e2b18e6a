"""The run files that other tests are made of (Testing/Support/run_file.py) are what the table says,
for every type, bfloat16 among them."""

import h5py
import numpy as np
import run_file
import table

run_file.lenet("lenet.tvh5", steps=4, filters=7, channels=3)
table.check("lenet.tvh5")

values = np.round(np.random.default_rng(1).normal(size=(3, 4, 5)) * 4) / 4  # exact in all of them
types = {"f2": "<f2", "f4": "<f4", "f8": "<f8", "bf16": run_file.bfloat16()}
run_file.write_run(
    "types.tvh5",
    {
        f"{name}/weights": run_file.Tensor("oi", values.astype("f4"), range(3), dtype=dtype)
        for name, dtype in types.items()
    },
    filters={"f4": (np.full((2, 4), -1), [0, 2])},
)
table.check("types.tvh5")
with h5py.File("types.tvh5", "r") as file:
    for name in types:
        dataset = file[f"layers/{name}/weights/values"]
        assert dataset.id.get_type().get_size() == {"f2": 2, "f4": 4, "f8": 8, "bf16": 2}[name]
        assert np.array_equal(dataset[...], values), name
