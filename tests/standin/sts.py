# SPDX-License-Identifier: Apache-2.0
"""The fake token service (STS, version 2015-04-01): AssumeRole with a signature of version 2 (here) or 3 (checked
by openapi.py), AssumeRoleWithOIDC with none.

What it hands out are temporary keys of the same keystore that the API checks requests against.
"""

import base64
import datetime
import hashlib
import hmac
import json
import threading
import time
import urllib.parse
import uuid

import acs3
from api_error import ApiError, failed
from control import check_keys
from http_base import Reply
from keystore import utc

VERSION = "2015-04-01"
DATE_WINDOW_S = 15 * 60
ACTIONS = ("AssumeRole", "AssumeRoleWithOIDC")
ROLE_KEYS = ("trusted", "external_id", "oidc_provider", "oidc_token", "lifetime_s")


def string_to_sign(method, parameters):
    pairs = sorted((name.encode(), value.encode()) for name, value in parameters if name != "Signature")
    canonical = "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
                         for name, value in pairs)
    return f"{method}&%2F&{acs3.encode(canonical)}"


def signature(method, parameters, secret):
    digest = hmac.new((secret + "&").encode(), string_to_sign(method, parameters).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


class Sts:
    """Answers on the API's listener: a request whose query has one of our actions and that no ACS3 signature covers. SDKs send
    x-acs-action with these, too."""

    def __init__(self, keystore, log, roles=None):
        self.keystore = keystore
        self.log = log
        self.roles = {}
        self._issued = 0
        self._nonces = set()
        self._lock = threading.Lock()
        for arn, role in (roles or {}).items():
            self.put(arn, role)

    def put(self, arn, role):
        """trusted: access key IDs that may assume it, prefixes of temporary ones included."""
        check_keys(role, ROLE_KEYS)
        self.roles[arn] = dict(role)

    def wants(self, request):
        signed = (request.header("authorization") or "").startswith(acs3.ALGORITHM)
        return not signed and any(f"Action={action}" in request.raw_query.split("&") for action in ACTIONS)

    def actions(self):
        """Of openapi.py: name -> (version, function(parameters, key), required parameters)"""
        return {"AssumeRole": (VERSION, self._assume, ("RoleArn", "RoleSessionName"))}

    def _assume(self, parameters, key):
        role, seconds = self._role(parameters)
        self._check_trust(key, parameters, role)
        return self._issue(parameters, role.get("lifetime_s", seconds))

    def answer(self, request):
        query = acs3.parse_query(request.raw_query)
        form = urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        parameters = dict(query + form)
        action = parameters.get("Action")
        entry = {"service": "sts", "action": action, "host": request.header("host"), "method": request.method,
                 "params": {name: parameters.get(name) for name in ("RoleArn", "RoleSessionName", "DurationSeconds", "AccessKeyId",
                                                                    "Policy", "ExternalId", "OIDCProviderArn")}}
        value = {"RequestId": str(uuid.uuid4()).upper()}
        try:
            value.update(self._run(action, request, query + form, parameters))
            status = 200
            self.log.add(**entry, status=200, code="")
        except ApiError as error:
            status = error.status
            value.update(Code=error.code, Message=error.message, HostId=request.header("host") or "")
            self.log.add(**entry, status=status, code=error.code)
        return Reply(status, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def _run(self, action, request, pairs, parameters):
        if request.method != "POST" or parameters.get("Version") != VERSION or \
                parameters.get("Format", "").upper() != "JSON":
            raise failed(404, "InvalidApi.NotFound", "Specified api is not found, please check your url and method.")
        for name in ("RoleArn", "RoleSessionName", "Timestamp"):
            if not parameters.get(name):
                raise failed(400, f"MissingParameter.{name}", f"{name} is mandatory for this action.")
        self._check_date(parameters["Timestamp"])
        role, seconds = self._role(parameters)
        if action == "AssumeRole":
            self._check_signed(request, pairs, parameters, role)
        else:
            self._check_oidc(parameters, role)
        return self._issue(parameters, role.get("lifetime_s", seconds))

    def _role(self, parameters):
        """(role, seconds) that are asked for."""
        seconds = parameters.get("DurationSeconds", "3600")
        if not seconds.isdigit() or not 900 <= int(seconds) <= 43200:
            raise failed(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
        role = self.roles.get(parameters["RoleArn"])
        if role is None:
            raise failed(404, "EntityNotExist.Role", "The specified Role not exists.")
        return role, int(seconds)

    @staticmethod
    def _check_date(text):
        try:
            sent = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        except ValueError as error:
            raise failed(400, "InvalidTimeStamp.Format", "Specified time stamp is not well formatted.") from error
        if abs(sent.timestamp() - time.time()) > DATE_WINDOW_S:
            raise failed(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _check_signed(self, request, pairs, parameters, role):
        if (parameters.get("SignatureMethod"), parameters.get("SignatureVersion")) != ("HMAC-SHA1", "1.0"):
            raise failed(400, "InvalidSignatureMethod", "Specified signature method is not valid.")
        key = self.keystore.get(parameters.get("AccessKeyId"))
        if key is None:
            raise failed(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if key.token != parameters.get("SecurityToken"):
            raise failed(400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
        if key.expired(time.time()):
            raise failed(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        if parameters.get("Signature") != signature(request.method, pairs, key.secret):
            raise failed(400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation. "
                           "server string to sign is:" + string_to_sign(request.method, pairs))
        with self._lock:
            nonce = parameters.get("SignatureNonce")
            if not nonce or nonce in self._nonces:
                raise failed(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces.add(nonce)
        self._check_trust(key, parameters, role)

    @staticmethod
    def _check_trust(key, parameters, role):
        if not any(key.key_id.startswith(trusted) for trusted in role.get("trusted", ())):
            raise failed(403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.")
        if role.get("external_id") and parameters.get("ExternalId") != role["external_id"]:
            raise failed(403, "NoPermission", "The external ID does not match.")

    @staticmethod
    def _check_oidc(parameters, role):
        if "Signature" in parameters or "AccessKeyId" in parameters:
            raise failed(400, "InvalidParameter", "This action takes no signature.")
        if not role.get("oidc_provider") or parameters.get("OIDCProviderArn") != role["oidc_provider"]:
            raise failed(404, "EntityNotExist.OIDCProvider", "The specified OIDCProvider not exists.")
        if parameters.get("OIDCToken") != role.get("oidc_token"):
            raise failed(400, "AuthenticationFail.OIDCToken.Invalid", "This OIDC Token is invalid.")

    def _issue(self, parameters, lifetime_s):
        with self._lock:
            self._issued += 1
            number = self._issued
        name = parameters["RoleArn"].rpartition("/")[2]
        key = {"id": f"STS.{name}-{number}", "secret": f"exampleAssumedSecret-{number}", "token": f"CAISassumed+{name}/{number}=="}
        ends = time.time() + lifetime_s
        self.keystore.put(**key, expires_at=ends)
        return {"AssumedRoleUser": {"Arn": f"{parameters['RoleArn']}/{parameters['RoleSessionName']}", "AssumedRoleId": "1:x"},
                "Credentials": {"AccessKeyId": key["id"], "AccessKeySecret": key["secret"], "SecurityToken": key["token"],
                                "Expiration": utc(ends)}}
