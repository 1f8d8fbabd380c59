# SPDX-License-Identifier: Apache-2.0
"""Upstreams as they are met: slow, dead, with mistaken options; asked by the resolvers inside programs. Where one of
these resolves a name without postern, it does so with it."""

import os
import shutil
import socket
import subprocess
import threading
import time
import unittest

from packets import ask, ask_tcp, opt, option, wire_query
from resolver_kit import answer_plainly
from upstream_kit import (NO_REACHABLE, SECOND, TRUTH, UpstreamTest, a, fails, options_of, record, reply, silent)
from dnswire import FORMERR, NOTIMP, REFUSED, SERVFAIL, TC, encode_name, response

HERE = os.path.dirname(os.path.abspath(__file__))
ALIBABA = "nameserver 127.0.0.153\noptions timeout:2 attempts:3 rotate single-request-reopen\n"
COOKIE = 10


def after(seconds, script):
    """Each query is answered so long after it came; nothing is coalesced."""
    def later(query, send):
        timer = threading.Timer(seconds, script, (query, send))
        timer.daemon = True
        timer.start()
    return later


def if_name(part, then, otherwise=answer_plainly):
    return lambda query, send: (then if part in query.name else otherwise)(query, send)


class Clients:
    """Programs that look up a name: {kind: command}. Those that can't be had here are named in `missing`."""

    def __init__(self, folder):
        self.commands, self.missing = {}, []
        self._folder = folder
        for kind, make in (("glibc", self._c("cc")), ("musl", self._c("musl-gcc")), ("Go", self._go), ("Java", self._java),
                           ("Node", self._node)):
            command = make()
            if command is None:
                self.missing.append(kind)
            else:
                self.commands[kind] = command

    def _c(self, compiler):
        def make():
            if shutil.which(compiler) is None:
                return None
            program = f"{self._folder}/odd-{compiler}"
            subprocess.run([compiler, "-o", program, f"{HERE}/look_up.c"], check=True, timeout=120)
            return [program]
        return make

    def _go(self):
        go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
        if go is None:
            return None
        program = f"{self._folder}/odd-go"
        environment = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": f"{self._folder}/go", "GOFLAGS": "-mod=mod",
                       "GOPROXY": "off", "HOME": self._folder}
        built = subprocess.run([go, "build", "-o", program, f"{HERE}/look_up.go"], env=environment, timeout=300,
                               capture_output=True, text=True, check=False)
        return [program] if built.returncode == 0 else None

    def _java(self):
        if shutil.which("javac") is None or shutil.which("java") is None:
            return None
        subprocess.run(["javac", "-d", self._folder, f"{HERE}/LookUp.java"], check=True, timeout=300)
        return ["java", "-Xshare:auto", "-cp", self._folder, "LookUp"]

    @staticmethod
    def _node():
        if shutil.which("node") is None:
            return None
        script = ("require('dns').lookup(process.argv[1], {all: true}, (e, found) => console.log(e ? e.code : "
                  "'answered\\n' + found.map(a => a.address).join('\\n')))")
        return ["node", "-e", script]

    def look_up_everywhere(self, name_of):
        """All at once, each its own name: {kind: (outcome, {address})}."""
        running = {kind: subprocess.Popen([*command, name_of(kind)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                          text=True) for kind, command in self.commands.items()}
        found = {}
        for kind, process in running.items():
            lines = process.communicate(timeout=120)[0].splitlines()
            found[kind] = (lines[0] if lines else "nothing was said", set(lines[1:]))
        return found


class OddTest(UpstreamTest):
    RESOLV_CONF = ALIBABA

    @classmethod
    def setUpClass(cls):
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write(cls.RESOLV_CONF)
        super().setUpClass()
        cls.clients = Clients(cls.host.folder)
        if cls.clients.missing:
            print("not tried, for they are not installed:", ", ".join(cls.clients.missing))

    def setUp(self):
        super().setUp()
        self.row = self.id().rpartition(".")[2].removeprefix("test_").replace("_", "-")[:40]

    def all_resolve(self, row=None, but=()):
        row = row or self.row
        found = self.clients.look_up_everywhere(lambda kind: f"{row}.{kind.lower()}.test")
        self.assertEqual({kind: found[kind] for kind in found if kind not in but},
                         {kind: ("answered", {TRUTH}) for kind in self.clients.commands if kind not in but})


MUSL = "musl"  # its timeout of 2 s is for all attempts together: it can't wait so long, with postern or without


class Slow(OddTest):
    def test_recursion_of_2500_ms(self):
        """Other names are answered at once. Today's images of Alibaba Cloud give up after 2 s three times."""
        self.script(if_name("recursion", after(2.5, answer_plainly)))
        ask(wire_query("other.test"))
        self.all_resolve(but=[MUSL])

    def test_on_an_idle_host(self):
        """Nothing else is asked: whether the server lives is found out."""
        self.script(if_name("idle", after(2.5, answer_plainly)))
        started = time.monotonic()
        got = ask(wire_query("alone-idle.test"))
        self.assertEqual(got.addresses(), [TRUTH])
        self.assertLess(time.monotonic() - started, 3.5)
        self.assertLessEqual(len([q for q in self.queries("alone-idle.test")]), 6)  # three to each of two servers

    def test_every_query_takes_2_s(self):
        self.script(after(2, answer_plainly))
        ask(wire_query("first-of-all.test"))  # so that the time of the servers is known
        self.all_resolve(but=[MUSL])

    def test_a_late_reply_is_cached_after_servfail(self):
        self.script(silent)
        for number in range(3):
            ask(wire_query(f"dead{number}.test"))  # nothing is known of the servers but that they are silent
        self.script(after(3, answer_plainly))
        self.assertEqual(ask(wire_query(self.name)).rcode, SERVFAIL)
        self.host.wait(lambda: ask(wire_query(self.name)).addresses() == [TRUTH], "the late reply")


class Silent(OddTest):
    def test_servfail_within_the_budget(self):
        self.script(silent)
        started = time.monotonic()
        got = ask(wire_query(self.name, "A", opt()))
        self.assertEqual((got.rcode, got.ede()), (SERVFAIL, [NO_REACHABLE]))
        self.assertLess(time.monotonic() - started, 2.3)


class Extras(OddTest):
    def test_a_cookie_of_another_client(self):
        """As c-ares#1271: the upstream repeats what it has cached."""
        def mistaken(query, send):
            if query.edns_size is None or not any(code == COOKIE for code, _ in options_of(query)):
                return answer_plainly(query, send)
            records = [a()] if query.qtype == 1 else []
            return send(reply(query, *records, options=[option(COOKIE, b"12345678ABCDEFGH")]))
        self.script(mistaken)
        self.all_resolve()

    def test_queries_with_a_cookie_are_dropped(self):
        def drops(query, send):
            if query.edns_size is None or not options_of(query):
                answer_plainly(query, send)
        self.script(drops)
        self.all_resolve()

    def test_queries_with_opt_are_dropped(self):
        self.script(lambda query, send: answer_plainly(query, send) if query.edns_size is None else None)
        self.all_resolve()

    def test_errors_to_opt(self):
        for rcode in (FORMERR, SERVFAIL, NOTIMP, REFUSED):
            def old(query, send, rcode=rcode):
                if query.edns_size is not None:
                    send(response(query, rcode, edns=False))
                else:
                    answer_plainly(query, send)
            self.script(old)
            self.all_resolve(f"errors{rcode}")


class Dead(OddTest):
    def test_one_dead_one_refusing(self):
        """Once the dead one is known it costs nothing."""
        for upstream, script in zip(self.upstreams.values(), (silent, answer_plainly)):
            upstream.script = script
        for number in range(4):
            ask(wire_query(f"known{number}.test"))
        self.upstreams[SECOND].script = fails(REFUSED)
        took = []
        for number in range(8):
            started = time.monotonic()
            self.assertEqual(ask(wire_query(f"refused{number}.test")).rcode, REFUSED)
            took.append(time.monotonic() - started)
        self.assertLess(sorted(took)[len(took) // 2], 0.2)


class Sizes(OddTest):
    def test_thirteen_name_servers(self):
        """More than the 512 octets of a client without EDNS: the answer is sent, the rest is left out."""
        servers = [record("NS", encode_name(f"name-server-number-{n}.somewhere-far-away.example")) for n in range(13)]

        def generous(query, send):
            send(reply(query, *([a()] if query.qtype == 1 else []), authority=servers))
        self.script(generous)
        got = ask(wire_query(self.name))
        self.assertEqual((got.addresses(), got.flags & TC), ([TRUTH], 0))
        self.all_resolve()


class Scope(OddTest):
    """`nameserver fe80::53%lo`, as a router announces itself."""
    UPSTREAMS = ["fe80::53%lo"]

    @classmethod
    def setUpClass(cls):
        subprocess.run(["ip", "-6", "address", "replace", "fe80::53/128", "dev", "lo", "scope", "link", "nodad"],
                       check=True)
        super().setUpClass()

    def test_link_local(self):
        self.all_resolve()
        self.assertTrue(self.upstream.seen)


class Ports(OddTest):
    """A host with 1,000 ephemeral ports."""
    RANGE = "/proc/sys/net/ipv4/ip_local_port_range"

    @classmethod
    def setUpClass(cls):
        with open(cls.RANGE, "r+", encoding="ascii") as file:
            cls.before = file.read()
            file.seek(0)
            file.write("40000 40999")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        with open(cls.RANGE, "w", encoding="ascii") as file:
            file.write(cls.before)

    def take_all(self):
        taken = []
        try:
            while len(taken) < 2000:
                own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self.addCleanup(own.close)
                own.bind(("0.0.0.0", 0))
                taken.append(own)
        except OSError:
            pass
        return len(taken)

    def test_other_programs_find_ports(self):
        for number in range(1000):
            self.assertEqual(ask(wire_query(f"miss{number}.test")).addresses(), [TRUTH])
        self.assertGreater(self.take_all(), 800)
        # None is left: what is asked now goes out all the same.
        for number in range(200):
            self.assertEqual(ask_tcp(wire_query(f"without{number}.test")).addresses(), [TRUTH])


if __name__ == "__main__":
    unittest.main()
