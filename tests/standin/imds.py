# SPDX-License-Identifier: Apache-2.0
"""The fake ECS instance metadata service (100.100.100.200): plain HTTP, session tokens (IMDSv2), the role's keys."""

import json
import secrets
import threading
import time

import http_base
from control import ControlError, check_keys
from http_base import Reply
from keystore import utc
from net_base import Listener

TOKEN_PATH = "/latest/api/token"
TTL_HEADER = "x-aliyun-ecs-metadata-token-ttl-seconds"
TOKEN_HEADER = "x-aliyun-ecs-metadata-token"
MAX_TOKENS = 1000
PREFIXES = ("/latest/meta-data/", "/2016-01-01/meta-data/")
ROLE_DIRECTORY = "ram/security-credentials/"

TOKEN_MODES = {
    "required": "GET needs a valid session token, else 401",
    "optional": "GET works with and without a token",
    "forbidden": "PUT is answered 403; GET works without a token",
    "absent": "PUT is answered 404, as before there were tokens; GET works without one",
}
# Not of the metadata service: a local credentials server (ALIBABA_CLOUD_CREDENTIALS_URI), to save a listener.
CREDENTIALS_URI_PATH = "/credentials"
FAILURES = ("hang", "reset", "http_500", "http_404", "html")

DEFAULT_VALUES = {
    "region-id": "cn-hangzhou",
    "zone-id": "cn-hangzhou-h",
    "vpc-id": "vpc-bp1example00000000001",
    "vswitch-id": "vsw-bp1example00000000001",
    "vpc-cidr-block": "192.168.0.0/16",
    "vswitch-cidr-block": "192.168.2.0/24",
    "instance-id": "i-bp1example0000000001",
    "private-ipv4": "192.168.2.9",
    "mac": "00:16:3e:00:00:01",
    "hostname": "vm",
    "owner-account-id": "1234567890123456",
    "network-type": "vpc",
    "dns-conf/nameservers": "100.100.2.136\r\n100.100.2.138",
}


class Imds:
    def __init__(self, address, keystore, log, values=None, token_mode="required", serve_all=True):
        self.keystore = keystore
        self.log = log
        self.values = {**DEFAULT_VALUES, **(values or {})}
        self.token_mode = token_mode
        self.serve_all = serve_all
        self.fail = None
        self._tokens = {}
        self._lock = threading.Lock()
        self.listener = Listener(address, self._serve, name="imds")

    def change(self, body):
        """Control: POST /imds."""
        check_keys(body, ("token_mode", "fail", "serve_all", "values", "forget_tokens"))
        if body.get("token_mode", self.token_mode) not in TOKEN_MODES:
            raise ControlError(f"token_mode is one of {sorted(TOKEN_MODES)}")
        if body.get("fail") not in (None, *FAILURES):
            raise ControlError(f"fail is null or one of {FAILURES}")
        self.token_mode = body.get("token_mode", self.token_mode)
        self.serve_all = bool(body.get("serve_all", self.serve_all))
        if "fail" in body:
            self.fail = body["fail"]
        self.values.update(body.get("values", {}))
        if body.get("forget_tokens"):
            with self._lock:
                self._tokens.clear()

    def describe(self):
        return {"token_mode": self.token_mode, "fail": self.fail, "serve_all": self.serve_all,
                "values": self.values, "open": self.listener.is_open}

    def _serve(self, connection):
        http_base.serve(connection, lambda request: self._answer(connection, request))

    def _answer(self, connection, request):
        failure = self.fail
        if failure == "hang":
            connection.hold()
            return None
        if failure == "reset":
            connection.reset()
            return None
        if failure is not None:
            status = {"http_500": 500, "http_404": 404, "html": 200}[failure]
            reply = Reply(status, b"<html><body>metadata trouble</body></html>", [("Content-Type", "text/html")])
        elif request.path == TOKEN_PATH:
            reply = self._token(request)
        elif request.path == CREDENTIALS_URI_PATH and self.keystore.role:
            reply = Reply(200, json.dumps(self._credential(self.keystore.role)).encode(), [("Content-Type", "application/json")])
        else:
            reply = self._value(request)
        self.log.add(service="imds", method=request.method, path=request.path, status=reply.status,
                     session_token=request.header(TOKEN_HEADER) is not None)
        return reply

    def _token(self, request):
        if request.method != "PUT":
            return Reply(405)
        if self.token_mode == "absent":
            return Reply(404, b"<html><body>404 - Not Found</body></html>", [("Content-Type", "text/html")])
        if self.token_mode == "forbidden" or request.header("x-forwarded-for") is not None:
            return Reply(403, b"Forbidden")
        ttl = request.header(TTL_HEADER) or ""
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return Reply(400, b"Bad Request")
        token = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._tokens) >= MAX_TOKENS:
                self._tokens.pop(next(iter(self._tokens)))
            self._tokens[token] = time.monotonic() + int(ttl)
        return Reply(200, token.encode(), [("Content-Type", "text/plain")])

    def _token_is_good(self, request):
        token = request.header(TOKEN_HEADER)
        if token is None:
            return self.token_mode != "required"
        with self._lock:
            return self._tokens.get(token, 0) > time.monotonic()

    def _value(self, request):
        if request.method != "GET":
            return Reply(405)
        if not self._token_is_good(request):
            return Reply(401, b"Unauthorized")
        prefix = next((prefix for prefix in PREFIXES if request.path.startswith(prefix)), None)
        text = self._lookup(request.path[len(prefix):]) if prefix else None
        if text is None:
            return Reply(404, b"<html><body>404 - Not Found</body></html>", [("Content-Type", "text/html")])
        return Reply(200, text.encode(), [("Content-Type", "text/plain")])

    def _lookup(self, key):
        role = self.keystore.role
        if key == "all":
            return json.dumps(self._all()) if self.serve_all else None
        if key.rstrip("/") == ROLE_DIRECTORY.rstrip("/"):
            return role.name if role else None
        if role and key == ROLE_DIRECTORY + role.name:
            return json.dumps(self._credential(role))
        if key == "":
            return "\n".join(sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in self.values}))
        return self.values.get(key)

    def _credential(self, role):
        if role.code != "Success":
            return {"Code": role.code}
        now = time.time()
        key = self.keystore.role_credential(now)
        return {"AccessKeyId": key.key_id, "AccessKeySecret": key.secret, "Expiration": utc(key.expires_at),
                "SecurityToken": key.token, "LastUpdated": utc(key.expires_at - role.lifetime_s), "Code": role.code}

    def _all(self):
        out = {}
        for name, value in self.values.items():
            *folders, leaf = name.split("/")
            place = out
            for folder in folders:
                place = place.setdefault(folder, {})
            place[leaf] = value
        return out
