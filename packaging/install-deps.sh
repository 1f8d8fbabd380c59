#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what building, running and testing need, from Debian's packages. Does nothing if everything is installed.
#   packaging/install-deps.sh [build|test|portable|release]     test (the default) includes build; portable and release:
#   what portable.sh and release.sh need
set -eu
build="g++ cmake ninja-build pkg-config libuv1-dev libc-ares-dev libldns-dev libssl-dev libcurl4-openssl-dev
libmicrohttpd-dev zlib1g-dev python3 nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libfmt-dev libexpected-dev dpkg-dev file"
run="bind9-dnsutils ca-certificates curl openssl dnsmasq-base iproute2 util-linux procps"
test="catch2 ccache mold knot-dnsutils ldnsutils musl-tools nodejs clang debootstrap systemd-container mandoc prometheus python3-yaml python3-jsonschema"
portable="cmake ninja-build make perl pkg-config patch xz-utils dpkg-dev file binutils python3 python3-pip rpm checkpolicy semodule-utils"
release="apt-utils createrepo-c dnf dnf-plugins-core gpg gpg-agent minisign"
# Where apt has them: tests/format.sh and tests/lint.sh do without (Debian 13 has no clang 14), Ubuntu 22.04's clang has its own.
offered=""
case "${1:-test}" in
    build) want="$build $run" ;;
    test) want="$build $run $test" offered="clang-format-14 clang-tidy-14 libclang-rt-dev" ;;
    portable) want="$portable" ;;
    release) want="$portable $release" ;;
    *) echo "usage: $0 [build|test|portable|release]" >&2; exit 3 ;;
esac
installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }
find_missing() {
    missing=""
    for package in $want; do installed "$package" || missing="$missing $package"; done
    for package in $offered; do
        installed "$package" || ! apt-cache show "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
}
find_missing
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null; then exec sudo "$0" "$@"; fi
    echo "missing packages:$missing" >&2
    echo "run this as root: apt-get install$missing" >&2
    exit 3
fi
case "$missing " in
    # Tests start their own Prometheus; the package's service would run as well.
    *" prometheus "*) [ ! -d /run/systemd/system ] || systemctl mask prometheus.service >&2 ;;
esac
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
find_missing  # again, now that apt knows what it has
echo "installing:$missing"
# shellcheck disable=SC2086  # a list of words
apt-get install -y -q --no-install-recommends $missing </dev/null
