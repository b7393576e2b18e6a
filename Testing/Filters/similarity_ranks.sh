#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# SimilarityGroups on one rank, and then on 3 (or as many as RANKS says), which compare: similarity_ranks.sh PVBATCH WITH_DISPLAY
set -e
script=$(dirname "$0")/similarity_ranks.py
# pvbatch runs the script on every rank only if asked to.
"$2" 640x480 "$1" "$script" "$PWD"
for ranks in ${RANKS:-3}; do
  "$2" 640x480 mpiexec -n $ranks --oversubscribe "$1" --symmetric "$script" "$PWD"
done
