#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""README.md and README.zh-CN.md say the same: sections, tables, commands; and what they and the other documents name is
there."""

import fnmatch
import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
POSTERN = os.environ.get("POSTERN_BIN", str(ROOT / "build/release/postern"))


class Page:
    def __init__(self, name):
        self.name = name
        self.text = (ROOT / name).read_text(encoding="utf-8")
        self.prose = re.sub(r"^```.*?^```$", "", self.text, flags=re.M | re.S)

    def blocks(self):
        """Code, fenced or indented, in order; a list of lines each."""
        fenced = re.compile(r"^```\w*\n((?:(?!```)[^\n]*\n)*)```$|((?:^ {4}[^\n]*\n)+)", re.M)
        return [(m[1] or m[2]).rstrip().splitlines() for m in fenced.finditer(self.text)]

    def commands(self):
        """The blocks without what explains them: what stands behind two blanks or after a #; of a terminal, what was typed."""
        typed = [[line for line in block if line.startswith("$ ")] or block for block in self.blocks()]
        return [[re.split(r"\s{2,}|\s#", line.strip())[0] for line in block] for block in typed]

    def transcripts(self):
        """What a terminal shows: the blocks with a prompt."""
        return ["\n".join(block) for block in self.blocks() if any(line.startswith("$ ") for line in block)]

    def tables(self):
        """(rows, columns) of each."""
        return [(len(t.splitlines()), t.splitlines()[0].count("|")) for t in re.findall(r"(?:^\|.*\n)+", self.prose, re.M)]

    def paths(self):
        """What it links to, and what it names between backticks; * stands for anything, commands have arguments."""
        named = re.findall(r"`([^`\n]+)`", self.prose)
        ours = [word for text in named for word in text.split() if re.match(r"(agent|core|packaging|probe|resolver|tests)/", word)]
        return re.findall(r"\]\(([^)#:]+)\)", self.prose) + [re.sub(r"(?<![A-Za-z])[A-Z]{4,}(?![A-Za-z]|\.md)", "*", word).rstrip("/") for word in ours]

    def headings(self):
        return [len(marks) for marks in re.findall(r"^(#+) ", self.prose, re.M)]


class Readme(unittest.TestCase):
    def setUp(self):
        self.english, self.chinese = Page("README.md"), Page("README.zh-CN.md")

    def test_same_sections_tables_and_lists(self):
        self.assertEqual(self.english.headings(), self.chinese.headings())
        self.assertGreater(len(self.english.headings()), 9)
        self.assertEqual(self.english.tables(), self.chinese.tables())
        for page in (self.english, self.chinese):
            self.assertEqual(len(re.findall(r"^- ", page.prose, re.M)), len(re.findall(r"^- ", self.english.prose, re.M)))
            self.assertLess(page.text.count("\n"), 300)

    def test_same_commands(self):
        self.assertEqual(self.english.commands(), self.chinese.commands())
        self.assertGreater(len(self.english.blocks()), 9)

    def test_same_code_words(self):
        """Whatever stands between backticks: keys, paths, codes, commands."""
        words = [sorted(set(re.findall(r"`([^`\n]+)`", page.prose))) for page in (self.english, self.chinese)]
        self.assertEqual(*words)
        self.assertGreater(len(words[0]), 60)

    def test_the_chinese_terminal_shows_chinese(self):
        """It shows the words of the catalogue that the program speaks, where the English one has the English words."""
        told = "\n".join(self.chinese.transcripts())
        words = {language: json.loads((ROOT / f"agent/faults/texts.{language}.json").read_text(encoding="utf-8"))["words"] for language in ("en", "zh")}
        for key in ("expected", "found", "owner", "fix", "verify"):
            self.assertRegex("\n".join(self.english.transcripts()), rf"(?m)^ +{words['en'][key]} ")
            self.assertRegex(told, rf"(?m)^ +{words['zh'][key]} ")
        self.assertNotRegex(told, r"DEGRADED|in answer|withdrawn  |\bowner\b")

    def test_chinese_is_chinese(self):
        for line in self.chinese.prose.splitlines():
            words = re.sub(r"`[^`]*`|\(.*?\)|<.*?>|\[.*?\]", "", line)
            if line.startswith("    ") or not re.search(r"(?:\b[a-z]{3,}\b[ ,]+){4}", words):
                continue
            self.fail(f"not translated: {line}")

    def test_what_is_named_is_there(self):
        for page in (self.english, self.chinese):
            for path in page.paths():
                self.assertTrue(list(ROOT.glob(path.rstrip("/"))), path)
            for picture in re.findall(r"!\[.*?\]\((.*?)\)", page.text):
                self.assertLess((ROOT / picture).stat().st_size, 200_000, picture)
        codes = set(re.findall(r"\bPN-[A-Z0-9-]+", self.english.text))
        self.assertGreaterEqual(len(codes), 10)
        listed = subprocess.run([POSTERN, "doctor", "--list"], text=True, capture_output=True, timeout=60, check=True).stdout
        self.assertEqual(codes - set(re.findall(r"^PN-\S+", listed, re.M)), set())

    def test_every_command_of_the_list_is_one(self):
        for block in self.english.commands():
            for line in block:
                if words := re.match(r"postern ([a-z-]+)(?: ([a-z]+)\b)?", line):
                    group = words[1] in ("dns", "endpoint", "plan", "publish")
                    asked = [words[1], words[2]] if group else [words[1]]
                    done = subprocess.run([POSTERN, *asked, "--help"], text=True, capture_output=True, timeout=60, check=False)
                    self.assertEqual(done.returncode, 0, line)
                    for option in re.findall(r" (--[a-z-]+)", line):
                        self.assertIn(option, done.stdout, line)


class Connectors(unittest.TestCase):
    """The numbers of both READMEs and of postern-connectors(7) are those that were measured last."""

    def setUp(self):
        rows = re.findall(r"^\| (.*) \|$", (ROOT / "tests/connectors/RESULTS.md").read_text(encoding="utf-8").partition("\n## Packets")[0], re.M)
        head, *rest = [row.split(" | ") for row in rows]
        drop, freed, host, all_three = (head.index("packets dropped" + more) for more in ("", ", `free_stuck`", ", host set", ", `free_stuck`, host set"))
        self.measured = []  # as shipped, free_stuck, settings, both, host, all
        for row in rest[:-1]:
            shipped, own = zip(*(cell.replace("*", "").split(" / ") for cell in row[1:]), strict=True)
            self.measured.append([shipped[drop - 1], shipped[freed - 1], own[drop - 1], own[freed - 1], shipped[host - 1], own[all_three - 1]])
        self.assertEqual(len(self.measured), 7)

    def test_readmes(self):
        for name, never in (("README.md", "never"), ("README.zh-CN.md", "不恢复")):
            table = re.search(r"^\|[^|]+\|[^|]+\|[^|]*`free_stuck`.*\n\|[-|]+\n((?:\|.*\n)+)", (ROOT / name).read_text(encoding="utf-8"), re.M)[1]
            told = [row.strip("| ").split(" | ")[1:] for row in table.splitlines()]
            self.assertEqual(told, [[never if cell == "never" else f"{float(cell):.0f}" for cell in row[:4]] for row in self.measured], name)

    def test_manual(self):
        page = (ROOT / "packaging/man/postern-connectors.7").read_text(encoding="utf-8")
        told = [row.split(" Ta ")[1:] for row in re.findall(r"^\.It (.* Ta [-\d].*)$", page, re.M)]
        self.assertEqual(told, [[cell.replace("never", "-") for cell in row] for row in self.measured])


class Documents(unittest.TestCase):
    """ARCHITECTURE.md, CONTRIBUTING.md, SECURITY.md, CHANGELOG.md and the README of every folder."""

    def test_what_is_named_is_there(self):
        pages = [ROOT / f"{name}.md" for name in ("ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CHANGELOG", "UPGRADING", "UPGRADING.zh-CN")]
        pages += [path for folder in ("agent", "core", "packaging", "probe", "resolver", "tests") for path in (ROOT / folder).rglob("README.md")]
        seen, missing = 0, []
        for file in pages:
            page = Page(file.relative_to(ROOT).as_posix())
            for path in page.paths():
                seen += 1
                found = any(any(folder.glob(path + end)) for folder in (ROOT, file.parent) for end in ("", ".cpp", ".h"))
                missing += [] if found else [f"{page.name} names {path}"]
        self.assertEqual(missing, [])
        self.assertGreater(seen, 60)

    def test_every_table_of_rooms_names_every_room(self):
        """agent/FOLDER/README.md: each .cpp and .h is in a row; * stands for anything."""
        missing = []
        for readme in (ROOT / "agent").glob("*/README.md"):
            rows = re.findall(r"^\| ([^|]+) \|", readme.read_text(encoding="utf-8"), re.M)
            named = [name for row in rows for name in re.split(r"[ ,→]+", row.replace("`", "")) if name]
            for path in (p for p in readme.parent.iterdir() if p.suffix in (".cpp", ".h")):
                known = any(fnmatch.fnmatch(path.stem, name) or fnmatch.fnmatch(path.name, name) for name in named)
                missing += [] if known else [f"{readme.relative_to(ROOT)} does not name {path.name}"]
        self.assertEqual(missing, [])

    def test_the_versions_of_formats_are_those_of_the_code(self):
        """Each constant is in the table with its value; each row with one names the header that has it."""
        table = re.search(r"^## Formats and their versions\n(.*?)(?=^## |\Z)", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.M | re.S)[1]
        told = {(name.split("::")[-1], value, path) for name, value, path in re.findall(r"`([\w:]*k\w*Version)` (\d+), `([\w/.]+)`", table)}
        known = set()
        for folder in ("core", "probe", "resolver", "agent"):
            for path in (ROOT / folder).rglob("*.h"):
                for name, value in re.findall(r"constexpr [\w:]+ (k\w*Version) = (\d+);", path.read_text(encoding="utf-8")):
                    known.add((name, value, path.relative_to(ROOT).as_posix()))
        self.assertEqual(told, known)
        self.assertGreater(len(known), 5)


if __name__ == "__main__":
    unittest.main()
