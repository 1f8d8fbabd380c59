# SPDX-License-Identifier: Apache-2.0
"""The cases of ISC's EDNS and DNS compliance tester (genreport), each for a private and for a forwarded name, and all
opcodes and damaged OPT records besides. What is right is what BIND answers. Prints a line for each case."""

import unittest
from dataclasses import dataclass

from packets import (AD, BADVERS, CD, COOKIE, DO, ECS, NSID, PUBLIC, Z, ask, ask_tcp, opt, option, wire_query)
from host import NAME
from resolver_kit import ResolverTest
import dnswire
from dnswire import AA, FORMERR, NOERROR, NOTIMP, QR, RA, RD, TC

EXPIRE, UNKNOWN = 9, 100
COOKIE_OPTION = option(COOKIE, bytes(range(1, 9)))
SUBNET = option(ECS, b"\0\1\0\0")
TYPE666, DNSKEY = 666, 48
ALL_FLAGS = AA | TC | RD | RA | Z | AD | CD


@dataclass
class Case:
    name: str
    flags: int = 0
    kind: object = "SOA"
    additional: tuple = ()
    tcp: bool = False
    opcode: int = 0
    header_only: bool = False
    rcode: int = NOERROR

    def query(self, name, recursive):
        flags = self.flags | self.opcode << 11 | (RD if recursive else 0)
        packet = wire_query(name, self.kind, *self.additional, flags=flags)
        return packet[:4] + bytes(8) if self.header_only else packet


def edns(name, size=4096, *options, version=0, edns_flags=0, **more):
    return Case(name, additional=(opt(size, *options, version=version, flags=edns_flags),),
                rcode=BADVERS if version else NOERROR, **more)


CASES = [
    Case("dns"), Case("aa", AA), Case("ad", AD), Case("cd", CD), Case("ra", RA), Case("rd", RD), Case("tc", TC),
    Case("zflag", Z), Case("type666", kind=TYPE666), Case("tcp", tcp=True),
    Case("opcode", opcode=15, header_only=True, rcode=NOTIMP),
    Case("opcodeflg", ALL_FLAGS, opcode=15, header_only=True, rcode=NOTIMP),
    edns("edns"), edns("edns1", version=1), edns("edns@512", 512, edns_flags=DO, kind=DNSKEY),
    edns("ednsopt", 4096, option(UNKNOWN)), edns("edns1opt", 4096, option(UNKNOWN), version=1),
    edns("do", edns_flags=DO), edns("docd", edns_flags=DO, flags=CD), edns("edns1do", version=1, edns_flags=DO),
    edns("ednsflags", edns_flags=0x80),
    edns("optlist", 4096, option(NSID), SUBNET, option(EXPIRE), COOKIE_OPTION),
    edns("ednsnsid", 4096, option(NSID)), edns("ednscookie", 4096, COOKIE_OPTION),
    edns("ednsexpire", 4096, option(EXPIRE)), edns("ednssubnet", 4096, SUBNET),
    edns("edns1nsid", 4096, option(NSID), version=1), edns("edns1cookie", 4096, COOKIE_OPTION, version=1),
    edns("edns1expire", 4096, option(EXPIRE), version=1), edns("edns1subnet", 4096, SUBNET, version=1),
    edns("ednstcp", 512, edns_flags=DO, kind=DNSKEY, tcp=True),
    edns("bind11", 4096, COOKIE_OPTION, edns_flags=DO), edns("dig11", 4096, COOKIE_OPTION, flags=RD | AD),
    # Not of genreport.
    *(Case(f"opcode{number}", opcode=number, rcode=NOTIMP) for number in range(1, 16)),
    *(Case(f"opcode{number}flg", ALL_FLAGS, opcode=number, additional=(opt(flags=DO),), rcode=NOTIMP)
      for number in range(1, 16)),
    edns("edns255", version=255), edns("mbz", edns_flags=0x7FFF),
    Case("allflags", ALL_FLAGS), Case("allflagstcp", ALL_FLAGS, tcp=True),
    Case("twoopt", additional=(opt(), opt()), rcode=FORMERR),
    Case("optcut", additional=(opt(1232, COOKIE_OPTION)[:-3],), rcode=FORMERR),
    Case("optheader", additional=(opt()[:-4],), rcode=FORMERR),
    Case("optrunsover", additional=(opt(1232, option(UNKNOWN, b"12345678")[:-2]),), rcode=FORMERR),
]


def judge(case, query, reply, authoritative):
    """The tags of what is wrong, "ok" if nothing is."""
    wrong = []

    def check(tag, right):
        if not right:
            wrong.append(tag)
    sent = int.from_bytes(query[2:4], "big")
    opts = case.additional
    check("id", reply.raw[:2] == query[:2])
    check("qr", reply.flags & QR)
    check("opcode", reply.opcode == case.opcode)
    check("z", not reply.flags & Z)
    check("tc", not reply.flags & TC)
    check(f"rcode{reply.rcode}", reply.rcode == case.rcode)
    if case.rcode != FORMERR:
        check("noopt" if opts else "opt", (reply.opt is not None) == bool(opts))
    if reply.opt is not None:
        check("version-not-zero", reply.opt.ttl >> 16 & 0xFF == 0)
        check("mbz", not reply.opt.ttl & 0x7FFF)
        if case.rcode != FORMERR:
            check("do", reply.opt.ttl & DO == (int.from_bytes(opts[0][7:9], "big") & DO))
        check("echoed", reply.options() == [])
    if case.opcode:
        for flag, tag in ((AA, "aa"), (RD, "rd"), (RA, "ra"), (AD, "ad"), (CD, "cd")):
            check(tag, not reply.flags & flag)
        check("not-empty", reply.raw[4:10] == bytes(6))
        return ",".join(wrong) or "ok"
    check("ra", reply.flags & RA)
    check("rd", reply.flags & RD == sent & RD)
    check("cd", reply.flags & CD == sent & CD)
    check("ad", not reply.flags & AD)
    check("question", reply.question == query[12:12 + len(reply.question)])
    if case.rcode == NOERROR:
        check("aa", bool(reply.flags & AA) == authoritative)
        check("nosoa", case.kind != "SOA" or [record.kind for record in reply.answer] == [6])
    else:
        check("not-empty", reply.answer == [] and reply.authority == [])
    limit = int.from_bytes(opts[0][3:5], "big") if opts else 512
    check("toobig", case.tcp or len(reply.raw) <= max(limit, 512))
    return ",".join(wrong) or "ok"


def answer_soa(query, send):
    soa = dnswire.record(query.name, "SOA", 30, "ns.test host.test 1 3600 600 86400 30")
    send(dnswire.response(query, 0, [soa], []) if query.qtype == 6 else dnswire.response(query, 0, [], [soa]))


class Compliance(ResolverTest):
    def test_every_case(self):
        self.upstream.script = answer_soa
        bad = []
        for case in CASES:
            results = []
            for name, authoritative in ((NAME, True), (PUBLIC, False)):
                query = case.query(name, recursive=not authoritative)
                reply = ask_tcp(query) if case.tcp else ask(query)
                results.append(judge(case, query, reply, authoritative))
            print(f"{case.name:<12} private {results[0]:<8} forwarded {results[1]}")
            if results != ["ok", "ok"]:
                bad.append((case.name, *results))
        self.assertEqual(bad, [])


if __name__ == "__main__":
    unittest.main()
