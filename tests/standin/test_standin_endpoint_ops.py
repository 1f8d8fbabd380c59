# SPDX-License-Identifier: Apache-2.0
"""The fake cloud's write operations, services, security groups and the life of endpoints."""

import json
import os
import unittest
from urllib.parse import quote

from launch import StandIn
from test_standin_aliyun import ENDPOINT, KEY_ID, SECRET, Fixture

SERVICE = "epsrv-bp1example0000000009"
VPC = "vpc-bp1example00000000001"
MADE = "ep-bp1made00000000000001"
GROUP = "sg-bp1example00000000001"
ECS = {"x_acs_version": "2014-05-26"}


def query(**parameters):
    """As it is signed: sorted, RFC 3986."""
    pairs = {"RegionId": "cn-hangzhou", **{name.replace("__", "."): str(value) for name, value in parameters.items()}}
    return "&".join(f"{name}={quote(pairs[name], safe='-_.~')}" for name in sorted(pairs))


class Operations(Fixture):
    def setUp(self):
        super().setUp()
        self.control.post(f"/services/{SERVICE}", Zones=["cn-hangzhou-h", "cn-hangzhou-i"])
        self.control.post(f"/security-groups/{GROUP}", rules=[{"PortRange": "443/443", "SourceCidrIp": "10.0.0.0/8"}])

    def ask(self, action, code=None, signing=None, **parameters):
        status, value, _ = self.call(action, query(**parameters), **(signing or {}))
        self.assertEqual(value.get("Code"), code, value)
        self.assertEqual(status == 200, code is None)
        return value

    def create(self, code=None, **more):
        parameters = {"VpcId": VPC, "ServiceId": SERVICE, "Zone__1__ZoneId": "cn-hangzhou-h", "Zone__1__VSwitchId": "vsw-1", **more}
        return self.ask("CreateVpcEndpoint", code, **parameters)

    def states(self, endpoint=MADE):
        attribute = self.ask("GetVpcEndpointAttribute", EndpointId=endpoint)
        zones = self.ask("ListVpcEndpointZones", EndpointId=endpoint)["Zones"]
        return attribute["EndpointStatus"], attribute["ConnectionStatus"], [zone["ZoneStatus"] for zone in zones]


class Writing(Operations):
    def test_a_life_in_virtual_time(self):
        self.assertEqual(self.create()["EndpointStatus"], "Creating")
        self.assertEqual(self.states(), ("Creating", "Disconnected", ["Creating"]))
        self.control.post("/tick", seconds=19)
        self.assertEqual(self.states()[0], "Creating")
        self.control.post("/tick", seconds=1)
        self.assertEqual(self.states(), ("Active", "Pending", ["Wait"]))
        self.control.post(f"/endpoints/{MADE}/accept")
        self.assertEqual(self.states(), ("Active", "Connecting", ["Connecting"]))
        self.control.post("/tick", seconds=10)
        self.assertEqual(self.states(), ("Active", "Connected", ["Connected"]))
        self.ask("DeleteVpcEndpoint", "EndpointConnectionOperationDenied", EndpointId=MADE)
        self.ask("RemoveZoneFromVpcEndpoint", "EndpointConnectionOperationDenied", EndpointId=MADE, ZoneId="cn-hangzhou-h")
        self.control.post(f"/endpoints/{MADE}/disconnect")
        self.assertEqual(self.states(), ("Active", "Disconnected", ["Disconnected"]))
        self.ask("DeleteVpcEndpoint", "EndpointOperationDenied", EndpointId=MADE)
        self.ask("RemoveZoneFromVpcEndpoint", EndpointId=MADE, ZoneId="cn-hangzhou-h")
        self.assertEqual(self.states(), ("Pending", "Disconnected", ["Deleting"]))
        self.ask("DeleteVpcEndpoint", "EndpointLocked", EndpointId=MADE)
        self.control.post("/tick", seconds=5)
        self.ask("DeleteVpcEndpoint", EndpointId=MADE)
        self.assertEqual(self.states()[0], "Deleting")
        self.control.post("/tick", seconds=15)
        self.ask("GetVpcEndpointAttribute", "EndpointNotFound", EndpointId=MADE)

    def test_zones_come_and_go(self):
        self.create()
        self.control.post("/tick", seconds=20)
        zone = {"EndpointId": MADE, "ZoneId": "cn-hangzhou-i"}
        self.ask("AddZoneToVpcEndpoint", "MissingVSwitchId", **zone)
        self.ask("AddZoneToVpcEndpoint", "ZoneNotSupported", EndpointId=MADE, ZoneId="cn-hangzhou-k", VSwitchId="vsw-2")
        self.ask("AddZoneToVpcEndpoint", "InvalidParameter", VSwitchId="vsw-2", Ipv6Address="2408::9", **zone)
        self.ask("AddZoneToVpcEndpoint", "DryRunOperation", VSwitchId="vsw-2", DryRun="True", **zone)
        for _ in range(2):  # with the same token: once
            self.ask("AddZoneToVpcEndpoint", VSwitchId="vsw-2", ip="192.168.3.9", ClientToken="t", **zone)
        self.assertEqual(self.states()[2], ["Wait", "Creating"])
        self.ask("RemoveZoneFromVpcEndpoint", "EndpointLocked", **zone)
        self.control.post("/tick", seconds=5)
        self.assertEqual(self.ask("ListVpcEndpointZones", EndpointId=MADE)["Zones"][1]["EniIp"], "192.168.3.9")
        self.control.post(f"/endpoints/{MADE}/accept")
        self.control.post("/tick", seconds=10)
        self.ask("RemoveZoneFromVpcEndpoint", "DryRunOperation", DryRun="1", **zone)
        self.ask("RemoveZoneFromVpcEndpoint", **zone)
        self.control.post("/tick", seconds=5)
        self.assertEqual(self.states(), ("Active", "Connected", ["Connected"]))

    def test_what_is_said_is_stored_and_returned(self):
        self.control.post(f"/services/{SERVICE}", AddressIpVersion="DualStack")
        given = {"AddressIpVersion": "DualStack", "ResourceGroupId": "rg-1", "ZoneAffinityEnabled": "false"}
        self.create(**given, Tag__1__Key="env", Tag__1__Value="prod", Zone__1__Ipv6Address="2408::9", Zone__2__ZoneId="cn-hangzhou-i",
                    Zone__2__VSwitchId="vsw-2", CrossRegionBandwidth="200", ServiceRegionId="cn-hangzhou")
        self.control.post("/tick", seconds=20)
        found = self.ask("GetVpcEndpointAttribute", EndpointId=MADE)
        self.assertEqual((found["AddressIpVersion"], found["ResourceGroupId"], found["ZoneAffinityEnabled"], found["CrossRegionBandwidth"]),
                         ("DualStack", "rg-1", False, 200))
        self.assertNotIn("Tags", found)
        listed = next(e for e in self.ask("ListVpcEndpoints")["Endpoints"] if e["EndpointId"] == MADE)
        self.assertEqual(listed["Tags"], [{"Key": "env", "Value": "prod"}])
        zones = self.ask("ListVpcEndpointZones", EndpointId=MADE)["Zones"]
        self.assertEqual([zone["ZoneIpv6Address"] for zone in zones], ["2408::9", "2408:4005:3b6:4a00::101"])

    def test_a_name_that_the_models_do_not_have_is_a_mistake(self):
        self.create("InvalidParameter", AddressIPVersion="DualStack")
        self.create("InvalidParameter", Zone__1__Ip="10.0.0.1")
        self.create("InvalidAddressIpVersion", AddressIpVersion="DualStack")  # the service has IPv4 only
        self.create("InvalidCrossRegionBandwidth", CrossRegionBandwidth="99")

    def test_time_passes_with_requests_where_that_is_asked_for(self):
        self.control.post("/lifecycle", request_s=10)
        self.create()
        self.assertEqual([self.states()[0], self.states()[0]], ["Creating", "Active"])

    def test_a_client_token_makes_one(self):
        first = self.create(ClientToken="t-1")
        self.assertEqual(self.create(ClientToken="t-1")["EndpointId"], first["EndpointId"])
        self.assertNotEqual(self.create(ClientToken="t-2")["EndpointId"], first["EndpointId"])
        self.create("IdempotentParameterMismatch", ClientToken="t-1", EndpointName="other")
        self.assertNotEqual(self.create()["EndpointId"], self.create()["EndpointId"])

    def test_a_dry_run_checks_and_makes_nothing(self):
        self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Disconnected", Zones=[])
        for word in ("true", "True", "TRUE", "1"):  # the Python SDK sends str(True)
            with self.subTest(word):
                self.create("DryRunOperation", DryRun=word)
                self.ask("DeleteVpcEndpoint", "DryRunOperation", EndpointId=ENDPOINT, DryRun=word)
        self.create("InvalidDryRun", DryRun="perhaps")
        self.create("EndpointServiceNotFound", DryRun="true", ServiceId="epsrv-other")
        self.assertEqual(set(self.control.get("/state")["endpoints"]), {ENDPOINT})
        for word in ("false", "False", "0", ""):
            self.create(DryRun=word)

    def test_what_is_asked_for_is_stored_and_shown(self):
        self.control.post(f"/services/{SERVICE}", AddressIpVersion="DualStack")
        asked = {"AddressIpVersion": "DualStack", "EndpointName": "named", "EndpointDescription": "two zones, both families",
                 "EndpointType": "Interface", "ResourceGroupId": "rg-other", "ServiceRegionId": "cn-hangzhou",
                 "PolicyDocument": '{"Version":"1"}', "CrossRegionBandwidth": 300, "ZoneAffinityEnabled": True,
                 "ProtectedEnabled": True}
        made = self.create(Zone__1__ip="10.0.0.7", Zone__1__Ipv6Address="2001:db8::7", Zone__2__ZoneId="cn-hangzhou-i",
                           Zone__2__VSwitchId="vsw-2", Tag__1__Key="env", Tag__1__Value="prod", Tag__2__Key="empty",
                           ZonePrivateIpAddressCount=1, **asked)
        for name in ("AddressIpVersion", "EndpointName", "EndpointDescription", "ServiceRegionId", "CrossRegionBandwidth",
                     "ZoneAffinityEnabled"):
            self.assertEqual(made[name], asked[name], name)
        (listed,) = self.ask("ListVpcEndpoints", EndpointId=MADE, AddressIpVersion="DualStack", ResourceGroupId="rg-other",
                             Tag__1__Key="env", Tag__1__Value="prod")["Endpoints"]
        self.assertEqual(listed["Tags"], [{"Key": "env", "Value": "prod"}, {"Key": "empty", "Value": ""}])
        found = self.ask("GetVpcEndpointAttribute", EndpointId=MADE)
        for name, value in asked.items():
            self.assertEqual((name, found[name], listed[name]), (name, value, value))
        self.control.post("/tick", seconds=20)
        zones = self.ask("ListVpcEndpointZones", EndpointId=MADE)["Zones"]
        self.assertEqual([(zone["VSwitchId"], zone["ZoneStatus"]) for zone in zones], [("vsw-1", "Wait"), ("vsw-2", "Wait")])
        self.assertEqual((zones[0]["EniIp"], zones[0]["ZoneIpv6Address"]), ("10.0.0.7", "2001:db8::7"))
        self.assertIn(":", zones[1]["ZoneIpv6Address"])  # none was asked for: one is given

    def test_what_is_not_asked_for(self):
        self.create()
        found = self.ask("GetVpcEndpointAttribute", EndpointId=MADE)
        self.assertEqual([found[name] for name in ("AddressIpVersion", "EndpointDescription", "ZoneAffinityEnabled", "EndpointType")],
                         ["IPv4", "", False, "Interface"])
        self.assertEqual(self.ask("ListVpcEndpoints", EndpointId=MADE)["Endpoints"][0]["Tags"], [])

    def test_fields_that_are_refused(self):
        for code, asked in (
                ("InvalidAddressIpVersion", {"AddressIpVersion": "IPv6"}),
                ("InvalidAddressIpVersion", {"AddressIpVersion": "DualStack"}),  # the service has IPv4 alone
                ("InvalidParameter", {"Zone__1__Ipv6Address": "2001:db8::7"}),  # of an endpoint with IPv4 alone
                ("InvalidIpv6Address", {"Zone__1__Ipv6Address": "2001:db8::g"}),
                ("InvalidIp", {"Zone__1__ip": "10.0.0.256"}), ("InvalidEndpointType", {"EndpointType": "Gateway"}),
                ("InvalidZoneAffinityEnabled", {"ZoneAffinityEnabled": "maybe"}),
                ("InvalidZonePrivateIpAddressCount", {"ZonePrivateIpAddressCount": 2}),
                ("InvalidEndpointDescription", {"EndpointDescription": "http://x"}), ("InvalidTagKey", {"Tag__1__Key": "acs:x"}),
                ("InvalidTagKey", {"Tag__1__Key": "k" * 65}), ("InvalidTagValue", {"Tag__1__Key": "k", "Tag__1__Value": "v" * 129}),
                ("InvalidTag", {f"Tag__{number}__Key": f"k{number}" for number in range(1, 22)}),
                ("InvalidParameter", {f"Zone__{number}__{name}": f"{name}{number}" for number in range(2, 12)
                                 for name in ("ZoneId", "VSwitchId")}),
                ("InvalidParameter", {"Zone__2__ZoneId": "cn-hangzhou-h", "Zone__2__VSwitchId": "vsw-2"})):
            with self.subTest(code, asked=asked):
                self.create(code, **asked)

    def test_refusals(self):
        self.create("ZoneNotSupported", Zone__1__ZoneId="cn-hangzhou-k")
        self.create("InvalidSecurityGroupId.NotFound", SecurityGroupId__1="sg-other")
        self.control.post("/security-groups/sg-elsewhere", vpc="vpc-other")
        self.create("InvalidSecurityGroupId.NotSameVpc", SecurityGroupId__1="sg-elsewhere")
        self.create("InvalidEndpointName", EndpointName="1")
        self.control.delete(f"/services/{SERVICE}")
        self.create("EndpointServiceNotFound")
        self.ask("DeleteVpcEndpoint", "EndpointNotFound", EndpointId="ep-other")

    def test_services_of_the_account(self):
        reply = self.ask("ListVpcEndpointServicesByEndUser")
        self.assertEqual((reply["TotalCount"], reply["Services"][0]["Zones"]), ("1", ["cn-hangzhou-h", "cn-hangzhou-i"]))
        self.assertEqual(self.ask("ListVpcEndpointServicesByEndUser", ServiceId="epsrv-other")["Services"], [])


class SecurityGroups(Operations):
    def test_rules_come_wrapped_and_in_pages(self):
        self.control.post(f"/security-groups/{GROUP}", rules=[{"PortRange": f"{n}/{n}"} for n in range(12)])
        first = self.ask("DescribeSecurityGroupAttribute", signing=ECS, SecurityGroupId=GROUP, MaxResults=10)
        self.assertEqual(len(first["Permissions"]["Permission"]), 10)
        rest = self.ask("DescribeSecurityGroupAttribute", signing=ECS, SecurityGroupId=GROUP, MaxResults=10, NextToken=first["NextToken"])
        self.assertEqual((len(rest["Permissions"]["Permission"]), rest["NextToken"]), (2, ""))
        self.assertEqual(rest["Permissions"]["Permission"][0]["Priority"], "1")

    def test_a_group_is_made_and_opened_once(self):
        made = self.ask("CreateSecurityGroup", signing=ECS, VpcId=VPC, SecurityGroupName="n", ClientToken="t")["SecurityGroupId"]
        self.assertEqual(self.ask("CreateSecurityGroup", signing=ECS, VpcId=VPC, SecurityGroupName="n", ClientToken="t")["SecurityGroupId"], made)
        rule = {"Permissions__1__IpProtocol": "TCP", "Permissions__1__PortRange": "443/443", "Permissions__1__SourceCidrIp": "10.0.0.0/8"}
        for _ in range(2):
            self.ask("AuthorizeSecurityGroup", signing=ECS, SecurityGroupId=made, **rule)
        self.assertEqual(len(self.control.get("/state")["ecs"]["groups"][made]["rules"]), 1)
        found = self.ask("DescribeSecurityGroups", signing=ECS, VpcId=VPC, SecurityGroupName="n")
        self.assertEqual([group["SecurityGroupId"] for group in found["SecurityGroups"]["SecurityGroup"]], [made])

    def test_a_group_in_use_stays(self):
        self.control.post(f"/endpoints/{ENDPOINT}", SecurityGroups=[GROUP])
        self.ask("DeleteSecurityGroup", "DependencyViolation", signing=ECS, SecurityGroupId=GROUP)
        self.control.delete(f"/endpoints/{ENDPOINT}")
        self.ask("DeleteSecurityGroup", signing=ECS, SecurityGroupId=GROUP)
        self.ask("DeleteSecurityGroup", "InvalidSecurityGroupId.NotFound", signing=ECS, SecurityGroupId=GROUP)

    def test_an_action_belongs_to_its_version(self):
        self.ask("DescribeSecurityGroups", "InvalidApi.NotFound")
        self.ask("ListVpcEndpoints", "InvalidApi.NotFound", signing=ECS)


class Ram(Operations):
    def test_a_key_may_do_what_it_is_allowed(self):
        self.control.post("/keys", id=KEY_ID, secret=SECRET, actions=["privatelink:ListVpcEndpoints"])
        self.ask("ListVpcEndpoints")
        denied = self.ask("DescribeSecurityGroups", "NoPermission", signing=ECS)
        self.assertEqual(denied["AccessDeniedDetail"]["AuthAction"], "ecs:DescribeSecurityGroups")
        self.assertEqual(self.ask("GetCallerIdentity", signing={"x_acs_version": "2015-04-01"})["AccountId"], "1234567890123456")


class Scenario(Fixture):
    def test_everything_can_be_there_from_the_start(self):
        path = os.path.join(self.folder.name, "more.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"services": {SERVICE: {}}, "security_groups": {GROUP: {"rules": []}}, "prefix_lists": {"pl-1": ["10.0.0.0/8"]},
                       "lifecycle": {"create_s": 1}, "account_id": "42"}, file)
        other = StandIn("aliyun.py", "--cert", f"{self.folder.name}/good.pem", "--key", f"{self.folder.name}/good.key", "--scenario", path)
        self.addCleanup(other.stop)
        state = other.control.get("/state")
        self.assertEqual((list(state["ecs"]["groups"]), state["ecs"]["prefix_lists"], state["lifecycle"]["create_s"]),
                         ([GROUP], {"pl-1": ["10.0.0.0/8"]}, 1))


if __name__ == "__main__":
    unittest.main()
