#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Alibaba Cloud: the PrivateLink OpenAPI on TLS, the instance metadata service, and a control endpoint.

    aliyun.py --cert pki/good.pem --key pki/good.key [--scenario FILE] [--api 127.0.0.1:0] [--imds 127.0.0.1:0]
              [--control 127.0.0.1:0] [--ready-file FILE]

The README beside this file has the control API and the scenario's keys.
"""

import argparse
import json
import sys
import time

import service
from control import Control, ControlError, check_keys
from ecs import Ecs
from endpoints import Endpoints
from faults import KINDS, Faults
from imds import Imds
from keystore import KeyStore
from lifecycle import Lifecycle
from openapi import OpenApi
from pvtz import PrivateZones
from sts import Sts
from vpc_endpoint_ops import VpcEndpointOps

SCENARIO_KEYS = ("region", "keys", "role", "roles", "metadata", "imds", "endpoints", "options", "faults",
                 "services", "security_groups", "prefix_lists", "lifecycle", "account_id", "private_zones")


class Aliyun:
    def __init__(self, options, scenario):
        check_keys(scenario, SCENARIO_KEYS)
        region = scenario.get("region", "cn-hangzhou")
        self.log = service.RequestLog()
        self.keystore = KeyStore(scenario.get("keys", []), scenario.get("role"))
        self.endpoints = Endpoints(region, scenario.get("endpoints", {}))
        self.faults = Faults(scenario.get("faults", []))
        self.api = OpenApi(service.parse_address(options.api), options.cert, options.key, region=region,
                           keystore=self.keystore, endpoints=self.endpoints, fault_list=self.faults, log=self.log,
                           options=scenario.get("options"))
        self.sts = self.api.sts = Sts(self.keystore, self.log, scenario.get("roles"))
        self.lifecycle = Lifecycle(self.endpoints, scenario.get("lifecycle", {}))
        self.ecs = Ecs(scenario.get("security_groups", {}), scenario.get("prefix_lists", {}),
                       scenario.get("account_id", "1234567890123456"), self.api.options, self.endpoints.uses_group)
        self.private_zones = PrivateZones(scenario.get("private_zones", {}), self.api.options)
        self.operations = VpcEndpointOps(region, self.endpoints, self.lifecycle, self.ecs, scenario.get("services", {}),
                                         self.api.options)
        self.api.serve({**self.operations.actions(), **self.ecs.actions(), **self.private_zones.actions()})
        self.api.serve_callers(self.sts.actions())
        self.api.before_each = self.lifecycle.request_came
        self.imds = Imds(service.parse_address(options.imds), self.keystore, self.log,
                         values={"region-id": region, **scenario.get("metadata", {})})
        self.imds.change(scenario.get("imds", {}))
        self.control = Control(service.parse_address(options.control), self._routes(), self.log)
        self._listeners = {"api": self.api.listener, "imds": self.imds.listener}

    def open(self):
        for listener in (*self._listeners.values(), self.control.listener):
            listener.open()
        return {name: "%s:%d" % listener.address
                for name, listener in (*self._listeners.items(), ("control", self.control.listener))}

    def close(self):
        for listener in (*self._listeners.values(), self.control.listener):
            listener.close()

    def _routes(self):
        ok = lambda function: lambda call: function(call) or {}  # noqa: E731
        return [
            ("GET", "/state", lambda call: self.describe()),
            ("PUT", "/endpoints/{id}", ok(lambda call: self.endpoints.put(call.parts["id"], call.body, replace=True))),
            ("POST", "/endpoints/{id}", ok(lambda call: self.endpoints.put(call.parts["id"], call.body))),
            ("DELETE", "/endpoints/{id}", ok(lambda call: self.endpoints.remove(call.parts["id"]))),
            ("POST", "/endpoints/{id}/zones/{zone}",
             ok(lambda call: self.endpoints.put_zone(call.parts["id"], call.parts["zone"], call.body))),
            ("DELETE", "/endpoints/{id}/zones/{zone}",
             ok(lambda call: self.endpoints.remove_zone(call.parts["id"], call.parts["zone"]))),
            ("POST", "/endpoints/{id}/accept", ok(lambda call: self.lifecycle.accept(call.parts["id"]))),
            ("POST", "/endpoints/{id}/disconnect", ok(lambda call: self.lifecycle.disconnect(call.parts["id"]))),
            ("POST", "/lifecycle", ok(lambda call: self.lifecycle.change(call.body))),
            ("POST", "/tick", ok(lambda call: self.lifecycle.tick(call.body["seconds"]))),
            ("POST", "/services/{id}", ok(lambda call: self.operations.put_service(call.parts["id"], call.body))),
            ("DELETE", "/services/{id}", ok(lambda call: self.operations.remove_service(call.parts["id"]))),
            ("POST", "/security-groups/{id}", ok(lambda call: self.ecs.put_group(call.parts["id"], call.body))),
            ("DELETE", "/security-groups/{id}", ok(lambda call: self.ecs.remove_group(call.parts["id"]))),
            ("POST", "/prefix-lists/{id}", ok(lambda call: self.ecs.put_prefix_list(call.parts["id"], call.body))),
            ("PUT", "/private-zones/{id}", ok(lambda call: self.private_zones.put(call.parts["id"], call.body))),
            ("DELETE", "/private-zones/{id}", ok(lambda call: self.private_zones.remove(call.parts["id"]))),
            ("POST", "/private-zones/{id}/records", ok(lambda call: self.private_zones.put_record(call.parts["id"], call.body))),
            ("DELETE", "/private-records/{id}", ok(lambda call: self.private_zones.remove_record(call.parts["id"]))),
            ("DELETE", "/private-zones", ok(lambda call: self.private_zones.forget_history())),
            ("POST", "/options", ok(lambda call: self.api.change_options(call.body))),
            ("POST", "/faults", ok(lambda call: self.faults.add(call.body))),
            ("DELETE", "/faults", ok(lambda call: self.faults.clear())),
            ("POST", "/keys", ok(lambda call: self.keystore.put(**call.body))),
            ("DELETE", "/keys/{id}", ok(lambda call: self.keystore.remove(call.parts["id"]))),
            ("POST", "/sts/expire", ok(lambda call: self.keystore.expire_temporary_keys(time.time()))),
            ("POST", "/role", ok(self._change_role)),
            ("PUT", "/roles", ok(lambda call: [self.sts.put(arn, role) for arn, role in call.body.items()] and {})),
            ("POST", "/imds", ok(lambda call: self.imds.change(call.body))),
            ("POST", "/listeners/{name}", ok(self._change_listener)),
        ]

    def _change_role(self, call):
        check_keys(call.body, ("lifetime_s", "renew", "code"))
        if self.keystore.role is None:
            raise ControlError("the scenario has no role")
        for name, value in call.body.items():
            setattr(self.keystore.role, name, value)

    def _change_listener(self, call):
        check_keys(call.body, ("open",))
        listener = self._listeners.get(call.parts["name"])
        if listener is None:
            raise ControlError(f"listeners: {sorted(self._listeners)}")
        (listener.open if call.body["open"] else listener.close)()

    def describe(self):
        return {"region": self.api.region, "keys": self.keystore.describe(), "endpoints": self.endpoints.describe(),
                "options": self.api.options, "faults": self.faults.describe(), "fault_kinds": KINDS,
                "lifecycle": self.lifecycle.describe(), "services": self.operations.describe(), "ecs": self.ecs.describe(),
                "private_zones": self.private_zones.describe(),
                "imds": self.imds.describe(), "api": {"open": self.api.listener.is_open}}


def main():
    parser = argparse.ArgumentParser(description="stand-in for the Alibaba Cloud OpenAPI and metadata service")
    parser.add_argument("--api", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--imds", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--control", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--scenario", metavar="FILE")
    parser.add_argument("--ready-file", metavar="FILE")
    options = parser.parse_args()
    scenario = {}
    if options.scenario:
        with open(options.scenario, encoding="utf-8") as file:
            scenario = json.load(file)
    try:
        aliyun = Aliyun(options, scenario)
        addresses = aliyun.open()
    except (ControlError, OSError, ValueError, TypeError) as error:
        print(f"aliyun.py: {error}", file=sys.stderr)
        return 2
    service.write_ready_file(options.ready_file, addresses)
    service.wait_for_signal()
    aliyun.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
