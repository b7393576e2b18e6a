#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The figures of the README, in one run: correlation, what the shim costs a step, reading and the
# views at full size, and in situ, each beside its peer. Needs a build (bash Testing/run.sh) and a
# machine that does nothing else; takes about 10 minutes, 2 GB of disk, and writes
# build/benchmarks/*.md and .txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=/usr/bin:/bin:$PATH OMP_WAIT_POLICY=passive
export TENSORVIEW_PLUGIN=$PWD/build/lib/TensorView/TensorView.so
export TENSORVIEW_KERNELS=$PWD/build/lib/libtensorview_kernels_visible.so
here=Testing/Benchmarks
output=build/benchmarks
mkdir -p $output

/usr/bin/python3 $here/correlation.py --table $output/correlation.md
build/bin/shim_cost | tee $output/shim.txt
Testing/Support/with_display.sh 1280x1024 \
  /usr/bin/python3 $here/views.py --csv --folder $output/large --table $output/views.md "$@"
pvpython $here/read_large.py --folder $output/large --table $output/read.md
/usr/bin/python3 $here/live.py build 2000 $output/live.txt
echo "Written to $output/"
