# SPDX-License-Identifier: Apache-2.0
"""Plans under load: swapped without a lost or a mixed answer, damaged ones refused, and what happens without any."""

import os
import select
import socket
import unittest

from host import DNS, NAME, HostTest

import dnswire

SWAPS = 60
WINDOW = 24
ANSWER_WAIT_S = 20  # for a lost query


def addresses_of(reply):
    """The addresses of a reply whose answer section is A records with compressed owners, in its order."""
    count = int.from_bytes(reply[6:8], "big")
    at = 12 + len(dnswire.encode_name(NAME)) + 4
    found = []
    for _ in range(count):
        found.append(socket.inet_ntoa(reply[at + 12:at + 16]))
        at += 16
    return tuple(found)


class Plans(HostTest):
    ONE = ("10.1.0.1", "10.1.0.2")
    OTHER = ("10.2.0.1", "10.2.0.2", "10.2.0.3")

    def compiled(self, name, addresses):
        self.host.write_config(link={"endpoint": None, "addresses": list(addresses)}, aliyun=None)
        path = f"{self.host.folder}/{name}"
        done = self.host.postern("plan", "compile", "--out", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, "rb") as file:
            return file.read()

    def setUp(self):
        super().setUp()
        self.path = f"{self.host.runtime_dir}/plan"
        self.stats = f"{self.host.runtime_dir}/stats"
        self.one, self.other = self.compiled("one", self.ONE), self.compiled("other", self.OTHER)
        self.write(self.one)
        self.host.start_resolver("--plan", self.path, "--stats", self.stats)
        self.host.wait_addresses(*self.ONE)

    def write(self, plan):
        with open(self.path + ".new", "wb") as file:
            file.write(plan)
        os.rename(self.path + ".new", self.path)

    def accepted(self):
        return len(self.host.log_lines("plan_accepted"))

    def test_swapped_under_load_without_a_lost_or_mixed_answer(self):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.connect((DNS, 53))
        open_ids, next_id, seen = set(), 0, {self.ONE: 0, self.OTHER: 0}
        swaps, before, wanted = 0, self.accepted(), self.ONE
        while swaps < SWAPS or open_ids:
            if swaps < SWAPS and seen[wanted] > 0:  # the plan of before has answered: the next one
                swaps += 1
                wanted = self.OTHER if wanted == self.ONE else self.ONE
                seen[wanted] = 0
                self.write(self.other if wanted == self.OTHER else self.one)
            while swaps < SWAPS and len(open_ids) < WINDOW:
                next_id = (next_id + 1) % 65536
                open_ids.add(next_id)
                client.send(dnswire.query_message(next_id, NAME, "A"))
            readable, _, _ = select.select([client], [], [], ANSWER_WAIT_S)
            self.assertTrue(readable, f"{len(open_ids)} questions were not answered after {swaps} swaps")
            reply = client.recv(65535)
            open_ids.remove(int.from_bytes(reply[:2], "big"))
            self.assertEqual(reply[3] & 15, 0)
            found = addresses_of(reply)
            self.assertIn(found, seen, "an answer of neither plan")
            seen[found] += 1
        self.host.wait(lambda: self.accepted() > before, "a swap in the log")

    def test_a_damaged_plan_is_refused_with_the_reason_and_the_one_before_answers(self):
        for reason, damaged in (("bad_checksum", self.other[:200] + bytes([self.other[200] ^ 1]) + self.other[201:]),
                                ("bad_size", self.other[:-1]), ("too_short", self.other[:10]), ("bad_magic", b"x" * 4096),
                                ("too_short", b"")):
            with self.subTest(reason):
                before = len(self.host.log_lines(f"plan_refused.*{reason}"))
                self.write(damaged)
                self.host.wait(lambda: len(self.host.log_lines(f"plan_refused.*{reason}")) > before, "the refusal")
                self.assertEqual(self.host.addresses(), set(self.ONE))
        os.unlink(self.path)
        self.assertEqual(self.host.addresses(), set(self.ONE))
        self.write(self.other)
        self.host.wait_addresses(*self.OTHER)

    def test_a_change_that_nothing_told_of_is_seen_within_a_second_of_queries(self):
        # A folder moved over the watched one: the watch is on what is no longer there.
        folder = self.host.runtime_dir
        os.rename(folder, folder + ".old")
        os.mkdir(folder)
        self.write(self.other)
        self.host.wait_addresses(*self.OTHER)
        self.assertGreater(self.accepted(), 1)


if __name__ == "__main__":
    unittest.main()
