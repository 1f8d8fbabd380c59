# SPDX-License-Identifier: Apache-2.0
"""`compare`: the same SQL on the public gateway distinguishes a broken PrivateLink from a service that is down, shows what the
private path gains, and changes no answer."""

import html
import unittest

from host import API_NAME, GATEWAYS, LINK, NAME, SIBLING, TOKEN, ZONE_A, ZONE_B, HostTest  # first: it knows where pki is

import pki

PUBLIC_ADDRESS = "127.0.0.9"
PUBLIC = SIBLING  # a name that only the upstreams know; below the same parent as the private one, as gateways are


class Compare(HostTest):
    def setUp(self):
        super().setUp()
        pki.make(self.host.pki, [NAME, API_NAME, PUBLIC])
        self.host.start_upstream()
        self.host.upstream.control.call("PUT", f"/records/{PUBLIC}", {"A": [PUBLIC_ADDRESS]})
        self.host.start_gateways({**GATEWAYS, "public": PUBLIC_ADDRESS})

    def mode(self, *names, **body):
        for name in names:
            self.host.gateways.control.post(f"/listeners/{name}", **body)

    def start(self, **link):
        self.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A, ZONE_B], "compare": PUBLIC,
                                                   "probe": {"interval": "1s"}, **link})

    def compare(self):
        return self.host.http_json("/api/v1/status")[1]["links"][0]["compare"]

    def wait_finding(self, finding):
        self.host.wait(lambda: self.compare()["finding"] == finding, f"the finding {finding}")
        return self.compare()

    def check_shown(self, finding, sentence):
        text = self.host.postern("status").stdout
        self.assertIn(f"compared with {PUBLIC}: {sentence}", " ".join(text.split()))
        self.assertIn(f'postern_compare_finding{{link="{LINK}",finding="{finding}"}} 1', self.host.http("/metrics")[1])
        self.assertIn(f"Compared with <code>{PUBLIC}</code>: {sentence}", html.unescape(self.host.http("/")[1]))
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        for shown in (text, self.host.log(), *(self.host.http(path)[1] for path in ("/api/v1/status", "/metrics", "/"))):
            self.assertNotIn(TOKEN, shown)

    def test_both_work_and_the_gain_is_shown(self):
        self.mode("public", mode="slow", ms=200)
        self.start()
        found = self.wait_finding("both_work")
        self.assertGreater(found["public_median_us"], 200_000)
        self.assertGreater(found["public_median_us"], found["private_median_us"])
        self.assertRegex(found["text"], r"^median [\d.]+ ms, over the public gateway \d{3}\.\d ms: the private path saves ")
        self.check_shown("both_work", "median ")
        seen = self.host.gateways.control.get("/state")["listeners"]["public"]
        self.assertEqual((seen["last"]["sni"], seen["last"]["host"], seen["last"]["token_correct"]), (PUBLIC, PUBLIC, True))
        self.assertEqual(seen["counts"]["sql"], 1)
        self.assertEqual([record for record in self.host.probes("?limit=1000") if record["ip"] == PUBLIC_ADDRESS], [])
        self.assertEqual(self.host.postern("status").returncode, 0)

    def test_private_link_is_broken(self):
        self.mode("zone-a", "zone-b", mode="refuse")
        self.start()
        found = self.wait_finding("privatelink_broken")
        self.assertTrue(found["last"]["ok"], found)
        self.check_shown("privatelink_broken", "PrivateLink is broken, not the service")
        self.assertEqual(self.host.health()[0], 503)  # a working public gateway does not change the state

    def test_the_service_is_down(self):
        self.mode("zone-a", "zone-b", "public", mode="sql_code", code=11)
        self.start()
        found = self.wait_finding("service_down")
        self.assertEqual(found["last"]["reason"], "sql_unavailable")
        self.check_shown("service_down", "the service is down, not PrivateLink")

    def test_a_public_gateway_that_fails_harms_nobody(self):
        self.mode("public", mode="cert_wrong_name")
        self.start()
        found = self.wait_finding("public_fails")
        self.assertEqual(found["last"]["reason"], "cert_name_mismatch")
        self.check_shown("public_fails", "the public gateway can't be reached from here (cert_name_mismatch)")
        seen = self.host.gateways.control.get("/state")["listeners"]["public"]
        self.assertEqual(seen["counts"]["requests"], 0)  # no token without a verified certificate
        self.assertEqual((self.host.health()[0], self.host.postern("status").returncode), (200, 0))

    def test_check_config_says_what_it_costs(self):
        self.host.write_config(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A], "compare": PUBLIC})
        done = self.host.postern("check-config")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"note: one request every 10m (and when no private address works any more, at most one a minute) goes "
                      f"to {PUBLIC} over the public internet, with this link's token", done.stdout)


if __name__ == "__main__":
    unittest.main()
