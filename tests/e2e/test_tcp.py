# SPDX-License-Identifier: Apache-2.0
"""DNS over TCP, as clients use and misuse it. What is expected comes from RFC 7766, 7828 and the contract."""

import select
import socket
import struct
import threading
import unittest

from host import DNS, NAME
from packets import (KEEPALIVE, PADDING, PUBLIC, WAIT_S, ask, ask_tcp, framed, opt, option, read_frame, tcp_socket,
                     wire_query)
from resolver_kit import ADDRESSES, DUAL, DUAL_V4, MANY, answer_plainly, ResolverTest
from dnswire import FORMERR, NOERROR, NOTIMP, QR


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
        """The connection may end, or the frame be skipped; no other client is affected."""
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
        """It may be disconnected or delayed; other clients are not affected, and its answers are not queued."""
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


if __name__ == "__main__":
    unittest.main()
