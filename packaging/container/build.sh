#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the image with buildah, from the .deb that deb.sh makes.
#   packaging/container/build.sh [NAME]     default: postern; BASE=… takes another base image
set -eu
cd "$(dirname "$0")"
deb=$(../deb.sh)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$deb" "$context/postern.deb"
buildah build --format docker ${BASE:+--build-arg BASE="$BASE"} -t "${1:-postern}" -f Containerfile "$context"
