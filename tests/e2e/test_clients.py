# SPDX-License-Identifier: Apache-2.0
"""The resolvers inside programs: glibc, musl, Node's two, Python's, and DNS servers that forward to us."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import dig
from host import DNS, NAME, ZONES, SharedHostTest
from launch import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
PUBLIC, PUBLIC_ADDRESSES = "www.name.test", {"192.0.2.1", "192.0.2.2"}
NO_SUCH_NAME = "nothing.name.test"


class Libc(SharedHostTest):
    """A name with A records alone: musl asks for AAAA at the same time, and an NXDOMAIN there would hide them."""

    def look_up_with(self, compiler):
        if shutil.which(compiler) is None:
            self.skipTest(f"no {compiler}")
        program = f"{self.host.folder}/look_up-{compiler}"
        subprocess.run([compiler, "-o", program, f"{HERE}/look_up.c"], check=True, timeout=120)

        def look_up(name):
            outcome, *addresses = self.host.run(program, name).stdout.splitlines()
            return outcome, set(addresses)
        self.assertEqual(look_up(NAME), ("answered", set(ZONES.values())))
        self.assertEqual(look_up(NAME.upper()), ("answered", set(ZONES.values())))
        self.assertEqual(look_up(PUBLIC), ("answered", PUBLIC_ADDRESSES))
        self.assertEqual(look_up("alias.name.test"), ("answered", PUBLIC_ADDRESSES))
        self.assertEqual(look_up("localhost")[0], "answered")
        outcome, addresses = look_up(NO_SUCH_NAME)
        self.assertEqual(addresses, set())
        self.assertNotEqual(outcome, "answered")

    def test_glibc(self):
        self.look_up_with("cc")

    def test_musl(self):
        self.look_up_with("musl-gcc")

    def test_python(self):
        def addresses(name):
            return {entry[4][0] for entry in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)}
        self.assertEqual(addresses(NAME), set(ZONES.values()))
        self.assertEqual(addresses(PUBLIC), PUBLIC_ADDRESSES)
        with self.assertRaises(socket.gaierror):
            addresses(NO_SUCH_NAME)


class Node(SharedHostTest):
    def ask(self, expression):
        if shutil.which("node") is None:
            self.skipTest("no node")
        script = f"const d = require('dns').promises; {expression}.then(a => console.log(JSON.stringify(a)), e => console.log(JSON.stringify(e.code)))"
        done = self.host.run("node", "-e", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_lookup_goes_through_the_libc(self):
        found = self.ask(f"d.lookup('{NAME}', {{all: true}})")
        self.assertEqual({entry["address"] for entry in found}, set(ZONES.values()))
        self.assertEqual(self.ask(f"d.lookup('{NO_SUCH_NAME}')"), "ENOTFOUND")

    def test_resolve_is_c_ares(self):
        self.assertEqual(set(self.ask(f"d.resolve4('{NAME}')")), set(ZONES.values()))
        self.assertEqual(self.ask(f"d.resolve6('{NAME}')"), "ENODATA")
        self.assertEqual(self.ask(f"d.resolveMx('{NAME}')"), "ENODATA")
        self.assertEqual(set(self.ask(f"d.resolve4('{PUBLIC}')")), PUBLIC_ADDRESSES)
        self.assertEqual(self.ask(f"d.resolve4('{NO_SUCH_NAME}')"), "ENOTFOUND")
        address = next(iter(ZONES.values()))
        self.assertEqual(self.ask(f"d.reverse('{address}')"), [NAME])


class Dnsmasq(SharedHostTest):
    ADDRESS = "127.0.0.60"

    @classmethod
    def prepare(cls):
        super().prepare()
        folder = tempfile.mkdtemp(dir=cls.host.folder)
        dnsmasq = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--bind-interfaces", "--no-resolv",
             "--no-hosts", f"--listen-address={cls.ADDRESS}", f"--server={DNS}", f"--pid-file={folder}/pid"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(dnsmasq.wait)
        cls.addClassCleanup(dnsmasq.terminate)

        def answers():
            try:
                return dig.ask(cls.ADDRESS, PUBLIC, "A").data
            except AssertionError:
                return []
        wait_until(answers, 30, "dnsmasq to answer")

    def test_forwards_to_us(self):
        self.assertEqual(set(dig.ask(self.ADDRESS, NAME, "A").data), set(ZONES.values()))
        self.assertEqual(set(dig.ask(self.ADDRESS, PUBLIC, "A").data), PUBLIC_ADDRESSES)
        nothing = dig.ask(self.ADDRESS, NAME, "AAAA")
        self.assertEqual((nothing.status, nothing.data), ("NOERROR", []))
        self.assertEqual(dig.ask(self.ADDRESS, NO_SUCH_NAME, "A").status, "NXDOMAIN")


if __name__ == "__main__":
    unittest.main()
