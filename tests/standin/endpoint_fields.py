# SPDX-License-Identifier: Apache-2.0
"""What CreateVpcEndpoint and AddZoneToVpcEndpoint keep of their parameters, checked as far as the rules are documented. The
real codes of most refusals are not known: Invalid and the parameter's name, as the API calls others."""

import ipaddress
import re

from api_error import failed
from parameters import flag, structures

MAX_TAGS = 20
MAX_ZONES = 10
LEAST_BANDWIDTH = 100  # Mbit/s, between regions
# As the models of the official SDK name them. The real API ignores others; here a misspelt one is a mistake.
OF_A_WRITE = {"RegionId", "ClientToken", "DryRun"}
OF_CREATE = OF_A_WRITE | {
    "VpcId", "ServiceId", "ServiceName", "ServiceRegionId", "EndpointName", "EndpointDescription", "EndpointType", "AddressIpVersion",
    "CrossRegionBandwidth", "PolicyDocument", "ProtectedEnabled", "ResourceGroupId", "ZoneAffinityEnabled", "ZonePrivateIpAddressCount"}
NUMBERED = re.compile(r"SecurityGroupId\.\d+|Zone\.\d+\.(ZoneId|VSwitchId|ip|Ipv6Address)|Tag\.\d+\.(Key|Value)")


def _invalid(name):
    return failed(400, f"Invalid{name}", f"The specified {name} is not valid.")


def endpoint_fields(parameters, service):
    """The API's fields of the new endpoint that the client decides on."""
    unknown = sorted(name for name in parameters if name not in OF_CREATE and not NUMBERED.fullmatch(name))
    if unknown:
        raise failed(400, "InvalidParameter", f"Not a parameter of CreateVpcEndpoint: {', '.join(unknown)}.")
    version = parameters.get("AddressIpVersion") or "IPv4"
    if version not in ("IPv4", "DualStack") or (version == "DualStack" and service["AddressIpVersion"] != "DualStack"):
        raise _invalid("AddressIpVersion")  # "supports dual-stack if its associated endpoint service and VPC both do"
    kind = parameters.get("EndpointType") or "Interface"
    if kind not in ("Interface", "Reverse", "GatewayLoadBalancer"):
        raise _invalid("EndpointType")
    text = parameters.get("EndpointDescription", "")
    if text and (not 2 <= len(text) <= 256 or text.startswith(("http://", "https://"))):
        raise _invalid("EndpointDescription")
    if parameters.get("ZonePrivateIpAddressCount") not in (None, "", "1"):
        raise _invalid("ZonePrivateIpAddressCount")
    fields = {"AddressIpVersion": version, "EndpointType": kind, "EndpointDescription": text, "Tags": _tags(parameters),
              "ZoneAffinityEnabled": flag(parameters, "ZoneAffinityEnabled"),
              "ProtectedEnabled": flag(parameters, "ProtectedEnabled")}
    for name in ("ResourceGroupId", "ServiceRegionId", "PolicyDocument"):
        if parameters.get(name):
            fields[name] = parameters[name]
    if bandwidth := parameters.get("CrossRegionBandwidth"):
        if not bandwidth.isdigit() or int(bandwidth) < LEAST_BANDWIDTH:
            raise _invalid("CrossRegionBandwidth")
        fields["CrossRegionBandwidth"] = int(bandwidth)
    return fields


def _tags(parameters):
    tags = [{"Key": tag.get("Key", ""), "Value": tag.get("Value", "")} for tag in structures(parameters, "Tag")]
    if len(tags) > MAX_TAGS:
        raise _invalid("Tag")
    for tag in tags:
        if not 1 <= len(tag["Key"]) <= 64 or tag["Key"].startswith(("aliyun", "acs:")):
            raise _invalid("TagKey")
        if len(tag["Value"]) > 128:
            raise _invalid("TagValue")
    return tags


def zones_of(parameters):
    """The zones of a new endpoint as they were asked for."""
    zones = structures(parameters, "Zone")
    if len(zones) > MAX_ZONES or len({zone.get("ZoneId") for zone in zones}) < len(zones):
        raise failed(400, "InvalidParameter", "The specified zones are not valid.")
    return zones


def zone_fields(asked, version):
    """The API's fields of a new zone. `asked`: ZoneId, VSwitchId, ip, Ipv6Address; `version`: the endpoint's AddressIpVersion."""
    for name in ("ZoneId", "VSwitchId"):
        if not asked.get(name):
            raise failed(400, f"Missing{name}", f"The parameter {name} is mandatory for this action.")
    zone = {"ZoneId": asked["ZoneId"], "VSwitchId": asked["VSwitchId"], "EniIp": _address(asked, "ip", ipaddress.IPv4Address)}
    if address := _address(asked, "Ipv6Address", ipaddress.IPv6Address):
        if version != "DualStack":
            raise failed(400, "InvalidParameter", "Ipv6Address is for endpoints of the version DualStack.")
        zone["ZoneIpv6Address"] = address
    return zone


def _address(asked, name, kind):
    text = asked.get(name, "")
    try:
        return str(kind(text)) if text else ""
    except ValueError as error:
        raise _invalid(name[0].upper() + name[1:]) from error
