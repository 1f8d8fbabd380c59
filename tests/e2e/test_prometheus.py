# SPDX-License-Identifier: Apache-2.0
"""postern as a real Prometheus sees it: the packaged jobs and rules, blackbox_exporter's dashboards, promtool's lint."""

import json
import os
import re
import subprocess
import unittest

# first: it enters the namespaces
from host import CLOUD_NAMES, GATEWAYS, HTTP, LINK, NAME, SIBLING, ZONE_A, ZONE_B, ZONES, HostTest, SharedHostTest

import pki
import prometheus

GRAFANA = os.path.join(os.path.dirname(prometheus.PACKAGED), "grafana", "postern.json")
PUBLIC_ADDRESS = "127.0.0.9"

# One job more than the packaged ones: an address each, as a multi-zone user would have it.
ADDRESSES = f"""
  - job_name: postern-address
    metrics_path: /probe
    scrape_interval: 2s
    scrape_timeout: 2s
    params: {{target: ["{LINK}"]}}
    static_configs:
      - targets: ["{ZONE_A}", "{ZONE_B}"]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_address}}
      - {{source_labels: [__address__], target_label: instance}}
      - {{target_label: __address__, replacement: "{HTTP}"}}
"""
OF_JOB = 'job=~"postern-probe", instance=~".*"'
# What the panels and variables of blackbox_exporter's dashboards (Grafana 14928 and its kin) ask for.
DASHBOARD = (
    "probe_success",
    f"count(probe_success{{{OF_JOB}}})",
    f"count(probe_success{{{OF_JOB}}} == 1)",
    f"avg(avg_over_time(probe_success{{{OF_JOB}}}[1m]))",
    f"probe_duration_seconds{{{OF_JOB}}}",
    f"avg_over_time(probe_duration_seconds{{{OF_JOB}}}[1m])",
    f"avg by (phase) (probe_http_duration_seconds{{{OF_JOB}}})",
    f"sum by (instance) (probe_http_duration_seconds{{{OF_JOB}}})",
    f"probe_dns_lookup_time_seconds{{{OF_JOB}}}",
    f"avg(probe_dns_lookup_time_seconds{{{OF_JOB}}})",
    f"probe_http_status_code{{{OF_JOB}}}",
    f'count_values("value", probe_http_status_code{{{OF_JOB}}})',
    f'count_values("http_version", probe_http_version{{{OF_JOB}}})',
    f"probe_http_ssl{{{OF_JOB}}}",
    f"probe_http_redirects{{{OF_JOB}}}",
    f"probe_http_content_length{{{OF_JOB}}}",
    f"probe_ip_protocol{{{OF_JOB}}}",
    f"(probe_ssl_earliest_cert_expiry{{{OF_JOB}}} - time()) / 3600 / 24",
    f"min by (instance) (probe_ssl_last_chain_expiry_timestamp_seconds{{{OF_JOB}}}) - time()",
    f"probe_ssl_last_chain_info{{{OF_JOB}}}",
    f"count by (version) (probe_tls_version_info{{{OF_JOB}}})",
    f"probe_tls_cipher_info{{{OF_JOB}}}",
    f"avg(scrape_duration_seconds{{{OF_JOB}}})",
)
OWN = (
    "sum by (link) (rate(postern_probe_attempts_total[1m]))",
    "histogram_quantile(0.95, sum by (link, ip, phase, le) (rate(postern_probe_phase_duration_seconds_bucket[1m])))",
    "postern_tls_not_after_timestamp_seconds - time()",
    "postern_plan_generation",
    "histogram_quantile(0.99, sum by (le) (rate(postern_dns_request_duration_seconds_bucket[1m])))",
    "link:postern_slo_errors:ratio_5m",
    "link:postern_slo_burn:ratio_1h",
)


def start(test_or_class, host):
    if prometheus.missing():
        raise unittest.SkipTest(f"{prometheus.missing()} is not installed")
    server = prometheus.Prometheus(host, ADDRESSES)
    add = getattr(test_or_class, "addClassCleanup", None) if isinstance(test_or_class, type) else test_or_class.addCleanup
    add(server.stop)
    return server


class Scraped(SharedHostTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.server = start(cls, cls.host)
        # Two scrapes of everything, so that rates have something to say.
        cls.server.wait("count_over_time(up[1m]) > 1", lambda result: len(result) == 4, "every target twice")

    def test_every_target_is_up(self):
        up = self.server.query("up")
        self.assertEqual({value for _, value in up}, {1.0}, up)
        self.assertEqual({labels["instance"] for labels, _ in up}, {HTTP, LINK, ZONE_A, ZONE_B})

    def test_nothing_was_refused_or_dropped(self):
        for target in self.server.api("targets")["activeTargets"]:
            self.assertEqual((target["health"], target["lastError"]), ("up", ""), target)
        self.assertNotRegex(self.server.log(), "out of order|duplicate|append failed")

    def test_dashboards_of_blackbox_exporter_have_data(self):
        for expression in DASHBOARD:
            with self.subTest(expression=expression):
                self.assertTrue(self.server.query(expression))

    def test_what_the_dashboards_show_is_true(self):
        def one(expression):
            ((labels, value),) = self.server.query(expression)
            return labels, value
        of_link = f'{{job="postern-probe", instance="{LINK}"}}'
        self.assertEqual(one(f"probe_success{of_link}")[1], 1)
        self.assertEqual(one(f"probe_http_status_code{of_link}")[1], 200)
        self.assertEqual(one(f"probe_http_version{of_link}")[1], 1.1)
        self.assertEqual(one(f"probe_tls_version_info{of_link}")[0]["version"], "TLS 1.3")
        self.assertGreater(one(f"probe_ssl_earliest_cert_expiry{of_link} - time()")[1], 0)
        phases = {labels["phase"]: value for labels, value in self.server.query(f"probe_http_duration_seconds{of_link}")}
        self.assertEqual(set(phases), {"resolve", "connect", "tls", "processing", "transfer"})
        # Of one and the same scrape: the phases explain the whole.
        ((_, rest),) = self.server.query(f"probe_duration_seconds{of_link} - on (instance) "
                                         f"sum by (instance) (probe_http_duration_seconds{of_link})")
        self.assertLess(abs(rest), 20e-6)

    def test_own_metrics_make_rates_and_quantiles(self):
        for expression in OWN:
            with self.subTest(expression=expression):
                self.server.wait(expression)

    def test_rules_are_evaluated_and_none_fires(self):
        def evaluated():
            rules = [rule for group in self.server.api("rules")["groups"] for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None
        rules = self.host.wait(evaluated, "all rules to be evaluated")
        self.assertGreater(len(rules), 15)
        for rule in rules:
            self.assertEqual(rule["health"], "ok", rule)
        self.assertEqual([alert for alert in self.server.api("alerts")["alerts"] if alert["state"] == "firing"], [])

    def test_promtool_has_nothing_to_say(self):
        for path in ("/metrics", f"/probe?target={LINK}"):
            status, body = self.host.http(path)
            self.assertEqual(status, 200, body)
            reply = subprocess.run(["promtool", "check", "metrics"], input=body, text=True, capture_output=True,
                                   timeout=60, check=False)
            complaints = [line for line in (reply.stdout + reply.stderr).splitlines()
                          # blackbox_exporter's own names and texts, kept for its dashboards
                          if not line.startswith("probe_")]
            self.assertEqual(complaints, [])


class Grafana(HostTest):
    """The packaged dashboard: what its panels, variables and annotations ask for is there, each with every choice of the
    variables. The host has all of their subjects: a failing zone, a public gateway to compare with, queries of every kind."""

    CHOICES = ({"job": ".*", "instance": ".*", "link": ".*"}, {"job": "postern", "instance": HTTP, "link": f"({LINK}|other)"})
    GIVEN = {"__rate_interval": "20s", "__range": "1m"}

    def setUp(self):
        super().setUp()
        with open(GRAFANA, encoding="utf-8") as file:
            self.dashboard = json.load(file)
        pki.make(self.host.pki, [NAME, *CLOUD_NAMES, SIBLING])
        self.host.start_upstream()
        self.host.upstream.control.call("PUT", f"/records/{SIBLING}", {"A": [PUBLIC_ADDRESS]})
        self.host.start_aliyun()
        self.host.start_gateways({**GATEWAYS, "public": PUBLIC_ADDRESS})
        self.host.start_postern(link={"compare": SIBLING, "probe": {"interval": "1s"}})
        self.host.wait_addresses(*ZONES.values())
        self.server = start(self, self.host)

    def fill(self, expression, choice):
        filled = re.sub(r"\$(\w+)", lambda m: {**self.GIVEN, **choice}[m[1]], expression)
        # As if an hour had passed; and what did not happen is no data to Grafana, but known to be nought.
        return re.sub(r" > 0$", "", filled.replace("[1h]", "[20s]"))

    def test_every_query_has_data(self):
        self.server.wait("postern_endpoint_up", lambda found: len(found) == 2, "both addresses up")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        for name in (NAME, "www.name.test", "nowhere.name.test"):
            self.host.dig(name, "A")
        asked = [(panel["title"], target["expr"]) for panel in self.dashboard["panels"] for target in panel.get("targets", [])]
        asked += [(entry["name"], entry["expr"]) for entry in self.dashboard["annotations"]["list"] if "expr" in entry]
        self.assertGreater(len(asked), 45)
        for title, expression in asked:
            for choice in self.CHOICES:
                with self.subTest(panel=title, expression=expression, choice=choice["job"]):
                    found = self.server.wait(self.fill(expression, choice))
                    self.assertTrue(all(value == value for _, value in found) or "quantile" in expression, found)

    def test_choices_that_the_variables_offer(self):
        for variable in self.dashboard["templating"]["list"]:
            if variable["type"] != "query":
                continue
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
            found = self.server.wait(self.fill(series, self.CHOICES[0]))
            self.assertIn(self.CHOICES[1][variable["name"]].strip("()").split("|")[0], {labels[label] for labels, _ in found})

    def test_what_it_shows_is_true(self):
        self.server.wait("postern_endpoint_up == 1", lambda found: len(found) == 2, "both addresses up")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")

        def of(title, number=0):
            panel = next(panel for panel in self.dashboard["panels"] if panel["title"] == title)
            return self.fill(panel["targets"][number]["expr"], self.CHOICES[0])
        self.server.wait(of("Addresses down"), lambda found: found[0][1] == 1, "one address down")
        states = self.server.wait(of("Addresses"), lambda found: {labels["ip"]: value for labels, value in found} ==
                                  {ZONE_A: 1, ZONE_B: 3}, "one address down, one up")
        self.assertEqual(len(states), 2)
        self.assertEqual(self.server.query(of("Links down")), [({}, 0.0)])
        failures = self.server.wait(of("Failures by reason"), lambda found: [v for _, v in found if v > 0], "failures")
        self.assertEqual([labels for labels, _ in failures], [{"link": LINK, "reason": "tcp_refused"}])
        # Some fail, not all: of one address of two, and the other's are good.
        self.server.wait(of("Probes that were good"), lambda found: 0.05 < found[0][1] < 0.95, "a share")
        self.server.wait(of("Addresses known, and answered", 1), lambda found: found[0][1] == 1, "one address answered")


class Failing(HostTest):
    def test_a_zone_that_dies_is_seen_as_such(self):
        self.host.start()
        self.host.wait_addresses(*ZONES.values())
        server = start(self, self.host)
        server.wait(f'probe_success{{job="postern-address", instance="{ZONE_A}"}} == 1')
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        server.wait(f'probe_success{{job="postern-address", instance="{ZONE_A}"}} == 0')
        ((labels, _),) = server.wait('postern_probe_failure_info{job="postern-address"} == 1')
        self.assertEqual((labels["ip"], labels["phase"], labels["reason"]), (ZONE_A, "connect", "tcp_refused"))
        server.wait(f'postern_endpoint_up{{ip="{ZONE_A}"}} == 0')
        server.wait(f'postern_probe_failures_total{{ip="{ZONE_A}", reason="tcp_refused"}} > 0')
        server.wait('ALERTS{alertname="PosternEndpointDown", alertstate="pending"}')
        # The link stays up: one of its addresses is enough, for the verdict and for /probe.
        self.assertEqual([value for _, value in server.query(f'probe_success{{instance="{LINK}"}}')], [1.0])
        self.assertEqual([value for _, value in server.query("postern_link_up")], [1.0])


if __name__ == "__main__":
    unittest.main()
