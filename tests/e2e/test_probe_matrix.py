# SPDX-License-Identifier: Apache-2.0
"""Every way in which a gateway can fail, each on a separate address: phase, reason, verdicts, and whether DNS keeps
answering it. One address works, so that there is something to compare with."""

import unittest

from host import CLOUD_NAMES, NAME, SharedHostTest

ANY = None
PATH_DOWN = {"path": "down", "service": "unknown", "answered": False}
COMPARED = {"path": "up", "service": "down", "answered": False}   # withdrawn while another address passes
NEVER_STEERS = {"path": "up", "service": "down", "answered": True}

# (mode and its parameters) -> phase, reasons, verdicts
FAULTS = [
    ({"mode": "refuse"}, "connect", {"tcp_refused"}, PATH_DOWN),
    ({"mode": "reset_after_accept"}, ANY, {"tcp_reset", "tls_reset"}, PATH_DOWN),
    ({"mode": "accept_then_hang"}, "tls", {"tls_timeout"}, PATH_DOWN),
    ({"mode": "reset_in_handshake"}, "tls", {"tls_reset"}, PATH_DOWN),
    ({"mode": "tls_eof"}, "tls", {"tls_eof"}, PATH_DOWN),
    ({"mode": "tls_garbage"}, "tls", {"tls_protocol"}, PATH_DOWN),
    ({"mode": "tls_alert"}, "tls", {"tls_alert"}, PATH_DOWN),
    ({"mode": "cert_wrong_name"}, "tls", {"cert_name_mismatch"}, PATH_DOWN),
    ({"mode": "cert_expired"}, "tls", {"cert_expired"}, PATH_DOWN),
    ({"mode": "cert_not_yet_valid"}, "tls", {"cert_not_yet_valid"}, PATH_DOWN),
    ({"mode": "cert_untrusted"}, "tls", {"cert_untrusted"}, PATH_DOWN),
    ({"mode": "cert_self_signed"}, "tls", {"cert_untrusted"}, PATH_DOWN),
    ({"mode": "http_hang"}, "ttfb", {"http_timeout"}, PATH_DOWN),
    ({"mode": "http_reset"}, "ttfb", {"http_reset"}, PATH_DOWN),
    ({"mode": "http_close"}, "ttfb", {"http_reset", "http_truncated"}, PATH_DOWN),
    ({"mode": "http_garbage"}, "reply", {"http_protocol"}, PATH_DOWN),
    ({"mode": "truncated_chunked"}, "transfer", {"http_truncated"}, PATH_DOWN),
    ({"mode": "truncated_length"}, "transfer", {"http_truncated"}, PATH_DOWN),
    ({"mode": "reset_in_body"}, "transfer", {"http_reset", "http_truncated"}, PATH_DOWN),
    ({"mode": "not_found"}, "reply", {"not_tdengine"}, PATH_DOWN),
    ({"mode": "status", "status": 404}, "reply", {"not_tdengine"}, PATH_DOWN),
    ({"mode": "html_200"}, "reply", {"not_tdengine"}, PATH_DOWN),
    ({"mode": "status", "status": 503}, "reply", {"http_status_5xx"}, COMPARED),
    ({"mode": "status", "status": 500}, "reply", {"http_status_5xx"}, COMPARED),
    ({"mode": "status", "status": 502}, ANY, {"http_status_5xx", "sql_unavailable"}, COMPARED),
    ({"mode": "memory"}, "reply", {"http_status_5xx"}, COMPARED),
    ({"mode": "sql_code", "code": 11}, "sql", {"sql_unavailable"}, COMPARED),
    ({"mode": "body_invalid_json"}, "reply", {"body_invalid_json"}, COMPARED),
    ({"mode": "wrong_cell"}, "sql", {"body_mismatch"}, COMPARED),
    ({"mode": "no_rows"}, "sql", {"body_mismatch"}, COMPARED),
    ({"mode": "status", "status": 401}, "reply", {"http_status_401"}, NEVER_STEERS),
    ({"mode": "status", "status": 403}, "reply", {"http_status_403"}, COMPARED),
    ({"mode": "status", "status": 429}, "reply", {"http_status_429"}, COMPARED),
    ({"mode": "sql_code", "code": 855}, "sql", {"sql_auth"}, NEVER_STEERS),
    ({"mode": "sql_code", "code": 3}, "sql", {"sql_auth"}, NEVER_STEERS),
    ({"mode": "sql_code", "code": 904}, "sql", {"sql_error"}, COMPARED),
    ({"mode": "sql_code", "code": 9728}, "sql", {"sql_error"}, COMPARED),
    ({"mode": "body_empty"}, ANY, {"body_invalid_json", "body_mismatch"}, COMPARED),
    ({"mode": "huge_body"}, ANY, {"body_too_large"}, COMPARED),
    ({"mode": "status", "status": 400}, "reply", {"http_status_4xx"}, COMPARED),
    ({"mode": "status", "status": 302, "location": "other_host"}, "reply", {"http_redirect"}, COMPARED),
    ({"mode": "status", "status": 418}, "reply", {"http_status_4xx"}, COMPARED),
    ({"mode": "status", "status": 204}, "reply", {"http_status_unexpected"}, COMPARED),
]
WORKING = [({"mode": "ok"}, "up"), ({"mode": "continue_first"}, "up"), ({"mode": "keep_open"}, "up"),
           ({"mode": "large_hello"}, "up"), ({"mode": "slow", "ms": 700}, "degraded"), ({"mode": "cert_expiring_soon"}, "degraded")]


def label(body):
    return " ".join(str(value) for value in body.values())


class Matrix(SharedHostTest):
    @classmethod
    def prepare(cls):
        bodies = [fault[0] for fault in FAULTS] + [working[0] for working in WORKING]
        cls.address = {label(body): f"127.0.1.{number}" for number, body in enumerate(bodies, 1)}
        cls.host.start_upstream()
        cls.host.start_gateways({f"l{number}": f"127.0.1.{number}" for number in range(1, len(bodies) + 1)})
        for number, body in enumerate(bodies, 1):
            cls.host.gateways.control.post(f"/listeners/l{number}", **body)
        cls.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": list(cls.address.values()),
                                                  "probe": {"interval": "1s"}})
        wanted = {cls.address[label(body)] for body, _, _, verdict in FAULTS if verdict and not verdict["answered"]}
        cls.host.wait(lambda: not wanted & set(cls.host.dig(NAME, "A").data), "all dead addresses to be withdrawn",
                      deadline_s=60)
        cls.host.wait(lambda: all(len(cls.host.probes(f"?ip={address}&limit=5")) >= 4 for address in cls.address.values()),
                      "four probes of every address", deadline_s=60)

    def record(self, body):
        return self.host.probes(f"?ip={self.address[label(body)]}&limit=1")[0]

    def test_every_fault_has_its_phase_reason_and_verdict(self):
        answered = set(self.host.dig(NAME, "A").data)
        for body, phase, reasons, verdict in FAULTS:
            with self.subTest(label(body)):
                record = self.record(body)
                self.assertFalse(record["ok"], record)
                self.assertIn(record["reason"], reasons, record)
                self.assertTrue(record["detail"], record)
                if phase is not ANY:
                    self.assertEqual(record["phase"], phase, record)
                if verdict is not ANY:
                    self.assertEqual({**record, "answered": self.address[label(body)] in answered}, {**record, **verdict})

    def test_what_works_is_answered(self):
        answered = set(self.host.dig(NAME, "A").data)
        for body, state in WORKING:
            with self.subTest(label(body)):
                record = self.record(body)
                self.assertEqual((record["ok"], record["state"]), (True, state), record)
                self.assertIn(self.address[label(body)], answered)

    def test_times_are_those_of_the_phases_reached(self):
        order = ["connect", "tls", "request", "ttfb", "transfer"]
        for body, *_ in FAULTS + WORKING:
            with self.subTest(label(body)):
                record = self.record(body)
                times = [record[f"{phase}_us"] for phase in order]
                reached = len(order) if record["ok"] or record["phase"] in ("reply", "sql") \
                    else order.index(record["phase"]) + 1
                self.assertEqual([time is not None for time in times], [index < reached for index in range(len(order))],
                                 record)
                total = record["total_us"]
                self.assertLessEqual(abs(sum(time or 0 for time in times) - total), max(20, total / 100), record)

    def test_the_certificate_is_told_even_when_it_is_refused(self):
        for mode in ("cert_wrong_name", "cert_expired", "cert_not_yet_valid", "cert_untrusted", "ok"):
            with self.subTest(mode):
                record = self.record({"mode": mode})
                self.assertRegex(record["cert_not_after"], r"^\d{4}-\d\d-\d\dT")
                self.assertRegex(record["cert_chain_not_after"], r"^\d{4}-\d\d-\d\dT")
                self.assertEqual(record["cert_names"], ["wrong-name.example"] if mode == "cert_wrong_name"
                                 else [NAME, *CLOUD_NAMES], record)
                self.assertEqual(record["cert_issuer"],
                                 "CN=postern test " + ("other_ca" if mode == "cert_untrusted" else "ca"), record)
                self.assertRegex(record["cert_fingerprint_sha256"], r"^[0-9a-f]{64}$")
                self.assertEqual(record["tls_version"], "TLSv1.3", record)
                self.assertRegex(record["tls_cipher"], "^TLS_")
                self.assertEqual(record["tls_group"], "x25519", record)
                self.assertGreater(record["local_port"], 0)

    def test_a_large_hello_is_told_beside_the_probe(self):
        """Sent once, after a pass: the next record has it, and the verdict does not mind."""
        for body, fate in (({"mode": "ok"}, "passed"), ({"mode": "large_hello"}, "silent")):
            with self.subTest(**body):
                self.host.wait(lambda body=body: self.record(body)["large_hello"], "a large hello")
                record = self.record(body)
                self.assertEqual((record["ok"], record["state"], record["large_hello"]), (True, "up", fate), record)

    def test_nobody_with_a_bad_certificate_gets_a_request(self):
        listeners = self.host.gateways.control.get("/state")["listeners"].values()
        bad = [entry for entry in listeners if entry["mode"].startswith("cert_") and entry["mode"] != "cert_expiring_soon"]
        self.assertEqual(len(bad), 5)
        for entry in bad:
            self.assertGreater(entry["counts"]["connections"], 0)
            self.assertEqual(entry["counts"]["requests"], 0, entry)

    def test_sni_and_host_are_the_private_name(self):
        (working,) = [entry for entry in self.host.gateways.control.get("/state")["listeners"].values()
                      if entry["mode"] == "ok"]
        self.assertEqual((working["last"]["sni"], working["last"]["host"]), (NAME, NAME))
        self.assertTrue(working["last"]["token_correct"])

    def test_a_big_answer_goes_by_tcp(self):
        reply = self.host.dig(NAME, "A", "+ignore", "+noedns")
        full = set(self.host.dig(NAME, "A", "+tcp").data)
        self.assertTrue(set(reply.data) <= full)
        self.assertEqual(set(self.host.dig(NAME, "A", "+noedns").data), full)


if __name__ == "__main__":
    unittest.main()
