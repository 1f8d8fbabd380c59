#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Official clients against the stand-ins, so that these are neither stricter nor more lenient than the real services:
# Alibaba Cloud's Python SDK, in two generations, its PrivateZone SDK, which reads what `postern publish privatezone` wrote (of
# POSTERN_BIN, or build/release), and TDengine's Python clients: tests/sdk/run.sh [VERSION...]. Installs pinned versions from
# PyPI into build/sdk.
set -eu
cd "$(dirname "$0")/../.."

pins() { # VERSION of alibabacloud-tea-openapi, pvtz, or tdengine
    case $1 in
    pvtz) echo alibabacloud-pvtz20180101==1.5.0 alibabacloud-tea-openapi==0.4.6 alibabacloud-tea==0.4.3 alibabacloud-tea-util==0.3.15 \
        alibabacloud-credentials==1.0.12 darabonba-core==1.0.9 && return ;;
    tdengine) echo taospy==2.8.10 taos-ws-py==0.7.0 && return ;;
    0.4.6) echo alibabacloud-privatelink20200415==4.0.9 alibabacloud-sts20150401==1.2.0 darabonba-core==1.0.9 ;;
    0.3.16) echo alibabacloud-privatelink20200415==4.0.5 alibabacloud-sts20150401==1.1.6 alibabacloud-openapi-util==0.2.4 ;;
    *) echo "tests/sdk/run.sh: 0.4.6, 0.3.16, pvtz or tdengine, not $1" >&2 && return 2 ;;
    esac
    echo "alibabacloud-tea-openapi==$1" alibabacloud-tea==0.4.3 alibabacloud-tea-util==0.3.15 alibabacloud-credentials==1.0.12
}

[ $# -gt 0 ] || set -- 0.4.6 0.3.16 pvtz tdengine
failed=0
for version in "$@"; do
    folder=build/sdk/$version
    wanted=$(pins "$version")
    [ -x "$folder/bin/python" ] || /usr/bin/python3 -m venv "$folder"
    # shellcheck disable=SC2086
    "$folder/bin/pip" install --quiet $wanted 2>"$folder/pip.log" || { cat "$folder/pip.log" >&2; exit 1; }
    check=check_aliyun.py
    [ "$version" != tdengine ] || check=check_tdengine.py
    [ "$version" != pvtz ] || check=check_pvtz.py
    echo "tests/sdk: $version"
    env -u HTTP_PROXY -u HTTPS_PROXY -u http_proxy -u https_proxy "$folder/bin/python" "tests/sdk/$check" -v || failed=1
done
exit $failed
