#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The readers of weight files under clang's libFuzzer, with address and undefined behaviour checked.
#
#   bash Testing/Weights/fuzz.sh FOLDER EXECUTIONS
#
# FOLDER gets the program, and a corpus that grows for each kind of file. Needs clang, and Debian's
# python3-torch and python3-onnx to write the files it starts from. Ends with the counts; a crash
# leaves its input in FOLDER and fails. Last with 10000000 for each of the seven: 40 minutes on one core,
# no crash after the names of nothing but slashes (hostile.py) were mended.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:?the folder to work in} count=${2:?how many executions for each kind of file}
mkdir -p "$folder/start"
cd "$folder"
(cd start && PYTHONPATH="$top/Testing/Weights:$top/Testing/Support" /usr/bin/python3 "$top/Testing/Weights/fuzz_files.py")
weights=$top/Data/Shim/weights
# shellcheck disable=SC2046
clang -g -O1 -std=gnu11 -D_GNU_SOURCE -DFUZZ_LIBRARY -fsanitize=fuzzer,address,undefined \
  -fno-sanitize-recover=all -I"$weights" -I"$top/Filters/Kernels/Base" "$top/Testing/Weights/fuzz.c" \
  "$top/Filters/Kernels/Base/status.c" \
  $(find "$weights" -name '*.c' ! -name 'keras*' ! -name 'mapped.c' ! -name 'weights_list.c' \
    ! -name 'weights_medium.c' ! -name 'weights_series.c') -ljansson -lz -o fuzz
for kind in safetensors json tfjs pt npy npz onnx; do
  mkdir -p "corpus-$kind"
  cp start/*."$kind" "corpus-$kind/"
  ./fuzz -runs="$count" -max_len=4096 -timeout=20 -rss_limit_mb=4000 -print_final_stats=1 \
    "corpus-$kind" >"$kind.log" 2>&1 || { tail -n 30 "$kind.log"; exit 1; }
  echo "$kind: $(grep -o 'number_of_executed_units: .*' "$kind.log") $(grep -o 'average_exec_per_sec: .*' "$kind.log")"
done
