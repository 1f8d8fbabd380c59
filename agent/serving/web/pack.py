#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packs the status page into two files, the page with its style and the script, and prints them as C++ (page_asset.cpp) or,
for tests, as JSON.

    pack.py cpp OUT      pack.py json      pack.py reasons (the module reasons_zh, filled)

The modules are joined in the order of MODULES into one module script: `import` lines go, `export` goes, so every top-level
name must be unique, which is checked. No template literal may span lines. The page names the script by its hash, in its
address and in `integrity`, which is what the policy allows.
"""

import base64
import gzip
import hashlib
import json
import pathlib
import re
import sys
import urllib.parse

sys.dont_write_bytecode = True  # nothing is written into the sources

from squeeze import squeezed_script, squeezed_style, with_short_names

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = HERE.parent.parent / "faults"
MODULES = ["dom", "words_en", "words_zh", "reasons_zh", "words", "format", "icon", "copy", "feed", "faults", "banner",
           "path", "streak", "matrix", "series", "chart", "incidents", "detail", "panels", "log", "app"]
OVERALL = ["good", "degraded", "failed", "unknown"]  # as agent/status/overall.h has them
MOST_RAW, MOST_COMPRESSED = 95_000, 32_500  # page and script: the rest of 100 KB and 35 KB is for what the agent writes


def lean(text, comment):
    """Without indentation, empty lines and lines that are comments."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(comment)) + "\n"


def module_text(module):
    text = (HERE / f"{module}.js").read_text()
    if module in FILLED:
        name, values = FILLED[module]
        empty = f"const {name} = {{}};"
        if empty not in text:
            raise SystemExit(f"pack.py: {module}.js needs a place to fill: {empty}")
        text = text.replace(empty, f"const {name} = {json.dumps(values(), ensure_ascii=False, separators=(',', ':'))};")
    return text


def chinese_reasons():
    """{"tcp_refused": the beginning of the cause}: doctor's words of the code of each reason."""
    texts = json.loads((FAULTS / "texts.zh.json").read_text())["findings"]
    rows = re.findall(r'^    \{"(PN-[A-Z0-9-]+)",.*Reason::k(\w+)\},$', (FAULTS / "codes.cpp").read_text(), re.M)
    token = re.compile(r"(?<=[a-z])(?=[A-Z0-9])")
    return {token.sub("_", reason).lower(): re.split("[：；，]", texts[code]["cause"])[0] for code, reason in rows}


def icons():
    """{"good": "data:image/svg+xml,…"}: shape and colour of each state."""
    return {state: "data:image/svg+xml," + urllib.parse.quote(svg, safe=" =:/,'") for state, svg in
            json.loads((HERE / "icons.json").read_text()).items()}


FILLED = {"reasons_zh": ("CHINESE", chinese_reasons), "icon": ("ICONS", icons)}  # module → its constant, and what is in it


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
        parts.append(text)
    return squeezed_script(with_short_names("".join(parts), declared))


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def source(text):
    """As a Content-Security-Policy and `integrity` name it."""
    return "sha256-" + base64.b64encode(digest(text)).decode()


def pack():
    script = join_script()
    style = squeezed_style((HERE / "style.css").read_text())
    address = f"assets/postern.{digest(script).hex()[:16]}.js"
    page = lean((HERE / "index.html").read_text(), "<!-- ").replace("<style></style>", f"<style>{style}</style>").replace(
        '<script type="module"></script>', f'<script type="module" src="{address}" integrity="{source(script)}"></script>')
    parts = re.split("<!--(?:title|app|plain)-->\n?", page)
    if len(parts) != 4 or style not in parts[1] or address not in parts[2]:
        raise SystemExit("pack.py: index.html needs <!--title-->, a style, <!--app-->, a script and <!--plain-->, in this order")
    shell = "".join(parts)
    squeezed = gzip.compress(script.encode(), 9, mtime=0)
    raw = len((shell + script).encode())
    compressed = len(squeezed) + len(gzip.compress(shell.encode(), 6, mtime=0))
    if raw > MOST_RAW or compressed > MOST_COMPRESSED:
        raise SystemExit(f"pack.py: page and script are too large: {raw} bytes, {compressed} compressed; "
                         f"{MOST_RAW} and {MOST_COMPRESSED} are allowed")
    # By its hash an external script is allowed since Chromium 59, Safari 15.6, Firefox 116; before that the plain page stays.
    policy = (f"default-src 'none'; script-src '{source(script)}'; style-src '{source(style)}'; connect-src 'self'; img-src data:; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return {"parts": dict(zip(("top", "style", "app", "tail"), parts)), "icons": icons(), "policy": policy, "script": script, "address": address, "squeezed": squeezed,
            "raw": raw, "compressed": compressed}


def literal(name, data):
    """A string_view of any bytes; octal escapes are three digits, so that no byte runs into the next."""
    lines = []
    for start in range(0, len(data), 64):
        lines.append('    "' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}"
                                       for b in data[start:start + 64]) + '"')
    return f"const std::string_view {name}(\n" + "\n".join(lines or ['    ""']) + f",\n    {len(data)});\n"


def cpp(page):
    return ("// Made by agent/serving/web/pack.py.\n#include \"agent/serving/page_asset.h\"\n\nnamespace postern::agent {\n\n" +
            "".join(literal(f"kPage{name.title()}", text.encode()) for name, text in page["parts"].items()) +
            literal("kPagePolicy", page["policy"].encode()) + literal("kPageScriptPath", f"/{page['address']}".encode()) +
            literal("kPageScript", page["script"].encode()) + literal("kPageScriptGzipped", page["squeezed"]) +
            "const std::array<std::string_view, 4> kPageIcons{\n" +
            "".join(f'    "{page["icons"][state]}",\n' for state in OVERALL) + "};\n" +
            "\n}  // namespace postern::agent\n")


def main():
    if sys.argv[1:] == ["json"]:
        page = pack()
        del page["squeezed"]
        print(json.dumps(page))
    elif sys.argv[1:] == ["reasons"]:
        print(module_text("reasons_zh"), end="")
    elif len(sys.argv) == 3 and sys.argv[1] == "cpp":
        pathlib.Path(sys.argv[2]).write_text(cpp(pack()))
    else:
        raise SystemExit(__doc__)


main()
