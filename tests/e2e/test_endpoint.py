# SPDX-License-Identifier: Apache-2.0
"""postern endpoint: what there is, what its security groups let in, and which permissions that takes."""

import json
import unittest

import host
from host import API_NAME, ECS_NAME, ENDPOINT, KEY_SECRET, STS_NAMES, ZONE_A
from endpoint_kit import SERVICE, SERVICE_NAME, VPC, GROUP, MADE, ACCOUNT, OPEN, EndpointTest


class Looking(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}]},
                              "ep-bp1example0000000002": {"VpcId": "vpc-other", "ConnectionStatus": "Pending"},
                              "ep-bp1example0000000003": {"ServiceId": "epsrv-other", "ServiceName": "com.other"}}}

    def ids(self, *arguments):
        return [endpoint["id"] for endpoint in self.json("list", *arguments)["endpoints"]]

    def test_list(self):
        self.assertEqual(len(self.ids()), 3)
        self.assertEqual(self.ids("--vpc", "vpc-other"), ["ep-bp1example0000000002"])
        self.assertEqual(self.ids("--service", "epsrv-other"), ["ep-bp1example0000000003"])
        self.assertEqual(self.ids("--service", "com.other"), ["ep-bp1example0000000003"])
        self.assertRegex(self.endpoint("list").stdout, rf"{ENDPOINT} +tdengine +Active +Connected +{VPC} +{SERVICE}\n")

    def test_lists_come_in_pages_of_any_form(self):
        for last_page in ("absent", "null", "empty"):
            self.control.post("/options", page_size=1, last_page=last_page, numeric_strings=True)
            self.assertEqual(len(self.ids()), 3)
        self.control.post("/options", repeat_token=True)
        self.assertIn("pages do not end", self.endpoint("list", code=3).stderr)

    def test_zone_affinity_is_told_where_it_hides_a_zone(self):
        self.assertNotIn("affinity", self.endpoint("show", ENDPOINT, code=1).stdout)
        zones = [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": "127.0.1.99"}]
        self.control.post(f"/endpoints/{ENDPOINT}", Zones=zones)
        self.assertIn("affinity  on: the name above gives each host", self.endpoint("show", ENDPOINT, code=1).stdout)
        self.control.post(f"/endpoints/{ENDPOINT}", ZoneAffinityEnabled=False)
        self.assertNotIn("affinity", self.endpoint("show", ENDPOINT, code=1).stdout)

    def test_services_and_their_zones(self):
        found = self.json("services")
        self.assertEqual(found["account"], ACCOUNT)
        self.assertEqual([(s["id"], s["zones"]) for s in found["services"]], [(SERVICE, ["cn-hangzhou-h", "cn-hangzhou-i"])])
        for name in (SERVICE, SERVICE_NAME):
            self.assertTrue(self.json("services", "--service", name)["whitelisted"])

    def test_a_service_that_is_not_there_is_not_whitelisted(self):
        self.control.delete(f"/services/{SERVICE}")
        step = f"in TDengine's console: 实例 > 私有连接 > 服务列表 > 添加白名单, account ID {ACCOUNT}"
        self.assertIn(step, self.endpoint("services", code=1).stdout)
        self.assertIn(step, self.endpoint("services", "--service", SERVICE, code=1).stdout)
        self.assertFalse(self.json("services", code=1)["whitelisted"])
        self.assertIn(step, self.endpoint("create", code=2).stderr)
        self.control.post(f"/services/{SERVICE}")
        self.endpoint("services")

    def test_each_product_is_asked_at_its_own_host(self):
        self.control.post(f"/endpoints/{ENDPOINT}", SecurityGroups=[GROUP])
        self.control.post(f"/security-groups/{GROUP}", rules=[OPEN])
        self.endpoint("show", ENDPOINT, "--from", "192.168.2.9")
        self.endpoint("services")
        hosts = {entry["product"]: entry["host"] for entry in self.host.api_log()}
        self.assertEqual(hosts, {"privatelink": API_NAME, "ecs": ECS_NAME, "sts": STS_NAMES[1]})

    def test_the_api_out_of_reach_is_not_the_account_s_fault(self):
        self.control.post("/listeners/api", open=False)
        done = self.endpoint("list", code=3)
        self.assertIn("owner: this host's network", done.stderr)

    def test_a_refusal_has_code_request_id_owner_and_next_step(self):
        self.control.post("/faults", kind="denied", action="ListVpcEndpoints")
        done = self.endpoint("list", code=3)
        for part in ("NoPermission", "RequestId ", "owner: your account's RAM administrator", "next:  grant privatelink:ListVpcEndpoints"):
            self.assertIn(part, done.stderr)
        error = self.json("list", code=3)["error"]
        self.assertEqual((error["code"], error["api_code"]), ("api_denied", "NoPermission"))
        self.assertRegex(error["request_id"], r"^[0-9A-F-]{36}$")

    def test_another_region_and_an_unknown_endpoint(self):
        self.assertEqual(self.json("list", "--region", "cn-shanghai")["endpoints"], [])
        self.assertEqual(self.json("show", "ep-bp1nowhere", code=2)["error"]["api_code"], "EndpointNotFound")


class SecurityGroups(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}], "SecurityGroups": [GROUP]}},
                "security_groups": {GROUP: {"rules": [OPEN]}}, "prefix_lists": {"pl-1": ["192.168.2.0/24"]}}
    HOST = "192.168.2.9"
    EXITS = {"yes": 0, "unknown": 1, "no": 2}

    def judged(self, expected, *rules, source=HOST, inner="Drop"):
        self.control.post(f"/security-groups/{GROUP}", rules=list(rules), inner=inner)
        shown = self.json("show", ENDPOINT, "--from", source, code=self.EXITS[expected])
        self.assertEqual((shown["access"]["allowed"], shown["access"]["from"], shown["access"]["port"]), (expected, source, 443))
        return shown["access"]["reason"]

    def test_rules(self):
        drop = {"Policy": "Drop", "PortRange": "-1/-1", "IpProtocol": "ALL", "SourceCidrIp": "0.0.0.0/0"}
        self.judged("yes", OPEN)
        self.judged("yes", OPEN, {**drop, "Priority": "100"})
        self.judged("no", OPEN, {**drop, "Priority": 1})
        self.judged("no")
        self.judged("unknown", inner="Accept")
        self.judged("no", OPEN, source="10.0.0.1")
        self.judged("unknown", {"PortRange": "443/443", "SourceGroupId": "sg-other"})
        self.judged("yes", {"PortRange": "443/443", "SourcePrefixListId": "pl-1"})
        self.judged("no", {"PortRange": "443/443", "SourcePrefixListId": "pl-1"}, source="192.168.3.1")
        self.judged("unknown", {"PortRange": "443/443", "SourcePrefixListId": "pl-secret"})
        self.judged("yes", {"PortRange": "443/443", "Ipv6SourceCidrIp": "2408::/16"}, source="2408::1")
        self.judged("no", {**OPEN, "Direction": "egress"})

    def test_rules_on_later_pages_count(self):
        self.control.post("/options", page_size=2)
        others = [{**OPEN, "PortRange": f"{port}/{port}"} for port in range(1, 6)]
        self.assertIn("192.168.0.0/16", self.judged("yes", *others, OPEN))

    def test_rules_that_may_not_be_read_are_unknown_with_the_reason(self):
        self.control.post("/faults", kind="denied", action="DescribeSecurityGroupAttribute")
        self.assertIn("NoPermission", self.judged("unknown", OPEN))

    def test_a_group_that_is_just_being_attached_is_unknown(self):
        self.control.post(f"/endpoints/{ENDPOINT}", SecurityGroups=[{"SecurityGroupId": GROUP, "SecurityGroupStatus": "Attaching"}])
        self.assertIn("Attaching", self.judged("unknown", OPEN))

    def test_the_host_s_own_address_and_groups(self):
        self.control.post(f"/security-groups/{GROUP}", rules=[{**OPEN, "SourceCidrIp": "127.0.0.0/8"}])
        own = self.json("show", ENDPOINT)["access"]
        self.assertEqual((own["from"], own["allowed"]), ("127.0.0.1", "yes"))  # what the route to the endpoint gives
        self.control.post("/imds", values={"security-groups": f"sg-x\r\n{GROUP}"})
        self.control.post(f"/security-groups/{GROUP}", rules=[], inner="Accept")
        self.assertEqual(self.json("show", ENDPOINT)["access"]["allowed"], "yes")
        self.control.post("/imds", values={"security-groups": "sg-x"})
        self.assertEqual(self.json("show", ENDPOINT, code=2)["access"]["allowed"], "no")


class RamPolicies(EndpointTest):
    """packaging/ram allows exactly what the commands call: a key with just these actions can do everything, and uses all."""
    SCENARIO = {"prefix_lists": {"pl-1": ["192.168.0.0/16"]}}

    @staticmethod
    def actions(name):
        with open(f"{host.ROOT}/packaging/ram/{name}", encoding="utf-8") as file:
            statements = json.load(file)["Statement"]
        found = [action for s in statements for action in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])]
        return sorted(found)

    def may(self, actions):
        self.control.post("/keys", id=host.KEY_ID, secret=KEY_SECRET, actions=actions)

    def used(self, since):
        return {f"{entry['product']}:{entry['action']}" for entry in self.host.api_log() if entry["seq"] > since} - {"sts:GetCallerIdentity"}

    def mark(self):
        return max(entry["seq"] for entry in self.control.log())

    def look(self):
        self.endpoint("services")
        self.endpoint("list")
        self.endpoint("show", MADE, "--from", "192.168.2.9")
        self.endpoint("wait", MADE, "--interval", "100ms")
        self.endpoint("export", MADE, f"{self.host.folder}/zones.json")

    def test_exactly_what_is_called(self):
        read, create = self.actions("postern-read.json"), self.actions("postern-create.json")
        self.assertEqual(set(read) & set(create), set())
        self.may(read + create)
        self.endpoint("create")
        self.control.post("/tick", seconds=60)
        self.control.post(f"/endpoints/{MADE}/accept")
        self.control.post("/tick", seconds=60)
        (group,) = self.state()["ecs"]["groups"]
        self.control.post(f"/security-groups/{group}", rules=[{"PortRange": "443/443", "SourcePrefixListId": "pl-1"}])

        since = self.mark()
        self.may(read)
        self.look()
        self.assertEqual(self.used(since), set(read))

        self.endpoint("delete", MADE, "--yes", code=2)  # reading does not delete
        self.assertIn(MADE, self.state()["endpoints"])
        self.may(read + create)
        self.endpoint("zone", "add", MADE, "cn-hangzhou-i,vsw-2", "--interval", "100ms")
        self.endpoint("zone", "remove", MADE, "cn-hangzhou-i", "--yes", "--interval", "100ms")
        self.control.post(f"/endpoints/{MADE}/disconnect")
        self.endpoint("delete", MADE, "--yes", "--interval", "100ms")
        self.endpoint("remove-group", group, "--yes")
        self.assertEqual(self.used(0), set(read) | set(create))

    def test_the_agent_itself_reads_only(self):
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", Zones=[{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}])
        self.may(self.actions("postern-read.json"))
        self.host.start_gateways()
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A)
        self.assertEqual(self.used(0), {"privatelink:GetVpcEndpointAttribute", "privatelink:ListVpcEndpointZones"})


if __name__ == "__main__":
    unittest.main()
