#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a release in build/dist/VERSION: the packages of both architectures, what is in them, checksums and their
# signature, and the repositories. packaging/release/README.md says what has to be there before.
#   packaging/release.sh --keys FOLDER [--trial]     --trial: of what is here, tagged or not
# The keys' passphrase is asked for, or read from standard input, before anything is built.
set -euo pipefail
cd "$(dirname "$0")/.."
HERE=packaging/release keys="" trial=""
while [[ $# -gt 0 ]]; do
  case $1 in
    --keys) [[ $# -gt 1 ]] || break; keys=$(realpath "$2"); shift 2 ;;
    --trial) trial=yes; shift ;;
    *) break ;;
  esac
done
[[ $# == 0 && $keys ]] || { sed -n '5s/^# *//p' "$0" >&2; exit 3; }
die() { echo "$*" >&2; exit 1; }
[[ -f $keys/postern.key ]] || die "$keys has no keys: make some once with $HERE/keys.sh FOLDER"
for tool in apt-ftparchive createrepo_c rpmsign gpg minisign; do
  command -v "$tool" >/dev/null || die "$tool is missing: packaging/install-deps.sh release"
done

version=$(sed -n 's/^project(postern VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
[[ $(dpkg-parsechangelog -l packaging/deb/changelog -S Version) == "$version" ]] ||
  die "the newest entry of packaging/deb/changelog is not $version"
grep -q "^## $version" CHANGELOG.md || die "CHANGELOG.md has no section \"## $version\""
if [[ ! $trial ]]; then
  [[ -z $(git status --porcelain) ]] || die "something is not committed: git status"
  [[ $(git describe --exact-match --tags HEAD 2>/dev/null) == "v$version" ]] ||
    die "HEAD has no tag v$version: git tag -s v$version"
fi
# shellcheck source-path=SCRIPTDIR source=release/passphrase.sh
. "$HERE/passphrase.sh"
trap close_keys EXIT
open_keys "$keys"
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l packaging/deb/changelog -S Timestamp)
export SOURCE_DATE_EPOCH

dist=build/dist/$version
rm -rf "$dist"
mkdir -p "$dist"
for arch in x86_64 aarch64; do
  packaging/packages.sh --arch "$arch" | while read -r package; do cp "$package" "$dist/"; done
done
"$HERE/sbom.py" "$version" >"$dist/postern-$version.cdx.json"
(cd "$dist" && sha256sum -- * >SHA256SUMS)
sign_sums "$keys" "$dist/SHA256SUMS" "postern $version" || die "minisign did not sign $dist/SHA256SUMS: is the disk full?"
cp "$keys/postern.pub" "$dist/"
"$HERE/repositories.sh" "$dist" "$keys" "$dist" >/dev/null < <(printf '%s\n' "$passphrase")
echo "$PWD/$dist"
