# SPDX-License-Identifier: Apache-2.0
"""The fake PrivateZone API (pvtz, 2018-01-01): zones, their records with lines, and the VPCs that they are bound to. Lists are
wrapped and paged by number. What no document names (codes of some refusals) is a guess and says so."""

import copy
import ipaddress
import re
import threading
import time

from api_error import failed
from control import ControlError, check_keys
from parameters import structures

VERSION = "2018-01-01"
TTLS = ("5", "30", "60", "3600", "43200", "86400")
TYPES = ("A", "AAAA", "CNAME", "TXT", "MX", "PTR", "SRV")
LINE = re.compile(r"default|aliyun_r_[a-z]+-[a-z0-9-]+-[a-z]")
COMMON = {"RegionId", "Lang", "ClientToken", "UserClientIp"}
OF_A_WRITE = {
    "AddZone": {"ZoneName", "ProxyPattern", "DnsGroup", "ResourceGroupId", "ZoneTag", "ZoneType"},
    "DeleteZone": {"ZoneId"},
    "UpdateZoneRemark": {"ZoneId", "Remark"},
    "BindZoneVpc": {"ZoneId"},  # and Vpcs.N.…
    "AddZoneRecord": {"ZoneId", "Rr", "Type", "Value", "Ttl", "Line", "Priority", "Remark", "Weight"},
    "UpdateZoneRecord": {"RecordId", "Rr", "Type", "Value", "Ttl", "Line", "Priority", "Weight"},
    "DeleteZoneRecord": {"RecordId"},
    "SetZoneRecordStatus": {"RecordId", "Status"},
}
ZONE_KEYS = ("name", "remark", "dns_group", "proxy", "vpcs", "records")
RECORD_KEYS = ("Rr", "Type", "Value", "Ttl", "Line", "Status", "Remark", "Priority", "Weight")
FIRST_RECORD = 9007199254740993  # 2**53 + 1: an ID that a double can't hold
MAX_HISTORY = 5000


class PrivateZones:
    def __init__(self, zones, options):
        self._lock = threading.RLock()
        self._options = options
        self._zones = {}  # id -> {"name", "remark", "dns_group", "proxy", "vpcs": [API fields], "records": {id: API fields}}
        self._made = 0
        self._next_record = FIRST_RECORD
        self._done = {}  # (action, client token) -> reply
        self._history = []  # after each write: what each zone's own name has, by zone name
        for zone_id, body in zones.items():
            self.put(zone_id, body)

    def actions(self):
        """name -> (version, function, required parameters)"""
        writes = {"AddZone": (self._add_zone, ("ZoneName",)), "DeleteZone": (self._delete_zone, ("ZoneId",)),
                  "UpdateZoneRemark": (self._remark, ("ZoneId",)), "BindZoneVpc": (self._bind, ("ZoneId",)),
                  "AddZoneRecord": (self._add_record, ("ZoneId", "Rr", "Type", "Value")),
                  "UpdateZoneRecord": (self._update_record, ("RecordId", "Rr", "Type", "Value")),
                  "DeleteZoneRecord": (self._delete_record, ("RecordId",)),
                  "SetZoneRecordStatus": (self._set_status, ("RecordId", "Status"))}
        out = {name: (VERSION, self._writing(name, function), required) for name, (function, required) in writes.items()}
        return {**out, "DescribeZones": (VERSION, self._list_zones, ()),
                "DescribeZoneInfo": (VERSION, self._describe_zone, ("ZoneId",)),
                "DescribeZoneRecords": (VERSION, self._list_records, ("ZoneId",))}

    # --- control -----------------------------------------------------------------------------------------------------

    def put(self, zone_id, body):
        """{"name", "remark", "dns_group", "proxy", "vpcs": [{"RegionId","VpcId"}], "records": [API fields]}"""
        check_keys(body, ZONE_KEYS)
        with self._lock:
            zone = {"name": "", "remark": "", "dns_group": "NORMAL_ZONE", "proxy": "ZONE", "vpcs": [], **copy.deepcopy(body),
                    "records": {}}
            self._zones[zone_id] = zone
            for record in body.get("records", []):
                self.put_record(zone_id, record)

    def remove(self, zone_id):
        with self._lock:
            self._zones.pop(zone_id, None)

    def put_record(self, zone_id, body):
        check_keys(body, RECORD_KEYS)
        with self._lock:
            if zone_id not in self._zones:
                raise ControlError(f"zones: {sorted(self._zones)}")
            record_id, self._next_record = self._next_record, self._next_record + 1
            self._zones[zone_id]["records"][record_id] = {
                "Rr": "@", "Type": "A", "Ttl": 60, "Line": "default", "Status": "ENABLE", "Remark": "", **body}
            return {"RecordId": str(record_id)}

    def remove_record(self, record_id):
        with self._lock:
            for zone in self._zones.values():
                zone["records"].pop(int(record_id), None)

    def forget_history(self):
        with self._lock:
            self._history.clear()

    def describe(self):
        with self._lock:
            zones = {zone_id: {**zone, "records": [{"RecordId": str(number), **record}
                                                   for number, record in sorted(zone["records"].items())]}
                     for zone_id, zone in self._zones.items()}
            return copy.deepcopy({"zones": zones, "history": self._history})

    def _note(self, action):
        """What askers of each name see: the enabled addresses of the name itself by line, where a VPC uses the zone."""
        seen = {}
        for zone in self._zones.values():
            lines = seen.setdefault(zone["name"], {})
            for record in zone["records"].values():
                if zone["vpcs"] and record["Rr"] == "@" and record["Type"] in ("A", "AAAA") and record["Status"] == "ENABLE":
                    lines.setdefault(record["Line"], []).append(record["Value"])
        self._history.append({"action": action, "answers": {name: {line: sorted(values) for line, values in lines.items()}
                                                            for name, lines in seen.items()}})
        del self._history[:-MAX_HISTORY]

    # --- reading -----------------------------------------------------------------------------------------------------

    def _zone(self, zone_id):
        if zone_id not in self._zones:
            raise failed(400, "Zone.NotExists", "Zone is not exists")
        return self._zones[zone_id]

    def _fields(self, zone_id):
        zone = self._zone(zone_id)
        return {"ZoneId": zone_id, "ZoneName": zone["name"], "Remark": zone["remark"], "DnsGroup": zone["dns_group"],
                "ProxyPattern": zone["proxy"], "RecordCount": len(zone["records"]), "ZoneType": "AUTH_ZONE", "IsPtr": False,
                "DnsGroupChanging": False, "ResourceGroupId": "rg-example", "CreateTime": "2026-01-02T03:04Z",
                "CreateTimestamp": 1767323040000, "UpdateTime": "2026-01-02T03:04Z", "UpdateTimestamp": 1767323040000}

    def _page(self, plural, singular, entries, parameters):
        number, size = parameters.get("PageNumber", "1"), parameters.get("PageSize", "20")
        if not number.isdigit() or not size.isdigit() or int(number) < 1 or not 1 <= int(size) <= 100:
            raise failed(400, "InvalidParameter", "The specified value parameter is not valid.")
        number, size = int(number), min(int(size), self._options["page_size"] or 100)
        return {"PageNumber": number, "PageSize": size, "TotalItems": len(entries), "TotalPages": -(-len(entries) // size),
                plural: {singular: entries[(number - 1) * size:number * size]}}

    def _list_zones(self, parameters):
        word, exact = parameters.get("Keyword", "").lower(), parameters.get("SearchMode", "LIKE") == "EXACT"
        with self._lock:
            found = [self._fields(zone_id) for zone_id in sorted(self._zones)]
        found = [zone for zone in found if not word or (zone["ZoneName"] == word if exact else word in zone["ZoneName"])]
        return self._page("Zones", "Zone", found, parameters)

    def _describe_zone(self, parameters):
        with self._lock:
            zone = self._zone(parameters["ZoneId"])
            vpcs = [{"RegionName": vpc["RegionId"], "VpcName": "", "VpcType": "STANDARD", **vpc} for vpc in zone["vpcs"]]
            return {**self._fields(parameters["ZoneId"]), "BindVpcs": {"Vpc": vpcs}, "SlaveDns": False}

    def _list_records(self, parameters):
        word, exact = parameters.get("Keyword", "").lower(), parameters.get("SearchMode", "EXACT") == "EXACT"
        with self._lock:
            zone = self._zone(parameters["ZoneId"])
            found = [{"RecordId": number, "ZoneId": parameters["ZoneId"], "CreateTimestamp": 1767323040000, **record}
                     for number, record in sorted(zone["records"].items())]
        found = [r for r in found if not word or (r["Rr"] == word if exact else word in r["Rr"])]
        return self._page("Records", "Record", found, parameters)

    # --- writing -----------------------------------------------------------------------------------------------------

    def _writing(self, action, function):
        def write(parameters):
            for name in set(parameters) - COMMON - OF_A_WRITE[action]:
                if action != "BindZoneVpc" or not re.fullmatch(r"Vpcs\.\d+\.(RegionId|VpcId|VpcType)", name):
                    raise failed(400, "InvalidParameter", f"The official model has no parameter {name}.")
            token = parameters.get("ClientToken")
            with self._lock:
                if token and (action, token) in self._done:
                    return self._done[action, token]
                reply = function(parameters)
                if token:
                    self._done[action, token] = reply
                self._note(action)
                return reply
        return write

    def _add_zone(self, parameters):
        name = parameters["ZoneName"].lower()
        if not re.fullmatch(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,}", name):
            raise failed(400, "Zone.Invalid.Name", "Zone name is invalid.")
        self._made += 1
        zone_id = f"{self._made:04x}{int(time.time()):08x}made"
        self._zones[zone_id] = {"name": name, "remark": "", "dns_group": parameters.get("DnsGroup", "NORMAL_ZONE"),
                                "proxy": parameters.get("ProxyPattern", "ZONE"), "vpcs": [], "records": {}}
        return {"Success": True, "ZoneId": zone_id, "ZoneName": name}

    def _delete_zone(self, parameters):
        if self._zone(parameters["ZoneId"])["vpcs"]:
            raise failed(400, "Zone.VpcExists", "Zone have vpc bound.")
        del self._zones[parameters["ZoneId"]]
        return {"ZoneId": parameters["ZoneId"]}

    def _remark(self, parameters):
        self._zone(parameters["ZoneId"])["remark"] = parameters.get("Remark", "")
        return {"ZoneId": parameters["ZoneId"]}

    def _bind(self, parameters):
        zone = self._zone(parameters["ZoneId"])
        vpcs = structures(parameters, "Vpcs")
        for vpc in vpcs:
            if not vpc.get("VpcId", "").startswith("vpc-") or not vpc.get("RegionId"):
                raise failed(400, "ZoneVpc.NotExists.VpcId", "Vpc is not exists.")
            for other in self._zones.values():
                if other is not zone and other["name"] == zone["name"] and vpc["VpcId"] in [v["VpcId"] for v in other["vpcs"]]:
                    raise failed(400, "Zone.Vpc.Conflict", "A zone of this name is bound to the VPC.")  # a guess
        zone["vpcs"] = [{"RegionId": vpc["RegionId"], "VpcId": vpc["VpcId"], "VpcType": vpc.get("VpcType", "STANDARD")}
                        for vpc in vpcs]
        return {}

    def _content(self, zone, parameters, own=None):
        record = {"Rr": parameters["Rr"], "Type": parameters["Type"], "Value": parameters["Value"],
                  "Ttl": parameters.get("Ttl", "60"), "Line": parameters.get("Line") or "default"}
        if record["Type"] not in TYPES or record["Ttl"] not in TTLS:
            raise failed(400, "InvalidParameter", "The specified value parameter is not valid.")
        if not LINE.fullmatch(record["Line"]) or (record["Line"] != "default" and zone["dns_group"] != "FAST_ZONE"):
            raise failed(400, "Record.Invalid.Line", "The line is invalid.")  # a guess
        if record["Type"] == "TXT" and len(record["Value"]) > 255:
            raise failed(400, "Record.Invalid.Value", "The value is invalid.")
        if record["Type"] in ("A", "AAAA"):
            try:
                version = ipaddress.ip_address(record["Value"]).version
            except ValueError:
                version = 0
            if version != {"A": 4, "AAAA": 6}[record["Type"]]:
                raise failed(400, "Record.Invalid.Value", "The value is invalid.")
        for number, other in zone["records"].items():
            if number != own and all(other[key] == record[key] for key in ("Rr", "Type", "Value", "Line")):
                raise failed(400, "Record.Invalid.Conflict", "The record conflicts with one that is there.")
        return {**record, "Ttl": int(record["Ttl"])}

    def _add_record(self, parameters):
        zone = self._zone(parameters["ZoneId"])
        record = self._content(zone, parameters)
        record_id, self._next_record = self._next_record, self._next_record + 1
        zone["records"][record_id] = {**record, "Status": "ENABLE", "Remark": parameters.get("Remark", "")}
        return {"Success": True, "RecordId": record_id}

    def _record(self, parameters):
        number = int(parameters["RecordId"]) if parameters["RecordId"].isdigit() else -1
        for zone in self._zones.values():
            if number in zone["records"]:
                return zone, number
        raise failed(400, "Record.NotExists", "The record is not exists.")

    def _update_record(self, parameters):
        zone, number = self._record(parameters)
        zone["records"][number].update(self._content(zone, parameters, number))
        return {"RecordId": number}

    def _delete_record(self, parameters):
        zone, number = self._record(parameters)
        del zone["records"][number]
        return {"RecordId": number}

    def _set_status(self, parameters):
        zone, number = self._record(parameters)
        if parameters["Status"] not in ("ENABLE", "DISABLE"):
            raise failed(400, "InvalidParameter", "The specified value parameter is not valid.")
        zone["records"][number]["Status"] = parameters["Status"]
        return {"RecordId": number, "Status": parameters["Status"]}
