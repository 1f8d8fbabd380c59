# SPDX-License-Identifier: Apache-2.0
"""The fake API server refuses what the real one would."""

import http.client
import json
import ssl
import tempfile
import unittest

import pki
from launch import StandIn

SLICES = "/apis/discovery.k8s.io/v1/namespaces/db/endpointslices"
SLICE = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": [],
         "metadata": {"name": "db-ipv4", "namespace": "db", "labels": {"endpointslice.kubernetes.io/managed-by": "postern"}},
         "endpoints": [{"addresses": ["10.0.1.23"], "conditions": {"ready": True}}]}


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pki.make(cls.folder, ["127.0.0.1"])
        with open(f"{cls.folder}/scenario.json", "w", encoding="utf-8") as file:
            json.dump({"namespaces": ["db"], "tokens": {"t": "me"}}, file)
        cls.kube = StandIn("kube.py", "--cert", f"{cls.folder}/good.pem", "--key", f"{cls.folder}/good.key",
                           "--scenario", f"{cls.folder}/scenario.json", folder=cls.folder)
        cls.addClassCleanup(cls.kube.stop)

    def setUp(self):
        self.kube.control.delete("/faults")
        for name in self.kube.control.get("/state")["objects"]["endpointslices"]:
            self.kube.control.delete(f"/objects/endpointslices/{name}")

    def call(self, method, path, body=None, token="t", kind="application/json"):
        context = ssl.create_default_context(cafile=f"{self.folder}/ca.pem")
        host, _, port = self.kube.ready["server"].rpartition(":")
        connection = http.client.HTTPSConnection(host, int(port), timeout=30, context=context)
        self.addCleanup(connection.close)
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Authorization": f"Bearer {token}", "Content-Type": kind})
        reply = connection.getresponse()
        text = reply.read()
        return reply.status, json.loads(text) if text[:1] == b"{" else text

    def patch(self, patch):
        return self.call("PATCH", f"{SLICES}/db-ipv4", patch, kind="application/merge-patch+json")

    def test_versions_are_held(self):
        status, made = self.call("POST", SLICES, SLICE)
        self.assertEqual(status, 201)
        self.assertEqual(self.call("POST", SLICES, SLICE)[1]["reason"], "AlreadyExists")
        version = made["metadata"]["resourceVersion"]
        status, changed = self.patch({"metadata": {"resourceVersion": version, "labels": {"x": "y"}}})
        self.assertEqual((status, len(changed["metadata"]["labels"])), (200, 2))
        self.assertEqual(self.patch({"metadata": {"resourceVersion": version}})[0], 409)
        options = {"preconditions": {"resourceVersion": version}}
        self.assertEqual(self.call("DELETE", f"{SLICES}/db-ipv4", options)[0], 409)
        self.assertEqual(self.call("DELETE", f"{SLICES}/db-ipv4")[0], 200)
        self.assertEqual(self.call("GET", f"{SLICES}/db-ipv4")[1]["details"]["name"], "db-ipv4")

    def test_what_is_invalid_is_refused(self):
        for change in ({"addressType": "IPv6"}, {"endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]},
                       {"endpoints": [{"addresses": ["169.254.1.1"], "conditions": {"ready": True}}]}, {"spec": {}},
                       {"metadata": {"name": "Upper", "namespace": "db", "labels": SLICE["metadata"]["labels"]}}):
            self.assertEqual(self.call("POST", SLICES, {**SLICE, **change})[0], 422, change)

    def test_who_may_not_and_what_is_not_there(self):
        self.assertEqual(self.call("GET", SLICES, token="other")[0], 401)
        self.assertEqual(self.call("GET", "/apis/networking.alibabacloud.com/v1beta1/customdnsconfigs/default"), (404, b"404 page not found\n"))
        other = SLICES.replace("/db/", "/nowhere/")
        self.assertEqual(self.call("POST", other, {**SLICE, "metadata": {**SLICE["metadata"], "namespace": "nowhere"}})[1]["details"]["kind"], "namespaces")

    def test_pages_and_their_tokens(self):
        for name in ("a", "b", "c"):
            self.call("POST", SLICES, {**SLICE, "metadata": {**SLICE["metadata"], "name": name}})
        first = self.call("GET", f"{SLICES}?limit=2")[1]
        token = first["metadata"]["continue"]
        self.assertEqual(len(first["items"]), 2)
        self.kube.control.post("/faults", kind="expired", count=1)
        self.assertEqual(self.call("GET", f"{SLICES}?limit=2&continue={token}")[0], 410)
        self.assertEqual(len(self.call("GET", f"{SLICES}?limit=2&continue={token}")[1]["items"]), 1)

    def test_faults(self):
        self.kube.control.post("/faults", kind="status", status=429, retry_after=7, count=1)
        self.assertEqual(self.call("GET", SLICES)[0], 429)
        self.assertEqual(self.call("GET", SLICES)[0], 200)
        self.call("POST", SLICES, SLICE)
        version = self.call("GET", f"{SLICES}/db-ipv4")[1]["metadata"]["resourceVersion"]
        self.kube.control.post("/faults", kind="race", count=1, method="PATCH")
        self.assertEqual(self.patch({"metadata": {"resourceVersion": version}})[0], 409)


if __name__ == "__main__":
    unittest.main()
