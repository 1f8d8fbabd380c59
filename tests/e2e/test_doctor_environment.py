# SPDX-License-Identifier: Apache-2.0
"""postern doctor and faults of the environment: silence, lost packets, proxies, caches, containers, Tailscale."""

import shutil
import socket
import subprocess
import threading
import unittest

from doctor_kit import LETS_IN, DoctorTest, Expectations, drop, start_world
from endpoint_kit import GROUP
from host import ENDPOINT, NAME, SPARE_ADDRESS, ZONE_A, ZONES, HostTest

PROXY = "http://user:5ecretPassw0rd@127.0.0.9:3128"


class Silence(HostTest, Expectations):
    """A gateway that drops all packets, or only large ones."""

    def listen(self):
        listener = socket.create_server((SPARE_ADDRESS, 443))
        self.addCleanup(listener.close)
        drop(listener)

    def start(self, rules):
        zones = [{"ZoneId": zone, "EniIp": address} for zone, address in (("cn-hangzhou-h", ZONE_A), ("cn-hangzhou-i", SPARE_ADDRESS))]
        self.host.start_upstream()
        self.host.start_aliyun(endpoints={ENDPOINT: {"Zones": zones, "SecurityGroups": [] if rules is None else [GROUP]}},
                               security_groups={GROUP: {"rules": rules or []}})
        self.host.start_gateways({"zone-a": ZONE_A})
        self.host.start_postern()
        self.host.wait(lambda: self.host.last_probe(SPARE_ADDRESS), "a probe of it")

    def test_rules_allow_and_packets_do_not_come_through(self):
        self.listen()
        self.start([LETS_IN])
        report = self.doctor(fails={"PN-TCP-BLOCKED"})
        fix = report.of("PN-TCP-BLOCKED")["fix"]
        suspects = [fix.index(word) for word in ("egress", "ACL", "firewall", "routes", "zone")]
        self.assertEqual(suspects, sorted(suspects))

    def test_rules_do_not_allow(self):
        self.listen()
        self.start([])
        report = self.doctor(fails={"PN-SECURITY-GROUP-443"})
        self.assertEqual(report.because("tls"), {"PN-SECURITY-GROUP-443"})

    def test_nobody_knows_the_rules(self):
        self.listen()
        self.start(None)
        self.doctor(fails={"PN-TCP-TIMEOUT"})


class BlackHole:
    """A path to a gateway on which large packets are lost: a client that has not announced small segments gets no reply."""

    LARGEST = 1000

    def __init__(self, address, to):
        self._to = to
        self._listener = socket.create_server((address, 443))
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= self.LARGEST:
                gateway = socket.create_connection((self._to, 443))
                self._open.append(gateway)
                for one, other in ((client, gateway), (gateway, client)):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        for own in (self._listener, *self._open):
            own.close()


class LostPackets(HostTest, Expectations):
    def test_small_ones_go_through(self):
        start_world(self.host)
        self.host.gateways.control.post("/listeners/spare", mode="refuse")
        hole = BlackHole(SPARE_ADDRESS, ZONE_A)
        self.addCleanup(hole.close)
        self.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A, SPARE_ADDRESS]})
        self.host.wait(lambda: self.host.last_probe(SPARE_ADDRESS), "a probe of it")
        report = self.doctor(fails={"PN-TLS-MTU"})
        self.assertEqual(report.of("PN-TLS-MTU")["ip"], SPARE_ADDRESS)
        self.assertEqual(report.of("PN-TLS-MTU")["evidence"]["handshake_with_mss_536"], "ok")


class Tailscale(HostTest, Expectations):
    def test_drops_the_cloud_s_dns(self):
        """Its interface, and an upstream of the cloud's range that does not answer."""
        for undo, *command in ((["link", "del", "tailscale0"], "tuntap", "add", "tailscale0", "mode", "tun"),
                               (["addr", "del", "100.100.2.136/32", "dev", "lo"], "addr", "add", "100.100.2.136/32", "dev", "lo")):
            subprocess.run(["ip", *command], check=True, timeout=60)
            self.addCleanup(subprocess.run, ["ip", *undo], check=False, timeout=60)
        start_world(self.host)
        self.host.start_postern(aliyun=None, dns={"upstreams": ["100.100.2.136"]},
                                link={"endpoint": None, "addresses": list(ZONES.values())})
        self.host.wait_addresses(*ZONES.values())
        self.doctor(fails={"PN-STUB-FORWARD"}, warns={"PN-ENV-TAILSCALE"})


class Environment(DoctorTest):
    def test_a_proxy_that_takes_the_name_away(self):
        report = self.doctor(warns={"PN-ENV-PROXY"}, environment={"http_proxy": PROXY})
        self.assertNotIn("5ecretPassw0rd", report.text)
        self.assertEqual(report.of("PN-ENV-PROXY")["found"], "http_proxy=http://127.0.0.9:3128")

    def test_a_proxy_that_leaves_it_out(self):
        for no_proxy in (NAME, ".name.test", "*"):
            self.doctor(environment={"http_proxy": PROXY, "NO_PROXY": no_proxy})

    def test_a_proxy_and_an_old_line_of_hosts_are_two(self):
        self.file("/etc/hosts", f"127.0.0.1 localhost\n{SPARE_ADDRESS} {NAME}\n")
        self.doctor(fails={"PN-HOSTS-SHADOW"}, warns={"PN-ENV-PROXY"}, environment={"http_proxy": PROXY})

    def program(self, name, of):
        """A copy of a program under another name."""
        path = f"{self.host.folder}/{name}"
        shutil.copy(of, path)
        return path

    def test_nscd(self):
        self.doctor(warns={"PN-ENV-NSCD"}, beside=f"{self.program('nscd', '/bin/sleep')} 1000 &")

    def test_java_that_keeps_addresses(self):
        java = self.program("java", "/bin/sh")
        for setting, warns in (("-Dsun.net.inetaddr.ttl=-1", {"PN-ENV-JVM"}), ("-Dsun.net.inetaddr.ttl=10", set())):
            # a shell of that name waits for a line; the setting is one of its arguments
            report = self.doctor(warns=warns, beside=f"rm -f wait; mkfifo wait; {java} -c 'read line <wait' java {setting} &")
            if warns:
                self.assertEqual(report.of("PN-ENV-JVM")["found"], setting)

    def test_java_in_a_container_is_not_the_host_s(self):
        java = self.program("java", "/bin/sh")
        self.doctor(beside=f"rm -f wait; mkfifo wait; unshare --pid --fork {java} -c 'read line <wait' java -Dsun.net.inetaddr.ttl=-1 &")

    def container(self, resolv_conf, *more, **expected):
        """doctor beside a process with its own resolv.conf, processes and (if given) network."""
        path = self.host.write_file("container.conf", resolv_conf)
        script = 'mount --bind "$0" /etc/resolv.conf && touch "$1" && exec sleep 1000'
        beside = (f"unshare --mount --pid --fork {' '.join(more)} sh -c '{script}' {path} ready &\n"
                  "until [ -e ready ]; do sleep 0.02; done; rm ready")
        return self.doctor(beside=beside, **expected)

    def test_a_container_that_asks_somebody_else(self):
        report = self.container("nameserver 8.8.8.8\n", "--net", warns={"PN-ENV-CONTAINER"})
        self.assertIn("8.8.8.8", report.of("PN-ENV-CONTAINER")["found"])

    def test_a_container_in_its_own_network_does_not_reach_our_loopback(self):
        self.container("nameserver 127.0.0.153\n", "--net", warns={"PN-ENV-CONTAINER"})

    def test_a_container_in_the_host_s_network(self):
        self.container("nameserver 127.0.0.153\n")

    def test_docker_s_resolver_that_asks_us(self):
        self.container("nameserver 127.0.0.11\n# ExtServers: [host(127.0.0.153)]\n", "--net")


if __name__ == "__main__":
    unittest.main()
