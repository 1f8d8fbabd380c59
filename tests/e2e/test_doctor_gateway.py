# SPDX-License-Identifier: Apache-2.0
"""postern doctor before gateways that fail: each of their faults is the only thing that it reports."""

import unittest

from doctor_kit import DoctorTest
from host import ZONE_A, ZONE_B

# mode -> its code
FAULTS = [
    ({"mode": "refuse"}, "PN-TCP-REFUSED"),
    ({"mode": "accept_then_hang"}, "PN-TLS-TIMEOUT"),
    ({"mode": "reset_in_handshake"}, "PN-TLS-RESET"),
    ({"mode": "tls_eof"}, "PN-TLS-EOF"),
    ({"mode": "tls_garbage"}, "PN-TLS-PROTOCOL"),
    ({"mode": "tls_alert"}, "PN-TLS-ALERT"),
    ({"mode": "cert_wrong_name"}, "PN-TLS-NAME"),
    ({"mode": "cert_expired"}, "PN-TLS-EXPIRED"),
    ({"mode": "cert_not_yet_valid"}, "PN-TLS-NOT-YET-VALID"),
    ({"mode": "cert_untrusted"}, "PN-TLS-UNTRUSTED"),
    ({"mode": "cert_self_signed"}, "PN-TLS-UNTRUSTED"),
    ({"mode": "http_hang"}, "PN-HTTP-TIMEOUT"),
    ({"mode": "http_reset"}, "PN-HTTP-RESET"),
    ({"mode": "http_garbage"}, "PN-HTTP-PROTOCOL"),
    ({"mode": "truncated_chunked"}, "PN-HTTP-TRUNCATED"),
    ({"mode": "truncated_length"}, "PN-HTTP-TRUNCATED"),
    ({"mode": "status", "status": 302, "location": "other_host"}, "PN-HTTP-REDIRECT"),
    ({"mode": "status", "status": 400}, "PN-HTTP-4XX"),
    ({"mode": "status", "status": 401}, "PN-HTTP-401"),
    ({"mode": "status", "status": 403}, "PN-HTTP-403"),
    ({"mode": "status", "status": 429}, "PN-HTTP-429"),
    ({"mode": "status", "status": 503}, "PN-HTTP-5XX"),
    ({"mode": "memory"}, "PN-HTTP-5XX"),
    ({"mode": "status", "status": 204}, "PN-HTTP-STATUS"),
    ({"mode": "huge_body", "bytes": 1 << 20}, "PN-HTTP-TOO-LARGE"),
    ({"mode": "body_invalid_json"}, "PN-HTTP-JSON"),
    ({"mode": "wrong_cell"}, "PN-HTTP-BODY"),
    ({"mode": "no_rows"}, "PN-HTTP-BODY"),
    ({"mode": "not_found"}, "PN-HTTP-NOT-TDENGINE"),
    ({"mode": "html_200"}, "PN-HTTP-NOT-TDENGINE"),
    ({"mode": "sql_code", "code": 855}, "PN-SQL-AUTH"),
    ({"mode": "sql_code", "code": 904}, "PN-SQL-ERROR"),
    ({"mode": "sql_code", "code": 11}, "PN-SQL-UNAVAILABLE"),
]
AFTER = ["tcp", "tls", "http", "sql", "ws"]


class Gateways(DoctorTest):
    def test_all_fail_the_same_way(self):
        for body, code in FAULTS:
            with self.subTest(body):
                self.gateways(**body)
                report = self.doctor(fails={code})
                failed = [f for f in report.findings if f["code"] == code]
                self.assertEqual({f["ip"] for f in failed}, {ZONE_A, ZONE_B}, failed)
                for step in AFTER[AFTER.index(failed[0]["step"]) + 1:]:
                    self.assertEqual(report.because(step), {code})

    def test_one_fails_and_the_other_is_told_to_work(self):
        self.gateways("zone-b", mode="cert_wrong_name")
        report = self.doctor(fails={"PN-TLS-NAME"})
        self.assertEqual(report.of("PN-TLS-NAME")["ip"], ZONE_B)
        self.assertIn("wrong-name.example", report.of("PN-TLS-NAME")["found"])
        self.assertEqual([f["state"] for f in report.findings if f["step"] == "sql"], ["PASS", "SKIP"])

    def test_two_gateways_two_faults(self):
        self.gateways("zone-a", mode="refuse")
        self.gateways("zone-b", mode="status", status=401)
        self.doctor(fails={"PN-TCP-REFUSED", "PN-HTTP-401"})


    def test_what_works_slowly_or_not_for_long(self):
        for body, code in (({"mode": "slow", "ms": 1700}, "PN-HTTP-SLOW"), ({"mode": "cert_expiring_soon"}, "PN-TLS-EXPIRING")):
            with self.subTest(body):
                self.gateways(**body)
                self.doctor(warns={code})

    def test_a_clock_that_is_wrong_explains_certificates_that_are_not_valid_yet(self):
        self.cloud({"clock_offset_s": 0}, "/options", clock_offset_s=7200)
        self.gateways(mode="cert_not_yet_valid")
        report = self.doctor(fails={"PN-API-CLOCK"})
        self.assertEqual(report.because("tls"), {"PN-API-CLOCK"})
        self.assertRegex(report.of("PN-API-CLOCK")["found"], "(2 h 0|1 h 59) min behind")

    def test_a_middlebox_drops_large_hellos(self):
        for how, fate in (("drop", "silent"), ("reset", "reset"), ("close", "closed")):
            with self.subTest(how):
                self.gateways("zone-a", mode="large_hello", how=how)
                report = self.doctor(warns={"PN-TLS-LARGE-HELLO"})
                finding = report.of("PN-TLS-LARGE-HELLO")
                self.assertEqual((finding["ip"], finding["evidence"]["large_hello"]), (ZONE_A, fate))
                self.assertEqual([f["state"] for f in report.findings if f["step"] == "sql"], ["PASS", "PASS"])

    def test_a_large_hello_is_nothing_where_the_small_one_is_dropped_too(self):
        self.gateways("zone-a", mode="large_hello", bytes=100)
        self.doctor(fails={"PN-TLS-TIMEOUT"})

    def test_websockets_are_asked_even_where_the_probes_do_not(self):
        for body in ({"mode": "ws_status", "status": 502}, {"mode": "ws_hang"}, {"mode": "ws_wrong_accept"}):
            with self.subTest(body):
                self.gateways("zone-a", **body)
                report = self.doctor(warns={"PN-WS-UNASKED"})
                self.assertEqual(report.of("PN-WS-UNASKED")["ip"], ZONE_A)
                self.assertEqual([f["state"] for f in report.findings if f["step"] == "ws"], ["WARN", "PASS"])
        self.gateways("zone-a", mode="sql_code", code=904)
        self.assertEqual(self.doctor(fails={"PN-SQL-ERROR"}).because("ws"), {"PN-SQL-ERROR"})

    def test_websockets_fail_where_they_are_asked(self):
        self.gateways("zone-a", mode="ws_status", status=403)
        path = self.config(link={"probe": {"ws": True}})
        report = self.doctor("--config", path, config=False, fails={"PN-WS-FAILED"})
        self.assertEqual(report.of("PN-WS-FAILED")["ip"], ZONE_A)


if __name__ == "__main__":
    unittest.main()
