#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both languages have the same texts, and packaging/man/glossary.md says with which words."""

import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAULTS, WEB, MAN = ROOT / "agent/faults", ROOT / "agent/serving/web", ROOT / "packaging/man"
PLACE = re.compile(r"\{(\w+)\}")
HAN = re.compile(r"[\u4e00-\u9fff]")


def flat(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:  # a list: a command's words
            yield prefix + key, value if isinstance(value, str) else " ".join(value)


def catalogue(language):
    return dict(flat(json.loads((FAULTS / f"texts.{language}.json").read_text(encoding="utf-8"))))


def page(language):
    """The entries of words_en.js or words_zh.js."""
    text = (WEB / f"words_{language}.js").read_text(encoding="utf-8")
    return {key: json.loads(value) for key, value in re.findall(r'(\w+): ("(?:[^"\\]|\\.)*")', text)}


def pages():
    """Every Chinese text that is not one of a pair: {name: text}, without code."""
    out = {"reasons_zh.js": "\n".join(re.findall(r'["`][^"`\n]*["`]', (WEB / "reasons_zh.js").read_text(encoding="utf-8"))),
           "page_words.cpp": (ROOT / "agent/serving/page_words.cpp").read_text(encoding="utf-8"),
           "README.zh-CN.md": re.sub(r"^```.*?^```$", "", (ROOT / "README.zh-CN.md").read_text(encoding="utf-8"), flags=re.M | re.S)}
    out.update({name: (ROOT / name).read_text(encoding="utf-8") for name in ("UPGRADING.zh-CN.md", "packaging/config/REFERENCE.zh-CN.md")})
    out.update({f"zh_CN/{path.name}": path.read_text(encoding="utf-8") for path in sorted((MAN / "zh_CN").glob("*"))})
    return out


def messages():
    """{English form: Chinese form} of what the program's own errors say (core/message.h)."""
    return json.loads((FAULTS / "messages.zh.json").read_text(encoding="utf-8"))


LITERAL = r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*'
# What stays English: texts of the HTTP API, whose readers are programs (serving; its texts for people are messages all the
# same, see MESSAGES_SAID), and the words inside a support bundle, which another one reads (doctor/bundle).
ENGLISH_ONLY = re.compile(r"agent/(?:doctor/bundle|serving/(?!connections_view|drain_route))")


# Files in which each sentence is a message, but for what the log says and what is no sentence.
WHOLE = re.compile(r"agent/(?:config/|text/(?:values|object_place)\.|commands/(?!publish_|endpoint|dns|plan|resolve|logs|queries|connections|probe|doctor|store|refresh|status|fleet)|account/operation_error|freeing/free_request|k8s/cluster_access)")
NO_MESSAGE = {"select 1", "\"select server_version()\"", "{}.{} {} {}", "{} min", "{} h", "{} d", "answer = true", "[link.probe] enabled = true", "\n# the last good copy of ", "a path without a row in the table",
              "using the last good configuration", "[agent] runtime_dir, state_dir and [http] listen take effect at the next start", "the token was read again",
              "this host gets its own DNS back until postern can be asked again; private names wait until then", "dns enable", "publish list", "fleet status", "k8s corefile", "k8s manifests", "k8s alive", "k8s node", "plan compile", "plan show", "postern {}: {}\n", "  {} {}\n", "HOME ", "rewrite name exact {} {}.{}.svc.cluster.local answer auto",
              "can't listen on ", " verify only", "ldns cannot build an answer: ", "a zone or an address is out of the answer until its time is over", "postern endpoint create --service ", "postern endpoint delete ", "postern endpoint export ep-… "}


MESSAGES_SAID = re.compile(r"agent/(?:hostdns/|account/|publish/|fleet/(?:key_file|publisher)|commands/|client/|steering/|serving/(?:connections_view|drain_route))")


def literals(pattern):
    """{literal: file} of what the pattern's group finds in the sources."""
    out = {}
    for path in sorted(p for folder in ("core", "probe", "agent") for p in (ROOT / folder).rglob("*.[ch]*") if p.suffix in (".cpp", ".h")):
        name = str(path.relative_to(ROOT))
        for match in re.finditer(pattern.replace("LITERAL", LITERAL), re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.M)):
            for literal in filter(None, match.groups()):
                text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal))
                out.setdefault(re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text), name)
    return out


def unescaped(literal):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal)))


def returned():
    """{literal: file} of sentences in what functions of type core::Message return, and in what is said of the host's DNS."""
    out = {}
    for path in sorted(p for folder in ("core", "probe", "agent") for p in (ROOT / folder).rglob("*.[ch]*") if p.suffix in (".cpp", ".h")):
        text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
        statements = re.findall(r"\b(?:say|said|told|of|note|line|add|refuse|give_back|told|row|complain|confirm|tell|fail|fail_command|stop)\((.*?)\);\n|\b(?:refusal|hint|what|why|holder) =(.*?);\n", text, re.S) if MESSAGES_SAID.match(path.relative_to(ROOT).as_posix()) else []
        for literal in re.findall(LITERAL, " ".join(part for parts in statements for part in (*parts, "+"))):
            form = unescaped(literal)
            if re.search(r"[a-z] [a-z{]", form):
                out[form] = str(path.relative_to(ROOT))
        for body in re.findall(r"^(?:inline |template .*\n)?core::Message [^;{]*?\) (?:const )?\{\n(.*?)^\}", text, re.M | re.S):
            for statement in re.findall(r"\breturn\b(.*?);\n", body, re.S):
                for literal in re.findall(LITERAL, re.sub(r"\bstd::string\((?:[^()]|\([^()]*\))*\)|fmt::format\([^;]*", "", statement)):
                    form = unescaped(literal)
                    if re.search(r"[a-z] [a-z{]", form):
                        out[form] = str(path.relative_to(ROOT))
    return out


class Row:
    def __init__(self, english, chinese, note):
        self.english, self.loose = english.strip("()"), english.startswith("(")
        self.chinese = [word.strip() for word in chinese.split("/")] if " / " in chinese else [chinese]
        self.forbidden = re.findall(r"`([^`]+)`", note.partition("not ")[2])
        self.pattern = re.compile(rf"(?<![\w-]){re.escape(self.english)}(?:s|es)?(?![\w-])")

    def told_in(self, text):
        return any(word in text for word in self.chinese)


def glossary():
    rows = re.findall(r"^\| (.+?) \| (.+?) \| ?(.*?) ?\|$", (MAN / "glossary.md").read_text(encoding="utf-8"), re.M)
    return [Row(*row) for row in rows if row[0] != "English"]


def bare(text):
    """Without what is to be typed and what is filled in: placeholders, options, keys, paths, states of the API."""
    return re.sub(r"postern [a-z]+(?: [a-z-]+)?|ip (?:link|route) [^,;:]*|\[\[?[\w.]+\]?\](?: \w+)?|--?[a-z][\w-]*|/[\w./-]+|\{\w+\}"
                  r"|[\w.-]*_[\w]+|\w+(?:\.\w+){2,}|link-local|symbolic link|(?:read|make) the link|a link to|nor a link|routes by name|client token|the zone meanwhile|private zone|kubectl proxy|a link by|liveness probe|up, degraded, down, unknown|log in there", " ", text)


def prose(manual):
    """The words of a manual's lines of text, without requests, displays and escapes."""
    text = re.sub(r"^\.Bd -literal.*?^\.Ed", "", manual, flags=re.M | re.S)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("."))
    return re.sub(r"\\f[BIR]|\\&|\\%", "", text).replace(r"\-", "-").replace(r"\(dq", '"')


class Words(unittest.TestCase):
    def setUp(self):
        self.rows = glossary()
        self.pairs = {}
        for name, read in (("texts", catalogue), ("page", page)):
            english, chinese = read("en"), read("zh")
            self.pairs.update({f"{name} {key}": (text, chinese.get(key, "")) for key, text in english.items()})
        self.pairs.update({f"messages {form}": (form, text) for form, text in messages().items()})
        self.chinese = {**{key: pair[1] for key, pair in self.pairs.items()}, **pages()}

    def test_both_languages_have_the_same_texts(self):
        for read in (catalogue, page):
            english, chinese = read("en"), read("zh")
            self.assertEqual(list(english), list(chinese))  # in the same order, too
            self.assertGreater(len(english), 200)
            for key, text in english.items():
                with self.subTest(key):
                    self.assertEqual(sorted(set(PLACE.findall(text)) - {"noun"}), sorted(set(PLACE.findall(chinese[key].replace("等 {count} 个", "另有 {more} 个")))))
                    self.assertEqual(bool(text), bool(chinese[key]))

    def test_what_the_sources_say_has_its_chinese(self):
        chinese = messages()
        made = literals(r"(?<!\w)message\(\s*(LITERAL)")
        made.update(literals(r"(?<!\w)differs\(\s*(LITERAL)"))
        made.update(returned())
        made.update({form: name for form, name in literals("(LITERAL)").items()
                     if WHOLE.match(name) and re.search(r"[a-z{}] [a-z{\"]", form)})
        made.update(literals(r"(?<!\w)core::Message\(\s*(LITERAL)"))
        # What an Error says, and its hint.
        what = r'(?<!case )(?:Code::\w+|error\.code),\s*'
        made.update(literals(what + "(LITERAL)"))
        made.update({form: name for form, name in literals(what + rf"(?:(?:core::)?message\([^;{{}}]*?\)|error\.what|{LITERAL}),\s*(LITERAL)").items() if form})
        missing = [f"{name}: {form}" for form, name in made.items()
                   if form not in chinese and form not in NO_MESSAGE and not ENGLISH_ONLY.match(name) and form.strip("{}: ")]
        self.assertFalse(missing, "\n" + "\n".join(missing))
        self.assertGreater(len(made), 300)
        every = literals("(LITERAL)")
        self.assertFalse([form for form in chinese if form not in every])

    def test_a_message_is_filled_with_the_same_values(self):
        for form, text in messages().items():
            with self.subTest(form):
                places = [str(n) for n in range(len(re.findall(r"\{\}", form)))]
                self.assertEqual(sorted(re.findall(r"\{(\d*)\}", text)), places)

    def test_no_english_sentence_is_in_a_chinese_one(self):
        typed = re.compile(r'"[^"]*"|\{[^{}]*\}|\[[^\]]*\]|(?:postern|systemctl|timedatectl|chown|chmod|chattr|options)(?: [\w.:/{}=+-]+)+')
        found = [text for text in messages().values() if re.search(r"(?:[A-Za-z']{2,} ){2}[a-z']{2,}", typed.sub("", text))]
        self.assertFalse(found, "\n" + "\n".join(found))

    def test_commands_are_the_same(self):
        """What a fix has to be typed is in both languages, letter by letter."""
        command = re.compile(r"(?:postern|systemctl|journalctl|timedatectl|openssl|ping|curl|ss|sed|resolvectl|nscd|ip|apt-get|tailscale|free|grep|getent|dig|nsenter)(?: [\w@.,:/{}='$|*+-]+)+")
        seen = 0
        for key, (english, chinese) in self.pairs.items():
            if not key.endswith((".fix", ".verify")):
                continue
            for words in re.findall(r"(?<!\w)--?[a-zA-Z][\w-]*|\{\w+\}|/(?:etc|usr|run|var)/[\w./-]+|\b\d+\.\d+\.\d+\.\d+\b", english):
                seen += 1
                self.assertIn(words, chinese, key)
            if key.endswith(".verify"):
                self.assertEqual([w.split(" # ")[0] for w in command.findall(english)], command.findall(chinese), key)
        self.assertGreater(seen, 200)

    def test_the_glossary_is_one(self):
        self.assertGreaterEqual(len(self.rows), 60)
        english = [row.english for row in self.rows]
        self.assertEqual(len(english), len(set(english)))

    def test_forbidden_words(self):
        found = [f"{name}: {word}: {text[max(0, at.start() - 15):at.end() + 15]!r}" for row in self.rows for word in row.forbidden
                 for name, text in self.chinese.items() for at in re.finditer(re.escape(word) + r"(?!\w)" * word[-1].isascii(), text)]
        self.assertFalse(found, "\n" + "\n".join(found))
        self.assertGreater(sum(len(row.forbidden) for row in self.rows), 25)

    def test_each_term_is_used(self):
        whole = "\n".join(self.chinese.values())
        for row in self.rows:
            with self.subTest(row.english):
                self.assertTrue(row.told_in(whole), row.chinese)

    def test_a_term_has_its_translation(self):
        wrong, seen = [], 0
        for row in (row for row in self.rows if not row.loose):
            for key, (english, chinese) in self.pairs.items():
                if row.pattern.search(bare(english)) and not key.endswith(".verify"):
                    seen += 1
                    if not row.told_in(chinese):
                        wrong.append(f"{key}: {row.english} is not {' or '.join(row.chinese)}: {english!r} {chinese!r}")
        self.assertFalse(wrong, "\n" + "\n".join(wrong))
        self.assertGreater(seen, 300)

    def test_chinese_is_set_as_chinese(self):
        """What the glossary's section on setting says of blanks and marks."""
        rules = ((r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", "no blank between scripts"),
                 (r"[\u4e00-\u9fff][,;:!?(](?![\d/])|[,;:!?)][\u4e00-\u9fff]", "a half-width mark beside Chinese"),
                 (r" [，。；：）、？]|[，。；：（、？] ", "a blank beside a full-width mark"),
                 (r"[，。；：、]{2}", "two marks together"),
                 (r"(?<!  )(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "a blank inside Chinese"),
                 (r"\d %", "a blank before %"),
                 (r"(?<![=,] )(?<![=,])(?:\.{3}[\u4e00-\u9fff]|[\u4e00-\u9fff]\.{3})", "three dots for …"))
        wrong, seen = [], 0
        for key, text in self.chinese.items():
            for line in (prose(text) if key.startswith("zh_CN/") else text).splitlines():
                seen += 1
                wrong += [f"{key}: {what}: {line[max(0, match.start() - 12):match.end() + 12]!r}" for pattern, what in rules for match in re.finditer(pattern, line)]
        self.assertFalse(wrong, "\n" + "\n".join(wrong))
        self.assertGreater(seen, 2500)

    def test_each_synopsis_has_a_line_for_each_form(self):
        """man breaks the line before a .Nm only under an English SYNOPSIS."""
        seen = 0
        for name, page in pages().items():
            head = page.partition("\n.Sh 概述\n")[2].partition("\n.Sh ")[0].split("\n")
            for before, line in zip(head, head[1:]):
                seen += line == ".Nm"
                self.assertFalse(line == ".Nm" and before != ".Pp", f"{name}: .Pp is missing before .Nm behind {before!r}")
        self.assertGreater(seen, 5)


if __name__ == "__main__":
    unittest.main()
