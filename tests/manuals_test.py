#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manuals, in both languages, agree with the programs, with the table of keys and with each other, and render cleanly."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import unittest

from packaging_test import FREE, GROUPS, PACKAGING, POSTERN, RESCUE, RESOLVER, ROOT, TEST_HOOKS, commands, doctor_page, help_words, manual, need, pages, run

sys.path.insert(0, str(PACKAGING / "man"))
import config_reference  # noqa: E402  (lies beside the manuals)


def plain(page):
    """The words of a manual's source, without its requests and escapes."""
    page = re.sub(r"^\.(?:Ql|Pa|Cm|Ar|Sx|Xr) ", "", page, flags=re.M)
    page = re.sub(r"\\f[BIR]|\\&|\\%", "", page).replace(r"\(dq", '"').replace(r"\-", "-")
    return re.sub(r"\s+", " ", page)


class Manuals(unittest.TestCase):
    def test_every_command_and_option_and_no_other(self):
        page, known = manual("postern.1"), commands()
        self.assertGreater(len(known), 10)
        heads = list(re.finditer(r"^\.It Cm ([a-z0-9-]+(?: [a-z0-9-]+)?)\b.*$", page, re.M))
        blocks = {}
        for at, head in enumerate(heads):
            words = tuple(head[1].split())
            path = words if words in known else words[:1]
            if path in known:
                end = next((h.start() for h in heads[at + 1:] if tuple(h[1].split())[:1] in {k[:1] for k in known}), len(page))
                blocks[path] = page[head.start():min(end, page.find("\n.Sh", head.start()))]
        self.assertEqual(sorted(blocks), sorted(known))
        for path, options in known.items():
            with self.subTest(command=" ".join(path)):
                self.assertEqual(set(re.findall(r"\bFl -([a-z-]+)", blocks[path])), options)

    def test_help_shows_nothing_of_the_library(self):
        """Such as the {false} of a flag that turns something off."""
        for path in commands():
            self.assertNotRegex(run(POSTERN, *path, "--help").stdout, r"--[a-z-]+\{", " ".join(path))

    def test_options_of_the_other_programs(self):
        for page, program in (("postern-resolver.8", RESOLVER), ("postern-free.8", FREE), ("postern-rescue.8", RESCUE)):
            self.assertEqual(set(re.findall(r"^\.It .*?Fl -([a-z-]+)", manual(page), re.M)), help_words(program)[1])

    def test_every_key_in_its_section(self):
        table = (ROOT / "agent/config/config_keys.cpp").read_text()
        known = {(m[1].lower(), m[2]) for m in re.finditer(r'\{k(Agent|Dns|Http|Aliyun|Fleet|Link|Probe), "(\w+)"', table)}
        self.assertGreater(len(known), 40)
        told, section = set(), None
        for line in manual("postern.toml.5").splitlines():
            if m := re.match(r"\.Ss \[+([a-z.]+)\]+", line):
                section = m[1].split(".")[-1]
            elif m := re.match(r"\.It Cm (\w+) No =", line):
                told.add((section, m[1]))
        self.assertEqual(told, known)

    def test_every_variable(self):
        sources = [p for folder in ("agent", "core", "probe", "resolver") for p in (ROOT / folder).rglob("*.cpp")]
        text = "".join(p.read_text() for p in sources)
        known = set(re.findall(r'(?:getenv|environment|environment\(\))\("(\w+)"', text))
        known |= set(re.findall(r'"(ALIBABA_CLOUD_\w+)"', text))
        known -= TEST_HOOKS | {"HOME"}
        self.assertIn("ALIBABA_CLOUD_ACCESS_KEY_ID", known)
        pages = manual("postern.1") + manual("postern-resolver.8")
        self.assertEqual([name for name in sorted(known) if not re.search(rf"\b{name}\b", pages)], [])

    def test_every_path_of_http(self):
        text = "".join(p.read_text() for p in sorted((ROOT / "agent/serving").glob("*_route*.cpp")))
        known = {path.rstrip("/") or "/" for path in re.findall(r'\{"(/[\w/]*)", (?:true|false), "(?:GET|POST)"', text)}
        self.assertGreater(len(known), 15)
        told = set(re.findall(r"(?<![\w.])/[\w/]*", plain(manual("postern.1")).partition(".Sh HTTP")[2].partition(".Sh ENVIRONMENT")[0]))
        self.assertEqual(known - told, set())

    def test_every_field_of_a_record(self):
        known = set(re.findall(r'"(\w+)"', (ROOT / "probe/record.cpp").read_text().partition("parse_record(")[0])) - {"Phase"}
        self.assertIn("ttfb_us", known)
        page = manual("postern.1").partition(".Sh PROBE RECORDS")[2].partition(".Sh RAM POLICIES")[0]
        self.assertEqual(known - set(re.findall(r"\w+", page)), set())

    def test_every_reason(self):
        table = re.search(r"kReasonNames\b.*?\{(.*?)\};", (ROOT / "probe/probe_types.cpp").read_text(), re.S)[1]
        known = set(re.findall(r'"(\w+)"', table)) - {"none", "ok"}
        self.assertGreater(len(known), 30)
        self.assertEqual(known - set(re.findall(r"\w+", manual("postern.1"))), set())

    def test_no_warnings(self):
        checker = ["mandoc", "-Tlint", "-Wwarning"] if shutil.which("mandoc") else ["groff", "-K", "utf8", "-mandoc", "-ww", "-z", "-Tutf8"]
        need(self, checker[0])
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / "page"
            for name, page in pages().items():
                made.write_text(page, encoding="utf-8")
                said = run(*checker, made).stdout.splitlines()
                if name.startswith("zh_CN/"):  # mandoc knows English headings only
                    said = [line for line in said if "NAME" not in line]
                self.assertEqual(said, [], name)

    def test_no_warnings_of_groff(self):
        """As man(1) shows them: in a UTF-8 locale, 80 columns, no line longer, nothing hyphenated in Chinese."""
        need(self, "man")
        need(self, "groff")
        for name, page in pages().items():
            with self.subTest(name), tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".man") as file:
                file.write(page)
                file.flush()
                done = subprocess.run(["man", "--warnings", "-l", file.name], text=True, capture_output=True, timeout=600, check=False,
                                      env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": ""})
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertGreater(len(done.stdout), 500)
                if name.startswith("zh_CN/"):
                    wide = [line for line in done.stdout.splitlines() if sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) > 80]
                    self.assertEqual(wide, [])
                    self.assertNotIn("\u2010", done.stdout)

    def test_commands_can_be_copied(self):
        """A hyphen or quote that roff may set as a typographic one is escaped in what is to be typed."""
        wrong = []
        for name, page in pages().items():
            shown = re.findall(r"^\.Dl (.*)$", page, re.M) + re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)
            shown += re.findall(r"^\.(?:Ql|Li) ((?:postern|systemctl|journalctl|curl|dig|getent|apt|ip|ss) .*)$", page, re.M)
            shown += re.findall(r"\\fB(.*?)\\fR", page)
            wrong += [f"{name}: {text}" for text in shown if re.search(r"[-'`^~]", re.sub(r"\\(?:\(..|[-e&%]|\[u\w+\])", "", text))]
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_chinese_has_what_english_has(self):
        """The same commands, options, keys, variables, files and examples, in the same order."""
        told = pages()
        seen = 0
        for name, page in told.items():
            if not name.startswith("zh_CN/"):
                continue
            items = [re.findall(r"^\.(?:It (?:Cm|Fl|Ev|Pa|Dv) .*|Dl .*|Ss \[.*)$", text, re.M) for text in (told[name.removeprefix("zh_CN/")], page)]
            self.assertEqual(items[0], items[1], name)
            seen += len(items[0])
        self.assertGreater(seen, 250)

    def test_troubleshooting(self):
        """Its commands are commands, with options and steps that they have; its codes are codes, and are the same in Chinese."""
        known = commands()
        codes = set(re.findall(r'^    \{"(PN-[A-Z0-9-]+)"', (ROOT / "agent/faults/codes.cpp").read_text(), re.M))
        steps = set(json.loads((ROOT / "agent/faults/texts.en.json").read_text())["steps"])
        told = [set(re.findall(r"PN-[A-Z0-9-]+", plain(manual(name)))) for name in ("postern-troubleshooting.7", "zh_CN/postern-troubleshooting.7")]
        self.assertEqual(told[0], told[1])
        self.assertEqual(told[0] - codes, set())
        self.assertGreater(len(told[0]), 35)
        lines = re.findall(r"^\.Dl \$ (?:sudo )?(.*)$", manual("postern-troubleshooting.7").replace(r"\-", "-"), re.M)
        self.assertGreater(len(lines), 25)
        for line in lines:
            words = line.split()
            if words[0] != "postern":
                self.assertIn(words[0], ("systemctl", "journalctl", "getent", "ls", "postern-rescue"), line)
                continue
            path = tuple(words[1:3]) if words[1] in GROUPS else (words[1],)
            self.assertIn(path, known, line)
            self.assertEqual({word[2:] for word in words if word.startswith("--")} - known[path], set(), line)
            if "--only" in words:
                self.assertEqual(set(words[words.index("--only") + 1].split(",")) - steps, set(), line)

    def test_the_reference_of_the_configuration(self):
        for name, chinese in (("REFERENCE.md", False), ("REFERENCE.zh-CN.md", True)):
            page = (PACKAGING / "config" / name).read_text(encoding="utf-8")
            self.assertEqual(page, config_reference.page(chinese), f"packaging/man/config_reference.py {'zh' * chinese} > packaging/config/{name}")
        keys = config_reference.keys()
        table = (ROOT / "agent/config/config_keys.cpp").read_text()
        self.assertEqual([k.name for k in keys], re.findall(r'^    \{k(?:Agent|Dns|Http|Aliyun|Fleet|Link|Probe), "(\w+)"', table, re.M))

    def test_ranges_and_defaults_of_the_manuals(self):
        """What the table of keys says of a key, its entry in both manuals says, too."""
        for name, to, default in (("postern.toml.5", "to", "Default"), ("zh_CN/postern.toml.5", "至", "默认")):
            page, wrong, seen = manual(name), [], 0
            for key in config_reference.keys():
                section = page.partition(f"\n.Ss {config_reference.SECTIONS[key.section]}\n")[2].partition("\n.Ss ")[0]
                entry = plain(section.partition(f"\n.It Cm {key.name} No =")[2].partition("\n.It Cm ")[0].partition("\n.Sh ")[0])
                if key.range and not re.search(rf"(?<![\w.]){key.range[0]}\b(?: ?[(（][^)）]*[)）])? ?{to} {key.range[1]}\b", entry) and key.range[0] + key.range[1] != "064":
                    wrong.append(f"{key.name}: not {f' {to} '.join(key.range)}: {entry}")
                if key.default and not re.search(rf'{default}\w* "?{re.escape(key.default.strip(chr(34)))}(?!\w)', entry):
                    wrong.append(f"{key.name}: not {default} {key.default}: {entry}")
                for word in key.words if key.name != "kind" else ():
                    if f'"{word}"' not in entry:
                        wrong.append(f"{key.name}: not {word}: {entry}")
                seen += bool(key.range) + bool(key.default)
            self.assertFalse(wrong, name + "\n" + "\n".join(wrong))
            self.assertGreater(seen, 50)

    def test_every_code_of_doctor(self):
        page = doctor_page()
        listed = re.findall(r"^(PN-\S+)", run(POSTERN, "doctor", "--list").stdout, re.M)
        self.assertGreater(len(listed), 70)
        self.assertEqual(sorted(re.findall(r"^\.It Cm (PN-\S+)$", page, re.M)), sorted(listed))
        self.assertEqual(re.findall(r"\{\w+\}|[^\x00-\x7f]", page), [])
        self.assertEqual(page.count("\n.It verify\n"), len(listed))


if __name__ == "__main__":
    unittest.main()
