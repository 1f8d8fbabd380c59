# SPDX-License-Identifier: Apache-2.0
"""postern publish privatezone, as the official Python SDK reads it, and the stand-in's PrivateZone as the SDK speaks to it. Started
by run.sh, in a venv with the SDK; POSTERN_BIN is the program."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tests", "standin"))

# pylint: disable=wrong-import-position
import pki
from alibabacloud_pvtz20180101 import models
from alibabacloud_pvtz20180101.client import Client
from alibabacloud_tea_openapi.models import Config
from launch import StandIn

POSTERN = os.path.abspath(os.environ.get("POSTERN_BIN", f"{ROOT}/build/release/postern"))
NAME, ENDPOINT, VPC = "db.example.com", "ep-bp1example0000000001", "vpc-bp1example00000000001"
KEY_ID, SECRET = "LTAIexample", "exampleSecret"
SCENARIO = {"keys": [{"id": KEY_ID, "secret": SECRET}], "endpoints": {ENDPOINT: {"Zones": [
    {"ZoneId": "cn-hangzhou-h", "EniIp": "10.0.1.23", "ZoneIpv6Address": "2001:db8::23"},
    {"ZoneId": "cn-hangzhou-i", "EniIp": "10.0.2.9"}]}}}


class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pki.make(cls.folder, ["127.0.0.1"])

    def setUp(self):
        with open(f"{self.folder}/scenario.json", "w", encoding="utf-8") as file:
            json.dump(SCENARIO, file)
        self.aliyun = StandIn("aliyun.py", "--cert", f"{self.folder}/good.pem", "--key", f"{self.folder}/good.key",
                              "--scenario", f"{self.folder}/scenario.json")
        self.addCleanup(self.aliyun.stop)
        self.client = Client(Config(access_key_id=KEY_ID, access_key_secret=SECRET, region_id="cn-hangzhou",
                                    endpoint=self.aliyun.ready["api"], ca=f"{self.folder}/ca.pem"))
        with open(f"{self.folder}/postern.toml", "w", encoding="utf-8") as file:
            file.write(f'[aliyun]\nregion = "cn-hangzhou"\napi_endpoint = "https://{self.aliyun.ready["api"]}"\n'
                       f'metadata_url = "http://{self.aliyun.ready["imds"]}"\nca_file = "{self.folder}/ca.pem"\n'
                       f'[[link]]\nname = "prod"\nhost = "{NAME}"\nendpoint = "{ENDPOINT}"\n')

    def publish(self, *arguments):
        environment = {**os.environ, "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
        done = subprocess.run([POSTERN, "publish", "privatezone", "--vpc", f"cn-hangzhou/{VPC}", "--config",
                               f"{self.folder}/postern.toml", "--yes", *arguments], env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def zones(self):
        reply = self.client.describe_zones(models.DescribeZonesRequest(keyword=NAME, search_mode="EXACT")).body
        return reply.zones.zone

    def records(self, zone):
        found, number = [], 1
        while True:
            reply = self.client.describe_zone_records(
                models.DescribeZoneRecordsRequest(zone_id=zone, page_number=number, page_size=3)).body
            found += reply.records.record
            if number >= reply.total_pages:
                return found
            number += 1

    def refused(self, code, function, *arguments):
        with self.assertRaises(Exception) as caught:
            function(*arguments)
        self.assertEqual(getattr(caught.exception, "code", None), code, caught.exception)


class Published(Fixture):
    def answers(self, zone):
        return {(r.type, r.line, r.value) for r in self.records(zone) if r.rr == "@"}

    def test_published_changed_and_undone(self):
        self.publish()
        (zone,) = self.zones()
        self.assertEqual((zone.zone_name, zone.dns_group, zone.proxy_pattern, zone.remark),
                         (NAME, "FAST_ZONE", "RECORD", "managed by postern"))
        info = self.client.describe_zone_info(models.DescribeZoneInfoRequest(zone_id=zone.zone_id)).body
        self.assertEqual([(vpc.region_id, vpc.vpc_id) for vpc in info.bind_vpcs.vpc], [("cn-hangzhou", VPC)])
        h, i = "aliyun_r_cn-hangzhou-h", "aliyun_r_cn-hangzhou-i"
        self.assertEqual(self.answers(zone.zone_id), {
            ("A", "default", "10.0.1.23"), ("A", "default", "10.0.2.9"), ("A", h, "10.0.1.23"), ("A", i, "10.0.2.9"),
            ("AAAA", "default", "2001:db8::23"), ("AAAA", h, "2001:db8::23"), ("AAAA", i, "2001:db8::23")})
        self.assertEqual({(r.ttl, r.remark, r.status) for r in self.records(zone.zone_id)}, {(30, "managed by postern", "ENABLE")})
        for record in self.records(zone.zone_id):  # as if the last change were long ago
            if record.rr == "_postern":
                self.client.delete_zone_record(models.DeleteZoneRecordRequest(record_id=record.record_id))
        self.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-h", EniIp="10.0.1.99")
        self.publish()
        self.assertEqual({value for kind, line, value in self.answers(zone.zone_id) if (kind, line) == ("A", "default")},
                         {"10.0.1.99", "10.0.2.9"})
        self.publish("--undo")
        self.assertEqual(self.zones(), [])

    def test_what_the_sdk_made_is_left(self):
        made = self.client.add_zone(models.AddZoneRequest(zone_name=NAME, dns_group="FAST_ZONE", proxy_pattern="RECORD")).body
        self.client.bind_zone_vpc(models.BindZoneVpcRequest(zone_id=made.zone_id, vpcs=[
            models.BindZoneVpcRequestVpcs(region_id="cn-hangzhou", vpc_id="vpc-other"),
            models.BindZoneVpcRequestVpcs(region_id="cn-hangzhou", vpc_id=VPC)]))
        own = self.client.add_zone_record(models.AddZoneRecordRequest(zone_id=made.zone_id, rr="www", type="A", value="10.9.9.9",
                                                                      ttl=60, line="default", remark="by hand")).body
        self.publish()
        self.assertEqual(len(self.zones()), 1)
        self.publish("--dry-run")
        info = self.client.describe_zone_info(models.DescribeZoneInfoRequest(zone_id=made.zone_id)).body
        self.assertEqual(len(info.bind_vpcs.vpc), 2)
        self.assertIn(own.record_id, [r.record_id for r in self.records(made.zone_id)])


class Standin(Fixture):
    """It is neither stricter nor more lenient than the SDK's words."""

    def test_a_life(self):
        zone = self.client.add_zone(models.AddZoneRequest(zone_name=NAME, client_token="t")).body.zone_id
        self.assertEqual(self.client.add_zone(models.AddZoneRequest(zone_name=NAME, client_token="t")).body.zone_id, zone)
        self.client.update_zone_remark(models.UpdateZoneRemarkRequest(zone_id=zone, remark="mine"))
        self.assertEqual(self.zones()[0].remark, "mine")
        add = {"zone_id": zone, "rr": "@", "type": "A", "value": "10.0.1.23"}
        record = self.client.add_zone_record(models.AddZoneRecordRequest(**add)).body.record_id
        self.assertGreater(record, 2**53)
        self.assertEqual(self.records(zone)[0].ttl, 60)
        self.refused("Record.Invalid.Conflict", self.client.add_zone_record, models.AddZoneRecordRequest(**add))
        self.client.update_zone_record(models.UpdateZoneRecordRequest(record_id=record, rr="@", type="A", value="10.0.1.24", ttl=5))
        self.client.set_zone_record_status(models.SetZoneRecordStatusRequest(record_id=record, status="DISABLE"))
        found = self.records(zone)[0]
        self.assertEqual((found.value, found.ttl, found.status, found.line), ("10.0.1.24", 5, "DISABLE", "default"))
        self.client.bind_zone_vpc(models.BindZoneVpcRequest(zone_id=zone, vpcs=[
            models.BindZoneVpcRequestVpcs(region_id="cn-hangzhou", vpc_id=VPC)]))
        self.refused("Zone.VpcExists", self.client.delete_zone, models.DeleteZoneRequest(zone_id=zone))
        self.client.bind_zone_vpc(models.BindZoneVpcRequest(zone_id=zone))  # nobody any more
        self.client.delete_zone_record(models.DeleteZoneRecordRequest(record_id=record))
        self.client.delete_zone(models.DeleteZoneRequest(zone_id=zone))
        self.refused("Zone.NotExists", self.client.describe_zone_info, models.DescribeZoneInfoRequest(zone_id=zone))


if __name__ == "__main__":
    unittest.main()
