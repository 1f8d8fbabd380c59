# SPDX-License-Identifier: Apache-2.0
"""What postern doctor prints, how it is chosen, and in which language: whole outputs are compared with golden/."""

import os
import pty
import re
import signal
import subprocess
import unicodedata
import unittest

from doctor_kit import DoctorTest, Report, call, run
from host import DEADLINE_S, NAME, POSTERN, SPARE_ADDRESS

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
USER = 61001
TEXT_COLUMN = 23


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def split_at(line, column):
    """By columns on a terminal."""
    end = next(i for i in range(len(line) + 1) if width(line[:i]) >= column)
    return line[:end], line[end:]


class Whole(DoctorTest):
    """Outputs from the first to the last line."""

    CONFIG = {"link": {"probe": {"fall": 20}}}  # nothing leaves DNS's answer meanwhile

    def text(self, language, environment=None):
        return call(self.host, "--lang", language, environment=environment)

    def masked(self, text):
        """Without what differs from run to run, as wide as before."""
        for pattern, mask in ((re.escape(self.host.folder), lambda m: "/tmp/postern-e2e-FOLDER__"[:len(m[0])].ljust(len(m[0]), "_")),
                              (r"\d+\.\d (?=ms|毫秒)", lambda m: "N.N "), (r"\d{4}-\d\d-\d\d", lambda m: "YYYY-MM-DD"), (r"(?<=DD)T\d\d:\d\d:\d\dZ", lambda m: "THH:MM:SSZ"),
                              (r"(?<=sha256=)[0-9a-f]+", lambda m: "x" * len(m[0])), (r"(?<=request_id=)\S+", lambda m: "REQUEST-ID"),
                              (r"(?<=version )[0-9.]+|(?<=版本 )[0-9.]+", lambda m: "VERSION")):
            text = re.sub(pattern, mask, text)
        return text

    def assert_golden(self, name, text):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("POSTERN_UPDATE_GOLDEN"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text, file.read(), f"{path}; POSTERN_UPDATE_GOLDEN=1 writes it anew: look at the difference")

    def break_some(self):
        self.file("/etc/hosts", f"127.0.0.1 localhost\n{SPARE_ADDRESS} {NAME}\n")
        self.gateways("zone-a", mode="status", status=401)
        self.gateways("zone-b", mode="cert_wrong_name")
        return {"http_proxy": "http://127.0.0.9:3128"}

    def test_several_findings(self):
        environment = self.break_some()
        for language in ("en", "zh"):
            with self.subTest(language):
                done = self.text(language, environment=environment)
                self.assertEqual((done.returncode, done.stderr), (2, ""))
                for line in done.stdout.splitlines():
                    if "sed -i" not in line:  # a command is in one piece
                        self.assertLessEqual(width(line), 80, line)
                self.assert_golden(f"doctor-several.{language}.txt", self.masked(done.stdout))

    def test_all_is_well(self):
        for language in ("en", "zh"):
            with self.subTest(language):
                done = self.text(language)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assert_golden(f"doctor-good.{language}.txt", self.masked(done.stdout))

    def test_the_columns_are_straight(self):
        environment = self.break_some()
        for language in ("en", "zh"):
            lines = self.text(language, environment=environment).stdout.splitlines()
            for line in lines:
                if re.match("PASS|SKIP|WARN|FAIL", line):
                    before, text = split_at(line, TEXT_COLUMN)
                    self.assertTrue(before.endswith(" ") and not text.startswith(" "), line)


class Output(DoctorTest):
    def test_the_language_is_the_locale_s(self):
        for environment, chinese in (({"LC_ALL": "zh_CN.UTF-8"}, True), ({"LANG": "zh_CN.UTF-8"}, True),
                                     ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, False), ({}, False)):
            done = self.host.postern("doctor", "--only", "config", environment=environment)
            self.assertEqual("配置" in done.stdout, chinese, done.stdout)

    def test_only_and_skip(self):
        self.gateways("zone-a", mode="refuse")
        self.gateways("zone-b", mode="status", status=401)
        report = self.doctor("--only", "tcp", fails={"PN-TCP-REFUSED"})
        self.assertEqual({f["step"] for f in report.findings}, {"tcp"})
        report = run(self.host, "--skip", "tcp,PN-HTTP-401")
        self.assertNotIn("tcp", {f["step"] for f in report.findings})
        self.assertEqual((report.code, report.value["verdict"]), (3, "unknown"))  # what is left out is not good
        for code in ("PN-TCP-REFUSED", "PN-HTTP-401"):
            self.assertIn(code, report.value["text"])
        report = run(self.host, "--only", "sql")
        self.assertEqual(report.code, 3)
        self.assertEqual(report.because("sql"), {"PN-TCP-REFUSED", "PN-HTTP-401"})

    def test_an_unknown_step(self):
        done = self.host.postern("doctor", "--only", "tpc")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("tpc", done.stderr)

    def test_nothing_could_be_checked(self):
        without = self.config(link={"token_file": None, "probe": {"kind": "tcp"}})
        done = self.host.postern("doctor", "--only", "ws", "--config", without, config=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("nothing could be checked", done.stdout)

    def test_list(self):
        for language in ("en", "zh"):
            lines = self.host.postern("doctor", "--list", "--lang", language, config=False).stdout.splitlines()
            self.assertGreater(len(lines), 60)
            for line in lines:
                self.assertRegex(line, r"^PN-[A-Z0-9-]+ +(WARN|FAIL)  \S")
                self.assertNotRegex(line, r"\{[a-z_]+\}")

    def test_time_is_over(self):
        self.gateways(mode="accept_then_hang")
        slow = self.config(link={"probe": {"timeout": "20s"}})
        report = run(self.host, "--config", slow, "--timeout", "1s", config=False)
        for step in ("tcp", "tls", "sql"):
            self.assertEqual(report.because(step), {"time"})

    def test_the_charset_is_the_locale_s(self):
        def bytes_of(**environment):
            return subprocess.run([POSTERN, "doctor", "--config", self.host.config_file], stdin=subprocess.DEVNULL, capture_output=True,
                                  env={**self.host.environment, **environment}, timeout=DEADLINE_S, check=False).stdout
        self.assertTrue(bytes_of(LC_ALL="C").isascii())
        self.assertTrue(bytes_of(LANG="zh_CN.nonsense").isascii())
        self.assertIn("配置".encode(), bytes_of(LANG="zh_CN.UTF-8"))
        chinese = bytes_of(LANG="zh_CN.GBK")
        if chinese.isascii():
            self.skipTest("this host's libc has no GBK")
        self.assertIn("配置", chinese.decode("gbk"))

    def test_progress_on_a_terminal_alone(self):
        self.gateways(mode="accept_then_hang")
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        done = subprocess.run([POSTERN, "doctor", "--config", self.host.config_file, "--lang", "en"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=follower, env=self.host.environment, timeout=DEADLINE_S, check=False)
        os.close(follower)
        self.assertIn("PN-TLS-TIMEOUT", done.stdout.decode())
        self.assertIn(b"checking: TCP", os.read(leader, 65536))

    def test_the_verdict_is_that_of_health(self):
        for body, word in (({"mode": "ok"}, "good"), ({"mode": "refuse"}, "failed")):
            self.gateways(**body)
            self.host.wait(lambda word=word: self.host.http_json("/api/v1/status")[1]["overall"] == word, f"status {word}")
            self.assertEqual(run(self.host).value["verdict"], word)
            self.assertTrue(call(self.host, "--lang", "en").stdout.rpartition("\n\n")[2].startswith(f"{word}: "))


def run_as_user(host):
    return Report(host.run(POSTERN, "doctor", "--json", "--config", host.config_file, env=host.environment, user=USER, group=USER, extra_groups=[]))


class OrdinaryUser(DoctorTest):
    def setUp(self):
        super().setUp()
        with open("/proc/self/uid_map", encoding="ascii") as file:
            if os.geteuid() != 0 or not any(int(line.split()[2]) > USER for line in file):
                self.skipTest("needs root and users to change to")
        os.chmod(self.host.folder, 0o711)
        for path, folders, files in os.walk(self.host.pki):
            os.chmod(path, 0o755)
            for name in files:
                os.chmod(os.path.join(path, name), 0o644)

    def test_what_needs_root_is_skipped(self):
        report = run_as_user(self.host)
        self.assertEqual((report.codes("FAIL"), report.codes("WARN"), report.code), (set(), set(), 0), report.text)
        for step, why in (("config", "root"), ("sql", "agent_asks"), ("resolv_conf", "root")):
            self.assertEqual(report.because(step), {why}, step)
        self.host.agent.send_signal(signal.SIGSTOP)
        self.addCleanup(self.host.agent.send_signal, signal.SIGCONT)
        report = run_as_user(self.host)
        self.assertEqual(report.because("sql"), {"root"})
        self.assertEqual(report.codes("FAIL"), {"PN-AGENT-HANGS"})

    def test_a_configuration_that_it_may_not_read_is_not_good(self):
        os.chmod(self.host.config_file, 0o600)
        self.addCleanup(os.chmod, self.host.config_file, 0o644)
        report = run_as_user(self.host)
        self.assertEqual((report.code, report.value["verdict"]), (3, "unknown"))
        self.assertIn("needs root", report.value["text"])


if __name__ == "__main__":
    unittest.main()
