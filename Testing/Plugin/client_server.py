# SPDX-License-Identifier: BSD-3-Clause
"""A pvserver of two ranks gives what one process gives: views bit for bit, correlations within 1e-6."""

import os
import signal
import socket
import subprocess
import sys
import time
import unittest

import numpy as np
import run_file

PVPYTHON, PVSERVER, MPIEXEC = sys.argv[1:4]
RUN = os.path.abspath("run.tvh5")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def collect(out, *more):
    here = os.path.dirname(os.path.abspath(__file__))
    result = subprocess.run(
        [PVPYTHON, os.path.join(here, "collect.py"), RUN, out, *more],
        capture_output=True,
        text=True,
        timeout=800,
    )
    if result.returncode != 0:
        raise AssertionError(result.stdout + result.stderr)
    return dict(np.load(out))


class ClientServer(unittest.TestCase):
    def test_two_ranks(self):
        run_file.lenet(RUN)
        alone = collect("alone.npz")
        self.assertGreater(len(alone), 120)

        port = free_port()
        with open("pvserver.log", "w") as log:
            server = subprocess.Popen(
                [MPIEXEC, "--oversubscribe", "-n", "2", PVSERVER, f"--server-port={port}"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            for _ in range(300):
                with open("pvserver.log") as log:
                    if "Accepting connection" in log.read() or server.poll() is not None:
                        break
                time.sleep(0.2)
            together = collect("together.npz", str(port))
        finally:
            try:
                os.killpg(server.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
            server.wait(30)

        self.assertEqual(set(alone), set(together))
        for name in sorted(alone):
            one, two = alone[name], together[name]
            self.assertEqual(one.shape, two.shape, name)
            self.assertEqual(one.dtype, two.dtype, name)
            if name.startswith("picture"):
                self.assertGreater(np.ptp(one), 100, name)
                different = np.abs(one.astype(int) - two).max(axis=-1) > 40
                self.assertLess(different.mean(), 0.01, name)
            elif one.dtype.kind == "U":
                self.assertEqual(one.tolist(), two.tolist(), name)
            elif "Correlation" in name or "groups" in name or name.endswith(" bounds"):
                # Spacings come over the wire as text of six digits; groups and matrix are sums.
                np.testing.assert_allclose(two, one, rtol=1e-6, atol=1e-6, err_msg=name)
            else:
                np.testing.assert_array_equal(two, one, err_msg=name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
