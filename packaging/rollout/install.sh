#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs or upgrades postern from a repository, for a fleet: Cloud Assistant, OOS and cloud-init run it as root, any
# number of times. What is there stays: the configuration of the host, a takeover.
#   POSTERN_REPOSITORY=URL        the folder with apt/ and yum/ of a release
#   POSTERN_KEY_SHA256=SUM        of postern.asc, from where the project is described and not from that URL
#   POSTERN_VERSION=VERSION       this one and no other; default: the newest
#   POSTERN_CONFIG=URL            /etc/postern/postern.toml, where the first install left the example
#   POSTERN_TAKEOVER=yes          postern dns enable, at the end
set -eu
die() { echo "postern: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "this has to run as root"
[ -n "${POSTERN_REPOSITORY:-}" ] && [ -n "${POSTERN_KEY_SHA256:-}" ] ||
    die "POSTERN_REPOSITORY and POSTERN_KEY_SHA256 are not set"
get() { curl --fail --silent --show-error --location --retry 3 --max-time 60 -o "$2" "$1" || die "$1 can't be fetched"; }

first=yes
! command -v postern >/dev/null || first=""
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
get "$POSTERN_REPOSITORY/apt/postern.asc" "$work/postern.asc"
echo "$POSTERN_KEY_SHA256  $work/postern.asc" | sha256sum -c - >/dev/null 2>&1 ||
    die "the key at $POSTERN_REPOSITORY is not the one of POSTERN_KEY_SHA256: nothing was installed"

if command -v apt-get >/dev/null; then
    mkdir -p /usr/share/keyrings
    cp "$work/postern.asc" /usr/share/keyrings/postern.asc
    echo "deb [signed-by=/usr/share/keyrings/postern.asc] $POSTERN_REPOSITORY/apt stable main" >/etc/apt/sources.list.d/postern.list
    apt-get update -q -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/postern.list -o Dir::Etc::sourceparts=- \
        -o APT::Get::List-Cleanup=0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "postern${POSTERN_VERSION:+=$POSTERN_VERSION}" </dev/null
else
    dnf=$(command -v dnf || command -v yum) || die "neither apt-get nor dnf nor yum is here: use the .tar.gz"
    mkdir -p /etc/pki/rpm-gpg
    cp "$work/postern.asc" /etc/pki/rpm-gpg/postern.asc
    printf '%s\n' '[postern]' name=postern "baseurl=$POSTERN_REPOSITORY/yum" enabled=1 gpgcheck=1 repo_gpgcheck=1 \
        gpgkey=file:///etc/pki/rpm-gpg/postern.asc >/etc/yum.repos.d/postern.repo
    "$dnf" install -y "postern${POSTERN_VERSION:+-$POSTERN_VERSION}" </dev/null
fi

if [ -n "${POSTERN_CONFIG:-}" ] && cmp -s /etc/postern/postern.toml /usr/share/postern/postern.toml; then
    get "$POSTERN_CONFIG" "$work/postern.toml"
    postern check-config --config "$work/postern.toml" || [ $? = 1 ] || die "$POSTERN_CONFIG is refused: the example stays"
    cat "$work/postern.toml" >/etc/postern/postern.toml
fi
units="postern-resolver.socket postern-resolver.service postern.service postern-hostdns.path postern-hostdns.service postern-free.socket"
# shellcheck disable=SC2086  # a list of words
[ -z "$first" ] || systemctl enable --now $units # later: what an administrator disabled stays so
systemctl reload postern.service
[ "${POSTERN_TAKEOVER:-}" != yes ] || postern dns enable
postern --version
