# SPDX-License-Identifier: Apache-2.0
"""The fake token service refuses what the real one would, and its keys work at the fake API."""

import hashlib
import hmac
import http.client
import json
import ssl
import tempfile
import time
import unittest
import urllib.parse

import acs3
import pki
import sts
from launch import StandIn

ROLE = "acs:ram::1:role/reader"


class Vectors(unittest.TestCase):
    def test_the_documented_signature(self):
        pairs = [("AccessKeyId", "testid"), ("Action", "DescribeDedicatedHosts"), ("Format", "JSON"), ("RegionId", "cn-beijing"),
                 ("SignatureMethod", "HMAC-SHA1"), ("SignatureNonce", "edb2b34af0af9a6d14deaf7c1a5315eb"), ("SignatureVersion", "1.0"),
                 ("Timestamp", "2023-03-13T08:34:30Z"), ("Version", "2014-05-26")]
        self.assertEqual(sts.signature("GET", pairs, "testsecret"), "9NaGiOspFP5UPcwX8Iwt2YJXXuk=")


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pki.make(cls.folder, ["sts.test"])
        scenario = f"{cls.folder}/scenario.json"
        with open(scenario, "w", encoding="utf-8") as file:
            json.dump({"keys": [{"id": "k", "secret": "s"}, {"id": "other", "secret": "o"}],
                       "roles": {ROLE: {"trusted": ["k"], "external_id": "x", "oidc_provider": "p", "oidc_token": "t"}}}, file)
        cls.aliyun = StandIn("aliyun.py", "--cert", f"{cls.folder}/good.pem", "--key", f"{cls.folder}/good.key", "--scenario", scenario,
                             folder=cls.folder)
        cls.addClassCleanup(cls.aliyun.stop)
        cls.nonce = 0

    def post(self, action, form, *, key="k", secret="s", **changes):
        """(status, body)"""
        Service.nonce += 1
        query = {"Action": action, "Version": "2015-04-01", "Format": "JSON",
                 "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        if action == "AssumeRole":
            query.update(SignatureMethod="HMAC-SHA1", SignatureVersion="1.0", SignatureNonce=str(Service.nonce), AccessKeyId=key)
        query.update(changes)
        if action == "AssumeRole":
            query["Signature"] = sts.signature("POST", list({**query, **form}.items()), secret)
        return self.request("/?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote), urllib.parse.urlencode(form),
                            {"Content-Type": "application/x-www-form-urlencoded"})

    def request(self, target, body, headers):
        context = ssl.create_default_context(cafile=f"{self.folder}/ca.pem")
        context.check_hostname = False
        connection = http.client.HTTPSConnection(self.aliyun.ready["api"], context=context, timeout=20)
        connection.request("POST", target, body, headers)
        reply = connection.getresponse()
        body = json.loads(reply.read())
        connection.close()
        return reply.status, body

    FORM = {"RoleArn": ROLE, "RoleSessionName": "a b", "ExternalId": "x"}

    def test_a_good_request(self):
        status, body = self.post("AssumeRole", self.FORM)
        self.assertEqual(status, 200, body)
        self.assertTrue(body["Credentials"]["AccessKeyId"].startswith("STS.reader-"))

    def test_every_way_to_be_refused(self):
        for code, form, more in (
                ("SignatureDoesNotMatch", {}, {"secret": "wrong"}), ("InvalidAccessKeyId.NotFound", {}, {"key": "nobody"}),
                ("NoPermission", {}, {"key": "other", "secret": "o"}), ("NoPermission", {"ExternalId": "y"}, {}),
                ("EntityNotExist.Role", {"RoleArn": "acs:ram::1:role/none"}, {}), ("InvalidParameter.DurationSeconds", {"DurationSeconds": "10"}, {}),
                ("MissingParameter.RoleSessionName", {"RoleSessionName": ""}, {}), ("InvalidTimeStamp.Expired", {}, {"Timestamp": "2020-01-01T00:00:00Z"}),
                ("SignatureNonceUsed", {}, {"SignatureNonce": ""}), ("InvalidApi.NotFound", {}, {"Version": "2014-05-26"})):
            with self.subTest(code):
                status, body = self.post("AssumeRole", {**self.FORM, **form}, **more)
                self.assertEqual(body.get("Code"), code)
                self.assertGreaterEqual(status, 400)

    def signed(self, query, *, key="k", secret="s"):
        """(status, body) of AssumeRole in the form of version 3: action, version and signature in headers."""
        Service.nonce += 1
        text = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        headers = {"Host": self.aliyun.ready["api"], "x-acs-action": "AssumeRole", "x-acs-version": "2015-04-01",
                   "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                   "x-acs-signature-nonce": f"v3-{Service.nonce}", "x-acs-content-sha256": hashlib.sha256(b"").hexdigest()}
        names = sorted(name.lower() for name in headers)
        canonical = acs3.canonical_request("POST", "/", text, headers.items(), headers["x-acs-content-sha256"], names)
        value = hmac.new(secret.encode(), acs3.string_to_sign(canonical).encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={';'.join(names)},Signature={value}"
        return self.request(f"/?{text}", None, headers)

    def test_the_form_of_version_3(self):
        status, body = self.signed(self.FORM)
        self.assertEqual(status, 200, body)
        self.assertTrue(body["Credentials"]["AccessKeyId"].startswith("STS.reader-"))
        for code, query, more in (
                ("SignatureDoesNotMatch", {}, {"secret": "wrong"}), ("NoPermission", {}, {"key": "other", "secret": "o"}),
                ("NoPermission", {"ExternalId": "y"}, {}), ("EntityNotExist.Role", {"RoleArn": "acs:ram::1:role/none"}, {}),
                ("InvalidParameter.DurationSeconds", {"DurationSeconds": "899"}, {}), ("MissingRoleSessionName", {"RoleSessionName": ""}, {})):
            with self.subTest(code):
                self.assertEqual(self.signed({**self.FORM, **query}, **more)[1].get("Code"), code)

    def test_oidc_as_the_sdk_sends_it(self):
        form = {"RoleArn": ROLE, "RoleSessionName": "s", "OIDCProviderArn": "p", "OIDCToken": "t"}
        query = {"Action": "AssumeRoleWithOIDC", "Version": "2015-04-01", "Format": "json", "SignatureNonce": "n",
                 "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **form}
        headers = {"x-acs-action": "AssumeRoleWithOIDC", "x-acs-version": "2015-04-01"}
        self.assertEqual(self.request("/?" + urllib.parse.urlencode(query), None, headers)[0], 200)

    def test_oidc_needs_no_signature_and_the_right_token(self):
        form = {"RoleArn": ROLE, "RoleSessionName": "s", "OIDCProviderArn": "p", "OIDCToken": "t"}
        self.assertEqual(self.post("AssumeRoleWithOIDC", form)[0], 200)
        self.assertEqual(self.post("AssumeRoleWithOIDC", {**form, "OIDCToken": "u"})[1]["Code"], "AuthenticationFail.OIDCToken.Invalid")
        self.assertEqual(self.post("AssumeRoleWithOIDC", {**form, "OIDCProviderArn": "q"})[1]["Code"], "EntityNotExist.OIDCProvider")


if __name__ == "__main__":
    unittest.main()
