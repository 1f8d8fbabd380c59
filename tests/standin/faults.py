# SPDX-License-Identifier: Apache-2.0
"""Faults of the fake OpenAPI: what they are, for which action and how often."""

import json
import threading

from control import ControlError, check_keys
from http_base import Reply, encode

HTML_503 = (b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center>"
            b"<h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>")

KINDS = {
    "throttle": "Throttling.User; status (400); the time to wait, null for none: time_left_ms (2000) in x-ratelimit-user-api, "
                "retry_after_ms (the same) in x-acs-retry-after, which SDKs have read since tea-openapi 0.4.5, retry_after",
    "http_503_html": "503 with an HTML body; retry_after: the text of Retry-After, seconds or a date",
    "truncated_json": "200, the right Content-Length, the body cut in half, then FIN",
    "half_json": "200 with a complete body that is half a JSON document",
    "slow_body": "the headers at once, the body after delay_ms (1000)",
    "reset": "RST instead of a reply",
    "close": "FIN instead of a reply",
    "hang": "no reply",
    "denied": "403 with AccessDeniedDetail",
    "error": "an API error: status (500), code (InternalError), message, retry_after",
    "html_200": "200 with an HTML body",
    "huge": "200 with a JSON body of bytes (8 MiB)",
}
PARAMETERS = ("action", "kind", "count", "status", "code", "message", "time_left_ms", "retry_after_ms", "retry_after", "delay_ms",
              "bytes", "skip")
MAX_HUGE = 64 * 1024 * 1024


class Faults:
    def __init__(self, initial=()):
        self._lock = threading.Lock()
        self._faults = []
        for fault in initial:
            self.add(fault)

    def add(self, fault):
        """action: an API action or '*'; skip: how many calls are left alone before; count: how many calls, null = until cleared."""
        check_keys(fault, PARAMETERS)
        if fault.get("kind") not in KINDS:
            raise ControlError(f"kind is one of {sorted(KINDS)}")
        with self._lock:
            self._faults.append({"action": "*", "count": None, **fault})

    def clear(self):
        with self._lock:
            self._faults.clear()

    def describe(self):
        with self._lock:
            return [dict(fault) for fault in self._faults]

    def take(self, action):
        """The fault for this call, or None; counts it."""
        with self._lock:
            for fault in self._faults:
                if fault["action"] in ("*", action):
                    if fault.get("skip", 0) > 0:
                        fault["skip"] -= 1
                        return None
                    if fault["count"] is not None:
                        fault["count"] -= 1
                        if fault["count"] <= 0:
                            self._faults.remove(fault)
                    return dict(fault)
        return None


def access_denied_detail(action):
    return {"AuthAction": action, "AuthPrincipalDisplayName": "PosternRole:vm",
            "AuthPrincipalOwnerId": "1234567890123456", "AuthPrincipalType": "AssumedRoleUser",
            "NoPermissionType": "ImplicitDeny", "PolicyType": "AccountLevelIdentityBasedPolicy",
            "EncodedDiagnosticMessage": "AQEAAAAAexample"}


def _with_retry_after(reply, fault):
    if fault.get("retry_after") is not None:
        reply.headers.append(("Retry-After", str(fault["retry_after"])))
    return reply


def apply(fault, action, good_reply, error_reply, connection):
    """A Reply to send, or None when the connection has been dealt with."""
    kind = fault["kind"]
    if kind == "throttle":
        reply = error_reply(fault.get("status", 400), "Throttling.User", "Request was denied due to user flow control.")
        time_left_ms = fault.get("time_left_ms", 2000)
        retry_after_ms = fault.get("retry_after_ms", time_left_ms)
        if time_left_ms is not None:
            reply.headers.append(("x-ratelimit-user-api", f"Limit:1,Remain:0,TimeLeft:{time_left_ms},Reset:1234"))
        if retry_after_ms is not None:
            reply.headers.append(("x-acs-retry-after", str(retry_after_ms)))
        return _with_retry_after(reply, fault)
    if kind == "http_503_html":
        return _with_retry_after(Reply(503, HTML_503, [("Content-Type", "text/html")]), fault)
    if kind == "html_200":
        return Reply(200, b"<html><body>portal login</body></html>", [("Content-Type", "text/html")])
    if kind == "denied":
        return error_reply(403, fault.get("code", "NoPermission"),
                           f"You are not authorized to do this operation. Action: privatelink:{action}.",
                           AccessDeniedDetail=access_denied_detail(f"privatelink:{action}"))
    if kind == "error":
        message = fault.get("message", "The request processing has failed due to some unknown error.")
        return _with_retry_after(error_reply(fault.get("status", 500), fault.get("code", "InternalError"), message), fault)
    if kind == "half_json":
        good_reply.body = good_reply.body[:len(good_reply.body) // 2]
        return good_reply
    if kind == "huge":
        size = min(int(fault.get("bytes", 8 * 1024 * 1024)), MAX_HUGE)
        return Reply(200, json.dumps({"RequestId": "x", "Padding": "x" * size}).encode(), good_reply.headers)
    _break_connection(fault, good_reply, connection)
    return None


def _break_connection(fault, good_reply, connection):
    kind = fault["kind"]
    if kind == "reset":
        connection.reset()
    elif kind == "hang":
        connection.hold()
    elif kind in ("truncated_json", "slow_body"):
        whole = encode(good_reply)
        body_start = whole.index(b"\r\n\r\n") + 4
        if kind == "truncated_json":
            connection.send(whole[:body_start + len(good_reply.body) // 2])
            return
        connection.send(whole[:body_start])
        connection.hold(fault.get("delay_ms", 1000) / 1000)
        connection.send(whole[body_start:])
