#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one file of browser tests, after preparing what they need: tests/browser/run.sh page_test.mjs
# POSTERN_BROWSER_MODULES: where the npm packages are, or are put.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export POSTERN_BROWSER_MODULES="${POSTERN_BROWSER_MODULES:-$here/../../build/browser}"
"$here/prepare.sh" "$POSTERN_BROWSER_MODULES"
exec node --test "$here/$1"
