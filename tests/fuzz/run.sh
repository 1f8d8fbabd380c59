#!/bin/sh
# Builds the fuzzers (clang) and runs each for a while; finds stop it and are kept in build/fuzz/finds.
#   tests/fuzz/run.sh [SECONDS [SEED]]      60 each by default; without a seed (a number) every run goes new ways
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
seed=${2:-0}
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)"
finds=build/fuzz/finds
mkdir -p "$finds"
for fuzzer in build/fuzz/tests/fuzz/fuzz_*; do
    [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
    name=${fuzzer##*/fuzz_}
    new=$(mktemp -d)
    echo "fuzz $name: $seconds s"
    # ldns leaks on some inputs (ldns#317); it is the oracle, not the subject.
    "$fuzzer" -seed="$seed" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -detect_leaks=0 -print_final_stats=1 \
        -artifact_prefix="$finds/" "$new" "tests/fuzz/corpus/$name" 2>"$new.log" ||
        { tail -40 "$new.log"; echo "fuzz $name found something: see $finds" >&2; exit 1; }
    grep -E 'stat::number_of_executed_units|cov:' "$new.log" | tail -2
    rm -r "$new" "$new.log"
done
