#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-format 14 on every source, by .clang-format: names the files that differ and fails.
#   tests/format.sh [--fix]     --fix formats them
set -eu
cd "$(dirname "$0")/.."
sources() { find agent core probe resolver tests \( -name '*.cpp' -o -name '*.h' \) -print0; }
case "${1:-}" in
    "")
        # Every version formats otherwise.
        command -v clang-format-14 >/dev/null || { echo "tests/format.sh: SKIPPED, clang-format-14 is not installed"; exit 0; }
        wrong=$(sources | xargs -0 clang-format-14 --dry-run 2>&1 | sed -n 's/^\([^ :]*\):[0-9].*/\1/p' | sort -u)
        ;;
    --fix) sources | xargs -0 clang-format-14 -i; exit ;;
    *) echo "usage: $0 [--fix]" >&2; exit 3 ;;
esac
[ -z "$wrong" ] || { echo "$wrong" "(tests/format.sh --fix formats them)" >&2; exit 1; }
