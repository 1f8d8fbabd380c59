# SPDX-License-Identifier: Apache-2.0
"""DNS messages byte by byte, as clients send and read them: raw datagrams and streams to the resolver."""

import random
import socket
import struct
from dataclasses import dataclass, field

from host import DNS, NAME
import dnswire
from dnswire import RD, WireError, encode_name

AD, CD, Z = 0x0020, 0x0010, 0x0040
DO = 0x8000
BADVERS = 16
IN, CH, HS, CLASS_NONE, CLASS_ANY = 1, 3, 4, 254, 255
NSID, ECS, COOKIE, KEEPALIVE, PADDING, EDE = 3, 8, 10, 11, 12, 15
PUBLIC = "www.name.test"
WAIT_S = 10  # generous: a right answer comes in a millisecond


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


def opt_in(packet):
    """Whether there is anything in the packet that could be taken for an OPT record."""
    return b"\0\0\x29" in packet[12:]
