#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# postern in a cluster of network namespaces with real CoreDNS; ten minutes once all is built. Root, Go, nftables, python3-yaml.
#   tests/k8s/run.sh [CASE...]     single cases by name leave RESULTS.md alone
# POSTERN_PROGRAMS: default build/release. POSTERN_K8S_ROUNDS, POSTERN_K8S_RATE: how many changes, how many lookups a second and node.
set -eu
cd "$(dirname "$0")/../.."
coredns=v1.15.0 helm=v3.22.0
build=$PWD/build/k8s
mkdir -p "$build"

# A module's program, built from the module proxy's sources; its dependencies are pinned by the module's own go.mod.
if [ ! -x "$build/coredns-$coredns" ]; then
    rm -rf "$build/coredns" && mkdir "$build/coredns"
    cp tests/k8s/coredns/main.go "$build/coredns"
    (cd "$build/coredns" && go mod init postern.test/coredns && go get "github.com/coredns/coredns@$coredns" && go mod tidy &&
        go build -trimpath -o "$build/coredns-$coredns" .) >"$build/coredns.log" 2>&1 || { tail -20 "$build/coredns.log" >&2 && exit 1; }
fi
if [ ! -x "$build/helm-$helm" ]; then
    GOBIN="$build" go install -trimpath "helm.sh/helm/v3/cmd/helm@$helm" >"$build/helm.log" 2>&1 || { tail -20 "$build/helm.log" >&2 && exit 1; }
    mv "$build/helm" "$build/helm-$helm"
fi

chart=packaging/k8s/chart values=packaging/k8s/kustomize/values.yaml
{
    "$build/helm-$helm" lint "$chart" -f "$values"
    for more in "" node.enabled=false cluster.enabled=false publisher.enabled=true monitoring.enabled=true networkPolicy.enabled=false; do
        /usr/bin/python3 tests/k8s/helm.py "$build/helm-$helm" "$more"
    done
} | tee "$build/helm.txt"
cases=$build/cases.txt
/usr/bin/python3 tests/k8s/run.py "$build/coredns-$coredns" "$@" | tee "$cases"
[ $# -gt 0 ] || /usr/bin/python3 tests/k8s/results.py "CoreDNS ${coredns#v}, Helm ${helm#v}, $(go env GOVERSION), Linux $(uname -r)" "$build/helm.txt" "$cases" >tests/k8s/RESULTS.md
