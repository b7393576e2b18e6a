#!/usr/bin/env bash
# Runs a command under an X server of its own: with_display.sh WIDTHxHEIGHT COMMAND ARGUMENTS...
#
# xvfb-run -a looks for a free display and takes it a moment later, so that two tests started
# together now and then get the same one. Here the server itself chooses (-displayfd), atomically.
# -noreset: a server that starts afresh when its last client leaves turns away the next one.
set -u
screen=$1
shift
ready=$(mktemp -u)
mkfifo -m 600 "$ready" || exit 1
Xvfb -displayfd 3 -screen 0 "${screen}x24" -nolisten tcp -noreset 3<>"$ready" >/dev/null 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -f "$ready"' EXIT
trap 'exit 143' TERM INT HUP
exec 4<>"$ready"
rm -f "$ready"
if ! read -r -t 60 number <&4; then
  echo "with_display.sh: Xvfb gave no display within 60 s" >&2
  exit 1
fi
exec 4>&-
DISPLAY=:$number XAUTHORITY=/dev/null "$@" &
command=$!
trap 'kill $command 2>/dev/null; exit 143' TERM INT HUP
wait $command
