#!/usr/bin/python3
"""The architecture, as a test: which folder may include which, which file may see which library, what is linked.

Run by ctest; POSTERN_PROGRAMS is the folder of the built programs (the linkage is checked on a release build only).
"""
import os
import re
import subprocess
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOWED = {
    "core": {"core"},
    "resolver": {"resolver", "core"},
    "probe": {"probe", "core"},
    "agent": {"agent", "probe", "core"},
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


def sources():
    for folder in ALLOWED:
        for root, _, names in os.walk(os.path.join(TOP, folder)):
            for name in names:
                if name.endswith((".h", ".cpp")):
                    path = os.path.join(root, name)
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, TOP), INCLUDE.findall(file.read())


class Arrows(unittest.TestCase):
    def test_folders_include_only_what_the_design_allows(self):
        seen = 0
        for path, includes in sources():
            folder = path.split("/")[0]
            for kind, header in includes:
                target = header.split("/")[0]
                if kind == '"' or target in ALLOWED:
                    seen += 1
                    self.assertIn(target, ALLOWED[folder], f"{path} includes {header}")
        self.assertGreater(seen, 100, "the sources were not found")

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
