# SPDX-License-Identifier: Apache-2.0
"""An upstream that forwards to us, as a local forwarder whose own server is the host's resolv.conf."""

import threading
import time
import unittest

from packets import ask, udp_socket, wire_query
from resolver_kit import answer_plainly
from upstream_kit import FIRST, SECOND, TRUTH, UpstreamTest
from dnswire import SERVFAIL


def asks_us(query, send):
    """With an ID and a port of its own."""
    def forward():
        with udp_socket() as client:
            client.send(bytes([query.raw[0] ^ 1]) + query.raw[1:])
            try:
                answer = client.recv(65535)
            except OSError:
                return
            send(query.raw[:2] + answer[2:])
    threading.Thread(target=forward, daemon=True).start()


class Loop(UpstreamTest):
    def setUp(self):
        super().setUp()
        self.upstreams[self.UPSTREAMS[0]].script = asks_us


class WithAnother(Loop):
    def test_the_other_server_is_asked_at_once_and_the_loop_is_said(self):
        begin = time.monotonic()
        self.assertEqual(ask(wire_query(self.name)).addresses(), [TRUTH])
        took = time.monotonic() - begin
        self.assertIn("upstream_loops", self.host.log())
        self.assertIn(FIRST, self.host.log())
        asked = len(self.upstreams[FIRST].seen)
        for i in range(20):
            self.assertEqual(ask(wire_query(f"more{i}.test")).addresses(), [TRUTH])
        self.assertEqual(len(self.upstreams[FIRST].seen), asked)
        self.assertLess(took, 2)
        self.assertTrue(self.upstreams[SECOND].queries(self.name))


class Alone(Loop):
    UPSTREAMS = [FIRST]

    def test_servfail_at_once(self):
        begin = time.monotonic()
        self.assertEqual(ask(wire_query(self.name)).rcode, SERVFAIL)
        self.assertLess(time.monotonic() - begin, 2)  # the budget is 4 s
        self.assertEqual(ask(wire_query("other.test")).rcode, SERVFAIL)
        self.assert_alive()


class NotALoop(UpstreamTest):
    def test_two_programs_with_the_same_question_are_no_loop(self):
        held = []
        self.script(lambda query, send: held.append((query, send)))
        programs = [udp_socket(), udp_socket()]
        for program in programs:
            self.addCleanup(program.close)
            program.send(wire_query(self.name))
        self.host.wait(lambda: len(held) >= 2, "the question, and one that finds out whether it loops")
        self.script(answer_plainly)
        for query, send in held:
            answer_plainly(query, send)
        for program in programs:
            self.assertIn(bytes([192, 0, 2, 1]), program.recv(65535))
        self.assertNotIn("upstream_loops", self.host.log())


if __name__ == "__main__":
    unittest.main()
