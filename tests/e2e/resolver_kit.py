# SPDX-License-Identifier: Apache-2.0
"""The resolver alone, on a plan of fixed addresses, and upstream servers that a test plays itself."""

import socket
import struct
import subprocess
import threading
import unittest
from unittest import mock

from host import NAME, POSTERN, Host
from packets import WAIT_S, ask, ask_tcp, framed, read_exactly, wire_query
import dnswire
from dnswire import NXDOMAIN

UPSTREAM = "127.0.0.53"
ADDRESSES = ["10.0.1.23", "10.0.2.23"]
DUAL, DUAL_V4, DUAL_V6 = "dual.cloud.name.test", "10.0.1.23", "fd00::23"  # shares an address with NAME
MANY = "many.cloud.name.test"
MANY_ADDRESSES = [f"10.1.0.{number}" for number in range(1, 65)]  # 64 × 16 bytes: more than 512, less than 1232


class Upstream:
    """An upstream server on UDP and TCP. `script(query, send)` is called with each query, in a separate thread for
    each transport, and may call send(bytes) never, at once, later or several times. `query.raw`, `query.transport`."""

    def __init__(self, address=UPSTREAM, script=None):
        self.address = address
        self.script = script or answer_plainly
        self.seen = []
        self._connections, self._threads = [], []
        self._udp = self._tcp = None
        self.open()

    def open(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        place = socket.getaddrinfo(self.address, 53, family)[0][4]  # with the scope of "fe80::53%lo"
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self._udp.bind(place)
        self._tcp = socket.socket(family, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind(place)
        self._tcp.listen(64)
        self._start(self._serve_udp, self._udp)
        self._start(self._serve_tcp, self._tcp)

    def _start(self, function, *arguments):
        self._threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self._threads[-1].start()

    def close(self):
        """From now on queries are refused: ICMP and RST. A socket is only gone when no thread waits in it."""
        for own in (self._udp, self._tcp, *self._connections):
            self._end(own)
        for thread in self._threads:
            thread.join(WAIT_S)
        self._connections, self._threads = [], []

    def refuse_tcp(self):
        for own in (self._tcp, *self._connections):
            self._end(own)

    @staticmethod
    def _end(own):
        try:
            own.shutdown(socket.SHUT_RDWR)  # wakes waiting threads, although UDP returns an error
        except OSError:
            pass
        own.close()

    def queries(self, name):
        return [query for query in list(self.seen) if query.name.lower() == name.lower()]

    def _serve_udp(self, own):
        while True:
            try:
                message, peer = own.recvfrom(65535)
            except OSError:
                return
            if not message:
                return  # shut down
            self._handle(message, peer, "udp", lambda reply, peer=peer: own.sendto(reply, peer))

    def _serve_tcp(self, own):
        while True:
            try:
                connection, peer = own.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._start(self._serve_connection, connection, peer)

    def _serve_connection(self, connection, peer):
        try:
            while True:
                (length,) = struct.unpack("!H", read_exactly(connection, 2))
                self._handle(read_exactly(connection, length), peer, "tcp",
                             lambda reply: connection.sendall(framed(reply)))
        except (OSError, EOFError):
            connection.close()

    def _handle(self, message, peer, transport, send):
        query = dnswire.parse_query(message)
        query.raw, query.transport, query.peer, query.server = message, transport, peer, self

        def safely(reply):
            try:
                send(reply)
            except OSError:
                pass  # the other side is gone
        self.seen.append(query)
        self.script(query, safely)


def answer_plainly(query, send):
    """One A record for every A question, NODATA for other types; NXDOMAIN below "nothing.test"."""
    soa = dnswire.record("test", "SOA", 30, "ns.test host.test 1 3600 600 86400 30")
    if query.name.lower().endswith("nothing.test"):
        send(dnswire.response(query, NXDOMAIN, [], [soa]))
    elif query.qtype == 1:
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton("192.0.2.1")
        send(dnswire.response(query, 0, [record]))
    else:
        send(dnswire.response(query, 0, [], [soa]))


class ResolverTest(unittest.TestCase):
    """postern-resolver alone, on a plan that was compiled from fixed addresses."""

    UPSTREAMS = [UPSTREAM]
    CONFIG = {}  # more of [dns]
    POPEN = {}  # of the resolver

    @classmethod
    def setUpClass(cls):
        with mock.patch("pki.make"):  # no TLS here, and keys take their time
            cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.upstreams = {}
        for address in cls.UPSTREAMS:
            cls.upstreams[address] = Upstream(address)
            cls.addClassCleanup(cls.upstreams[address].close)
        cls.upstream = cls.upstreams[cls.UPSTREAMS[0]]
        cls.start_resolver(cls.UPSTREAMS)

    @classmethod
    def start_resolver(cls, upstreams):
        links = [{"name": name, "host": host, "addresses": addresses, "probe": {"enabled": False}}
                 for name, host, addresses in (("first", NAME, ADDRESSES), ("dual", DUAL, [DUAL_V4, DUAL_V6]),
                                               ("many", MANY, MANY_ADDRESSES))]
        cls.host.write_config(dns={"upstreams": upstreams, **cls.CONFIG}, aliyun=None, link=links)
        plan = f"{cls.host.folder}/plan"
        subprocess.run([POSTERN, "plan", "compile", "--config", cls.host.config_file, "--out", plan], check=True,
                       stdin=subprocess.DEVNULL, timeout=60)
        cls.sockets = cls.host.listen_sockets()
        arguments = ["--plan", plan, "--stats", f"{cls.host.folder}/stats"]
        cls.resolver = cls.host.start_resolver(*arguments, sockets=cls.sockets, **cls.POPEN)
        cls.host.wait(lambda: ask(wire_query()).addresses() == ADDRESSES, "the plan's addresses")

    def assert_alive(self):
        self.assertIsNone(self.resolver.poll(), self.host.log()[-2000:])
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)
        self.assertEqual(ask_tcp(wire_query()).addresses(), ADDRESSES)
