"""The packet rules of DNS, byte by byte: raw datagrams and streams against the resolver alone, with a plan of fixed
addresses and one upstream that the test plays itself. What is expected comes from the RFCs and the contract."""

import random
import re
import select
import socket
import struct
import subprocess
import threading
import unittest
from dataclasses import dataclass, field
from unittest import mock

from host import DNS, NAME, POSTERN, Host
import dig
import dnswire
from dnswire import AA, FORMERR, NOERROR, NOTIMP, NXDOMAIN, QR, RA, RD, REFUSED, TC, WireError, encode_name

AD, CD, Z = 0x0020, 0x0010, 0x0040
DO = 0x8000
BADVERS = 16
IN, CH, HS, CLASS_NONE, CLASS_ANY = 1, 3, 4, 254, 255
NSID, ECS, COOKIE, KEEPALIVE, PADDING, EDE = 3, 8, 10, 11, 12, 15
PUBLIC = "www.name.test"
UPSTREAM = "127.0.0.53"
WAIT_S = 10  # generous: a right answer comes in a millisecond

ADDRESSES = ["10.0.1.23", "10.0.2.23"]
DUAL, DUAL_V4, DUAL_V6 = "dual.cloud.name.test", "10.0.1.23", "fd00::23"  # shares an address with NAME
MANY = "many.cloud.name.test"
MANY_ADDRESSES = [f"10.1.0.{number}" for number in range(1, 65)]  # 64 × 16 bytes: more than 512, less than 1232


# --- messages --------------------------------------------------------------------------------------------------------

@dataclass
class Record:
    name: str
    kind: int
    klass: int
    ttl: int
    data: bytes
    place: int  # of the data, for the names in it that are compressed

    def address(self):
        return socket.inet_ntop(socket.AF_INET if self.kind == 1 else socket.AF_INET6, self.data)


@dataclass
class Message:
    """All of a message, read strictly: a record too many, too few or too short is an error."""

    raw: bytes
    question: bytes = b""
    name: str = ""
    sections: list = field(default_factory=list)

    def __post_init__(self):
        if len(self.raw) < 12:
            raise WireError("shorter than a header")
        self.id, self.flags, questions, *counts = struct.unpack("!6H", self.raw[:12])
        offset = 12
        for _ in range(questions):
            self.name, end = dnswire.decode_name(self.raw, offset)
            if end + 4 > len(self.raw):
                raise WireError("question runs out of the message")
            self.question += self.raw[offset:end + 4]
            offset = end + 4
        for count in counts:
            section = []
            for _ in range(count):
                record, offset = self._record(offset)
                section.append(record)
            self.sections.append(section)
        if offset != len(self.raw):
            raise WireError(f"{len(self.raw) - offset} bytes too many")

    def _record(self, offset):
        name, offset = dnswire.decode_name(self.raw, offset)
        if offset + 10 > len(self.raw):
            raise WireError("record runs out of the message")
        kind, klass, ttl, length = struct.unpack("!HHIH", self.raw[offset:offset + 10])
        data = self.raw[offset + 10:offset + 10 + length]
        if len(data) != length:
            raise WireError("data runs out of the message")
        return Record(name, kind, klass, ttl, data, offset + 10), offset + 10 + length

    @property
    def answer(self):
        return self.sections[0]

    @property
    def authority(self):
        return self.sections[1]

    @property
    def opt(self):
        found = [record for section in self.sections for record in section if record.kind == 41]
        if len(found) > 1:
            raise WireError("two OPT")
        return found[0] if found else None

    @property
    def rcode(self):
        return self.flags & 0xF | ((self.opt.ttl >> 24) << 4 if self.opt else 0)

    @property
    def opcode(self):
        return self.flags >> 11 & 0xF

    def options(self):
        """[(code, data)]"""
        found, data = [], self.opt.data if self.opt else b""
        while data:
            code, length = struct.unpack("!HH", data[:4])
            if len(data) < 4 + length:
                raise WireError("option runs out of the OPT")
            found.append((code, data[4:4 + length]))
            data = data[4 + length:]
        return found

    def ede(self):
        return [struct.unpack("!H", data[:2])[0] for code, data in self.options() if code == EDE]

    def addresses(self):
        return [record.address() for record in self.answer if record.kind in (1, 28)]

    def names(self):
        """What PTR records point to."""
        return [dnswire.decode_name(self.raw, record.place)[0] for record in self.answer if record.kind == 12]


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def opt(size=1232, *options, version=0, flags=0, owner=b"\0"):
    data = b"".join(options)
    return owner + struct.pack("!HHIH", 41, size, version << 16 | flags, len(data)) + data


def wire_query(name=NAME, kind="A", *additional, flags=RD, klass=IN, ident=None, questions=1, tail=b""):
    """`name` may be bytes, as on the wire; `tail` is appended without being counted."""
    ident = random.getrandbits(16) if ident is None else ident
    owner = name if isinstance(name, bytes) else encode_name(name)
    kind = kind if isinstance(kind, int) else dnswire.type_number(kind)
    return (struct.pack("!6H", ident, flags, questions, 0, 0, len(additional)) + owner
            + struct.pack("!HH", kind, klass) + b"".join(additional) + tail)


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


def reverse(address):
    return socket.inet_aton(address)[::-1]


# --- clients ---------------------------------------------------------------------------------------------------------

def udp_socket():
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(WAIT_S)
    client.connect((DNS, 53))
    return client


def ask(packet):
    """The reply to a datagram."""
    with udp_socket() as client:
        client.send(packet)
        return Message(client.recv(65535))


def first_reply(*packets):
    """The first reply to several datagrams from one port; private answers come in the order of the queries."""
    with udp_socket() as client:
        for packet in packets:
            client.send(packet)
        return Message(client.recv(65535))


def tcp_socket():
    client = socket.create_connection((DNS, 53), timeout=WAIT_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read_exactly(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise EOFError(f"closed after {len(data)} of {count} bytes")
        data += more
    return data


def read_frame(client):
    (length,) = struct.unpack("!H", read_exactly(client, 2))
    return Message(read_exactly(client, length))


def ask_tcp(packet):
    with tcp_socket() as client:
        client.sendall(framed(packet))
        return read_frame(client)


# --- the resolver and its upstream -----------------------------------------------------------------------------------

class Upstream:
    """An upstream server on UDP and TCP. `script(query, send)` is called with each query, in a thread of its own for
    each transport, and may call send(bytes) never, at once, later or several times. `query.raw`, `query.transport`."""

    def __init__(self, address=UPSTREAM, script=None):
        self.address = address
        self.script = script or answer_plainly
        self.seen = []
        self._connections, self._threads = [], []
        self._udp = self._tcp = None
        self.open()

    def open(self):
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((self.address, 53))
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind((self.address, 53))
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
            own.shutdown(socket.SHUT_RDWR)  # wakes whoever waits, although UDP complains
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
        cls.resolver = cls.host.start_resolver(*arguments, sockets=cls.sockets)
        cls.host.wait(lambda: ask(wire_query()).addresses() == ADDRESSES, "the plan's addresses")

    def assert_alive(self):
        self.assertIsNone(self.resolver.poll(), self.host.log()[-2000:])
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)
        self.assertEqual(ask_tcp(wire_query()).addresses(), ADDRESSES)


class Header(ResolverTest):
    def test_responses_and_stumps_are_dropped(self):
        """Answering a response could go on for ever between two servers."""
        last = wire_query(ident=0xBEEF)
        whole = wire_query(ident=1)
        for packet in (wire_query(flags=RD | QR, ident=1), *(whole[:length] for length in range(12))):
            with self.subTest(packet.hex()):
                self.assertEqual(first_reply(packet, last).id, 0xBEEF)

    def test_one_question_and_no_other_number(self):
        question = wire_query(ident=7)[12:]
        for count, rest in ((0, b""), (0, question), (2, question * 2), (2, question), (0xFFFF, question)):
            with self.subTest(count=count, length=len(rest)):
                reply = ask(struct.pack("!6H", 7, RD, count, 0, 0, 0) + rest)
                self.assertEqual((reply.id, reply.rcode, reply.answer), (7, FORMERR, []))

    def test_a_header_alone_that_promises_more_is_a_format_error(self):
        for counts in ((1, 0, 0, 0), (1, 0, 0, 1)):
            self.assertEqual(ask(struct.pack("!6H", 7, RD, *counts)).rcode, FORMERR)
        self.assertEqual(ask(wire_query()[:-1]).rcode, FORMERR)
        self.assertEqual(ask(struct.pack("!6H", 7, RD, 1, 0, 0, 2) + wire_query()[12:]).rcode, FORMERR)

    def test_unknown_opcodes(self):
        for opcode in range(1, 16):
            for packet in (wire_query(flags=RD | opcode << 11), wire_query(PUBLIC, "SOA", flags=opcode << 11)):
                reply = ask(packet)
                self.assertEqual((reply.rcode, reply.opcode, reply.answer), (NOTIMP, opcode, []))

    def test_bits_that_come_back_and_those_that_do_not(self):
        """RD and CD are copied; Z is zero; AD is not ours to set, as nothing was validated (RFC 4035, 3.2.3)."""
        for name, own in ((NAME, AA), (PUBLIC, 0), ("localhost", None)):
            for sent in (0, RD, CD, RD | CD, AD, Z, Z | AD | CD | RD):
                with self.subTest(name=name, sent=hex(sent)):
                    reply = ask(wire_query(name, flags=sent | RD if name == PUBLIC else sent))
                    expected = QR | RA | (sent & (RD | CD)) | (RD if name == PUBLIC else 0)
                    mask = 0xFFFF if own is not None else 0xFFFF & ~AA
                    self.assertEqual(reply.flags & mask, expected | (own or 0))

    def test_bits_of_an_answer_in_a_query_mean_nothing(self):
        for sent in (TC, AA, RA, 0x000F, TC | AA | RA | 5):
            for name, addresses in ((NAME, ADDRESSES), (PUBLIC, ["192.0.2.1"])):
                reply = ask(wire_query(name, flags=sent | RD))
                self.assertEqual((reply.addresses(), reply.rcode, reply.flags & TC), (addresses, NOERROR, 0))

    def test_replies_that_are_errors_are_marked_as_ours_as_well(self):
        for packet in (wire_query(flags=RD | 2 << 11), wire_query(klass=CH), wire_query(questions=2)):
            reply = ask(packet)
            self.assertEqual(reply.flags & (QR | AA | TC | Z | AD), QR)


class Edns(ResolverTest):
    def test_no_opt_unless_asked(self):
        for name in (NAME, PUBLIC, "localhost", "nothing.test"):
            self.assertIsNone(ask(wire_query(name)).opt)
            reply = ask(wire_query(name, "A", opt()))
            self.assertEqual((reply.opt.name, reply.opt.ttl >> 16 & 0xFF, len(reply.options())), ("", 0, 0))
            self.assertGreaterEqual(reply.opt.klass, 512)

    def test_unknown_options_and_flags_are_ignored(self):
        packet = opt(1232, option(65002, b"what?"), option(26946), option(0, b"x"), flags=0x7FFF)
        for name in (NAME, PUBLIC):
            reply = ask(wire_query(name, "A", packet))
            self.assertEqual((reply.rcode, reply.options(), reply.opt.ttl), (NOERROR, [], 0))

    def test_do_is_copied(self):
        """RFC 3225, 3: the DO bit of the query MUST be copied in the response."""
        for name in (NAME, PUBLIC, "nothing.test"):
            self.assertEqual(ask(wire_query(name, "A", opt(flags=DO))).opt.ttl & 0xFFFF, DO)
            self.assertEqual(ask(wire_query(name, "A", opt())).opt.ttl & 0xFFFF, 0)

    def test_options_of_others_are_not_echoed(self):
        cookie, subnet = option(COOKIE, b"8 bytes!"), option(ECS, bytes.fromhex("00011800c00002"))
        for sent in (cookie, subnet, option(NSID), option(PADDING, bytes(64)), option(KEEPALIVE)):
            for name in (NAME, PUBLIC):
                reply = ask(wire_query(name, "A", opt(1232, sent)))
                self.assertEqual((reply.rcode, reply.options()), (NOERROR, []), sent.hex())

    def test_other_versions(self):
        for version in (1, 2, 255):
            for name in (NAME, PUBLIC):
                reply = ask(wire_query(name, "A", opt(1232, option(65002, b"x"), version=version, flags=DO)))
                self.assertEqual((reply.rcode, reply.opt.ttl >> 16 & 0xFF, reply.answer), (BADVERS, 0, []))
                self.assertEqual(reply.options(), [])

    def test_two_opt_records(self):
        self.assertEqual(ask(wire_query(NAME, "A", opt(), opt())).rcode, FORMERR)
        other = encode_name("x.test") + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
        self.assertEqual(ask(wire_query(PUBLIC, "A", opt(), other, opt(512))).rcode, FORMERR)

    def test_opt_behind_other_records(self):
        other = encode_name("x.test") + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
        for additional in ((other, opt()), (opt(), other), (b"\xc0\x0c" + other[8:], opt())):
            reply = ask(wire_query(NAME, "A", *additional))
            self.assertEqual((reply.rcode, reply.addresses(), reply.opt is not None), (NOERROR, ADDRESSES, True))

    def test_opt_belongs_to_the_root(self):
        """RFC 6891, 6.1.2: NAME MUST be 0."""
        self.assertEqual(ask(wire_query(NAME, "A", opt(owner=encode_name("x.test")))).rcode, FORMERR)

    def test_damaged_options(self):
        damaged = (b"\0", b"\0\x0a\0", struct.pack("!HH", 65002, 10) + b"xx", struct.pack("!HH", 65002, 0xFFFF),
                   option(65002) + b"\0\0\0")
        for data in damaged:
            for name in (NAME, PUBLIC):
                self.assertEqual(ask(wire_query(name, "A", opt(1232, data))).rcode, FORMERR, data.hex())
        past_the_end = opt()[:-2] + struct.pack("!H", 4)
        self.assertEqual(ask(wire_query(NAME, "A", past_the_end)).rcode, FORMERR)

    def test_sizes(self):
        """Less than 512 is 512 (RFC 6891, 6.2.3); a reply never exceeds what the client takes."""
        for size in (0, 1, 100, 511, 512, 513, 700, 1100, 1232, 4096, 65535):
            with udp_socket() as client:
                client.send(wire_query(MANY, "A", opt(size)))
                raw = client.recv(65535)
            reply = Message(raw)
            self.assertLessEqual(len(raw), max(size, 512))
            self.assertIsNotNone(reply.opt)
            self.assertEqual(bool(reply.flags & TC), len(reply.answer) < 64)
            self.assertEqual(len(reply.answer) == 64, size >= 1100)
            self.assertEqual(ask(wire_query(NAME, "A", opt(size))).addresses(), ADDRESSES)

    def test_sizes_without_edns(self):
        reply = ask(wire_query(MANY))
        self.assertLessEqual(len(reply.raw), 512)
        self.assertTrue(reply.flags & TC)
        for packet in (wire_query(MANY), wire_query(MANY, "A", opt(512))):
            whole = ask_tcp(packet)
            self.assertEqual((whole.flags & TC, whole.addresses()), (0, MANY_ADDRESSES))


class Questions(ResolverTest):
    def test_classes(self):
        for name in ("version.bind", "version.server", "VERSION.Bind"):
            reply = ask(wire_query(name, "TXT", klass=CH))
            self.assertEqual((reply.rcode, len(reply.answer)), (NOERROR, 1))
            self.assertEqual((reply.answer[0].klass, reply.answer[0].data[1:].lower()[:7]), (CH, b"postern"))
        for klass in (0, 2, CH, HS, CLASS_NONE, CLASS_ANY, 65535):
            for name in (NAME, PUBLIC, "localhost"):
                reply = ask(wire_query(name, klass=klass))
                self.assertEqual((reply.rcode, reply.answer), (REFUSED, []), (klass, name))

    def test_the_question_comes_back_byte_for_byte(self):
        """0x20 (draft-vixie-dnsext-dns0x20) counts on it, from the cache as well."""
        choose = random.Random(7)
        for name in (NAME, PUBLIC, "localhost", "a.nothing.test", "version.bind"):
            for _ in range(8):
                mixed = "".join(choose.choice((letter.upper(), letter.lower())) for letter in name)
                packet = wire_query(mixed, "TXT" if name == "version.bind" else "A",
                                    klass=CH if name == "version.bind" else IN)
                self.assertEqual(ask(packet).question, packet[12:])

    def test_any_byte_may_be_in_a_label(self):
        for label in (b"\0", b".", b"a.b", b"\\", b"\xff\xfe", b" ", b"*", b"\x01" * 63):
            owner = bytes([len(label)]) + label + encode_name("odd.test")
            reply = ask(wire_query(owner))
            self.assertEqual((reply.rcode, reply.question[:-4], reply.addresses()), (NOERROR, owner, ["192.0.2.1"]))

    def test_names_at_and_over_the_limit(self):
        longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0"
        self.assertEqual(len(longest), 255)
        self.assertEqual(ask(wire_query(longest)).addresses(), ["192.0.2.1"])
        self.assertEqual(ask(wire_query(b"\x01a" * 125 + b"\x03abc\0")).addresses(), ["192.0.2.1"])
        for name in ((b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"b" * 62 + b"\0", b"\x01a" * 128 + b"\0",
                     (b"\x3f" + b"a" * 63) * 8 + b"\0"):
            self.assertEqual(ask(wire_query(name)).rcode, FORMERR, len(name))

    def test_labels_that_are_none(self):
        for start in (b"\x40a\0", b"\x80a\0", b"\x41\x08\0", b"\xc0\x0c", b"\xc0\x00", b"\xc0\x10", b"\x01a\xc0\x0c",
                      b"\xff\xff", b"\xc0", b"\x05abc"):
            reply = ask(wire_query(start))
            self.assertEqual((reply.rcode, reply.answer), (FORMERR, []), start.hex())

    def test_the_root(self):
        self.assertEqual(ask(wire_query(b"\0", "NS")).rcode, NOERROR)

    def test_bytes_behind_the_message(self):
        """Some servers ignore them, others call it a format error; both are answers."""
        for tail in (b"\0", b"garbage", bytes(400)):
            for name in (NAME, PUBLIC):
                self.assertIn(ask(wire_query(name, tail=tail)).rcode, (NOERROR, FORMERR))


class PrivateNames(ResolverTest):
    def check_soa(self, section):
        (record,) = section
        self.assertEqual((record.kind, record.name), (6, NAME))
        self.assertEqual(record.data[-4:], struct.pack("!I", 5))  # minimum
        return record

    def test_addresses_of_both_families(self):
        self.assertEqual(ask(wire_query(DUAL, "A")).addresses(), [DUAL_V4])
        self.assertEqual(ask(wire_query(DUAL, "AAAA")).addresses(), [DUAL_V6])
        for kind, record in (("A", 1), ("AAAA", 28)):
            for reply in (ask(wire_query(DUAL, kind)), ask_tcp(wire_query(DUAL, kind))):
                self.assertEqual([(answer.name, answer.kind, answer.ttl) for answer in reply.answer],
                                 [(DUAL, record, 10)])
                self.assertTrue(reply.flags & AA)

    def test_every_other_type_is_nodata(self):
        meta = {41, *range(249, 255)}  # OPT, TKEY, TSIG, transfers, MAILA, MAILB: no types of records
        others = set(range(300)) - {1, 6, 255} - meta | {4711, 32768, 65280, 65535}
        for kind in sorted(others):
            with self.subTest(kind):
                reply = ask(wire_query(NAME, kind))
                self.assertEqual((reply.rcode, reply.answer, reply.flags & AA), (NOERROR, [], AA))
                self.assertLessEqual(self.check_soa(reply.authority).ttl, 5)
        for kind in meta:
            self.assertEqual(ask(wire_query(NAME, kind)).answer, [])
        self.assertEqual(self.upstream.queries(NAME), [])

    def test_soa_and_any(self):
        reply = ask(wire_query(NAME, "SOA"))
        self.check_soa(reply.answer)
        self.assertEqual(sorted(ask(wire_query(DUAL, "ANY")).addresses()), [DUAL_V4, DUAL_V6])
        self.assertEqual(ask(wire_query(NAME, "ANY")).addresses(), ADDRESSES)

    def test_reverse_names_are_sorted(self):
        reply = ask(wire_query("23.1.0.10.in-addr.arpa", "PTR"))
        self.assertEqual((reply.names(), bool(reply.flags & AA)), (sorted([NAME, DUAL]), True))
        self.assertEqual(ask(wire_query("23.2.0.10.IN-ADDR.arpa", "PTR")).names(), [NAME])
        six = ".".join(reversed(socket.inet_pton(socket.AF_INET6, DUAL_V6).hex())) + ".ip6.arpa"
        self.assertEqual(ask(wire_query(six, "PTR")).names(), [DUAL])
        self.assertEqual(ask(wire_query("24.1.0.10.in-addr.arpa", "A")).addresses(), ["192.0.2.1"])  # forwarded

    def test_names_around_are_forwarded(self):
        for name in (f"below.{NAME}", f"a.b.{NAME}", "gw.cloud.name.test", "cloud.name.test", f"{NAME}.test",
                     f"x{NAME}", NAME[1:]):
            reply = ask(wire_query(name))
            self.assertEqual((reply.addresses(), reply.flags & AA), (["192.0.2.1"], 0), name)
        odd = b"\x10gw-private.cloud" + encode_name("name.test")  # one label with a dot in it is another name
        self.assertEqual(ask(wire_query(odd)).addresses(), ["192.0.2.1"])


class SpecialNames(ResolverTest):
    def test_localhost(self):
        for name in ("localhost", "LOCALhost", "a.localhost", "a.b.localhost"):
            self.assertEqual(ask(wire_query(name, "A")).addresses(), ["127.0.0.1"], name)
            self.assertEqual(ask(wire_query(name, "AAAA")).addresses(), ["::1"], name)
            reply = ask(wire_query(name, "MX"))
            self.assertEqual((reply.rcode, reply.answer, len(reply.authority)), (NOERROR, [], 1), name)
        self.assertEqual([query.name for query in self.upstream.seen if "localhost" in query.name.lower()], [])

    def test_names_that_only_look_so(self):
        for name in ("localhost.name.test", "notlocalhost.name.test", "invalid.name.test"):
            self.assertEqual(ask(wire_query(name)).addresses(), ["192.0.2.1"])

    def test_invalid_does_not_exist(self):
        for name in ("a.invalid", "A.b.INVALID"):
            for kind in ("A", "AAAA", "TXT"):
                reply = ask(wire_query(name, kind))
                self.assertEqual((reply.rcode, [record.kind for record in reply.authority]), (NXDOMAIN, [6]), name)
        self.assertEqual([query.name for query in self.upstream.seen if query.name.lower().endswith("invalid")], [])

    def test_reverse_of_loopback(self):
        six = "1" + ".0" * 31 + ".ip6.arpa"
        for name in ("1.0.0.127.in-addr.arpa", "1.0.0.127.IN-ADDR.ARPA", six):
            self.assertEqual(ask(wire_query(name, "PTR")).names(), ["localhost"], name)
            self.assertEqual(ask(wire_query(name, "A")).rcode, NOERROR)
        self.assertEqual(ask(wire_query("9.8.7.127.in-addr.arpa", "PTR")).rcode, NXDOMAIN)
        self.assertEqual([query.name for query in self.upstream.seen if query.name.lower().endswith(".arpa")], [])


class Tcp(ResolverTest):
    def test_many_queries_in_one_segment(self):
        names = [NAME, DUAL, PUBLIC, "localhost"]
        packets = [wire_query(names[number % 4], ident=number) for number in range(200)]
        with tcp_socket() as client:
            client.sendall(framed(*packets))
            replies = {reply.id: reply for reply in (read_frame(client) for _ in packets)}
        self.assertEqual(sorted(replies), list(range(200)))
        for number, packet in enumerate(packets):
            self.assertEqual(replies[number].question, packet[12:])
            self.assertEqual(len(replies[number].answer), 2 if number % 4 == 0 else 1)

    def test_one_query_in_many_segments(self):
        with tcp_socket() as client:
            for _ in range(2):
                for byte in framed(wire_query(MANY)):
                    client.send(bytes([byte]))
                self.assertEqual(len(read_frame(client).answer), 64)
            packet = framed(wire_query(), wire_query(DUAL))
            client.send(packet[:len(packet) - 5])
            self.assertEqual(read_frame(client).addresses(), ADDRESSES)
            client.send(packet[-5:])
            self.assertEqual(read_frame(client).addresses(), [DUAL_V4])

    def test_a_slow_answer_holds_up_no_other(self):
        held = []
        self.upstream.script = lambda query, send: held.append((query, send))
        self.addCleanup(setattr, self.upstream, "script", answer_plainly)
        with tcp_socket() as client:
            client.sendall(framed(wire_query("slow.test", ident=1), wire_query(ident=2),
                                  wire_query("localhost", ident=3)))
            self.assertEqual({read_frame(client).id, read_frame(client).id}, {2, 3})
            self.host.wait(lambda: held, "the query at the upstream")
            answer_plainly(*held[0])
            reply = read_frame(client)
            self.assertEqual((reply.id, reply.addresses()), (1, ["192.0.2.1"]))

    def test_half_closed_connections_are_answered(self):
        held = []
        self.upstream.script = lambda query, send: held.append((query, send))
        self.addCleanup(setattr, self.upstream, "script", answer_plainly)
        with tcp_socket() as client:
            client.sendall(framed(*(wire_query(name, ident=number) for number, name in
                                    enumerate((NAME, "half.test", MANY)))))
            client.shutdown(socket.SHUT_WR)
            self.assertEqual({read_frame(client).id, read_frame(client).id}, {0, 2})
            self.host.wait(lambda: held, "the query at the upstream")
            self.assert_alive()  # the end of the stream has been seen as well now
            answer_plainly(*held[0])
            self.assertEqual(read_frame(client).addresses(), ["192.0.2.1"])
            self.assertEqual(client.recv(1), b"")

    def test_frames_that_hold_no_message(self):
        """The connection may end, or the frame be skipped; nobody else notices."""
        for frame in (b"\0\0", b"\0\1x", framed(bytes(11)), framed(wire_query(flags=QR))):
            with tcp_socket() as client:
                client.sendall(frame + framed(wire_query(ident=5)))
                try:
                    self.assertEqual(read_frame(client).id, 5)
                except (EOFError, ConnectionResetError):
                    pass
            self.assert_alive()

    def test_a_frame_may_be_as_long_as_its_length_can_say(self):
        empty = wire_query(NAME, "A", opt(1232, option(PADDING)))
        packet = wire_query(NAME, "A", opt(1232, option(PADDING, bytes(65535 - len(empty)))))
        self.assertEqual(len(packet), 65535)
        self.assertEqual(ask_tcp(packet).addresses(), ADDRESSES)

    def test_more_in_flight_than_one_connection_is_given(self):
        """The rest waits in the socket; all are answered."""
        with tcp_socket() as client:
            load = framed(*(wire_query(f"flight{ident}.test", ident=ident) for ident in range(1000)))
            sender = threading.Thread(target=client.sendall, args=(load,))
            sender.start()
            replies = [read_frame(client) for _ in range(1000)]
            sender.join(WAIT_S)
        self.assertEqual({reply.id for reply in replies}, set(range(1000)))
        self.assertEqual({reply.rcode for reply in replies}, {NOERROR})

    def test_format_errors_do_not_end_the_connection(self):
        with tcp_socket() as client:
            client.sendall(framed(wire_query(questions=2, ident=1), wire_query(ident=2),
                                  wire_query(flags=2 << 11, ident=3)))
            replies = {reply.id: reply.rcode for reply in (read_frame(client) for _ in range(3))}
        self.assertEqual(replies, {1: FORMERR, 2: NOERROR, 3: NOTIMP})

    def test_keepalive(self):
        """RFC 7828: the server's timeout, two bytes, on TCP alone and for those that ask."""
        asked = wire_query(NAME, "A", opt(1232, option(KEEPALIVE)))
        ((code, timeout),) = ask_tcp(asked).options()
        self.assertEqual((code, len(timeout)), (KEEPALIVE, 2))
        self.assertGreater(struct.unpack("!H", timeout)[0], 0)
        self.assertEqual(ask(asked).options(), [])
        self.assertIsNone(ask_tcp(wire_query()).opt)

    def test_a_client_that_never_reads(self):
        """It may be cut or made to wait; it costs the others nothing, and its answers are not piled up."""
        before = self.resident_kib()
        load = framed(*[wire_query(MANY)] * 100)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                client.setsockopt(socket.SOL_SOCKET, buffer, 4096)
            client.connect((DNS, 53))
            client.setblocking(False)
            sent = 0
            while sent < 32 << 20:  # would be 900 MiB of answers
                try:
                    sent += client.send(load[sent % len(load):])
                except BlockingIOError:
                    if not select.select([], [client], [], 0.2)[1]:
                        break  # the resolver no longer reads from it
                except ConnectionError:
                    break
            self.assertLess(sent, 32 << 20)
            self.assert_alive()
            self.assertLess(self.resident_kib() - before, 8 << 10)
        self.assert_alive()

    def resident_kib(self):
        with open(f"/proc/{self.resolver.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def test_a_frame_that_never_ends(self):
        held = []
        for _ in range(20):
            client = tcp_socket()
            self.addCleanup(client.close)
            client.send(b"\xff\xff" + wire_query())
            held.append(client)
        self.assert_alive()


class Clients(ResolverTest):
    """Readers other than ours, whose complaints count."""

    COMPLAINT = r"(?i)warning|malformed|mismatch|bad packet|unexpected|trailing|error:|not match|timed? ?out"
    NAMES = {NAME: set(ADDRESSES), PUBLIC: {"192.0.2.1"}}

    def run_client(self, *command):
        done = self.host.run(*command)
        self.assertNotRegex(done.stdout + done.stderr, self.COMPLAINT, command)
        return done.stdout

    def test_dig(self):
        options = ("+notcp", "+tcp", "+dnssec", "+cookie", "+cookie=0102030405060708", "+subnet=192.0.2.0/24", "+nsid",
                   "+ednsopt=65002:c0ffee", "+ednsflags=0x40", "+bufsize=0", "+zflag", "+noedns", "+adflag",
                   "+noadflag", "+cdflag", "+padding=128", "+tcp +keepalive", "+aaonly", "+tcflag", "+expire",
                   "+norecurse")
        for name, addresses in self.NAMES.items():
            for some in options:
                with self.subTest(name=name, options=some):
                    if (name, some) == (PUBLIC, "+norecurse"):
                        continue  # left to the upstream
                    text = self.run_client("dig", f"@{DNS}", "+tries=1", name, "A", *some.split())
                    got = dig.parse(text)
                    self.assertEqual((got.status, set(got.data)), ("NOERROR", addresses), text)
                    self.assertEqual(got.edns, some != "+noedns")

    def test_dig_with_what_is_refused(self):
        for some, status in (("+header-only", "FORMERR"), ("+opcode=15", "NOTIMP"), ("+opcode=NOTIFY", "NOTIMP"),
                             ("+edns=1 +noednsneg", "BADVERS"), ("-c HS", "REFUSED")):
            for name in self.NAMES:
                done = self.host.run("dig", f"@{DNS}", "+tries=1", name, "A", *some.split())
                self.assertEqual(dig.parse(done.stdout).status, status, done.stdout)

    def test_kdig(self):
        for name, addresses in self.NAMES.items():
            for some in ([], ["+tcp"], ["+dnssec"], ["+cookie"], ["+nsid"], ["+subnet=192.0.2.0/24"], ["+padding=64"],
                         ["+bufsize=512"], ["+tcp", "+keepopen"], ["+alignment=128"], ["+ednsopt=65002:c0ffee"]):
                text = self.run_client("kdig", f"@{DNS}", "+retry=0", name, "A", *some)
                self.assertEqual(set(re.findall(r"^[^;].*\sIN\s+A\s+(\S+)$", text, re.MULTILINE)), addresses, text)

    def test_drill_and_host(self):
        for name, addresses in self.NAMES.items():
            for some in ([], ["-t"], ["-D"]):
                text = self.run_client("drill", *some, name, f"@{DNS}", "A")
                self.assertEqual(set(re.findall(r"^[^;].*\sIN\s+A\s+(\S+)$", text, re.MULTILINE)), addresses, text)
            for some in ([], ["-T"]):
                text = self.run_client("host", *some, name, DNS)
                self.assertEqual(set(re.findall(r"has address (\S+)", text)), addresses, text)
        text = self.run_client("host", DUAL, DNS)
        self.assertIn(f"has IPv6 address {DUAL_V6}", text)
        text = self.run_client("host", DUAL_V4, DNS)
        self.assertEqual(re.findall(r"domain name pointer (\S+)", text), [name + "." for name in sorted([NAME, DUAL])])


class Mutations(ResolverTest):
    """Thousands of damaged packets, the same in each run."""

    SEED, COUNT, BURST = 20261123, 4000, 40

    @staticmethod
    def originals():
        extra = encode_name("x.test") + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
        return [wire_query(), wire_query(PUBLIC), wire_query(NAME, "AAAA", opt()),
                wire_query("a.nothing.test", "TXT", opt(4096)), wire_query("localhost", "ANY"),
                wire_query(MANY, "A", extra, opt(1232, option(COOKIE, b"8 bytes!"), option(ECS, bytes(8)))),
                wire_query("version.bind", "TXT", klass=CH), wire_query("23.1.0.10.in-addr.arpa", "PTR", opt(flags=DO)),
                wire_query(NAME, "SOA", opt(100, option(KEEPALIVE)), flags=RD | CD | AD)]

    @staticmethod
    def damage(packet, choose):
        packet = bytearray(packet)
        for _ in range(choose.choice((1, 1, 2, 4, 16))):
            place = choose.randrange(2, len(packet)) if len(packet) > 2 else 0
            what = choose.randrange(7)
            if what == 0 and packet:
                packet[place % len(packet)] ^= 1 << choose.randrange(8)
            elif what == 1 and packet:
                packet[place % len(packet)] = choose.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF))
            elif what == 2:
                del packet[place:place + choose.randrange(1, 8)]
            elif what == 3:
                packet[place:place] = choose.randbytes(choose.randrange(1, 20))
            elif what == 4:
                packet = packet[:place]
            elif what == 5:
                packet += packet[12:] * choose.randrange(1, 3)
            elif what == 6 and len(packet) > place + 2:
                packet[place:place + 2] = struct.pack("!H", choose.choice((0xC00C, 0xC000, 41, 0xFFFF, 255, 0)))
        return bytes(packet[:4000])

    def check(self, reply, sent):
        """`sent` is the very packet that was damaged; the reply must be sound all the same."""
        message = Message(reply)
        self.assertTrue(message.flags & QR)
        self.assertEqual(message.flags & Z, 0)
        self.assertEqual(message.opcode, sent[2] >> 3 & 0xF)
        self.assertLess(message.rcode, 24)
        self.assertFalse(sent[2] & 0x80, "a response was answered")
        self.assertGreaterEqual(len(sent), 12)
        if message.question and message.rcode in (NOERROR, NXDOMAIN):
            self.assertEqual(message.question, sent[12:12 + len(message.question)])
        message.options()

    def test_datagrams(self):
        choose, originals, sent = random.Random(self.SEED), self.originals(), {}
        answered = 0
        with udp_socket() as client:
            for start in range(0, self.COUNT, self.BURST):
                for ident in range(start, start + self.BURST):
                    packet = self.damage(choose.choice(originals), choose)
                    sent[ident] = struct.pack("!H", ident)[:len(packet)] + packet[2:]
                    client.send(sent[ident])
                client.send(wire_query(ident=0xFFFF))  # behind it the private answers of the burst are in
                while True:
                    reply = client.recv(65535)
                    (ident,) = struct.unpack("!H", reply[:2])
                    if ident == 0xFFFF:
                        break
                    self.assertIn(ident, sent, "answered twice, or never asked")
                    packet = sent.pop(ident)
                    with self.subTest(packet.hex()):
                        self.check(reply, packet)
                        if not opt_in(packet):
                            self.assertLessEqual(len(reply), 512)
                    answered += 1
        self.assertGreater(answered, self.COUNT // 2)
        self.assert_alive()

    def test_frames(self):
        """Each connection takes damaged messages in sound frames, then damaged frames."""
        choose, originals = random.Random(self.SEED + 1), self.originals()
        for _ in range(100):
            packets = [self.damage(choose.choice(originals), choose) for _ in range(10)]
            stream = framed(*packets)
            place = choose.randrange(len(stream))
            with tcp_socket() as client:
                try:
                    client.sendall(framed(*packets))
                    client.sendall(stream[:place] + choose.randbytes(3) + stream[place:])
                    client.shutdown(socket.SHUT_WR)
                    while True:
                        (length,) = struct.unpack("!H", read_exactly(client, 2))
                        Message(read_exactly(client, length))
                except (EOFError, ConnectionError):
                    continue
        self.assert_alive()


def opt_in(packet):
    """Whether there is anything in the packet that could be taken for an OPT record."""
    return b"\0\0\x29" in packet[12:]


if __name__ == "__main__":
    unittest.main()
