# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What an installation, an upgrade and a removal do to a host, whichever package it is: users, folders, labels, units.
# The scripts of each package begin with this text. No percent sign: rpm would look for a macro.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
CONFIG=/etc/postern/postern.toml
UNITS="postern-resolver.socket postern-resolver.service postern.service postern-hostdns.path postern-hostdns.service postern-free.socket"
LABELLED="/usr/bin/postern /usr/sbin/postern-resolver /usr/sbin/postern-free /usr/sbin/postern-rescue /etc/postern
/var/lib/postern /var/lib/postern-plan /run/postern /run/postern-resolver /run/postern-hostdns"

# --- what a package may have its own way of ------------------------------------------------------
act() { # VERB UNIT...: what is neither enabled nor running is not started
    [ -d /run/systemd/system ] || return 0
    verb=$1
    shift
    for unit in "$@"; do
        [ "$verb" = stop ] || systemctl --quiet is-active "$unit" || systemctl --quiet is-enabled "$unit" 2>/dev/null || continue
        systemctl "$verb" "$unit" >/dev/null 2>&1 || true
    done
}
enable_units() { # first|again: the administrator's own preset comes before ours, and what is disabled later stays so
    # shellcheck disable=SC2086  # a list of words
    [ "$1" != first ] || systemctl --no-reload preset $UNITS >/dev/null 2>&1 || true
}
disable_units() {
    # shellcheck disable=SC2086
    systemctl --no-reload disable $UNITS postern-publish.service >/dev/null 2>&1 || true
}

# --- users and folders, also where systemd's own programs for them are missing --------------------
users() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers /usr/lib/sysusers.d/postern.conf
        return
    fi
    while read -r kind name rest; do
        case $kind in
            g) getent group "$name" >/dev/null || groupadd --system "$name" ;;
            u) getent passwd "$name" >/dev/null ||
                useradd --system --user-group --no-create-home --home-dir "${rest##* }" --shell /usr/sbin/nologin "$name" ;;
            m) usermod --append --groups "$rest" "$name" ;;
        esac
    done </usr/lib/sysusers.d/postern.conf
}
folders() {
    if command -v systemd-tmpfiles >/dev/null; then
        systemd-tmpfiles --create /usr/lib/tmpfiles.d/postern.conf
        return
    fi
    while read -r kind path mode user group _; do
        [ "$kind" = d ] || continue
        mkdir -p "$path"
        chown "$user:$group" "$path"
        chmod "$mode" "$path"
    done </usr/lib/tmpfiles.d/postern.conf
}

# --- SELinux: without it, or where it fails, postern works with the labels of the system's policy --
policy() { # OPTION MODULE: of semodule
    command -v semodule >/dev/null && [ -d /etc/selinux/targeted ] || return 0
    semodule -X 200 -s targeted "$1" "$2" || true
}
labels() { # LABELLED and what is given
    command -v selinuxenabled >/dev/null && selinuxenabled || return 0
    # shellcheck disable=SC2086
    restorecon -R $LABELLED "$@" || true
}

# --- the three moments ---------------------------------------------------------------------------
installed() { # first|again: the new files are in place, nothing was stopped
    # The administrator's from then on: no upgrade asks about it or changes it.
    if [ "$1" = first ] && [ ! -e $CONFIG ]; then
        mkdir -p /etc/postern
        cp /usr/share/postern/postern.toml $CONFIG.new
        mv $CONFIG.new $CONFIG
    fi
    [ ! -e /usr/share/selinux/packages/postern.pp ] || policy -i /usr/share/selinux/packages/postern.pp
    users
    folders
    labels
    # A resolver of a new version may not read a plan of the old one. A refused configuration gives no plan; then the
    # resolver keeps the one it has, and the agent reports the mistake.
    group=$(getent group postern-dns | cut -d: -f3)
    env -i PATH=$PATH setpriv --reuid="$(id -u postern)" --regid="$group" --groups="$(id -g postern),$group" --no-new-privs \
        postern plan compile --config $CONFIG --out /var/lib/postern-plan/plan >/dev/null || true
    enable_units "$1"
    [ -d /run/systemd/system ] || return 0
    systemctl daemon-reload >/dev/null || true
    # Queries wait in the open socket while the resolver is replaced.
    act start postern-resolver.socket
    act restart postern-resolver.service
    act restart postern.service
    act restart postern-hostdns.path postern-free.socket postern-publish.service
    systemctl restart postern-rescue.service >/dev/null || true # it runs whatever is disabled
}
before_removal() { # all files are still there: the host gets its own DNS back; a removal that can't do that fails
    act stop postern-hostdns.path postern-hostdns.service
    if ! postern dns disable && ! postern-rescue --give-back; then
        echo "postern: this host still asks postern for its names, so postern is not removed." >&2
        echo "postern: postern dns status shows why." >&2
        return 1
    fi
    act stop postern-publish.service postern-rescue.service postern.service postern-free.socket postern-free.service
    act stop postern-resolver.socket postern-resolver.service postern-prestart.service
    disable_units
}
removed() { # the files are gone
    rm -rf /run/postern /run/postern-resolver /run/postern-hostdns /run/postern-free
    policy -r postern
    [ ! -d /run/systemd/system ] || {
        systemctl daemon-reload >/dev/null || true
        systemctl reset-failed 'postern*' >/dev/null 2>&1 || true
    }
}

# --- what stays after a removal ------------------------------------------------------------------
drop_unchanged_configuration() {
    ! cmp -s /usr/share/postern/postern.toml $CONFIG || rm -f $CONFIG
}
purged() { # tokens in /etc/postern were put there by a person; a reused user's number must not own a forgotten file
    rm -rf /var/lib/postern /var/lib/postern-plan
    rm -f $CONFIG $CONFIG.new
    rmdir /etc/postern 2>/dev/null || true
}
