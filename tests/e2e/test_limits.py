# SPDX-License-Identifier: Apache-2.0
"""Limits of this host are reported as local_* and change neither verdict nor answer."""

import os
import resource
import socket
import time
import unittest

from host import HTTP, ZONE_A, ZONE_B, HostTest

LOCAL = "local_fd_limit"


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Limits(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start_upstream()
        self.host.start_gateways()
        self.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A, ZONE_B],
                                                   "probe": {"interval": "500ms", "fast_interval": "100ms"}})
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["state"] == "up", "state up")
        self.pid = self.host.agent.pid

    def limit(self, soft):
        hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (soft, hard))

    def take_descriptors(self):
        """Nothing new can be opened from now on; returns the limit that was."""
        before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[0]
        self.limit(3)  # 0 to 2 are open
        return before

    def local_records(self):
        """From the file: the agent can't be asked while it has no descriptors."""
        with open(f"{self.host.state_dir}/probe.log", encoding="utf-8") as log:
            return [line for line in log if f'"reason":"{LOCAL}"' in line]

    def test_without_descriptors_nothing_changes_and_all_goes_on_after(self):
        before = self.take_descriptors()
        self.host.wait(lambda: len(self.local_records()) >= 12, "six probes of each address to fail here")
        self.assertEqual(set(self.host.addresses()), {ZONE_A, ZONE_B})
        for line in self.local_records():
            self.assertIn('"state":"up","prev_state":"up"', line)
        self.limit(before)
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["ok"] and record["state"] == "up", "good probes again")
        done = self.host.postern("logs", "--reason", LOCAL, "-n", "3")
        self.assertEqual((done.returncode, done.stdout.count(LOCAL)), (0, 3), done.stdout + done.stderr)

    def test_a_client_that_can_not_be_accepted_costs_no_core(self):
        before = self.take_descriptors()
        address, _, port = HTTP.partition(":")
        with socket.create_connection((address, int(port))):
            had, since, records = cpu_s(self.pid), time.monotonic(), len(self.local_records())
            self.host.wait(lambda: len(self.local_records()) >= records + 8, "four more probes of each address")
            share = (cpu_s(self.pid) - had) / (time.monotonic() - since)
        self.assertLess(share, 0.1)
        self.limit(before)
        self.host.wait(lambda: self.host.http("/livez")[0] == 200, "/livez to answer again")


if __name__ == "__main__":
    unittest.main()
