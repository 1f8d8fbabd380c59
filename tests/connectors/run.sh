#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# TDengine's connectors lose their zone, with postern answering the name, and RESULTS.md is written anew: 25 minutes.
#   tests/connectors/run.sh [RUN...]      single runs by name leave RESULTS.md alone and print the table
# POSTERN_BIN, POSTERN_RESOLVER_BIN: default build/release. FREE: how the runs with -freed free connections, ss (default) or product.
set -eu
cd "$(dirname "$0")/../.."
export POSTERN_BIN="${POSTERN_BIN:-$PWD/build/release/postern}"
export POSTERN_RESOLVER_BIN="${POSTERN_RESOLVER_BIN:-$PWD/build/release/postern-resolver}"
build=build/connectors free="${FREE:-ss}"
tests/connectors/prepare.sh "$build"
mkdir -p "$build/results"

arguments() { # NAME of a run
    case $1 in
    drop) echo --fault drop ;;
    drop-freed) echo --fault drop --free "$free" ;;
    drop-freed-again) echo --fault drop --free ss-again ;;
    drop-host) echo --fault drop --host ;;
    end) echo --fault end ;;
    end-freed) echo --fault end --free "$free" ;;
    hang) echo --fault hang ;;
    hang-freed) echo --fault hang --free "$free" ;;
    crowd) echo --fault drop --free "$free" --crowd 10000 --profiles default --connectors taosws,go-ws,jdbc-ws --seconds 60 ;;
    *) echo "tests/connectors/run.sh: no run $1" >&2 && return 2 ;;
    esac
}

table=tests/connectors/RESULTS.md
[ $# -eq 0 ] || table=/dev/stdout
[ $# -gt 0 ] || set -- drop drop-freed drop-freed-again drop-host end end-freed hang hang-freed crowd
files=""
for name in "$@"; do
    wanted=$(arguments "$name")
    echo "tests/connectors: $name" >&2
    # shellcheck disable=SC2086
    /usr/bin/python3 tests/connectors/run.py $wanted --build "$build" --out "$build/results/$name.json"
    files="$files $build/results/$name.json"
done
# shellcheck disable=SC2086
/usr/bin/python3 tests/connectors/table.py "$build/versions" $files >"$table"
