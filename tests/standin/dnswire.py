# SPDX-License-Identifier: Apache-2.0
"""DNS messages on the wire (RFC 1035, EDNS RFC 6891): as much as an upstream stand-in and test clients need.

No name compression is written: every reader must accept that, and it keeps the bytes easy to follow.
"""

import ipaddress
import struct
from dataclasses import dataclass, field

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "OPT": 41,
         "SVCB": 64, "HTTPS": 65, "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
MAX_LABELS = 128


class WireError(Exception):
    """Not a DNS message that can be understood."""


def type_name(number):
    return TYPE_NAMES.get(number, f"TYPE{number}")


def type_number(name):
    name = name.upper()
    return TYPES[name] if name in TYPES else int(name.removeprefix("TYPE"))


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split(".") if name.rstrip(".") else []:
        raw = label.encode("latin-1")
        if not 1 <= len(raw) <= 63:
            raise ValueError(f"bad label in {name!r}")
        out += bytes([len(raw)]) + raw
    return out + b"\0"


def decode_name(message, offset):
    """(name without the last dot, offset behind it). Follows compression, boundedly."""
    labels, end = [], None
    for _ in range(MAX_LABELS):
        if offset >= len(message):
            raise WireError("name runs out of the message")
        length = message[offset]
        if length & 0xC0 == 0xC0:
            if offset + 1 >= len(message):
                raise WireError("name runs out of the message")
            end = offset + 2 if end is None else end
            offset = (length & 0x3F) << 8 | message[offset + 1]
        elif length == 0:
            return ".".join(labels), offset + 1 if end is None else end
        else:
            label = message[offset + 1:offset + 1 + length]
            if len(label) != length or length > 63:
                raise WireError("name runs out of the message")
            labels.append(label.decode("latin-1"))
            offset += 1 + length
    raise WireError("name is a loop")


def encode_rdata(kind, text):
    """Record data from its presentation: '1.2.3.4', 'host.example', '10 mail.example', ..."""
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(text).packed
    if kind in ("NS", "CNAME", "PTR"):
        return encode_name(text)
    parts = text.split()
    if kind == "MX":
        return struct.pack("!H", int(parts[0])) + encode_name(parts[1])
    if kind == "SRV":
        return struct.pack("!HHH", *map(int, parts[:3])) + encode_name(parts[3])
    if kind == "SOA":
        return encode_name(parts[0]) + encode_name(parts[1]) + struct.pack("!IIIII", *map(int, parts[2:7]))
    if kind == "TXT":
        raw = text.encode()
        return b"".join(bytes([len(raw[i:i + 255])]) + raw[i:i + 255] for i in range(0, len(raw) or 1, 255))
    return bytes.fromhex(text)


def record(name, kind, ttl, text):
    data = encode_rdata(kind, text)
    return encode_name(name) + struct.pack("!HHIH", type_number(kind), 1, ttl, len(data)) + data


@dataclass
class Query:
    id: int
    flags: int
    name: str
    qtype: int
    qclass: int
    question: bytes  # as sent, case kept
    edns_size: int = None
    edns_options: list = field(default_factory=list)
    edns_do: bool = False

    @property
    def opcode(self):
        return self.flags >> 11 & 0xF


def parse_query(message):
    if len(message) < 12:
        raise WireError("shorter than a header")
    ident, flags, questions, answers, authorities, additionals = struct.unpack("!6H", message[:12])
    if questions != 1:
        raise WireError("not exactly one question")
    name, offset = decode_name(message, 12)
    if offset + 4 > len(message):
        raise WireError("question runs out of the message")
    qtype, qclass = struct.unpack("!HH", message[offset:offset + 4])
    query = Query(ident, flags, name, qtype, qclass, message[12:offset + 4])
    offset += 4
    for _ in range(min(answers + authorities + additionals, 64)):
        _, offset = decode_name(message, offset)
        if offset + 10 > len(message):
            raise WireError("record runs out of the message")
        kind, size, ttl, length = struct.unpack("!HHIH", message[offset:offset + 10])
        data = message[offset + 10:offset + 10 + length]
        offset += 10 + length
        if kind == TYPES["OPT"]:
            query.edns_size, query.edns_do = size, bool(ttl & 0x8000)
            query.edns_options = _option_codes(data)
    return query


def _option_codes(data):
    codes, offset = [], 0
    while offset + 4 <= len(data):
        code, length = struct.unpack("!HH", data[offset:offset + 4])
        codes.append(code)
        offset += 4 + length
    return codes


def response(query, rcode, answers=(), authorities=(), *, flags=0, edns=True, ident=None, question=None):
    """A reply; the records come as bytes. `edns`: an OPT record if the query had one."""
    opt = b""
    if edns and query.edns_size is not None:
        opt = b"\0" + struct.pack("!HHIH", TYPES["OPT"], 1232, 0, 0)
    head = struct.pack("!6H", query.id if ident is None else ident,
                       QR | RA | (query.flags & (RD | 0x7800)) | flags | rcode,
                       1, len(answers), len(authorities), 1 if opt else 0)
    return head + (query.question if question is None else question) + b"".join(answers) + b"".join(authorities) + opt


def query_message(ident, name, kind, *, edns_size=None, flags=RD):
    opt = b"" if edns_size is None else b"\0" + struct.pack("!HHIH", TYPES["OPT"], edns_size, 0, 0)
    return (struct.pack("!6H", ident, flags, 1, 0, 0, 1 if opt else 0) + encode_name(name)
            + struct.pack("!HH", type_number(kind), 1) + opt)
