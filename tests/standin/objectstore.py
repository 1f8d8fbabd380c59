#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an object store, on TLS: OSS (signature version 4) and S3 (AWS version 4) over the same buckets, anonymous and
presigned reads, conditional requests, versioning, lists of objects, and a control endpoint.

    objectstore.py --cert pki/good.pem --key pki/good.key --scenario FILE [--listen 127.0.0.1:0] [--control 127.0.0.1:0]
                   [--ready-file FILE]

A bucket is the first label of the Host, or the first part of the path. The README beside this file has the control API.
"""

import base64
import calendar
import hashlib
import json
import re
import sys
import threading
import time
import urllib.parse
import xml.sax.saxutils

import http_base
import service
import store_signatures
from control import Control, ControlError, check_keys
from http_base import Reply
from net_base import Listener, server_context

SKEW_S = 15 * 60
FAULTS = {
    "error": "status (500), code (InternalError), endpoint, region",
    "truncated": "200, the right Content-Length, half of the body, then FIN",
    "half": "200 with a complete body that is half of the object",
    "slow": "the reply after delay_ms (1000)",
    "slow_body": "the headers at once, the body a byte each delay_ms (1000)",
    "hang": "no reply",
    "reset": "RST instead of a reply",
    "html": "200 with an HTML body",
    "huge": "200 with a body of bytes (16 MiB)",
    "new_etag": "another ETag than last time, and the same body",
    "after": "RST after the request was done",
}
FAULT_KEYS = ("kind", "method", "count", "status", "code", "endpoint", "region", "delay_ms", "bytes", "key", "skip", "publisher")
OPTION_KEYS = ("versioning", "clock_offset_s", "moved_to", "public", "page")


def error(status, code, **more):
    body = f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>as a store says it</Message>" + "".join(
        f"<{name}>{value}</{name}>" for name, value in more.items()) + "<RequestId>6A0000000000</RequestId></Error>"
    return Reply(status, body.encode(), [("Content-Type", "application/xml"), ("x-oss-request-id", "6A0000000000")])


class Refused(Exception):
    def __init__(self, reply):
        super().__init__()
        self.reply = reply


class Store:
    def __init__(self, options, scenario):
        check_keys(scenario, ("region", "buckets", "keys", "options"))
        self.region = scenario.get("region", "cn-hangzhou")
        self.keys = dict(scenario.get("keys", {}))  # {ID: secret, or {"secret", "token", "writes": false}}
        self.lock = threading.Lock()
        self.buckets = {name: {} for name in scenario.get("buckets", [])}  # {bucket: {key: bytes}}
        self.versions = {}  # (bucket, key) -> [bytes]
        self.options = {"versioning": False, "clock_offset_s": 0, "moved_to": None, "public": False, "page": 1000}
        self.change_options(scenario.get("options", {}))
        self.faults = []
        self.etags = 0
        self.log = service.RequestLog()
        self._context = server_context(options.cert, options.key)
        self.listener = Listener(service.parse_address(options.listen), self._serve, name="objectstore")
        ok = lambda function: lambda call: function(call) or {}  # noqa: E731
        self.control = Control(service.parse_address(options.control), [
            ("GET", "/state", lambda call: self.describe()),
            ("PUT", "/objects/{bucket}/{key}", ok(self._put_object)),
            ("PUT", "/objects/{bucket}", ok(self._put_objects)),
            ("DELETE", "/objects/{bucket}/{key}", ok(lambda call: self.buckets[call.parts["bucket"]].pop(call.parts["key"]) and {})),
            ("POST", "/options", ok(lambda call: self.change_options(call.body))),
            ("POST", "/faults", ok(lambda call: self._add_fault(call.body))),
            ("DELETE", "/faults", ok(lambda call: self.faults.clear())),
            ("PUT", "/keys/{id}", ok(lambda call: self.keys.__setitem__(call.parts["id"], call.body))),
            ("DELETE", "/keys/{id}", ok(lambda call: self.keys.pop(call.parts["id"]) and {})),
            ("POST", "/listener", ok(self._change_listener)),
        ], self.log)

    def open(self):
        for listener in (self.listener, self.control.listener):
            listener.open()
        return {"store": "%s:%d" % self.listener.address, "control": "%s:%d" % self.control.listener.address}

    def close(self):
        for listener in (self.listener, self.control.listener):
            listener.close()

    # --- control -----------------------------------------------------------------------------------------------------

    def change_options(self, changes):
        check_keys(changes, OPTION_KEYS)
        self.options.update(changes)

    def _put_object(self, call):
        check_keys(call.body, ("base64",))
        with self.lock:
            self.buckets[call.parts["bucket"]][call.parts["key"]] = base64.b64decode(call.body["base64"])

    def _put_objects(self, call):
        """Many at once: {key: text}."""
        with self.lock:
            self.buckets[call.parts["bucket"]].update({key: text.encode() for key, text in call.body.items()})

    def _add_fault(self, fault):
        check_keys(fault, FAULT_KEYS)
        if fault.get("kind") not in FAULTS:
            raise ControlError(f"kind is one of {sorted(FAULTS)}")
        with self.lock:
            self.faults.append({"method": "*", "count": None, "key": None, "skip": 0, "publisher": False, **fault})

    def _change_listener(self, call):
        check_keys(call.body, ("open",))
        (self.listener.open if call.body["open"] else self.listener.close)()

    def describe(self):
        with self.lock:
            return {"region": self.region, "options": dict(self.options), "faults": list(self.faults), "fault_kinds": FAULTS,
                    "buckets": {bucket: {key: base64.b64encode(value).decode() for key, value in objects.items()}
                                for bucket, objects in self.buckets.items()}}

    # --- requests ----------------------------------------------------------------------------------------------------

    def _serve(self, connection):
        connection.start_tls(self._context)
        http_base.serve(connection, lambda request: self._answer(request, connection))

    def _answer(self, request, connection):
        verdict = {"signature": "none"}
        try:
            bucket, key = self._place(request)
            fault = self._take_fault(request, key)
            self._check(request, bucket, key, verdict)
            reply = self._act(request, bucket, key)
        except Refused as refused:
            bucket, key, fault, reply = *self._place(request), None, refused.reply
        self.log.add(service="store", method=request.method, bucket=bucket, key=key, status=reply.status,
                     conditional=bool(request.header("if-none-match")), **verdict)
        reply.headers.append(("Date", http_base.http_date(self.options["clock_offset_s"])))
        return self._spoil(fault, reply, connection) if fault else reply

    def _place(self, request):
        host = (request.header("host") or "").partition(":")[0]
        path = urllib.parse.unquote(request.path).lstrip("/")
        first = host.split(".")[0]
        if first in self.buckets and not re.fullmatch(r"[\d.]+", host):
            return first, path
        bucket, _, key = path.partition("/")
        return bucket, key

    def _check(self, request, bucket, key, verdict):
        """Who asks, and whether he may."""
        headers = {name.lower(): value for name, value in request.headers}
        said = headers.get("authorization", "")
        if bucket not in self.buckets:
            raise Refused(error(404, "NoSuchBucket"))
        if self.options["moved_to"]:
            raise Refused(error(301, "PermanentRedirect", Endpoint=self.options["moved_to"]))
        presigned = dict(urllib.parse.parse_qsl(request.raw_query)).get("Signature")
        if not said:
            verdict["signature"] = "presigned" if presigned else "anonymous"
            if request.method == "GET" and (self.options["public"] or presigned == "good"):
                return
            raise Refused(error(403, "AccessDenied"))
        oss, s3 = store_signatures.OSS.fullmatch(said), store_signatures.S3.fullmatch(said)
        if not oss and not s3:
            raise Refused(error(400, "InvalidArgument"))
        verdict["signature"] = "oss4" if oss else "sigv4"
        key_id, day, region = (oss or s3).groups()[:3]
        prefix = "x-oss-" if oss else "x-amz-"
        date, token = headers.get(prefix + "date", ""), headers.get(prefix + "security-token")
        owner = self.keys.get(key_id)
        if owner is None:
            raise Refused(error(403, "InvalidAccessKeyId"))
        owner = owner if isinstance(owner, dict) else {"secret": owner}
        if token != owner.get("token"):
            raise Refused(error(403, "InvalidSecurityToken" if oss else "InvalidToken"))
        if not re.fullmatch(r"\d{8}T\d{6}Z", date) or date[:8] != day:
            raise Refused(error(400, "InvalidArgument"))
        now = time.time() + self.options["clock_offset_s"]
        if abs(calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")) - now) > SKEW_S:
            raise Refused(error(403, "RequestTimeTooSkewed"))
        if region != self.region:
            raise Refused(error(400, "AuthorizationHeaderMalformed", Region=self.region))
        if oss:
            good = headers.get("x-oss-content-sha256") == "UNSIGNED-PAYLOAD" and store_signatures.oss4(
                request.method, bucket, key, request.raw_query, headers, owner["secret"], date, region) == oss[4]
        else:
            signed, payload = s3[4].split(";"), headers.get("x-amz-content-sha256", "")
            must = {"host", *(name for name in headers if name.startswith("x-amz-"))}
            good = payload == hashlib.sha256(request.body).hexdigest() and must <= set(signed) and signed == sorted(signed) and \
                store_signatures.sigv4(request.method, request.path, request.raw_query, headers, signed, payload, owner["secret"],
                                       date, region) == s3[5]
        if not good:
            raise Refused(error(403, "SignatureDoesNotMatch"))
        if request.method != "GET" and not owner.get("writes", True):
            raise Refused(error(403, "AccessDenied"))

    def _act(self, request, bucket, key):
        with self.lock:
            objects = self.buckets[bucket]
            if request.method == "GET" and not key:
                return self._list(objects, dict(urllib.parse.parse_qsl(request.raw_query, keep_blank_values=True)))
            if request.method == "GET":
                if key not in objects:
                    return error(404, "NoSuchKey")
                etag = f'"{self._etag(objects[key])}"'
                if request.header("if-none-match") == etag:
                    return Reply(304, b"", [("ETag", etag)])
                return Reply(200, objects[key], [("ETag", etag), ("Content-Type", "application/json")])
            if request.method != "PUT":
                return error(405, "MethodNotAllowed")
            # As OSS documents it: no effect while versioning is on.
            forbidden = (request.header("x-oss-forbid-overwrite") == "true" and not self.options["versioning"]) or \
                request.header("if-none-match") == "*"
            if forbidden and key in objects:
                return error(412, "PreconditionFailed") if request.header("if-none-match") else error(409, "FileAlreadyExists")
            objects[key] = request.body
            self.versions.setdefault((bucket, key), []).append(request.body)
            version = len(self.versions[bucket, key])
            return Reply(200, b"", [("x-oss-version-id", f"v{version}")] if self.options["versioning"] else [])

    def _list(self, objects, query):
        """ListObjectsV2, as OSS and S3 document it."""
        if query.get("list-type") != "2":
            return error(400, "InvalidArgument")
        prefix, delimiter, start = query.get("prefix", ""), query.get("delimiter", ""), query.get("continuation-token", "")
        most = min(int(query.get("max-keys", "100")), self.options["page"])
        names, folders, after = [], [], ""
        for name in sorted(objects):
            if not name.startswith(prefix) or (start and name <= start):
                continue
            inside = name[len(prefix):]
            if delimiter and delimiter in inside:
                folder = prefix + inside.split(delimiter)[0] + delimiter
                folders += [folder] if folder not in folders else []
                continue
            if len(names) == most:
                after = names[-1]
                break
            names.append(name)
        escape = xml.sax.saxutils.escape
        body = f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" \
            f"<Name>b</Name><Prefix>{escape(prefix)}</Prefix><MaxKeys>{most}</MaxKeys><EncodingType/>" + "".join(
                f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;{self._etag(objects[name])}&quot;</ETag>"
                f"<Type>Normal</Type><Size>{len(objects[name])}</Size><StorageClass>Standard</StorageClass><Owner><ID>1</ID></Owner></Contents>\n"
                for name in names) + "".join(f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders) + \
            f"<KeyCount>{len(names)}</KeyCount><IsTruncated>{'true' if after else 'false'}</IsTruncated>" + \
            (f"<NextContinuationToken>{escape(after)}</NextContinuationToken>" if after else "") + "</ListBucketResult>"
        return Reply(200, body.encode(), [("Content-Type", "application/xml")])

    @staticmethod
    def _etag(content):
        return hashlib.md5(content).hexdigest().upper()

    def _take_fault(self, request, key):
        with self.lock:
            for fault in self.faults:
                if fault["method"] not in ("*", request.method) or (fault["key"] or "") not in key:
                    continue
                if fault["publisher"] and (request.header("if-none-match") or "*") != "*":
                    continue  # a reader's
                if fault["skip"] > 0:
                    fault["skip"] -= 1
                    continue
                if fault["count"] is not None:
                    fault["count"] -= 1
                    if fault["count"] <= 0:
                        self.faults.remove(fault)
                return dict(fault)
        return None

    def _spoil(self, fault, reply, connection):
        kind, delay_s = fault["kind"], fault.get("delay_ms", 1000) / 1000
        if kind == "error":
            more = {name.capitalize(): fault[name] for name in ("endpoint", "region") if fault.get(name)}
            spoilt = error(fault.get("status", 500), fault.get("code", "InternalError"), **more)
            spoilt.headers += [header for header in reply.headers if header[0] == "Date"]
            return spoilt
        if kind == "html":
            return Reply(200, b"<html><body>portal login</body></html>", [("Content-Type", "text/html")])
        if kind == "huge":
            return Reply(200, b"x" * fault.get("bytes", 16 << 20))
        if kind == "half":
            reply.body = reply.body[:len(reply.body) // 2]
            return reply
        if kind == "new_etag":
            self.etags += 1
            reply.headers = [(name, value) for name, value in reply.headers if name != "ETag"] + [("ETag", f'"other-{self.etags}"')]
            return reply
        if kind == "slow":
            connection.hold(delay_s)
            return reply
        if kind == "hang":
            connection.hold()
        if kind in ("reset", "after"):
            connection.reset()
        if kind in ("truncated", "slow_body"):
            whole = http_base.encode(reply)
            start = len(whole) - len(reply.body)
            if kind == "truncated":
                connection.send(whole[:start + len(reply.body) // 2])
            else:
                connection.send(whole[:start])
                for byte in reply.body:
                    connection.send(bytes([byte]))
                    connection.hold(delay_s)
        return None


if __name__ == "__main__":
    sys.exit(service.run_over_tls("objectstore.py", "stand-in for an object store", Store, ControlError))
