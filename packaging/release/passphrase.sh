# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The passphrase of the two keys, one for both: typed, or a line on standard input. No file, argument or variable of the
# environment has it. Sourced by keys.sh, repositories.sh and release.sh.
passphrase=""

ask_passphrase() { # WHAT FOR; sets $passphrase
  [[ ! -t 0 ]] || printf '%s: ' "$1" >&2
  if ! IFS= read -rs passphrase && [[ ! $passphrase ]]; then
    echo "$1: standard input is empty; type it in a terminal, or write it there as one line" >&2
    return 1
  fi
  [[ ! -t 0 ]] || echo >&2
}
sign_openpgp() { # GPG OPTION...: asks nobody; with what the agent knows
  gpg --batch --yes --quiet --pinentry-mode error --digest-algo SHA256 "$@"
}
sign_sums() { # KEYS FILE COMMENT
  printf '%s\n' "$passphrase" | minisign -S -s "$1/postern.key" -m "$2" -t "$3" >/dev/null 2>&1
}
signs() ( # KEYS GPG-OPTION...: whether both keys do, with what is known
  probe=$(mktemp -d)
  trap 'rm -r "$probe"' EXIT
  echo probe >"$probe/file"
  sign_sums "$1" "$probe/file" probe && sign_openpgp "${@:2}" --detach-sign -o "$probe/sig" "$probe/file" \
    2>/dev/null 3< <(printf '%s\n' "$passphrase")
)
open_keys() { # KEYS: both can sign from now on; asks if they have a passphrase that is not known yet
  export GNUPGHOME=$1/gnupg
  ! signs "$1" || return 0
  ask_passphrase "Passphrase of $1" || return 1
  # The folder's agent knows it from here on, for ten minutes or until close_keys.
  signs "$1" --pinentry-mode loopback --passphrase-fd 3 && return
  echo "$1: this passphrase does not open both keys, gnupg/ and postern.key; nothing was signed. Try again" >&2
  return 1
}
close_keys() { gpgconf --kill gpg-agent; } # it forgets
