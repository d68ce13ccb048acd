#!/bin/bash
# Starts accounts.example.yaml on the embedded exchange, shows its status, and follows its events until Ctrl-C.
set -u
bybitctl=$1
state=$(mktemp -d "${TMPDIR:-/tmp}/bybitctl-demo.XXXXXX")
export BYBITCTL_STATE_DIR=$state
# Each command gets a process group of its own, so that Ctrl-C ends what is on the screen and this script can tidy up.
set -m

daemon=""
finish() {
    trap - EXIT INT TERM
    local code=0
    if [ -n "$daemon" ]; then
        kill -TERM "$daemon" 2>/dev/null
        wait "$daemon"
        code=$?
        echo
        echo "The daemon ended with exit code $code. Its log was $state/demo.log; its events are in $state/events/."
    fi
    exit "$code"
}
trap finish EXIT INT TERM

mkdir -p "$state/events"
cp accounts.example.yaml "$state/accounts.yaml"
started=$(date +%s%N)
echo "\$ bybitctl start accounts.example.yaml"
"$bybitctl" start "$state/accounts.yaml" >"$state/demo.out" 2>"$state/demo.log" &
daemon=$!
if ! "$bybitctl" status --quiet --for healthy --timeout 30s; then
    echo "The daemon did not become healthy. Its log:" >&2
    cat "$state/demo.log" >&2
    exit 1
fi
echo "All accounts are live after $((($(date +%s%N) - started) / 1000000)) ms."
echo
echo "\$ bybitctl status"
"$bybitctl" status
echo
echo "\$ bybitctl events --output table    (Ctrl-C ends it)"
if [ -t 0 ]; then
    # In the foreground, so that Ctrl-C reaches it alone.
    "$bybitctl" events --output table
else
    "$bybitctl" events --output table &
    wait $!
fi
