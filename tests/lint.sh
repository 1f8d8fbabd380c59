#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy 14, by .clang-tidy, on the 6 sources that were changed last: what is not committed yet, then what the newest
# commits touched. The rule is the same on a branch, in a fresh clone and in a clone of one commit, and the time is
# bounded (about 10 s of CPU a source); --all checks every source. A header stands for the source of its name.
# Without git history or clang-tidy 14 nothing is checked, and that is said.
#   tests/lint.sh [--all | --since COMMIT | FILE...]
# POSTERN_BUILD: a configured build, for its compile commands; build/asan if not set, which is configured if need be.
set -eu
cd "$(dirname "$0")/.."
build=${POSTERN_BUILD:-build/asan}
command -v clang-tidy-14 >/dev/null || { echo "tests/lint.sh: SKIPPED, clang-tidy-14 is not installed"; exit 0; }
[ -f "$build/compile_commands.json" ] || cmake --preset asan >/dev/null

history() { git -c safe.directory='*' "$@"; }
newest() { # every changed path, the last changed first
    history diff --name-only HEAD
    history log -n 200 --format= --name-only
}
sources() { # paths → the compiled sources among them, each once, in this order
    sed -n 's/\.h$/.cpp/; /^\(agent\|core\|probe\|resolver\|tests\)\/.*\.cpp$/p' | awk '!seen[$0]++' |
        while read -r path; do
            if [ -f "$path" ] && grep -qF "/$path\"" "$build/compile_commands.json"; then echo "$path"; fi
        done
}
case "${1:-}" in
    --all) files=$(find agent core probe resolver tests -name '*.cpp' | sort | sources) ;;
    --since) files=$(history diff --name-only "${2:?a commit}" | sources) ;;
    "")
        if ! history rev-parse -q --verify HEAD >/dev/null 2>&1; then
            echo "tests/lint.sh: SKIPPED, no git history says what was changed; --all checks every source"
            exit 0
        fi
        files=$(newest | sources | head -n 6)
        ;;
    -*) echo "usage: $0 [--all | --since COMMIT | FILE...]" >&2; exit 3 ;;
    *) files=$(printf '%s\n' "$@" | sources) ;;
esac
[ -n "$files" ] || { echo "tests/lint.sh: no source to check"; exit 0; }
# clang can't read what g++ has precompiled, and takes it where the command names its header.
mkdir -p "$build/lint"
sed 's/ -Winvalid-pch -include [^ ]*cmake_pch\.hxx//; s/ -fpch-preprocess//' "$build/compile_commands.json" >"$build/lint/compile_commands.json"
echo "$files" | xargs -n 1 -P "$(nproc)" clang-tidy-14 -p "$build/lint" --quiet
echo "tests/lint.sh: $(echo "$files" | wc -l) sources"
