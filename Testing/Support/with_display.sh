#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs a command under an X server of its own: with_display.sh WIDTHxHEIGHT COMMAND ARGUMENTS...
#
# xvfb-run -a looks for a free display and takes it a moment later, so that two tests started
# together now and then get the same one. Here the server itself chooses (-displayfd), and one that
# lost a race all the same ends at once and is started again.
# -noreset: a server that starts afresh when its last client leaves turns away the next one.
set -u
screen=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
number=
for attempt in 1 2 3 4 5 6 7 8; do
  Xvfb -displayfd 3 -screen 0 "${screen}x24" -nolisten tcp -noreset \
    3>"$folder/display" >"$folder/log" 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder"' EXIT
  trap 'exit 143' TERM INT HUP
  for tenth in {1..600}; do
    [ -s "$folder/display" ] && read -r number <"$folder/display" && break
    kill -0 $server 2>/dev/null || break
    sleep 0.1
  done
  [ -n "$number" ] && break
  kill $server 2>/dev/null
  wait $server 2>/dev/null
  sleep "0.$((RANDOM % 9 + 1))"
done
if [ -z "$number" ]; then
  cat "$folder/log" >&2
  echo "with_display.sh: Xvfb gives no display" >&2
  exit 1
fi
DISPLAY=:$number XAUTHORITY=/dev/null "$@" &
command=$!
trap 'kill $command 2>/dev/null; exit 143' TERM INT HUP
wait $command
