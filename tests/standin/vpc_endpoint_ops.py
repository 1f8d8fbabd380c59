# SPDX-License-Identifier: Apache-2.0
"""The fake PrivateLink's other half: services that the account may connect to, and the write operations."""

import copy
import re
import threading

from api_error import failed
from endpoint_fields import MAX_ZONES, OF_A_WRITE, endpoint_fields, zone_fields, zones_of
from paging import cut
from parameters import stop_if_dry

VERSION = "2020-04-15"
NAME = re.compile(r"[^\W\d_][\w-]{1,127}")
MAX_TOKENS = 1000


def service_defaults(service_id, region):
    return {"ServiceId": service_id, "ServiceName": f"com.aliyuncs.privatelink.{region}.{service_id}",
            "ServiceDomain": f"{service_id}.{region}.privatelink.aliyuncs.com", "ServiceType": "Interface",
            "ServiceResourceType": "slb", "AddressIpVersion": "IPv4", "AutoAcceptEnabled": False, "Payer": "Endpoint",
            "ServiceSupportIPv6": False, "VpcEndpointPolicySupported": False, "ZoneAffinityEnabled": False, "Zones": []}


class VpcEndpointOps:
    """A service that is here has whitelisted the account; removing it takes that back."""

    def __init__(self, region, endpoints, lifecycle, groups, services, options):
        self._region = region
        self._endpoints = endpoints
        self._lifecycle = lifecycle
        self._groups = groups
        self._options = options
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # two of the same at once must come to one
        self._services = {}
        self._done = {}  # (action, client token) -> (parameters, reply)
        self._made = 0
        for service_id, body in services.items():
            self.put_service(service_id, body)

    def actions(self):
        """name -> (version, function, required parameters)"""
        return {
            "ListVpcEndpointServicesByEndUser": (VERSION, self._list_services, ("RegionId",)),
            "CreateVpcEndpoint": (VERSION, self._create, ("RegionId", "VpcId")),
            "DeleteVpcEndpoint": (VERSION, self._delete, ("RegionId", "EndpointId")),
            "AddZoneToVpcEndpoint": (VERSION, self._add_zone, ("RegionId", "EndpointId", "ZoneId", "VSwitchId")),
            "RemoveZoneFromVpcEndpoint": (VERSION, self._remove_zone, ("RegionId", "EndpointId", "ZoneId")),
        }

    def put_service(self, service_id, body):
        with self._lock:
            self._services[service_id] = {**self._services.get(service_id, {}), **body}

    def remove_service(self, service_id):
        with self._lock:
            self._services.pop(service_id, None)

    def _visible(self, parameters=None):
        """Those of the region that is asked for; all without parameters. "region" of a service is ours to know."""
        wanted = parameters and parameters.get("ServiceRegionId", self._region)
        with self._lock:
            found = [(body.get("region", self._region), service_id, copy.deepcopy(body))
                     for service_id, body in sorted(self._services.items())]
        return [{**service_defaults(service_id, region), **{name: value for name, value in body.items() if name != "region"}}
                for region, service_id, body in found if wanted in (None, region)]

    def describe(self):
        return self._visible()

    def _list_services(self, parameters):
        found = [service for service in self._visible(parameters) if parameters["RegionId"] == self._region and
                 all(service[name] == parameters[name] for name in ("ServiceId", "ServiceName") if parameters.get(name))]
        entries, fields = cut(found, parameters, self._options)
        return {**fields, "TotalCount": str(fields["TotalCount"]), "Services": entries}  # a string, as the real one's

    # --- writing -----------------------------------------------------------------------------------------------------

    def _once(self, action, parameters, do):
        """With a ClientToken that was used before: that reply again."""
        token = parameters.get("ClientToken")
        if not token:
            return do()
        asked = {name: value for name, value in parameters.items() if name != "ClientToken"}
        with self._writing:
            known = self._done.get((action, token))
            if known is None:
                reply = do()
                while len(self._done) >= MAX_TOKENS:
                    self._done.pop(next(iter(self._done)))
                self._done[(action, token)] = (asked, copy.deepcopy(reply))
                return reply
        if known[0] != asked:
            raise failed(400, "IdempotentParameterMismatch",
                         "The request uses the same client token as a previous, but non-identical request.")
        return copy.deepcopy(known[1])

    def _service_for(self, parameters):
        names = {name: parameters[name] for name in ("ServiceId", "ServiceName") if parameters.get(name)}
        for service in self._visible(parameters):
            if names and all(service[name] == value for name, value in names.items()):
                return service
        raise failed(404, "EndpointServiceNotFound", "The specified endpoint service does not exist.")

    def _must_offer(self, service, zone, region):
        """A service in the endpoint's region offers its zones, one of elsewhere any. The real code is not known."""
        if service and region == self._region and service["Zones"] and zone not in service["Zones"]:
            raise failed(400, "ZoneNotSupported", f"The service is not available in the zone {zone}.")

    def _zones_of(self, parameters, service):
        zones = [zone_fields(asked, parameters.get("AddressIpVersion")) for asked in zones_of(parameters)]
        for zone in zones:
            self._must_offer(service, zone["ZoneId"], parameters.get("ServiceRegionId") or self._region)
        return zones

    def _create(self, parameters):
        service = self._service_for(parameters)
        zones = self._zones_of(parameters, service)
        settings = endpoint_fields(parameters, service)
        name = parameters.get("EndpointName", "")
        if name and not NAME.fullmatch(name):
            raise failed(400, "InvalidEndpointName", "The specified EndpointName is not valid.")
        groups = [value for key, value in sorted(parameters.items()) if re.fullmatch(r"SecurityGroupId\.\d+", key)]
        for group in groups:
            self._groups.must_be_in(group, parameters["VpcId"])
        stop_if_dry(parameters)
        return self._once("CreateVpcEndpoint", parameters, lambda: self._make(parameters, service, settings, zones, groups))

    def _make(self, parameters, service, settings, zones, groups):
        with self._lock:
            self._made += 1
            endpoint = f"ep-bp1made{self._made:014d}"
        self._lifecycle.create(endpoint, {
            **settings, "EndpointName": parameters.get("EndpointName", ""), "VpcId": parameters["VpcId"],
            "ServiceId": service["ServiceId"], "ServiceName": service["ServiceName"],
            "EndpointDomain": f"{endpoint}.{service['ServiceDomain']}"}, zones, groups, service["AutoAcceptEnabled"])
        found = self._endpoints.attributes(endpoint)
        wanted = ("EndpointId", "EndpointName", "EndpointDescription", "EndpointStatus", "ConnectionStatus",
                  "EndpointBusinessStatus", "EndpointDomain", "ServiceId", "ServiceName", "ServiceRegionId", "VpcId",
                  "AddressIpVersion", "Bandwidth", "CrossRegionBandwidth", "CreateTime", "ZoneAffinityEnabled")
        return {name: found[name] for name in wanted}

    def _found(self, parameters, unknown=()):
        """The endpoint, if nothing else is going on with it."""
        if unknown:
            raise failed(400, "InvalidParameter", f"Not parameters of this action: {', '.join(sorted(unknown))}.")
        found = self._endpoints.attributes(parameters["EndpointId"])
        if found is None or parameters["RegionId"] != self._region:
            raise failed(self._options["not_found_status"], "EndpointNotFound", "The specified endpoint does not exist.")
        if found["EndpointStatus"] != "Active":
            raise failed(400, "EndpointLocked", "The specified endpoint is locked.")
        return found

    @staticmethod
    def _stop_if_connected(found):
        if found["ConnectionStatus"] in ("Connected", "Connecting", "Disconnecting"):
            raise failed(400, "EndpointConnectionOperationDenied",
                         "The operation is not allowed because the endpoint connection is not disconnected.")

    def _delete(self, parameters):
        def do():
            found = self._found(parameters)
            self._stop_if_connected(found)
            if self._endpoints.zones(parameters["EndpointId"]):  # the real code is not known
                raise failed(400, "EndpointOperationDenied", "The zones of the endpoint must be removed first.")
            stop_if_dry(parameters)
            self._lifecycle.delete(parameters["EndpointId"])
            return {}
        return self._once("DeleteVpcEndpoint", parameters, do)

    def _add_zone(self, parameters):
        def do():
            unknown = set(parameters) - OF_A_WRITE - {"EndpointId", "ZoneId", "VSwitchId", "ip", "Ipv6Address"}
            found = self._found(parameters, unknown)
            service = next((s for s in self._visible() if s["ServiceId"] == found["ServiceId"]), None)
            zone = zone_fields(parameters, found["AddressIpVersion"])
            self._must_offer(service, zone["ZoneId"], found["ServiceRegionId"])
            there = {each["ZoneId"] for each in self._endpoints.zones(parameters["EndpointId"])}
            if zone["ZoneId"] in there or len(there) >= MAX_ZONES:
                raise failed(400, "InvalidParameter", "The specified zone is there already, or one too many.")
            stop_if_dry(parameters)
            self._lifecycle.add_zone(parameters["EndpointId"], zone, bool(service and service["AutoAcceptEnabled"]))
            return {}
        return self._once("AddZoneToVpcEndpoint", parameters, do)

    def _remove_zone(self, parameters):
        """Of a connected endpoint any zone but the last: without zones it would not be connected."""
        def do():
            found = self._found(parameters, set(parameters) - OF_A_WRITE - {"EndpointId", "ZoneId"})
            there = {zone["ZoneId"] for zone in self._endpoints.zones(parameters["EndpointId"])}
            if parameters["ZoneId"] not in there:
                raise failed(400, "InvalidParameter", "The specified zone is not one of the endpoint.")
            if len(there) == 1:
                self._stop_if_connected(found)
            stop_if_dry(parameters)
            self._lifecycle.remove_zone(parameters["EndpointId"], parameters["ZoneId"])
            return {}
        return self._once("RemoveZoneFromVpcEndpoint", parameters, do)
