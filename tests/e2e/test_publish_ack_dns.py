# SPDX-License-Identifier: Apache-2.0
"""postern publish ack-dns: zones with hosts in ACK's CustomDNSConfig."""

import unittest

from host import NAME
from kube_kit import ZONE_A, ZONE_B, KubeTest

THEIRS = [{"name": ".", "forward": {"upstreams": ["100.100.2.136"], "protocolStrategy": "tcp"}}]
CONFIG = {"apiVersion": "networking.alibabacloud.com/v1beta1", "kind": "CustomDNSConfig", "metadata": {"name": "default"},
          "spec": {"zones": THEIRS}}


class AckDnsTest(KubeTest):
    def ack(self, *arguments, code=0):
        return self.publish(*arguments, code=code, where="ack-dns")

    def zones(self):
        return self.objects("customdnsconfigs").get("default", {"spec": {"zones": []}})["spec"]["zones"]

    def hosts(self):
        return [entry["ipAddress"] for zone in self.zones() if zone["name"] == NAME for entry in zone["hosts"]]


class Managed(AckDnsTest):
    SCENARIO = {"custom_dns": True, "objects": {"customdnsconfigs": [CONFIG]}}

    def test_our_zone_beside_those_of_others(self):
        self.ack()
        self.assertEqual(self.zones()[:1], THEIRS)
        self.assertEqual(self.hosts(), [ZONE_A, ZONE_B])
        since = self.now()
        self.assertIn("as it should be", self.ack().stdout)
        self.assertEqual(self.writes(since), [])
        self.ack("--undo")
        self.assertEqual(self.zones(), THEIRS)

    def test_a_zone_that_dies_leaves_and_writes_are_20_s_apart(self):
        one = self.keep("one", where="ack-dns")
        self.host.wait(lambda: self.hosts() == [ZONE_A, ZONE_B], "the zone")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait(lambda: self.hosts() == [ZONE_B], "the dead zone to leave", deadline_s=60)
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.host.wait(lambda: self.hosts() == [ZONE_A, ZONE_B], "all, as none is better", deadline_s=60)
        self.end(one)
        times = [e["time"] for e in self.control.log() if e["method"] == "PATCH" and e["resource"] == "customdnsconfigs"]
        self.assertGreaterEqual(min(b - a for a, b in zip(times, times[1:])), 20)
        self.assertEqual(self.zones()[:1], THEIRS)

    def test_a_zone_of_another_with_our_name_stays(self):
        other = [{"name": NAME, "forward": {"upstreams": ["10.9.9.9"]}}]
        self.control.post("/objects/customdnsconfigs/default", spec={"zones": other})
        self.assertIn("is not postern's", self.ack(code=1).stdout)
        self.assertEqual(self.zones(), other)


class Plain(AckDnsTest):
    def test_a_cluster_without_the_kind_is_told(self):
        done = self.ack(code=2)
        self.assertIn("does not know this kind", done.stderr)
        self.assertIn("publish kubernetes", done.stderr)


class Empty(AckDnsTest):
    SCENARIO = {"custom_dns": True}

    def test_made_and_taken_away_whole(self):
        self.ack()
        self.assertEqual(self.hosts(), [ZONE_A, ZONE_B])
        self.ack("--undo")
        self.assertEqual(self.objects("customdnsconfigs"), {})


if __name__ == "__main__":
    unittest.main()
