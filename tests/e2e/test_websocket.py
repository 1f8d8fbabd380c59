# SPDX-License-Identifier: Apache-2.0
"""`ws = true`: the WebSocket of a gateway works or fails in its own ways while /rest/sql keeps working; each on a separate
address, with its reason, its verdicts and whether DNS still answers it. One address works."""

import json
import subprocess
import unittest

from host import LINK, NAME, POSTERN, TOKEN, SharedHostTest

PATH_DOWN = {"path": "down", "service": "unknown", "answered": False}   # the path to the gateway fails
COMPARED = {"path": "up", "service": "down", "answered": False}         # withdrawn while another address passes

FAULTS = [
    ({"mode": "ws_hang"}, "http_timeout", PATH_DOWN),
    ({"mode": "ws_wrong_accept"}, "http_protocol", PATH_DOWN),
    ({"mode": "ws_status", "status": 502}, "http_status_5xx", COMPARED),
    ({"mode": "ws_status", "status": 403}, "http_status_403", COMPARED),
    ({"mode": "ws_status", "status": 426}, "http_status_4xx", COMPARED),
    ({"mode": "ws_close", "code": 1008}, "body_mismatch", COMPARED),
    ({"mode": "ws_close", "code": 1013}, "sql_unavailable", COMPARED),
    ({"mode": "ws_huge"}, "body_too_large", COMPARED),
    ({"mode": "ws_invalid_json"}, "body_invalid_json", COMPARED),
    ({"mode": "ws_code", "code": 11}, "sql_unavailable", COMPARED),
    ({"mode": "ws_code", "code": 65535}, "sql_error", COMPARED),
]
GOOD = "127.0.1.100"
PHASES = ("connect_us", "tls_us", "request_us", "ttfb_us", "transfer_us")


class WebSocket(SharedHostTest):
    @classmethod
    def prepare(cls):
        cls.address = {json.dumps(body): f"127.0.1.{number}" for number, (body, _, _) in enumerate(FAULTS, 1)}
        listeners = {f"l{number}": f"127.0.1.{number}" for number in range(1, len(FAULTS) + 1)}
        cls.host.start_upstream()
        cls.host.start_gateways({**listeners, "good": GOOD})
        for name, (body, _, _) in zip(listeners, FAULTS):
            cls.host.gateways.control.post(f"/listeners/{name}", **body)
        cls.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": [*cls.address.values(), GOOD],
                                                  "probe": {"interval": "1s", "ws": True}})
        wanted = {cls.address[json.dumps(body)] for body, _, verdict in FAULTS if not verdict["answered"]}
        cls.host.wait(lambda: not wanted & set(cls.host.dig(NAME, "A").data), "all dead addresses to be withdrawn",
                      deadline_s=60)
        cls.host.wait(lambda: all(len(cls.host.probes(f"?ip={address}&limit=5")) >= 4
                                  for address in (*cls.address.values(), GOOD)), "four probes of every address",
                      deadline_s=60)

    def record(self, address):
        return self.host.probes(f"?ip={address}&limit=1")[0]

    def test_every_fault_has_its_reason_and_verdict_in_phase_ws(self):
        answered = set(self.host.dig(NAME, "A").data)
        for body, reason, verdict in FAULTS:
            with self.subTest(**body):
                address = self.address[json.dumps(body)]
                record = self.record(address)
                self.assertEqual((record["ok"], record["phase"], record["reason"]), (False, "ws", reason), record)
                self.assertTrue(record["detail"].startswith("WebSocket: "), record)
                self.assertEqual({**record, "answered": address in answered}, {**record, **verdict})

    def test_times_of_the_statement_add_up_and_the_websocket_has_its_own(self):
        for address in (*self.address.values(), GOOD):
            with self.subTest(address):
                record = self.record(address)
                self.assertEqual(sum(record[phase] for phase in PHASES), record["total_us"], record)
                self.assertGreater(record["ws_us"], 0, record)
                self.assertEqual((record["http_status"], record["sql_code"]), (200, 0), record)

    def test_a_good_one_is_up_and_was_really_asked(self):
        record = self.record(GOOD)
        self.assertEqual((record["ok"], record["state"]), (True, "up"), record)
        self.assertIn(GOOD, self.host.dig(NAME, "A").data)
        counts = self.host.gateways.control.get("/state")["listeners"]["good"]["counts"]
        self.assertGreaterEqual(counts["websockets"], 4, counts)

    def run_postern(self, *arguments):
        return subprocess.run([POSTERN, *arguments, "--config", self.host.config_file], text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.host.environment, check=False)

    def test_probe_and_logs_show_it(self):
        good = self.run_postern("probe", LINK, "--address", GOOD)
        self.assertEqual(good.returncode, 0, good.stdout)
        self.assertRegex(good.stdout, r"transfer [\d.]+ ms  \+ WebSocket [\d.]+ ms")
        table = self.run_postern("probe", LINK, "--address", GOOD, "--count", "2")
        self.assertRegex(table.stdout, r"(?m)^milliseconds.* ws$")
        bad = self.run_postern("probe", LINK, "--address", self.address[json.dumps({"mode": "ws_wrong_accept"})])
        self.assertEqual(bad.returncode, 2, bad.stdout)
        self.assertRegex(bad.stdout, r"reason\s+http_protocol, at ws")
        logs = self.run_postern("logs", "-o", "wide", "-n", "500")
        self.assertRegex(logs.stdout, r"http_timeout .*: ws connect=.* transfer=[\d.]+ ws=[\d.]+ http=200")
        for reply in (good, table, bad, logs):
            self.assertNotIn(TOKEN, reply.stdout)

    def test_the_token_is_nowhere(self):
        for path in ("/api/v1/status", "/api/v1/probes", "/metrics", "/"):
            self.assertNotIn(TOKEN, self.host.http(path)[1], path)
        self.assertNotIn(TOKEN, self.host.log())


if __name__ == "__main__":
    unittest.main()
