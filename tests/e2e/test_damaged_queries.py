# SPDX-License-Identifier: Apache-2.0
"""Thousands of queries with random damage: no reply is wrong, and the resolver keeps working."""

import random
import socket
import struct
import unittest

from host import NAME
from packets import (AD, CD, CH, COOKIE, DO, ECS, KEEPALIVE, PUBLIC, Z, framed, Message, opt, opt_in, option,
                     read_exactly, tcp_socket, udp_socket, wire_query)
from resolver_kit import MANY, ResolverTest
from dnswire import NOERROR, NXDOMAIN, QR, RD, encode_name


class Mutations(ResolverTest):
    """Thousands of damaged packets, the same in each run."""

    SEED, COUNT, BURST = 20261123, 4000, 40

    @staticmethod
    def originals():
        extra = encode_name("x.test") + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
        return [wire_query(), wire_query(PUBLIC), wire_query(NAME, "AAAA", opt()),
                wire_query("a.nothing.test", "TXT", opt(4096)), wire_query("localhost", "ANY"),
                wire_query(MANY, "A", extra, opt(1232, option(COOKIE, b"8 bytes!"), option(ECS, bytes(8)))),
                wire_query("version.bind", "TXT", klass=CH), wire_query("23.1.0.10.in-addr.arpa", "PTR", opt(flags=DO)),
                wire_query(NAME, "SOA", opt(100, option(KEEPALIVE)), flags=RD | CD | AD)]

    @staticmethod
    def damage(packet, choose):
        packet = bytearray(packet)
        for _ in range(choose.choice((1, 1, 2, 4, 16))):
            place = choose.randrange(2, len(packet)) if len(packet) > 2 else 0
            what = choose.randrange(7)
            if what == 0 and packet:
                packet[place % len(packet)] ^= 1 << choose.randrange(8)
            elif what == 1 and packet:
                packet[place % len(packet)] = choose.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF))
            elif what == 2:
                del packet[place:place + choose.randrange(1, 8)]
            elif what == 3:
                packet[place:place] = choose.randbytes(choose.randrange(1, 20))
            elif what == 4:
                packet = packet[:place]
            elif what == 5:
                packet += packet[12:] * choose.randrange(1, 3)
            elif what == 6 and len(packet) > place + 2:
                packet[place:place + 2] = struct.pack("!H", choose.choice((0xC00C, 0xC000, 41, 0xFFFF, 255, 0)))
        return bytes(packet[:4000])

    def check(self, reply, sent):
        """`sent` is the very packet that was damaged; the reply must still be valid."""
        message = Message(reply)
        self.assertTrue(message.flags & QR)
        self.assertEqual(message.flags & Z, 0)
        self.assertEqual(message.opcode, sent[2] >> 3 & 0xF)
        self.assertLess(message.rcode, 24)
        self.assertFalse(sent[2] & 0x80, "a response was answered")
        self.assertGreaterEqual(len(sent), 12)
        if message.question and message.rcode in (NOERROR, NXDOMAIN):
            self.assertEqual(message.question, sent[12:12 + len(message.question)])
        message.options()

    def test_datagrams(self):
        choose, originals, sent = random.Random(self.SEED), self.originals(), {}
        answered = 0
        with udp_socket() as client:
            for start in range(0, self.COUNT, self.BURST):
                for ident in range(start, start + self.BURST):
                    packet = self.damage(choose.choice(originals), choose)
                    sent[ident] = struct.pack("!H", ident)[:len(packet)] + packet[2:]
                    client.send(sent[ident])
                client.send(wire_query(ident=0xFFFF))  # behind it the private answers of the burst are in
                while True:
                    reply = client.recv(65535)
                    (ident,) = struct.unpack("!H", reply[:2])
                    if ident == 0xFFFF:
                        break
                    self.assertIn(ident, sent, "answered twice, or never asked")
                    packet = sent.pop(ident)
                    with self.subTest(packet.hex()):
                        self.check(reply, packet)
                        if not opt_in(packet):
                            self.assertLessEqual(len(reply), 512)
                    answered += 1
        self.assertGreater(answered, self.COUNT // 2)
        self.assert_alive()

    def test_frames(self):
        """Each connection takes damaged messages in sound frames, then damaged frames."""
        choose, originals = random.Random(self.SEED + 1), self.originals()
        answered = 0
        for _ in range(100):
            packets = [self.damage(choose.choice(originals), choose) for _ in range(10)]
            stream = framed(*packets)
            place = choose.randrange(len(stream))
            with tcp_socket() as client:
                try:
                    client.sendall(framed(*packets))
                    client.sendall(stream[:place] + choose.randbytes(3) + stream[place:])
                    client.shutdown(socket.SHUT_WR)
                    while True:
                        (length,) = struct.unpack("!H", read_exactly(client, 2))
                        Message(read_exactly(client, length))
                        answered += 1
                except (EOFError, ConnectionError):
                    continue
        self.assertGreater(answered, 100)
        self.assert_alive()


if __name__ == "__main__":
    unittest.main()
