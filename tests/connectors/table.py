#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RESULTS.md of the runs' files: table.py VERSIONS FILE..."""

import json
import os
import re
import subprocess
import sys

from programs import CONNECTORS, VARYING

FAULTS = {"drop": "packets dropped", "end": "process ends (RST)", "hang": "gateway hangs"}
FREED = {"no": "", "ss": "`ss -K` at the withdrawal", "product": "`free_stuck`"}
HEAD = """# Results

Written by `tests/connectors/run.sh`; README.md says what is measured.

- {versions}
- {runtimes}
- Linux {kernel} with its own TCP settings, but for *host set*; postern with its own times: a probe each 10 s, TTL 10 s. The zone fails when
  postern sees it as late as it can.
- All over TLS with the certificate and its name verified against the test's CA; taos-ws-py as users write it takes any certificate
  (certificates.py).

## At a glance

Seconds from the fault to the first good query, **as users write it** / with the settings of postern-connectors(7); never: not in {seconds} s.

"""


def title(result):
    more = [FREED[result["free"]]] * (result["free"] != "no") + ["host set"] * result["host"]
    more += [f"{result['crowd']['held']:,} connections more"] if result["crowd"] else []
    return ", ".join([FAULTS[result["fault"]], *more])


def seconds(row):
    return "never" if row["first_good_s"] is None else f"{row['first_good_s']:.1f}"


def at_a_glance(results):
    lines = ["| connector | " + " | ".join(title(result) for result in results) + " |", "|---" * (len(results) + 1) + "|"]
    for name, connector in CONNECTORS.items():
        cells = []
        for result in results:
            default, own = ([seconds(row) for row in result["rows"] if (row["connector"], row["profile"]) == (name, profile)]
                            for profile in ("default", "set"))
            cells.append(" / ".join([f"**{default[0]}**", *own]))
        lines.append(f"| {connector.name} | " + " | ".join(cells) + " |")
    lines.append("| *postern's answer changed after* | " + " | ".join(f"{result['withdrawn_s']:.1f}" for result in results) + " |")
    return "\n".join(lines) + "\n"


def section(result):
    text = f"\n## {title(result)[0].upper()}{title(result)[1:]}\n\n"
    text += f"Postern's answer changed after {result['withdrawn_s']:.1f} s; looked at for {result['seconds']} s."
    if result["free"] != "no":
        text += f" Connections ended: {result['freed']}."
    if result["crowd"]:
        crowd = result["crowd"]
        text += f" Of {crowd['held']:,} connections to the healthy address {crowd['alive']:,} still answered at the end."
    text += "\n\n| connector | | connections | first good | failed | over 2 s | longest |\n|---|---|---|---|---|---|---|\n"
    for row in result["rows"]:
        text += f"| {CONNECTORS[row['connector']].name} | {row['profile']} | {row['connections']} | {seconds(row)} | {row['failed']} | "
        text += f"{row['slow']} | {row['longest_s']:.1f} |\n"
    return text


def told(results):
    """The error texts, each once."""
    texts = {(CONNECTORS[row["connector"]].name, re.sub(VARYING, "…", text).replace("`", ""))
             for result in results for row in result["rows"] for text in row["errors"]}
    return "\n## What the programs were told\n\n" + "".join(f"- {name}: `{text}`\n" for name, text in sorted(texts))


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
    whole = [result for result in results if len({row["connector"] for row in result["rows"]}) == len(CONNECTORS)]
    print(HEAD.format(versions=versions, runtimes=runtimes(), kernel=os.uname().release.split("-")[0],
                      seconds=results[0]["seconds"]), end="")
    print(at_a_glance(whole), *map(section, results), told(results), sep="", end="")


main()
