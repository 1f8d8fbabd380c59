#!/bin/sh
# Installs what is needed, builds, runs every test; ends in ctest's summary.
# Programs are built as they are shipped (release) and driven by the end-to-end tests; unit tests, simulations and
# fuzzers (20 s each, the resolver's 60 s, always from the same seed) run under AddressSanitizer and UBSan. The package is installed on
# hosts of its own (as root), which are downloaded while the compiler works. Arguments go to ctest: tests/run.sh -R resolver
set -eu
cd "$(dirname "$0")/.."
packaging/install-deps.sh test
tests/browser/prepare.sh build/browser || echo "tests/browser: SKIPPED"
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
tests/fuzz/run.sh 60 1 handler reply framing plan # what reads packets, and the plan
tests/fuzz/run.sh 20 1
# Where a bare Debian can't be booted (a container without the rights for it), that is no fault of postern's.
if [ -n "$hosts" ] && ! { wait "$hosts" && tests/host/lab up plain preflight && tests/host/lab down preflight; } >>build/host-lab.log 2>&1; then
    cat build/host-lab.log
    tests/host/lab down preflight >/dev/null 2>&1 || true
    export POSTERN_NO_HOSTS="a Debian host could not be booted here, see build/host-lab.log"
    echo "tests/host: SKIPPED, $POSTERN_NO_HOSTS"
fi
exec ctest --preset asan -j "$jobs" "$@"
