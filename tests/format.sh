#!/bin/sh
# clang-format 14 on every source, by .clang-format: names the files that differ and fails.
#   tests/format.sh [--fix]     --fix formats them
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in
    "") how="--dry-run --Werror" ;;
    --fix) how=-i ;;
    *) echo "usage: $0 [--fix]" >&2; exit 3 ;;
esac
# shellcheck disable=SC2086  # two options
find agent core probe resolver tests \( -name '*.cpp' -o -name '*.h' \) -print0 |
    xargs -0 -n 40 -P "$(nproc)" clang-format-14 $how ||
    { echo "tests/format.sh --fix formats what is named above" >&2; exit 1; }
