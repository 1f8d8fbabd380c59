#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a Kubernetes API server, on TLS: Services, EndpointSlices, Leases and, where the cluster has ACK's managed
CoreDNS, CustomDNSConfigs. Versions, conflicts, preconditions, pages with tokens that expire, merge patches, and the checks
that the real one makes of what a publisher writes.

    kube.py --cert pki/good.pem --key pki/good.key --scenario FILE [--listen 127.0.0.1:0] [--control 127.0.0.1:0]
            [--ready-file FILE]

The README beside this file has the control API.
"""

import copy
import ipaddress
import json
import re
import sys
import threading
import urllib.parse
import uuid

import http_base
import service
from control import Control, ControlError, check_keys
from http_base import Reply
from net_base import Listener, server_context

KINDS = {  # plural -> (group and version, kind, namespaced)
    "services": ("v1", "Service", True),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", True),
    "leases": ("coordination.k8s.io/v1", "Lease", True),
    "customdnsconfigs": ("networking.alibabacloud.com/v1beta1", "CustomDNSConfig", False),
}
FIELDS = {  # what the publisher may send of each; the real server refuses or drops others
    "services": {"spec": {"clusterIP", "type", "ports", "publishNotReadyAddresses", "selector"}},
    "endpointslices": {"addressType": None, "ports": None, "endpoints": None},
    "leases": {"spec": {"holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions"}},
    "customdnsconfigs": {"spec": {"zones"}},
}
METADATA = {"name", "namespace", "labels", "annotations", "resourceVersion", "uid", "creationTimestamp"}
FAULTS = {
    "status": "status (500), with retry_after",
    "race": "another one writes the object just before this write",
    "expired": "410 for the next page of a list",
    "hang": "no reply",
    "reset": "RST instead of a reply",
    "after": "RST after the request was done",
    "html": "200 with an HTML body",
    "huge": "200 with a body of 16 MiB",
}
FAULT_KEYS = ("kind", "method", "resource", "count", "status", "retry_after", "subject")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Refused(Exception):
    def __init__(self, status, reason, message, **details):
        super().__init__(message)
        self.reply = Reply(status, json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                               "message": message, "reason": reason, "details": details, "code": status}).encode(),
                           [("Content-Type", "application/json")])


def require(condition, message):
    if not condition:
        raise Refused(422, "Invalid", message)


def merge(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def check_object(plural, new, old):
    """What the real API server checks of these kinds, as far as a publisher can go wrong."""
    version, kind, _ = KINDS[plural]
    require(new.get("apiVersion") == version and new.get("kind") == kind, "apiVersion or kind")
    known = FIELDS[plural]
    for key, value in new.items():
        if key in ("apiVersion", "kind"):
            continue
        require(key == "metadata" or key in known, f"unknown field {key}")
        allowed = METADATA if key == "metadata" else known[key]
        if allowed:
            require(set(value) <= allowed, f"unknown field in {key}: {sorted(set(value) - allowed)}")
    name = new["metadata"]["name"]
    require(re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name) and len(name) <= 253, f"metadata.name {name}")
    for label in new["metadata"].get("labels", {}).values():
        require(re.fullmatch(r"([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?", label) and len(label) <= 63, f"label {label}")
    {"services": check_service, "endpointslices": check_slice, "leases": check_lease,
     "customdnsconfigs": check_custom_dns}[plural](new, old)


def check_service(new, old):
    require(re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", new["metadata"]["name"]) and len(new["metadata"]["name"]) <= 63, "name is no RFC 1035 label")
    spec = new["spec"]
    require(not old or old["spec"].get("clusterIP") == spec.get("clusterIP"), "spec.clusterIP: field is immutable")
    for port in spec["ports"]:
        require(set(port) <= {"name", "port", "protocol", "targetPort"} and 0 < port["port"] < 65536, "spec.ports")


def check_slice(new, old):
    require(not old or old["addressType"] == new["addressType"], "addressType: field is immutable")
    require(len(new["endpoints"]) <= 1000, "too many endpoints")
    require(new["metadata"].get("labels", {}).get("endpointslice.kubernetes.io/managed-by"), "managed-by is missing")
    for endpoint in new["endpoints"]:
        require(set(endpoint) <= {"addresses", "conditions", "zone", "hints"}, "unknown field of an endpoint")
        for text in endpoint["addresses"]:
            ip = ipaddress.ip_address(text)
            require(new["addressType"] == f"IPv{ip.version}", f"{text}: not of the addressType")
            require(not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified), f"{text}: may not be loopback, link-local or multicast")
        require(isinstance(endpoint["conditions"]["ready"], bool), "conditions.ready")
        for hint in endpoint.get("hints", {}).get("forZones", []):
            require(set(hint) == {"name"} and hint["name"], "hints.forZones")


def check_lease(new, _old):
    spec = new["spec"]
    require(spec.get("leaseDurationSeconds", 0) > 0, "spec.leaseDurationSeconds: must be greater than 0")
    for key in ("renewTime", "acquireTime"):
        require(key not in spec or MICRO_TIME.fullmatch(spec[key]), f"spec.{key} is no MicroTime")


def check_custom_dns(new, _old):
    require(new["metadata"]["name"] == "default", "only one, named default")
    for zone in new["spec"]["zones"]:
        require(set(zone) <= {"name", "forward", "hosts"}, "unknown field of a zone")
        for entry in zone.get("hosts", []):
            require(set(entry) == {"hostName", "ipAddress"} and ipaddress.ip_address(entry["ipAddress"]).version == 4, "hosts")


class Cluster:
    def __init__(self, options, scenario):
        check_keys(scenario, ("namespaces", "tokens", "custom_dns", "objects"))
        self.namespaces = list(scenario.get("namespaces", ["default"]))
        self.tokens = dict(scenario.get("tokens", {}))  # {token: who}
        self.custom_dns = scenario.get("custom_dns", False)
        self.lock = threading.Lock()
        self.version = 100
        self.objects = {}  # (plural, namespace, name) -> object
        self.pages = {}    # token -> [objects]
        self.faults = []
        self.history = []  # of each slice and CustomDNSConfig after each write: {"name", "ready": [address]}
        for plural, objects in scenario.get("objects", {}).items():
            for one in objects:
                self._store(plural, one["metadata"].get("namespace", ""), one)
        self.log = service.RequestLog()
        self._context = server_context(options.cert, options.key)
        self.listener = Listener(service.parse_address(options.listen), self._serve, name="kube")
        ok = lambda function: lambda call: function(call) or {}  # noqa: E731
        self.control = Control(service.parse_address(options.control), [
            ("GET", "/state", lambda call: self.describe()),
            ("PUT", "/tokens", ok(self._put_tokens)),
            ("POST", "/objects/{plural}/{name}", ok(self._patch_object)),
            ("DELETE", "/objects/{plural}/{name}", ok(lambda call: self._drop_object(call.parts["plural"], call.parts["name"]))),
            ("POST", "/faults", ok(lambda call: self._add_fault(call.body))),
            ("DELETE", "/faults", ok(lambda call: self.faults.clear())),
            ("POST", "/listener", ok(self._change_listener)),
        ], self.log)

    def open(self):
        for listener in (self.listener, self.control.listener):
            listener.open()
        return {"server": "%s:%d" % self.listener.address, "control": "%s:%d" % self.control.listener.address}

    def close(self):
        for listener in (self.listener, self.control.listener):
            listener.close()

    # --- control -----------------------------------------------------------------------------------------------------

    def describe(self):
        with self.lock:
            return {"objects": {plural: {name: one for (kind, _, name), one in self.objects.items() if kind == plural} for plural in KINDS},
                    "history": list(self.history), "faults": list(self.faults), "fault_kinds": FAULTS}

    def _put_tokens(self, call):
        self.tokens = dict(call.body)

    def _find(self, plural, name):
        (key,) = [key for key in self.objects if key[0] == plural and key[2] == name]
        return key

    def _patch_object(self, call):
        """As another client would."""
        with self.lock:
            key = self._find(call.parts["plural"], call.parts["name"])
            self._store(key[0], key[1], merge(self.objects[key], call.body))

    def _drop_object(self, plural, name):
        with self.lock:
            self.objects.pop(self._find(plural, name))

    def _add_fault(self, fault):
        check_keys(fault, FAULT_KEYS)
        if fault.get("kind") not in FAULTS:
            raise ControlError(f"kind is one of {sorted(FAULTS)}")
        with self.lock:
            self.faults.append({"method": "*", "resource": "*", "subject": "*", "count": None, **fault})

    def _change_listener(self, call):
        check_keys(call.body, ("open",))
        (self.listener.open if call.body["open"] else self.listener.close)()

    # --- requests ----------------------------------------------------------------------------------------------------

    def _serve(self, connection):
        connection.start_tls(self._context)
        http_base.serve(connection, lambda request: self._answer(request, connection))

    def _answer(self, request, connection):
        said = request.header("authorization") or ""
        who = self.tokens.get(said.removeprefix("Bearer "))
        place = self._place(request.path)
        entry = {"method": request.method, "path": request.path, "query": request.raw_query, "who": who,
                 "resource": place[0] if place else None, "name": place[2] if place else None}
        fault = self._take_fault(entry)
        try:
            if who is None:
                raise Refused(401, "Unauthorized", "Unauthorized")
            if fault and fault["kind"] in ("hang", "reset", "html", "huge", "status"):
                reply = None
            else:
                reply = self._act(request, place, fault)
        except Refused as refused:
            reply = refused.reply
        self.log.add(status=reply.status if reply else (fault["kind"] if fault["kind"] != "status" else fault.get("status", 500)), **entry)
        return self._spoil(fault, reply, connection) if fault and (reply is None or fault["kind"] == "after") else reply

    def _place(self, path):
        """(plural, namespace, name or None); None for a path that no kind has."""
        for plural, (version, _, namespaced) in KINDS.items():
            if plural == "customdnsconfigs" and not self.custom_dns:
                continue
            base = ("/api/" if version == "v1" else "/apis/") + version
            pattern = base + (r"/namespaces/([^/]+)/" if namespaced else "/()") + plural + r"(?:/([^/]+))?"
            found = re.fullmatch(pattern, path)
            if found:
                return plural, found[1], found[2]
        return None

    def _act(self, request, place, fault):
        if place is None:
            return Reply(404, b"404 page not found\n", [("Content-Type", "text/plain; charset=utf-8")])
        plural, space, name = place
        query = dict(urllib.parse.parse_qsl(request.raw_query))
        if "watch" in query:
            raise Refused(405, "MethodNotAllowed", "this stand-in has no watch: nobody of ours watches")
        with self.lock:
            if request.method == "GET":
                return self._list(plural, space, query, fault) if name is None else self._json(200, self._object(place))
            if KINDS[plural][2] and space not in self.namespaces:
                raise Refused(404, "NotFound", f'namespaces "{space}" not found', name=space, kind="namespaces")
            if fault and fault["kind"] == "race" and name is not None and place in self.objects:
                self._store(plural, space, self.objects[place])
            if request.method == "POST" and name is None:
                return self._create(plural, space, json.loads(request.body))
            if request.method == "PATCH":
                if request.header("content-type") != "application/merge-patch+json":
                    raise Refused(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
                return self._patch(place, json.loads(request.body))
            if request.method == "DELETE" and name is not None:
                return self._delete(place, json.loads(request.body or b"{}"))
        raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _object(self, place):
        if place not in self.objects:
            raise Refused(404, "NotFound", f'{place[0]} "{place[2]}" not found', name=place[2], kind=place[0])
        return self.objects[place]

    def _list(self, plural, space, query, fault):
        wanted = [part.split("=", 1) for part in query.get("labelSelector", "").split(",") if part]
        if "continue" in query:
            if (fault and fault["kind"] == "expired") or query["continue"] not in self.pages:
                raise Refused(410, "Expired", "The provided continue parameter is too old")
            found = self.pages.pop(query["continue"])
        else:
            found = [one for (kind, own, _), one in sorted(self.objects.items()) if (kind, own) == (plural, space)
                     and all(one["metadata"].get("labels", {}).get(key) == value for key, value in wanted)]
        limit = int(query.get("limit", 0)) or len(found)
        metadata = {"resourceVersion": str(self.version)}
        if len(found) > limit:
            metadata["continue"] = uuid.uuid4().hex + "=="
            self.pages[metadata["continue"]] = found[limit:]
        return self._json(200, {"kind": KINDS[plural][1] + "List", "apiVersion": KINDS[plural][0], "metadata": metadata, "items": found[:limit]})

    def _create(self, plural, space, new):
        name = new["metadata"]["name"]
        if new["metadata"].get("namespace", "") != space:
            raise Refused(400, "BadRequest", "the namespace of the object does not match that of the request")
        if (plural, space, name) in self.objects:
            raise Refused(409, "AlreadyExists", f'{plural} "{name}" already exists', name=name, kind=plural)
        require("resourceVersion" not in new["metadata"], "resourceVersion should not be set on objects to be created")
        check_object(plural, new, None)
        return self._json(201, self._store(plural, space, new))

    def _patch(self, place, patch):
        old = self._object(place)
        wanted = patch.get("metadata", {}).get("resourceVersion")
        if wanted is not None and wanted != old["metadata"]["resourceVersion"]:
            raise Refused(409, "Conflict", f'Operation cannot be fulfilled on {place[0]} "{place[2]}": the object has been modified')
        new = merge(old, patch)
        check_object(place[0], new, old)
        return self._json(200, self._store(place[0], place[1], new) if new != old else old)

    def _delete(self, place, options):
        old = self._object(place)
        for key, value in options.get("preconditions", {}).items():
            if old["metadata"].get(key) != value:
                raise Refused(409, "Conflict", f"Precondition failed: {key}")
        del self.objects[place]
        self.history.append({"kind": place[0], "name": place[2], "ready": None})
        return self._json(200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"name": place[2]}})

    def _store(self, plural, space, one):
        one = copy.deepcopy(one)
        self.version += 1
        one["metadata"]["resourceVersion"] = str(self.version)
        one["metadata"].setdefault("uid", str(uuid.uuid4()))
        self.objects[plural, space, one["metadata"]["name"]] = one
        if plural == "endpointslices":
            ready = [e["addresses"][0] for e in one["endpoints"] if e["conditions"]["ready"]]
            self.history.append({"kind": plural, "name": one["metadata"]["name"], "ready": ready})
        if plural == "customdnsconfigs":
            for zone in one["spec"]["zones"]:
                self.history.append({"kind": plural, "name": zone["name"], "ready": [e["ipAddress"] for e in zone.get("hosts", [])]})
        return one

    @staticmethod
    def _json(status, value):
        return Reply(status, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def _take_fault(self, entry):
        with self.lock:
            for fault in self.faults:
                if fault["method"] not in ("*", entry["method"]) or fault["resource"] not in ("*", entry["resource"]) \
                        or fault["subject"] not in ("*", entry["who"]) or (fault["kind"] == "expired" and "continue=" not in entry["query"]):
                    continue
                if fault["count"] is not None:
                    fault["count"] -= 1
                    if fault["count"] <= 0:
                        self.faults.remove(fault)
                return dict(fault)
        return None

    def _spoil(self, fault, reply, connection):
        kind = fault["kind"]
        if kind == "status":
            headers = [("Content-Type", "application/json")]
            if "retry_after" in fault:
                headers.append(("Retry-After", str(fault["retry_after"])))
            status = fault.get("status", 500)
            return Reply(status, json.dumps({"kind": "Status", "status": "Failure", "message": "as a server says it", "code": status}).encode(), headers)
        if kind == "html":
            return Reply(200, b"<html><body>portal login</body></html>", [("Content-Type", "text/html")])
        if kind == "huge":
            return Reply(200, b" " * (16 << 20), [("Content-Type", "application/json")])
        if kind == "hang":
            connection.hold()
        connection.reset()
        return None


if __name__ == "__main__":
    sys.exit(service.run_over_tls("kube.py", "stand-in for a Kubernetes API server", Cluster, ControlError))
