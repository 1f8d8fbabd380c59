# SPDX-License-Identifier: Apache-2.0
"""The upstream DNS stand-in, asked by dig and by plain sockets."""

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import unittest

import dnswire
from launch import StandIn

ZONE = {"soa_owner": "test", "records": {
    "www.name.test": {"A": ["192.0.2.1", "192.0.2.2"], "TXT": {"ttl": 5, "data": ["hello"]}},
    "alias.name.test": {"CNAME": ["www.name.test"]},
    "2.0.0.127.in-addr.arpa": {"PTR": ["host.name.test"]},
    "mail.name.test": {"MX": ["10 www.name.test"], "AAAA": ["2001:db8::1"]},
}}


class Fixture(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        zone = os.path.join(folder.name, "zone.json")
        with open(zone, "w", encoding="utf-8") as file:
            json.dump(ZONE, file)
        self.upstream = StandIn("dnsup.py", "--zone", zone, "--listen", "127.0.0.1:0=first",
                                "--listen", "127.0.0.4:0=second")
        self.addCleanup(self.upstream.stop)
        self.control = self.upstream.control

    def address(self, server="first"):
        host, _, port = self.upstream.ready["servers"][server].rpartition(":")
        return host, int(port)

    def dig(self, *arguments, server="first", wait=20):
        host, port = self.address(server)
        done = subprocess.run(["dig", f"@{host}", "-p", str(port), "+tries=1", f"+timeout={wait}", "+nocookie",
                               *arguments], capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def rcode(self, *arguments, **named):
        found = re.search(r"status: (\w+)", self.dig(*arguments, **named))
        return found[1] if found else None

    def ask(self, name="www.name.test", kind="A", edns_size=None):
        """All datagrams that come for one query, until the right one has come."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(30)
            client.sendto(dnswire.query_message(0x1234, name, kind, edns_size=edns_size), self.address())
            received = []
            while True:
                data, peer = client.recvfrom(4096)
                received.append((data, peer))
                if peer == self.address() and data[:2] == b"\x12\x34" and data[2] & 0x80 and b"forged" not in data:
                    return received


class Answers(Fixture):
    def test_records(self):
        for name, kind, expected in (("www.name.test", "A", ["192.0.2.1", "192.0.2.2"]),
                                     ("WWW.name.test", "TXT", ['"hello"']),
                                     ("alias.name.test", "A", ["www.name.test.", "192.0.2.1", "192.0.2.2"]),
                                     ("mail.name.test", "MX", ["10 www.name.test."]),
                                     ("mail.name.test", "AAAA", ["2001:db8::1"]),
                                     ("2.0.0.127.in-addr.arpa", "PTR", ["host.name.test."])):
            for transport in ("+notcp", "+tcp"):
                with self.subTest(f"{name} {kind} {transport}"):
                    self.assertEqual(self.dig("+short", transport, name, kind).split("\n")[:-1], expected)

    def test_nothing_there(self):
        for name, kind, rcode in (("no.name.test", "A", "NXDOMAIN"), ("www.name.test", "AAAA", "NOERROR"),
                                  ("name.test", "A", "NOERROR")):
            with self.subTest(name):
                text = self.dig(name, kind)
                self.assertIn(f"status: {rcode}", text)
                self.assertIn("ANSWER: 0, AUTHORITY: 1", text)
                self.assertRegex(text, r"test\.\s+30\s+IN\s+SOA\s")

    def test_records_can_be_changed(self):
        self.control.call("PUT", "/records/new.name.test", {"A": ["192.0.2.9"]})
        self.assertEqual(self.dig("+short", "new.name.test"), "192.0.2.9\n")
        self.control.delete("/records/new.name.test")
        self.assertEqual(self.rcode("new.name.test"), "NXDOMAIN")
        with self.assertRaises(AssertionError):
            self.control.call("PUT", "/records/bad.name.test", {"A": ["not an address"]})

    def test_question_keeps_its_case(self):
        self.assertIn(b"\x03wWw", self.ask("wWw.name.test")[0][0])


class Modes(Fixture):
    def set(self, mode, server="first", **parameters):
        self.control.post(f"/servers/{server}", mode=mode, **parameters)

    def test_rcodes(self):
        for mode, expected in (("servfail", "SERVFAIL"), ("refused", "REFUSED"), ("nxdomain", "NXDOMAIN"),
                               ("ok", "NOERROR")):
            self.set(mode)
            self.assertEqual(self.rcode("www.name.test"), expected)
            self.assertEqual(self.rcode("www.name.test", server="second"), "NOERROR")

    def test_closed_refuses_and_comes_back(self):
        self.set("closed")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect(self.address())
            with self.assertRaises(ConnectionRefusedError):
                for _ in range(60):  # a datagram that came before the socket was closed is lost
                    client.send(dnswire.query_message(1, "www.name.test", "A"))
                    with contextlib.suppress(TimeoutError):
                        client.recv(512)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(self.address(), timeout=30)
        self.set("ok")
        self.assertEqual(self.rcode("www.name.test"), "NOERROR")

    def test_silent(self):
        self.set("silent")
        self.assertIsNone(self.rcode("www.name.test", wait=1))
        self.set("silent_udp")
        self.assertEqual(self.rcode("www.name.test", "+tcp"), "NOERROR")
        self.assertEqual([entry["mode"] for entry in self.control.log()], ["silent", "silent_udp"])

    def test_truncation_leads_to_tcp(self):
        self.set("truncate_udp")
        self.assertIn(" tc ", self.dig("+ignore", "www.name.test"))
        self.assertEqual(self.dig("+short", "www.name.test"), "192.0.2.1\n192.0.2.2\n")
        self.assertEqual([entry["transport"] for entry in self.control.log()], ["udp", "udp", "tcp"])

    def test_big_answers(self):
        self.set("big", records=20)
        self.assertIn("ANSWER: 20", self.dig("+ignore", "www.name.test"))
        self.assertIn(" tc ", self.dig("+ignore", "+noedns", "www.name.test"))
        self.set("big", records=1000)
        self.assertIn("ANSWER: 1000", self.dig("www.name.test"))

    def test_formerr_on_opt(self):
        self.set("formerr_on_opt")
        (reply, _), = self.ask(edns_size=1232)
        self.assertEqual((reply[3] & 0xF, reply[10:12]), (dnswire.FORMERR, b"\0\0"))
        self.assertEqual(self.rcode("+noedns", "www.name.test"), "NOERROR")

    def test_forgeries_come_before_the_right_answer(self):
        for mode in ("wrong_id", "wrong_question", "wrong_source", "query_back", "garbage"):
            with self.subTest(mode):
                self.set(mode)
                received = self.ask()
                self.assertEqual(len(received), 2)
                self.assertIn(socket.inet_aton("192.0.2.1"), received[-1][0])
                if mode in ("wrong_id", "wrong_question", "wrong_source"):
                    self.assertIn(socket.inet_aton("203.0.113.66"), received[0][0])

    def test_lies_and_delay(self):
        self.set("lies", address="203.0.113.1")
        self.assertEqual(self.dig("+short", "www.name.test"), "203.0.113.1\n")
        self.set("delay", ms=200)
        text = self.dig("www.name.test")
        self.assertGreaterEqual(int(re.search(r"Query time: (\d+)", text)[1]), 195)
        self.assertIn("status: NOERROR", self.dig("+tcp", "www.name.test"))


class Log(Fixture):
    def test_queries_as_they_came(self):
        self.dig("www.name.test", "+bufsize=1400", "+dnssec", "+ednsopt=65001:00")
        self.dig("www.name.test", "+noedns", "+norecurse", "TXT", server="second")
        first, second = self.control.log()
        self.assertEqual((first["server"], first["edns"], first["edns_size"], first["do"]), ("first", True, 1400, True))
        self.assertIn(65001, first["edns_options"])
        self.assertTrue(first["flags"] & dnswire.RD)
        self.assertEqual((second["server"], second["edns"], second["type"]), ("second", False, "TXT"))
        self.assertFalse(second["flags"] & dnswire.RD)
        self.assertNotEqual((first["id"], first["peer_port"]), (second["id"], second["peer_port"]))

    def test_what_is_no_query_is_noted_and_dropped(self):
        with socket.create_connection(self.address(), timeout=30) as client:
            client.sendall(struct.pack("!H", 3) + b"abc")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
        self.assertIn("shorter than a header", self.control.log()[0]["error"])

    def test_ends_cleanly(self):
        self.assertEqual(self.upstream.stop(), 0)


if __name__ == "__main__":
    unittest.main()
