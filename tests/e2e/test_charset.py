#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every command writes what people read in the charset of the locale, and JSON in UTF-8. The charset is by the locale's name,
so that no locale has to be there; libc's tables of GBK have to."""
import json
import subprocess
import unittest

from doctor_kit import DoctorTest
from host import DEADLINE_S, POSTERN

try:
    subprocess.run(["iconv", "-f", "UTF-8", "-t", "GBK"], input="中".encode(), check=True, capture_output=True)
    GBK = True
except (OSError, subprocess.CalledProcessError):
    GBK = False


TEXT_COLUMN = 23


class Charset(DoctorTest):
    def bytes_of(self, locale, *words):
        done = subprocess.run([POSTERN, *words, "--config", self.host.config_file], stdin=subprocess.DEVNULL, capture_output=True,
                              env={**self.host.environment, "LC_ALL": locale}, timeout=DEADLINE_S, check=False)
        return done.stdout + done.stderr

    @unittest.skipUnless(GBK, "this host's libc has no GBK (Debian: libc6, RPM: glibc-gconv-extra)")
    def test_gbk(self):
        self.gateways("zone-a", mode="refuse")
        for words in (["doctor"], ["check-config"], ["probe"], ["status"], ["logs"], ["dns", "status"], ["plan", "show"], ["probe", "--count", "2"],
                      ["resolve", "example.com"]):
            with self.subTest(words):
                text = self.bytes_of("zh_CN.GBK", *words).decode("gbk")  # nothing that is not GBK
                self.assertEqual(text.count("?"), self.bytes_of("zh_CN.UTF-8", *words).decode().count("?"), text)
        self.assertIn("配置", self.bytes_of("zh_CN.GBK", "doctor").decode("gbk"))

    @unittest.skipUnless(GBK, "this host's libc has no GBK (Debian: libc6, RPM: glibc-gconv-extra)")
    def test_columns_stay_where_they_are(self):
        lines = [line for line in self.bytes_of("zh_CN.GBK", "doctor").decode("gbk").splitlines() if line[:4] in ("PASS", "SKIP", "WARN", "FAIL")]
        self.assertGreater(len(lines), 5)
        for line in lines:
            shown = line.encode("gbk")  # a byte is a column
            self.assertEqual((shown[4:6], shown[TEXT_COLUMN - 1:TEXT_COLUMN]), (b"  ", b" "), line)
            self.assertNotEqual(shown[TEXT_COLUMN:TEXT_COLUMN + 1], b" ", line)

    def test_ascii(self):
        for words in (["doctor"], ["check-config"], ["probe"], ["status"]):
            with self.subTest(words):
                self.assertTrue(self.bytes_of("C", *words).isascii())

    def test_json_is_utf_8(self):
        for words in (["doctor", "--json"], ["probe", "--json"]):
            for locale in ("zh_CN.GBK", "C"):
                with self.subTest(words, locale=locale):
                    done = subprocess.run([POSTERN, *words, "--config", self.host.config_file], stdin=subprocess.DEVNULL, capture_output=True,
                                          env={**self.host.environment, "LC_ALL": locale}, timeout=DEADLINE_S, check=False)
                    self.assertIsInstance(json.loads(done.stdout.decode("utf-8")), dict)


if __name__ == "__main__":
    unittest.main()
