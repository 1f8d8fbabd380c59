#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# TDengine's connectors lose their zone, with postern answering the name, and RESULTS.md is written anew: 25 minutes.
#   tests/connectors/run.sh [RUN...]      single runs by name leave RESULTS.md alone and print the table
# POSTERN_BIN (postern-free is taken from its folder), POSTERN_RESOLVER_BIN: default build/release. Logs are left in build/connectors/results.
set -eu
cd "$(dirname "$0")/../.."
export POSTERN_BIN="${POSTERN_BIN:-$PWD/build/release/postern}"
export POSTERN_RESOLVER_BIN="${POSTERN_RESOLVER_BIN:-$PWD/build/release/postern-resolver}"
build=build/connectors
tests/connectors/prepare.sh "$build"
mkdir -p "$build/results"

arguments() { # NAME of a run
    case $1 in
    drop) echo --fault drop ;;
    drop-freed) echo --fault drop --free product ;;
    drop-ss) echo --fault drop --free ss ;;
    drop-host) echo --fault drop --host ;;
    drop-host-freed) echo --fault drop --host --free product ;;
    end) echo --fault end ;;
    hang) echo --fault hang ;;
    hang-freed) echo --fault hang --free product ;;
    hang-ss) echo --fault hang --free ss ;;
    crowd) echo --fault drop --free product --crowd 10000 --profiles default --connectors taosws,go-ws,jdbc-ws --seconds 60 ;;
    *) echo "tests/connectors/run.sh: no run $1" >&2 && return 2 ;;
    esac
}

table=tests/connectors/RESULTS.md
[ $# -eq 0 ] || table=/dev/stdout
[ $# -gt 0 ] || set -- drop drop-freed drop-ss drop-host drop-host-freed end hang hang-freed hang-ss crowd
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
