#!/bin/bash
# Plants the bugs of Simulation/mutants.patch into a copy of the sources, one at a time, and looks for a seed that finds
# each. Prints a table; fails if one survives 1,000 seeds. Arguments: names of bugs; none for all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=${MUTANTS_SCRATCH:-$root/.build-mutants}
swift=${SWIFT:-swift}
seeds=1000

tree=$(mktemp -d "${TMPDIR:-/tmp}/bybitctl-mutants.XXXXXX")
trap 'rm -rf "$tree"' EXIT
cp -R "$root/Package.swift" "$root/Sources" "$root/Tests" "$root/Simulation" "$root/Benchmarks" "$tree/"
# The same versions as the sources beside it, where some have been resolved.
[ ! -e "$root/Package.resolved" ] || cp "$root/Package.resolved" "$tree/"
cd "$tree"
if ! git apply Simulation/mutants.patch; then
    echo "error: Simulation/mutants.patch does not fit the sources any more" >&2
    exit 1
fi
"$swift" build -c release --static-swift-stdlib --scratch-path "$scratch" --product chaos-runner
names=$(sed -n 's/^+.*Mutant\.is("\([a-z-]*\)").*/\1/p' Simulation/mutants.patch | sort -u)
[ $# -gt 0 ] && names=$*

# What the first seed that fails says; nothing if none does. Bugs of consumers that act, and of changes of mode, show only where
# there are some.
verdict() {
    { MUTANT=$1 "$scratch/release/chaos-runner" $(case $1 in acting-*) echo --actions ;; rollout-*) echo --rollout ;; esac) --seeds "$seeds" \
        --until-failure || true; } |
        sed -n 's/^seed \([0-9]*\) fails at \(.*\)$/\1 | \2/p' | sort -n | head -n 1
}

for name in none acting-none rollout-none; do
    found=$(verdict "$name")
    if [ -n "$found" ]; then
        echo "error: without any planted bug, seed $found" >&2
        exit 1
    fi
done
survivors=0
echo "planted bug | seed | what the oracle says"
for name in $names; do
    found=$(verdict "$name")
    [ -n "$found" ] || { found="none of $seeds | SURVIVES"; survivors=$((survivors + 1)); }
    echo "$name | $found"
done
exit $((survivors > 0))
