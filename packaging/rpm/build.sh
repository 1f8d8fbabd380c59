#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the .rpm on an Enterprise Linux 8 or Alibaba Cloud Linux 3 machine (or container) and prints its path.
# The build dependencies come from its repositories: dnf builddep packaging/rpm/postern.spec
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^project(postern VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
top=$PWD/build/rpm
mkdir -p "$top/SOURCES"
git archive --format=tar.gz --prefix="postern-$version/" -o "$top/SOURCES/postern-$version.tar.gz" HEAD
rpmbuild -bb --define "_topdir $top" --define "version_ $version" packaging/rpm/postern.spec >&2
ls "$top"/RPMS/*/postern-"$version"-*.rpm
