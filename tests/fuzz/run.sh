#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers (clang) and runs each for a while, a core each; finds stop it and are kept in build/fuzz/finds.
#   tests/fuzz/run.sh [SECONDS [SEED [NAME...]]]   60 each by default; without a seed (0) every run goes new ways; all names
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
seconds=${1:-60} seed=${2:-0}
[ $# -gt 2 ] && shift 2 || set -- '*'
for name in "$@"; do find build/fuzz/tests/fuzz -name "fuzz_$name" -type f -executable; done | sort |
    xargs -P "$(nproc)" -I FUZZER "$PWD/tests/fuzz/run.sh" --one FUZZER "$seconds" "$seed"
