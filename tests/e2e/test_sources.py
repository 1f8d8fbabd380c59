# SPDX-License-Identifier: Apache-2.0
"""Addresses from other sources than an endpoint's ID: a name that is followed, a saved reply."""

import calendar
import json
import os
import time
import unittest

from host import SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest

SERVICE = "com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1example0000000009"
TARGET = "ep-x.epsrv-y.cn-hangzhou.privatelink.name.test"


class Followed(HostTest):
    """`target`: no credentials, no cloud API, only DNS."""

    def setUp(self):
        super().setUp()
        self.host.start_upstream()
        self.host.start_gateways()
        self.put(TARGET, CNAME="zones.name.test")
        self.put("zones.name.test", A=[ZONE_A, ZONE_B])
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            self.host.environment.pop(name)
        self.host.start_postern(link={"endpoint": None, "target": TARGET})
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def put(self, name, ttl=5, **records):
        self.host.upstream.control.put(f"/records/{name}", **{
            kind: {"ttl": ttl, "data": data if isinstance(data, list) else [data]} for kind, data in records.items()})

    def link(self):
        return json.loads(self.host.postern("status", "--json").stdout)["links"][0]

    def test_the_addresses_at_the_end_of_the_chain_are_followed_by_their_ttl(self):
        self.assertEqual(self.link()["discovery"]["source"], "dns")
        self.put("zones.name.test", A=[SPARE_ADDRESS, ZONE_B])
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        self.put(TARGET, CNAME="others.name.test")
        self.put("others.name.test", A=[ZONE_A], AAAA=["::1"])
        self.host.wait_addresses(ZONE_A)
        self.host.wait(lambda: self.host.dig("gw-private.cloud.name.test", "AAAA").data == ["::1"], "an AAAA answer")

    def test_refresh_asks_before_the_ttl_is_over(self):
        self.put(TARGET, ttl=300, A=[ZONE_A])
        self.host.wait_addresses(ZONE_A)
        self.put(TARGET, ttl=300, A=[SPARE_ADDRESS])
        self.host.postern("refresh")
        self.host.wait_addresses(SPARE_ADDRESS)

    def test_no_such_name_no_address_and_failing_upstreams_take_nothing_away(self):
        def failing(word):
            self.host.postern("refresh")
            return (self.link()["discovery"]["error"] or {}).get("what", "").find(word) >= 0

        self.host.upstream.control.delete(f"/records/{TARGET}")
        self.host.wait(lambda: failing("does not exist"), "the missing name to be noticed")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.postern("status").returncode, 1)
        self.put(TARGET, TXT=["no address here"])
        self.host.wait(lambda: failing("has no address"), "the missing address to be noticed")
        self.put(TARGET, A=["0.0.0.0"])
        self.host.wait(lambda: failing("which no endpoint has"), "the blocked name to be noticed")
        self.host.upstream.control.post("/servers", mode="servfail")
        self.host.wait(lambda: failing("do not answer"), "the failing upstreams to be noticed")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.host.upstream.control.post("/servers", mode="ok")
        self.put(TARGET, A=[SPARE_ADDRESS])
        self.host.wait_addresses(SPARE_ADDRESS)
        self.assertTrue(self.host.log_lines("discovery_recovered"))

    def test_a_restart_without_upstreams_serves_the_last_known(self):
        self.host.stop_agent()
        self.host.upstream.control.post("/servers", mode="silent")
        self.host.start_postern()
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})


class Saved(HostTest):
    """`zones_file`: a reply that one writer fetches for many hosts."""

    def setUp(self):
        super().setUp()
        self.host.start_upstream()
        self.host.start_gateways()
        self.folder = os.path.join(self.host.folder, "zones")
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "zones.json")

    def reply(self, *addresses):
        zones = [{"ZoneId": f"cn-hangzhou-{letter}", "ZoneStatus": "Connected", "EniIp": ip, "ZoneIpv6Address": "false"}
                 for letter, ip in zip("hij", addresses)]
        return json.dumps({"RequestId": "R-1", "MaxResults": "50", "TotalCount": str(len(zones)), "Zones": zones}, indent=1)

    def replace(self, *addresses):
        self.host.write_file("zones/zones.json", self.reply(*addresses))

    def start(self, **link):
        self.host.start_postern(link={"endpoint": None, "zones_file": self.path, **link})

    def error(self):
        link = json.loads(self.host.postern("status", "--json").stdout)["links"][0]
        return (link["discovery"]["error"] or {}).get("what", "")

    def test_a_replaced_and_a_rewritten_file_count_and_the_folder_may_be_replaced(self):
        self.replace(ZONE_A, ZONE_B)
        self.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.replace(SPARE_ADDRESS, ZONE_B)
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(self.reply(ZONE_A, ZONE_B))
        self.host.wait_addresses(ZONE_A, ZONE_B)
        os.rename(self.folder, self.folder + ".old")
        os.mkdir(self.folder)
        self.replace(ZONE_A, SPARE_ADDRESS)
        self.host.wait_addresses(ZONE_A, SPARE_ADDRESS)

    def test_commands_without_an_agent_read_the_file(self):
        self.replace(ZONE_A, ZONE_B)
        self.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.stop_agent()
        self.replace(SPARE_ADDRESS)
        probed = json.loads(self.host.postern("probe", "--json").stdout)
        self.assertEqual({result["ip"] for result in probed["probes"]}, {SPARE_ADDRESS})
        self.assertEqual(self.host.postern("plan", "compile", "--out", os.path.join(self.folder, "plan")).returncode, 0)
        shown = self.host.postern("plan", "show", os.path.join(self.folder, "plan")).stdout
        self.assertIn(SPARE_ADDRESS, shown)
        self.assertNotIn(ZONE_A, shown)

    def test_a_doubt_about_the_file_is_one_of_discovery_for_status_and_doctor(self):
        self.replace(ZONE_A, ZONE_B)
        self.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.replace()
        status = self.host.wait(lambda: next((s for s in [json.loads(self.host.postern("status", "--json").stdout)]
                                              if "discovery" in s["warning_kinds"]), None), "a doubt about the file")
        self.assertEqual(status["overall"], "degraded")
        self.assertEqual(len(status["warnings"]), len(status["warning_kinds"]))
        self.assertIn("zones.json", status["warnings"][status["warning_kinds"].index("discovery")])
        done = self.host.postern("doctor", "--json", "--only", "agent")
        self.assertEqual([(f["code"], f["state"]) for f in json.loads(done.stdout)["findings"]], [("PN-AGENT-DISCOVERY", "WARN")])
        self.assertEqual(done.returncode, 1)

    def test_its_age_is_what_it_says(self):
        reply = json.loads(self.reply(ZONE_A, ZONE_B))
        written = "2026-01-02T03:04:05Z"
        self.host.write_file("zones/zones.json", json.dumps({**reply, "WrittenAt": written}))
        self.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        status = json.loads(self.host.postern("status", "--json").stdout)
        self.assertEqual(status["links"][0]["discovery"]["confirmed"][:19], written[:19])
        self.assertIn("discovery", status["warning_kinds"])  # older than a day
        self.assertIn("was written", self.host.postern("status").stdout)
        stamp = calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%SZ"))
        metrics = self.host.http("/metrics")[1]
        line = next(line for line in metrics.splitlines() if line.startswith("postern_link_discovery_confirmed_timestamp_seconds{"))
        self.assertEqual(float(line.split()[-1]), stamp)  # what the alert PosternDiscoveryStale looks at

    def test_half_written_is_waited_for_without_a_word(self):
        self.replace(ZONE_A)
        self.start()
        self.host.wait_addresses(ZONE_A)
        text = self.reply(SPARE_ADDRESS, ZONE_B)
        with open(self.path, "w", encoding="utf-8") as file:
            for part in (text[:20], text[20:60], text[60:]):
                file.write(part)
                file.flush()
        self.host.wait_addresses(ZONE_B, SPARE_ADDRESS)
        self.assertEqual(self.host.log_lines("discovery_failed"), [])

    def test_damage_and_absence_are_told_and_take_nothing_away(self):
        self.replace(ZONE_A, ZONE_B)
        self.start(zones=["cn-hangzhou-h"])
        self.host.wait_addresses(ZONE_A)
        for text, word in (("{\"Zones\": [", "JSON"), ("<html>login</html>", "HTML"), (" " * (2 << 20), "bytes"),
                           ("{\"RequestId\":\"x\"}", "without a list of zones")):
            with self.subTest(word):
                with open(self.path, "w", encoding="utf-8") as file:
                    file.write(text)
                self.host.wait(lambda word=word: word in self.error(), f"an error with {word}")
                self.assertEqual(self.host.addresses(), {ZONE_A})
        os.unlink(self.path)
        self.host.wait(lambda: "cannot read" in self.error(), "the missing file to be noticed")
        self.assertEqual(self.host.postern("status").returncode, 1)
        self.assertNotIn("gave up waiting", self.host.postern("refresh").stderr)
        self.assertEqual(self.host.addresses(), {ZONE_A})
        self.replace(SPARE_ADDRESS, ZONE_B)
        self.host.wait_addresses(SPARE_ADDRESS)
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")


class Found(HostTest):
    """`endpoint = {…}`: endpoints by service or tag, in this host's VPC."""

    def begin(self, query, endpoints, **more):
        self.host.start_world(endpoints=endpoints, **more)
        self.host.start_postern(wait_ready=False, link={"endpoint": query})
        self.host.wait(lambda: self.host.http("/livez")[0] == 200, "the agent to run")

    @staticmethod
    def endpoint(address, zone="cn-hangzhou-h", **fields):
        return {"Zones": [{"ZoneId": zone, "EniIp": address}], **fields}

    def discovery(self):
        return json.loads(self.host.postern("status", "--json").stdout)["links"][0]["discovery"]

    def test_all_of_a_service_in_this_vpc_are_merged_across_pages(self):
        self.begin({"service": SERVICE}, {
            "ep-bp1one": self.endpoint(ZONE_A), "ep-bp1two": self.endpoint(ZONE_B, "cn-hangzhou-i"),
            "ep-bp1other": self.endpoint("127.0.0.8", ServiceName="com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1other"),
            "ep-bp1far": self.endpoint("127.0.0.9", VpcId="vpc-bp1another")},
            options={"page_size": 1, "last_page": "empty", "numeric_strings": True})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.wait_ready()
        asked = self.host.api_log(action="ListVpcEndpoints")[0]["params"]
        self.assertEqual((asked["VpcId"], asked["ServiceName"], asked["MaxResults"]),
                         ("vpc-bp1example00000000001", SERVICE, "50"))
        self.assertEqual({report["endpoint"] for report in self.discovery()["endpoints"]}, {"ep-bp1one", "ep-bp1two"})
        with self.subTest("one that is added, and one whose end is stated"):
            self.host.aliyun.control.put("/endpoints/ep-bp1three", **self.endpoint(SPARE_ADDRESS, "cn-hangzhou-j"))
            self.host.wait_addresses(ZONE_A, ZONE_B, SPARE_ADDRESS)
        with self.subTest("one that vanishes stays for a grace time"):
            self.host.aliyun.control.delete("/endpoints/ep-bp1three")
            self.host.wait(lambda: self.host.log_lines(f"discovery_doubtful.*{SPARE_ADDRESS}"), "the doubt in the log")
            self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B, SPARE_ADDRESS})
        with self.subTest("all gone: kept and told"):
            for name in ("ep-bp1one", "ep-bp1two"):
                self.host.aliyun.control.delete(f"/endpoints/{name}")
            self.host.wait(lambda: "there is no endpoint of" in (self.discovery()["waiting_for"] or ""), "the emptiness to be told")
            self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B, SPARE_ADDRESS})
        with self.subTest("a restart without the API serves the snapshot"):
            self.host.stop_agent()
            self.host.aliyun.control.post("/listeners/api", open=False)
            self.host.start_postern()
            self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B, SPARE_ADDRESS})

    def test_tags_choose_and_none_is_explained_until_one_appears(self):
        self.begin({"tag": {"for": "postern", "env": "prod"}},
                   {"ep-bp1one": self.endpoint(ZONE_A, Tags=[{"Key": "for", "Value": "postern"}])})
        self.host.wait(lambda: "create one" in (self.discovery()["waiting_for"] or ""), "a word about the missing endpoint")
        self.assertEqual(self.host.dig("gw-private.cloud.name.test", "A").status, "SERVFAIL")
        self.assertEqual(self.host.postern("status").returncode, 2)
        self.host.aliyun.control.put("/endpoints/ep-bp1two", **self.endpoint(
            ZONE_B, Tags=[{"Key": "env", "Value": "prod"}, {"Key": "for", "Value": "postern"}, {"Key": "x", "Value": ""}]))
        self.host.wait_addresses(ZONE_B)

    def test_without_metadata_the_vpc_must_be_given(self):
        self.begin({"service": SERVICE}, {"ep-bp1one": self.endpoint(ZONE_A)}, imds={"fail": "http_404"})
        self.host.wait(lambda: "vpc = " in ((self.discovery()["error"] or {}).get("hint") or ""), "the advice")
        self.host.stop_agent()
        self.host.start_postern(wait_ready=False, link={"endpoint": {"service": SERVICE, "vpc": "vpc-bp1example00000000001"}})
        self.host.wait_addresses(ZONE_A)


if __name__ == "__main__":
    unittest.main()
