# SPDX-License-Identifier: Apache-2.0
"""JavaScript and CSS without what only people read: comments, indentation, blanks, and the names of a module's own functions.
Knows no grammar: strings, templates and regular expressions are kept as they are, line breaks stay wherever a statement may
end, and a name is shortened only where it can't be a property's."""

import itertools
import re
import string

REGEX_AFTER = set("(,=:[!&|?{};+-*%<>~^\n")
REGEX_AFTER_WORD = re.compile(r"(?:^|[^\w$.])(?:return|typeof|case|in|of|yield|await|do|else)$")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')
REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
NAME = re.compile(r"[\w$]")


def template_end(text, start):
    """The index after the template literal that begins at `start`, with all that is nested in it."""
    at, depth = start + 1, []
    while at < len(text):
        inside = depth and depth[-1] >= 0  # in ${…}
        if not inside:
            if text[at] == "\\":
                at += 1
            elif text.startswith("${", at):
                depth.append(0)
                at += 1
            elif text[at] == "`":
                if not depth:
                    return at + 1
                depth.pop()
        elif text[at] == "`":
            depth.append(-1)
        elif text[at] in "\"'":
            at = STRING.match(text, at).end() - 1
        elif text[at] == "{":
            depth[-1] += 1
        elif text[at] == "}":
            depth[-1] -= 1
            if depth[-1] < 0:
                depth.pop()
        at += 1
    raise ValueError("a template literal without an end")


def tokens(text):
    """("keep", literal) or ("code", what is between)."""
    at, code = 0, ""
    while at < len(text):
        found = None
        before = code.rstrip(" \t")
        if text[at] in "\"'":
            found = STRING.match(text, at)
        elif text[at] == "`":
            yield "code", code
            code, end = "", template_end(text, at)
            yield "keep", text[at:end]
            at = end
            continue
        elif text[at] == "/":
            if comment := COMMENT.match(text, at):
                at = comment.end()
                continue
            if not before or before[-1] in REGEX_AFTER or REGEX_AFTER_WORD.search(before):
                found = REGEX.match(text, at)
        if found:
            yield "code", code
            code = ""
            yield "keep", found.group()
            at = found.end()
        else:
            code += text[at]
            at += 1
    yield "code", code


def squeezed_script(text):
    out = ""
    for kind, part in tokens(text):
        if kind == "keep":
            out += part
            continue
        for piece in re.split(r"(\s+)", part):
            if not piece.isspace():
                if out.endswith("\n") and piece[:1] in ("}", ")", "]", "?", ":", ".", ","):
                    out = out[:-1]
                if out.endswith(" ") and piece and not (NAME.match(out[-2]) and NAME.match(piece[0]) or
                                                       piece[0] in "+-" and out[-2] == piece[0]):
                    out = out[:-1]
                out += piece
            elif not out or out[-1] in "\n{(,;[?:=&|":
                continue
            elif "\n" in piece:
                out = out.rstrip(" ") + "\n"
            elif NAME.match(out[-1]) or out[-1] in "+-":
                out += " "
    return out


def code_of(text, change):
    """`text` with `change` done to its code, that in templates included."""
    out = ""
    for kind, part in tokens(text):
        if kind == "code":
            out += change(part)
        elif part[0] != "`":
            out += part
        else:
            out += template_of(part, change)
    return out


def template_of(part, change):
    """A template literal with `change` done to what its ${…} hold."""
    out, at = "", 0
    while (start := part.find("${", at)) >= 0:
        end, depth = start + 2, 0
        while depth > 0 or part[end] != "}":
            if part[end] == "`":
                end = template_end(part, end) - 1
            elif part[end] in "\"'":
                end = STRING.match(part, end).end() - 1
            else:
                depth += {"{": 1, "}": -1}.get(part[end], 0)
            end += 1
        out += part[at:start + 2] + code_of(part[start + 2:end], change)
        at = end
    return out + part[at:]


def with_short_names(text, names):
    """`text` with `names`, declared at its top, shortened, save those that are, or may be, a property's as well."""
    seen = []
    code_of(text, lambda code: seen.append(code) or code)
    code = "\n;".join(seen)
    doubtful = set(re.findall(r"\.\s*([\w$]+)", code)) | set(re.findall(r"(?<![\w$])([\w$]+)\s*:", code))
    doubtful |= set(re.findall(r"[{,]\s*([\w$]+)\s*(?=[},=])", code)) | set(re.findall(r"\b(?:get|set|async|\*)\s+([\w$]+)\(", code))
    short = ("$" + "".join(letters) for n in (1, 2) for letters in itertools.product(string.ascii_letters, repeat=n))
    often = sorted((n for n in names if n not in doubtful and len(n) > 2), key=lambda n: -len(re.findall(rf"\b{n}\b", code)))
    new = dict(zip(often, short))
    return code_of(text, lambda part: re.sub(r"(?<![\w$.])[\w$]+", lambda found: new.get(found.group(), found.group()), part))


def squeezed_style(text):
    """No string in it may have a comment, a brace or two blanks."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"(?<=[:;,{}]) | (?=[{}])", "", text).replace(";}", "}").strip()
