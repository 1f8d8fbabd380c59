#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Under a Chinese locale no command says an English sentence: help, mistakes of the command line, answers, failures."""
import errno
import os
import re
import subprocess
import unittest

from doctor_kit import DoctorTest
from host import DEADLINE_S, NAME, POSTERN, HostTest

# What is typed, named or quoted as it is: not a sentence of ours.
TYPED = re.compile(r'"[^"]*"|“[^”]*”|(?:postern|systemctl|journalctl|curl|openssl|ip|ss|resolvectl|chown|chmod|chattr|ulimit|rewrite)(?: [\w.:/@{}=+<>|-]+)+'
                   r"|https?://\S+|/[\w./*-]+|\[[^\]]*\]")
ENGLISH = re.compile(r"(?<![\w-])[A-Za-z']{2,} [a-z']{2,} [a-z']{2,}(?![\w-])")
# The log, which is English; what would be written to a file, and what a file says; what the plan for the resolver explains,
# which is kept in English.
VERBATIM = re.compile(r"\d{4}-\d\d-\d\dT|    \| |#|  依据  ")
SYSTEM = [os.strerror(number) for number in errno.errorcode]  # libc's words
COMMANDS = [["run"], ["check-config"], ["plan"], ["plan", "show"], ["plan", "compile"], ["status"], ["resolve"], ["probe"], ["logs"], ["queries"],
            ["connections"], ["refresh"], ["drain"], ["undrain"], ["dns"], ["dns", "enable"], ["dns", "disable"], ["dns", "status"], ["dns", "reapply"],
            ["dns", "prestart"], ["endpoint"], *(["endpoint", verb] for verb in ("services", "list", "show", "create", "wait", "zone", "export", "delete", "remove-group")),
            ["publish"], *(["publish", what] for what in ("privatezone", "file", "external-dns", "kubernetes", "ack-dns", "list", "run", "keygen", "report")),
            ["fleet"], ["fleet", "status"], ["k8s"], ["k8s", "corefile"], ["k8s", "node"], ["k8s", "alive"], ["doctor"]]


def english(text):
    """The lines that have an English sentence."""
    out = []
    for line in text.splitlines():
        rest = "" if VERBATIM.match(line) else re.sub(r"^postern(?: [\w-]+)*: ", "", line)
        for said in SYSTEM:
            rest = rest.replace(said, " ")
        if ENGLISH.search(TYPED.sub(" ", rest)):
            out.append(line)
    return out


class ChineseMixin:
    def told(self, *words, config=True, code=None):
        if config:
            words = (*words, "--config", self.host.config_file)
        done = subprocess.run([POSTERN, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S,
                              env={**self.host.environment, "LC_ALL": "zh_CN.UTF-8", "COLUMNS": "200"}, check=False)
        text = done.stdout + done.stderr
        self.assertEqual(english(text), [], f"{' '.join(words)}\n{text}")
        if code is not None:
            self.assertEqual(done.returncode, code, text)
        return text

    def told_in_chinese(self, *words, **more):
        text = self.told(*words, **more)
        self.assertRegex(text, "[\u4e00-\u9fff]", " ".join(words))
        return text


class CommandLine(ChineseMixin, HostTest):
    def test_a_sentence_is_found(self):
        self.assertTrue(english("postern status: the agent does not answer\n"))
        self.assertFalse(english('请执行 systemctl restart postern；"no such thing here"；没有 status、logs\n'))

    def test_help(self):
        self.told_in_chinese("--help", config=False, code=0)
        for words in COMMANDS:
            with self.subTest(words):
                self.assertIn("用法", self.told_in_chinese(*words, "--help", config=False, code=0))

    def test_mistakes_of_the_command_line(self):
        for words in COMMANDS:
            for wrong in (["--no-such-option"], ["--confg", "x"], ["--config"], ["one", "two", "three", "four", "five"]):
                with self.subTest([*words, *wrong]):
                    self.told_in_chinese(*words, *wrong, config=False, code=3)
        for words in (["no-such"], ["plan"], ["plan", "shwo"], ["resolve"], ["plan", "compile"], ["status", "--json=x"], ["probe", "--port", "0"],
                      ["probe", "--port", "x"], ["probe", "--count", "-1"], ["probe", "--count", "1", "--count", "2"], ["probe", "--timeout", "1"],
                      ["probe", "--address", "x"], ["probe", "--host", "a b"], ["logs", "-o", "loud"], ["logs", "-n", "x"], ["logs", "--since", "x"],
                      ["logs", "--state", "x"], ["logs", "--reason", "tcp_timeot"], ["logs", "--reason", "x"], ["logs", "--ip", "x"],
                      ["drain", "x"], ["drain", "x", "--for", "1s"], ["drain", "status", "--for", "1h"], ["drain", "x", "--for", "1h", "--reason", "a" * 999],
                      ["doctor", "--lang", "fr"], ["doctor", "--yes"], ["doctor", "--fix", "--json"], ["doctor", "--only", "nothing"], ["doctor", "--host", "a.example.com"],
                      ["doctor", "--timeout", "1h"], ["doctor", "--bundle", "/"], ["dns", "enable", "--mode", "x"], ["endpoint", "show", "x"], ["endpoint", "zone", "x", "y", "z"],
                      ["endpoint", "create", "--vpc", "x"], ["endpoint", "create", "--zone", "x"], ["endpoint", "create", "--tag", ""], ["endpoint", "create", "--bandwidth", "1"],
                      ["endpoint", "wait", "ep-a", "--timeout", "2d"], ["endpoint", "export", "ep-a"], ["endpoint", "remove-group", "x"],
                      ["publish", "privatezone", "--ttl", "7s"], ["publish", "privatezone", "--vpc", "x"], ["publish", "privatezone", "--format", "terraform"],
                      ["publish", "file", "--format", "x"], ["publish", "external-dns", "--name", "A"], ["publish", "kubernetes", "--server", "x"],
                      ["publish", "kubernetes", "--keep", "--undo"], ["publish", "list", "--to", "x", "-k", "/k"], ["publish", "list"], ["publish", "report", "--to", "x"],
                      ["fleet", "status", "--from", "x"], ["fleet", "status", "--fleet", "a b"], ["k8s", "corefile", "--for", "x"], ["k8s", "corefile", "--service", "127.0.0.1"],
                      ["k8s", "corefile", "--bind", "10.0.0.1"], ["k8s", "node"], ["k8s", "node", "--owner", "0"], ["k8s", "node", "--folder", "x"], ["k8s", "alive"],
                      ["k8s", "alive", "--server", "x"]):
            with self.subTest(words):
                self.told_in_chinese(*words, config=False, code=3)

    def test_without_an_agent(self):
        self.host.write_config()
        for words in (["status"], ["connections"], ["refresh"], ["drain", "10.0.0.1", "--for", "1h"], ["undrain"], ["drain", "status"], ["logs"], ["queries"],
                      ["plan", "show"], ["plan", "show", "/dev/null"], ["connections", "--free"], ["resolve", "a.example.com"], ["probe"], ["probe", "no-such"], ["logs", "--link", "no-such"],
                      ["dns", "disable"], ["doctor", "--timeout", "10s"], ["doctor", "--fix", "--timeout", "10s"], ["doctor", "--list"], ["publish", "kubernetes"], ["publish", "ack-dns"], ["publish", "report"],
                      ["publish", "list", "-k", "/no/key"], ["publish", "file"], ["publish", "file", "no-such"], ["publish", "external-dns"], ["fleet", "status"],
                      ["check-config", "--online"], ["k8s", "corefile"], ["k8s", "corefile", "--for", "ack"]):
            with self.subTest(words):
                self.told_in_chinese(*words)
        self.told("k8s", "alive", "--server", "127.0.0.9", config=False)
        self.told_in_chinese("k8s", "node", "--folder", "/proc/x", config=False)
        for words in (["publish", "kubernetes", "--server", "http://127.0.0.1:1", "--namespace", "a"], ["publish", "kubernetes", "--server", "http://10.0.0.1"],
                      ["publish", "ack-dns", "--server", "http://127.0.0.1:1", "--namespace", "a", "--undo"], ["publish", "keygen", "/no/folder/key"]):
            with self.subTest(words):
                self.told_in_chinese(*words, config="keygen" not in words)

    def test_a_broken_configuration(self):
        path = self.host.write_file("bad.toml", '[dns]\nlisten = 1\nttl = "10"\n[[link]]\nname = "a b"\nhost = 7\nnonsense = 1\n')
        for words in (["check-config"], ["status"], ["probe"], ["plan", "show"], ["run"], ["publish", "file"]):
            with self.subTest(words):
                self.told_in_chinese(*words, "--config", path, config=False)
        self.assertIn(f"{path}:2: dns.listen 应为用 [ ] 括起的列表（地址），实际：1", self.told("check-config", "--config", path, config=False))
        for words in (["check-config"], ["status"], ["logs"]):
            self.told_in_chinese(*words, "--config", "/no/such.toml", config=False, code=3)


class Answers(ChineseMixin, DoctorTest):
    def test_all_is_well_and_not(self):
        commands = (["status"], ["connections"], ["refresh"], ["resolve", "example.com"], ["resolve", "no-such.example"], ["resolve", "10.9.9.9"],
                    ["resolve", NAME, "TXT"], ["probe"], ["probe", "--count", "2"], ["logs"], ["logs", "-o", "wide"], ["plan", "show"], ["dns", "status"],
                    ["dns", "enable", "--dry-run"], ["doctor"], ["doctor", "--fix"], ["check-config"], ["check-config", "--online"], ["drain", "status"],
                    ["drain", "10.9.9.9", "--for", "1h"], ["drain", "cn-hangzhou-z", "--for", "1h"], ["undrain", "10.9.9.9"], ["connections", "--dry-run"],
                    ["plan", "compile", "--out", f"{self.host.state_dir}/new-plan"], ["publish", "file"], ["doctor", "--bundle", f"{self.host.state_dir}/b.tar.gz"])
        for words in commands:
            with self.subTest(words):
                self.told(*words)
        self.gateways("zone-a", mode="refuse")
        for words in (["status"], ["probe"], ["probe", "--count", "2"], ["logs"], ["refresh"], ["doctor"]):
            with self.subTest(words, gateway="refuses"):
                self.told(*words)


if __name__ == "__main__":
    unittest.main()
