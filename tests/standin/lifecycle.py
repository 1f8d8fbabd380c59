# SPDX-License-Identifier: Apache-2.0
"""The life of endpoints in virtual seconds: nothing happens by itself, a test moves the time (POST /tick), or lets each
request move it (request_s), so that a client which polls gets on without anybody sleeping."""

import threading

from control import ControlError, check_keys

DEFAULTS = {
    "create_s": 20,      # Creating -> Active, connection Pending, zones Wait
    "connect_s": 10,     # accepted: Connecting -> Connected
    "delete_s": 15,      # Deleting -> gone
    "zone_s": 5,         # a zone that was added: Creating -> Wait; one that was removed: Deleting -> gone
    "request_s": 0,      # how much later it is after each request
    "eni_ips": [],       # addresses for new zones, in turn; then 192.168.2.101, ...
}


class Lifecycle:
    def __init__(self, endpoints, options):
        self._endpoints = endpoints
        self._lock = threading.RLock()
        self._now = 0
        self._due = []  # (when, endpoint, function)
        self._given_ips = self._given_ipv6 = 0
        self.options = dict(DEFAULTS)
        self.change(options)

    def change(self, body):
        check_keys(body, DEFAULTS)
        self.options.update(body)

    def tick(self, seconds):
        """Lets virtual time pass, with what falls due in it, in order."""
        with self._lock:
            end = self._now + seconds
            while True:
                ready = sorted((entry for entry in self._due if entry[0] <= end), key=lambda entry: entry[0])
                if not ready:
                    break
                when, _, function = entry = ready[0]
                self._due.remove(entry)
                self._now = max(self._now, when)
                if self._endpoints.attributes(entry[1]) is not None:  # a test may have removed it
                    function()
            self._now = end

    def request_came(self):
        if self.options["request_s"]:
            self.tick(self.options["request_s"])

    def _later(self, seconds, endpoint, function):
        self._due.append((self._now + seconds, endpoint, function))

    def _next_ip(self):
        given, self._given_ips = self._given_ips, self._given_ips + 1
        ips = self.options["eni_ips"]
        return ips[given] if given < len(ips) else f"192.168.2.{101 + given}"

    def _next_ipv6(self):
        self._given_ipv6 += 1
        return f"2408:4005:3b6:4a00::{100 + self._given_ipv6}"

    # --- what can happen to an endpoint ------------------------------------------------------------------------------

    def create(self, endpoint, fields, zones, groups, accepted_by_itself):
        with self._lock:
            self._endpoints.put(endpoint, {
                **fields, "EndpointStatus": "Creating", "ConnectionStatus": "Disconnected", "SecurityGroups": groups,
                "Zones": [{**zone, "ZoneStatus": "Creating"} for zone in zones]}, replace=True)
            self._later(self.options["create_s"], endpoint, lambda: self._made(endpoint, zones, accepted_by_itself))

    def _made(self, endpoint, zones, accepted_by_itself):
        self._endpoints.put(endpoint, {"EndpointStatus": "Active", "ConnectionStatus": "Pending"})
        for zone in zones:
            self._zone_made(endpoint, zone)
        if accepted_by_itself:
            self.accept(endpoint)

    def _zone_made(self, endpoint, zone):
        dual = self._endpoints.attributes(endpoint)["AddressIpVersion"] == "DualStack"
        self._endpoints.put_zone(endpoint, zone["ZoneId"], {
            "ZoneStatus": "Wait", "EniIp": zone.get("EniIp") or self._next_ip(),
            "ZoneIpv6Address": zone.get("ZoneIpv6Address") or (self._next_ipv6() if dual else "")})

    def add_zone(self, endpoint, zone, accepted_by_itself):
        """In the way of other changes while it lasts."""
        with self._lock:
            self._endpoints.put(endpoint, {"EndpointStatus": "Pending"})
            self._endpoints.put_zone(endpoint, zone["ZoneId"], {**zone, "ZoneStatus": "Creating"})

            def added():
                self._endpoints.put(endpoint, {"EndpointStatus": "Active"})
                self._zone_made(endpoint, zone)
                if accepted_by_itself:
                    self.accept(endpoint)
            self._later(self.options["zone_s"], endpoint, added)

    def remove_zone(self, endpoint, zone):
        with self._lock:
            self._endpoints.put(endpoint, {"EndpointStatus": "Pending"})
            self._endpoints.put_zone(endpoint, zone, {"ZoneStatus": "Deleting"})

            def removed():
                self._endpoints.put(endpoint, {"EndpointStatus": "Active"})
                self._endpoints.remove_zone(endpoint, zone)
            self._later(self.options["zone_s"], endpoint, removed)

    def accept(self, endpoint):
        """The provider's click."""
        with self._lock:
            found = self._endpoints.attributes(endpoint)
            if found is None or found["EndpointStatus"] != "Active":
                raise ControlError(f"no endpoint {endpoint} that could be accepted")
            self._connection(endpoint, "Connecting")
            self._later(self.options["connect_s"], endpoint, lambda: self._connection(endpoint, "Connected"))

    def disconnect(self, endpoint):
        with self._lock:
            self._due = [entry for entry in self._due if entry[1] != endpoint]
            self._connection(endpoint, "Disconnected")

    def _connection(self, endpoint, status):
        self._endpoints.put(endpoint, {"ConnectionStatus": status})
        for zone in self._endpoints.zones(endpoint):
            if zone["ZoneStatus"] not in ("Creating", "Deleting"):
                self._endpoints.put_zone(endpoint, zone["ZoneId"], {"ZoneStatus": status})

    def delete(self, endpoint):
        with self._lock:
            self._due = [entry for entry in self._due if entry[1] != endpoint]
            self._endpoints.put(endpoint, {"EndpointStatus": "Deleting"})
            self._later(self.options["delete_s"], endpoint, lambda: self._endpoints.remove(endpoint))

    def describe(self):
        with self._lock:
            return {"now_s": self._now, "due": [[when, endpoint] for when, endpoint, _ in self._due], **self.options}
