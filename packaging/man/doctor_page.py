#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints postern-doctor(7): postern-doctor.7.in with the codes of agent/faults in the place of @CODES@.

    packaging/man/doctor_page.py | man -l -
"""

import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = HERE.parent.parent / "agent/faults"
ROW = re.compile(r'^    \{"(PN-[A-Z0-9-]+)", k(\w+), k(Fail|Warn), k(\w+),?(.*?)\},$', re.M | re.S)
PARTS = ("expected", "found", "fix", "verify")
ESCAPES = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"}
OF_HOST = {"PN-LOCAL-FILES", "PN-LOCAL-PORTS", "PN-LOCAL-MEMORY"}  # whichever address met it
NAMES = {"ip": "ADDRESS"}  # placeholders with another name on the page


def snake(name):
    """kSecurityGroup's SecurityGroup → security_group"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def text(words):
    """A catalogue's text as a line of mdoc, in ASCII."""
    words = re.sub(r"\{([a-z_]+)\}", lambda m: NAMES.get(m[1], m[1].upper()), words)
    line = "".join(ESCAPES.get(c) or (c if c.isascii() else f"\\[u{ord(c):04X}]") for c in words)
    return "\\&" + line if line.startswith(".") else line


def entry(code, severity, owner, of_address, words, catalogue):
    cause = words["cause"]
    if of_address and "{ip}" not in cause:
        cause = "{ip} " + cause  # as doctor prints it
    out = [f".It Cm {code}", text(cause), ".Bl -tag -width expected -compact", ".It owner",
           f"{text(catalogue['owners'][snake(owner)])} ({severity.upper()})"]
    for part in PARTS:
        if words[part]:
            out += [f".It {part}", text(words[part])]
    return out + [".El"]


def codes():
    catalogue = json.loads((FAULTS / "texts.en.json").read_text())
    rows = ROW.findall((FAULTS / "codes.cpp").read_text())
    if {row[0] for row in rows} != set(catalogue["findings"]):
        raise SystemExit("doctor_page.py: codes.cpp and texts.en.json do not have the same codes")
    steps = {}
    for code, step, severity, owner, rest in rows:
        steps.setdefault(step, []).extend(entry(code, severity, owner, step == "Ws" or ("Reason::" in rest and code not in OF_HOST),
                                                catalogue["findings"][code], catalogue))
    out = []
    for step, entries in steps.items():
        out += [f".Ss {text(catalogue['steps'][snake(step)])}", ".Bl -tag -width Ds", *entries, ".El"]
    return "\n".join(out)


print((HERE / "postern-doctor.7.in").read_text().replace("@CODES@\n", codes() + "\n"), end="")
