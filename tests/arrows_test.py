#!/usr/bin/python3
"""The architecture, as a test: which folder may include which, which file may see which library, what is linked.

Run by ctest; POSTERN_PROGRAMS is the folder of the built programs (the linkage is checked on a release build only).
"""
import os
import re
import subprocess
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOWED = {  # folder → the other folders that it may include; agent/X is a folder of its own
    "core": "",
    "resolver": "core",
    "probe": "core",
    "agent": "agent/cloud agent/hostdns probe core",
    "agent/cloud": "core",
    "agent/hostdns": "core",
    "agent/doctor": "agent agent/cloud agent/hostdns probe core",
    "agent/commands": "agent agent/cloud agent/hostdns agent/doctor probe core",
}
EXCEPTIONS = {  # file → header: arrows that run up today, each to be cut
    ("agent/cloud/http_client.h", "agent/lookup.h"),
    ("agent/cloud/provider.h", "agent/endpoint_set.h"),
    ("agent/doctor/bundle.cpp", "agent/commands/common.h"),
    ("agent/doctor/observe.cpp", "agent/commands/common.h"),
    ("agent/doctor/observe.cpp", "agent/commands/probe_round.h"),
    ("agent/doctor/observe.cpp", "agent/commands/probe_targets.h"),
    ("agent/doctor/observe_cloud.cpp", "agent/commands/cloud_session.h"),
    ("agent/doctor/observe_host.cpp", "agent/commands/common.h"),
    ("agent/doctor/observed.h", "agent/commands/dns_query.h"),
    ("agent/doctor/observed.h", "agent/commands/endpoint_access.h"),
    ("agent/doctor/repair.cpp", "agent/commands/common.h"),
    ("agent/doctor/repair.cpp", "agent/commands/endpoint_command.h"),
    ("agent/hostdns/journal.cpp", "agent/cloud/json_view.h"),
    ("agent/reason_text.cpp", "agent/doctor/catalogue.h"),
    ("agent/reason_text.cpp", "agent/doctor/codes.h"),
}
CONFINED = {  # header → the only places outside tests/ that may include it
    r"ldns/": ["agent/plan_compiler.cpp", "agent/dns_text.cpp", "agent/commands/"],
    r"ares\.h": ["agent/lookup.cpp"],
    r"curl/": ["agent/cloud/http_client.cpp"],
    r"openssl/ssl\.h": ["probe/tls_session.cpp", "agent/doctor/small_packets.cpp"],
    r"microhttpd\.h": ["agent/http_server.cpp", "agent/served_request.cpp"],
    r"toml\+\+/|toml\.hpp": ["agent/config.cpp"],
    r"CLI/": ["agent/cli_builder.h"],
    r"zlib\.h": ["agent/page_reply.cpp", "agent/deflate.cpp"],
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
    def test_folders_include_only_what_the_design_allows(self):
        seen = set()
        for path, header in arrows():
            folder = folder_of(path)
            self.assertIn(folder, ALLOWED, f"{path}: a folder that the table does not have")
            if folder_of(header) not in ALLOWED[folder].split():
                seen.add((path, header))
        self.assertEqual(sorted(seen - EXCEPTIONS), [], "arrows that the table does not have")
        self.assertEqual(sorted(EXCEPTIONS - seen), [], "exceptions that nobody needs any more")
        self.assertGreater(len(list(arrows())), 100, "the sources were not found")

    def test_library_headers_stay_in_their_file(self):
        used = {header: 0 for header in CONFINED}
        for path, includes in sources():
            for _, header in includes:
                for pattern, places in CONFINED.items():
                    if re.match(pattern, header):
                        used[pattern] += 1
                        self.assertTrue(any(path.startswith(p) for p in places), f"{path} includes {header}")
        for pattern, count in used.items():
            self.assertGreater(count, 0, f"nobody includes {pattern}: is the rule out of date?")

    def test_only_app_sees_the_whole_agent(self):
        for path, includes in sources():
            if path.startswith("agent/") and path not in ("agent/app.cpp",):
                headers = {h for _, h in includes}
                self.assertFalse({"agent/resolver_child.h", "agent/engine.h"} <= headers, f"{path} wires modules")

    def test_resolver_links_libuv_and_libc_only(self):
        programs = os.environ.get("POSTERN_PROGRAMS", "")
        with open(os.path.join(programs, "CMakeCache.txt"), encoding="utf-8") as cache:
            if "CMAKE_BUILD_TYPE:STRING=Release" not in cache.read():
                self.skipTest("not a release build")
        out = subprocess.run(["ldd", os.path.join(programs, "postern-resolver")], check=True, capture_output=True, text=True)
        libraries = {line.split()[0].split("/")[-1].split(".so")[0] for line in out.stdout.splitlines()}
        self.assertEqual(libraries, {"linux-vdso", "libuv", "libc", "ld-linux-x86-64"})


if __name__ == "__main__":
    unittest.main()
