# SPDX-License-Identifier: Apache-2.0
"""The fake OpenAPI (RPC style): checks every request as the gateway does, then answers. PrivateLink's reading operations are
here; what other files bring (vpc_endpoint_ops.py, ecs.py) is served beside them."""

import datetime
import hashlib
import json
import re
import threading
import time
import urllib.parse
import uuid
from collections import OrderedDict

import acs3
import faults
import http_base
from api_error import ApiError
from control import check_keys
from http_base import Reply
from net_base import Listener, server_context
from paging import cut

VERSION = "2020-04-15"
PRODUCTS = {VERSION: "privatelink", "2018-01-01": "pvtz", "2014-05-26": "ecs", "2015-04-01": "sts"}
DATE_WINDOW_S = 15 * 60
MAX_NONCES = 20000

OPTION_DEFAULTS = {
    "clock_offset_s": 0,        # the server's clock against the true time
    "numeric_strings": False,   # numbers and booleans of lists and attributes as strings
    "last_page": "absent",      # NextToken of the last page: absent | null | empty
    "page_size": None,          # at most so many entries a page, whatever MaxResults asks
    "repeat_token": False,      # never-ending paging: the same NextToken again and again
    "not_found_status": 404,    # HTTP status of EndpointNotFound: 404 or 400, the documents differ
    "wrap_lists": False,        # {"Zones": {"Zone": [...]}}, as this cloud's other products write lists
    "null_lists": False,        # an empty list as null
}


class OpenApi:
    def __init__(self, address, cert, key, *, region, keystore, endpoints, fault_list, log, options=None):
        self.region = region
        self.keystore = keystore
        self.endpoints = endpoints
        self.faults = fault_list
        self.log = log
        self.sts = None  # answers on the same listener, under its own host names
        self.options = dict(OPTION_DEFAULTS)
        self.change_options(options or {})
        self._nonces = OrderedDict()
        self._lock = threading.Lock()
        self._context = server_context(cert, key)
        self.listener = Listener(address, self._serve, name="openapi")
        self._actions = {
            "ListVpcEndpoints": (VERSION, self._list_endpoints, ("RegionId",)),
            "GetVpcEndpointAttribute": (VERSION, self._get_attribute, ("RegionId", "EndpointId")),
            "ListVpcEndpointZones": (VERSION, self._list_zones, ("RegionId", "EndpointId")),
            "ListVpcEndpointSecurityGroups": (VERSION, self._list_security_groups, ("RegionId", "EndpointId")),
        }
        self._callers_actions = {}
        self.before_each = lambda: None  # of the requests that are answered

    def serve(self, actions):
        """More actions: name -> (version, function(parameters), required parameters)."""
        self._actions.update(actions)

    def serve_callers(self, actions):
        """More actions, whose function(parameters, key) must know who asks."""
        self._callers_actions.update(actions)

    def change_options(self, body):
        check_keys(body, OPTION_DEFAULTS)
        self.options.update(body)

    def now(self):
        return time.time() + self.options["clock_offset_s"]

    # --- one request ---------------------------------------------------------------------------------------------

    def _serve(self, connection):
        connection.start_tls(self._context)
        http_base.serve(connection, lambda request: self._answer(connection, request))

    def _answer(self, connection, request):
        if self.sts is not None and self.sts.wants(request):
            return self.sts.answer(request)
        action = request.header("x-acs-action") or ""
        entry = {"service": "api", "action": action, "version": request.header("x-acs-version"),
                 "product": PRODUCTS.get(request.header("x-acs-version")), "method": request.method,
                 "host": request.header("host"), "params": {}, "access_key_id": None,
                 "security_token": request.header("x-acs-security-token") is not None}
        try:
            parameters = self._parameters(request)
            entry["params"] = {name: value[:200] for name, value in parameters.items()}
            key = self._check(request)
            entry["access_key_id"] = key.key_id
            self.before_each()
            reply = self._json(200, self._run(action, parameters, key))
            entry.update(verdict="accepted", code="", status=200)
        except ApiError as error:
            reply = self._error(error.status, error.code, error.message, request, **error.more)
            entry.update(verdict=error.verdict, code=error.code, status=error.status)
        fault = self.faults.take(action) if entry["verdict"] != "refused" else None
        if fault is not None:
            entry["fault"] = fault["kind"]
            reply = faults.apply(fault, action, reply,
                                 lambda status, code, message, **more: self._error(status, code, message, request, **more),
                                 connection)
            entry["status"] = reply.status if reply else None
        self.log.add(**entry)
        return reply

    def _json(self, status, value):
        return Reply(status, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(),
                     [("Date", http_base.http_date(self.options["clock_offset_s"])),
                      ("Content-Type", "application/json;charset=utf-8"),
                      ("x-acs-request-id", value["RequestId"])])

    def _error(self, status, code, message, request, **more):
        request_id = str(uuid.uuid4()).upper()
        return self._json(status, {
            "RequestId": request_id, "HostId": request.header("host") or "", "Code": code, "Message": message,
            "Recommend": f"https://api.aliyun.com/troubleshoot?q={code}&product=Privatelink&requestId={request_id}",
            **more})

    @staticmethod
    def _parameters(request):
        form = "application/x-www-form-urlencoded" in (request.header("content-type") or "")
        try:
            pairs = acs3.parse_query(request.raw_query)
        except (acs3.Malformed, UnicodeDecodeError) as error:
            raise ApiError(400, "InvalidParameter", str(error)) from error
        if form:
            pairs += urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return dict(pairs)

    # --- the gateway's checks ------------------------------------------------------------------------------------

    def _check(self, request):
        """The access key; raises ApiError as the gateway would answer."""
        if request.method not in ("GET", "POST"):
            raise ApiError(403, "UnsupportedHTTPMethod", f"This http method is not supported: {request.method}.")
        for name in ("x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"):
            if not request.header(name):
                raise ApiError(400, "MissingParameter", f"The header {name} is mandatory for this action.")
        known = self._known(request.header("x-acs-action"))
        if known is None or request.header("x-acs-version") != known[0] or request.path != "/":
            raise ApiError(404, "InvalidApi.NotFound", "Specified api is not found, please check your url and method.")
        try:
            authorization = acs3.parse_authorization(request.header("authorization"))
        except acs3.Malformed as error:
            raise ApiError(400, "IncompleteSignature", str(error)) from error
        self._check_date(request.header("x-acs-date"))
        key = self._check_key(authorization.key_id, request)
        self._check_signature(request, authorization, key)
        self._check_nonce(request.header("x-acs-signature-nonce"))
        self._check_permission(key, f"{PRODUCTS[known[0]]}:{request.header('x-acs-action')}")
        return key

    def _known(self, action):
        return self._actions.get(action) or self._callers_actions.get(action)

    @staticmethod
    def _check_permission(key, action):
        """RAM: a key with a list of actions may do these and nothing else. GetCallerIdentity needs no permission."""
        if key.actions is not None and action not in key.actions and action != "sts:GetCallerIdentity":
            raise ApiError(403, "NoPermission", f"You are not authorized to do this operation. Action: {action}.", "failed",
                           AccessDeniedDetail=faults.access_denied_detail(action))

    def _check_date(self, text):
        try:
            sent = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        except ValueError as error:
            raise ApiError(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.") \
                from error
        if abs(sent.timestamp() - self.now()) > DATE_WINDOW_S:
            raise ApiError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _check_key(self, key_id, request):
        key = self.keystore.get(key_id)
        token = request.header("x-acs-security-token")
        if key is None:
            raise ApiError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if not key.active:
            raise ApiError(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
        if token is None and key.token is not None:
            raise ApiError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
        if token is not None and token != key.token:
            code = "MismatchWithAccessKey" if self.keystore.token_owner(token) else "Malformed"
            raise ApiError(400, f"InvalidSecurityToken.{code}", "Specified SecurityToken is not valid.")
        if key.expired(self.now()):
            raise ApiError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return key

    def _check_signature(self, request, authorization, key):
        payload = hashlib.sha256(request.body).hexdigest()
        matches, canonical = acs3.verify(request.method, request.path, request.raw_query, request.headers,
                                         payload, authorization, key.secret)
        if not matches or request.header("x-acs-content-sha256") != payload:
            # The real gateway repeats the canonical request, security token included: logging this leaks it.
            raise ApiError(400, "SignatureDoesNotMatch",
                           "Specified signature does not match our calculation. server StringToSign is:"
                           f"{acs3.string_to_sign(canonical)}, server CanonicalRequest is:{canonical}")

    def _check_nonce(self, nonce):
        with self._lock:
            if nonce in self._nonces:
                raise ApiError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[nonce] = True
            if len(self._nonces) > MAX_NONCES:
                self._nonces.popitem(last=False)

    # --- the actions ---------------------------------------------------------------------------------------------

    def _run(self, action, parameters, key):
        _, function, required = self._known(action)
        for name in required:
            if not parameters.get(name):
                raise ApiError(400, f"Missing{name}", f"The parameter {name} is mandatory for this action.", "failed")
        result = function(parameters) if action in self._actions else function(parameters, key)
        value = {"RequestId": str(uuid.uuid4()).upper(), **result}
        return _as_strings(value) if self.options["numeric_strings"] else value

    def _find(self, parameters):
        found = self.endpoints.attributes(parameters["EndpointId"])
        if found is None or parameters["RegionId"] != self.region:
            raise ApiError(self.options["not_found_status"], "EndpointNotFound",
                           "The specified endpoint does not exist.", "failed")
        return found

    def _list_endpoints(self, parameters):
        filters = ("EndpointId", "EndpointName", "EndpointStatus", "ConnectionStatus", "EndpointType", "VpcId",
                   "ServiceName", "ServiceRegionId", "AddressIpVersion", "ResourceGroupId")
        found = [endpoint for endpoint in self.endpoints.all_attributes() if parameters["RegionId"] == self.region
                 and all(endpoint.get(name) == parameters[name] for name in filters if parameters.get(name))
                 and _has_tags(endpoint, parameters)]
        return self._page("Endpoints", found, parameters)

    def _get_attribute(self, parameters):
        found = {"PolicyDocument": "", **self._find(parameters), "Payer": "Endpoint", "ZonePrivateIpAddressCount": 1}
        found.pop("Tags", None)  # ListVpcEndpoints has them, this has not
        return found

    def _list_zones(self, parameters):
        self._find(parameters)
        return self._page("Zones", self.endpoints.zones(parameters["EndpointId"]), parameters)

    def _list_security_groups(self, parameters):
        self._find(parameters)
        return self._page("SecurityGroups", self.endpoints.security_groups(parameters["EndpointId"]), parameters, 50)

    def _page(self, name, entries, parameters, most=1000):
        entries, fields = cut(entries, parameters, self.options, most)
        if self.options["null_lists"] and not entries:
            entries = None
        elif self.options["wrap_lists"]:
            entries = {name[:-1]: entries}
        return {**fields, name: entries}


def _has_tags(endpoint, parameters):
    tags = {(tag["Key"], tag.get("Value", "")) for tag in endpoint.get("Tags", [])}
    keys = {tag[0] for tag in tags}
    for name, key in parameters.items():
        number = re.fullmatch(r"Tag\.([1-9]|1\d|20)\.Key", name)
        if not number:
            continue
        value = parameters.get(f"Tag.{number[1]}.Value", "")
        if (key, value) not in tags and (value or key not in keys):
            return False
    return True


def _as_strings(value):
    if isinstance(value, dict):
        return {name: _as_strings(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_strings(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value
