# SPDX-License-Identifier: Apache-2.0
"""The fake PrivateZone: lists by number, writes, lines, bindings; and what it remembers for the tests."""

import unittest

from test_standin_aliyun import Fixture
from test_standin_endpoint_ops import query

PVTZ = {"x_acs_version": "2018-01-01"}
NAME = "db.example.com"


class PrivateZone(Fixture):
    def ask(self, action, code=None, **parameters):
        status, value, _ = self.call(action, query(**parameters), **PVTZ)
        self.assertEqual(value.get("Code"), code, value)
        self.assertEqual(status == 200, code is None)
        return value

    def add(self, zone, value="10.0.1.23", code=None, **more):
        return self.ask("AddZoneRecord", code, **{"ZoneId": zone, "Rr": "@", "Type": "A", "Value": value, **more}).get("RecordId")

    def state(self):
        return self.control.get("/state")["private_zones"]

    def test_a_zone_with_lines(self):
        zone = self.ask("AddZone", ZoneName=NAME, DnsGroup="FAST_ZONE", ProxyPattern="RECORD")["ZoneId"]
        record = self.add(zone, Line="aliyun_r_cn-hangzhou-h", Ttl=5, Remark="mine")
        self.add(zone, Line="default")
        self.add(zone, code="Record.Invalid.Conflict")
        self.add(zone, "10.0.1.24", code="Record.Invalid.Line", Line="nowhere")
        self.add(zone, "10.0.1.24", code="InvalidParameter", Ttl=6)
        self.add(zone, "2001:db8::1", code="Record.Invalid.Value")
        self.add(zone, code="InvalidParameter", Colour="red")  # unknown to the official model
        self.ask("AddZoneRecord", "MissingRr", ZoneId=zone, Type="A", Value="10.0.1.25")
        found = self.ask("DescribeZoneRecords", ZoneId=zone)
        self.assertEqual((found["TotalItems"], found["Records"]["Record"][0]["Remark"]), (2, "mine"))
        self.ask("UpdateZoneRecord", RecordId=record, Rr="@", Type="A", Value="10.0.1.99", Ttl=30, Line="aliyun_r_cn-hangzhou-h")
        self.ask("DeleteZoneRecord", RecordId=record)
        self.ask("DeleteZoneRecord", "Record.NotExists", RecordId=record)

    def test_a_normal_zone_has_no_lines(self):
        zone = self.ask("AddZone", ZoneName=NAME)["ZoneId"]
        self.add(zone, code="Record.Invalid.Line", Line="aliyun_r_cn-hangzhou-h")

    def test_binding_replaces_the_whole_set(self):
        zone = self.ask("AddZone", ZoneName=NAME)["ZoneId"]
        vpcs = {"Vpcs__1__VpcId": "vpc-1", "Vpcs__1__RegionId": "cn-hangzhou"}
        self.ask("BindZoneVpc", ZoneId=zone, **vpcs, Vpcs__2__VpcId="vpc-2", Vpcs__2__RegionId="cn-beijing")
        self.ask("DeleteZone", "Zone.VpcExists", ZoneId=zone)
        self.ask("BindZoneVpc", ZoneId=zone, **vpcs)
        self.assertEqual([v["VpcId"] for v in self.ask("DescribeZoneInfo", ZoneId=zone)["BindVpcs"]["Vpc"]], ["vpc-1"])
        other = self.ask("AddZone", ZoneName=NAME)["ZoneId"]
        self.ask("BindZoneVpc", "Zone.Vpc.Conflict", ZoneId=other, **vpcs)
        self.ask("BindZoneVpc", ZoneId=zone)
        self.ask("DeleteZone", ZoneId=zone)
        self.ask("DescribeZoneInfo", "Zone.NotExists", ZoneId=zone)

    def test_pages_by_number_and_searches(self):
        for number in range(5):
            self.control.put(f"/private-zones/z{number}", name=f"n{number}.{NAME}")
        page = self.ask("DescribeZones", PageNumber=2, PageSize=2)
        self.assertEqual((page["TotalItems"], page["TotalPages"], [z["ZoneId"] for z in page["Zones"]["Zone"]]), (5, 3, ["z2", "z3"]))
        self.assertEqual(len(self.ask("DescribeZones", Keyword=NAME)["Zones"]["Zone"]), 5)
        self.assertEqual(len(self.ask("DescribeZones", Keyword=NAME, SearchMode="EXACT")["Zones"]["Zone"]), 0)
        self.ask("DescribeZones", "InvalidParameter", PageSize=101)

    def test_a_repeated_token_is_one_request_and_the_history_is_kept(self):
        first, second = (self.ask("AddZone", ZoneName=NAME, ClientToken="t")["ZoneId"] for _ in range(2))
        self.assertEqual((first, len(self.state()["zones"])), (second, 1))
        self.add(first)
        self.ask("BindZoneVpc", ZoneId=first, Vpcs__1__VpcId="vpc-1", Vpcs__1__RegionId="cn-hangzhou")
        self.assertEqual([entry["answers"][NAME] for entry in self.state()["history"]], [{}, {}, {"default": ["10.0.1.23"]}])
        self.control.delete("/private-zones")
        self.assertEqual(self.state()["history"], [])


if __name__ == "__main__":
    unittest.main()
