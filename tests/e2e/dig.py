# SPDX-License-Identifier: Apache-2.0
"""Parses dig's output: dig stays an independent reader of our packets."""

import re
import subprocess
from dataclasses import dataclass, field


@dataclass
class Answer:
    text: str
    status: str = None  # NOERROR, NXDOMAIN, ...; None when nothing came
    flags: list = field(default_factory=list)
    edns: bool = False
    ede: list = field(default_factory=list)  # codes
    answer: list = field(default_factory=list)  # (name, ttl, type, data)
    authority: list = field(default_factory=list)
    query_ms: int = None

    @property
    def data(self):
        """The data of the answer section, in the order of the packet."""
        return [data for _, _, _, data in self.answer]

    def soa(self):
        return next((data.split() for _, _, kind, data in self.authority if kind == "SOA"), None)


def parse(text):
    result = Answer(text)
    section = None
    for line in text.splitlines():
        if found := re.search(r"opcode: \w+, status: (\w+)", line):
            result.status = found[1]
        elif found := re.match(r";; flags: ([a-z ]*);", line):
            result.flags = found[1].split()
        elif line.startswith("; EDNS:"):
            result.edns = True
        elif found := re.match(r"; EDE: (\d+)", line):
            result.ede.append(int(found[1]))
        elif found := re.match(r";; (\w+) SECTION:", line):
            section = found[1]
        elif found := re.match(r";; Query time: (\d+) msec", line):
            result.query_ms = int(found[1])
        elif line and not line.startswith(";") and section in ("ANSWER", "AUTHORITY"):
            parts = line.split(None, 4)
            if len(parts) == 5:
                name, ttl, _, kind, data = parts
                getattr(result, section.lower()).append((name, int(ttl), kind, data))
    return result


def ask(server, *arguments, port=53, wait_s=6):
    """One query, no retry."""
    done = subprocess.run(["dig", f"@{server}", "-p", str(port), "+tries=1", f"+timeout={wait_s}", *arguments],
                          capture_output=True, text=True, timeout=wait_s * 4 + 20, check=False)
    return parse(done.stdout)
