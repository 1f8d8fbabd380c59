# SPDX-License-Identifier: Apache-2.0
"""The status page of the real agent in a real Chromium (tests/browser/real_page.mjs looks, this provokes), and its transport."""

import gzip
import os
import re
import sys
import unittest

import browser_kit
from host import HTTP, LINK, TOKEN, ZONE_A, ZONE_B, HostTest


class Page(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start()
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["ok"] and record["state"] == "up", "state up")

    def test_it_comes_compressed_with_an_etag_and_within_its_budget(self):
        def get(name, *headers, path=""):
            done = self.host.run("curl", "-sS", "-m", "20", "-D", f"{self.host.folder}/{name}.head", "-o", f"{self.host.folder}/{name}",
                                 *(part for header in headers for part in ("-H", header)), f"http://{HTTP}/{path}")
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(f"{self.host.folder}/{name}.head", encoding="ascii") as head:
                text = head.read()
            with open(f"{self.host.folder}/{name}", "rb") as body:
                return text, body.read()

        head, page = get("plain")
        packed_head, packed = get("packed", "Accept-Encoding: gzip")
        self.assertIn("default-src 'none'; script-src 'sha256-", head)
        self.assertIn("Content-Encoding: gzip", packed_head)
        source = re.search(rb'<script type="module" src="(assets/postern\.[0-9a-f]{16}\.js)"', page)[1].decode()
        script_head, script = get("script", path=source)
        script_packed = get("script-packed", "Accept-Encoding: gzip", path=source)[1]
        self.assertIn("Cache-Control: public, max-age=31536000, immutable", script_head)
        self.assertEqual(gzip.decompress(script_packed), script)
        self.assertLessEqual(len(page) + len(script), 100_000)
        self.assertLessEqual(len(packed) + len(script_packed), 35_000)
        shell = page.partition(b'<div id="plain">')[0]
        self.assertTrue(gzip.decompress(packed).startswith(shell))  # what follows may have changed meanwhile
        self.assertRegex(head, r'ETag: "[0-9a-f]+"')
        print(f"page and script: {len(page)} and {len(script)} bytes, {len(packed)} and {len(script_packed)} compressed", file=sys.stderr)

    def test_a_name_of_somebody_else_gets_no_page(self):
        status, body = self.host.http("/", "-H", "Host: evil.example")
        self.assertEqual(status, 421)
        self.assertNotIn("<script", body)

    def test_it_shows_what_happens(self):
        browser_kit.needs_browser(self)
        looker = browser_kit.start("real_page.mjs", f"http://{HTTP}/", LINK, ZONE_A, ZONE_B, home=self.host.folder)

        def hear():
            return looker.stdout.readline().strip()

        def expect(word):
            said = hear()
            if said != word:
                looker.kill()
                self.fail(f"expected {word!r}, the browser said {said!r}: {looker.communicate()[1][-3000:]}")

        def go():
            looker.stdin.write("\n")
            looker.stdin.flush()

        try:
            command = hear()
            if not command:
                self.fail(f"the browser said nothing: {looker.communicate()[1][-3000:]}")
            self.assertRegex(command, r"^curl .*\?token=\$TOKEN\"$")
            done = self.host.run("sh", "-c", command, env={**os.environ, "TOKEN": TOKEN, "no_proxy": "*"})
            self.assertIn('"code":0', done.stdout, f"{command}: {done.stderr}")
            go()
            expect("up")
            self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
            go()
            expect("down")
            self.assertEqual(self.host.stop_agent(), 0)
            go()
            expect("lost")
            self.host.start_postern()
            go()
            expect("back")
            go()
            self.assertEqual(looker.wait(timeout=60), 0)
        finally:
            looker.kill()
            looker.communicate()


if __name__ == "__main__":
    unittest.main()
