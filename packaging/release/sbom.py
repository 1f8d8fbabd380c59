#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The bill of materials of the portable programs, as CycloneDX 1.5: packaging/portable/sources is what they are made of.

    sbom.py VERSION >postern_VERSION.cdx.json

The same input gives the same bytes: its number is made from its content, its time is SOURCE_DATE_EPOCH's.
"""

import datetime
import hashlib
import json
import os
import re
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "portable", "sources")
LICENSES = {  # SPDX, as each project states it
    "ziglang": "MIT", "zlib": "Zlib", "libuv": "MIT", "c-ares": "MIT", "openssl": "Apache-2.0", "ldns": "BSD-3-Clause",
    "libmicrohttpd": "LGPL-2.1-or-later", "curl": "curl", "fmt": "MIT", "expected": "CC0-1.0", "cli11": "BSD-3-Clause",
    "nlohmann-json": "MIT", "tomlplusplus": "MIT",
}


def pins():
    """(kind, name, version, where from, SHA-256) of each line."""
    with open(SOURCES, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            kind, name, what, checksum = line.split()
            version = what if kind == "wheel" else re.match(r"[^_]+_([^_]+?)(_\w+\.deb|\.dsc)$", os.path.basename(what))[1]
            yield kind, name, version, what, checksum


def component(kind, name, version, what, checksum):
    if kind == "wheel":
        purl = f"pkg:pypi/{name}@{version}"
    else:
        package = os.path.basename(what).split("_")[0]
        purl = f"pkg:deb/debian/{package}@{version.replace('+', '%2B').replace('~', '%7E')}" + (
            "?arch=source" if kind == "source" else "")
    part = {
        "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
        "licenses": [{"license": {"id": LICENSES[name]}}],
        "properties": [{"name": "postern:sha256", "value": checksum}],
    }
    if kind == "wheel":
        part["description"] = "the compiler; its libc++ and libunwind (Apache-2.0 WITH LLVM-exception) are linked in"
    if kind == "source":
        # What a list of vulnerabilities knows: the version that the project itself gave.
        part["cpe"] = f"cpe:2.3:a:*:{name}:{re.split(r'[-+]', re.sub(r'.*really', '', version))[0]}:*:*:*:*:*:*:*"
    return part


def bill(version):
    components = [component(*pin) for pin in pins()]
    main = f"pkg:generic/postern@{version}"
    content = json.dumps([version, components], sort_keys=True)
    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(content.encode()).digest()[:16], version=4)}",
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": main, "name": "postern", "version": version, "purl": main,
                          "licenses": [{"license": {"id": "Apache-2.0"}}]},
        },
        "components": components,
        "dependencies": [{"ref": main, "dependsOn": [part["bom-ref"] for part in components]}],
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(json.dumps(bill(sys.argv[1]), indent=1))
