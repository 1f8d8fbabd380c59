# SPDX-License-Identifier: Apache-2.0
"""What the resolver keeps of an upstream's answers and for how long, and what it passes on unchanged."""

import struct
import unittest

from host import NAME
from packets import AD, CD, COOKIE, DO, ECS, ask, ask_tcp, opt, option, wire_query
from resolver_kit import answer_plainly
from upstream_kit import EXPLAIN, LIE, POINTER, TRUTH, a, options_of, record, reply, soa, UpstreamTest
import dnswire
from dnswire import AA, NOERROR, NXDOMAIN, QR, RA, RD, SERVFAIL, TC, encode_name


class Caching(UpstreamTest):
    def asked(self, *packets):
        """How many queries reach the upstreams for these."""
        for packet in packets:
            ask(packet)
        return len(self.queries())

    def twice(self, kind="A"):
        return self.asked(wire_query(self.name, kind), wire_query(self.name.upper(), kind))

    def test_answers(self):
        self.assertEqual(self.twice(), 1)
        got = ask(wire_query(self.name))
        self.assertTrue(55 <= got.answer[0].ttl <= 60)
        self.assertEqual(self.asked(wire_query(self.name, "AAAA")), 2)

    def test_negative_answers_live_as_long_as_the_soa_says(self):
        """RFC 2308, 5: the lesser of the SOA's TTL and its minimum."""
        for rcode in (NXDOMAIN, NOERROR):
            for ttl, minimum in ((60, 7), (7, 60)):
                name = f"negative{rcode}x{ttl}.test"
                self.script(lambda query, send, rcode=rcode, ttl=ttl, minimum=minimum:
                            send(reply(query, rcode=rcode, authority=[soa(ttl, minimum)])))
                for _ in range(2):
                    got = ask(wire_query(name))
                    self.assertEqual((got.rcode, got.answer, got.authority[0].kind), (rcode, [], 6))
                self.assertLessEqual(got.authority[0].ttl, 7)
                self.assertEqual(len(self.queries(name)), 1)

    def test_negative_answers_without_soa_are_not_kept(self):
        """RFC 2308, 5: they SHOULD NOT be cached."""
        for rcode in (NXDOMAIN, NOERROR):
            name = f"nosoa{rcode}.test"
            self.script(lambda query, send, rcode=rcode: send(reply(query, rcode=rcode)))
            for _ in range(2):
                self.assertEqual(ask(wire_query(name)).rcode, rcode)
            self.assertEqual(len(self.queries(name)), 2)

    def test_negative_answers_with_minimum_0_are_not_kept(self):
        self.script(lambda query, send: send(reply(query, rcode=NXDOMAIN, authority=[soa(60, 0)])))
        self.assertEqual(self.twice(), 2)

    def test_an_alias_of_nothing(self):
        """RFC 2308, 2.1: NXDOMAIN is about the end of the chain, and the chain is part of the answer."""
        alias = record("CNAME", encode_name("end.test"))
        self.script(lambda query, send: send(reply(query, alias, rcode=NXDOMAIN, authority=[soa(60, 7)])))
        for _ in range(2):
            got = ask(wire_query(self.name))
            self.assertEqual((got.rcode, len(got.answer), got.answer[0].kind), (NXDOMAIN, 1, 5))
        self.assertLessEqual(got.authority[0].ttl, 7)

    def test_nxdomain_cuts_nothing_below(self):
        """Without validation RFC 8020 would let one forged answer take a whole tree."""
        self.script(lambda query, send: send(reply(query, rcode=NXDOMAIN, authority=[soa()])))
        self.assertEqual(ask(wire_query(self.name)).rcode, NXDOMAIN)
        self.script(answer_plainly)
        self.assertEqual(ask(wire_query("below." + self.name)).addresses(), [TRUTH])

    def test_a_referral_is_no_answer_to_keep(self):
        servers = record("NS", encode_name("ns.test"), owner="test")
        self.script(lambda query, send: send(reply(query, authority=[servers])))
        self.assertGreaterEqual(self.twice(), 2)

    def test_ttl_0_is_for_this_question_only(self):
        self.script(lambda query, send: send(reply(query, a(ttl=0))))
        self.assertEqual(self.twice(), 2)

    def test_the_smallest_ttl_counts(self):
        alias = record("CNAME", encode_name("c.test"), ttl=0)
        self.script(lambda query, send: send(reply(query, alias, a(owner="c.test"))))
        self.assertEqual(self.twice(), 2)

    def test_ttl_with_the_top_bit_is_0(self):
        """RFC 2181, 8."""
        self.script(lambda query, send: send(reply(query, a(ttl=0x80000001))))
        self.assertEqual(self.twice(), 2)

    def test_ttls_are_capped(self):
        self.script(lambda query, send: send(reply(query, a(ttl=0x7FFFFFFF))))
        self.assertEqual(self.twice(), 1)
        self.assertLessEqual(ask(wire_query(self.name)).answer[0].ttl, 7 * 86400)

    def test_any_answers_no_other_type(self):
        self.script(lambda query, send: send(reply(query, a(LIE))))
        self.assertEqual(ask(wire_query(self.name, "ANY")).addresses(), [LIE])
        self.script(answer_plainly)
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])

    def test_errors_are_not_kept_as_answers(self):
        self.script(lambda query, send: send(reply(query, a(LIE), rcode=SERVFAIL)))
        self.assertEqual(ask(wire_query(self.name)).rcode, SERVFAIL)
        self.assertEqual(ask(wire_query(self.name)).rcode, SERVFAIL)


class AdOfPlainUpstreams(UpstreamTest):
    def test_is_not_handed_on(self):
        """Anybody on the way can set it; a client that asks by AD or DO must not take it for a validation of ours."""
        self.script(lambda query, send: send(reply(query, a(), ad=True)))
        for _ in range(2):
            for flags, extra in ((RD, []), (RD | AD, []), (RD, [opt(flags=DO)])):
                got = ask(wire_query(f"ad{flags}.test", "A", *extra, flags=flags))
                self.assertEqual((got.addresses(), got.flags & AD), ([TRUTH], 0), (flags, extra))


class PassedOn(UpstreamTest):
    CONFIG = {"trust_ad": True}

    def test_do_and_cd_are_passed_and_kept_apart(self):
        packets = [wire_query(self.name, "A", *extra, flags=flags)
                   for extra in ([opt()], [opt(flags=DO)]) for flags in (RD, RD | CD)]
        for _ in range(2):
            for packet in packets:
                ask(packet)
        self.assertEqual(sorted((query.edns_do, bool(query.flags & CD)) for query in self.queries()),
                         [(False, False), (False, True), (True, False), (True, True)])

    def test_ad_of_the_upstream(self):
        """RFC 6840, 5.7 and 5.8: for those who ask by AD or DO, from the cache as well; AA is never ours to give."""
        self.script(lambda query, send: send(reply(query, a(), ad=True, flags=AA)))
        for _ in range(2):
            for flags, extra in ((RD | AD, []), (RD, [opt(flags=DO)])):
                got = ask(wire_query(f"ad{flags}.test", "A", *extra, flags=flags))
                self.assertEqual(got.flags & (AD | AA), AD, (flags, extra))

    def test_ad_from_the_cache_whoever_asked_first(self):
        self.script(lambda query, send: send(reply(query, a(), ad=bool(query.flags & AD or query.edns_do))))
        for order in ((RD, RD | AD), (RD | AD, RD)):
            for flags in order:
                got = ask(wire_query(f"order{order[0]}.test", flags=flags))
                self.assertEqual(got.flags & AD, flags & AD, (order, flags))

    def test_unknown_types_are_not_touched(self):
        """RFC 3597; the data looks like compression pointers, and is none."""
        data = b"\xc0\x0c\xc0\x00\xff" + bytes(range(256))
        self.script(lambda query, send: send(reply(query, record(query.qtype, data))))
        for kind in (65280, 64000, 260, 99):
            for _ in range(2):
                got = ask(wire_query(self.name, kind, opt()))
                self.assertEqual([(answer.kind, answer.data) for answer in got.answer], [(kind, data)])

    def test_compressed_names_still_mean_the_same(self):
        def script(query, send):
            end = 12 + len(query.question)
            send(reply(query, record("MX", struct.pack("!H", 10) + b"\4mail" + POINTER),
                       additional=[a(owner=struct.pack("!H", 0xC000 | end + 14))]))
        self.script(script)
        for packet in (wire_query(self.name, "MX"), wire_query(self.name.upper(), "MX", opt(4096))):
            for got in (ask(packet), ask_tcp(packet)):
                exchange, _ = dnswire.decode_name(got.raw, got.answer[0].place + 2)
                self.assertEqual(exchange.lower(), "mail." + self.name)

    def test_extended_errors_are_handed_on_and_no_other_option(self):
        """RFC 8914, 2: a forwarder may; it is the only word about what went wrong."""
        def script(query, send):
            cookie = dict(options_of(query)).get(COOKIE, b"")
            own = [option(COOKIE, cookie[:8] + b"server..")] if cookie else []
            send(reply(query, a(), options=[*own, option(15, b"\0\x04bogus"), option(3, b"name"), option(EXPLAIN, b"x"),
                                            option(ECS, bytes.fromhex("00011800c00002")), option(65002, b"u")]))
        self.script(script)
        for _ in range(2):
            got = ask(wire_query(self.name, "A", opt(1232, option(3))))
            self.assertEqual((got.addresses(), got.options()), ([TRUTH], [(15, b"\0\x04bogus")]))
            self.assertIsNone(ask(wire_query(self.name)).opt)

    def test_options_of_the_client_stay_here(self):
        sent = [option(COOKIE, b"clients!"), option(EXPLAIN), option(65002, b"x"), option(11)]
        ask(wire_query(self.name, "A", opt(1232, *sent)))
        ask_tcp(wire_query("tcp" + self.name, "A", opt(1232, *sent)))
        for query in self.queries() + self.queries("tcp" + self.name):
            codes = dict(options_of(query))
            self.assertNotIn(EXPLAIN, codes)
            self.assertNotIn(65002, codes)
            self.assertNotIn(11, codes)
            self.assertNotEqual(codes.get(COOKIE, b"")[:8], b"clients!")

    def test_private_names_stay_here(self):
        for kind in ("A", "AAAA", "TXT", "ANY", "SOA"):
            ask(wire_query(NAME.upper(), kind))
        self.assertEqual(self.queries(NAME), [])

    def test_upstreams_are_asked_properly(self):
        """RD, one question, QR=0, no bits of the client but CD and AD; 1232 at most for a server beyond the host."""
        ask(wire_query(self.name, flags=RD | TC | AA | RA | 0x40, ident=0x1234))
        (query,) = self.queries()
        self.assertEqual(query.flags & (QR | AA | TC | RA | RD | 0x40 | 0xF), RD)
        self.assertGreaterEqual(query.edns_size or 512, 512)


if __name__ == "__main__":
    unittest.main()
