#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs postern, or this version over another one: for every host with systemd 219 and glibc 2.17 or newer. As root.
set -eu
umask 022
@LIFECYCLE@
die() {
    echo "postern: $*" >&2
    exit 1
}
here=$(cd "$(dirname "$0")" && pwd)
LIST=/usr/share/postern/files
[ "$(id -u)" = 0 ] || die "not root: sudo $0"
! dpkg-query -W postern >/dev/null 2>&1 || die "dpkg has installed postern: upgrade it with a .deb, or apt purge postern first"
! rpm -q postern >/dev/null 2>&1 || die "rpm has installed postern: upgrade it with an .rpm, or rpm -e postern first"

# All beside their places first: a full disk changes nothing.
trap 'while read -r file; do rm -f "$file.postern-new"; done <"$here/host$LIST"' EXIT
while read -r file; do
    mkdir -p "$(dirname "$file")"
    cp -P "$here/host$file" "$file.postern-new" || die "$file could not be written, and nothing was changed"
    [ -L "$file.postern-new" ] || chmod "$([ -x "$here/host$file" ] && echo 755 || echo 644)" "$file.postern-new"
    chown -h 0:0 "$file.postern-new"
done <"$here/host$LIST"
old=$([ ! -e $LIST ] || cat $LIST)
while read -r file; do mv -f "$file.postern-new" "$file"; done <"$here/host$LIST"
trap - EXIT
for file in $old; do grep -qxF "$file" $LIST || rm -f "$file"; done
mkdir -p /etc/postern

# shellcheck disable=SC2046  # no name has a space
labels $(cat $LIST)
if [ "$old" ]; then installed again; else installed first; fi
echo "$(postern --version) is installed. To remove it: /usr/share/postern/uninstall.sh"
