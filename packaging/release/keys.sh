#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the keys of releases in a new folder: OpenPGP for the repositories (apt and dnf know nothing else), minisign for
# SHA256SUMS. README.md says how they are kept.
#   packaging/release/keys.sh FOLDER [--trial]     --trial: without a passphrase, for tests
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=passphrase.sh
. "$(dirname "$0")/passphrase.sh"
[[ $# == 1 || ${2:-} == --trial ]] || { sed -n '5s/^# *//p' "$0" >&2; exit 3; }
[[ ! -e $1 ]] || { echo "$1 is there already: keys are never made over" >&2; exit 2; }
umask 077
if [[ ${2:-} != --trial ]]; then
  ask_passphrase "Passphrase of the new keys"
  first=$passphrase
  [[ ${#first} -ge 12 ]] || { echo "a passphrase has 12 characters at least" >&2; exit 2; }
  ask_passphrase "The same once more"
  [[ $passphrase == "$first" ]] || { echo "these were two passphrases; no key was made" >&2; exit 2; }
fi
mkdir -p "$1/gnupg"
cd "$1"
export GNUPGHOME=$PWD/gnupg
echo "postern releases <postern@postern.example>" >name
protection=""
[[ ${2:-} != --trial ]] || protection="%no-protection"
trap close_keys EXIT
# RSA: the rpm of Enterprise Linux 7 and 8 knows no other.
gpg --batch --quiet --pinentry-mode loopback --passphrase-fd 3 --gen-key 3< <(printf '%s\n' "$passphrase") <<EOF
$protection
Key-Type: RSA
Key-Length: 4096
Key-Usage: sign
Name-Real: postern releases
Name-Email: postern@postern.example
Expire-Date: 3y
%commit
EOF
gpg --batch --armor --export >postern.asc
if [[ ${2:-} == --trial ]]; then minisign -G -W -p postern.pub -s postern.key >/dev/null
else printf '%s\n' "$passphrase" "$passphrase" | minisign -G -p postern.pub -s postern.key >/dev/null 2>&1; fi
chmod 644 postern.asc postern.pub
