"""Upstream servers that are dead, slow, broken or hostile, played by the test packet by packet, and what the resolver
makes of them: for its clients and for its cache. What is expected comes from the RFCs and the contract."""

import socket
import struct
import threading
import time
import unittest

from host import DNS, NAME, DEADLINE_S
import dnswire
from dnswire import AA, FORMERR, NOERROR, NXDOMAIN, QR, RA, RD, REFUSED, SERVFAIL, TC, encode_name, response
from test_conformance import (AD, ADDRESSES, CD, COOKIE, DO, ECS, Message, ResolverTest, answer_plainly, ask, ask_tcp,
                              framed, opt, option, read_frame, tcp_socket, udp_socket, wire_query)

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
    """A whole reply with an OPT of its own where the query had one."""
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
        """The first query for a name is met by the first script, and so on; the last one stays."""
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


class Failover(UpstreamTest):
    def test_an_error_of_one_server_is_no_answer(self):
        for rcode in (SERVFAIL, REFUSED):
            name = f"failover{rcode}.test"
            self.in_turns(fails(rcode), answer_plainly)
            self.assertEqual(ask(wire_query(name)).addresses(), [TRUTH])
            self.assertEqual(len({query.server.address for query in self.queries(name)}), 2)

    def test_a_silent_server_is_passed_over(self):
        self.in_turns(silent, answer_plainly)
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])

    def test_the_last_error_is_handed_on(self):
        for rcode in (SERVFAIL, REFUSED):
            self.script(fails(rcode))
            self.assertEqual(ask(wire_query(f"error{rcode}.test")).rcode, rcode)

    def test_formerr_to_edns_is_asked_again_without(self):
        def old(query, send):
            if query.edns_size is not None:
                send(response(query, FORMERR, edns=False))
            else:
                answer_plainly(query, send)
        self.script(old)
        for number, extra in enumerate(([], [opt()], [opt(flags=DO)])):
            got = ask(wire_query(f"old{number}.test", "A", *extra))
            self.assertEqual((got.addresses(), got.opt is not None), ([TRUTH], bool(extra)))
            self.assertIsNone(self.queries(f"old{number}.test")[-1].edns_size)

    def test_formerr_with_the_header_alone(self):
        """Very old servers send no question back."""
        def older(query, send):
            if query.edns_size is not None:
                send(struct.pack("!6H", query.id, QR | RD | FORMERR, 0, 0, 0, 0))
            else:
                answer_plainly(query, send)
        self.script(older)
        self.assertEqual(ask(wire_query(self.name, "A", opt())).addresses(), [TRUTH])


class Truncation(UpstreamTest):
    @staticmethod
    def big(count):
        records = [a(f"198.18.{number // 250}.{number % 250 + 1}") for number in range(count)]

        def script(query, send):
            whole = reply(query, *records)
            if query.transport == "udp" and len(whole) > min(1232, query.edns_size or 512):
                whole = reply(query, flags=TC)
            send(whole)
        return script

    def test_tcp_on_the_clients_behalf(self):
        self.script(lambda query, send: send(reply(query, flags=TC) if query.transport == "udp" else reply(query, a())))
        for packet in (wire_query(self.name), wire_query("x" + self.name, "A", opt())):
            got = ask(packet)
            self.assertEqual((got.addresses(), got.flags & TC), ([TRUTH], 0))
        self.assertEqual([query.transport for query in self.queries()], ["udp", "tcp"])

    def test_records_of_a_truncated_reply_are_not_used(self):
        self.script(lambda query, send: send(
            reply(query, a(LIE), flags=TC) if query.transport == "udp" else reply(query, a())))
        for _ in range(2):
            self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])

    def test_cut_to_what_the_client_takes(self):
        self.script(self.big(200))
        for size in (None, 512, 700, 1232):
            for _ in range(2):  # fresh, then cached
                got = ask(wire_query(f"cut{size}.test", "A", *([] if size is None else [opt(size)])))
                self.assertLessEqual(len(got.raw), size or 512)
                self.assertEqual(got.flags & TC, TC)
                self.assertEqual(got.opt is not None, size is not None)
        for packet in (wire_query("cut512.test"), wire_query("whole.test", "A", opt())):
            got = ask_tcp(packet)
            self.assertEqual((len(got.answer), got.flags & TC), (200, 0))
        self.script(self.big(40))
        self.assertEqual(len(ask(wire_query("fits.test", "A", opt())).answer), 40)
        self.assertEqual(ask(wire_query("fits.test")).flags & TC, TC)

    def test_tc_and_no_tcp(self):
        """The client gets an error or is told to come over TCP, but not half an answer as if it were whole."""
        self.script(lambda query, send: send(reply(query, a(LIE), flags=TC)) if query.transport == "udp" else None)
        for upstream in self.upstreams.values():
            upstream.refuse_tcp()

        def open_again():
            for upstream in self.upstreams.values():
                upstream.close()
                upstream.open()
        self.addCleanup(open_again)
        got = ask(wire_query(self.name, "A", opt()))
        self.assertTrue(got.rcode == SERVFAIL or got.flags & TC, got.raw.hex())
        self.assertNotIn(LIE, got.addresses())

    def test_a_message_of_64_kib(self):
        """With the OPT that the client asks for, it no longer fits."""
        def script(query, send):
            if query.transport == "udp":
                return send(reply(query, flags=TC))
            parts = [record(65280, bytes(40000)), b""]
            parts[1] = record(65280, bytes(65535 - 12 - len(query.question) - len(parts[0]) - 12))
            return send(reply(query, *parts, edns=False))
        self.script(script)
        for _ in range(2):
            whole = ask_tcp(wire_query(self.name, 65280))
            self.assertEqual((len(whole.raw), len(whole.answer), whole.flags & TC), (65535, 2, 0))
            cut = ask_tcp(wire_query(self.name, 65280, opt()))
            self.assertEqual((cut.opt is not None, cut.flags & TC), (True, TC))

    def test_several_at_once_over_one_tcp_connection(self):
        """Answered in the other order; each client gets its own."""
        held, all_there = [], threading.Event()

        def script(query, send):
            if query.transport == "udp":
                return send(reply(query, flags=TC))
            held.append((query, send))
            if len(held) == 8:
                all_there.set()
            return None
        self.script(script)
        names = [f"pipe{number}.test" for number in range(8)]
        clients = [udp_socket() for _ in names]
        for client, name in zip(clients, names):
            self.addCleanup(client.close)
            client.send(wire_query(name))
        self.assertTrue(all_there.wait(DEADLINE_S))
        for query, send in reversed(held):
            send(reply(query, a(f"192.0.2.{10 + names.index(query.name)}")))
        for number, client in enumerate(clients):
            self.assertEqual(Message(client.recv(65535)).addresses(), [f"192.0.2.{10 + number}"])


class Dead(UpstreamTest):
    """Changes which upstreams live, so it has a resolver of its own."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.revive)

    def kill(self, *addresses):
        for address in addresses:
            self.upstreams[address].close()

    def revive(self):
        for upstream in self.upstreams.values():
            upstream.close()
            upstream.open()

    def assert_unreachable(self, got):
        self.assertEqual(got.rcode, SERVFAIL)
        self.assertTrue(set(got.ede()) & {NO_REACHABLE, NETWORK_ERROR}, got.options())

    def wait_stale(self, name):
        """The first answer with an EDE, once the name has expired."""
        def stale():
            got = ask(wire_query(name, "A", opt()))
            return got if got.ede() else None
        return self.host.wait(stale, "a stale answer")

    def test_one_dead_server_costs_nothing(self):
        for dead in (FIRST, SECOND):
            self.kill(dead)
            for number in range(20):
                self.assertEqual(ask(wire_query(f"half{number}.{dead}.test")).addresses(), [TRUTH])
            self.revive()

    def test_all_dead_then_back(self):
        self.kill(FIRST, SECOND)
        start = time.monotonic()
        self.assert_unreachable(ask(wire_query(self.name, "A", opt())))
        self.assert_unreachable(ask_tcp(wire_query("tcp" + self.name, "A", opt())))
        self.assertLess(time.monotonic() - start, 1.8)  # "at once when they refuse"
        self.assertIsNone(ask(wire_query("plain" + self.name)).opt)
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)
        self.revive()
        self.assertEqual(ask(wire_query("back" + self.name)).addresses(), [TRUTH])

    def test_silent_servers(self):
        """4 s, or 1.8 s where resolv.conf says timeout:2 or less; this host's says 5."""
        self.script(silent)
        start = time.monotonic()
        self.assert_unreachable(ask(wire_query(self.name, "A", opt())))
        self.assertLess(time.monotonic() - start, 4.3)
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)

    def test_a_failure_is_remembered_for_1_to_5_s(self):
        """RFC 9520: the second one asks nobody and says so."""
        self.script(fails(SERVFAIL))
        self.assertNotIn(CACHED_ERROR, ask(wire_query(self.name, "A", opt())).ede())
        asked, start = len(self.queries()), time.monotonic()
        again = ask(wire_query(self.name, "A", opt()))
        self.assertEqual((again.rcode, CACHED_ERROR in again.ede(), len(self.queries())), (SERVFAIL, True, asked))
        self.script(answer_plainly)
        self.host.wait(lambda: ask(wire_query(self.name)).addresses() == [TRUTH], "the failure to be forgotten")
        self.assertLess(time.monotonic() - start, 5.5)
        self.assertGreater(time.monotonic() - start, 0.9)

    def test_stale_answers(self):
        """RFC 8767: expired answers while all fail, NXDOMAIN as well, and with a TTL of at most 30 s."""
        gone = "gone" + self.name
        self.script(lambda query, send: send(
            reply(query, rcode=NXDOMAIN, authority=[soa(1, 1)]) if query.name == gone else reply(query, a(ttl=1))))
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])
        self.assertEqual(ask(wire_query(gone)).rcode, NXDOMAIN)
        for how in (lambda: self.script(fails(SERVFAIL)), lambda: self.script(fails(REFUSED)),
                    lambda: self.kill(FIRST, SECOND)):
            how()
            got = self.wait_stale(self.name)
            self.assertEqual((got.rcode, got.addresses(), got.ede()), (NOERROR, [TRUTH], [STALE]))
            self.assertTrue(0 < got.answer[0].ttl <= 30, got.answer[0].ttl)
            got = self.wait_stale(gone)
            self.assertEqual((got.rcode, got.ede()), (NXDOMAIN, [STALE_NXDOMAIN]))
            self.assertLessEqual(got.authority[0].ttl, 30)

    def test_a_stale_answer_does_not_wait_for_silence(self):
        self.script(lambda query, send: send(reply(query, a(ttl=1))))
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])
        self.script(silent)
        start = time.monotonic()
        got = self.wait_stale(self.name)
        self.assertEqual((got.addresses(), got.ede()), ([TRUTH], [STALE]))
        self.assertLess(time.monotonic() - start, 1 + 1.8 + 1)


class Impatient(UpstreamTest):
    """A host whose resolv.conf says timeout:2: its clients must hear before they give up."""

    @classmethod
    def start_resolver(cls, upstreams):
        with open("/etc/resolv.conf", encoding="ascii") as file:
            before = file.read()
        try:
            with open("/etc/resolv.conf", "w", encoding="ascii") as file:
                file.write(before.replace("timeout:5", "timeout:2"))
            super().start_resolver(upstreams)
        finally:
            with open("/etc/resolv.conf", "w", encoding="ascii") as file:
                file.write(before)

    def test_silence_ends_within_1800_ms(self):
        self.script(silent)
        start = time.monotonic()
        self.assertEqual(ask(wire_query(self.name)).rcode, SERVFAIL)
        self.assertLess(time.monotonic() - start, 2)  # what the client has

    def test_a_query_that_comes_back_stays_a_few(self):
        """The upstreams ask us what we ask them, as forwarders that have us in their resolv.conf do."""
        def ask_back(query, send):
            try:
                with udp_socket() as client:
                    client.send(query.raw)
                    send(client.recv(65535))
            except OSError:
                pass

        self.script(lambda query, send: threading.Thread(target=ask_back, args=(query, send), daemon=True).start())
        got = ask(wire_query(self.name, "A", opt()))
        self.assertEqual(got.rcode, SERVFAIL)
        self.assertLess(len(self.queries()), 20)
        self.assert_alive()


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


class PassedOn(UpstreamTest):
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


class Many(UpstreamTest):
    def test_ports_and_ids(self):
        """1,000 queries, ten at a time: nobody can guess the port or the ID of the next."""
        with udp_socket() as client:
            for start in range(0, 1000, 10):
                for number in range(start, start + 10):
                    client.send(wire_query(f"port{number}.test", ident=number))
                for _ in range(10):
                    client.recv(65535)
        seen = [query for upstream in self.upstreams.values() for query in upstream.seen
                if query.name.startswith("port")]
        ports = {query.peer[1] for query in seen}
        self.assertGreaterEqual(len(ports), 900)
        self.assertGreaterEqual(len({query.id for query in seen}), 950)
        own = sum(query.id == int(query.name[4:-5]) for query in seen)
        self.assertLess(own, 10, "the clients' own IDs")
        steps = [abs(one.peer[1] - two.peer[1]) for one, two in zip(seen, seen[1:])]
        self.assertLess(sum(step <= 4 for step in steps), 50, "consecutive ports")

    def test_clients_that_are_gone_when_the_answer_comes(self):
        held = []
        self.script(lambda query, send: held.append((query, send)))
        for number in range(20):
            with tcp_socket() as stream, udp_socket() as client:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
                stream.sendall(framed(wire_query(f"gone{number}.test")))
                client.send(wire_query(f"gone{number}.too.test"))
                self.host.wait(lambda number=number: len(held) >= 2 * number + 2, "both queries at the upstream")
        for query, send in held * 2:  # twice: the second ones belong to nothing any more
            answer_plainly(query, send)
        self.assert_alive()

    def test_identical_questions_in_flight_are_one(self):
        held, there = [], threading.Event()

        def script(query, send):
            held.append((query, send))
            there.set()
        self.script(script)
        clients = [udp_socket() for _ in range(50)]
        packets = [wire_query(self.name if number % 2 else self.name.upper()) for number in range(50)]
        for client, packet in zip(clients, packets):
            self.addCleanup(client.close)
            client.send(packet)
        with tcp_socket() as stream:
            over_tcp = wire_query(self.name, ident=77)
            stream.sendall(framed(over_tcp))
            self.assertTrue(there.wait(DEADLINE_S))
            ask(wire_query())  # behind it the other questions have been read
            self.script(answer_plainly)
            for query, send in list(held):
                answer_plainly(query, send)
            for client, packet in zip(clients, packets):
                got = Message(client.recv(65535))
                self.assertEqual((got.id, got.question, got.addresses()),
                                 (struct.unpack("!H", packet[:2])[0], packet[12:], [TRUTH]))
            self.assertEqual(read_frame(stream).addresses(), [TRUTH])
        self.assertLessEqual(len(self.queries()), 2)  # a second server after 200 ms of a busy machine

    def test_private_and_cached_names_answer_while_hundreds_wait(self):
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])
        self.script(silent)
        with udp_socket() as client:
            for number in range(500):
                client.send(wire_query(f"wait{number}.test"))
                if number % 50 == 49:  # one by one, as the socket's buffer holds but some 270
                    self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)
                    self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])


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
