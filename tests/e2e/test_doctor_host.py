# SPDX-License-Identifier: Apache-2.0
"""postern doctor on hosts that are set up wrong: files, resolvers, daemons, the environment, and users without permissions."""

import os
import signal
import subprocess
import unittest

from doctor_kit import DoctorTest, Expectations, overwrite, run, start, start_world
from host import DNS, ENDPOINT, NAME, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest
from launch import StandIn

LOCALHOST = "127.0.0.1 localhost\n"
PUBLIC = "203.0.113.8"


class HostsFile(DoctorTest):
    def hosts(self, line):
        self.file("/etc/hosts", LOCALHOST + line + "\n")

    def test_a_wrong_line_wins_over_every_resolver(self):
        self.hosts(f"{SPARE_ADDRESS} {NAME}")
        report = self.doctor(fails={"PN-HOSTS-SHADOW"})
        self.assertEqual(report.because("system"), {"PN-HOSTS-SHADOW"})
        self.assertIn("line 2", report.of("PN-HOSTS-SHADOW")["cause"])

    def test_a_right_line_will_be_wrong(self):
        self.hosts(f"{ZONE_A} {NAME}")
        self.doctor(warns={"PN-HOSTS-FROZEN"})

    def test_the_columns_of_old_guides(self):
        self.hosts(f"{NAME} {ZONE_A}")
        self.doctor(warns={"PN-HOSTS-REVERSED"})

    def test_two_lines(self):
        self.hosts(f"{NAME} {ZONE_A}\n{PUBLIC} {NAME}")
        self.doctor(fails={"PN-HOSTS-SHADOW"}, warns={"PN-HOSTS-REVERSED"})

    def test_a_wrong_line_and_a_gateway_that_refuses_are_two(self):
        self.hosts(f"{SPARE_ADDRESS} {NAME}")
        self.gateways("zone-b", mode="refuse")
        self.doctor(fails={"PN-HOSTS-SHADOW", "PN-TCP-REFUSED"})


class ResolverFiles(DoctorTest):
    def test_resolv_conf_that_names_another(self):
        self.file("/etc/resolv.conf", "nameserver 127.0.0.53\n")
        report = self.doctor(fails={"PN-RESOLV-OFF"})
        self.assertEqual(report.because("system"), {"PN-RESOLV-OFF"})

    def test_the_name_is_public_elsewhere(self):
        records = self.host.upstream.control
        records.put(f"/records/{NAME}", A=[PUBLIC])
        self.addCleanup(records.delete, f"/records/{NAME}")
        self.file("/etc/resolv.conf", "nameserver 127.0.0.53\n")
        report = self.doctor(fails={"PN-RESOLV-OFF"})
        self.assertEqual(report.because("system"), {"PN-RESOLV-OFF"})

    def test_a_second_server_that_is_asked_too(self):
        self.file("/etc/resolv.conf", f"nameserver {DNS}\nnameserver 127.0.0.53\n")
        self.doctor(warns={"PN-RESOLV-SECOND"})

    def test_rotate(self):
        self.file("/etc/resolv.conf", f"nameserver {DNS}\nnameserver 127.0.0.53\noptions rotate\n")
        for _ in range(3):  # programs may be right or wrong
            report = run(self.host)
            self.assertEqual(report.codes("FAIL") | report.codes("WARN"), {"PN-RESOLV-ROTATE"})
        self.addCleanup(self.host.postern, "dns", "disable")
        self.repaired(report, "PN-RESOLV-ROTATE")

    def test_a_dead_server_before_ours(self):
        self.file("/etc/resolv.conf", "nameserver 127.0.0.99\noptions timeout:1 attempts:1\n")
        self.doctor(fails={"PN-RESOLV-OFF"})

    def test_nsswitch_without_dns(self):
        self.file("/etc/nsswitch.conf", "hosts: files\n")
        report = self.doctor(fails={"PN-RESOLV-NSSWITCH"})
        self.assertEqual(report.because("system"), {"PN-RESOLV-NSSWITCH"})

    def test_nsswitch_and_a_refused_token_are_two(self):
        self.file("/etc/nsswitch.conf", "hosts: files\n")
        self.gateways(mode="status", status=401)
        self.doctor(fails={"PN-RESOLV-NSSWITCH", "PN-HTTP-401"})


class Takeover(HostTest, Expectations):
    def test_all_is_well_and_then_somebody_rewrites_resolv_conf(self):
        path = "/etc/resolv.conf"
        with open(path, encoding="utf-8") as file:
            self.addCleanup(overwrite, path, file.read())
        start(self.host)
        enabled = self.host.postern("dns", "enable", "--mode", "full")
        self.assertEqual(enabled.returncode, 0, enabled.stderr)
        self.doctor()
        overwrite(path, "nameserver 127.0.0.53\n")
        report = self.doctor(fails={"PN-RESOLV-CHANGED"})
        self.assertEqual(report.because("system"), {"PN-RESOLV-CHANGED"})
        self.repaired(report, "PN-RESOLV-CHANGED")


class Upstreams(DoctorTest):
    def test_that_fail(self):
        servers = self.host.upstream.control
        servers.post("/servers", mode="servfail")
        self.addCleanup(servers.post, "/servers", mode="ok")
        self.doctor(fails={"PN-STUB-FORWARD"})

    def test_that_are_silent(self):
        servers = self.host.upstream.control
        servers.post("/servers", mode="silent")
        self.addCleanup(servers.post, "/servers", mode="ok")
        self.doctor(fails={"PN-STUB-FORWARD"})


class Configurations(DoctorTest):
    """Of another file than the agent's: the agent is not affected."""

    def other(self, fails=(), warns=(), **changes):
        return self.doctor("--config", self.config(**changes), config=False, fails=fails, warns=warns)

    def test_mistakes(self):
        path = self.host.write_file("bad.toml", "[dns]\nttl = 7\n")
        report = self.doctor("--config", path, config=False, fails={"PN-CONFIG-MISTAKE"})
        self.assertIn("line 2", report.of("PN-CONFIG-MISTAKE")["found"])
        self.assertEqual(report.because("address"), {"PN-CONFIG-MISTAKE"})

    def test_no_file(self):
        report = self.doctor("--config", "/nonexistent.toml", config=False, fails={"PN-CONFIG-UNREADABLE"})
        for step in ("agent", "api", "stub", "system", "address"):
            self.assertEqual(report.because(step), {"PN-CONFIG-UNREADABLE"}, step)

    def test_no_link(self):
        report = self.other(link=None, warns={"PN-CONFIG-NO-LINK"})
        self.assertEqual(report.because("address"), {"PN-CONFIG-NO-LINK"})

    def test_no_token_file(self):
        report = self.other(link={"token_file": "/nonexistent.token"}, fails={"PN-CONFIG-TOKEN"})
        self.assertEqual(report.because("sql"), {"PN-CONFIG-TOKEN"})

    def test_no_token(self):
        self.other(link={"token_file": None}, warns={"PN-SQL-NO-TOKEN"})

    def test_a_wrong_token(self):
        path = self.host.write_file("wrong.token", "0123456789012345678901234567890123456789\n")
        os.chmod(path, 0o600)
        self.other(link={"token_file": path}, fails={"PN-HTTP-401"})

    def test_a_name_that_is_not_the_gateway_s(self):
        report = self.other(link={"host": "gw-other.cloud.name.test"},
                            fails={"PN-STUB-WRONG", "PN-TLS-NAME"})
        self.assertTrue(all(NAME in f["found"] for f in report.findings if f["code"] == "PN-TLS-NAME"))


class AddressesThatAreFixed(HostTest, Expectations):
    """A link without the API: its addresses are in the configuration."""

    def start(self, *addresses):
        start_world(self.host)
        self.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": list(addresses)})
        self.host.wait_addresses(*addresses)

    def test_all_is_well(self):
        self.start(ZONE_A, ZONE_B)
        report = self.doctor()
        self.assertEqual([f["because"] for f in report.findings if f["step"] == "api"], [None])

    def test_one_address(self):
        self.start(ZONE_A)
        self.doctor(warns={"PN-ADDRESS-ONE"})

    def test_nothing_listens_there(self):
        self.start(ZONE_A, "127.0.0.200")
        report = self.doctor(fails={"PN-TCP-REFUSED"})
        self.assertEqual(report.of("PN-TCP-REFUSED")["ip"], "127.0.0.200")

    def test_a_public_address_and_no_route_to_it(self):
        self.start(ZONE_A, PUBLIC)
        self.doctor(fails={"PN-TCP-NO-ROUTE"}, warns={"PN-ADDRESS-PUBLIC"})

    def test_a_host_that_is_not_there(self):
        subprocess.run(["ip", "route", "add", "unreachable", "10.99.0.0/16"], check=True, timeout=60)
        self.addCleanup(subprocess.run, ["ip", "route", "del", "unreachable", "10.99.0.0/16"], check=False, timeout=60)
        self.start(ZONE_A, "10.99.0.1")
        self.doctor(fails={"PN-TCP-HOST-UNREACHABLE"})


class Agents(HostTest, Expectations):
    def test_killed_and_the_resolver_answers_on(self):
        start(self.host)
        self.host.stop_agent(signal.SIGKILL)
        self.repaired(self.doctor(fails={"PN-AGENT-DOWN"}), "PN-AGENT-DOWN")

    def test_that_hangs_is_started_anew(self):
        start(self.host)
        self.host.agent.send_signal(signal.SIGSTOP)
        self.repaired(self.doctor(fails={"PN-AGENT-HANGS"}), "PN-AGENT-HANGS")

    def test_stopped_with_its_resolver(self):
        start(self.host)
        self.host.stop_agent()
        report = self.doctor(fails={"PN-AGENT-DOWN"})
        for step in ("stub", "system"):
            self.assertEqual(report.because(step), {"PN-AGENT-DOWN"})
        self.assertEqual({f["state"] for f in report.findings if f["step"] == "sql"}, {"PASS"})

    def test_a_resolver_that_hangs(self):
        start(self.host)
        pid = self.host.resolver_pid()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        report = run(self.host)
        failed = report.codes("FAIL")
        self.assertIn(failed, ({"PN-STUB-SILENT"}, {"PN-AGENT-RESOLVER"}), report.text)
        self.assertEqual(report.because("system"), failed)

    def test_never_started_and_the_api_knows_no_more(self):
        start_world(self.host, endpoints={ENDPOINT: {"ConnectionStatus": "Pending", "Zones": []}})
        self.host.write_config()
        self.doctor(fails={"PN-AGENT-DOWN", "PN-ENDPOINT-PENDING"})

    def test_never_started_and_the_api_names_the_addresses(self):
        start_world(self.host)
        self.host.write_config()
        report = self.doctor(fails={"PN-AGENT-DOWN"})
        self.assertEqual([(f["state"], f["ip"]) for f in report.findings if f["step"] == "sql"], [("PASS", ZONE_A), ("PASS", ZONE_B)])

    def test_another_program_has_the_port_of_dns(self):
        start_world(self.host)
        self.host.write_config()
        other = StandIn("dnsup.py", "--zone", f"{self.host.folder}/zone.json", "--listen", f"{DNS}:53=other", folder=self.host.folder)
        self.addCleanup(other.stop)
        report = self.doctor(fails={"PN-AGENT-DOWN", "PN-STUB-FOREIGN"})
        self.assertEqual(report.because("system"), {"PN-STUB-FOREIGN"})

    def test_addresses_have_changed_since_it_died(self):
        start(self.host)
        self.host.stop_agent(signal.SIGKILL)
        self.host.agent = None
        self.host.set_zone_address("cn-hangzhou-i", SPARE_ADDRESS)
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        report = self.doctor(fails={"PN-AGENT-DOWN", "PN-ADDRESS-STALE"}, warns={"PN-ADDRESS-MISSING"})
        self.assertEqual(report.of("PN-ADDRESS-STALE")["ip"], ZONE_B)
        self.assertEqual(report.of("PN-ADDRESS-MISSING")["ip"], SPARE_ADDRESS)
        self.assertEqual([f["because"] for f in report.findings if f["ip" if "ip" in f else "code"] == ZONE_B and f["step"] == "tcp"],
                         ["PN-ADDRESS-STALE"])


class Bare(DoctorTest):
    """postern doctor --host NAME --address IP: without agent and configuration."""

    def bare(self, *arguments, host=NAME, **named):
        return self.doctor("--host", host, "--ca-file", self.host.ca, "--token-file", self.host.token_file, *arguments,
                           config=False, **named)

    def test_all_is_well(self):
        report = self.bare("--address", ZONE_A, "--address", ZONE_B)
        self.assertEqual([f["ip"] for f in report.findings if f["step"] == "sql" and f["state"] == "PASS"], [ZONE_A, ZONE_B])

    def test_a_gateway_that_refuses(self):
        self.gateways("zone-b", mode="refuse")
        self.bare("--address", ZONE_A, "--address", ZONE_B, fails={"PN-TCP-REFUSED"})

    def test_programs_do_not_find_the_name(self):
        self.file("/etc/resolv.conf", "nameserver 127.0.0.53\n")
        self.bare("--address", ZONE_A, fails={"PN-SYSTEM-UNKNOWN-NAME"})

    def test_programs_get_something_else(self):
        records = self.host.upstream.control
        self.addCleanup(records.delete, f"/records/{NAME}")
        self.file("/etc/resolv.conf", "nameserver 127.0.0.53\n")
        for address, code in ((PUBLIC, "PN-SYSTEM-PUBLIC"), ("10.1.1.1", "PN-SYSTEM-STALE")):
            records.put(f"/records/{NAME}", A=[address])
            report = self.bare("--address", ZONE_A, fails={code})
            self.assertIn(address, report.of(code)["found"])

    def test_programs_get_no_answer(self):
        self.file("/etc/resolv.conf", "nameserver 127.0.0.99\noptions timeout:1 attempts:1\n")
        self.bare("--address", ZONE_A, fails={"PN-SYSTEM-FAILED"})

    def test_an_old_line_of_hosts(self):
        self.file("/etc/hosts", f"{LOCALHOST}{SPARE_ADDRESS} {NAME}\n")
        self.bare("--address", ZONE_A, fails={"PN-HOSTS-SHADOW"})

    def test_without_an_address(self):
        done = self.host.postern("doctor", "--host", NAME, config=False)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("--address", done.stderr)


if __name__ == "__main__":
    unittest.main()
