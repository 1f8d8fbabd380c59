#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Removes what install.sh has installed; the host gets its own DNS back first. As root.
#   uninstall.sh [--purge]     --purge: state and postern.toml, too
set -eu
@LIFECYCLE@
LIST=/usr/share/postern/files
case "${1:-}" in
    "" | --purge) ;;
    *)
        echo "usage: $0 [--purge]" >&2
        exit 3
        ;;
esac
[ "$(id -u)" = 0 ] || {
    echo "postern: not root: sudo $0" >&2
    exit 1
}
[ -e $LIST ] || {
    echo "postern: install.sh has not installed it here" >&2
    exit 1
}
before_removal
drop_unchanged_configuration
# The list and this file last: what was interrupted can be done again.
for file in $(grep -vxF -e $LIST -e /usr/share/postern/uninstall.sh $LIST); do rm -f "$file"; done
rm -f /usr/share/postern/uninstall.sh $LIST
find /usr/share/postern /usr/share/doc/postern -depth -type d -exec rmdir {} \; 2>/dev/null || true
rmdir /usr/lib/systemd/system/multi-user.target.wants /etc/postern 2>/dev/null || true
removed
if [ "${1:-}" = --purge ]; then purged; fi
