#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds and tests this tree on other releases of Debian, each in a folder of its own.
#
#   bash Testing/distributions.sh [SUITE]...     trixie and sid where none is named
#
# Needs root, debootstrap, 12 GB for each suite and about an hour; no part of .ci/run. Folders are
# kept in ${TENSORVIEW_DISTRIBUTIONS:-/var/tmp/tensorview-distributions}: a second run installs and
# compiles what is new only. Prints a table and ends with 0 where everything passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${TENSORVIEW_DISTRIBUTIONS:-/var/tmp/tensorview-distributions}

[ "$(id -u)" -eq 0 ] || { echo "distributions.sh: run this as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "distributions.sh: debootstrap is not here" >&2; exit 1; }

mounted=()
release() { for place in "${mounted[@]}"; do umount -l "$place" || true; done; mounted=(); }
trap release EXIT

enter() { # the suite's folder with this tree in /src
  local folder=$root/$1
  if [ ! -e "$folder/etc/debian_version" ]; then
    mkdir -p "$folder"
    debootstrap --variant=minbase "$1" "$folder"
  fi
  for place in proc sys dev dev/shm; do
    mount --bind "/$place" "$folder/$place"
    mounted=("$folder/$place" "${mounted[@]}")
  done
  cp -L /etc/resolv.conf "$folder/etc/"
  mkdir -p "$folder/src"
  git ls-files -z | tar --null -cf - -T - | tar -xf - -C "$folder/src"
}

inside() { # a command in /src of the suite, in a new environment
  local folder=$root/$1
  shift
  chroot "$folder" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    bash -c "cd /src && $*" </dev/null
}

versions() { # of what differs most between releases
  inside "$1" "dpkg-query -W -f '\${Package} \${Version}\n' paraview python3 libdnnl-dev libhdf5-dev" |
    sed 's/+dfsg[^ ]*//; s/-[^ ]*$//' | awk '{printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2}'
}

failures=0
table="suite    result"
for suite in "${@:-trixie sid}"; do
  for name in $suite; do
    log=$root/$name.log
    mkdir -p "$root"
    echo "$name: the log is $log"
    if { enter "$name" && inside "$name" bash Testing/run.sh; } >"$log" 2>&1; then
      result="all passed"
    else
      failures=$((failures + 1))
      result=$(sed -n 's/^\([0-9]*% tests passed.*\)/\1/p' "$log" | tail -n 1)
      result="${result:-not built}: $(sed -n 's/^\t *[0-9]* - \([^ ]*\) .*/\1/p' "$log" | tr '\n' ' ')"
    fi
    table+=$'\n'"$(printf '%-8s' "$name") $result ($(versions "$name" || true))"
    release
  done
done
echo "$table"
[ "$failures" -eq 0 ]
