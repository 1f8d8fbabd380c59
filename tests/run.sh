#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds, runs every test; ends in ctest's summary. Arguments go to ctest: tests/run.sh -R resolver
# Programs are built as they are shipped (release) and driven by the end-to-end tests; unit tests, simulations and the
# fuzzers' corpus run under AddressSanitizer and UBSan. The package is installed on hosts of its own (as root). Those hosts
# and the browser are downloaded while the compiler is at work. Each part says how long it took.
set -eu
cd "$(dirname "$0")/.."

part() { # NAME COMMAND...
    name=$1 began=$(date +%s)
    shift
    "$@" || return
    echo "tests/run.sh: $name $(($(date +%s) - began)) s"
}

part "packages" packaging/install-deps.sh test
part "format" tests/format.sh
mkdir -p build
part "browser" tests/browser/prepare.sh build/browser >build/browser.log 2>&1 &
browser=$!
hosts=""
if [ "$(id -u)" = 0 ]; then
    part "host lab" tests/host/lab build usual >build/host-lab.log 2>&1 &
    hosts=$!
fi
jobs=$(nproc)
part "release build" packaging/deb.sh
part "host load" cmake --build --preset release -j "$jobs" --target host_load
cmake --preset asan -DPOSTERN_PROGRAMS="$PWD/build/release"
part "asan build" cmake --build --preset asan -j "$jobs"
part "lint" tests/lint.sh
if wait "$browser"; then tail -n 1 build/browser.log; else tail -n 2 build/browser.log && echo "tests/browser: SKIPPED"; fi
# Where a bare Debian can't be booted (a container without the rights for it), that is no fault of postern's.
boots() { tests/host/lab up plain preflight && tests/host/lab down preflight; }
if [ -n "$hosts" ]; then
    if wait "$hosts" && part "host boot" boots >>build/host-lab.log 2>&1; then
        grep '^tests/run.sh: ' build/host-lab.log
    else
        cat build/host-lab.log
        tests/host/lab down preflight >/dev/null 2>&1 || true
        export POSTERN_NO_HOSTS="a Debian host could not be booted here, see build/host-lab.log"
        echo "tests/host: SKIPPED, $POSTERN_NO_HOSTS"
    fi
fi
# Seven on two cores: most tests wait for the programs that they drive (PROCESSORS in tests/CMakeLists.txt). With eight, whole
# hosts had so little of the processor that changes by others were seen too late.
exec ctest --preset asan -j $((7 * jobs / 2)) "$@"
