# SPDX-License-Identifier: Apache-2.0
"""The HTTP service: health, readiness, metrics, status and probe records; access control."""

import http.client
import json
import re
import signal
import socket
import unittest

from host import HTTP, LINK, NAME, ZONE_A, ZONE_B, HostTest, SharedHostTest

RECORD_KEYS = {"ts", "link", "host", "ip", "zone", "endpoint", "ok", "phase", "reason", "detail", "connect_us", "tls_us",
               "request_us", "ttfb_us", "transfer_us", "total_us", "http_status", "sql_code", "cert_not_after", "path",
               "service", "state", "prev_state", "seq", "ws_us", "local_port", "tls_version", "tls_cipher", "cert_chain_not_after",
               "cert_not_before", "cert_subject", "cert_issuer", "cert_names", "cert_fingerprint_sha256", "cert_serial",
               "tls_group", "large_hello"}
PHASES = ("connect_us", "tls_us", "request_us", "ttfb_us", "transfer_us")
METRICS = ("postern_build_info", "postern_dns_queries_total", "postern_plan_generation", "postern_endpoint_up",
           "postern_endpoint_state", "postern_probe_attempts_total", "postern_probe_phase_duration_seconds",
           "postern_tls_not_after_timestamp_seconds", "postern_discovery_last_success_timestamp_seconds",
           "postern_discovery_requests_total", "postern_discovery_changes_total", "postern_discovery_poll_age_seconds", "postern_dns_private_answers",
           "postern_dns_upstream_requests_total", "process_resident_memory_bytes", "process_cpu_seconds_total")


class Service(SharedHostTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        for address in (ZONE_A, ZONE_B):
            cls.host.wait_probe(address, lambda record: record["ok"] and record["state"] == "up", "state up")
        for name in (NAME, "www.name.test", "nowhere.name.test"):
            cls.host.dig(name, "A")

    def test_livez(self):
        status, body = self.host.http("/livez")
        self.assertEqual((status, body.strip()), (200, "ok"))
        self.assertIn("[+]", self.host.http("/livez?verbose")[1])

    def test_readyz(self):
        self.assertEqual(self.host.http("/readyz")[0], 200)
        status, body = self.host.http("/readyz?verbose")
        self.assertEqual(status, 200)
        names = re.findall(r"^\[\+\](\S+) ok", body, re.MULTILINE)
        self.assertGreaterEqual(len(names), 3, body)  # plan accepted, discovery, first sweep
        self.assertEqual(self.host.http(f"/readyz?verbose&exclude={names[0]}")[0], 200)

    def test_health_document(self):
        code, status, body = self.host.curl(f"http://{HTTP}/health", "-i")
        self.assertEqual((code, status), (0, 200))
        self.assertIn("application/health+json", body)
        document = json.loads(body.replace("\r", "").partition("\n\n")[2])
        self.assertEqual(document["status"], "pass")
        for measurement in ("tcp", "tls", "sql", "responseTime"):
            entries = document["checks"][f"{LINK}:{measurement}"]
            self.assertEqual(len(entries), 2, entries)
            self.assertEqual({entry["status"] for entry in entries}, {"pass"})
            for address in (ZONE_A, ZONE_B):
                self.assertIn(address, json.dumps(entries))

    def test_metrics_are_prometheus_text(self):
        code, status, body = self.host.curl(f"http://{HTTP}/metrics", "-i")
        self.assertEqual((code, status), (0, 200))
        head, _, text = body.replace("\r", "").partition("\n\n")
        self.assertIn("text/plain; version=0.0.4", head)
        typed, seen = set(), set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                self.assertNotIn(line.split()[2], typed, "a TYPE twice")
                typed.add(line.split()[2])
            elif line and not line.startswith("#"):
                found = re.fullmatch(r'([a-zA-Z_:][\w:]*)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)', line)
                self.assertIsNotNone(found, line)
                float(found[3])
                self.assertNotIn((found[1], found[2]), seen, "a series twice")
                seen.add((found[1], found[2]))
                family = re.sub(r"_(bucket|sum|count)$", "", found[1])
                self.assertTrue({found[1], family} & typed, f"{found[1]} has no TYPE")
        names = {name for name, _ in seen}
        for name in METRICS:
            self.assertTrue(name in names or name + "_count" in names, f"no {name}")
        for name in names:
            self.assertTrue(name.startswith(("postern_", "process_")), name)

    def test_metrics_have_the_contract_s_labels(self):
        text = self.host.http("/metrics")[1]
        for address, zone in ((ZONE_A, "cn-hangzhou-h"), (ZONE_B, "cn-hangzhou-i")):
            line = next(line for line in text.splitlines() if line.startswith("postern_endpoint_up{") and address in line)
            for label in (f'link="{LINK}"', f'ip="{address}"', f'zone="{zone}"'):
                self.assertIn(label, line)
            self.assertTrue(line.endswith(" 1"), line)
        generations = dict(re.findall(r'postern_plan_generation\{which="(\w+)"\} (\S+)', text))
        self.assertEqual(set(generations), {"published", "accepted"})
        for label in ("source=", "rcode=", "proto="):
            self.assertRegex(text, r"postern_dns_queries_total\{[^}]*" + label)
        for phase in ("connect", "tls", "request", "ttfb", "transfer"):
            self.assertRegex(text, rf'postern_probe_phase_duration_seconds_count\{{[^}}]*phase="{phase}"')

    def test_dns_queries_are_counted(self):
        def total():
            return sum(float(value) for value in
                       re.findall(r"^postern_dns_queries_total\{[^}]*\} (\S+)$", self.host.http("/metrics")[1], re.M))
        before = total()
        for _ in range(7):
            self.host.dig(NAME, "A")
        self.host.wait(lambda: total() >= before + 7, "seven more queries in the metrics")

    def test_status(self):
        status, document = self.host.http_json("/api/v1/status")
        self.assertEqual(status, 200)
        self.assertEqual(document["schema_version"], 1)
        text = json.dumps(document)
        for word in (LINK, NAME, ZONE_A, ZONE_B, "cn-hangzhou-h"):
            self.assertIn(word, text)

    def test_probe_records(self):
        records = self.host.probes()
        self.assertGreaterEqual(len(records), 2)
        self.assertEqual([record["ts"] for record in records], sorted((r["ts"] for r in records), reverse=True))
        good = next(record for record in records if record["ok"])
        self.assertEqual(set(good) & RECORD_KEYS, RECORD_KEYS)
        self.assertRegex(good["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual((good["link"], good["host"], good["http_status"], good["sql_code"], good["path"], good["service"]),
                         (LINK, NAME, 200, 0, "up", "up"))
        for record in records:
            if record["ok"]:
                self.assertLessEqual(abs(sum(record[phase] for phase in PHASES) - record["total_us"]),
                                     max(20, record["total_us"] / 100))
                self.assertTrue(all(record[phase] >= 0 for phase in PHASES))

    def test_probe_records_can_be_filtered(self):
        self.assertEqual({record["ip"] for record in self.host.probes(f"?ip={ZONE_A}")}, {ZONE_A})
        self.assertEqual(len(self.host.probes("?limit=1")), 1)
        self.assertEqual(self.host.probes("?link=no-such-link"), [])

    def test_unknown_pages_and_methods(self):
        self.assertEqual(self.host.http("/nowhere")[0], 404)
        self.assertEqual(self.host.http("/health", "-X", "POST", "-d", "x")[0], 405)

    def test_host_header_is_checked(self):
        for good in (HTTP, "localhost:9853", "localhost", "127.0.0.1"):
            self.assertEqual(self.host.http("/health", "-H", f"Host: {good}")[0], 200, good)
        for bad in ("evil.example", "evil.example:9853", "127.0.0.1.evil.example", ""):
            self.assertGreaterEqual(self.host.http("/health", "-H", f"Host: {bad}")[0], 400, bad)

    def test_big_and_broken_requests_do_no_harm(self):
        self.host.http("/" + "x" * 20000)
        self.host.http("/health", "-H", "X-Big: " + "y" * 50000)
        self.host.http("/api/v1/probes?limit=-1&since=nonsense&ip=%00")
        self.host.http("/api/v1/probes?limit=99999999999999999999")
        self.assertEqual(self.host.http("/livez")[0], 200)


class Probe(HostTest):
    def value(self, text, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])

    def test_a_fresh_probe_changes_nothing(self):
        self.host.start(link={"probe": {"interval": "60s", "fast_interval": "30s"}})
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["state"] == "up", "state up")
        before = self.host.probes()
        status, text = self.host.http(f"/probe?target={LINK}&address={ZONE_A}")
        self.assertEqual(status, 200)
        self.assertEqual(self.value(text, "probe_success"), 1)
        self.assertGreater(self.value(text, 'probe_http_duration_seconds{phase="tls"}'), 0)
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        for _ in range(4):  # more often than `fall`
            text = self.host.http(f"/probe?target={LINK}&address={ZONE_A}")[1]
            self.assertEqual(self.value(text, "probe_success"), 0)
            self.assertIn('reason="tcp_refused"', text)
        self.assertEqual(self.host.probes(), before)  # no record, no verdict, no steering
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        text = self.host.http(f"/probe?target={LINK}")[1]
        self.assertEqual(self.value(text, "probe_success"), 1)  # policy any
        self.assertEqual(self.value(text, f'postern_probe_address_success{{ip="{ZONE_A}",zone="cn-hangzhou-h"}}'), 0)

    def test_what_is_refused(self):
        self.host.start()
        for query, word in (("", "target=LINK"), ("?target=no-such", LINK), (f"?target={LINK}&address=10.9.9.9", ZONE_A),
                            (f"?target={LINK}&address=nonsense", "an IP address")):
            status, text = self.host.http(f"/probe{query}")
            self.assertEqual(status, 400, text)
            self.assertIn(word, text)
        self.assertEqual(self.host.http(f"/probe?target={LINK}", "-H", "Host: evil.example")[0], 421)
        self.assertEqual(self.host.http(f"/probe?target={LINK}", "-X", "POST", "-d", "")[0], 405)

    def test_the_scraper_s_patience_and_many_at_once(self):
        # The schedule waits ten seconds for an answer; Prometheus does not.
        self.host.start(link={"probe": {"timeout": "10s", "connect_timeout": "10s", "interval": "30s"}})
        self.host.gateways.control.post("/listeners/zone-a", mode="accept_then_hang")
        url = f"/probe?target={LINK}&address={ZONE_A}"
        text = self.host.http(url, "-H", "X-Prometheus-Scrape-Timeout-Seconds: 1")[1]
        self.assertEqual(self.value(text, "probe_success"), 0)
        self.assertIn('reason="tls_timeout"', text)
        self.assertLess(self.value(text, "probe_duration_seconds"), 1)
        self.assertEqual(self.host.http(url, "-H", "X-Prometheus-Scrape-Timeout-Seconds: x")[0], 400)
        # Twenty that hang: some run, the others get Retry-After, and the agent keeps working.
        waiting = []
        try:
            for _ in range(20):
                waiting.append(socket.create_connection(("127.0.0.1", 9853)))
                waiting[-1].sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self.host.wait(lambda: self.host.http(url)[0] == 429, "429")
            reply = self.host.curl(f"http://{HTTP}{url}", "-i")[2]
            self.assertRegex(reply, r"(?m)^Retry-After: [1-9]\d*\r?$")
            self.assertEqual(self.host.http("/livez")[0], 200)
        finally:
            for own in waiting:
                own.close()


class Stream(HostTest):
    """Server-Sent Events with a plain socket, as a browser would get them."""

    def open(self, last_id=None):
        connection = http.client.HTTPConnection("127.0.0.1", 9853, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v1/stream", headers={} if last_id is None else {"Last-Event-ID": last_id})
        return connection, connection.getresponse()

    @staticmethod
    def next(reply):
        """The next event as a dict; comments and retry are skipped."""
        event = {}
        while True:
            line = reply.readline().decode()
            if not line:
                raise AssertionError("the stream ended")
            name, _, value = line.rstrip("\n").partition(": ")
            if name in ("id", "event", "data"):
                event[name] = value
            elif not name and "event" in event:
                return event

    def next_of(self, reply, kind):
        while True:
            event = self.next(reply)
            if event["event"] == kind:
                return event

    def test_status_and_records(self):
        self.host.start()
        _, reply = self.open()
        self.assertEqual((reply.status, reply.getheader("Content-Type")), (200, "text/event-stream"))
        status = json.loads(self.next(reply)["data"])
        self.assertEqual(status["schema_version"], 1)
        event = self.next_of(reply, "probe")
        record = json.loads(event["data"])
        self.assertEqual(set(record) & RECORD_KEYS, RECORD_KEYS)
        self.assertTrue(event["id"].endswith(f"-{record['seq']}"), event["id"])
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        while json.loads(self.next_of(reply, "status")["data"])["overall"] != "degraded":
            pass

    def test_a_client_that_comes_back_misses_nothing(self):
        self.host.start()
        connection, reply = self.open()
        first = self.next_of(reply, "probe")
        connection.close()
        seq = json.loads(first["data"])["seq"]
        self.host.wait(lambda: self.host.probes("?limit=1")[0]["seq"] >= seq + 3, "three more records")
        _, reply = self.open(first["id"])
        self.assertEqual([json.loads(self.next_of(reply, "probe")["data"])["seq"] for _ in range(3)],
                         [seq + 1, seq + 2, seq + 3])

    def test_so_many_listen_and_no_more(self):
        self.host.start()
        listening = [self.open() for _ in range(16)]
        for _, reply in listening:
            self.assertEqual(reply.status, 200)
        connection, refused = self.open()
        self.assertEqual(refused.status, 503)
        self.assertIsNotNone(refused.getheader("Retry-After"))
        connection.close()
        for path in ("/livez", "/metrics", f"/probe?target={LINK}"):
            self.assertEqual(self.host.http(path)[0], 200, path)
        listening[0][0].sock and listening[0][0].close()
        listening[0][1].close()
        self.host.wait(lambda: self.host.run("curl", "-sS", "-m", "1", "-o", f"{self.host.folder}/stream", "-w", "%{http_code}",
                                             f"http://{HTTP}/api/v1/stream").stdout == "200", "room for one more")

    def test_a_client_that_never_reads_costs_nobody_anything(self):
        self.host.start()
        deaf = socket.socket()
        self.addCleanup(deaf.close)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(("127.0.0.1", 9853))
        deaf.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _, reply = self.open()
        for _ in range(3):
            self.next_of(reply, "probe")
        self.assertEqual(self.host.http("/livez")[0], 200)

    def test_who_may_listen(self):
        self.host.start()
        self.assertEqual(self.host.http("/api/v1/stream", "-H", "Host: evil.example")[0], 421)
        self.assertEqual(self.host.http("/api/v1/stream", "-X", "POST", "-d", "")[0], 405)
        self.host.write_config(http={"allow": ["127.0.0.77/32"]})
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: self.host.http("/api/v1/stream")[0] == 403, "403 for a client outside")

    def test_the_agent_ends_while_clients_listen_and_wait(self):
        self.host.start(link={"probe": {"timeout": "10s"}})
        self.host.gateways.control.post("/listeners/zone-a", mode="accept_then_hang")
        _, reply = self.open()
        self.next(reply)
        waiting = socket.create_connection(("127.0.0.1", 9853))
        self.addCleanup(waiting.close)
        waiting.sendall(f"GET /probe?target={LINK} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.assertEqual(self.host.stop_agent(), 0)
        self.assertEqual(waiting.recv(100), b"")


class NotReady(HostTest):
    def test_readyz_names_what_is_missing(self):
        self.host.start_upstream()
        self.host.start_aliyun()
        self.host.aliyun.control.post("/listeners/api", open=False)
        self.host.start_postern(wait_ready=False)
        self.host.wait(lambda: self.host.http("/livez")[0] == 200, "/livez")
        status, body = self.host.http("/readyz?verbose")
        self.assertEqual(status, 503)
        self.assertRegex(body, r"\[-\]\S*discover")

    def test_allow_hosts_adds_names(self):
        self.host.start(http={"allow_hosts": ["status.name.test"]})
        self.assertEqual(self.host.http("/health", "-H", "Host: status.name.test")[0], 200)
        self.assertGreaterEqual(self.host.http("/health", "-H", "Host: other.name.test")[0], 400)

    def test_clients_outside_allow(self):
        self.host.start_world()
        self.host.start_postern(wait_ready=False, http={"allow": ["127.0.0.77/32"]})
        self.host.wait(lambda: self.host.http("/livez", "--interface", "127.0.0.77")[0] == 200, "/livez for the allowed")
        for path in ("/livez", "/health", "/metrics"):
            self.assertIn(self.host.http(path)[0], (0, 403), path)  # cut off, or refused


if __name__ == "__main__":
    unittest.main()
