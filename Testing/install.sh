#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs the Debian packages (12, 13, unstable) that TensorView needs: the one list, with the
# reasons.
#
#   bash Testing/install.sh          all of it
#   bash Testing/install.sh demo     what Data/demo.sh needs: no packages that only tests use
#
# Asks apt-get only for what is missing, so it costs nothing when run again. As root, or with sudo.
# Package names are words: they are meant to be split.
# shellcheck disable=SC2046,SC2086
set -euo pipefail

packages() {
  # Compilers and the build; make, which cmake uses where it is not told otherwise.
  build="gcc g++ make cmake ninja-build ccache pkg-config git"

  # ParaView, its Python, and the headers to build a plugin against.
  build+=" paraview paraview-dev python3-paraview"
  # find_package(ParaView) fails until every library that ParaView was built with has its headers.
  # Qt, for ParaView's client: 5 in Debian 12, 6 since.
  if [ "$(. /etc/os-release; echo "${VERSION_ID:-unstable}")" = 12 ]; then
    build+=" qtbase5-dev qttools5-dev libqt5svg5-dev libqt5opengl5-dev libqt5x11extras5-dev"
    build+=" libqt5xmlpatterns5-dev qtxmlpatterns5-dev-tools"
  else
    build+=" qt6-base-dev qt6-tools-dev qt6-svg-dev qt6-5compat-dev"
    build+=" qt6-svg-plugins" # its buttons have no pictures otherwise
  fi
  # Debian's ParaView 6 uses Debian's VTK; where there is no xmlpatterns, its help is made with xsltproc.
  if [ -z "$(. /etc/os-release; echo "${VERSION_ID:-}")" ]; then
    build+=" libvtk9-dev libvtk9-qt-dev xsltproc"
  fi
  build+=" libxcursor-dev libxt-dev"
  # HDF5 in the flavour that ParaView uses, and MPI for pvserver on several ranks:
  build+=" libhdf5-openmpi-dev libopenmpi-dev openmpi-bin"
  # VTK's and ParaView's other dependencies:
  build+=" python3-dev libutfcpp-dev libdouble-conversion-dev libboost-dev libeigen3-dev"
  build+=" nlohmann-json3-dev libpugixml-dev libjsoncpp-dev libsqlite3-dev libproj-dev libcgns-dev"
  build+=" libprotobuf-dev protobuf-compiler libtheora-dev libogg-dev libgl2ps-dev libgdal-dev"
  build+=" libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libnetcdf-dev libglew-dev"
  build+=" libfreetype-dev libtiff-dev liblz4-dev liblzma-dev libexpat1-dev libxml2-dev"
  build+=" libjpeg-dev libpng-dev zlib1g-dev"

  # The shim links the serial HDF5; the trainers link oneDNN.
  build+=" libhdf5-dev libdnnl-dev"
  # XXH3, the checks of records in run files: a header, nothing to link.
  build+=" libxxhash-dev"
  # Weight files' JSON: the shim links it; small, C, and keeps integers of 64 bits.
  build+=" libjansson-dev"
  # What the trainers train on: 60,000 + 10,000 pictures.
  build+=" dataset-fashion-mnist"

  # A display in memory: ParaView draws on no other where there is no screen.
  build+=" xvfb xauth"
  # numpy for pvpython's scripts, with a BLAS that is not ten times slower than it could be.
  build+=" python3-numpy libopenblas0-pthread"

  # Who judges our numbers: others' HDF5, statistics and clustering.
  tests="python3-h5py python3-scipy hdf5-tools"
  # Judges the checks of records.
  tests+=" python3-xxhash"
  # Whether programs that were built with the last release still run: abidw, abidiff.
  tests+=" abigail-tools"
  # Judges the trainer: the same network, step by step.
  tests+=" python3-torch"
  # Networks of all kinds for the Python package to watch; what its pip needs without a network.
  tests+=" python3-torchvision python3-pip python3-setuptools python3-wheel"
  # Writes the ONNX models that our readers must read.
  tests+=" python3-onnx"
  # Looks for reads and writes where there is nothing.
  tests+=" valgrind"
  # Decides on layout, and looks for habits that turn into bugs.
  tests+=" clang-format clang-tidy"
  # Makes packages, and looks into them.
  tests+=" dpkg-dev file"
  # Pictures of ParaView's window, and keys and clicks for it.
  tests+=" imagemagick xdotool"
  # ps, kill: tests that end processes at random.
  tests+=" procps"

  case "${1:-all}" in
    demo) echo "$build" ;;
    all) echo "$build $tests" ;;
    *) echo "install.sh: '$1' is neither 'demo' nor nothing" >&2; exit 2 ;;
  esac
}

wanted=$(packages "${1:-all}")
missing=$(for package in $wanted; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
done)
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install.sh: run this as root, or install sudo; missing:" $missing >&2
    exit 1
  }
  as_root="sudo -E"
fi
echo "Installing" $(echo "$missing" | wc -l) "packages and what they need:" $missing
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { # quiet unless it fails; waits for another apt-get; takes no input
  $as_root apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" \
    </dev/null >"$log" 2>&1 || { tail -n 40 "$log" >&2; return 1; }
}
apt update || echo "install.sh: the package lists could not be renewed; trying with those at hand" >&2
# An interrupted installation is finished first.
$as_root dpkg --configure -a </dev/null >"$log" 2>&1 || true
apt install -y --no-install-recommends $missing
