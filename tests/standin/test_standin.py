# SPDX-License-Identifier: Apache-2.0
"""Signature verification against the published and derived vectors, and the certificate kit."""

import hashlib
import hmac
import os
import ssl
import subprocess
import tempfile
import unittest

import acs3
import pki

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SDK_PAYLOAD = "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23"
BOTH = [("x-acs-test", "http"), ("x-acs-TEST", "https")]
ONE_HTTP, ONE_HTTPS = [("x-acs-test", "http")], [("x-acs-test", "https")]


def privatelink_headers(host, action, nonce, payload=EMPTY_SHA256, date="2025-01-02T03:04:05Z", more=()):
    return [("Host", host), ("x-acs-action", action), ("x-acs-version", "2020-04-15"), ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce), ("x-acs-content-sha256", payload), ("accept", "application/json"),
            ("user-agent", "not signed"), *more]


# name: (method, path, raw query, headers, payload hash, key id, secret, signature)
VECTORS = {
    "D0 published: documentation of V3 signatures": (
        "POST", "/", "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
        [("Host", "ecs.cn-shanghai.aliyuncs.com"), ("x-acs-action", "RunInstances"), ("x-acs-version", "2014-05-26"),
         ("x-acs-date", "2023-10-26T10:22:32Z"), ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
         ("x-acs-content-sha256", EMPTY_SHA256)],
        EMPTY_SHA256, "YourAccessKeyId", "YourAccessKeySecret",
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"),
    "U1 published: Python SDK": (
        "GET", "/", "test=ok&empty=", BOTH, SDK_PAYLOAD, "acesskey", "secret",
        "d16b30a7699ae9e43875b13195b2f81bcc3ed10c14a9b5eb780e51619aa50be1"),
    "U2 published: Go SDK, empty method": (
        "", "/", "test=ok&empty=", BOTH, SDK_PAYLOAD, "acesskey", "secret",
        "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3"),
    "U3 published: Java and Swift SDK": (
        "GET", "/", "test=ok&empty=", ONE_HTTP, SDK_PAYLOAD, "acesskey", "secret",
        "02e81f9f3cc8839151b0c7278024cbc4bfc9fa786085a0b8305f825f17b5dae7"),
    "U4 published: PHP SDK, empty method": (
        "", "/", "test=ok&empty=", ONE_HTTPS, SDK_PAYLOAD, "acesskey", "secret",
        "0a0f89a45f1ec3537a2d1a1046c71b95513a8f1f02526056968da19b99a5b914"),
    "U4 published: PHP SDK, no query": (
        "", "/", "", ONE_HTTPS, SDK_PAYLOAD, "acesskey", "secret",
        "af6d32deb090ae85a21d7183055cf18dca17751da96979cdf964f8f0853e9dd2"),
    "U5 published: C++ SDK, empty path": (
        "GET", "", "test=ok&empty=", BOTH, SDK_PAYLOAD, "acesskey", "secret",
        "910e59dd385879346de704a06c96613f8157aa7124e6d1c4f2bdffa1e5588187"),
    "D1 derived: PrivateLink, static key": (
        "POST", "/", "EndpointId=ep-bp1example0000000001&MaxResults=50&RegionId=cn-hangzhou",
        privatelink_headers("privatelink-vpc.cn-hangzhou.aliyuncs.com", "ListVpcEndpointZones",
                            "0123456789abcdef0123456789abcdef"),
        EMPTY_SHA256, "LTAIexampleAccessKeyId", "exampleAccessKeySecret",
        "87157653d1dffc8949e4bc0c841a1e6e7924f4767dd862fe53b2da622b6b55a3"),
    "D2 derived: STS token, awkward characters, parameters in another order": (
        "GET", "/", "RegionId=cn-hangzhou&Tag.1.Value=&Tag.1.Key=env&NextToken=AbC%2B%2F%3D%3D&MaxResults=50"
        "&EndpointName=tdengine%20%E6%B5%8B%E8%AF%95%2A~a%2Fb%2Bc%3Dd%26e",
        privatelink_headers("privatelink.cn-hangzhou.aliyuncs.com", "ListVpcEndpoints",
                            "fedcba9876543210fedcba9876543210",
                            more=[("x-acs-security-token", "CAISexample+Token/abc=="),
                                  ("x-acs-accesskey-id", "STS.NUexampleKeyId")]),
        EMPTY_SHA256, "STS.NUexampleKeyId", "exampleStsSecret",
        "416c62c91caa66759ef2e9fafa435263f5901e7cd7ee07c84d850b17d543ace3"),
    "D3 derived: form body": (
        "POST", "/", "",
        privatelink_headers("privatelink.cn-hangzhou.aliyuncs.com", "GetVpcEndpointAttribute",
                            "00112233445566778899aabbccddeeff",
                            "4650215a75d45585427b5861bd4f3ff3b26fc8764c5fe1d6e15b7adfbe7632b8",
                            more=[("Content-Type", "application/x-www-form-urlencoded")]),
        "4650215a75d45585427b5861bd4f3ff3b26fc8764c5fe1d6e15b7adfbe7632b8",
        "LTAIexampleAccessKeyId", "exampleAccessKeySecret",
        "1517d8744c3f895fdd13190bb386a01d02b2c6b9a6c5feaccb448ccaa63e582f"),
}


def verify(vector, **changes):
    method, path, query, headers, payload, key_id, secret, signature = vector
    signed = ";".join(sorted({name.lower() for name, _ in headers if acs3.must_be_signed(name.lower())}))
    authorization = acs3.parse_authorization(
        f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={signed},Signature={changes.get('signature', signature)}")
    return acs3.verify(changes.get("method", method), path, changes.get("query", query),
                       changes.get("headers", headers), changes.get("payload", payload), authorization,
                       changes.get("secret", secret))[0]


class Acs3Vectors(unittest.TestCase):
    def test_every_vector_verifies(self):
        for name, vector in VECTORS.items():
            with self.subTest(name):
                self.assertTrue(verify(vector))

    def test_every_change_is_noticed(self):
        for name, vector in VECTORS.items():
            with self.subTest(name):
                self.assertFalse(verify(vector, secret=vector[6] + "x"))
                self.assertFalse(verify(vector, method="PUT"))
                self.assertFalse(verify(vector, query=vector[2] + "&a=b"))
                self.assertFalse(verify(vector, payload="0" * 64))
                self.assertFalse(verify(vector, headers=[(key, value + "x") for key, value in vector[3]]))
                self.assertFalse(verify(vector, headers=vector[3] + [("x-acs-unsigned", "1")]))
                self.assertFalse(verify(vector, signature="0" * 64))

    def test_the_list_of_signed_headers_is_the_clients(self):
        headers = privatelink_headers("privatelink.cn-hangzhou.aliyuncs.com", "ListVpcEndpoints", "0" * 32)
        must = ["host", *sorted(name for name, _ in headers if name.startswith("x-acs-"))]

        def accepted(names, headers=headers):
            canonical = acs3.canonical_request("POST", "/", "", headers, EMPTY_SHA256, names)
            signature = hmac.new(b"s", acs3.string_to_sign(canonical).encode(), hashlib.sha256).hexdigest()
            authorization = acs3.Authorization("k", tuple(names), signature)
            return acs3.verify("POST", "/", "", headers, EMPTY_SHA256, authorization, "s")[0]

        self.assertTrue(accepted(must))
        for more in (["accept"], ["user-agent"], ["accept", "user-agent"]):  # as the Python SDKs sign
            with self.subTest(more):
                self.assertTrue(accepted(sorted(must + more)))
        for missing in must:
            with self.subTest(missing=missing):
                self.assertFalse(accepted([name for name in must if name != missing]))
        typed = [*headers, ("Content-Type", "application/json")]
        self.assertFalse(accepted(must, typed))
        self.assertTrue(accepted(sorted([*must, "content-type"]), typed))
        for name, names in (("not sent", sorted([*must, "x-other"])), ("twice", ["host", *must]), ("order", must[::-1])):
            with self.subTest(name):
                self.assertFalse(accepted(names))

    def test_canonical_query_is_that_of_the_documents(self):
        self.assertEqual(acs3.canonical_query("b=%20&a=%2a~%7E&c"), "a=%2A~~&b=%20&c=")
        self.assertEqual(acs3.canonical_query("a=b+c&d=%2B"), "a=b%20c&d=%2B")  # the Python SDK sends a space as '+'

    def test_authorization_must_have_the_documented_form(self):
        good = "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=" + "0" * 64
        self.assertEqual(acs3.parse_authorization(good).key_id, "a")
        for bad in (None, "", good.replace(",S", ", S"), good.replace("ACS3", "ACS4"), good[:-1], good + "0"):
            with self.subTest(bad), self.assertRaises(acs3.Malformed):
                acs3.parse_authorization(bad)


class Pki(unittest.TestCase):
    EXPECTED = {"good": "OK", "expiring_soon": "OK", "wrong_name": "hostname mismatch",
                "expired": "certificate has expired", "not_yet_valid": "certificate is not yet valid",
                "untrusted": "unable to get local issuer certificate", "self_signed": "self-signed certificate"}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pki.make(cls.folder.name, ["gw.name.test", "127.0.0.1"])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_openssl_judges_each_variant_as_its_name_says(self):
        self.assertEqual(set(self.EXPECTED), set(pki.VARIANTS))
        for variant, expected in self.EXPECTED.items():
            with self.subTest(variant):
                done = subprocess.run(["openssl", "verify", "-CAfile", f"{self.folder.name}/ca.pem",
                                       "-verify_hostname", "gw.name.test", f"{self.folder.name}/{variant}.pem"],
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertIn(expected, done.stdout + done.stderr)

    def test_keys_are_private_and_fit(self):
        for variant in pki.VARIANTS:
            with self.subTest(variant):
                self.assertEqual(os.stat(f"{self.folder.name}/{variant}.key").st_mode & 0o077, 0)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(f"{self.folder.name}/{variant}.pem", f"{self.folder.name}/{variant}.key")


if __name__ == "__main__":
    unittest.main()
