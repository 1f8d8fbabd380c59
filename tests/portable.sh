#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The suite against what packaging/portable.sh builds for this machine's architecture: unit tests and simulations with its
# libraries, end-to-end tests with its programs. In build/portable/ARCH/tests.
#   tests/portable.sh [CTEST OPTION...]
set -eu
cd "$(dirname "$0")/.."
arch=$(uname -m)
programs=$(packaging/portable.sh --arch "$arch")
prefix=$PWD/build/portable/$arch/prefix build=$PWD/build/portable/$arch/tests
PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-O0 \
    -DCMAKE_PREFIX_PATH="$prefix" -DOPENSSL_ROOT_DIR="$prefix" -DOPENSSL_USE_STATIC_LIBS=ON \
    -DCMAKE_CXX_STANDARD_LIBRARIES="-lpthread -ldl" -DPOSTERN_PROGRAMS="$programs" >"$build.log" || { cat "$build.log" >&2; exit 1; }
cmake --build "$build" -j "$(nproc)"
exec ctest --test-dir "$build" --output-on-failure -E '^host:' -j "$(($(nproc) * 7 / 2))" "$@"
