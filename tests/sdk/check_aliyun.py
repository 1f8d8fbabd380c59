# SPDX-License-Identifier: Apache-2.0
"""What the official Python SDK sends and understands, against tests/standin/aliyun.py. Started by run.sh, in a venv with the SDK."""

import datetime
import importlib.metadata
import inspect
import json
import os
import sys
import tempfile
import unittest

# Behind the SDK's own packages, one of which has the name of a stand-in's file (websocket).
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "standin"))

# pylint: disable=wrong-import-position
import pki
from alibabacloud_privatelink20200415 import models
from alibabacloud_privatelink20200415.client import Client
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config
from launch import StandIn

RETRIES_AS_TOLD = tuple(map(int, importlib.metadata.version("alibabacloud_tea_openapi").split("."))) >= (0, 4, 5)
REGION = "cn-hangzhou"
VPC, GROUP = "vpc-bp1example00000000001", "sg-bp1example00000000001"
SERVICE, FAR_SERVICE = "epsrv-bp1example0000000009", "epsrv-2zeexample000000001"
ROLE = "acs:ram::1234567890123456:role/reader"
OIDC = "acs:ram::1234567890123456:oidc-provider/example"
SCENARIO = {
    "keys": [{"id": "LTAIexample", "secret": "exampleSecret"}],
    "roles": {ROLE: {"trusted": ["LTAIexample"], "external_id": "x", "oidc_provider": OIDC, "oidc_token": "token"}},
    "services": {SERVICE: {"AddressIpVersion": "DualStack", "Zones": ["cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j"]},
                 FAR_SERVICE: {"region": "cn-beijing", "Zones": ["cn-beijing-a"]}},
    "security_groups": {GROUP: {"vpc": VPC}},
}


def fields_of(model):
    return set(inspect.signature(model.__init__).parameters) - {"self"}


def known(model, fields):
    """Those of the fields that this version of the SDK has."""
    return {name: value for name, value in fields.items() if name in fields_of(model)}


class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pki.make(cls.folder, ["127.0.0.1"])

    def setUp(self):
        scenario = os.path.join(self.folder, "scenario.json")
        with open(scenario, "w", encoding="utf-8") as file:
            json.dump(SCENARIO, file)
        self.aliyun = StandIn("aliyun.py", "--cert", f"{self.folder}/good.pem", "--key", f"{self.folder}/good.key",
                              "--scenario", scenario)
        self.addCleanup(self.aliyun.stop)
        self.control = self.aliyun.control
        self.client = Client(self.config())

    def config(self, key="LTAIexample", secret="exampleSecret", token=None, **more):
        return Config(access_key_id=key, access_key_secret=secret, security_token=token, region_id=REGION,
                      endpoint=self.aliyun.ready["api"], ca=f"{self.folder}/ca.pem", **more)

    def refused(self, code, function, *arguments):
        with self.assertRaises(Exception) as caught:
            function(*arguments)
        self.assertEqual(getattr(caught.exception, "code", None), code, caught.exception)

    def list(self, **fields):
        return self.client.list_vpc_endpoints(models.ListVpcEndpointsRequest(region_id=REGION, **fields)).body

    def zones(self, endpoint, **fields):
        request = models.ListVpcEndpointZonesRequest(region_id=REGION, endpoint_id=endpoint, **fields)
        return self.client.list_vpc_endpoint_zones(request).body

    def attribute(self, endpoint):
        request = models.GetVpcEndpointAttributeRequest(region_id=REGION, endpoint_id=endpoint)
        return self.client.get_vpc_endpoint_attribute(request).body

    def create(self, **fields):
        request = models.CreateVpcEndpointRequest(**{"region_id": REGION, "vpc_id": VPC, "service_id": SERVICE, **fields})
        return self.client.create_vpc_endpoint(request).body

    def endpoints(self):
        return self.control.get("/state")["endpoints"]


class Reading(Fixture):
    def test_filters_and_tags(self):
        self.control.put("/endpoints/ep-one", VpcId="vpc-one", EndpointName="the one + only/*~ 测试", ConnectionStatus="Pending",
                         Tags=[{"Key": "env", "Value": "prod"}, {"Key": "a b", "Value": "c+d/=&é"}])
        self.control.put("/endpoints/ep-two", VpcId="vpc-two", AddressIpVersion="DualStack", ResourceGroupId="rg-two")
        tag = models.ListVpcEndpointsRequestTag
        for fields, expected in (
                ({}, ["ep-one", "ep-two"]), ({"vpc_id": "vpc-one"}, ["ep-one"]), ({"endpoint_id": "ep-two"}, ["ep-two"]),
                ({"endpoint_name": "the one + only/*~ 测试"}, ["ep-one"]), ({"connection_status": "Pending"}, ["ep-one"]),
                ({"address_ip_version": "DualStack"}, ["ep-two"]), ({"resource_group_id": "rg-two"}, ["ep-two"]),
                ({"endpoint_status": "Deleting"}, []), ({"tag": [tag(key="env", value="prod")]}, ["ep-one"]),
                ({"tag": [tag(key="env", value="test")]}, []), ({"tag": [tag(key="a b", value="c+d/=&é"), tag(key="env")]}, ["ep-one"]),
                ({"service_name": f"com.aliyuncs.privatelink.{REGION}.{SERVICE}"}, ["ep-one", "ep-two"]),
                ({"service_region_id": REGION}, ["ep-one", "ep-two"])):
            with self.subTest(fields=fields):
                fields = known(models.ListVpcEndpointsRequest, fields)
                self.assertEqual([endpoint.endpoint_id for endpoint in self.list(**fields).endpoints], expected)
        found = self.list(endpoint_id="ep-one").endpoints[0]
        self.assertEqual([(tag.key, tag.value) for tag in found.tags], [("env", "prod"), ("a b", "c+d/=&é")])

    def test_paging(self):
        for number in range(60):
            self.control.put(f"/endpoints/ep-{number:02d}")
        pages, token = [], None
        while token != "":
            page = self.list(max_results=25, next_token=token)
            pages.append([endpoint.endpoint_id for endpoint in page.endpoints])
            token = page.next_token or ""
        self.assertEqual([len(page) for page in pages], [25, 25, 10])
        self.assertEqual(sum(pages, []), [f"ep-{number:02d}" for number in range(60)])
        self.assertEqual(len(self.list(max_results=1000).endpoints), 60)
        self.refused("InvalidMaxResults", lambda: self.list(max_results=1001))

    def test_zones_and_attribute(self):
        self.control.put("/endpoints/ep-one", Zones=[{"ZoneId": "cn-hangzhou-h", "EniIp": "127.0.0.2"},
                                                     {"ZoneId": "cn-hangzhou-i", "EniIp": "127.0.0.3", "ZoneStatus": "Wait"}])
        first = self.zones("ep-one", max_results=1)
        second = self.zones("ep-one", max_results=1, next_token=first.next_token)
        self.assertEqual([(zone.zone_id, zone.eni_ip, zone.zone_status) for zone in [*first.zones, *second.zones]],
                         [("cn-hangzhou-h", "127.0.0.2", "Connected"), ("cn-hangzhou-i", "127.0.0.3", "Wait")])
        self.assertEqual((first.total_count, second.next_token), (2, None))
        found = self.attribute("ep-one")
        self.assertEqual((found.endpoint_status, found.connection_status, found.bandwidth), ("Active", "Connected", 1024))
        self.refused("EndpointNotFound", self.attribute, "ep-other")


class Writing(Fixture):
    FIELDS = {"address_ip_version": "DualStack", "endpoint_name": "postern", "endpoint_description": "every field + 测试",
              "endpoint_type": "Interface", "resource_group_id": "rg-postern", "service_region_id": REGION,
              "zone_affinity_enabled": True, "protected_enabled": True, "policy_document": '{"Version": "1"}'}

    @staticmethod
    def zone(letter, **more):
        return models.CreateVpcEndpointRequestZone(zone_id=f"cn-hangzhou-{letter}", v_switch_id=f"vsw-{letter}", **more)

    def test_every_field_of_create_comes_back(self):
        tags = [models.CreateVpcEndpointRequestTag(key="env", value="prod"), models.CreateVpcEndpointRequestTag(key="by", value="postern + it")]
        fields = {**self.FIELDS, "security_group_id": [GROUP], "tag": tags, "zone_private_ip_address_count": 1, "dry_run": False,
                  "client_token": "0c593ea1-3bea-11e9-b96b-88e9fe637760",
                  "service_name": f"com.aliyuncs.privatelink.{REGION}.{SERVICE}",
                  "zone": [self.zone("h", ip="10.0.0.7", ipv_6address="2001:db8::7"), self.zone("i")]}
        # Every field of the model is here, and the one that has a test of its own.
        here = {*fields, "region_id", "vpc_id", "service_id", "cross_region_bandwidth"}
        self.assertEqual(fields_of(models.CreateVpcEndpointRequest) - here, set())
        made = self.create(**known(models.CreateVpcEndpointRequest, fields))
        self.control.post("/tick", seconds=20)
        listed = self.list(tag=[models.ListVpcEndpointsRequestTag(key="by", value="postern + it")]).endpoints[0]
        found = self.attribute(made.endpoint_id)
        for name, value in known(models.CreateVpcEndpointRequest, self.FIELDS).items():
            for where in (found, listed, made):
                if hasattr(where, name):
                    self.assertEqual(getattr(where, name), value, name)
        self.assertEqual(listed.endpoint_id, made.endpoint_id)
        self.assertEqual([(tag.key, tag.value) for tag in listed.tags], [("env", "prod"), ("by", "postern + it")])
        zones = self.zones(made.endpoint_id).zones
        self.assertEqual([(zone.zone_id, zone.v_switch_id, zone.zone_status) for zone in zones],
                         [("cn-hangzhou-h", "vsw-h", "Wait"), ("cn-hangzhou-i", "vsw-i", "Wait")])
        self.assertEqual((zones[0].eni_ip, zones[0].zone_ipv_6address), ("10.0.0.7", "2001:db8::7"))
        self.assertIn(":", zones[1].zone_ipv_6address)
        groups = self.client.list_vpc_endpoint_security_groups(
            models.ListVpcEndpointSecurityGroupsRequest(region_id=REGION, endpoint_id=made.endpoint_id)).body
        self.assertEqual([group.security_group_id for group in groups.security_groups], [GROUP])

    @unittest.skipUnless("service_region_id" in fields_of(models.CreateVpcEndpointRequest), "this version knows one region")
    def test_another_region(self):
        fields = {"service_id": FAR_SERVICE, "zone": [self.zone("h")]}
        self.refused("EndpointServiceNotFound", lambda: self.create(**fields))
        made = self.create(**fields, service_region_id="cn-beijing", cross_region_bandwidth=200)
        found = self.attribute(made.endpoint_id)
        self.assertEqual((found.region_id, found.service_region_id, found.cross_region_bandwidth), (REGION, "cn-beijing", 200))

    def test_dry_runs_make_nothing(self):
        self.refused("DryRunOperation", lambda: self.create(dry_run=True, zone=[self.zone("h")]))
        self.refused("ZoneNotSupported", lambda: self.create(dry_run=True, zone=[self.zone("k")]))
        self.assertEqual(self.endpoints(), {})
        self.assertEqual(self.control.log()[0]["params"]["DryRun"], "True")

    def test_a_client_token_makes_one(self):
        first, second = (self.create(client_token="t", zone=[self.zone("h")]).endpoint_id for _ in range(2))
        self.assertEqual((first, len(self.endpoints())), (second, 1))

    def test_zones_and_the_end(self):
        made = self.create(address_ip_version="DualStack", zone=[self.zone("h")]).endpoint_id
        self.control.post("/tick", seconds=20)
        add = {"region_id": REGION, "endpoint_id": made, "zone_id": "cn-hangzhou-i", "v_switch_id": "vsw-i", "ip": "10.0.1.9",
               "ipv_6address": "2001:db8::9"}
        self.refused("DryRunOperation", self.client.add_zone_to_vpc_endpoint, models.AddZoneToVpcEndpointRequest(dry_run=True, **add))
        self.client.add_zone_to_vpc_endpoint(models.AddZoneToVpcEndpointRequest(client_token="t", **add))
        self.control.post("/tick", seconds=20)
        added = self.zones(made).zones[1]
        self.assertEqual((added.zone_status, added.eni_ip, added.zone_ipv_6address), ("Wait", "10.0.1.9", "2001:db8::9"))
        remove = self.client.remove_zone_from_vpc_endpoint
        for letter in "hi":
            request = {"region_id": REGION, "endpoint_id": made, "zone_id": f"cn-hangzhou-{letter}"}
            self.refused("DryRunOperation", remove, models.RemoveZoneFromVpcEndpointRequest(dry_run=True, **request))
            remove(models.RemoveZoneFromVpcEndpointRequest(**request))
            self.control.post("/tick", seconds=15)
        self.assertEqual(self.zones(made).zones, [])
        end = {"region_id": REGION, "endpoint_id": made}
        self.refused("DryRunOperation", self.client.delete_vpc_endpoint, models.DeleteVpcEndpointRequest(dry_run=True, **end))
        self.client.delete_vpc_endpoint(models.DeleteVpcEndpointRequest(client_token="t", **end))
        self.control.post("/tick", seconds=15)
        self.refused("EndpointNotFound", self.attribute, made)


class Signing(Fixture):
    def test_a_wrong_signature_is_refused(self):
        for code, config in (("SignatureDoesNotMatch", self.config(secret="wrong")),
                             ("InvalidAccessKeyId.NotFound", self.config(key="nobody")),
                             ("InvalidSecurityToken.Malformed", self.config(token="made-up"))):
            with self.subTest(code):
                self.client = Client(config)
                self.refused(code, self.list)

    def test_the_keys_of_a_role(self):
        sts = StsClient(self.config())
        request = {"role_arn": ROLE, "role_session_name": "postern", "duration_seconds": 900}
        self.refused("NoPermission", sts.assume_role, sts_models.AssumeRoleRequest(**request))
        given = sts.assume_role(sts_models.AssumeRoleRequest(external_id="x", **request)).body.credentials
        self.assertRegex(given.expiration, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertGreater(given.expiration, datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.client = Client(self.config(given.access_key_id, given.access_key_secret, given.security_token))
        self.assertEqual(self.list().endpoints, [])
        self.assertTrue(self.control.log()[-1]["security_token"])
        self.control.post("/sts/expire")
        self.refused("InvalidSecurityToken.Expired", self.list)

    def test_the_keys_of_a_role_by_oidc(self):
        sts = StsClient(self.config())
        request = {"role_arn": ROLE, "role_session_name": "postern", "oidcprovider_arn": OIDC}
        given = sts.assume_role_with_oidc(sts_models.AssumeRoleWithOIDCRequest(oidctoken="token", **request)).body.credentials
        self.client = Client(self.config(given.access_key_id, given.access_key_secret, given.security_token))
        self.assertEqual(self.list().endpoints, [])
        self.refused("AuthenticationFail.OIDCToken.Invalid", sts.assume_role_with_oidc,
                     sts_models.AssumeRoleWithOIDCRequest(oidctoken="other", **request))


class Throttling(Fixture):
    def test_without_retries_it_is_an_error(self):
        self.control.post("/faults", kind="throttle", count=1, retry_after_ms=350)
        self.refused("Throttling.User", self.list)

    @unittest.skipUnless(RETRIES_AS_TOLD, "x-acs-retry-after is read since tea-openapi 0.4.5")
    def test_the_time_that_is_told_is_waited(self):
        # pylint: disable=import-outside-toplevel
        from darabonba.core import DaraCore
        from darabonba.policy.retry import RetryOptions
        waited = []
        self.addCleanup(setattr, DaraCore, "sleep", staticmethod(DaraCore.sleep))
        DaraCore.sleep = staticmethod(waited.append)
        options = RetryOptions({"retryable": True, "retryCondition": [{"maxAttempts": 3, "exception": ["ThrottlingException"]}]})
        self.client = Client(self.config(retry_options=options))
        for retry_after_ms in (350, 1200):
            self.control.post("/faults", kind="throttle", count=1, retry_after_ms=retry_after_ms)
        self.assertEqual(self.list().endpoints, [])
        self.assertEqual(waited, [350, 1200])
        self.assertEqual([entry.get("fault") for entry in self.control.log()], ["throttle", "throttle", None])
        # Without the header this SDK tells no throttling from another refusal, and asks once.
        self.control.post("/faults", kind="throttle", count=1, retry_after_ms=None)
        self.refused("Throttling.User", self.list)


if __name__ == "__main__":
    unittest.main()
