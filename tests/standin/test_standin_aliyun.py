# SPDX-License-Identifier: Apache-2.0
"""The fake OpenAPI and metadata service, asked by curl and by Python's own TLS."""

import hashlib
import hmac
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import time
import unittest
import uuid
from urllib.parse import quote

import acs3
import pki
from launch import StandIn

KEY_ID, SECRET = "LTAIexampleAccessKeyId", "exampleAccessKeySecret"
ENDPOINT = "ep-bp1example0000000001"
SCENARIO = {
    "keys": [{"id": KEY_ID, "secret": SECRET}, {"id": "LTAIoff", "secret": "off", "active": False}],
    "role": {},
    "endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": "127.0.0.2"},
                                       {"ZoneId": "cn-hangzhou-i", "EniIp": "127.0.0.3"}],
                             "SecurityGroups": ["sg-bp1example00000000001"]}},
}


class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pki.make(cls.folder.name, ["127.0.0.1"])
        cls.ca = f"{cls.folder.name}/ca.pem"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        scenario = os.path.join(self.folder.name, "scenario.json")
        with open(scenario, "w", encoding="utf-8") as file:
            json.dump(SCENARIO, file)
        self.aliyun = StandIn("aliyun.py", "--cert", f"{self.folder.name}/good.pem",
                              "--key", f"{self.folder.name}/good.key", "--scenario", scenario)
        self.addCleanup(self.aliyun.stop)
        self.control = self.aliyun.control
        self.host, _, self.port = self.aliyun.ready["api"].rpartition(":")

    def signed_headers(self, action, query, *, method="POST", key_id=KEY_ID, secret=SECRET, token=None, body=b"", also=(),
                       **replace):
        headers = {"Host": self.aliyun.ready["api"], "x-acs-action": action, "x-acs-version": "2020-04-15",
                   "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                   "x-acs-signature-nonce": uuid.uuid4().hex, "x-acs-content-sha256": hashlib.sha256(body).hexdigest()}
        if token is not None:
            headers["x-acs-security-token"] = token
        headers.update({name.replace("_", "-"): value for name, value in replace.items()})
        names = sorted([*(name.lower() for name in headers if acs3.must_be_signed(name.lower())), *also])
        canonical = acs3.canonical_request(method, "/", query, headers.items(), hashlib.sha256(body).hexdigest(), names)
        signature = hmac.new(secret.encode(), acs3.string_to_sign(canonical).encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={';'.join(names)},Signature={signature}"
        return headers

    def connect(self):
        context = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection(self.host, int(self.port), context=context, timeout=30)

    def call(self, action, query=f"EndpointId={ENDPOINT}&RegionId=cn-hangzhou", *, headers=None, **signing):
        """(status, JSON, reply headers)"""
        headers = headers or self.signed_headers(action, query, **signing)
        connection = self.connect()
        self.addCleanup(connection.close)
        connection.request(signing.get("method", "POST"), f"/?{query}", headers=headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read()), reply.headers

    def code(self, *arguments, **named):
        status, value, _ = self.call(*arguments, **named)
        return status, value.get("Code")


class Signing(Fixture):
    def test_curl_gets_the_zones(self):
        query = f"EndpointId={ENDPOINT}&MaxResults=50&RegionId=cn-hangzhou"
        headers = self.signed_headers("ListVpcEndpointZones", query)
        done = subprocess.run(
            ["curl", "-sS", "--fail", "--cacert", self.ca, "-X", "POST", f"https://{self.aliyun.ready['api']}/?{query}"]
            + [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        zones = json.loads(done.stdout)
        self.assertEqual([(zone["ZoneId"], zone["EniIp"], zone["ZoneStatus"]) for zone in zones["Zones"]],
                         [("cn-hangzhou-h", "127.0.0.2", "Connected"), ("cn-hangzhou-i", "127.0.0.3", "Connected")])
        self.assertEqual(zones["TotalCount"], 2)
        self.assertNotIn("NextToken", zones)

    def test_get_works_like_post(self):
        self.assertEqual(self.call("GetVpcEndpointAttribute", method="GET")[1]["EndpointStatus"], "Active")

    def test_every_way_to_be_refused(self):
        zones = "ListVpcEndpointZones"
        now = time.time()
        old = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 20 * 60))
        for name, expected, named in [
                ("wrong secret", (400, "SignatureDoesNotMatch"), {"secret": "wrong"}),
                ("unknown key", (404, "InvalidAccessKeyId.NotFound"), {"key_id": "LTAInobody"}),
                ("inactive key", (400, "InvalidAccessKeyId.Inactive"), {"key_id": "LTAIoff", "secret": "off"}),
                ("old date", (400, "InvalidTimeStamp.Expired"), {"x_acs_date": old}),
                ("bad date", (400, "InvalidTimeStamp.Format"), {"x_acs_date": "yesterday"}),
                ("wrong version", (404, "InvalidApi.NotFound"), {"x_acs_version": "2014-05-26"}),
                ("unexpected token", (400, "InvalidSecurityToken.Malformed"), {"token": "x"}),
                ("wrong payload hash", (400, "SignatureDoesNotMatch"), {"x_acs_content_sha256": "0" * 64}),
                ("wrong method", (403, "UnsupportedHTTPMethod"), {"method": "PUT"})]:
            with self.subTest(name):
                self.assertEqual(self.code(zones, **named), expected)
        self.assertEqual(self.code("NoSuchAction"), (404, "InvalidApi.NotFound"))
        self.assertEqual(self.code(zones, "RegionId=cn-hangzhou"), (400, "MissingEndpointId"))
        self.assertEqual(self.code(zones, f"EndpointId={ENDPOINT}"), (400, "MissingRegionId"))
        self.assertEqual(self.code(zones, f"EndpointId={ENDPOINT}&RegionId=cn-beijing"), (404, "EndpointNotFound"))
        headers = self.signed_headers(zones, "RegionId=cn-hangzhou")
        self.assertEqual(self.code(zones, headers=headers), (400, "SignatureDoesNotMatch"))  # other query than signed
        for missing in ("x-acs-date", "x-acs-signature-nonce"):
            incomplete = {key: value for key, value in headers.items() if key != missing}
            self.assertEqual(self.code(zones, headers=incomplete), (400, "MissingParameter"))

    def test_unsigned_header_is_refused(self):
        headers = self.signed_headers("ListVpcEndpointZones", f"EndpointId={ENDPOINT}&RegionId=cn-hangzhou")
        headers["x-acs-extra"] = "1"
        self.assertEqual(self.code("ListVpcEndpointZones", headers=headers), (400, "SignatureDoesNotMatch"))

    def test_more_headers_may_be_signed(self):
        named = {"also": ["accept", "user-agent"], "accept": "application/json", "user_agent": "AlibabaCloud (Linux)"}
        self.assertEqual(self.code("ListVpcEndpointZones", **named), (200, None))

    def test_nonce_is_good_once(self):
        query = f"EndpointId={ENDPOINT}&RegionId=cn-hangzhou"
        headers = self.signed_headers("ListVpcEndpointZones", query)
        self.assertEqual(self.call("ListVpcEndpointZones", query, headers=headers)[0], 200)
        self.assertEqual(self.code("ListVpcEndpointZones", query, headers=headers), (400, "SignatureNonceUsed"))

    def test_wrong_clock_shows_in_the_date_header(self):
        self.control.post("/options", clock_offset_s=1200)
        status, value, headers = self.call("ListVpcEndpointZones")
        self.assertEqual((status, value["Code"]), (400, "InvalidTimeStamp.Expired"))
        served = time.mktime(time.strptime(headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
        self.assertAlmostEqual(served - time.time(), 1200, delta=60)

    def test_the_log_tells_what_happened_and_no_secret(self):
        self.call("ListVpcEndpointZones")
        self.code("ListVpcEndpointZones", secret="wrong-secret-value")
        text = json.dumps([self.control.log(), self.control.get("/state")])
        good, bad = self.control.log()
        self.assertEqual((good["verdict"], good["access_key_id"], good["params"]["EndpointId"]),
                         ("accepted", KEY_ID, ENDPOINT))
        self.assertEqual((bad["verdict"], bad["code"]), ("refused", "SignatureDoesNotMatch"))
        for secret in (SECRET, "wrong-secret-value", "Signature="):
            self.assertNotIn(secret, text)


class Answers(Fixture):
    def test_paging_and_the_three_forms_of_a_last_page(self):
        for form, expected in (("absent", "missing"), ("null", None), ("empty", "")):
            with self.subTest(form):
                self.control.post("/options", page_size=1, last_page=form)
                first = self.call("ListVpcEndpointZones")[1]
                query = f"EndpointId={ENDPOINT}&NextToken={quote(first['NextToken'], safe='')}&RegionId=cn-hangzhou"
                last = self.call("ListVpcEndpointZones", query)[1]
                self.assertEqual([first["Zones"][0]["EniIp"], last["Zones"][0]["EniIp"]], ["127.0.0.2", "127.0.0.3"])
                self.assertEqual(last.get("NextToken", "missing"), expected)
        self.control.post("/options", repeat_token=True)
        again = self.call("ListVpcEndpointZones")[1]["NextToken"]
        query = f"EndpointId={ENDPOINT}&NextToken={quote(again, safe='')}&RegionId=cn-hangzhou"
        self.assertEqual(self.call("ListVpcEndpointZones", query)[1]["NextToken"], again)

    def test_a_token_needs_its_encoding(self):
        self.control.post("/options", page_size=1)
        token = self.call("ListVpcEndpointZones")[1]["NextToken"]
        self.assertNotEqual(quote(token, safe=""), token)
        for wrong in (f"{token}x", "1", "page"):
            query = f"EndpointId={ENDPOINT}&NextToken={quote(wrong, safe='')}&RegionId=cn-hangzhou"
            self.assertEqual(self.code("ListVpcEndpointZones", query), (400, "InvalidNextToken"))

    def test_a_page_has_up_to_a_thousand(self):
        for number in range(60):
            self.control.put(f"/endpoints/ep-{number:02d}")

        def listed(action, size, query=""):
            return self.call(action, f"{query}{size}RegionId=cn-hangzhou")

        _, value, _ = listed("ListVpcEndpoints", "MaxResults=1000&")
        self.assertEqual((len(value["Endpoints"]), value["MaxResults"], value.get("NextToken")), (61, 1000, None))
        self.assertEqual(len(listed("ListVpcEndpoints", "")[1]["Endpoints"]), 50)
        for action, query, most in (("ListVpcEndpoints", "", 1000), ("ListVpcEndpointServicesByEndUser", "", 1000),
                                    ("ListVpcEndpointZones", f"EndpointId={ENDPOINT}&", 1000),
                                    ("ListVpcEndpointSecurityGroups", f"EndpointId={ENDPOINT}&", 50)):
            with self.subTest(action):
                self.assertEqual(listed(action, f"MaxResults={most}&", query)[0], 200)
                for bad in (most + 1, 0, -1, "many"):
                    status, value, _ = listed(action, f"MaxResults={bad}&", query)
                    self.assertEqual((status, value["Code"]), (400, "InvalidMaxResults"))

    def test_tags_are_in_lists_only(self):
        self.control.post(f"/endpoints/{ENDPOINT}", Tags=[{"Key": "env", "Value": "prod"}])
        (listed,) = self.call("ListVpcEndpoints", "RegionId=cn-hangzhou&Tag.1.Key=env")[1]["Endpoints"]
        self.assertEqual(listed["Tags"], [{"Key": "env", "Value": "prod"}])
        self.assertNotIn("Tags", self.call("GetVpcEndpointAttribute")[1])

    def test_changes_show_at_once(self):
        self.control.post(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-h", EniIp="127.0.0.9", ZoneStatus="Wait",
                          ZoneIpv6Address="false")
        self.control.delete(f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-i")
        self.control.post(f"/endpoints/{ENDPOINT}", EndpointStatus="Sleeping")
        (zone,) = self.call("ListVpcEndpointZones")[1]["Zones"]
        self.assertEqual((zone["EniIp"], zone["ZoneStatus"], zone["ZoneIpv6Address"]), ("127.0.0.9", "Wait", "false"))
        self.assertEqual(self.call("GetVpcEndpointAttribute")[1]["EndpointStatus"], "Sleeping")
        groups = self.call("ListVpcEndpointSecurityGroups")[1]["SecurityGroups"]
        self.assertEqual(groups[0]["SecurityGroupStatus"], "Attached")
        self.control.delete(f"/endpoints/{ENDPOINT}")
        for status in (404, 400):
            self.control.post("/options", not_found_status=status)
            self.assertEqual(self.code("GetVpcEndpointAttribute"), (status, "EndpointNotFound"))

    def test_list_with_filters(self):
        self.control.call("PUT", "/endpoints/ep-other", {"VpcId": "vpc-other"})
        listed = self.call("ListVpcEndpoints", "RegionId=cn-hangzhou&VpcId=vpc-other")[1]
        self.assertEqual([endpoint["EndpointId"] for endpoint in listed["Endpoints"]], ["ep-other"])
        self.assertEqual(self.call("ListVpcEndpoints", "RegionId=cn-hangzhou")[1]["TotalCount"], 2)
        self.assertEqual(self.call("ListVpcEndpoints", "RegionId=cn-beijing")[1]["Endpoints"], [])

    def test_numbers_as_strings(self):
        self.control.post("/options", numeric_strings=True)
        value = self.call("GetVpcEndpointAttribute")[1]
        self.assertEqual((value["Bandwidth"], value["ResourceOwner"]), ("1024", "false"))

    def test_keep_alive(self):
        connection = self.connect()
        self.addCleanup(connection.close)
        connection.connect()
        first = connection.sock
        query = f"EndpointId={ENDPOINT}&RegionId=cn-hangzhou"
        for _ in range(3):
            connection.request("POST", f"/?{query}", headers=self.signed_headers("ListVpcEndpointZones", query))
            reply = connection.getresponse()
            self.assertEqual(reply.status, 200)
            reply.read()
            self.assertIs(connection.sock, first)


class FaultInjection(Fixture):
    def test_each_fault_does_what_it_says(self):
        def fails_with(kind):
            with self.assertRaises((http.client.HTTPException, OSError, ValueError)) as caught:
                self.call("ListVpcEndpointZones")
            return caught.exception

        expected = {
            "throttle": lambda: self.assertIn("TimeLeft:2000", self.call("ListVpcEndpointZones")[2]
                                              ["x-ratelimit-user-api"]),
            "http_503_html": lambda: self.assertIsInstance(fails_with("http_503_html"), json.JSONDecodeError),
            "html_200": lambda: self.assertIsInstance(fails_with("html_200"), json.JSONDecodeError),
            "half_json": lambda: self.assertIsInstance(fails_with("half_json"), json.JSONDecodeError),
            "truncated_json": lambda: self.assertIsInstance(fails_with("truncated_json"), http.client.IncompleteRead),
            "reset": lambda: self.assertIsInstance(fails_with("reset"), ConnectionResetError),
            "close": lambda: self.assertIsInstance(fails_with("close"), http.client.RemoteDisconnected),
            "denied": lambda: self.assertEqual(self.call("ListVpcEndpointZones")[1]["AccessDeniedDetail"]["AuthAction"],
                                               "privatelink:ListVpcEndpointZones"),
            "error": lambda: self.assertEqual(self.code("ListVpcEndpointZones"), (500, "InternalError")),
            "slow_body": lambda: self.assertEqual(self.call("ListVpcEndpointZones")[0], 200),
            "huge": lambda: self.assertGreater(len(self.call("ListVpcEndpointZones")[1]["Padding"]), 1 << 20),
        }
        kinds = set(self.control.get("/state")["fault_kinds"])
        self.assertEqual(kinds, set(expected) | {"hang"})
        for kind, check in expected.items():
            with self.subTest(kind):
                self.control.post("/faults", action="ListVpcEndpointZones", kind=kind, count=1)
                check()
                self.assertEqual(self.call("ListVpcEndpointZones")[0], 200)  # once means once
        self.assertEqual(self.control.get("/state")["faults"], [])

    def test_throttling_tells_the_time_in_each_way(self):
        def told(**parameters):
            self.control.post("/faults", kind="throttle", count=1, **parameters)
            headers = self.call("ListVpcEndpointZones")[2]
            return tuple(headers[name] for name in ("x-acs-retry-after", "x-ratelimit-user-api", "Retry-After"))

        self.assertEqual(told(), ("2000", "Limit:1,Remain:0,TimeLeft:2000,Reset:1234", None))
        self.assertEqual(told(retry_after_ms=350, time_left_ms=None), ("350", None, None))
        self.assertEqual(told(retry_after_ms=None), (None, "Limit:1,Remain:0,TimeLeft:2000,Reset:1234", None))
        date = "Sun, 06 Nov 1994 08:50:07 GMT"
        self.assertEqual(told(retry_after_ms=None, time_left_ms=None, retry_after=date, status=503), (None, None, date))
        for kind in ("http_503_html", "error"):
            self.control.post("/faults", kind=kind, count=1, retry_after="7")
            headers = self.signed_headers("ListVpcEndpointZones", "RegionId=cn-hangzhou")
            connection = self.connect()
            self.addCleanup(connection.close)
            connection.request("POST", "/?RegionId=cn-hangzhou", headers=headers)
            self.assertEqual(connection.getresponse().headers["Retry-After"], "7")

    def test_hang_lasts_until_the_client_gives_up(self):
        self.control.post("/faults", kind="hang")
        connection = self.connect()
        connection.timeout = 0.3
        query = f"EndpointId={ENDPOINT}&RegionId=cn-hangzhou"
        connection.request("POST", f"/?{query}", headers=self.signed_headers("ListVpcEndpointZones", query))
        with self.assertRaises(TimeoutError):
            connection.getresponse()
        connection.close()
        self.control.delete("/faults")
        self.assertEqual(self.call("ListVpcEndpointZones")[0], 200)

    def test_fault_of_one_action_leaves_the_others(self):
        self.control.post("/faults", action="ListVpcEndpointZones", kind="denied")
        self.assertEqual(self.code("ListVpcEndpointZones"), (403, "NoPermission"))
        self.assertEqual(self.code("ListVpcEndpointZones"), (403, "NoPermission"))
        self.assertEqual(self.call("GetVpcEndpointAttribute")[0], 200)

    def test_api_can_be_switched_off_and_on(self):
        self.control.post("/listeners/api", open=False)
        with self.assertRaises(ConnectionRefusedError):
            self.call("ListVpcEndpointZones")
        self.control.post("/listeners/api", open=True)
        self.assertEqual(self.call("ListVpcEndpointZones")[0], 200)

    def test_misspelt_control_requests_are_refused(self):
        for path, body in (("/faults", {"kind": "thrttle"}), ("/options", {"clock": 1}), ("/imds", {"mode": "x"}),
                           ("/nowhere", {}), ("/listeners/none", {"open": True})):
            with self.subTest(path), self.assertRaises(AssertionError):
                self.control.post(path, **body)


class Metadata(Fixture):
    ROLE = "/latest/meta-data/ram/security-credentials/"

    def imds(self, method, path, **headers):
        connection = http.client.HTTPConnection(*self.aliyun.ready["imds"].rsplit(":", 1), timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()

    def session(self, ttl="21600"):
        status, token = self.imds("PUT", "/latest/api/token", X_aliyun_ecs_metadata_token_ttl_seconds=ttl)
        self.assertEqual(status, 200)
        return {"X_aliyun_ecs_metadata_token": token}

    def test_token_modes(self):
        path = "/latest/meta-data/region-id"
        self.assertEqual(self.imds("GET", path)[0], 401)
        self.assertEqual(self.imds("GET", path, **self.session()), (200, "cn-hangzhou"))
        self.assertEqual(self.imds("GET", path, X_aliyun_ecs_metadata_token="made-up")[0], 401)
        self.control.post("/imds", token_mode="optional")
        self.assertEqual(self.imds("GET", path)[0], 200)
        self.control.post("/imds", token_mode="forbidden")
        self.assertEqual(self.imds("PUT", "/latest/api/token", X_aliyun_ecs_metadata_token_ttl_seconds="60")[0], 403)
        self.assertEqual(self.imds("GET", path)[0], 200)

    def test_session_tokens_are_limited(self):
        put = lambda **headers: self.imds("PUT", "/latest/api/token", **headers)[0]  # noqa: E731
        for ttl in ("0", "21601", "x"):
            self.assertEqual(put(X_aliyun_ecs_metadata_token_ttl_seconds=ttl), 400)
        self.assertEqual(put(), 400)
        self.assertEqual(put(X_aliyun_ecs_metadata_token_ttl_seconds="60", X_Forwarded_For="192.0.2.1"), 403)
        session = self.session()
        self.control.post("/imds", forget_tokens=True)
        self.assertEqual(self.imds("GET", "/latest/meta-data/zone-id", **session)[0], 401)

    def test_role_keys_work_at_the_api_until_they_expire(self):
        session = self.session()
        self.assertEqual(self.imds("GET", self.ROLE, **session), (200, "PosternRole"))

        def credential():
            return json.loads(self.imds("GET", self.ROLE + "PosternRole", **session)[1])

        def signing(value):
            return {"key_id": value["AccessKeyId"], "secret": value["AccessKeySecret"], "token": value["SecurityToken"]}

        first = credential()
        self.assertEqual(first["Code"], "Success")
        self.assertEqual(self.call("ListVpcEndpointZones", **signing(first))[0], 200)
        self.assertEqual(self.code("ListVpcEndpointZones", **{**signing(first), "token": None}),
                         (400, "MissingSecurityToken"))
        self.assertEqual(self.code("ListVpcEndpointZones", key_id=KEY_ID, secret=SECRET, token=first["SecurityToken"]),
                         (400, "InvalidSecurityToken.MismatchWithAccessKey"))
        self.control.post("/role", renew=False)
        self.control.post("/sts/expire")
        self.assertEqual(self.code("ListVpcEndpointZones", **signing(first)), (400, "InvalidSecurityToken.Expired"))
        self.assertEqual(credential()["AccessKeyId"], first["AccessKeyId"])
        self.control.post("/role", renew=True)
        second = credential()
        self.assertNotEqual(second["AccessKeyId"], first["AccessKeyId"])
        self.assertEqual(self.call("ListVpcEndpointZones", **signing(second))[0], 200)
        self.control.post("/role", code="Failed")
        self.assertEqual(credential(), {"Code": "Failed"})

    def test_all_in_one_document(self):
        session = self.session()
        everything = json.loads(self.imds("GET", "/latest/meta-data/all", **session)[1])
        self.assertEqual(everything["dns-conf"]["nameservers"], "100.100.2.136\r\n100.100.2.138")
        self.control.post("/imds", serve_all=False)
        self.assertEqual(self.imds("GET", "/latest/meta-data/all", **session)[0], 404)

    def test_failures(self):
        for failure, expected in (("http_500", 500), ("http_404", 404), ("html", 200)):
            self.control.post("/imds", fail=failure)
            self.assertEqual(self.imds("GET", "/latest/meta-data/zone-id")[0], expected)
        self.control.post("/imds", fail="reset")
        with self.assertRaises(ConnectionResetError):
            self.imds("GET", "/latest/meta-data/zone-id")
        self.control.post("/imds", fail=None)
        self.assertEqual(self.imds("GET", "/latest/meta-data/zone-id", **self.session())[0], 200)

    def test_the_log_has_no_secret(self):
        session = self.session()
        self.imds("GET", self.ROLE + "PosternRole", **session)
        text = json.dumps([self.control.log(), self.control.get("/state")])
        for secret in ("exampleStsSecret", "CAISexample", *session.values()):
            self.assertNotIn(secret, text)


class Program(Fixture):
    def test_ends_cleanly_on_sigterm(self):
        self.assertEqual(self.aliyun.stop(), 0)

    def test_refuses_addresses_that_are_not_loopback(self):
        done = subprocess.run(["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "aliyun.py"),
                               "--api", "0.0.0.0:0", "--cert", f"{self.folder.name}/good.pem",
                               "--key", f"{self.folder.name}/good.key"], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("loopback", done.stderr)


if __name__ == "__main__":
    unittest.main()
