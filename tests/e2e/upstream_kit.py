# SPDX-License-Identifier: Apache-2.0
"""Upstream servers played packet by packet: their replies, and the test case that gives the resolver two of them."""

import socket
import struct
import threading

from packets import AD, CD, DO, Message, opt
from resolver_kit import answer_plainly, ResolverTest
import dnswire
from dnswire import NOERROR, QR, RA, RD, encode_name, response

FIRST, SECOND = "127.0.0.53", "127.0.0.54"
TRUTH, LIE = "192.0.2.1", "203.0.113.66"
STALE, STALE_NXDOMAIN, CACHED_ERROR, NO_REACHABLE, NETWORK_ERROR = 3, 19, 13, 22, 23
EXPLAIN = 65001
POINTER = b"\xc0\x0c"  # to the question


def record(kind, data, ttl=60, owner=POINTER, klass=1):
    """One on the wire; `kind` and `owner` as they come."""
    owner = encode_name(owner) if isinstance(owner, str) else owner
    kind = kind if isinstance(kind, int) else dnswire.type_number(kind)
    return owner + struct.pack("!HHIH", kind, klass, ttl, len(data)) + data


def a(address=TRUTH, ttl=60, owner=POINTER):
    return record("A", socket.inet_aton(address), ttl, owner)


def soa(ttl=60, minimum=60, owner="test"):
    names = encode_name("ns.test") + encode_name("host.test")
    return record("SOA", names + struct.pack("!5I", 1, 3600, 600, 86400, minimum), ttl, owner)


def reply(query, *records, rcode=NOERROR, authority=(), additional=(), flags=0, options=(), edns=True, ident=None,
          question=None, questions=1, ad=False):
    """A whole reply with its own OPT where the query had one."""
    additional = list(additional)
    if edns and query.edns_size is not None:
        additional.append(opt(1232, *options, flags=DO if query.edns_do else 0, version=rcode >> 4 << 8))
    head = struct.pack("!6H", query.id if ident is None else ident,
                       QR | RA | query.flags & (RD | CD) | flags | (AD if ad else 0) | rcode & 0xF,
                       questions, len(records), len(authority), len(additional))
    return head + (query.question if question is None else question) + b"".join([*records, *authority, *additional])


def options_of(query):
    """[(code, data)] of the OPT in a query that an upstream has seen."""
    return Message(query.raw).options()


class UpstreamTest(ResolverTest):
    UPSTREAMS = [FIRST, SECOND]

    def setUp(self):
        for upstream in self.upstreams.values():
            upstream.script = answer_plainly
        self.name = self.id().rpartition(".")[2].replace("_", "-")[:60] + ".test"

    def script(self, script):
        for upstream in self.upstreams.values():
            upstream.script = script

    def queries(self, name=None):
        """What all upstreams have seen of a name, in the order of time."""
        return [query for upstream in self.upstreams.values() for query in upstream.queries(name or self.name)]

    def in_turns(self, *scripts):
        """The n-th query for a name is answered by the n-th script; the last one stays."""
        lock, seen = threading.Lock(), {}

        def script(query, send):
            with lock:
                turn = seen[query.name] = seen.get(query.name, -1) + 1
            scripts[min(turn, len(scripts) - 1)](query, send)
        self.script(script)


def silent(_query, _send):
    pass


def fails(rcode):
    return lambda query, send: send(response(query, rcode))
