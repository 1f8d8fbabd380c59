#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the apt and yum repositories of a folder of packages, signed: trees of files that any web server can serve.
#   packaging/release/repositories.sh PACKAGES KEYS OUT     PACKAGES: a folder of .deb and .rpm; KEYS: made by keys.sh
# The same packages give the same indexes (SOURCE_DATE_EPOCH is their time); the signatures are younger.
# A passphrase is asked for, or read from standard input.
set -euo pipefail
[[ $# == 3 ]] || { sed -n '3,6s/^# //p' "$0" >&2; exit 3; }
PACKAGES=$(realpath "$1") KEYS=$(realpath "$2")
mkdir -p "$3"
OUT=$(realpath "$3")
: "${SOURCE_DATE_EPOCH:?is the time of the release, in seconds since 1970}"
export LC_ALL=C
# shellcheck source-path=SCRIPTDIR source=passphrase.sh
. "$(dirname "$0")/passphrase.sh"
trap close_keys EXIT
open_keys "$KEYS"

# --- apt: one suite for every Debian and Ubuntu, as one package is for all ------------------------
rm -rf "$OUT/apt" "$OUT/yum"
mkdir -p "$OUT/apt/pool"
cp "$PACKAGES"/*.deb "$OUT/apt/pool/"
cd "$OUT/apt"
for arch in $(for deb in pool/*.deb; do dpkg-deb -f "$deb" Architecture; done | sort -u); do
  index=dists/stable/main/binary-$arch
  mkdir -p "$index"
  apt-ftparchive --arch "$arch" packages pool >"$index/Packages"
  gzip -9nk "$index/Packages"
done
apt-ftparchive -o APT::FTPArchive::Release::Origin=postern -o APT::FTPArchive::Release::Label=postern \
  -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
  -o APT::FTPArchive::Release::Components=main \
  -o APT::FTPArchive::Release::Architectures="$(cd dists/stable/main && echo binary-* | sed 's/binary-//g')" \
  release dists/stable >.Release
sed "s/^Date: .*/Date: $(date -u -R -d "@$SOURCE_DATE_EPOCH")/" .Release >dists/stable/Release
rm .Release
sign_openpgp --clearsign -o dists/stable/InRelease dists/stable/Release
sign_openpgp --armor --detach-sign -o dists/stable/Release.gpg dists/stable/Release
cp "$KEYS/postern.asc" "$OUT/apt/"

# --- yum: the packages are signed, too, as gpgcheck=1 wants it ------------------------------------
mkdir -p "$OUT/yum"
cp "$PACKAGES"/*.rpm "$OUT/yum/"
GPG_TTY="" rpmsign --define "__gpg /usr/bin/gpg" --define "_gpg_name $(cat "$KEYS/name")" --define "_gpg_digest_algo sha256" \
  --addsign "$OUT/yum"/*.rpm >/dev/null
# yum of CentOS 7 reads gzip alone; all of them read what a repository has always had.
createrepo_c --quiet --revision "$SOURCE_DATE_EPOCH" --set-timestamp-to-revision --compress-type gz --no-database "$OUT/yum"
sign_openpgp --armor --detach-sign -o "$OUT/yum/repodata/repomd.xml.asc" "$OUT/yum/repodata/repomd.xml"
cp "$KEYS/postern.asc" "$OUT/yum/"
echo "$OUT/apt"
echo "$OUT/yum"
