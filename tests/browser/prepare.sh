#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the browser tests need: Chromium from Debian; playwright-core and axe-core from npm, in the versions of the lock file.
#   tests/browser/prepare.sh FOLDER      FOLDER is for the npm packages; does nothing when all of it is there
# Where something can't be had it says "no browser: …" and ends in 77.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
none() {
    echo "no browser: $*"
    exit 77
}
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
command -v node >/dev/null || none "nodejs is not installed"
if ! command -v chromium >/dev/null; then
    [ "$(id -u)" = 0 ] || none "chromium is not installed (apt-get install chromium)"
    DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y -q --no-install-recommends chromium fonts-noto-cjk </dev/null >"$folder/apt.log" 2>&1 ||
        none "chromium can't be installed, see $folder/apt.log"
fi
if ! cmp -s "$here/package-lock.json" "$folder/node_modules/.from-lock"; then
    if ! command -v npm >/dev/null; then
        [ "$(id -u)" = 0 ] || none "npm is not installed (apt-get install npm)"
        DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y -q --no-install-recommends npm </dev/null >"$folder/apt.log" 2>&1 ||
            none "npm can't be installed, see $folder/apt.log"
    fi
    cp "$here/package.json" "$here/package-lock.json" "$folder/"
    (cd "$folder" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) ||
        none "playwright-core and axe-core can't be had from npm, see $folder/npm.log"
    cp "$here/package-lock.json" "$folder/node_modules/.from-lock"
fi
