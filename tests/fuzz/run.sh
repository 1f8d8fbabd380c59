#!/bin/sh
# Builds the fuzzers (clang) and runs each for a while, a core each; finds stop it and are kept in build/fuzz/finds.
#   tests/fuzz/run.sh [SECONDS [SEED]]      60 each by default; without a seed (a number) every run goes new ways
set -eu
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --one ]; then # FUZZER SECONDS SEED
    fuzzer=$2 name=${2##*/fuzz_}
    new=$(mktemp -d)
    status=0
    # ldns leaks on some inputs (ldns#317); it is the oracle, not the subject.
    "$fuzzer" -seed="$4" -max_total_time="$3" -timeout=10 -rss_limit_mb=2048 -detect_leaks=0 -print_final_stats=1 \
        -artifact_prefix=build/fuzz/finds/ "$new" "tests/fuzz/corpus/$name" 2>"$new.log" || status=1
    if [ $status = 0 ]; then
        echo "fuzz $name, $3 s: $(grep -E 'stat::number_of_executed_units|cov:' "$new.log" | tail -2 | tr -s ' \n' ' ')"
    else
        tail -40 "$new.log"
        echo "fuzz $name found something: see build/fuzz/finds" >&2
    fi
    rm -r "$new" "$new.log"
    exit $status
fi
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)"
mkdir -p build/fuzz/finds
find build/fuzz/tests/fuzz -name 'fuzz_*' -type f -executable | sort |
    xargs -P "$(nproc)" -I FUZZER "$PWD/tests/fuzz/run.sh" --one FUZZER "${1:-60}" "${2:-0}"
