#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where the browser tests can't be run they are skipped, loudly: exit code 77 and a line that says what is missing, which
ctest shows as "Skipped". Each case is a PATH with all that run.sh needs but one program."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
NEEDED = ("sh", "dirname", "mkdir", "flock", "cmp", "cp", "timeout", "cat", "sleep")


class Skip(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = self.folder / "bin"
        self.path.mkdir()
        for name in NEEDED:
            (self.path / name).symlink_to(shutil.which(name))
        self.program("id", "echo 1000")  # who may not install anything
        self.program("node", "echo node was run; exit 9")
        self.program("chromium", "exit 9")

    def program(self, name, script):
        file = self.path / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def skips(self, saying):
        done = subprocess.run([HERE / "run.sh", "page_test.mjs"], text=True, capture_output=True, timeout=60, check=False,
                              env={"PATH": str(self.path), "POSTERN_BROWSER_MODULES": str(self.folder / "modules")})
        self.assertEqual((done.returncode, done.stderr), (77, ""), done)
        self.assertRegex(done.stdout, rf"^no browser: {saying}")
        self.assertNotIn("node was run", done.stdout)

    def test_no_node(self):
        (self.path / "node").unlink()
        self.skips("nodejs is not installed")

    def test_no_chromium_and_none_may_be_installed(self):
        (self.path / "chromium").unlink()
        self.skips(r"chromium is not installed \(apt-get install chromium\)")

    def test_chromium_can_t_be_installed(self):
        (self.path / "chromium").unlink()
        self.program("id", "echo 0")
        self.program("apt-get", "echo no network >&2; exit 100")
        self.skips("chromium can't be installed, see .*/apt.log")

    def test_no_npm_and_none_may_be_installed(self):
        self.skips(r"npm is not installed \(apt-get install npm\)")

    def test_npm_gives_nothing(self):
        self.program("npm", "echo no network; exit 1")
        self.skips("playwright-core and axe-core can't be had from npm, see .*/npm.log")

    def test_with_everything_it_is_run_and_its_exit_code_counts(self):
        self.program("npm", "mkdir -p node_modules")
        done = subprocess.run([HERE / "run.sh", "page_test.mjs"], text=True, capture_output=True, timeout=60, check=False,
                              env={"PATH": str(self.path), "POSTERN_BROWSER_MODULES": str(self.folder / "modules")})
        self.assertEqual((done.returncode, done.stdout), (9, "node was run\n"), done)

    def test_ctest_takes_77_for_skipped(self):
        build = pathlib.Path(os.environ.get("POSTERN_TEST_BUILD", ""))
        if not (build / "CTestTestfile.cmake").exists():
            self.skipTest("not started by ctest")
        listed = json.loads(subprocess.run(["ctest", "--show-only=json-v1", "-R", "^browser: page$"], cwd=build, text=True,
                                           capture_output=True, timeout=60, check=True).stdout)["tests"]
        self.assertEqual([p["value"] for p in listed[0]["properties"] if p["name"] == "SKIP_RETURN_CODE"], [77])


if __name__ == "__main__":
    unittest.main()
