#!/bin/bash
# Builds the fuzz targets of Fuzzing/ with libFuzzer and the address sanitizer, and runs them.
#
#     scripts/fuzz.sh [--seconds N] [TARGET…]   N seconds in all (default 300), shared by the targets
#     scripts/fuzz.sh --short [TARGET…]         every stored input once, and a few seconds of search
#     scripts/fuzz.sh --minimise [TARGET…]      stores the smallest inputs that reach everything known
#     scripts/fuzz.sh --replay TARGET FILE      one input, with a readable stack
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build-fuzz
# In megabytes: far above what any target needs, so that growth without bound ends the run.
memory=512
# Inputs above these sizes teach nothing; stored corpora stay small.
declare -A longest=(
    [TickerFrames]=4096 [PositionFrames]=8192 [WebSocketInput]=20480 [RESTReplies]=8192 [ConfigurationFiles]=4096
)
all=(TickerFrames PositionFrames WebSocketInput RESTReplies ConfigurationFiles)

mode=search
seconds=300
case "${1:-}" in
--seconds) seconds=${2:?"--seconds needs a number"} && shift 2 ;;
--short | --minimise | --replay) mode=${1#--} && shift ;;
-*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 64 ;;
esac
input=""
if [ "$mode" = replay ]; then
    [ $# -eq 2 ] || { echo "usage: scripts/fuzz.sh --replay TARGET FILE" >&2 && exit 64; }
    input=$2
    set -- "$1"
fi
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
    [ -n "${longest[$target]:-}" ] || { echo "error: no target $target; there are: ${all[*]}" >&2 && exit 64; }
done

# Swift's own report of a crash would wait for a debugger; the sanitizer's is better here.
export SWIFT_BACKTRACE=enable=no
# A small quarantine, so that memory that grows is memory that is kept.
sanitizer=quarantine_size_mb=16:malloc_context_size=2
flags=(
    -O -wmo -parse-as-library -swift-version 6 -package-name bybitctl -warnings-as-errors
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
    # Assertions are checks like any others.
    -assert-config Debug
    -I Sources/CCrypto -I Sources/CYAML -I "$build"
)

# fresh PRODUCT FILE…: whether the product is newer than everything it is made of.
fresh() {
    local product=$1 file
    shift
    [ -e "$product" ] || return 1
    for file in "$0" "$@"; do
        if [ ! -e "$file" ]; then
            echo "error: there is no $file; is it still in a list of Fuzzing/*.files?" >&2
            exit 1
        fi
        [ "$product" -nt "$file" ] || return 1
    done
}

# The files of a module: those listed, those in folders (with a slash at the end), without those behind a minus.
list_files() {
    local line
    while read -r line; do
        case $line in
        -*) ;;
        */) find "$line" -name '*.swift' ;;
        *) echo "$line" ;;
        esac
    done <"Fuzzing/$1.files" | grep -vxFf <(sed -n 's/^-//p' "Fuzzing/$1.files") | sort
}

# The part of a module that needs no other package, instrumented. Its own imports are resolved in $build.
build_module() {
    local module=$1 files
    shift
    mapfile -t files < <(list_files "$module")
    fresh "$build/$module.o" "${files[@]}" "Fuzzing/$module.files" "$@" && return
    echo "building $module for fuzzing"
    # The object last: a build that is broken off is not taken for one that is done.
    rm -f "$build/$module.o"
    swiftc "${flags[@]}" -sanitize=fuzzer,address -enable-testing -module-name "$module" -emit-module \
        -emit-module-path "$build/$module.swiftmodule" -c "${files[@]}" -o "$build/$module.new.o"
    mv "$build/$module.new.o" "$build/$module.o"
}

build_target() {
    local target=$1 objects=("$build/HybridStream.o") libraries=(-lcrypto)
    if [ "$target" = ConfigurationFiles ]; then
        objects+=("$build/Orchestrator.o")
        libraries+=(-lyaml)
    fi
    local files=(Fuzzing/Support/*.swift "Fuzzing/Targets/$target"*.swift)
    fresh "$build/$target" "${files[@]}" "${objects[@]}" && return
    echo "building $target"
    rm -f "$build/$target"
    # Without coverage: what is to be explored is the client, not the slow readings that it is compared with.
    swiftc "${flags[@]}" -sanitize=address -module-name "$target" -c "${files[@]}" -o "$build/$target.o"
    swiftc -sanitize=fuzzer,address -use-ld=lld "$build/$target.o" "${objects[@]}" "${libraries[@]}" -o "$build/$target"
}

build_all() {
    build_module HybridStream
    local slow=""
    if [[ " ${targets[*]} " == *" ConfigurationFiles "* ]]; then
        build_module Orchestrator "$build/HybridStream.o" &
        slow=$!
    fi
    local target
    for target in "${targets[@]}"; do [ "$target" = ConfigurationFiles ] || build_target "$target"; done
    if [ -n "$slow" ]; then
        wait "$slow"
        build_target ConfigurationFiles
    fi
}

# Where new inputs go. What a search has found helps the next one; the short mode always begins with what is stored.
corpus="$build/corpus"
logs="$build/logs/$mode"
if [ "$mode" = short ]; then
    corpus="$build/short"
    rm -rf "$corpus"
fi

# run TARGET FLAG…
run() {
    local target=$1
    shift
    mkdir -p "$corpus/$target" "$build/findings/$target" "Fuzzing/Corpus/$target"
    local dictionary=()
    [ -e "Fuzzing/Dictionaries/$target.dict" ] && dictionary=("-dict=Fuzzing/Dictionaries/$target.dict")
    ASAN_OPTIONS=$sanitizer "$build/$target" -entropic_scale_per_exec_time=1 -rss_limit_mb="$memory" -max_len="${longest[$target]}" -timeout=30 \
        -print_final_stats=1 -verbosity=1 -artifact_prefix="$build/findings/$target/" "${dictionary[@]}" "$@" \
        "$corpus/$target" "Fuzzing/Corpus/$target" >"$logs/$target.log" 2>&1
}

statistic() { sed -n "s/^stat::$2: *//p" "$logs/$1.log" | tail -n 1; }

report() {
    printf '%-20s %12s %8s %10s   %s\n' target executions inputs "peak RSS" result
    local target inputs
    for target in "${targets[@]}"; do
        inputs=$(find "$corpus/$target" "Fuzzing/Corpus/$target" -type f | wc -l)
        printf '%-20s %12s %8s %7s MB   %s\n' "$target" "$(statistic "$target" number_of_executed_units)" "$inputs" \
            "$(statistic "$target" peak_rss_mb)" "${results[$target]}"
    done
}

# What went wrong, where the input lies, and how to see it again.
explain() {
    local target=$1 log="$logs/$1.log" input
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo
    echo "$target: $(grep -aE 'Fatal error|ERROR: |SUMMARY: ' "$log" | head -n 1)"
    echo "    input:  ${input:-none was written; see $log}"
    [ -n "$input" ] && echo "    replay: scripts/fuzz.sh --replay $target $input"
    return 0
}

search() {
    local target failed=0 code
    declare -gA results=()
    for target in "${targets[@]}"; do
        code=0
        run "$target" "$@" || code=$?
        results[$target]=ok
        if [ "$code" -ne 0 ]; then
            results[$target]="FAILED ($code)"
            failed=1
        fi
    done
    report
    for target in "${targets[@]}"; do [ "${results[$target]}" = ok ] || explain "$target"; done
    return "$failed"
}

# store TARGET FOLDER: inputs that are made of lines or pages share files of some two kilobytes, hundreds would be many.
store() {
    local target=$1 separator input file="$build/known/joined"
    case $target in
    TickerFrames | PositionFrames) separator='\n' ;;
    RESTReplies) separator='\n%%%%\n' ;;
    *) separator="" ;;
    esac
    rm -f "$file"
    while read -r input; do
        if [ -s "$file" ] && { [ -z "$separator" ] || [ "$(cat "$file" "$input" | wc -c)" -gt 2000 ]; }; then
            mv "$file" "Fuzzing/Corpus/$target/$(sha1sum <"$file" | cut -c 1-16)"
        fi
        # shellcheck disable=SC2059  # a separator is a format
        [ -s "$file" ] && printf "$separator" >>"$file"
        cat "$input" >>"$file"
    done < <(find "$2" -type f ! -name 'seed-*' | sort)
    [ -s "$file" ] && mv "$file" "Fuzzing/Corpus/$target/$(sha1sum <"$file" | cut -c 1-16)"
    return 0
}

# Seeds stay; of everything else that is known the fewest inputs are stored that reach the same code.
minimise() {
    local target known="$build/known"
    for target in "${targets[@]}"; do
        rm -rf "$known" && mkdir -p "$known/all" "$known/chosen" "$corpus/$target"
        cp -t "$known/chosen" "Fuzzing/Corpus/$target"/seed-*
        find "$corpus/$target" -type f -exec cp -t "$known/all" {} +
        find "Fuzzing/Corpus/$target" -type f ! -name 'seed-*' -exec cp -t "$known/all" {} +
        ASAN_OPTIONS=$sanitizer "$build/$target" -set_cover_merge=1 -use_counters=0 -max_len="${longest[$target]}" \
            -rss_limit_mb="$memory" -timeout=30 "$known/chosen" "$known/all" >"$logs/$target.log" 2>&1
        find "Fuzzing/Corpus/$target" -type f ! -name 'seed-*' -delete
        store "$target" "$known/chosen"
        echo "$target: $(find "Fuzzing/Corpus/$target" -type f | wc -l) inputs," \
            "$(du -sb "Fuzzing/Corpus/$target" | cut -f 1) bytes"
    done
}

if ! compgen -G "$(dirname "$(readlink -f "$(command -v swiftc)")")/../lib/clang/*/lib/linux*/libclang_rt.fuzzer*.a" \
    >/dev/null; then
    echo "This Swift comes without libFuzzer; nothing was fuzzed." >&2
    [ "$mode" = short ] && exit 0
    exit 1
fi
mkdir -p "$build" "$logs"
# One builds at a time; runs may go on beside each other.
exec 9>"$build/lock"
flock 9
build_all
flock -u 9
case $mode in
search)
    share=$((seconds / ${#targets[@]}))
    [ "$share" -gt 0 ] || share=1
    search -max_total_time="$share"
    ;;
short)
    # Leaks are looked for in long runs: where a process may not trace itself the search for them fails.
    search -detect_leaks=0 -max_total_time=4
    ;;
minimise) minimise ;;
replay)
    ASAN_OPTIONS=malloc_context_size=30 exec "$build/${targets[0]}" -timeout=30 "$input"
    ;;
esac
