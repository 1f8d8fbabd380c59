#!/bin/sh
# Installs what is needed, builds, runs every test; ends in ctest's summary.
# Programs are built as they are shipped (release) and driven by the end-to-end tests; unit tests, simulations and
# fuzzers (ten seconds each, always from the same seed) run under AddressSanitizer and UBSan. The package is installed on
# hosts of its own (as root), which are downloaded while the compiler works. Arguments go to ctest: tests/run.sh -R resolver
set -eu
cd "$(dirname "$0")/.."
packaging/install-deps.sh test
jobs=$(nproc)
hosts=""
if [ "$(id -u)" = 0 ]; then
    mkdir -p build
    tests/host/lab build all >build/host-lab.log 2>&1 &
    hosts=$!
fi
packaging/deb.sh
cmake --build --preset release -j "$jobs" --target host_load
cmake --preset asan -DPOSTERN_PROGRAMS="$PWD/build/release"
cmake --build --preset asan -j "$jobs"
tests/fuzz/run.sh 10 1
[ -z "$hosts" ] || wait "$hosts" || { cat build/host-lab.log; exit 1; }
exec ctest --preset asan -j "$jobs" "$@"
