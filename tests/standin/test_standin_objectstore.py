# SPDX-License-Identifier: Apache-2.0
"""The fake object store refuses what the real ones would."""

import hashlib
import http.client
import json
import re
import ssl
import tempfile
import time
import unittest
import urllib.parse

import pki
import store_signatures
from launch import StandIn

NOTHING = hashlib.sha256(b"").hexdigest()


class Vectors(unittest.TestCase):
    def test_the_official_signer_of_oss(self):
        headers = {"x-oss-content-sha256": "UNSIGNED-PAYLOAD", "x-oss-date": "20260102T030405Z"}
        for token, wanted in (("", "521f80a2cb3457b5dd65108d61b636d3273271d871d53cf8661e65699bfa93a6"),
                              ("example-token", "7a02b6596656708b4b75b98f1a8ed7526bee97e1b4bcaf85973cb0cc4ba03f8c")):
            more = {"x-oss-security-token": token} if token else {}
            self.assertEqual(store_signatures.oss4("GET", "postern-fleet", "prod/links a.json", "", {**headers, **more},
                                                   "exampleSecret0001", "20260102T030405Z", "cn-hangzhou"), wanted)

    def test_the_published_examples_of_s3(self):
        headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": NOTHING,
                   "x-amz-date": "20130524T000000Z"}
        for path, query, names, wanted in (
                ("/test.txt", "", ["host", "range", "x-amz-content-sha256", "x-amz-date"],
                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
                ("/", "lifecycle", ["host", "x-amz-content-sha256", "x-amz-date"],
                 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
                ("/", "max-keys=2&prefix=J", ["host", "x-amz-content-sha256", "x-amz-date"],
                 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")):
            self.assertEqual(store_signatures.sigv4("GET", path, query, headers, names, NOTHING,
                                                    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524T000000Z", "us-east-1"), wanted)


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pki.make(cls.folder, ["store.test"])
        with open(f"{cls.folder}/scenario.json", "w", encoding="utf-8") as file:
            json.dump({"buckets": ["fleet"], "keys": {"k": "s", "reader": {"secret": "r", "writes": False}}}, file)
        cls.store = StandIn("objectstore.py", "--cert", f"{cls.folder}/good.pem", "--key", f"{cls.folder}/good.key",
                            "--scenario", f"{cls.folder}/scenario.json", folder=cls.folder)
        cls.addClassCleanup(cls.store.stop)

    def setUp(self):
        self.store.control.post("/options", versioning=False, clock_offset_s=0, moved_to=None, public=False)

    def request(self, method, key, body=b"", headers=None, *, kind="oss", who=("k", "s"), offset_s=0, spoil="", query=""):
        """(status, headers, body)"""
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + offset_s))
        headers, (key_id, secret) = dict(headers or {}), who
        scope = f"{date[:8]}/cn-hangzhou"
        host = self.store.ready["store"]
        if kind == "oss":
            headers.update({"x-oss-content-sha256": "UNSIGNED-PAYLOAD", "x-oss-date": date})
            signature = store_signatures.oss4(method, "fleet", key, query, headers, secret, date, "cn-hangzhou")
            headers["Authorization"] = f"OSS4-HMAC-SHA256 Credential={key_id}/{scope}/oss/aliyun_v4_request,Signature={signature}"
        elif kind == "s3":
            payload = hashlib.sha256(body).hexdigest()
            signed = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": date}
            signature = store_signatures.sigv4(method, f"/fleet/{key}", query, signed, sorted(signed), payload, secret, date, "cn-hangzhou")
            headers.update({name: value for name, value in signed.items() if name != "host"})
            headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}/s3/aws4_request,"
                                        f"SignedHeaders={';'.join(sorted(signed))},Signature={signature}")
        context = ssl.create_default_context(cafile=f"{self.folder}/ca.pem")
        context.check_hostname = False
        connection = http.client.HTTPSConnection(host, context=context, timeout=20)
        try:
            connection.request(method, f"/fleet/{key}{spoil}" + (f"?{query}" if query else ""), body or None, headers)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def test_both_signatures_and_what_is_wrong_with_others(self):
        for kind in ("oss", "s3"):
            with self.subTest(kind):
                self.assertEqual(self.request("PUT", "a", b"text", kind=kind)[0], 200)
                self.assertEqual(self.request("GET", "a", kind=kind)[2], b"text")
                self.assertIn(b"SignatureDoesNotMatch", self.request("GET", "a", kind=kind, who=("k", "x"))[2])
                self.assertIn(b"SignatureDoesNotMatch", self.request("GET", "a", kind=kind, spoil="b")[2])
                self.assertIn(b"InvalidAccessKeyId", self.request("GET", "a", kind=kind, who=("x", "s"))[2])
                self.assertIn(b"RequestTimeTooSkewed", self.request("GET", "a", kind=kind, offset_s=-1200)[2])
                self.assertEqual(self.request("PUT", "a", b"x", kind=kind, who=("reader", "r"))[0], 403)
                self.assertEqual(self.request("GET", "a", kind=kind, who=("reader", "r"))[0], 200)
                self.assertEqual(self.request("GET", "none", kind=kind)[0], 404)

    def test_lists_of_objects_are_signed_with_their_query_and_come_in_pages(self):
        self.store.control.put("/objects/fleet", **{key: "text" for key in ("r/a.json", "r/b.json", "r/c&<.json", "r/below/d.json", "other")})
        self.store.control.post("/options", page=2)
        self.addCleanup(self.store.control.post, "/options", page=1000)
        for kind in ("oss", "s3"):
            with self.subTest(kind):
                query = "delimiter=%2F&list-type=2&max-keys=1000&prefix=r%2F"
                status, _, body = self.request("GET", "", kind=kind, query=query)
                self.assertEqual(status, 200)
                self.assertIn(b"<Key>r/a.json</Key>", body)
                self.assertNotIn(b"c&", body)
                token = re.search(rb"<NextContinuationToken>(.*)</NextContinuationToken>", body)[1].decode()
                body = self.request("GET", "", kind=kind, query=f"continuation-token={urllib.parse.quote(token, safe='')}&{query}")[2]
                self.assertIn(b"<Key>r/c&amp;&lt;.json</Key>", body)
                self.assertIn(b"<IsTruncated>false", body)
                self.assertNotIn(b"d.json", body)
                self.assertIn(b"SignatureDoesNotMatch", self.request("GET", "", kind=kind, query=query, who=("k", "x"))[2])

    def test_without_a_signature(self):
        self.request("PUT", "a", b"text")
        self.assertEqual(self.request("GET", "a", kind="")[0], 403)
        self.assertEqual(self.request("GET", "a", kind="", query="Signature=good")[0], 200)
        self.assertEqual(self.request("GET", "a", kind="", query="Signature=old")[0], 403)
        self.store.control.post("/options", public=True)
        self.assertEqual(self.request("GET", "a", kind="")[0], 200)
        self.assertEqual(self.request("PUT", "a", b"x", kind="")[0], 403)

    def test_conditions_and_versions(self):
        self.request("PUT", "c", b"one")
        etag = self.request("GET", "c")[1]["ETag"]
        self.assertEqual(self.request("GET", "c", headers={"if-none-match": etag})[0], 304)
        self.assertEqual(self.request("GET", "c", headers={"if-none-match": '"other"'})[0], 200)
        self.assertEqual(self.request("PUT", "c", b"two", {"x-oss-forbid-overwrite": "true"})[0], 409)
        self.assertEqual(self.request("PUT", "c", b"two", {"if-none-match": "*"}, kind="s3")[0], 412)
        self.store.control.post("/options", versioning=True)
        status, headers, _ = self.request("PUT", "c", b"two", {"x-oss-forbid-overwrite": "true"})
        self.assertEqual((status, "x-oss-version-id" in headers), (200, True))
        self.assertEqual(self.request("GET", "c")[2], b"two")

    def test_faults(self):
        self.request("PUT", "f", b"0123456789")
        self.store.control.post("/options", moved_to="oss-cn-beijing.aliyuncs.com")
        status, _, body = self.request("GET", "f")
        self.assertEqual((status, b"oss-cn-beijing" in body), (301, True))
        self.store.control.post("/options", moved_to=None)
        self.store.control.post("/faults", kind="half", count=1)
        self.assertEqual(self.request("GET", "f")[2], b"01234")
        self.store.control.post("/faults", kind="truncated", count=1)
        with self.assertRaises(http.client.IncompleteRead):
            self.request("GET", "f")
        self.store.control.post("/faults", kind="error", status=503, code="SlowDown", count=1)
        self.assertEqual(self.request("GET", "f")[0], 503)
        self.store.control.post("/faults", kind="after", method="PUT", count=1)
        with self.assertRaises((ConnectionError, http.client.HTTPException, ssl.SSLError, OSError)):
            self.request("PUT", "g", b"done")
        self.assertEqual(self.request("GET", "g")[2], b"done")


if __name__ == "__main__":
    unittest.main()
