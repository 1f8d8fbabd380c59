#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds postern and shows its main job against the bundled stand-ins, in its own namespaces: the machine's resolver
# is never touched. Ends on Ctrl-C; with --check it verifies every step, ends by itself, and leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in
    "" | --check) ;;
    *) echo "usage: $0 [--check]" >&2; exit 3 ;;
esac
packaging/install-deps.sh build
cmake --preset release
cmake --build --preset release -j "$(nproc)" --target postern postern-resolver
exec /usr/bin/python3 packaging/quickstart/demo.py "$@"
