#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# postern in a cluster of network namespaces, with real CoreDNS, and with a real kube-apiserver. Root; Go, nftables, etcd-server,
# kubectl, python3-yaml. The first run builds for half an hour; then it takes twenty minutes.
#   tests/k8s/run.sh [pods|api [CASE...]]     one of the two, or single cases of it, leave RESULTS.md alone
# POSTERN_PROGRAMS: default build/release. POSTERN_K8S_ROUNDS, _RATE, _SERVICES, _AWAY: see run.py and api.py.
set -eu
cd "$(dirname "$0")/../.."
coredns=v1.15.0 helm=v3.22.0 kubernetes=v1.37.2 operator=v0.85.0
build=$PWD/build/k8s
mkdir -p "$build"

# PROGRAM MODULE VERSION [OPTION...]: tests/k8s/PROGRAM, with that module, as $build/PROGRAM-VERSION.
make_program() {
    program=$1 module=$2 version=$3
    shift 3
    [ ! -x "$build/$program-$version" ] || return 0
    rm -rf "${build:?}/$program" && mkdir "$build/$program" && cp "tests/k8s/$program/main.go" "$build/$program"
    echo "tests/k8s: building $program $version" >&2
    (
        cd "$build/$program"
        go mod init "postern.test/$program"
        if [ "$program" = apiserver ]; then # its parts have versions of their own, and places that are not in the module
            go mod edit -require "$module@$version"
            go mod download "$module@$version"
            sed -n 's#^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging.*#\1#p' "$(go env GOMODCACHE)/$module@$version/go.mod" |
                while read -r part; do go mod edit -replace "$part=$part@v0${version#v1}"; done
        else
            go get "$module@$version"
        fi
        go mod tidy
        go build -trimpath "$@" -o "$build/$program-$version" .
    ) >"$build/$program.log" 2>&1 || { tail -20 "$build/$program.log" >&2 && return 1; }
}

pods() {
    make_program coredns github.com/coredns/coredns $coredns
    /usr/bin/python3 tests/k8s/run.py "$build/coredns-$coredns" "$@"
}

api() {
    make_program apiserver k8s.io/kubernetes $kubernetes \
        -ldflags "-X k8s.io/component-base/version.gitVersion=$kubernetes -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"
    crds=$(cd "$build" && go mod download -json "github.com/prometheus-operator/prometheus-operator@$operator" |
        sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/example/prometheus-operator-crd
    /usr/bin/python3 tests/k8s/api.py "$build/apiserver-$kubernetes" "$build/helm-$helm" \
        "$crds/monitoring.coreos.com_servicemonitors.yaml" "$crds/monitoring.coreos.com_prometheusrules.yaml" "$@"
}

chart() {
    "$build/helm-$helm" lint packaging/k8s/chart -f packaging/k8s/kustomize/values.yaml
    for more in "" node.enabled=false cluster.enabled=false publisher.enabled=true monitoring.enabled=true networkPolicy.enabled=false; do
        /usr/bin/python3 tests/k8s/helm.py "$build/helm-$helm" "$more"
    done
}

if [ ! -x "$build/helm-$helm" ]; then
    (cd "$build" && GOBIN="$build" go install -trimpath "helm.sh/helm/v3/cmd/helm@$helm" && mv helm "helm-$helm") >"$build/helm.log" 2>&1 ||
        { tail -20 "$build/helm.log" >&2 && exit 1; }
fi
case ${1:-} in
    pods | api) "$@" ;;
    "")
        # A file each, so that a failure ends the run.
        chart >"$build/chart.txt"
        pods >"$build/pods.txt"
        api >"$build/api.txt"
        versions="CoreDNS ${coredns#v}, Helm ${helm#v}, Kubernetes ${kubernetes#v}, $(etcd --version | head -1), $(go env GOVERSION), Linux $(uname -r)"
        /usr/bin/python3 tests/k8s/results.py "$versions" "$build/chart.txt" "$build/pods.txt" "$build/api.txt" >tests/k8s/RESULTS.md
        ;;
    *) sed -n 's/^#   //p' "$0" >&2 && exit 3 ;;
esac
