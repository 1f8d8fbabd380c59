#!/bin/sh
# Installs what is needed, builds, runs every test; ends in ctest's summary.
# Programs are built as they are shipped (release) and driven by the end-to-end tests; unit tests, simulations and
# fuzzers (ten seconds each, always from the same seed) run under AddressSanitizer and UBSan. Arguments go to ctest: tests/run.sh -R resolver
set -eu
cd "$(dirname "$0")/.."
packaging/install-deps.sh test
jobs=$(nproc)
cmake --preset release
cmake --build --preset release -j "$jobs" --target postern postern-resolver
cmake --preset asan -DPOSTERN_PROGRAMS="$PWD/build/release"
cmake --build --preset asan -j "$jobs"
tests/fuzz/run.sh 10 1
exec ctest --preset asan -j "$jobs" "$@"
