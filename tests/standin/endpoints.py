# SPDX-License-Identifier: Apache-2.0
"""The PrivateLink endpoints of the fake account, as the API would show them.

A test names only what it cares about; everything else is filled in. Values go out as they were given, so unknown
enumeration values, numbers as strings or "false" in an address field are just values. "omit" lists fields to leave out.
"""

import copy
import threading

from control import ControlError

MAX_ENDPOINTS = 1000


def endpoint_defaults(endpoint_id, region):
    service = "epsrv-bp1example0000000009"
    return {
        "EndpointId": endpoint_id,
        "EndpointName": "tdengine",
        "EndpointDescription": "made by the stand-in",
        "EndpointType": "Interface",
        "EndpointStatus": "Active",
        "EndpointBusinessStatus": "Normal",
        "ConnectionStatus": "Connected",
        "EndpointDomain": f"{endpoint_id}.{service}.{region}.privatelink.aliyuncs.com",
        "ServiceId": service,
        "ServiceName": f"com.aliyuncs.privatelink.{region}.{service}",
        "ServiceRegionId": region,
        "RegionId": region,
        "VpcId": "vpc-bp1example00000000001",
        "AddressIpVersion": "IPv4",
        "Bandwidth": 1024,
        "CrossRegionBandwidth": 1000,
        "CreateTime": "2024-09-24T18:00:07Z",
        "ResourceGroupId": "rg-acfmexample0001",
        "ResourceOwner": False,
        "ZoneAffinityEnabled": True,
    }


def zone_defaults(endpoint_id, zone_id, region):
    suffix = zone_id.rpartition("-")[2]
    return {
        "ZoneId": zone_id,
        "ZoneStatus": "Connected",
        "ZoneDomain": f"{endpoint_id}-{zone_id}.epsrv-bp1example0000000009.{region}.privatelink.aliyuncs.com",
        "EniId": f"eni-bp1example{suffix}",
        "EniIp": "",
        "VSwitchId": f"vsw-bp1example{suffix}",
        "RegionId": region,
    }


def _without_omitted(fields):
    omitted = fields.pop("omit", [])
    return {name: value for name, value in fields.items() if name not in omitted}


class Endpoints:
    def __init__(self, region, initial):
        self._region = region
        self._lock = threading.Lock()
        self._endpoints = {}  # id -> {"fields": {...}, "zones": {zone: {...}}, "groups": [...]}
        for endpoint_id, body in initial.items():
            self.put(endpoint_id, body, replace=True)

    def put(self, endpoint_id, body, replace=False):
        """Merges (or replaces) an endpoint: API fields, "Zones" (the whole list) and "SecurityGroups"."""
        fields = dict(body)
        zones = fields.pop("Zones", None)
        groups = fields.pop("SecurityGroups", None)
        with self._lock:
            if replace or endpoint_id not in self._endpoints:
                if len(self._endpoints) >= MAX_ENDPOINTS:
                    raise ControlError("too many endpoints")
                self._endpoints[endpoint_id] = {"fields": {}, "zones": {}, "groups": []}
            entry = self._endpoints[endpoint_id]
            entry["fields"].update(fields)
            if zones is not None:
                entry["zones"] = {zone["ZoneId"]: dict(zone) for zone in zones}
            if groups is not None:
                entry["groups"] = [group if isinstance(group, dict) else
                                   {"SecurityGroupId": group, "SecurityGroupStatus": "Attached"} for group in groups]

    def remove(self, endpoint_id):
        with self._lock:
            self._endpoints.pop(endpoint_id, None)

    def put_zone(self, endpoint_id, zone_id, body):
        with self._lock:
            self._entry(endpoint_id)["zones"].setdefault(zone_id, {"ZoneId": zone_id}).update(body)

    def remove_zone(self, endpoint_id, zone_id):
        with self._lock:
            self._entry(endpoint_id)["zones"].pop(zone_id, None)

    def _entry(self, endpoint_id):
        if endpoint_id not in self._endpoints:
            raise ControlError(f"no endpoint {endpoint_id}")
        return self._endpoints[endpoint_id]

    def attributes(self, endpoint_id):
        """The endpoint's fields, or None."""
        with self._lock:
            entry = self._endpoints.get(endpoint_id)
            if entry is None:
                return None
            return _without_omitted({**endpoint_defaults(endpoint_id, self._region), **copy.deepcopy(entry["fields"])})

    def all_attributes(self):
        with self._lock:
            ids = sorted(self._endpoints)
        return [found for found in map(self.attributes, ids) if found is not None]

    def zones(self, endpoint_id):
        with self._lock:
            zones = copy.deepcopy(list(self._endpoints.get(endpoint_id, {"zones": {}})["zones"].values()))
        return [_without_omitted({**zone_defaults(endpoint_id, zone["ZoneId"], self._region), **zone})
                for zone in zones]

    def security_groups(self, endpoint_id):
        with self._lock:
            return copy.deepcopy(self._endpoints.get(endpoint_id, {"groups": []})["groups"])

    def uses_group(self, group_id):
        with self._lock:
            return any(group["SecurityGroupId"] == group_id for entry in self._endpoints.values() for group in entry["groups"])

    def describe(self):
        with self._lock:
            return copy.deepcopy(self._endpoints)
