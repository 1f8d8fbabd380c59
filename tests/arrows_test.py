#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The architecture, as a test: which folder may include which, which file may see which library, what is linked.

Run by ctest; POSTERN_PROGRAMS is the folder of the built programs (the linkage is checked on a release build only).
"""
import os
import re
import subprocess
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
AGENT = {  # folder of agent/ → what it may include besides core; CMakeLists.txt links it with the same row
    "text": "",
    "net": "text",
    "endpoint": "",
    "crypto": "",
    "faults": "probe",
    "config": "text crypto endpoint probe",
    "cloud": "crypto net text endpoint config",
    "store": "cloud crypto net text",
    "fleet": "store cloud crypto net text endpoint config faults probe",
    "account": "cloud net text endpoint config",
    "hostdns": "text config",
    "connections": "text",
    "freeing": "connections",
    "discovery": "cloud net text endpoint config",
    "status": "fleet connections discovery hostdns config faults text probe",
    "steering": "status connections discovery hostdns endpoint config net text probe",
    "serving": "status fleet connections faults text probe",
    "k8s": "net text",
    "client": "faults discovery hostdns config net endpoint text probe",
    "publish": "k8s client steering account cloud discovery config net endpoint text probe",
    "doctor": "client account status faults cloud hostdns discovery config net endpoint text probe",
}
TOP_FILES = {"main.cpp", "app.cpp", "app.h"}  # of agent/
NOT_APPS = {"client", "doctor", "k8s", "account", "publish", "commands"}


def folder(name):
    return name if name == "probe" else f"agent/{name}"


ALLOWED = {"core": set(), "resolver": {"core"}, "probe": {"core"}}
ALLOWED |= {folder(name): {"core"} | {folder(other) for other in row.split()} for name, row in AGENT.items()}
ALLOWED["agent/commands"] = {"core", "probe", "agent"} | {folder(name) for name in AGENT}
ALLOWED["agent"] = {"core", "probe"} | {folder(name) for name in AGENT if name not in NOT_APPS}
VERSIONS = "agent/net/libraries.cpp"  # tells the versions
CONFINED = {  # header → the only files outside tests/ that may include it
    r"ldns/": ["agent/steering/plan_compiler.cpp", "agent/text/dns_text.cpp", "agent/net/dns_query.cpp", VERSIONS],
    r"ares\.h": ["agent/net/ares_channel.cpp", VERSIONS],
    r"curl/": ["agent/net/http_client.cpp", VERSIONS],
    r"openssl/ssl\.h": ["probe/tls_session.cpp", "agent/net/certificate_name.cpp"],
    r"microhttpd\.h": ["agent/serving/http_server.cpp", "agent/serving/served_request.cpp", VERSIONS],
    r"toml\+\+/|toml\.hpp": ["agent/config/config.cpp"],
    r"CLI/": ["agent/commands/cli_builder.h"],
    r"zlib\.h": ["agent/text/deflate.cpp", VERSIONS],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def folder_of(path):
    return os.path.dirname(path)


def sources():
    for top in sorted({folder.split("/")[0] for folder in ALLOWED}):
        for root, _, names in os.walk(os.path.join(TOP, top)):
            for name in names:
                if name.endswith((".h", ".cpp")):
                    path = os.path.join(root, name)
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, TOP), INCLUDE.findall(file.read())


def arrows():
    """(file, header) of every include of one of our folders by another."""
    for path, includes in sources():
        for kind, header in includes:
            if kind == '"' and folder_of(header) != folder_of(path):
                yield path, header


class Arrows(unittest.TestCase):
    def test_folders_include_only_what_the_table_allows(self):
        for path, header in arrows():
            self.assertIn(folder_of(path), ALLOWED, f"{path}: a folder that the table does not have")
            if path != "agent/main.cpp":
                self.assertIn(folder_of(header), ALLOWED[folder_of(path)], f"{path} includes {header}")
        self.assertGreater(len(list(arrows())), 100, "the sources were not found")

    def test_every_folder_is_in_the_table_and_opens_its_readme_with_a_rule(self):
        for path, _ in sources():
            self.assertIn(folder_of(path), ALLOWED, path)
            if folder_of(path) == "agent":
                self.assertIn(os.path.basename(path), TOP_FILES, "rooms of agent/ lie in its folders")
        for name in ALLOWED:
            with open(os.path.join(TOP, name, "README.md"), encoding="utf-8") as file:
                title, empty, rule = file.read().split("\n")[:3]
            self.assertEqual((title, empty), (f"# {name}", ""))
            self.assertRegex(rule, r"^[A-Z`].{30}", f"{name}/README.md opens with its rule")

    def test_no_folders_include_each_other_directly_or_around_a_corner(self):
        left = {name: {other for other in row if other != name} for name, row in ALLOWED.items()}
        while left:
            ground = {name for name, row in left.items() if not row & set(left)}
            self.assertTrue(ground, f"a circle among {sorted(left)}")
            left = {name: row for name, row in left.items() if name not in ground}

    def test_each_folder_is_a_library_linked_with_its_row(self):
        with open(os.path.join(TOP, "CMakeLists.txt"), encoding="utf-8") as file:
            linked = dict(re.findall(r"^  postern_agent_folder\((\w+)([^)]*)\)", file.read(), re.M))
        ours = {name: set(re.findall(r"\b(?:agent|postern)_(\w+)", row)) for name, row in linked.items()}
        self.assertEqual(ours, {name: set(row.split()) for name, row in AGENT.items()})

    def test_library_headers_stay_in_their_file(self):
        used = {header: 0 for header in CONFINED}
        for path, includes in sources():
            for _, header in includes:
                for pattern, places in CONFINED.items():
                    if re.match(pattern, header):
                        used[pattern] += 1
                        self.assertTrue(path in places, f"{path} includes {header}")
        for pattern, count in used.items():
            self.assertGreater(count, 0, f"nobody includes {pattern}: is the rule out of date?")

    def test_what_must_start_links_little(self):
        programs = os.environ.get("POSTERN_PROGRAMS", "")
        if f"{os.sep}portable{os.sep}" in programs:
            self.skipTest("tests/portable_test.py checks them")
        with open(os.path.join(programs, "CMakeCache.txt"), encoding="utf-8") as cache:
            if "CMAKE_BUILD_TYPE:STRING=Release" not in cache.read():
                self.skipTest("not a release build")
        libc = {"linux-vdso", "libc", "ld-linux-x86-64"}
        for program, libraries in (("postern-resolver", {"libuv"}), ("postern-free", set()), ("postern-rescue", set())):
            with self.subTest(program):
                out = subprocess.run(["ldd", os.path.join(programs, program)], check=True, capture_output=True, text=True)
                linked = {line.split()[0].split("/")[-1].split(".so")[0] for line in out.stdout.splitlines()}
                self.assertEqual(linked - libc, libraries)


if __name__ == "__main__":
    unittest.main()
