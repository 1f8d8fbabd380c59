#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for upstream DNS servers: several addresses, one zone, each server with its own mode.

    dnsup.py --zone FILE --listen 127.0.0.53:53=first --listen 127.0.0.54:53=second
             [--control 127.0.0.1:0] [--ready-file FILE]

The zone file is JSON: {"records": {"www.example.test": {"A": ["192.0.2.1"], "TXT": {"ttl": 5, "data": ["x"]}}},
"soa_owner": "", "negative_ttl": 30}. The README beside this file has the control API and the modes.
"""

import argparse
import json
import sys

import service
from control import Control, ControlError, check_keys
from dnsserver import MODES, DnsServer
from dnszone import Zone


class Upstreams:
    def __init__(self, addresses, control_address, zone):
        self.log = service.RequestLog()
        self.zone = zone
        self.servers = {name: DnsServer(name, address, zone, self.log) for name, address in addresses}
        self.control = Control(control_address, [
            ("GET", "/state", lambda call: self.describe()),
            ("POST", "/servers", lambda call: self._change(call.body, list(self.servers))),
            ("POST", "/servers/{name}", lambda call: self._change(call.body, [call.parts["name"]])),
            ("PUT", "/records/{name}", lambda call: self.zone.put(call.parts["name"], call.body) or {}),
            ("DELETE", "/records/{name}", lambda call: self.zone.remove(call.parts["name"]) or {}),
        ], self.log)

    def open(self):
        for server in self.servers.values():
            server.open()
        self.control.listener.open()
        return {"control": "%s:%d" % self.control.listener.address,
                "servers": {name: "%s:%d" % server.address for name, server in self.servers.items()}}

    def close(self):
        for server in self.servers.values():
            server.close()
        self.control.listener.close()

    def _change(self, body, names):
        for name in names:
            if name not in self.servers:
                raise ControlError(f"servers: {sorted(self.servers)}")
            self.servers[name].change(body)
        return {}

    def describe(self):
        return {"servers": {name: server.describe() for name, server in self.servers.items()},
                "records": self.zone.describe(), "modes": {name: text for name, (text, _) in MODES.items()}}


def main():
    parser = argparse.ArgumentParser(description="stand-in for upstream DNS servers")
    parser.add_argument("--zone", required=True, metavar="FILE")
    parser.add_argument("--listen", required=True, action="append", metavar="ADDR:PORT[=NAME]")
    parser.add_argument("--control", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--ready-file", metavar="FILE")
    options = parser.parse_args()
    try:
        with open(options.zone, encoding="utf-8") as file:
            zone = json.load(file)
        check_keys(zone, ("records", "soa_owner", "negative_ttl"))
        upstreams = Upstreams([service.parse_named_address(text) for text in options.listen],
                              service.parse_address(options.control),
                              Zone(zone["records"], zone.get("soa_owner", ""), zone.get("negative_ttl", 30)))
        ready = upstreams.open()
    except (ControlError, OSError, ValueError, KeyError) as error:
        print(f"dnsup.py: {error}", file=sys.stderr)
        return 2
    service.write_ready_file(options.ready_file, ready)
    service.wait_for_signal()
    upstreams.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
