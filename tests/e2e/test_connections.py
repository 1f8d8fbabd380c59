# SPDX-License-Identifier: Apache-2.0
"""The connections of applications: seen by the kernel's list, stuck ones told, never the agent's own, and nothing decided by them."""

import json
import os
import socket
import unittest

from host import LINK, NAME, ZONE_A  # first: it enters the namespaces

from doctor_kit import run
from stuck import DEAD, ConnectionsTest

PUBLIC_NAME, PUBLIC = "gw.cloud.name.test", "127.0.0.9"


class Connections(ConnectionsTest):
    def notes(self):
        found = self.status()["links"][0]["connections"]
        return [note["text"] for note in found["notes"]] if found else []

    def test_stuck_connections_to_a_withdrawn_address_are_told_everywhere(self):
        self.start()
        self.stuck(3)
        self.connect(ZONE_A, 2, keepalive=True)
        self.host.wait_addresses(ZONE_A)
        seen = self.wait_stuck(3)
        uid = os.geteuid()
        self.assertEqual((seen["total"], seen["states"]["established"], seen["unacked_bytes"]), (3, 3, 3000))
        self.assertEqual([user["uid"] for user in seen["users"]], [uid])
        self.assertGreaterEqual(seen["stuck_for_us"], 1_000_000)
        good = self.at(ZONE_A)["connections"]  # the agent's own probes go there, too, and are not counted
        self.assertEqual((good["total"], good["stuck"], good["without_keepalive"]), (2, 0, 0))
        (note,) = self.notes()
        told = rf"3 connections of uid {uid} still on {DEAD}, 3 stuck for \d+ s"
        self.assertRegex(note, f"^{told}$")
        self.assertRegex(self.host.postern("status").stdout, told)
        metrics = self.host.http("/metrics")[1]
        for line in (f'postern_app_connections{{link="{LINK}",ip="{DEAD}",state="established"}} 3',
                     f'postern_app_connections{{link="{LINK}",ip="{ZONE_A}",state="established"}} 2',
                     f'postern_app_connections_stuck{{link="{LINK}",ip="{DEAD}"}} 3', "postern_app_connections_known 1"):
            self.assertIn(line + "\n", metrics)
        self.assertRegex(metrics, rf'postern_app_rtt_seconds_count{{link="{LINK}",ip="{DEAD}"}} [1-9]')
        self.assertTrue(self.host.log_lines(r"connections_stuck.*" + DEAD))
        shown = self.host.postern("connections")
        self.assertEqual((shown.returncode, shown.stderr), (1, ""))
        self.assertRegex(shown.stdout, rf"{DEAD} +withdrawn +{uid} +3 +3 for \d+ s ")
        self.assertRegex(shown.stdout, rf"{ZONE_A} +in answer +{uid} +2 +0 ")
        self.assertIn("in this network namespace", shown.stdout)
        report = run(self.host, "--only", "PN-APP-STUCK,PN-APP-BYPASS,PN-APP-KEEPALIVE")
        self.assertEqual(report.codes("WARN"), {"PN-APP-STUCK"})
        self.assertIn("sudo postern connections --free", report.of("PN-APP-STUCK")["fix"])
        self.assertIn(f"uid {uid} 仍有 3 个 TCP 连接在 {DEAD} 上，其中 3 个已卡住", self.host.http("/", "-H", "Accept-Language: zh-CN")[1])

    def test_without_connections_it_is_known_that_there_are_none(self):
        self.start()
        whole = self.host.wait(lambda: (lambda s: s if s["connections"]["known"] else None)(self.status()), "a look")
        self.assertEqual((whole["connections"]["complete"], whole["connections"]["scope"], whole["connections"]["error"]),
                         (True, "network_namespace", None))
        self.assertEqual(self.at(ZONE_A)["connections"]["total"], 0)
        self.assertEqual(self.notes(), [])
        shown = self.host.postern("connections", "--json")
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.assertGreater(json.loads(shown.stdout)["looked"], whole["connections"]["looked"])  # another look

    @unittest.skipUnless(os.geteuid() == 0, "another user for the agent needs root")
    def test_the_connections_of_other_users_are_seen_without_any_right(self):
        self.host.write_config(link={"endpoint": None, "addresses": [ZONE_A, DEAD]})
        self.host.give_to(65534)
        self.start()
        self.connect(ZONE_A, 2)
        shown = self.host.postern("connections", "--json")
        (link,) = json.loads(shown.stdout)["links"]
        (address,) = [entry for entry in link["addresses"] if entry["ip"] == ZONE_A]
        self.assertEqual([(user["uid"], user["total"]) for user in address["connections"]["users"]], [(0, 2)])

    def test_connections_around_the_link_are_told(self):
        public = socket.create_server((PUBLIC, 443))
        self.addCleanup(public.close)
        self.host.upstream.control.call("PUT", f"/records/{PUBLIC_NAME}", {"A": [PUBLIC]})
        self.start(compare=PUBLIC_NAME)
        self.connect(PUBLIC, 2)
        told = self.host.wait(lambda: "public gateway" in self.host.postern("connections").stdout, "the way around")
        self.assertTrue(told)
        self.assertIn(f"2 connections of uid {os.geteuid()} to the public gateway {PUBLIC}, not over PrivateLink", self.notes())
        self.assertIn(f'postern_app_bypass_connections{{link="{LINK}"}} 2\n', self.host.http("/metrics")[1])
        report = run(self.host, "--only", "PN-APP-STUCK,PN-APP-BYPASS,PN-APP-KEEPALIVE")
        self.assertEqual(report.codes("WARN"), {"PN-APP-BYPASS"})
        self.assertIn(NAME, report.of("PN-APP-BYPASS")["fix"])

    def test_without_an_agent_nothing_is_known(self):
        self.host.write_config()
        done = self.host.postern("connections")
        self.assertEqual((done.returncode, done.stdout), (3, ""))


if __name__ == "__main__":
    unittest.main()
