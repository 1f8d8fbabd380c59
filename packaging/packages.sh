#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the .deb, the .rpm and the .tar.gz of the portable programs in build/packages and prints their paths. All have the
# files that packaging/CMakeLists.txt lists, and do to a host what packaging/lifecycle says.
#   packaging/packages.sh [--arch x86_64|aarch64] [VERSION]     VERSION: another one than the project's, to try an upgrade
#   packaging/packages.sh --of BUILD [VERSION]                  of a build folder that has the four programs
set -euo pipefail
umask 022 # that of folders in the packages
cd "$(dirname "$0")/.."
OUT=$PWD/build/packages build="" arch=x86_64
usage() { echo "usage: packaging/packages.sh [--arch x86_64|aarch64 | --of BUILD] [VERSION]" >&2; exit 3; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --arch) [[ $# -gt 1 ]] || usage; arch=$2; shift 2 ;;
    --of) [[ $# -gt 1 ]] || usage; build=$(cd "$OLDPWD" && cd "$2" && pwd); shift 2 ;;
    -*) usage ;;
    *) break ;;
  esac
done
[[ $# -le 1 ]] || usage
for tool in cmake dpkg-deb rpmbuild checkmodule semodule_package; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: packaging/install-deps.sh portable" >&2; exit 1; }
done
[[ $build ]] || build=$(dirname "$(packaging/portable.sh --arch "$arch")")/project
version=${1:-$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")}
arch=$(sed -n 's/^set(CPACK_RPM_PACKAGE_ARCHITECTURE "\(.*\)")/\1/p' "$build/CPackConfig.cmake")
# Every build has the same times in its packages.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l packaging/deb/changelog -S Timestamp)
export SOURCE_DATE_EPOCH
mkdir -p "$OUT"
work=$(mktemp -d "$OUT/.XXXXXX")
trap 'rm -rf "$work"' EXIT

(cd "$build" && cpack -G "DEB;RPM" -D CPACK_PACKAGE_VERSION="$version" -B "$work/cpack" >&2)
mv "$work"/cpack/postern[-_]* "$work/"

name=postern-$version-linux-$arch
host=$work/$name/host
DESTDIR=$host cmake --install "$build" --prefix /usr >/dev/null
install -m 755 "$build"/packaging/tar/*.sh "$work/$name/"
install -m 755 "$build/packaging/tar/uninstall.sh" "$host/usr/share/postern/"
touch "$host/usr/share/postern/files"
(cd "$host" && find . ! -type d | sed 's/^\.//' | LC_ALL=C sort >"$work/files")
mv "$work/files" "$host/usr/share/postern/files"
tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go=u-w -c "$name" |
  gzip -9n >"$work/$name.tar.gz"

for package in "$work"/*.deb "$work"/*.rpm "$work"/*.tar.gz; do
  mv "$package" "$OUT/"
  echo "$OUT/${package##*/}"
done
