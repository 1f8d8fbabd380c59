#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Joins the status page into one file and prints it as C++ (page_asset.cpp) or, for tests, as JSON.

    pack.py cpp OUT      pack.py json      pack.py reasons (the module reasons_zh, filled)

The modules are joined in the order of MODULES into one inline module script: `import` lines go, `export` goes, so every
top-level name must be unique, which is checked. Lines that are comments, and indentation, go, too: no template literal may
span lines. What stands before the marker is compressed here; what the agent writes at the marker, it compresses itself.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = HERE.parent.parent / "faults"
MODULES = ["dom", "words_en", "words_zh", "reasons_zh", "words", "format", "feed", "banner", "path", "streak", "matrix", "series",
           "chart", "curl", "detail", "panels", "log", "app"]
MARKER = "<!--plain-->"
MOST_RAW, MOST_COMPRESSED = 91_000, 31_000  # of the shell: the rest of 100 KB and 35 KB is for what the agent writes


def lean(text, comment):
    """Without indentation, empty lines and lines that are comments."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(comment)) + "\n"


ENTRY = re.compile(r'(\w+): ("(?:[^"\\]|\\.)*"),[ ]?')  # of a catalogue of words: nothing else in there has quotes


def module_text(module):
    text = (HERE / f"{module}.js").read_text()
    if module.startswith("words_"):
        return ENTRY.sub(r"\1:\2,", text)
    if module != "reasons_zh":
        return text
    empty = "const CHINESE = {};"
    if empty not in text:
        raise SystemExit(f"pack.py: reasons_zh.js needs a place for doctor's words: {empty}")
    return text.replace(empty, f"const CHINESE = {json.dumps(chinese_reasons(), ensure_ascii=False, separators=(',', ':'))};")


def chinese_reasons():
    """{"tcp_refused": [cause, fix]}: doctor's words of the code of each reason."""
    texts = json.loads((FAULTS / "texts.zh.json").read_text())["findings"]
    rows = re.findall(r'^    \{"(PN-[A-Z0-9-]+)",.*Reason::k(\w+)\},$', (FAULTS / "codes.cpp").read_text(), re.M)
    token = re.compile(r"(?<=[a-z])(?=[A-Z0-9])")
    return {token.sub("_", reason).lower(): [texts[code]["cause"], texts[code]["fix"]] for code, reason in rows}


def join_script():
    declared = {}
    parts = []
    for module in MODULES:
        text = module_text(module)
        if "`" in re.sub(r"`[^`\n]*`", "", text):
            raise SystemExit(f"pack.py: {module}.js: a template literal spans lines")
        text = re.sub(r"^import [^;]*;\n", "", text, flags=re.M)
        text = re.sub(r"^export ", "", text, flags=re.M)
        for name in re.findall(r"^(?:async )?(?:const|let|function\*?|class) (\w+)", text, flags=re.M):
            if name in declared:
                raise SystemExit(f"pack.py: {name} is declared in {declared[name]}.js and in {module}.js")
            declared[name] = module
        parts.append(lean(text, "//"))
    return "".join(parts)


def source(text):
    """As a Content-Security-Policy names it."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def pack():
    script = "\n" + join_script()
    style = "\n" + lean(re.sub(r"/\*.*?\*/", "", (HERE / "style.css").read_text(), flags=re.S), "/*")
    style = re.sub(r"(?<=[:;,{}])[ \n]| (?=[{}])", "", style).replace(";}", "}")  # no string in it has any of these
    page = lean((HERE / "index.html").read_text(), "<!-- ")
    page = page.replace("<style></style>", f"<style>{style}</style>").replace(
        '<script type="module"></script>', f'<script type="module">{script}</script>')
    head, marker, tail = page.partition(MARKER)
    if not marker or script not in head or style not in head:
        raise SystemExit(f"pack.py: index.html needs a style, a script and {MARKER}, in this order")
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = squeezer.compress(head.encode()) + squeezer.flush(zlib.Z_FULL_FLUSH)
    if len(head.encode()) > MOST_RAW or len(squeezed) > MOST_COMPRESSED:
        raise SystemExit(f"pack.py: the page is too large: {len(head.encode())} bytes, {len(squeezed)} compressed; "
                         f"{MOST_RAW} and {MOST_COMPRESSED} are allowed")
    policy = (f"default-src 'none'; script-src {source(script)}; style-src {source(style)}; connect-src 'self'; img-src data:; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return {"head": head, "squeezed": squeezed, "tail": tail, "policy": policy}


def literal(name, data):
    """A string_view of any bytes; octal escapes are three digits, so that no byte runs into the next."""
    lines = []
    for start in range(0, len(data), 64):
        lines.append('    "' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}"
                                       for b in data[start:start + 64]) + '"')
    return f"const std::string_view {name}(\n" + "\n".join(lines or ['    ""']) + f",\n    {len(data)});\n"


def cpp(page):
    head = page["head"].encode()
    return ("// Made by agent/serving/web/pack.py.\n#include \"agent/serving/page_asset.h\"\n\nnamespace postern::agent {\n\n" +
            literal("kPageHead", head) + literal("kPageHeadDeflated", page["squeezed"]) +
            literal("kPageTail", page["tail"].encode()) + literal("kPagePolicy", page["policy"].encode()) +
            f"const std::uint32_t kPageHeadCrc = {zlib.crc32(head)}u;\n\n}}  // namespace postern::agent\n")


def main():
    if sys.argv[1:] == ["json"]:
        page = pack()
        page["squeezed"] = len(page["squeezed"])
        print(json.dumps(page))
    elif sys.argv[1:] == ["reasons"]:
        print(module_text("reasons_zh"), end="")
    elif len(sys.argv) == 3 and sys.argv[1] == "cpp":
        pathlib.Path(sys.argv[2]).write_text(cpp(pack()))
    else:
        raise SystemExit(__doc__)


main()
