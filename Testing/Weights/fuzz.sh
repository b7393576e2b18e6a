#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The readers of weight files under clang's libFuzzer, with address and undefined behaviour checked.
#
#   bash Testing/Weights/fuzz.sh FOLDER EXECUTIONS [KIND...]
#
# FOLDER gets the program, and a corpus that grows for each kind of file: safetensors json tfjs pt npy
# npz onnx, and keras, which is not among those that are fuzzed where none is named. Needs clang, and
# Debian's python3-torch, python3-onnx and python3-h5py to write the files it starts from. Ends with the
# counts; a crash leaves its input in FOLDER and fails.
#
# keras goes through HDF5, without a trial in a process of its own (hdf5_trial.h): slow (some hundred in a
# second; a FOLDER in /dev/shm helps), and with HDF5's own crashes. Those are counted, and fuzzing goes
# on; a crash with a function of ours on top of HDF5 fails.
#
# Last with 10000000 for each of the seven: 40 minutes on one core, no crash after the names of nothing
# but slashes (hostile.py) were mended; pt again when it read numpy's arrays, the same number, no crash.
# keras for an hour on a busy machine: 2,776,030 before the bytes of attributes were read without HDF5, 17
# crashes; 374,218 after, 1 crash. All of HDF5's own.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:?the folder to work in} count=${2:?how many executions for each kind of file}
shift 2
kinds=("$@")
[ $# -gt 0 ] || kinds=(safetensors json tfjs pt npy npz onnx)
mkdir -p "$folder/start"
cd "$folder"
(
  cd start
  PYTHONPATH="$top/Testing/Weights:$top/Testing/Support" /usr/bin/python3 "$top/Testing/Weights/fuzz_files.py"
  mkdir -p keras
  cd keras
  /usr/bin/python3 "$top/Testing/Weights/fuzz_keras.py"
)
weights=$top/Data/Shim/weights tests=$top/Testing/Weights
mapfile -t readers < <(find "$weights" -name '*.c' ! -name 'weights_list.c' ! -name 'weights_medium.c' \
  ! -name 'weights_series.c')

# build PROGRAM SOURCES AND OPTIONS...
build() {
  clang -g -O1 -std=gnu11 -D_GNU_SOURCE -DFUZZ_LIBRARY -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -I"$weights" -I"$top/Filters/Kernels/Base" "$tests/fuzzed.c" \
    "$top/Filters/Kernels/Base/status.c" "${@:2}" -ljansson -lz -lm -o "$1"
}

# Whose crash each input in this folder is: by the first function in it that is HDF5's, or ours.
sort_crashes() {
  local input
  for input in crash-* timeout-* oom-*; do
    [ -e "$input" ] || continue
    { ./fuzz_keras -timeout=20 -malloc_limit_mb=1000000 "$input" 2>&1 || true; } | awk -v input="$input" -v top="$top" '
      /^ *#[0-9]+ / && !who { if (/libhdf5/) who = "HDF5"; else if (index($0, top)) who = "ours: " $0 }
      END { print input ": " (who ? who : "not again") }'
  done
}

fuzz_keras() {
  local hdf5 include
  read -ra hdf5 < <(pkg-config --cflags --libs hdf5-serial)
  include=$PWD/include
  mkdir -p "$include/tensorview" corpus-keras
  echo '#define TENSORVIEW_VERSION ""' >"$include/tensorview/version.h"
  build fuzz_keras "$tests/fuzz_keras.c" "${readers[@]}" "$top"/Data/Shim/file/hdf5_*.c -I"$include" \
    -DTENSORVIEW_TRIAL_FOLDER='"nowhere"' \
    -I"$top/Data/Shim/file" -I"$top/Data/Shim/run" -I"$top/Data/Shim/include" "${hdf5[@]}"
  cp start/keras/* corpus-keras/
  # -fork=1 begins anew after a crash, and counts for all processes together. What HDF5 asks of memory and
  # does not get is no crash.
  export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
  ./fuzz_keras -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 \
    -runs="$count" -max_len=32768 -timeout=20 -rss_limit_mb=4000 -malloc_limit_mb=1000000 corpus-keras >keras.log 2>&1
  echo "keras: $(grep '^#' keras.log | tail -n 1)"
  rm -f input*.h5
  sort_crashes >crashes
  cut -d: -f2- crashes | sort | uniq -c
  ! grep -q ': ours' crashes
}

mapfile -t without < <(printf '%s\n' "${readers[@]}" | grep -v -e '/keras[^/]*$' -e '/mapped.c$')
build fuzz "$tests/fuzz.c" "${without[@]}"
for kind in "${kinds[@]}"; do
  if [ "$kind" = keras ]; then
    fuzz_keras
    continue
  fi
  mkdir -p "corpus-$kind"
  cp start/*."$kind" "corpus-$kind/"
  ./fuzz -runs="$count" -max_len=4096 -timeout=20 -rss_limit_mb=4000 -print_final_stats=1 \
    "corpus-$kind" >"$kind.log" 2>&1 || { tail -n 30 "$kind.log"; exit 1; }
  echo "$kind: $(grep -o 'number_of_executed_units: .*' "$kind.log") $(grep -o 'average_exec_per_sec: .*' "$kind.log")"
done
