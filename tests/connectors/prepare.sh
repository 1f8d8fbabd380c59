#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the connectors, pinned, and builds the load programs: tests/connectors/prepare.sh FOLDER
set -eu
here=$(dirname "$(realpath "$0")")
mkdir -p "$1"
cd "$1"

driver=3.5.3 hikari=5.1.0 go=v3.7.0 node=3.0.3 taospy=2.8.10 taosws=0.7.0
versions="taospy $taospy, taos-ws-py $taosws, driver-go $go, taos-jdbcdriver $driver, HikariCP $hikari, @tdengine/rest $node"
[ "$(cat versions 2>/dev/null)" != "$versions" ] || newest=$(find "$here/load" "$here/prepare.sh" -newer versions -type f | head -n 1)
[ "${newest-yes}" ] || exit 0

missing=""
for package in nftables iproute2 openssl; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing="$missing $package"
done
# shellcheck disable=SC2086
[ -z "$missing" ] || apt-get install -y -q --no-install-recommends $missing >/dev/null

[ -x venv/bin/python ] || /usr/bin/python3 -m venv venv
venv/bin/pip install --quiet "taospy==$taospy" "taos-ws-py==$taosws"

mkdir -p node && cd node
npm install --silent --no-audit --no-fund "@tdengine/rest@$node"
cd ..

mkdir -p go && cp "$here/load/load.go" go/
cd go
[ -f go.mod ] || go mod init load 2>/dev/null
go get "github.com/taosdata/driver-go/v3@$go" 2>/dev/null
CGO_ENABLED=0 go build -mod=mod -o load .
cd ..

mkdir -p java && cd java
cat >pom.xml <<POM
<project><modelVersion>4.0.0</modelVersion><groupId>load</groupId><artifactId>load</artifactId><version>1</version><dependencies>
<dependency><groupId>com.taosdata.jdbc</groupId><artifactId>taos-jdbcdriver</artifactId><version>$driver</version></dependency>
<dependency><groupId>com.zaxxer</groupId><artifactId>HikariCP</artifactId><version>$hikari</version></dependency>
</dependencies></project>
POM
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib >/dev/null
javac -cp "lib/*" -d . "$here/load/Load.java"
cd ..
echo "$versions" >versions
