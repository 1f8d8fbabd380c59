#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the keys of releases in a new folder: OpenPGP for the repositories (apt and dnf know nothing else), minisign for
# SHA256SUMS. README.md says how they are kept.
#   packaging/release/keys.sh FOLDER [--trial]     --trial: without passphrases, for tests
set -euo pipefail
[[ $# == 1 || ${2:-} == --trial ]] || { sed -n '5s/^# *//p' "$0" >&2; exit 3; }
[[ ! -e $1 ]] || { echo "$1 is there already: keys are never made over" >&2; exit 2; }
umask 077
mkdir -p "$1/gnupg"
cd "$1"
export GNUPGHOME=$PWD/gnupg
echo "postern releases <postern@postern.example>" >name
protection=""
[[ ${2:-} != --trial ]] || protection="%no-protection"
# RSA: the rpm of Enterprise Linux 7 and 8 knows no other.
gpg --batch --quiet --gen-key <<EOF
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
if [[ ${2:-} == --trial ]]; then minisign -G -W -p postern.pub -s postern.key >/dev/null; else minisign -G -p postern.pub -s postern.key; fi
chmod 644 postern.asc postern.pub
