#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds everything as a packager does (Release, so -O3), warnings as errors, with each compiler that is installed; the
# gate builds with g++ -O2 alone. A fault of one compiler does not stop the others.
#   tests/compilers.sh [COMPILER...]     g++, clang++ and clang++-16 by default; folders build/compiler-NAME
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- g++ clang++ clang++-16
failed=""
for compiler in "$@"; do
    if ! command -v "$compiler" >/dev/null; then
        echo "tests/compilers.sh: $compiler SKIPPED, not installed"
        continue
    fi
    build=build/compiler-$compiler
    if cmake -G Ninja -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" -DPOSTERN_WERROR=ON >/dev/null &&
        cmake --build "$build" -j "$(nproc)" -- -k 0; then
        echo "tests/compilers.sh: $compiler builds without a warning"
    else
        failed="$failed $compiler"
    fi
done
[ -z "$failed" ] || { echo "tests/compilers.sh: FAILED with$failed" >&2; exit 1; }
