# SPDX-License-Identifier: Apache-2.0
"""The fake PrivateLink's AddZoneToVpcEndpoint and RemoveZoneFromVpcEndpoint: asynchronous, with the same idempotence and dry
runs as the other write operations."""

from api_error import failed
from endpoint_fields import zone_fields
from parameters import stop_if_dry

VERSION = "2020-04-15"


class ZoneOps:
    def __init__(self, operations, endpoints, lifecycle):
        self._operations = operations
        self._endpoints = endpoints
        self._lifecycle = lifecycle

    def actions(self):
        """name -> (version, function, required parameters)"""
        return {
            "AddZoneToVpcEndpoint": (VERSION, self._add, ("RegionId", "EndpointId", "ZoneId", "VSwitchId")),
            "RemoveZoneFromVpcEndpoint": (VERSION, self._remove, ("RegionId", "EndpointId", "ZoneId")),
        }

    def _zone(self, parameters):
        zones = self._endpoints.zones(parameters["EndpointId"])
        return next((zone for zone in zones if zone["ZoneId"] == parameters["ZoneId"]), None)

    def _add(self, parameters):
        def do():
            endpoint = self._operations.must_be_free(parameters)
            zone = zone_fields(parameters, endpoint["AddressIpVersion"])
            self._operations.must_offer(endpoint["ServiceId"], zone["ZoneId"], endpoint["ServiceRegionId"])
            if self._zone(parameters):  # the real code is not known
                raise failed(400, "EndpointZoneExists", "The specified zone of the endpoint already exists.")
            stop_if_dry(parameters)
            self._lifecycle.add_zone(parameters["EndpointId"], zone)
            return {}
        return self._operations.once("AddZoneToVpcEndpoint", parameters, do)

    def _remove(self, parameters):
        def do():
            self._operations.must_be_free(parameters)
            zone = self._zone(parameters)
            if zone is None:  # the real code is not known
                raise failed(404, "EndpointZoneNotFound", "The specified zone of the endpoint does not exist.")
            if zone["ZoneStatus"] in ("Creating", "Deleting"):  # "You cannot repeatedly call" it "within a period of time"
                raise failed(400, "EndpointLocked", "The specified endpoint is locked.")
            stop_if_dry(parameters)
            self._lifecycle.remove_zone(parameters["EndpointId"], parameters["ZoneId"])
            return {}
        return self._operations.once("RemoveZoneFromVpcEndpoint", parameters, do)
