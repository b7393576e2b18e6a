#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Both sides of the ring under clang's libFuzzer, with address and undefined behaviour checked.
#
#   bash Testing/Live/fuzz.sh FOLDER EXECUTIONS
#
# FOLDER gets the library, the program, and a corpus that grows. Needs clang. Ends with the counts; a
# crash leaves its input in FOLDER and fails.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:?the folder to work in} count=${2:?how many executions}
mkdir -p "$folder/corpus"
cd "$folder"
checks=-fsanitize=address,undefined
cmake -S "$top/Data/Shim" -B shim -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_C_FLAGS="-O1 $checks,fuzzer-no-link -fno-sanitize-recover=all" >shim.log
cmake --build shim --target tensorview_static >>shim.log
clang -g -O1 -std=gnu11 -DFUZZ_LIBRARY $checks,fuzzer -fno-sanitize-recover=all \
  -I"$top/Data/Shim/include" -Ishim/include -I"$top/Data/Shim/ring" -I"$top/Filters/Kernels/Base" "$top/Testing/Live/fuzz.c" \
  shim/libtensorview_static.a shim/Base/libtensorview_base.a $(pkg-config --libs hdf5 jansson zlib) -lxxhash -lm -lpthread -ldl -fopenmp -o fuzz
./fuzz -runs="$count" -max_len=1024 -timeout=20 -rss_limit_mb=4000 -print_final_stats=1 corpus >ring.log 2>&1 || {
  tail -n 30 ring.log
  exit 1
}
echo "$(grep -o 'number_of_executed_units: .*' ring.log) $(grep -o 'average_exec_per_sec: .*' ring.log)"
