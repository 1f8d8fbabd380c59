#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""postern-messages(7) lists what an operator can meet: every log event from warning on, every class of error, every
sentence of the commands' own - and nothing that the sources do not say."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = (ROOT / "packaging/man/postern-messages.7").read_text().replace(r"\[u2026]", "…")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.cpp")) or [ROOT / folder]:
            yield path.relative_to(ROOT).as_posix(), re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)


def arguments(text, at):
    """The arguments of the call whose opening bracket is just before `at`."""
    out, depth, start = [], 0, at
    while True:
        if text[at] == '"':
            at = LITERAL.match(text, at).end()
            continue
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            if depth == 0:
                return out + [text[start:at].strip()]
            depth -= 1
        elif text[at] == "," and depth == 0:
            out.append(text[start:at].strip())
            start = at + 1
        at += 1


def calls(text, pattern):
    for match in re.finditer(pattern, text):
        if match.start() and text[match.start() - 1].isalnum():
            continue
        yield match, arguments(text, match.end())


def sentences(expression):
    """Its literals of more than a word, joined where they stand side by side; {} becomes an ellipsis."""
    joined = re.sub(r'"\s+"', "", expression)
    for literal in LITERAL.findall(joined):
        words = re.sub(r"\{[^}]*\}", "…", literal).strip(" :;,(")
        if re.search(r"\w+ \w+", words):
            yield words


def items(section):
    """What an .It of the section names, with the words behind it."""
    body = re.search(rf"^\.Sh {section}\n(.*?)(?=^\.Sh |\Z)", PAGE, re.M | re.S)[1]
    out = {}
    for entry in re.split(r"^\.It ", body, flags=re.M)[1:]:
        head, _, rest = entry.partition("\n")
        out.setdefault(head, rest.replace(".El", "").strip())
    return out


def log_events():
    """{name: levels} of what is logged from warning on."""
    out = {}
    for path, text in sources("agent", "core", "probe", "resolver"):
        for match, given in calls(text, r"\b(?:core::)?log(_warning|_error)?\("):
            levels = {match[1][1:]} if match[1] else {level.lower() for level in re.findall(r"Level::k(Warning|Error)\b", given[0])}
            name = given[0 if match[1] else 1] if len(given) > 1 else ""
            if not levels or path == "core/log.cpp":
                continue
            if not re.fullmatch(r'"[a-z_]+"', name):
                raise AssertionError(f"{path}: an event's name is a literal: {name}")
            out.setdefault(name.strip('"'), set()).update(levels)
    for match in re.finditer(r'Level::k(Warning|Error), "([a-z_]+)"', (ROOT / "core/log.cpp").read_text()):
        out.setdefault(match[2], set()).add(match[1].lower())  # what the log says about itself
    return out


# Each of their errors carries its own next step.
EXPLAINED = {"agent/account/creation.cpp", "agent/account/operation_reply.cpp", "agent/publish/pvtz_reply.cpp"}


def command_sentences():
    out = {}
    for path, text in sources("agent/account", "agent/client", "agent/commands", "agent/doctor", "agent/publish", "agent/net/dns_query.cpp", "core/dns_exchange.cpp"):
        if path in EXPLAINED:
            continue
        for _, given in [*calls(text, r"\bcomplain\("), *calls(text, r"\bfail\((?=(?:core::)?Code)"), *calls(text, r"\bError\{(?=core::Code)")]:
            if len(given) > 1 and "Error{" not in given[1]:
                out.update({sentence: path for sentence in sentences(given[1])})
    return out


class Messages(unittest.TestCase):
    def test_log_events(self):
        known = log_events()
        self.assertGreater(len(known), 35)
        told = {}
        for head in items("LOG"):
            name, levels = re.fullmatch(r"Cm (\w+) Pq ([\w, ]+)", head).groups()
            told[name] = set(levels.split(" , "))
        self.assertEqual(told, known)

    def test_classes_of_errors(self):
        known = set(re.findall(r'case Code::\w+:\s*return "(\w+)"', (ROOT / "core/error.cpp").read_text()))
        self.assertGreater(len(known), 25)
        self.assertEqual({head.removeprefix("Cm ") for head in items("CLASSES OF ERRORS")}, known)

    def test_sentences_of_the_commands(self):
        known, told = command_sentences(), [head.removeprefix("Ql ").strip('"') for head in items("COMMANDS")]
        self.assertGreater(len(known), 12)
        self.assertEqual({s: path for s, path in known.items() if not any(s in line for line in told)}, {})
        self.assertEqual([line for line in told if not any(s in line for s in known)], [])

    def test_each_has_a_cause_and_a_remedy(self):
        for section in ("LOG", "CLASSES OF ERRORS", "COMMANDS"):
            for head, words in items(section).items():
                with self.subTest(item=head):
                    self.assertGreaterEqual(len([line for line in words.splitlines() if line.endswith((".", "?"))]), 2, words)


if __name__ == "__main__":
    unittest.main()
