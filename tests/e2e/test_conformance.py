# SPDX-License-Identifier: Apache-2.0
"""The packet rules of DNS, byte by byte: raw datagrams and streams against the resolver alone, with a plan of fixed
addresses and one upstream that the test plays itself. What is expected comes from the RFCs and the contract."""

import random
import re
import socket
import struct
import unittest

from host import DNS, NAME
from packets import (AD, BADVERS, CD, CH, CLASS_ANY, CLASS_NONE, COOKIE, DO, ECS, HS, IN, KEEPALIVE, NSID, PADDING,
                     PUBLIC, Z, ask, ask_tcp, first_reply, Message, opt, option, udp_socket, wire_query)
from resolver_kit import ADDRESSES, DUAL, DUAL_V4, DUAL_V6, MANY, MANY_ADDRESSES, ResolverTest
import dig
from dnswire import AA, FORMERR, NOERROR, NOTIMP, NXDOMAIN, QR, RA, RD, REFUSED, TC, encode_name


class Header(ResolverTest):
    def test_responses_and_stumps_are_dropped(self):
        """Answering a response could loop between two servers."""
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
                self.assertEqual((reply.flags, reply.raw[4:]), (QR | opcode << 11 | NOTIMP, bytes(8)))

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


class Clients(ResolverTest):
    """Independent parsers: their errors are failures."""

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


if __name__ == "__main__":
    unittest.main()
