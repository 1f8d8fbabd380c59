# SPDX-License-Identifier: Apache-2.0
"""Upstream servers that are down, slow or broken, and replies that do not fit. What is expected comes from the RFCs and
the contract."""

import socket
import struct
import threading
import time
import unittest

from host import DEADLINE_S
from packets import DO, ask, ask_tcp, framed, Message, opt, read_frame, tcp_socket, udp_socket, wire_query
from resolver_kit import ADDRESSES, answer_plainly
from upstream_kit import (CACHED_ERROR, FIRST, LIE, NETWORK_ERROR, NO_REACHABLE, SECOND, STALE, STALE_NXDOMAIN, TRUTH,
                          a, fails, record, reply, silent, soa, UpstreamTest)
from dnswire import FORMERR, NOERROR, NXDOMAIN, QR, RD, REFUSED, SERVFAIL, TC, response


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
        """The client gets an error or a truncated reply (TC), but not half an answer as if it were complete."""
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
    """Starts and stops upstreams, so it has a separate resolver."""

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
        for got in (ask(wire_query(self.name, "A", opt())), ask_tcp(wire_query("tcp" + self.name, "A", opt()))):
            self.assert_unreachable(got)
            self.assertIn(NETWORK_ERROR, got.ede())  # had it waited for them in silence, it would be NO_REACHABLE
        self.assertIsNone(ask(wire_query("plain" + self.name)).opt)
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)
        self.revive()
        self.assertEqual(ask(wire_query("back" + self.name)).addresses(), [TRUTH])

    def test_silent_servers(self):
        """4 s, or 1.8 s where resolv.conf says timeout:2 or less; this host's says 5."""
        self.script(silent)
        got = ask(wire_query(self.name, "A", opt()))
        self.assert_unreachable(got)
        self.assertIn(NO_REACHABLE, got.ede())
        self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)

    def test_a_failure_is_remembered_for_a_while(self):
        """RFC 9520: the second one is not sent and is answered so."""
        self.script(fails(SERVFAIL))
        self.assertNotIn(CACHED_ERROR, ask(wire_query(self.name, "A", opt())).ede())
        asked = len(self.queries())
        again = ask(wire_query(self.name, "A", opt()))
        self.assertEqual((again.rcode, CACHED_ERROR in again.ede(), len(self.queries())), (SERVFAIL, True, asked))
        self.script(answer_plainly)
        self.host.wait(lambda: ask(wire_query(self.name)).addresses() == [TRUTH], "the failure to be forgotten")

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
    """A host whose resolv.conf says timeout:2: its clients must get an answer before their timeout."""

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


class Many(UpstreamTest):
    def test_ports_and_ids(self):
        """1,000 queries, ten at a time: port and ID of the next can't be guessed."""
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


if __name__ == "__main__":
    unittest.main()
