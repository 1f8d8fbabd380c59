# SPDX-License-Identifier: Apache-2.0
"""postern doctor as in a pod: a resolv.conf that a kubelet would write, a cluster's DNS, no agent."""

import os
import subprocess
import unittest

import doctor_kit
from host import NAME, UPSTREAMS, ZONE_A, ZONE_B, HostTest
from launch import StandIn

CLUSTER = UPSTREAMS["first"]
SEARCH = "search shop.svc.cluster.local svc.cluster.local cluster.local\n"
LINK_LOCAL = "169.254.20.10"  # NodeLocal DNSCache's
RESOLV_CONF = "/etc/resolv.conf"


class Pod(HostTest):
    def setUp(self):
        super().setUp()
        with open(RESOLV_CONF, encoding="utf-8") as file:
            before = file.read()
        self.addCleanup(self.resolv_conf, before)
        self.host.start_upstream()
        self.host.start_gateways()

    @staticmethod
    def resolv_conf(text):
        with open(RESOLV_CONF, "w", encoding="utf-8") as file:
            file.write(text)

    def cluster_knows(self, *addresses):
        self.host.upstream.control.put(f"/records/{NAME}", A=list(addresses))

    def doctor(self, *arguments, environment=None):
        return doctor_kit.run(self.host, *arguments, "--host", NAME, "--address", ZONE_A, "--address", ZONE_B, "--ca-file", self.host.ca,
                              "--token-file", self.host.token_file, config=False, environment=environment)

    def test_a_pod_whose_cluster_dns_leads_to_the_endpoint(self):
        self.resolv_conf(f"nameserver {CLUSTER}\n{SEARCH}options ndots:1\n")
        self.cluster_knows(ZONE_A, ZONE_B)
        report = self.doctor("--pod")
        self.assertEqual((report.codes("FAIL"), report.codes("WARN")), (set(), set()), report.text)
        self.assertEqual(report.because("stub"), {"pod"})
        self.assertEqual(report.code, 0)

    def test_five_dots_are_asked_with_the_search_list_first(self):
        self.resolv_conf(f"nameserver {CLUSTER}\n{SEARCH}options ndots:5\n")
        self.cluster_knows(ZONE_A, ZONE_B)
        report = self.doctor("--pod")
        self.assertEqual((report.codes("FAIL"), report.codes("WARN"), report.code), (set(), set(), 0), report.text)
        self.assertIn("ndots:5 and 3 search domains", report.text)
        self.host.upstream.control.put(f"/records/{NAME}.svc.cluster.local", A=["192.0.2.10"])
        report = self.doctor("--pod")
        self.assertEqual((report.codes("FAIL"), report.code), ({"PN-K8S-SEARCH"}, 2), report.text)
        self.assertIn("svc.cluster.local", report.of("PN-K8S-SEARCH")["fix"])

    def test_a_cluster_dns_that_goes_past_postern(self):
        self.resolv_conf(f"nameserver {CLUSTER}\n{SEARCH}options ndots:1\n")
        for answers in ((), ("192.0.2.10",)):
            if answers:
                self.cluster_knows(*answers)
            report = self.doctor("--pod")
            self.assertEqual(report.codes("FAIL"), {"PN-K8S-COREDNS"}, report.text)
            self.assertIn("postern k8s corefile", report.of("PN-K8S-COREDNS")["fix"])

    def test_the_nodes_own_servers(self):
        self.resolv_conf(f"nameserver {CLUSTER}\n")
        self.assertEqual(self.doctor("--pod").codes("FAIL"), {"PN-K8S-NODE-DNS"})

    def test_a_loopback_server_of_the_node(self):
        self.resolv_conf("nameserver 127.0.0.99\n")
        self.assertEqual(self.doctor("--pod").codes("FAIL"), {"PN-K8S-LOOPBACK"})

    def test_node_local_dns_cache(self):
        subprocess.run(["ip", "address", "replace", f"{LINK_LOCAL}/32", "dev", "lo"], check=True, timeout=30)
        os.environ["STANDIN_NETWORK"] = "169.254.20.0/24"  # only in this namespace, which leads nowhere
        self.addCleanup(os.environ.pop, "STANDIN_NETWORK")
        zone = self.host.write_file("node.json", '{"records": {}, "soa_owner": "test"}')
        cache = StandIn("dnsup.py", "--zone", zone, "--listen", f"{LINK_LOCAL}:53=node", folder=self.host.folder)
        self.addCleanup(cache.stop)
        self.resolv_conf(f"nameserver {LINK_LOCAL}\n{SEARCH}options ndots:1\n")
        self.assertEqual(self.doctor("--pod").codes("FAIL"), {"PN-K8S-NODELOCAL"})

    def test_a_network_that_keeps_the_pod_in(self):
        self.resolv_conf(f"nameserver {CLUSTER}\n{SEARCH}options ndots:1\n")
        self.cluster_knows("10.98.0.2")
        report = doctor_kit.run(self.host, "--pod", "--host", NAME, "--address", "10.98.0.2", config=False)
        self.assertEqual(report.codes("WARN"), {"PN-K8S-EGRESS"}, report.text)  # no route leads out of here

    def test_a_pod_is_seen_by_what_the_kubelet_sets(self):
        self.resolv_conf(f"nameserver {CLUSTER}\n{SEARCH}options ndots:1\n")
        self.host.write_config()
        report = doctor_kit.run(self.host, environment={"KUBERNETES_SERVICE_HOST": "10.96.0.1"})
        self.assertEqual(report.because("agent"), {"pod"}, report.text)
        self.assertIn("PN-K8S-COREDNS", report.codes("FAIL"))
        chinese = doctor_kit.call(self.host, "--pod", "--lang", "zh")
        self.assertIn("集群 DNS", chinese.stdout)


if __name__ == "__main__":
    unittest.main()
