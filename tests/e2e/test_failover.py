# SPDX-License-Identifier: Apache-2.0
"""Answers follow the verdict of the path, never that of the service alone, and are never empty."""

import threading
import unittest

from host import NAME, TOKEN, ZONE_A, ZONE_B, HostTest


class Failover(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.gateways = self.host.gateways.control
        self.wait_up(ZONE_A, ZONE_B)

    def wait_up(self, *addresses):
        for address in addresses:
            self.host.wait_probe(address, lambda record: record["ok"] and record["state"] == "up", "state up")

    def mode(self, listener, mode, **parameters):
        self.gateways.post(f"/listeners/{listener}", mode=mode, **parameters)

    def checks(self, measurement):
        _, document = self.host.health()
        return {entry.get("componentId", str(entry)): entry for key, entries in document["checks"].items()
                if key.endswith(":" + measurement) for entry in entries}

    def test_a_dead_gateway_leaves_the_answer_after_three_probes_and_comes_back(self):
        self.mode("zone-a", "refuse")
        self.host.wait_addresses(ZONE_B)
        failed = [record for record in reversed(self.host.probes(f"?ip={ZONE_A}&limit=1000")) if not record["ok"]]
        self.assertEqual([record["state"] for record in failed].index("down"), 2)  # fall = 3
        record = self.host.last_probe(ZONE_A)
        self.assertEqual((record["ok"], record["phase"], record["reason"], record["path"], record["state"]),
                         (False, "connect", "tcp_refused", "down", "down"))
        status, document = self.host.health()
        self.assertEqual((status, document["status"]), (200, "warn"))  # policy any: the link still works
        self.mode("zone-a", "ok")
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertEqual(self.host.dig(NAME, "A").data, [ZONE_A, ZONE_B])  # the old order

    def test_two_failures_are_not_enough(self):
        before = self.host.last_probe(ZONE_A)["seq"]
        self.mode("zone-a", "reset_after_accept", count=2)  # fall = 3
        self.host.wait_probe(ZONE_A, lambda record: record["ok"] and record["seq"] > before
                             and sum(1 for other in self.host.probes() if other["ip"] == ZONE_A
                                     and not other["ok"]) == 2, "two failures and then success")
        states = {record["state"] for record in self.host.probes() if record["ip"] == ZONE_A}
        self.assertNotIn("down", states)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_all_dead_answers_all_and_health_fails(self):
        self.gateways.post("/listeners", mode="refuse")
        self.host.wait(lambda: self.host.http("/health")[0] == 503, "/health to be 503")
        self.host.wait_addresses(ZONE_A, ZONE_B)
        document = self.host.health()[1]
        self.assertEqual(document["status"], "fail")
        self.assertIn("tcp_refused", str(document))
        done = self.host.postern("status")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("refused", done.stdout)
        self.gateways.post("/listeners", mode="ok")
        self.host.wait(lambda: self.host.http("/health")[0] == 200, "/health to be 200 again")

    def test_no_token_for_a_certificate_that_does_not_verify(self):
        for mode in ("cert_expired", "cert_not_yet_valid", "cert_wrong_name", "cert_untrusted", "cert_self_signed"):
            with self.subTest(mode):
                self.gateways.delete("/log")
                self.mode("zone-a", mode)
                self.host.wait_probe(ZONE_A, lambda record: (record["reason"] or "").startswith("cert_"), mode)
                requests = [entry for entry in self.gateways.log() if entry["listener"] == "zone-a"
                            and entry["event"] == "request" and entry["mode"] == mode]
                self.assertEqual(requests, [])
                self.mode("zone-a", "ok")

    def test_a_redirect_to_another_host_never_gets_the_token(self):
        self.mode("zone-a", "status", status=302, location="other_host")
        record = self.host.wait_probe(ZONE_A, lambda record: record["reason"] == "http_redirect", "http_redirect")
        self.assertNotIn(TOKEN, str(record))

    def steers_while_the_other_passes(self, *rows):
        """At most a few rows a host: a verdict that went down often is damped."""
        for mode, parameters, reason in rows:
            with self.subTest(f"{reason} {parameters}"):
                self.mode("zone-a", mode, **parameters)
                self.host.wait_addresses(ZONE_B)
                self.assertEqual(self.host.last_probe(ZONE_A)["reason"], reason)
                self.assertEqual(self.host.last_probe(ZONE_A)["service"], "down")
                self.mode("zone-b", mode, **parameters)  # now it fails everywhere: nothing to compare with
                self.host.wait_addresses(ZONE_A, ZONE_B)
                self.gateways.post("/listeners", mode="ok")
                self.host.wait(lambda: self.host.health()[1]["status"] == "pass", "health to pass again")

    def test_service_failure_of_one_address_steers_while_the_other_passes(self):
        self.steers_while_the_other_passes(("status", {"status": 503}, "http_status_5xx"),
                                           ("sql_code", {"code": 11}, "sql_unavailable"),
                                           ("wrong_cell", {}, "body_mismatch"),
                                           ("body_invalid_json", {}, "body_invalid_json"))

    def test_a_status_of_one_address_steers_while_the_other_passes(self):
        self.steers_while_the_other_passes(("status", {"status": 408}, "http_status_4xx"),
                                           ("status", {"status": 403}, "http_status_403"),
                                           ("status", {"status": 302, "location": "other_host"}, "http_redirect"))

    def test_a_refused_statement_of_one_address_steers_while_the_other_passes(self):
        self.steers_while_the_other_passes(("status", {"status": 421}, "http_status_4xx"),
                                           ("status", {"status": 429}, "http_status_429"),
                                           ("sql_code", {"code": 9728}, "sql_error"))

    def test_resets_and_404_by_turns_withdraw(self):
        self.mode("zone-a", "status", status=404)
        stop = threading.Event()

        def by_turns():
            turn = 0
            while not stop.is_set():
                before = self.host.last_probe(ZONE_A)["seq"]
                turn += 1
                self.mode("zone-a", *(("reset_after_accept",) if turn % 2 else ("sql_code",)), **({} if turn % 2 else {"code": 9728}))
                while not stop.is_set() and self.host.last_probe(ZONE_A)["seq"] == before:
                    stop.wait(0.02)

        turns = threading.Thread(target=by_turns)
        turns.start()
        try:
            self.host.wait_addresses(ZONE_B)
        finally:
            stop.set()
            turns.join()

    def test_a_wrong_token_never_steers(self):
        for name, body in [("wrong token", None), ("401", {"mode": "status", "status": 401}),
                           ("855", {"mode": "sql_code", "code": 855}), ("permission", {"mode": "sql_code", "code": 0x2644})]:
            with self.subTest(name):
                if body is None:
                    self.gateways.post("/options", tokens=["rotated-away"])
                else:
                    self.gateways.post("/listeners/zone-a", **body)
                before = self.host.last_probe(ZONE_A)["seq"]
                self.host.wait_probe(ZONE_A, lambda record: record["service"] == "down" and record["seq"] >= before + 4,
                                     "service down")
                self.assertEqual(self.host.last_probe(ZONE_A)["path"], "up")
                self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
                self.gateways.post("/options", tokens=[TOKEN])
                self.gateways.post("/listeners", mode="ok")
                self.wait_up(ZONE_A, ZONE_B)

    def test_wrong_token_everywhere_health_says_service_down(self):
        self.gateways.post("/options", tokens=["rotated-away"])
        self.host.wait(lambda: self.host.http("/health")[0] == 503, "/health to be 503")
        document = self.host.health()[1]
        self.assertRegex(str(document), r"http_status_401|sql_auth")
        self.assertEqual({entry["status"] for entry in self.checks("tcp").values()}, {"pass"})
        self.assertEqual({entry["status"] for entry in self.checks("tls").values()}, {"pass"})
        self.assertEqual({entry["status"] for entry in self.checks("sql").values()}, {"fail"})
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_a_rotated_token_is_read_anew(self):
        self.gateways.post("/options", tokens=["new-token-0123456789"])
        self.host.wait_probe(ZONE_A, lambda record: record["service"] == "down", "service down")
        self.host.write_token("new-token-0123456789")
        self.wait_up(ZONE_A, ZONE_B)

    def test_a_slow_gateway_is_degraded_and_stays(self):
        self.mode("zone-a", "slow", ms=700)  # degraded_over 500 ms, timeout 1 s
        self.host.wait_probe(ZONE_A, lambda record: record["state"] == "degraded", "degraded")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})


class WithoutToken(HostTest):
    def test_401_then_means_path_up_service_unknown(self):
        self.host.start_world()
        self.host.start_postern(link={"token_file": None})
        record = self.host.wait_probe(ZONE_A, lambda record: record["path"] == "up", "path up")
        self.assertEqual((record["reason"], record["service"], record["http_status"]), ("token_missing", "unknown", 401))
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertFalse(any(entry.get("token_received") for entry in self.host.gateways.control.log()))


class NoProbes(HostTest):
    def test_without_probes_all_addresses_are_answered(self):
        self.host.start_world()
        self.host.start_postern(link={"probe": {"enabled": False}})
        self.host.gateways.control.post("/listeners", mode="refuse")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.gateways.control.get("/state")["listeners"]["zone-a"]["counts"]["connections"], 0)


if __name__ == "__main__":
    unittest.main()
