# SPDX-License-Identifier: Apache-2.0
"""Addresses follow the API; whatever the API does, good answers stay."""

import glob
import json
import unittest

import host
from host import ENDPOINT, NAME, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest


class Changes(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def zone(self, zone, **fields):
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/{zone}", **fields)

    def test_a_changed_address_is_answered_after_the_next_poll(self):
        self.zone("cn-hangzhou-h", EniIp=SPARE_ADDRESS)
        asked = len(self.host.api_log(action="ListVpcEndpointZones"))
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        self.assertLessEqual(len(self.host.api_log(action="ListVpcEndpointZones")) - asked, 2)  # one may come while we wait
        lines = [line for line in self.host.log_lines(ZONE_A) if SPARE_ADDRESS in line]
        self.assertEqual(len(lines), 1, lines)  # one line, old and new

    def test_a_new_zone_is_answered_and_a_vanished_one_is_kept_for_a_grace_time(self):
        self.zone("cn-hangzhou-j", EniIp=SPARE_ADDRESS)
        self.host.wait_addresses(ZONE_A, ZONE_B, SPARE_ADDRESS)
        self.host.aliyun.control.delete(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-j")
        self.host.wait(lambda: self.host.log_lines(f"discovery_doubtful.*{SPARE_ADDRESS}"), "the doubt in the log")
        self.host.wait_api_calls(2, action="ListVpcEndpointZones")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B, SPARE_ADDRESS})  # it works: probes succeed

    def known(self):
        (link,) = json.loads(self.host.postern("status", "--json").stdout)["links"]
        return {address["ip"] for address in link["addresses"]}

    def test_a_zone_that_the_api_calls_disconnected_leaves_once_the_probe_agrees(self):
        self.host.wait_probe(ZONE_B, lambda probe: probe["state"] == "up", "that it is up")
        self.zone("cn-hangzhou-i", ZoneStatus="Disconnected")
        self.host.wait(lambda: "has come, but no probe has" in self.host.postern("status").stdout, "the doubt in the status")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.host.wait(lambda: self.known() == {ZONE_A}, "the zone to be gone")
        self.assertEqual(self.host.addresses(), {ZONE_A})
        self.host.gateways.control.post("/listeners/zone-b", mode="ok")
        self.zone("cn-hangzhou-i", ZoneStatus="Connected")
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def test_refresh_asks_at_once(self):
        before = len(self.host.api_log())
        self.assertEqual(self.host.postern("refresh").returncode, 0)
        self.host.wait(lambda: len(self.host.api_log()) > before, "a call of the API")

    def test_refresh_ends_with_any_answer_and_may_be_repeated(self):
        for _ in range(2):
            self.assertEqual(self.host.postern("refresh").returncode, 0)
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", Zones=[])
        done = self.host.postern("refresh")
        self.assertNotIn("gave up waiting", done.stderr)

    def test_all_zones_gone_is_suspicious_and_kept(self):
        for zone in host.ZONES:
            self.host.aliyun.control.delete(f"/endpoints/{ENDPOINT}/zones/{zone}")
        self.host.wait_api_calls(4, action="ListVpcEndpointZones")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertTrue(self.host.log_lines(r"\bwarn"), self.host.log())

    def test_endpoint_deleted_keeps_the_answer_and_says_so(self):
        self.host.aliyun.control.delete(f"/endpoints/{ENDPOINT}")
        self.host.wait_api_calls(2, code="EndpointNotFound")
        self.host.wait(lambda: self.host.log_lines("EndpointNotFound"), "the code in the log")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_odd_but_lawful_replies_change_nothing(self):
        api = self.host.aliyun.control
        for options in ({"numeric_strings": True}, {"page_size": 1, "last_page": "null"},
                        {"page_size": 1, "last_page": "empty"}, {"page_size": None, "last_page": "absent"}):
            with self.subTest(options):
                api.post("/options", **options)
                self.host.wait_api_calls(3, verdict="accepted")
                self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.zone("cn-hangzhou-i", ZoneIpv6Address="false", SomethingNew={"a": [1]})
        self.zone("cn-hangzhou-h", ZoneIpv6Address=None)
        self.host.wait_api_calls(3, verdict="accepted")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.dig(NAME, "AAAA").answer, [])

    def test_never_ending_paging_ends(self):
        self.host.aliyun.control.post("/options", repeat_token=True)
        before = len(self.host.api_log())
        self.host.wait_api_calls(4)
        self.host.wait(lambda: self.host.log_lines(r"NextToken|page|paging"), "a word about paging in the log")
        self.assertLess(len(self.host.api_log()) - before, 1000)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_ipv6_addresses_are_answered_where_they_are_given(self):
        self.zone("cn-hangzhou-h", ZoneIpv6Address="::1")
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", AddressIpVersion="DualStack")
        self.host.wait(lambda: self.host.dig(NAME, "AAAA").data == ["::1"], "an AAAA answer")


class Ended(HostTest):
    def test_a_disconnected_endpoint_keeps_its_addresses_over_a_restart_and_says_whose_move_it_is(self):
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Disconnected")
        for zone in host.ZONES:
            self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/{zone}", ZoneStatus="Disconnected")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.host.wait(lambda: "is Disconnected" in self.host.postern("status").stdout, "the state in status")
        self.host.wait_api_calls(4)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertIn("accept it in TDengine's console", self.host.postern("status").stdout)
        self.assertEqual(self.host.stop_agent(), 0)
        self.host.start_postern(wait_ready=False)
        self.host.wait_api_calls(4)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        for name in ("zone-a", "zone-b"):
            self.host.gateways.control.post(f"/listeners/{name}", mode="ok")
        for zone in host.ZONES:
            self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/{zone}", ZoneStatus="Connected")
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Connected")
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "status to be good again")


class Unprobed(HostTest):
    def test_a_zone_that_the_api_calls_disconnected_leaves_at_once(self):
        self.host.start(link={"probe": {"enabled": False}})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-i", ZoneStatus="Disconnected")
        self.host.wait_addresses(ZONE_A)


class ApiGone(HostTest):
    def test_answers_stay_when_the_api_stops(self):
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.aliyun.control.post("/listeners/api", open=False)
        self.host.wait(lambda: self.host.log_lines(r"refused|connect"), "the failure in the log")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.http("/readyz")[0], 200)
        self.host.aliyun.control.post("/listeners/api", open=True)
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)

    def test_restarted_agent_answers_at_once_without_the_api(self):
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.stop_agent()
        self.host.aliyun.control.post("/listeners/api", open=False)
        self.host.start_postern()
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_first_start_without_the_api_is_servfail_not_nxdomain(self):
        self.host.start_world()
        self.host.aliyun.control.post("/listeners/api", open=False)
        self.host.start_postern(wait_ready=False)
        self.host.wait(lambda: self.host.dig("www.name.test", "A").data, "public names to resolve")
        reply = self.host.dig(NAME, "A")
        self.assertEqual(reply.status, "SERVFAIL", reply.text)
        self.assertIn(14, reply.ede)
        self.assertEqual(self.host.http("/readyz")[0], 503)
        self.assertEqual(self.host.http("/livez")[0], 200)
        self.host.aliyun.control.post("/listeners/api", open=True)
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.wait_ready()


class Readiness(HostTest):
    def test_a_zone_that_waits_is_not_ready(self):
        zones = [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": ZONE_B, "ZoneStatus": "Wait"}]
        self.host.start_world(endpoints={ENDPOINT: {"Zones": zones}})
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A)
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-i", ZoneStatus="Connected")
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def test_an_address_that_no_endpoint_has_is_left_out_and_named(self):
        zones = [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": "100.100.100.200"}]
        self.host.start_world(endpoints={ENDPOINT: {"Zones": zones}})
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A)
        status = json.loads(self.host.postern("status", "--json").stdout)
        (warning,) = [text for text, kind in zip(status["warnings"], status["warning_kinds"]) if kind == "discovery"]
        self.assertIn("100.100.100.200, the address of the metadata service, in cn-hangzhou-i", warning)
        self.assertEqual(status["links"][0]["discovery"]["endpoints"][0]["zones"][1]["refused"],
                         "100.100.100.200, the address of the metadata service")
        self.assertEqual(len(self.host.log_lines("address_refused")), 1)
        # None is left: the last good one stays, and the reason is there.
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-h", EniIp="169.254.1.2")
        self.host.wait(lambda: "cn-hangzhou-h Connected with 169.254.1.2, a link-local address" in
                       self.host.postern("status").stdout.replace("\n           ", " "), "the reason in status")
        self.assertEqual(self.host.addresses(), {ZONE_A})


class Snapshot(HostTest):
    def damaged_start(self, content):
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.stop_agent()
        (snapshot,) = glob.glob(f"{self.host.state_dir}/**/snapshot.json", recursive=True)
        with open(snapshot, "rb") as file:
            original = file.read()
        with open(snapshot, "wb") as file:
            file.write(content(original))
        mark = len(self.host.log())
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        said = [line for line in self.host.log()[mark:].splitlines() if "snapshot" in line.lower()]
        self.assertTrue(said, "nothing said about the damaged snapshot")
        with open(snapshot, "rb") as file:
            json.loads(file.read())  # a good one again

    def test_both_generations_damaged_and_no_api(self):
        """What the resolver answers from its plan does not get worse by starting the agent."""
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.stop_agent()
        for path in glob.glob(f"{self.host.state_dir}/snapshot.json*"):
            with open(path, "wb") as file:
                file.write(b"{")
        self.host.aliyun.stop()
        self.host.start_postern()
        self.host.wait(lambda: "snapshot_unusable" in self.host.log(), "the damage to be told")
        self.host.wait_addresses(ZONE_A, ZONE_B)
        link = json.loads(self.host.postern("status", "--json").stdout)["links"][0]
        self.assertEqual({a["ip"] for a in link["addresses"]}, {ZONE_A, ZONE_B})
        self.assertEqual(link["discovery"]["source"], "snapshot")

    def test_cut_off(self):
        self.damaged_start(lambda good: good[:len(good) // 2])

    def test_empty(self):
        self.damaged_start(lambda good: b"")

    def test_garbage(self):
        self.damaged_start(lambda good: b"\x00\xff" * 1000)

    def test_another_shape(self):
        self.damaged_start(lambda good: b'[{"endpoints":{"x":null}}]')

    def test_deeply_nested(self):
        self.damaged_start(lambda good: b"[" * 100000)


if __name__ == "__main__":
    unittest.main()
