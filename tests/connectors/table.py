#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RESULTS.md of the runs' files: table.py VERSIONS FILE..."""

import json
import os
import subprocess
import sys

from programs import CONNECTORS

FAULTS = {"drop": "packets dropped", "end": "the gateway's process ends (RST)", "hang": "the gateway hangs"}
FREED = {"no": "nothing freed", "ss": "freed at the withdrawal by `ss -K`", "product": "freed by postern"}
HEAD = """# Results

Written by `tests/connectors/run.sh`; what the columns mean: README.md. {versions}; {runtimes}; Linux {kernel}, its TCP settings the
kernel's own but where said; postern's own times (a probe each 10 s, TTL 10 s). All over TLS, with the certificate and its name verified
against the test's CA, but for taos-ws-py as users write it: it takes any certificate (SETTINGS.md).

Each cell: **seconds from the fault to the first good query** · failed queries + queries over 2 s, in {seconds} s · the longest, in
seconds. `never`: no good query in {seconds} s. `default`: as users write it. `set`: with SETTINGS.md.
"""


def title(result):
    more = ", the kernel's settings of SETTINGS.md" if result["host"] else ""
    return f"{FAULTS[result['fault']]}, {FREED[result['free']]}{more}"


def cell(row):
    first = "never" if row["first_good_s"] is None else f"{row['first_good_s']:.1f}"
    return f"**{first}** · {row['failed']} + {row['slow']} · {row['longest_s']:.0f}"


def table(result):
    profiles = list(dict.fromkeys(row["profile"] for row in result["rows"]))
    rows = {(row["connector"], row["profile"]): row for row in result["rows"]}
    lines = ["| connector | " + " | ".join(profiles) + " |", "|---" * (len(profiles) + 1) + "|"]
    for name in dict.fromkeys(row["connector"] for row in result["rows"]):
        lines.append("| " + " | ".join([CONNECTORS[name].name, *(cell(rows[name, profile]) for profile in profiles)]) + " |")
    return "\n".join(lines)


def section(result):
    text = f"\n## {title(result)[0].upper()}{title(result)[1:]}\n\n"
    text += f"Postern's answer changed after {result['withdrawn_s']:.1f} s."
    if result["free"] != "no":
        text += f" Connections ended then: {result['freed']}."
    if result["crowd"]:
        crowd = result["crowd"]
        text += f" Of {crowd['held']} other connections to the healthy address {crowd['alive']} still answered at the end."
    return f"{text}\n\n{table(result)}\n"


def one_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return (done.stdout or done.stderr).splitlines()[0]


def runtimes():
    java = one_line("java", "-version").split('"')[1]
    return f"Python {sys.version.split()[0]}, {one_line('go', 'version').split()[2]}, Java {java}, Node.js {one_line('node', '--version')}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        versions = file.read().strip()
    results = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            results.append(json.load(file))
    print(HEAD.format(versions=versions, runtimes=runtimes(), kernel=os.uname().release.split("-")[0],
                      seconds=results[0]["seconds"]), end="")
    for result in results:
        print(section(result), end="")
    errors = sorted({(CONNECTORS[row["connector"]].name, text) for result in results for row in result["rows"] for text in row["errors"]})
    print("\n## What the programs were told\n")
    for name, text in errors:
        print(f"- {name}: `{text.replace('`', '')}`")


main()
