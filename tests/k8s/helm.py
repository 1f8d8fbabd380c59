#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the gate's renderer (render) against the real Helm.

    helm.py HELM [KEY=true|false]     of the chart's values"""
import json
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "packaging/k8s"))
sys.dont_write_bytecode = True
import make  # noqa: E402
import yaml  # noqa: E402


def main():
    helm, setting = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    values = make.HERE / "kustomize/values.yaml"
    done = subprocess.run([helm, "template", "postern", make.CHART, "--namespace", "postern", "--kube-version", "1.37", "-f", values,
                           *(["--set", setting] if setting else [])], capture_output=True, text=True, check=True)
    changes = make.read(values)
    if setting:
        path, value = setting.split("=")
        section, key = path.split(".")
        changes[section] = {key: value == "true"}

    def told(objects):
        return sorted(json.dumps(one, sort_keys=True) for one in objects if one)
    theirs, ours = told(yaml.safe_load_all(done.stdout)), told(make.objects(make.render(changes)))
    print(f"helm template {setting or '(as it is)'}: {len(theirs)} objects, {'the same' if theirs == ours else 'OTHER THAN OURS'}")
    sys.exit(theirs != ours)


if __name__ == "__main__":
    main()
