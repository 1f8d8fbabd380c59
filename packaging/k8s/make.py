#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes what is derived: the kustomize folders from the chart, and the chart's rules from packaging/prometheus.

    make.py [--check]     --check: writes nothing; exits 1 and names what differs from what it would write
    make.py --print VALUES_FILE...   prints the chart's objects, as Helm would install them; later files count more

Needs Go and python3-yaml. tests/k8s_test.py runs --check, so nothing drifts."""
import json
import pathlib
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
CHART = HERE / "chart"
RULES = TOP / "packaging/prometheus/postern.rules.yml"
FOLDERS = {  # folder of kustomize/ → values on top, templates that it has
    "base": ({}, ["account", "config", "node", "cluster", "networkpolicy"]),
    "monitoring": ({"monitoring": {"enabled": True}}, ["config", "networkpolicy", "monitoring"]),
    "publisher": ({"node": {"enabled": False}, "cluster": {"enabled": False}, "publisher": {"enabled": True}},
                  ["account", "config", "publisher"]),
}
DERIVED = "# Made by packaging/k8s/make.py from packaging/k8s/chart{}.\n"


def merged(base, changes):
    """As Helm merges values: tables by key, all else replaced."""
    out = dict(base)
    for key, value in changes.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules():
    return RULES.read_text(encoding="utf-8")


def render(values, release="postern", namespace="postern", service="Helm"):
    """{template: text} of the chart; `values` on top of its own."""
    chart = read(CHART / "Chart.yaml")
    request = {
        "chart": {"Name": chart["name"], "Version": chart["version"], "AppVersion": chart["appVersion"]},
        "release": {"Name": release, "Namespace": namespace, "Service": service},
        "values": merged(read(CHART / "values.yaml"), values),
        "files": {"files/postern.rules.yml": rules()},
        "templates": {path.name: path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir() if path.suffix != ".txt"},
    }
    done = subprocess.run(["go", "run", "."], cwd=TOP / "tests/k8s/render", input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def objects(rendered):
    """The objects of all templates."""
    return [one for name in sorted(rendered) for one in yaml.safe_load_all(rendered[name]) if one]


def tidy(text):
    """Without the blank lines that templates leave outside of blocks, and with one licence line."""
    lines, block = [], None
    for line in text.splitlines():
        line = line.rstrip()
        depth = len(line) - len(line.lstrip())
        if line and block is not None and depth <= block:
            block = None
        if block is None and (not line or line.startswith("# SPDX")):
            continue
        lines.append(line)
        if line.endswith(": |"):
            block = depth
    return "# SPDX-License-Identifier: Apache-2.0\n" + DERIVED.format(" and ../values.yaml") + "\n".join(lines) + "\n"


def made():
    """{path: text} of every derived file."""
    out = {CHART / "files/postern.rules.yml": rules()}
    example = read(HERE / "kustomize/values.yaml")
    for folder, (changes, templates) in FOLDERS.items():
        rendered = render(merged(example, changes), service="kustomize")
        for name in templates:
            out[HERE / "kustomize" / folder / f"{name}.yaml"] = tidy(rendered[f"{name}.yaml"])
    return out


def main():
    if sys.argv[1:2] == ["--print"]:
        values = {}
        for path in sys.argv[2:]:
            values = merged(values, read(pathlib.Path(path)))
        rendered = render(values)
        print("\n---\n".join(rendered[name].strip() for name in sorted(rendered) if rendered[name].strip()))
        return 0
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    different = [path for path, text in made().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in different:
        print(f"{path.relative_to(TOP)} {'differs' if sys.argv[1:] else 'is written'}")
        if not sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made()[path], encoding="utf-8")
    return 1 if different and sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
