# SPDX-License-Identifier: Apache-2.0
"""Unusual but valid replies of the API: they are understood, or change nothing and are reported."""

import json
import unittest

from host import ENDPOINT, ROLE, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest


class Forms(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def endpoint(self, **fields):
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", **fields)

    def discovery(self):
        return json.loads(self.host.postern("status", "--json").stdout)["links"][0]["discovery"]

    def test_lists_wrapped_as_other_products_do(self):
        self.host.aliyun.control.post("/options", wrap_lists=True, page_size=1, last_page="null")
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)

    def test_no_zones_as_null_takes_nothing_away(self):
        self.host.aliyun.control.post("/options", null_lists=True)
        self.endpoint(Zones=[])
        self.host.wait(lambda: self.host.log_lines("discovery_doubtful.*no zones any more"), "the doubt")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertIn("no zones any more", self.host.health()[1]["output"] + str(self.host.health()[1].get("notes")))

    def test_words_that_nobody_knows_are_not_ready_and_told(self):
        self.endpoint(EndpointStatus="Hibernating")
        self.host.wait(lambda: "Hibernating" in (self.discovery()["waiting_for"] or ""), "the unknown status to be told")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.endpoint(EndpointStatus="Active", EndpointBusinessStatus="FinancialLocked")
        self.host.wait(lambda: "overdue" in (self.discovery()["waiting_for"] or ""), "the overdue bill to be told")
        self.endpoint(EndpointBusinessStatus="Normal")
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")

    def test_an_endpoint_of_a_service_in_another_region_works(self):
        self.endpoint(ServiceRegionId="cn-beijing")
        self.host.set_zone_address("cn-hangzhou-i", SPARE_ADDRESS)
        self.host.wait_addresses(ZONE_A, SPARE_ADDRESS)

    def test_not_found_by_either_status(self):
        for status in (400, 404):
            with self.subTest(status):
                self.host.aliyun.control.post("/options", not_found_status=status)
                self.host.aliyun.control.delete(f"/endpoints/{ENDPOINT}")
                self.host.wait(lambda: "EndpointNotFound" in str(self.discovery()["error"]), "the error")
                self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
                self.endpoint(Zones=[{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": ZONE_B}])
                self.host.wait(lambda: self.discovery()["error"] is None, "the endpoint to be found again")

    def test_a_slow_reply_is_waited_for(self):
        self.host.aliyun.control.post("/faults", kind="slow_body", delay_ms=1500, action="ListVpcEndpointZones", count=4)
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        self.assertEqual(self.host.log_lines("discovery_failed"), [])


class Metadata(HostTest):
    def role_only(self):
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]

    def start(self, **imds):
        self.role_only()
        self.host.start_world(role=ROLE, imds=imds)
        self.host.start_postern(aliyun={"region": None})
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def asked(self):
        return {entry["path"].rpartition("/meta-data/")[2] for entry in self.host.aliyun.control.log() if entry["service"] == "imds"}

    def test_one_document_or_single_values(self):
        self.start()
        self.host.wait(lambda: "this host in cn-hangzhou-h" in self.host.postern("status").stdout, "the host's zone")
        self.assertIn("all", self.asked())
        self.assertNotIn("zone-id", self.asked())

    def test_an_old_instance_without_the_document(self):
        self.start(serve_all=False, token_mode="absent")
        self.host.wait(lambda: "this host in cn-hangzhou-h" in self.host.postern("status").stdout, "the host's zone")
        self.assertLessEqual({"all", "region-id", "zone-id", "vpc-id"}, self.asked())

    def test_metadata_goes_through_no_proxy(self):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            self.host.environment[name] = "http://127.0.0.1:9"
        self.host.environment["no_proxy"] = "aliyuncs.com"  # the API's way to its host; metadata must need no such entry
        self.start()

    def test_resolvers_of_the_vpc_where_the_host_names_none(self):
        self.host.start_world(metadata={"zone-id": "cn-hangzhou-h", "dns-conf/nameservers": "127.0.0.53\r\n127.0.0.54"})
        self.host.start_postern(wait_ready=False, dns={"upstreams": None})
        self.host.wait(lambda: self.host.dig("www.name.test", "A").data, "public names to resolve")
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertIn("instance metadata", self.host.postern("status").stdout)

    def test_failed_code_of_the_role(self):
        self.role_only()
        self.host.start_world(role={**ROLE, "code": "Failed"})
        self.host.write_config()
        done = self.host.postern("check-config", "--online")
        self.assertIn('refused with code "Failed"', done.stdout)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
