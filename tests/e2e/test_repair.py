# SPDX-License-Identifier: Apache-2.0
"""`postern doctor --fix`: /etc/hosts and the host's DNS, in a private /etc."""

import glob
import os
import pty
import subprocess
import unittest

from host import DNS, NAME, POSTERN, SIBLING, ZONE_A, HostTest

RESOLV_CONF = "nameserver 127.0.0.53\noptions timeout:5 attempts:1\n"
HOSTS = f"127.0.0.1 localhost\n{ZONE_A} {NAME} db  # by hand\n192.0.2.10 {SIBLING}\n"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Repair(HostTest):
    def setUp(self):
        super().setUp()
        self.host.private_etc()
        # The upstream does not know the name: programs don't, either, until the host's DNS goes to postern.
        for path, text in (("/etc/resolv.conf", RESOLV_CONF), ("/etc/hosts", HOSTS)):
            if os.path.lexists(path):
                os.unlink(path)  # it may be a link
            self.write(path, text)
        os.chmod("/etc/hosts", 0o664)
        self.host.start()

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def command(self, *arguments):
        """In its own PID namespace: the machine's NetworkManager or dhclient is not this host's."""
        return ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh",
                POSTERN, "doctor", "--only", "hosts,resolv_conf", "--lang", "en", "--config", self.host.config_file, *arguments]

    def fix(self, *arguments):
        return self.host.run(*self.command("--fix", *arguments), env=self.host.environment)

    def answer(self, text):
        """The output of --fix on a terminal whose user types that."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        with subprocess.Popen(self.command("--fix"), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=self.host.environment) as doctor:
            os.close(theirs)
            os.write(ours, text.encode() + b"\n")
            return doctor.communicate(timeout=120)[0]

    def unchanged(self):
        self.assertEqual(read("/etc/hosts"), HOSTS)
        self.assertEqual(read("/etc/resolv.conf"), RESOLV_CONF)
        self.assertEqual(glob.glob("/etc/hosts.postern-*"), [])

    def test_only_after_a_yes(self):
        done = self.fix()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)  # as doctor without --fix: the line is a warning
        self.assertIn(f"1. comment out line 2 of /etc/hosts: {ZONE_A} {NAME} db", done.stderr)
        self.assertIn("there is no terminal to ask for confirmation", done.stderr)
        self.unchanged()
        self.assertIn("proceed? [y/N] nothing was changed", self.answer("n"))
        self.unchanged()

    def test_the_line_goes_and_other_names_of_it_stay(self):
        self.assertIn("changed /etc/hosts", self.answer("y"))
        self.assertEqual(read("/etc/hosts"), f"127.0.0.1 localhost\n# postern: {ZONE_A} {NAME} db  # by hand\n{ZONE_A} db\n192.0.2.10 {SIBLING}\n")
        self.assertEqual(os.stat("/etc/hosts").st_mode & 0o777, 0o664)
        (kept,) = glob.glob("/etc/hosts.postern-*")
        self.assertEqual(read(kept), HOSTS)

    def test_then_the_host_asks_postern(self):
        self.write("/etc/hosts", "127.0.0.1 localhost\n")
        done = self.fix("--yes")
        self.assertIn("1. run: postern dns enable", done.stderr)
        self.assertIn(f"nameserver {DNS}", read("/etc/resolv.conf"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)  # it has looked again
        again = self.fix("--yes")
        self.assertIn("nothing to repair automatically", again.stderr)
        self.assertEqual(again.returncode, 0)

    def test_a_file_that_changed_meanwhile_is_left_alone(self):
        """The question waits; the line moves."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        with subprocess.Popen(self.command("--fix"), stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env=self.host.environment) as doctor:
            os.close(theirs)
            said = ""
            while "[y/N]" not in said:
                more = doctor.stderr.read(1)
                self.assertTrue(more, said)
                said += more
            self.write("/etc/hosts", "192.0.2.99 first.test\n" + HOSTS)
            os.write(ours, b"y\n")
            said += doctor.communicate(timeout=120)[1]
        self.assertEqual(doctor.returncode, 2, said)
        self.assertIn("/etc/hosts has changed meanwhile", said)
        self.assertEqual(read("/etc/hosts"), "192.0.2.99 first.test\n" + HOSTS)

    @unittest.skipUnless(os.geteuid() == 0, "needs a second user")
    def test_only_root_may(self):
        os.chmod("/etc/hosts", 0o644)
        os.chmod(self.host.folder, 0o755)
        self.host.user = self.host.group = 65534  # of the command; the agent runs already
        done = self.host.run(*self.command("--fix", "--yes")[9:], env=self.host.environment, **self.host.as_user())
        self.assertIn("root is required", done.stderr)
        self.unchanged()


if __name__ == "__main__":
    unittest.main()
