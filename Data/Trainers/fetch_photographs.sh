#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Puts about thirty real photographs, from Debian packages, into a folder:
#
#   bash Data/Trainers/fetch_photographs.sh FOLDER
#
# Needs no rights and installs nothing: the packages are downloaded, unpacked in a temporary folder
# and deleted again. Running it again does nothing where the folder is complete.
set -euo pipefail

folder=${1:?the folder to put the photographs into}
packages="lomiri-wallpapers-16.04 darknet python3-skimage python3-sklearn"
# Left out on purpose: drawings, scans, microscopy and synthetic pictures of the same packages.
names="
usr/share/backgrounds/*.jpg
usr/share/darknet/data/dog.jpg
usr/share/darknet/data/eagle.jpg
usr/share/darknet/data/giraffe.jpg
usr/share/darknet/data/horses.jpg
usr/share/darknet/data/kite.jpg
usr/share/darknet/data/person.jpg
usr/lib/python3/dist-packages/skimage/data/astronaut.png
usr/lib/python3/dist-packages/skimage/data/chelsea.png
usr/lib/python3/dist-packages/skimage/data/coffee.png
usr/lib/python3/dist-packages/skimage/data/hubble_deep_field.jpg
usr/lib/python3/dist-packages/skimage/data/motorcycle_left.png
usr/lib/python3/dist-packages/skimage/data/rocket.jpg
usr/lib/python3/dist-packages/sklearn/datasets/images/china.jpg
usr/lib/python3/dist-packages/sklearn/datasets/images/flower.jpg
"

if [ -f "$folder/.complete" ]; then
  echo "$folder has its photographs already."
  exit 0
fi
command -v apt-get >/dev/null || {
  echo "This needs apt-get (Debian). Any folder of JPEG or PNG photographs does as well." >&2
  exit 1
}
mkdir -p "$folder"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
chmod 755 "$temporary"
for package in $packages; do
  echo "Fetching $package"
  (cd "$temporary" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$package" >/dev/null) || {
    echo "$package cannot be downloaded: is there a network, and was apt-get update run?" >&2
    exit 1
  }
  dpkg-deb -x "$temporary/$package"_*.deb "$temporary/unpacked"
done
for name in $names; do
  for file in "$temporary/unpacked/"$name; do
    [ -f "$file" ] || { echo "The packages no longer hold $name; going on without it." >&2; continue; }
    install -m 644 "$file" "$folder/"
  done
done
touch "$folder/.complete"
echo "$(ls "$folder" | wc -l) photographs in $folder"
