# SPDX-License-Identifier: Apache-2.0
"""One upstream DNS server: a UDP and a TCP socket on the same port, and its mode."""

import socket
import struct
import threading

import dnswire
from control import ControlError, check_keys
from net_base import Listener

MAX_UDP = 4096
MAX_DELAYED = 1000
MAX_TCP_QUERIES = 1000
BIND_ATTEMPTS = 20

# mode -> (what happens, {parameter: default})
MODES = {
    "ok": ("answers from the zone", {}),
    "closed": ("both sockets are closed: ICMP port unreachable, ECONNREFUSED", {}),
    "silent": ("no answer, UDP and TCP", {}),
    "silent_udp": ("no answer on UDP, TCP works", {}),
    "servfail": ("SERVFAIL", {}),
    "refused": ("REFUSED", {}),
    "nxdomain": ("NXDOMAIN with SOA, for everything", {}),
    "formerr_on_opt": ("FORMERR without OPT for queries with EDNS, right answers without", {}),
    "truncate_udp": ("UDP answers are empty with TC, TCP works", {}),
    "truncate_udp_no_tcp": ("UDP answers are empty with TC, TCP is reset", {}),
    "delay": ("answers after ms milliseconds", {"ms": 200}),
    "wrong_id": ("a forged answer with another ID comes first", {"then_ok": True}),
    "wrong_question": ("a forged answer to another question comes first", {"then_ok": True}),
    "wrong_source": ("a forged answer from another port comes first", {"then_ok": True}),
    "query_back": ("the query itself comes back (QR=0) first", {"then_ok": True}),
    "garbage": ("bytes that are no DNS message come first", {"then_ok": True}),
    "lies": ("every A answer is `address`", {"address": "203.0.113.66"}),
    "big": ("every A answer has `records` records", {"records": 100}),
}
FORGED_ADDRESS = "203.0.113.66"
FORGERIES = ("wrong_id", "wrong_question", "wrong_source", "query_back", "garbage")


class DnsServer:
    def __init__(self, name, address, zone, log):
        self.name = name
        self._zone = zone
        self._log = log
        self._mode, self._parameters = "ok", {}
        self._udp = None
        self._delayed = 0
        self._lock = threading.Lock()
        self._tcp = Listener(address, self._serve_tcp, name=f"dns {name}")

    @property
    def address(self):
        return self._tcp.address

    def open(self):
        """UDP and TCP on one port; with port 0 TCP chooses and UDP must get the same."""
        if self._udp is not None:
            return
        wanted = self._tcp.address
        for attempt in range(BIND_ATTEMPTS):
            self._tcp.address = wanted
            self._tcp.open()
            family = socket.AF_INET6 if ":" in wanted[0] else socket.AF_INET
            udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                udp.bind(self._tcp.address)
                break
            except OSError:
                udp.close()
                self._tcp.close()
                if wanted[1] != 0 or attempt == BIND_ATTEMPTS - 1:
                    raise
        self._udp = udp
        threading.Thread(target=self._serve_udp, args=(udp,), daemon=True).start()

    def close(self):
        udp, self._udp = self._udp, None
        if udp is None:
            return
        try:
            udp.shutdown(socket.SHUT_RDWR)  # wakes recvfrom(), although it complains about "not connected"
        except OSError:
            pass
        udp.close()
        self._tcp.close()

    def change(self, body):
        name = body.get("mode")
        if name not in MODES:
            raise ControlError(f"mode is one of {sorted(MODES)}")
        check_keys(body, ("mode", *MODES[name][1]))
        with self._lock:
            self._mode = name
            self._parameters = {**MODES[name][1], **{key: body[key] for key in body if key != "mode"}}
        (self.close if name == "closed" else self.open)()

    def describe(self):
        with self._lock:
            return {"address": "%s:%d" % self.address, "mode": self._mode, **self._parameters}

    def _current(self):
        with self._lock:
            return self._mode, dict(self._parameters)

    # --- transports ----------------------------------------------------------------------------------------------

    def _serve_udp(self, udp):
        while True:
            try:
                message, peer = udp.recvfrom(MAX_UDP)
            except OSError:
                return
            if self._udp is not udp:
                return
            mode, parameters = self._current()
            query = self._read(message, "udp", peer, mode)
            if query is None or mode in ("silent", "silent_udp"):
                continue
            if mode in FORGERIES:
                self._forge(mode, udp, peer, query, message)
                if not parameters["then_ok"]:
                    continue
            reply = self._reply(query, mode, parameters, udp=True)
            if mode == "delay":
                self._send_later(udp, peer, reply, parameters["ms"] / 1000)
            else:
                _send(udp, reply, peer)

    def _serve_tcp(self, connection):
        for _ in range(MAX_TCP_QUERIES):
            (length,) = struct.unpack("!H", connection.read_exactly(2))
            message = connection.read_exactly(length)
            mode, parameters = self._current()
            query = self._read(message, "tcp", connection.peer, mode)
            if mode == "truncate_udp_no_tcp" or query is None:
                connection.reset()
                return
            if mode == "silent":
                connection.hold()
                return
            if mode == "delay":
                connection.hold(parameters["ms"] / 1000)
            reply = self._reply(query, mode, parameters, udp=False)
            connection.send(struct.pack("!H", len(reply)) + reply)

    def _send_later(self, udp, peer, reply, delay_s):
        with self._lock:
            if self._delayed >= MAX_DELAYED:
                return
            self._delayed += 1

        def send():
            with self._lock:
                self._delayed -= 1
            _send(udp, reply, peer)

        timer = threading.Timer(delay_s, send)
        timer.daemon = True
        timer.start()

    # --- messages ------------------------------------------------------------------------------------------------

    def _read(self, message, transport, peer, mode):
        try:
            query = dnswire.parse_query(message)
        except dnswire.WireError as error:
            self._log.add(server=self.name, transport=transport, mode=mode, peer_port=peer[1], error=str(error))
            return None
        self._log.add(server=self.name, transport=transport, mode=mode, peer=peer[0], peer_port=peer[1], id=query.id,
                      flags=query.flags, name=query.name, type=dnswire.type_name(query.qtype), qclass=query.qclass,
                      edns=query.edns_size is not None, edns_size=query.edns_size, edns_options=query.edns_options,
                      do=query.edns_do, size=len(message))
        return query

    def _reply(self, query, mode, parameters, udp):
        rcode = {"servfail": dnswire.SERVFAIL, "refused": dnswire.REFUSED}.get(mode)
        if rcode is not None:
            return dnswire.response(query, rcode)
        if query.opcode != 0:
            return dnswire.response(query, dnswire.NOTIMP)
        if mode == "formerr_on_opt" and query.edns_size is not None:
            return dnswire.response(query, dnswire.FORMERR, edns=False)
        if udp and mode in ("truncate_udp", "truncate_udp_no_tcp"):
            return dnswire.response(query, dnswire.NOERROR, flags=dnswire.TC)
        if mode == "nxdomain":
            return dnswire.response(query, dnswire.NXDOMAIN, authorities=[self._zone.soa()])
        if mode == "lies" and query.qtype == dnswire.TYPES["A"]:
            return dnswire.response(query, 0, [dnswire.record(query.name, "A", 60, parameters["address"])])
        if mode == "big" and query.qtype == dnswire.TYPES["A"]:
            answers = [dnswire.record(query.name, "A", 60, f"198.18.{i // 250 % 250}.{i % 250 + 1}")
                       for i in range(min(int(parameters["records"]), 2000))]
            authorities, rcode = [], 0
        else:
            rcode, answers, authorities = self._zone.lookup(query.name, query.qtype)
        reply = dnswire.response(query, rcode, answers, authorities)
        if udp and len(reply) > max(512, min(query.edns_size or 512, 1232)):
            return dnswire.response(query, rcode, flags=dnswire.TC)
        return reply

    def _forge(self, mode, udp, peer, query, message):
        """What an attacker or a confused middlebox would send; the address in it must never be believed."""
        forged = [dnswire.record(query.name, "A", 60, FORGED_ADDRESS)]
        if mode == "wrong_id":
            _send(udp, dnswire.response(query, 0, forged, ident=query.id ^ 0x5555), peer)
        elif mode == "wrong_question":
            question = dnswire.encode_name("forged.example") + query.question[-4:]
            _send(udp, dnswire.response(query, 0, forged, question=question), peer)
        elif mode == "wrong_source":
            with socket.socket(udp.family, socket.SOCK_DGRAM) as other:
                other.bind((self.address[0], 0))
                _send(other, dnswire.response(query, 0, forged), peer)
        elif mode == "query_back":
            _send(udp, message, peer)
        elif mode == "garbage":
            _send(udp, b"\x00\x01garbage", peer)


def _send(udp, data, peer):
    try:
        udp.sendto(data, peer)
    except OSError:
        pass  # closed meanwhile, or the client's port is gone
