# SPDX-License-Identifier: Apache-2.0
"""Forged and damaged replies, and their effect on clients and on the cache."""

import socket
import struct
import unittest

from host import DEADLINE_S, DNS, NAME
from packets import COOKIE, ask, opt, option, wire_query
from resolver_kit import ADDRESSES, answer_plainly
from upstream_kit import FIRST, LIE, POINTER, TRUTH, a, options_of, record, reply, UpstreamTest
from dnswire import NOERROR, RD, SERVFAIL, TC, encode_name


class Forgeries(UpstreamTest):
    """A forged reply comes first, the right one behind it: no client may ever see the address of the forgery."""

    def forgeries(self, query):
        lie, other = a(LIE), encode_name("other.test")
        whole = reply(query, lie)
        yield "another ID", reply(query, lie, ident=query.id ^ 0x0101)
        yield "another name", reply(query, a(LIE, owner=other), question=other + query.question[-4:])
        yield "another type", reply(query, lie, question=query.question[:-4] + struct.pack("!HH", 28, 1))
        yield "another class", reply(query, lie, question=query.question[:-4] + struct.pack("!HH", 1, 3))
        yield "a name below", reply(query, lie, question=b"\1x" + query.question)
        yield "another opcode", whole[:2] + bytes([whole[2] | 0x20]) + whole[3:]
        yield "QR=0", struct.pack("!HH", query.id, RD) + whole[4:]
        yield "the query itself", query.raw
        yield "two questions", reply(query, lie, question=query.question * 2, questions=2)
        yield "no question", reply(query, a(LIE, owner=query.question[:-4]), question=b"", questions=0)
        yield "no question, an error", reply(query, question=b"", questions=0, rcode=SERVFAIL, edns=False)[:12]
        yield "nothing", b""
        yield "junk", b"\x00\x01garbage"
        yield "a stump", struct.pack("!H", query.id)
        yield "junk with the ID", struct.pack("!H", query.id) + b"\xff" * 40
        yield "the header alone", whole[:12]

    def test_forged_first(self):
        for number in range(16):
            what = []

            def script(query, send, number=number, what=what):
                label, forged = list(self.forgeries(query))[number]
                what.append(label)
                send(forged)
                send(reply(query, a()))
            self.script(script)
            got = ask(wire_query(f"forged{number}.test", "A", opt()))
            with self.subTest(what):
                self.assertEqual((got.rcode, got.addresses()), (NOERROR, [TRUTH]))

    def test_from_another_address_or_port(self):
        def script(query, send):
            for address, port in ((FIRST, 0), ("127.0.0.99", 53), ("127.0.0.99", 0)):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    other.bind((address, port))
                    other.sendto(reply(query, a(LIE)), query.peer)
            send(reply(query, a()))
        self.script(script)
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])

    def test_guessed_ids(self):
        """A birthday attack within one port: the right answer comes last and wins."""
        def script(query, send):
            for guess in range(2000):
                if guess != query.id:
                    send(reply(query, a(LIE), ident=guess))
            send(reply(query, a()))
        self.script(script)
        self.assertIn(ask(wire_query(self.name)).addresses(), ([TRUTH], []))  # a full buffer may lose the last one


    def test_forged_first_over_tcp(self):
        def script(query, send):
            if query.transport == "udp":
                return send(reply(query, flags=TC))
            send(reply(query, a(LIE), ident=query.id ^ 1))
            send(reply(query, a(LIE), question=encode_name("other.test") + query.question[-4:]))
            return send(reply(query, a()))
        self.script(script)
        for number in range(3):
            self.assertEqual(ask(wire_query(f"tcp{number}.test")).addresses(), [TRUTH])

    def test_a_server_may_change_the_case_of_the_question(self):
        """It is the same name; and our client gets its own back."""
        for change in (bytes.lower, bytes.upper):
            self.script(lambda query, send, change=change: send(
                reply(query, a(), question=change(query.question[:-4]) + query.question[-4:])))
            packet = wire_query(f"Case-{change.__name__}.Test")
            got = ask(packet)
            self.assertEqual((got.addresses(), got.question), ([TRUTH], packet[12:]))


class Damaged(UpstreamTest):
    """ID and question are right, and the rest is not. The next try gets a sound answer."""

    def damages(self, query):
        good = reply(query, a(LIE), edns=False)
        end = len(query.question) + 12
        yield "cut in the record", good[:-2]
        yield "cut in the record's head", good[:end + 6]
        yield "cut before the record", good[:end]
        too_long = POINTER + struct.pack("!HHIH", 1, 1, 60, 400) + b"abcd"
        yield "data longer than the message", reply(query, too_long, edns=False)
        first, second, forward = (a(LIE, owner=struct.pack("!H", 0xC000 | end + more)) for more in (0, 16, 200))
        yield "an owner that points to itself", reply(query, first, edns=False)
        yield "two owners that point to each other", reply(query, second, first, edns=False)
        yield "an owner that points forward", reply(query, forward, edns=False)
        yield "an owner that points past the end", reply(query, a(LIE, owner=b"\xff\xff"), edns=False)
        yield "an owner of a strange label", reply(query, a(LIE, owner=b"\x41x\0"), edns=False)
        yield "an A record of 3 bytes", reply(query, record("A", b"abc"), edns=False)
        yield "a CNAME that is a loop", reply(query, record("CNAME", struct.pack("!H", 0xC000 | end + 12)), edns=False)
        yield "65,535 records promised", good[:6] + b"\xff\xff" + good[8:]

    def test_never_handed_on(self):
        for number in range(12):
            name, what = f"damaged{number}.test", []

            def broken(query, send, number=number, what=what):
                label, damaged = list(self.damages(query))[number]
                what.append(label)
                send(damaged)
            self.in_turns(broken, answer_plainly)
            got = ask(wire_query(name, "A", opt()))  # Message reads it strictly
            with self.subTest(what):
                self.assertEqual((got.rcode, got.addresses()), (NOERROR, [TRUTH]))

    def test_records_of_another_name_are_not_kept(self):
        """Neither for the one name nor for the other."""
        self.script(lambda query, send: send(reply(query, a(LIE, owner="victim.test"))))
        ask(wire_query(self.name))
        self.script(answer_plainly)
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])
        self.assertEqual(ask(wire_query("victim.test")).addresses(), [TRUTH])

    def test_additional_and_authority_are_not_believed(self):
        self.script(lambda query, send: send(reply(
            query, a(), authority=[record("NS", encode_name("ns.victim2.test"), owner="victim2.test")],
            additional=[a(LIE, owner="ns.victim2.test"), a(LIE, owner=NAME)])))
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])
        self.script(answer_plainly)
        self.assertEqual(ask(wire_query("ns.victim2.test")).addresses(), [TRUTH])
        self.assertEqual(ask(wire_query("victim2.test", "NS")).answer, [])
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)

    def test_cname_loops(self):
        there = record("CNAME", encode_name("b.loop.test"))
        back = record("CNAME", encode_name("a.loop.test"), owner="b.loop.test")
        self.script(lambda query, send: send(reply(query, there, back)))
        for _ in range(2):
            self.assertIn(ask(wire_query("a.loop.test")).rcode, (NOERROR, SERVFAIL))
        self.script(lambda query, send: send(reply(query, record("CNAME", POINTER))))
        self.assertIn(ask(wire_query("self.loop.test")).rcode, (NOERROR, SERVFAIL))
        self.assert_alive()

    def test_a_chain_is_handed_on_whole(self):
        chain = [record("CNAME", encode_name("c1.test"))]
        chain += [record("CNAME", encode_name(f"c{number + 1}.test"), owner=f"c{number}.test")
                  for number in range(1, 8)]
        self.script(lambda query, send: send(reply(query, *chain, a(owner="c8.test"))))
        for _ in range(2):  # fresh, then cached
            got = ask(wire_query(self.name, "A", opt()))
            self.assertEqual((len(got.answer), got.addresses()), (9, [TRUTH]))


class Cookies(UpstreamTest):
    def test_kept_per_upstream(self):
        """RFC 7873: a client cookie for each server, its server cookie with the next query."""
        def script(query, send):
            cookie = dict(options_of(query)).get(COOKIE, b"")
            server = query.server.address.encode().ljust(16, b"\0")
            rcode = SERVFAIL if query.server is self.upstream and "odd" in query.name else NOERROR  # both get some
            send(reply(query, a(), rcode=rcode, options=[option(COOKIE, cookie[:8] + server)] if cookie else []))
        self.script(script)
        cookies = {address: [] for address in self.upstreams}
        for number in range(30):
            name = f"cookie{number}.{'odd' if number % 2 else 'even'}.test"
            self.assertEqual(ask(wire_query(name, "A", opt())).options(), [])
            for query in self.queries(name):
                cookies[query.server.address].append(dict(options_of(query)).get(COOKIE))
        for address, found in cookies.items():
            self.assertGreater(len(found), 1)
            self.assertNotIn(None, found, "no client cookie")
            self.assertEqual(len({cookie[:8] for cookie in found}), 1)
            self.assertEqual(found[-1][8:], address.encode().ljust(16, b"\0"))
        self.assertEqual(len({found[-1][:8] for found in cookies.values()}), 2)

    def test_another_client_cookie_is_a_forgery(self):
        def script(query, send):
            cookie = dict(options_of(query)).get(COOKIE, b"")
            if cookie:
                send(reply(query, a(LIE), options=[option(COOKIE, bytes(8) + b"server..")]))
            send(reply(query, a(), options=[option(COOKIE, cookie[:8] + b"server..")] if cookie else []))
        self.script(script)
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])

    def test_badcookie_is_asked_again(self):
        def script(query, send):
            cookie = dict(options_of(query)).get(COOKIE, b"")
            if cookie[8:] == b"renewed!" or not cookie:
                send(reply(query, a(), options=[option(COOKIE, cookie)] if cookie else []))
            else:
                send(reply(query, rcode=23, options=[option(COOKIE, cookie[:8] + b"renewed!")]))
        self.script(script)
        got = ask(wire_query(self.name, "A", opt()))
        self.assertEqual((got.rcode, got.addresses()), (NOERROR, [TRUTH]))


class OwnAddress(UpstreamTest):
    """No plan names us, and where no plan counts the fallback may."""

    UPSTREAMS = [FIRST]

    def test_is_never_asked(self):
        self.host.write_config(dns={"upstreams": [f"{DNS}:53", FIRST]})
        done = self.host.postern("plan", "compile", "--out", f"{self.host.folder}/refused")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, rf"dns\.upstreams: {DNS}")

        self.resolver.terminate()
        self.assertEqual(self.resolver.wait(DEADLINE_S), 0)
        fallback = self.host.write_file("fallback", f"listen {DNS}:53\nupstream {DNS}:53\nupstream {FIRST}:53\n")
        self.host.start_resolver("--plan", f"{self.host.folder}/none", "--fallback", fallback, sockets=self.sockets)
        self.host.wait(lambda: ask(wire_query("ready.test")).addresses() == [TRUTH], "the fallback upstream")
        for number in range(10):
            self.assertEqual(ask(wire_query(f"own{number}.test")).addresses(), [TRUTH])
        self.assertEqual(len([query for query in self.upstream.seen if query.name.startswith("own")]), 10)


if __name__ == "__main__":
    unittest.main()
