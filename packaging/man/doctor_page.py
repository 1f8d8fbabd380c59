#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints postern-doctor(7): postern-doctor.7.in with the codes of agent/faults in the place of @CODES@.

    packaging/man/doctor_page.py [zh] | man -l -

In Chinese the words are those of texts.zh.json and zh_CN/postern-doctor.7.in.
"""

import json
import pathlib
import re
import sys

from zh_page import with_breaks

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = HERE.parent.parent / "agent/faults"
ROW = re.compile(r'^    \{"(PN-[A-Z0-9-]+)", k(\w+), k(Fail|Warn), k(\w+),?(.*?)\},$', re.M | re.S)
PARTS = ("expected", "found", "fix", "verify")
ESCAPES = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"}
OF_ADDRESS = ("Tcp", "Tls", "Http", "Sql", "Ws")  # steps whose findings begin with the address, and such codes of others
ADDRESS_CODES = ("PN-ADDRESS-DOWN", "PN-ADDRESS-PARTIAL", "PN-ADDRESS-DEGRADED")
NAMES = {"ip": "ADDRESS"}  # placeholders with another name on the page


def snake(name):
    """kSecurityGroup's SecurityGroup → security_group"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def text(words, chinese):
    """A catalogue's text as a line of mdoc: English in ASCII, Chinese in UTF-8."""
    words = re.sub(r"\{([a-z_]+)\}", lambda m: NAMES.get(m[1], m[1].upper()), words)
    line = "".join(ESCAPES.get(c) or (c if c.isascii() or chinese else f"\\[u{ord(c):04X}]") for c in words)
    return "\\&" + line if line.startswith(".") else line


def entry(code, severity, owner, of_address, catalogue, chinese):
    words = catalogue["findings"][code]
    cause = words["cause"]
    if of_address and "{ip}" not in cause:
        cause = "{ip} " + cause  # as doctor prints it
    label = catalogue["words"]
    out = [f".It Cm {code}", text(cause, chinese), f".Bl -tag -width expected -compact", f".It {label['owner']}",
           text(f"{catalogue['owners'][snake(owner)]}{'（' if chinese else ' ('}{severity.upper()}{'）' if chinese else ')'}", chinese)]
    for part in PARTS:
        if words[part]:
            out += [f".It {label[part]}", text(words[part], chinese)]
    return out + [".El"]


def codes(language):
    chinese = language == "zh"
    catalogue = json.loads((FAULTS / f"texts.{language}.json").read_text(encoding="utf-8"))
    rows = ROW.findall((FAULTS / "codes.cpp").read_text())
    if {row[0] for row in rows} != set(catalogue["findings"]):
        raise SystemExit(f"doctor_page.py: codes.cpp and texts.{language}.json do not have the same codes")
    steps = {}
    for code, step, severity, owner, rest in rows:
        steps.setdefault(step, []).extend(entry(code, severity, owner, step in OF_ADDRESS or code in ADDRESS_CODES or "Reason::" in rest, catalogue, chinese))
    out = []
    for step, entries in steps.items():
        out += [f".Ss {text(catalogue['steps'][snake(step)], chinese)}", ".Bl -tag -width Ds", *entries, ".El"]
    return "\n".join(out)


def page(language):
    template = HERE / ("zh_CN" if language == "zh" else "") / "postern-doctor.7.in"
    made = template.read_text(encoding="utf-8").replace("@CODES@\n", codes(language) + "\n")
    return with_breaks(made) if language == "zh" else made


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    print(page(sys.argv[1] if len(sys.argv) > 1 else "en"), end="")
