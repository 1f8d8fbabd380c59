# SPDX-License-Identifier: Apache-2.0
"""Stuck connections to a withdrawn address are ended where the owner says so: by the agent through postern-free, by hand; nothing else is."""

import json
import os
import socket
import subprocess
import unittest

from host import LINK, POSTERN, ZONE_A, ZONE_B  # first: it enters the namespaces

from stuck import DEAD, ConnectionsTest, SlowServer

FREE = os.path.join(os.path.dirname(POSTERN), "postern-free")
SLOW = "127.0.0.22"


def is_open(client):
    """Whether the connection still stands; ECONNABORTED is how the kernel tells that it was ended."""
    error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        return False
    try:
        return client.recv(1, socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except ConnectionAbortedError:
        return False


class Freeing(ConnectionsTest):
    def setUp(self):
        super().setUp()
        self.helper = None
        self.addCleanup(self.stop_helper)

    def start_helper(self):
        socket_path = f"{self.host.runtime_dir}/free.socket"
        self.helper = subprocess.Popen([FREE, "--plan", f"{self.host.runtime_dir}/plan", "--listen", socket_path],
                                       env=self.host.environment, stderr=subprocess.PIPE, text=True)
        self.host.wait(lambda: os.path.exists(socket_path), "postern-free's socket")

    def stop_helper(self):
        if self.helper:
            self.helper.kill()
            self.helper.communicate()

    def test_stuck_ones_are_ended_and_nothing_else(self):
        self.start(free_stuck=True)
        self.start_helper()
        self.host.wait_addresses(ZONE_A)
        lost = self.stuck(3)
        quiet = self.connect(DEAD, 2)  # nothing is on the way there: not stuck
        well = self.connect(ZONE_A, 2)
        self.host.wait(lambda: not any(is_open(client) for client in lost), "the stuck ones to be ended", deadline_s=60)
        self.assertTrue(all(is_open(client) for client in quiet + well))
        freed = self.host.wait(lambda: self.at(DEAD)["connections_freed"], "the count")
        self.assertEqual(freed, 3)
        self.assertEqual(self.at(ZONE_A)["connections_freed"], 0)
        self.assertIn(f'postern_app_connections_freed_total{{link="{LINK}",ip="{DEAD}"', self.host.http("/metrics")[1])
        self.assertIn(f"3 lost connections to {DEAD} were ended", self.host.postern("status").stdout)
        told = self.host.log_lines(r"connections_freed.*" + DEAD)
        self.assertTrue(told)
        self.stop_helper_and_read()
        self.assertRegex(self.helper_log, rf"connections_freed.*{DEAD}.*{os.geteuid()} has 3")

    def stop_helper_and_read(self):
        self.helper.kill()
        self.helper_log = self.helper.communicate()[1]
        self.helper = None

    def test_off_by_default_and_by_hand(self):
        self.start()
        self.start_helper()
        self.host.wait_addresses(ZONE_A)
        lost = self.stuck(3)
        self.wait_stuck(3)
        self.assertTrue(all(is_open(client) for client in lost))
        tried = self.host.postern("connections", "--dry-run")
        self.assertEqual((tried.returncode, tried.stderr), (1, ""))
        self.assertEqual(tried.stdout, f"{DEAD}:443  {LINK}  3 would be ended (3 of uid {os.geteuid()})\n")
        self.assertTrue(all(is_open(client) for client in lost))
        done = self.host.postern("connections", "--free")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, f"{DEAD}:443  {LINK}  3 ended (3 of uid {os.geteuid()})\n", ""))
        self.assertFalse(any(is_open(client) for client in lost))
        again = json.loads(self.host.postern("connections", "--free", "--json").stdout)
        self.assertEqual(again["addresses"], [{"link": LINK, "ip": DEAD, "port": 443, "freed": 0, "left": 0, "refusal": None}])

    def test_without_the_helper_the_status_says_so(self):
        self.start(free_stuck=True)
        self.host.wait_addresses(ZONE_A)
        lost = self.stuck(1)
        self.wait_stuck(1)
        told = self.host.wait(lambda: [w for w in self.status()["warnings"] if "postern-free does not answer" in w], "the warning")
        self.assertIn("systemctl enable --now postern-free.socket", told[0])
        self.assertTrue(is_open(lost[0]))

    def test_a_connection_to_an_answered_address_is_never_ended(self):
        self.host.start_postern(link={"endpoint": None, "addresses": [ZONE_A, ZONE_B], "free_stuck": True})
        self.start_helper()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        for request, refusal in ((f"{ZONE_A}:443\n", "answered"), ("10.9.9.9:443\n", "not_managed"), ("x\n", "malformed")):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{self.host.runtime_dir}/free.socket")
                client.sendall(request.encode())
                self.assertEqual(client.recv(200).decode(), f"freed 0 left 0 {refusal}\n")
        nothing = self.host.postern("connections", "--free")
        self.assertEqual((nothing.returncode, nothing.stdout), (0, "no address is withdrawn: nothing to end\n"))

    def test_a_drain_frees_what_is_idle_and_leaves_what_waits_for_an_answer(self):
        server = SlowServer(SLOW)
        self.addCleanup(server.close)
        self.host.start_postern(link={"endpoint": None, "addresses": [ZONE_A, SLOW]})
        self.start_helper()
        self.host.wait_addresses(ZONE_A)  # its probes fail: it speaks no TLS
        idle, waiting, used = self.connect(SLOW, 3)
        for client in idle, waiting, used:
            client.sendall(b"ask")
            self.assertEqual(client.recv(100), b"answer")
        waiting.sendall(b"a long statement")
        done = self.host.postern("drain", SLOW, "--for", "1h", "--free")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("its idle and stuck connections are ended", done.stdout)

        def idle_is_ended():
            used.sendall(b"ask")
            self.assertEqual(used.recv(100), b"answer")
            return not is_open(idle)
        self.host.wait(idle_is_ended, "the idle one to be ended", deadline_s=120, poll_s=1)
        self.assertTrue(is_open(waiting))
        self.assertTrue(is_open(used))
        self.assertEqual(self.host.wait(lambda: self.at(SLOW)["connections_freed"], "the count"), 1)
        self.assertTrue(json.loads(self.host.postern("drain", "status", "--json").stdout)["drains"][0]["free"])


if __name__ == "__main__":
    unittest.main()
