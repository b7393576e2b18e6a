#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A training run, tensorview-live beside it, and a viewer that shows the four views while it goes on:
#
#   bash Data/Demo/demo_live.sh BUILD FOLDER      (bash Data/demo.sh --live builds first)
#
# On the screen where there is one, otherwise under Xvfb. FOLDER gets pictures of the viewer. The
# same is trained without anyone watching before: the training waits for nobody, and steps that the
# viewer is too slow for are passed by. (With --block it would wait, and each step be seen.)
set -euo pipefail
build=$1 folder=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run=demo-$$ steps=${TENSORVIEW_LIVE_STEPS:-3000}
export TENSORVIEW_PLUGIN=${TENSORVIEW_PLUGIN:-$build/lib/TensorView/TensorView.so}
export OMP_WAIT_POLICY=passive
mkdir -p "$folder"
rm -f "$folder"/live-*.png

# A port that nobody has, and the script that connects to it.
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed "s/localhost:22222/localhost:$port/" "$here/../Plugin/Live/Scripts/four_views.py" >"$folder/four_views.py"

children=()
finish() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap finish EXIT

wait_for() { # WORDS FILE PROCESS
  while ! grep -qs "$1" "$2"; do
    if ! kill -0 "$3" 2>/dev/null; then
      cat "$2" >&2
      exit 1
    fi
    sleep 0.1
  done
}

display=()
if [ -z "${DISPLAY:-}" ]; then
  echo "There is no display: the viewer draws under Xvfb"
  display=(xvfb-run -a -s "-screen 0 1280x1080x24")
fi
training=(--threads 1 --record-weights 1 --record-activations 10 --output none --quiet)
said() { grep -o "[0-9.]* $1" "$2"; } # by a trainer at its end

echo "Training $((steps / 5)) steps that nobody watches"
"$build/bin/tensorview-lenet" "${training[@]}" --steps $((steps / 5)) >"$folder/alone.log" </dev/null

# Nicer than the training: they take what it leaves of the processor.
nice -n 5 "${display[@]}" pvpython "$here/demo_live.py" "$port" "$folder" $((steps / 6)) \
  >"$folder/viewer.log" 2>&1 </dev/null &
children+=($!)
viewer=$!
nice -n 5 "$build/bin/tensorview-live" "$run" --wait --script "$folder/four_views.py" \
  >"$folder/live.log" 2>&1 </dev/null &
children+=($!)
live=$!
wait_for "Waiting for tensorview-live" "$folder/viewer.log" "$viewer"
wait_for "waiting for the run" "$folder/live.log" "$live"

echo "Training $steps steps; tensorview-live follows, a viewer at port $port looks on"
"$build/bin/tensorview-lenet" "${training[@]}" --steps "$steps" --channel "$run" --record-times 1 \
  >"$folder/watched.log" </dev/null
wait "$live" "$viewer"
children=()
grep -h "run is over" "$folder/live.log"
echo "The training made $(said steps/s "$folder/watched.log"); unwatched, $(said steps/s "$folder/alone.log")"
echo "Recording took $(said % "$folder/watched.log") of its time: it waited for nobody, and shared the processor"
echo "Pictures: $(ls "$folder"/live-*.png | tr '\n' ' ')"
cat <<END
The same with your own viewer and your own training:
  paraview --live=22222          (load the plugin $TENSORVIEW_PLUGIN first, Tools > Manage Plugins)
  TENSORVIEW_CHANNEL=mine your-trainer ...
  $build/bin/tensorview-live mine --wait --script Plugin/Live/Scripts/four_views.py
END
