#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a Chinese manual with places to break lines: groff and mandoc break at blanks only, which Chinese has not.

    packaging/man/zh_page.py packaging/man/zh_CN/postern.1 | man -l -

Lines of text get a zero-width break between two Chinese characters, and between a Chinese one and what stands beside it without
a blank, but not before a closing mark nor after an opening one. Requests and literal displays stay as they are, and nothing is
hyphenated: commands can be copied.
"""

import pathlib
import re
import sys

WIDE = "\u2014\u2026\u3001-\u9fff\uff01-\uff5e"
CLOSES, OPENS = "，。：；？！、）》」”％…—", "（《「“"
BREAK = re.compile(f"(?<=[{WIDE}”])(?<![{OPENS}])(?=[{WIDE}“\\w\\\\])(?![{CLOSES}])"  # behind a wide one
                   f"|(?<=[\\w/])(?<!\\\\f)(?<!\\\\f[BIR])(?=[{WIDE}“])(?![{CLOSES}])")  # before one


def with_breaks(page):
    out, literal = [], False
    for line in page.split("\n"):
        if line.startswith(".Bd -literal"):
            literal = True
        elif line.startswith(".Ed"):
            literal = False
        if literal or line.startswith(".") or not line:
            out.append(line)
            continue
        if out[-1].startswith("."):
            out.append(".nh")  # every heading and item turns hyphens on again
        out.append(BREAK.sub(r"\\:", line))
    return "\n".join(out)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    print(with_breaks(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), end="")
