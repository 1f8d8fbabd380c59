# SPDX-License-Identifier: Apache-2.0
"""The mutants of a C++ source: copies of it in which one line differs. Pure: text in, mutants out."""
import collections
import re

# name: the id without the file, "LINE:COLUMN:MUTATION"; before: the nearest line above it that is not empty.
Mutant = collections.namedtuple("Mutant", "name number line mutated before")

# What is exchanged, and the name of the mutation. An operator has spaces around it; a template's bracket has none.
OPERATORS = {"<": ("<=", "lt"), "<=": ("<", "le"), ">": (">=", "gt"), ">=": (">", "ge"), "==": ("!=", "eq"), "!=": ("==", "ne"),
             "&&": ("||", "and"), "||": ("&&", "or"), "+": ("-", "plus"), "-": ("+", "minus"), "+=": ("-=", "add"), "-=": ("+=", "take")}
WORDS = {"true": ("false", "true"), "false": ("true", "false"), "std::min": ("std::max", "min"), "std::max": ("std::min", "max")}
SPARED_CALLS = re.compile(r"\b(?:static_assert|assert|(?:core::)?log(?:_\w+)?)\(")
LITERAL = re.compile(r"(?<![\w.'])(0x[0-9a-fA-F']+|\d[\d']*)([uUlL]*)(?![\w.'])")
ASSIGNMENT = re.compile(r"[\w:.>\[\]()*-]+ (?:[-+*/|&^%]|<<|>>)?= ?[^=].*;$")
STEP = re.compile(r"(?:\+\+|--)[\w:.>\[\]()*-]+;$|[\w:.>\[\]()*-]+(?:\+\+|--);$")
CALL = re.compile(r"[\w:.>\[\]()*-]*\w\(\);$")
PREFIX = re.compile(r"(?:else )?(?:if|for|while) \(\) |else ")


def code_of(text):
    """The text with everything that is not code blanked: comments, literals of text (their quotes stay), directives,
    asserts and calls that log. Each character keeps its place."""
    out = list(text)

    def blank(start, end):
        for i in range(start, min(end, len(out))):
            if out[i] != "\n":
                out[i] = " "

    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
                       r'|^[ ]*#(?:\\\n|[^\n])*', re.S | re.M)
    for match in token.finditer(text):
        quoted = match[0][0] in "R\"'"
        blank(match.start() + quoted, match.end() - quoted)
        if quoted:
            out[match.start()] = out[match.end() - 1] = '"'
    code = "".join(out)
    for match in SPARED_CALLS.finditer(code):
        blank(match.start(), closing(code, match.end() - 1) + 1)
    return "".join(out)


def closing(code, start):
    """Where the bracket at `start` is closed; the end of the text where it is not."""
    depth = 0
    for i in range(start, len(code)):
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth == 0:
            return i
    return len(code)


def flat(code):
    """Without what is inside the outermost brackets."""
    out, depth = [], 0
    for c in code:
        depth -= c in ")]"
        if depth == 0:
            out.append(c)
        depth += c in "(["
    return "".join(out)


def replaced(line, start, end, new):
    return line[:start] + new + line[end:]


def operators(code, line):
    for match in re.finditer(r"(?<= )(?:[<>=!+-]=|&&|\|\||[<>+-])(?= |$)", code):
        new, name = OPERATORS[match[0]]
        of_texts = match[0] in ("+", "+=") and '"' in (code[match.start() - 2], code[match.end() + 1:match.end() + 2])
        if not of_texts:
            yield match.start(), name, replaced(line, match.start(), match.end(), new)


def words(code, line):
    for old, (new, name) in WORDS.items():
        for match in re.finditer(rf"(?<![\w:]){old}\b", code):
            yield match.start(), name, replaced(line, match.start(), match.end(), new)


def constants(code, line):
    for match in LITERAL.finditer(code):
        digits = match[1].replace("'", "")
        number = int(digits, 8 if digits[0] == "0" and digits.isdigit() else 0)
        yield match.start(1), "constant", replaced(line, match.start(1), match.end(1), str(number + 1))
        factor = code[match.end():].startswith(" * ") or code[:match.start()].endswith(("* ", "*= "))
        if number == 2 and factor:
            yield match.start(1), "double", replaced(line, match.start(1), match.end(1), "1")


def conditions(code, line):
    for match in re.finditer(r"\b(?:if|while) \(", code):
        end = closing(code, match.end() - 1)
        if end == len(code):
            continue
        start = match.end() + code[match.end():end].rfind("; ") + 2 if "; " in code[match.end():end] else match.end()
        condition = code[start:end]
        alone = re.fullmatch(r"[^&|?]* (?:==|!=) [^&|?]*", condition)  # the comparison's mutant is the same
        if not alone and not re.match(r"(?:const )?auto\b", condition):
            yield start, "negate", replaced(line, start, end, f"!({line[start:end]})")


def returns(code, line, of_void):
    match = re.search(r"\breturn ([^;{]+);$", code.rstrip())
    if match is None or match[1] in ("true", "false"):
        return
    if of_void:
        yield match.start(), "return", replaced(line, match.start(1) - 1, match.end(1), "")
    else:
        yield match.start(), "return", replaced(line, match.start(1), match.end(1), "{}")


def deleted(code, line, begins):
    """A statement that has the line, or the rest of it behind if, for or else, to itself."""
    statement = code.strip()
    if not begins or not statement.endswith(";") or statement.count("(") != statement.count(")"):
        return
    rest, prefix = flat(statement), 0
    while (match := PREFIX.match(rest)) is not None:
        rest = rest[match.end():]
        at = prefix + statement[prefix:].find("(")
        prefix = closing(statement, at) + 2 if "(" in match[0] else prefix + match.end()
    if re.match(r"(?:return|throw|delete|using|break|continue|case|goto|static_cast)\b", rest):
        return
    if ASSIGNMENT.match(rest) or STEP.match(rest) or CALL.match(rest):
        indent = len(code) - len(code.lstrip())
        end = len(code.rstrip())
        yield indent + prefix, "delete", replaced(line, indent + prefix, end, "{}" if prefix else ";")


def mutants_of(text):
    lines, codes = text.split("\n"), code_of(text).split("\n")
    found, before, code_before, of_void = [], "", ";", False
    for number, (line, code) in enumerate(zip(lines, codes), 1):
        if re.match(r"[A-Za-z].*\(", code):  # a function begins
            of_void = code.startswith("void ")
        begins = code_before.rstrip().endswith((";", "{", "}", ":", ") ", "else")) or re.search(r"\)$", code_before.rstrip())
        every = [*operators(code, line), *words(code, line), *constants(code, line), *conditions(code, line),
                 *returns(code, line, of_void), *deleted(code, line, begins)]
        for column, mutation, mutated in sorted(every, key=lambda m: (m[0], m[1])):
            found.append(Mutant(f"{number}:{column + 1}:{mutation}", number, line, mutated, before))
        if line.strip():
            before = line
        if code.strip():
            code_before = code
    return found


def apply(text, mutant):
    lines = text.split("\n")
    assert lines[mutant.number - 1] == mutant.line
    lines[mutant.number - 1] = mutant.mutated
    return "\n".join(lines)
