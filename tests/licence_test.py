#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every source says its licence as an SPDX line: the first line, or the one behind what must stand first (#!, #compdef,
<!doctype>). Not: data (golden files, corpora, kept formats, JSON), texts for readers (*.md), and what has no comments."""
import os
import pathlib
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE = "SPDX-License-Identifier: Apache-2.0"
FOLDERS = (".ci", "agent", "core", "packaging", "probe", "resolver", "tests")
DATA = ("tests/e2e/golden/", "tests/fuzz/corpus/", *(f"tests/formats/{major}." for major in range(10)), "packaging/pictures/")
COMMENTS = {
    "// {}": (".cpp", ".h", ".c", ".go", "/go.mod", ".java", ".js", ".mjs"),
    "/* {} */": (".css",),
    "<!-- {} -->": (".html",),
    "{{{{- /* {} */ -}}}}": (".tpl",),
    '.\\" {}': (".1", ".5", ".7", ".8", ".7.in"),
    "# {}": (".py", ".sh", ".bash", ".toml", ".yml", ".yaml", ".service", ".socket", ".path", ".sysusers", ".tmpfiles", ".preset", ".te", ".fc",
             "/CMakeLists.txt", ".cmake", "/portable/sources", "/portable/used_functions", "/survivors.txt", "/.clang-tidy", "/container/sources", "/_postern", "/postinst", "/postrm", "/prerm", "/rpm/post", "/preun", "/postun", "/.ci/run", "/tests/host/lab"),
}
NONE = (".md", ".json", "/NOTES.txt", ".png", ".whl", "packaging/deb/changelog", "packaging/deb/conffiles", "packaging/deb/copyright")
FIRST = ("#!", "#compdef", "<!doctype")


def sources():
    """Every file of the project with the comment that it must have; None: none."""
    files = [path for path in ROOT.iterdir() if path.name in ("CMakeLists.txt",)]
    for folder in FOLDERS:
        for top, folders, names in os.walk(ROOT / folder):
            folders[:] = [name for name in folders if name not in ("__pycache__", "node_modules")]
            files += [pathlib.Path(top) / name for name in names if not name.endswith(".pyc")]
    for path in sorted(files):
        name = f"/{path.relative_to(ROOT).as_posix()}"
        if not name.startswith(tuple(f"/{data}" for data in DATA)) and not name.endswith(NONE):
            yield path, next((form.format(LINE) for form, ends in COMMENTS.items() if name.endswith(ends)), None)


class Licence(unittest.TestCase):
    def test_every_source_has_its_line(self):
        seen = 0
        for path, comment in sources():
            name = path.relative_to(ROOT).as_posix()
            self.assertIsNotNone(comment, f"{name}: what kind of file is this?")
            lines = path.read_text(encoding="utf-8").split("\n")[:2]
            self.assertEqual(lines[lines[0].startswith(FIRST)], comment, name)
            seen += 1
        self.assertGreater(seen, 600)

    def test_the_licence_itself_and_what_the_package_says(self):
        self.assertIn("Apache License", (ROOT / "LICENSE").read_text(encoding="utf-8"))
        self.assertIn("License: Apache-2.0", (ROOT / "packaging/deb/copyright").read_text(encoding="utf-8"))
        self.assertRegex((ROOT / "packaging/CMakeLists.txt").read_text(encoding="utf-8"), r"(?m)^set\(CPACK_RPM_PACKAGE_LICENSE Apache-2\.0\)$")


if __name__ == "__main__":
    unittest.main()
