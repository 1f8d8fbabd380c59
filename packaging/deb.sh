#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the .deb into build/release and prints its path.
#   packaging/deb.sh [VERSION]     another version than the project's, to try an upgrade
set -eu
cd "$(dirname "$0")/.."
packaging/install-deps.sh build >&2
cmake --preset release >&2
cmake --build --preset release -j "$(nproc)" --target postern postern-resolver postern-free postern-rescue >&2
cd build/release
version=${1:-$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' CMakeCache.txt)}
cpack -G DEB -D CPACK_PACKAGE_VERSION="$version" >&2
ls "$PWD/postern_${version}_$(dpkg --print-architecture).deb"
