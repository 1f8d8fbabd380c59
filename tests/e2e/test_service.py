# SPDX-License-Identifier: Apache-2.0
"""Under a service manager: sockets that it holds, readiness and watchdog messages."""

import ctypes
import os
import signal
import socket
import struct
import unittest

from host import DEADLINE_S, DNS, ZONE_A, ZONE_B, HostTest

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
PERIOD_S = 0.6


class NotifySocket:
    """The service manager's end of $NOTIFY_SOCKET."""

    def __init__(self, path):
        self.environment = {"NOTIFY_SOCKET": path}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o777)

    def watch(self, period_s=PERIOD_S, **more):
        return {**self.environment, "WATCHDOG_USEC": str(int(period_s * 1e6)), **more}

    def next(self, timeout_s=DEADLINE_S):
        """The next message, or None when none comes in that time."""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def expect(self, message):
        """Waits for a message that may have others before it."""
        while (got := self.next()) != message:
            if got is None:
                raise AssertionError(f"no {message}")

    def falls_silent(self, period_s=PERIOD_S):
        """What is under way may still come; then there is nothing for two periods: systemd would have acted."""
        return any(self.next(2 * period_s) is None for _ in range(10))

    def close(self):
        self._socket.close()


def set_deaf(listener, deaf):
    """The kernel drops what arrives on that socket (and on the resolver's copy of it), or no longer."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER if deaf else SO_DETACH_FILTER, program)


class Notified(HostTest):
    def setUp(self):
        super().setUp()
        self.manager = NotifySocket(f"{self.host.folder}/notify")
        self.addCleanup(self.manager.close)


class ResolverWatchdog(Notified):
    def start(self, **environment):
        self.sockets = self.host.listen_sockets()
        fallback = self.host.write_file("fallback", "upstream 127.0.0.53\n")
        self.host.start_resolver("--plan", f"{self.host.runtime_dir}/plan", "--stats", f"{self.host.runtime_dir}/stats",
                                 "--fallback", fallback, sockets=self.sockets,
                                 environment=self.manager.watch(**environment))
        self.manager.expect("READY=1")

    def is_fed(self):
        for _ in range(3):
            self.manager.expect("WATCHDOG=1")

    def test_fed_while_it_answers_and_not_while_nothing_reaches_it(self):
        self.start()
        self.is_fed()
        set_deaf(self.sockets[0], True)
        self.assertTrue(self.manager.falls_silent())
        self.assertIsNone(self.host.resolver.poll(), "its loop turns all the time")
        self.host.wait(lambda: self.host.log_lines("canary_unanswered"), "the reason in the log")
        set_deaf(self.sockets[0], False)
        self.is_fed()

    def test_not_fed_while_it_is_stopped(self):
        self.start()
        self.is_fed()
        self.host.resolver.send_signal(signal.SIGSTOP)
        self.assertTrue(self.manager.falls_silent())
        self.host.resolver.send_signal(signal.SIGCONT)
        self.is_fed()

    def test_a_watchdog_for_another_process_is_not_fed(self):
        self.start(WATCHDOG_PID=str(os.getpid()))
        self.assertIsNone(self.manager.next(2 * PERIOD_S))


class AgentWatchdog(Notified):
    def test_ready_then_fed_while_probes_end(self):
        self.host.environment.update(self.manager.watch())
        self.host.start_world()
        self.host.start_postern(wait_ready=False)
        self.manager.expect("READY=1")
        for _ in range(3):
            self.manager.expect("WATCHDOG=1")
        self.host.agent.send_signal(signal.SIGSTOP)
        self.assertTrue(self.manager.falls_silent())
        self.host.agent.send_signal(signal.SIGCONT)
        self.manager.expect("WATCHDOG=1")
        self.assertEqual(self.host.stop_agent(), 0)
        self.manager.expect("STOPPING=1")


class Turns(HostTest):
    def test_short_turns_for_the_resolver_and_long_ones_for_the_agent(self):
        number = {"x86_64": 315, "aarch64": 275}.get(os.uname().machine)
        release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
        if number is None or release < (6, 12):
            self.skipTest("only Linux 6.12 and later have them")
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)

        def nice_and_turn_ns(pid):
            attributes = ctypes.create_string_buffer(56)  # struct sched_attr
            self.assertEqual(ctypes.CDLL(None).syscall(number, pid, attributes, 56, 0), 0)
            return struct.unpack_from("=IIQiIQ", attributes)[3::2]

        nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.assertEqual(nice_and_turn_ns(self.host.resolver_pid()), (nice, 100_000))
        self.assertEqual(nice_and_turn_ns(self.host.agent.pid), (nice, 20_000_000))


def can_change_users():
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return os.geteuid() == 0 and any(int(line.split()[2]) > 65536 for line in file)


class Units(HostTest):
    """Agent and resolver as two services with separate users and folders, as in the package."""

    AGENT, RESOLVER, GROUP = 61001, 61002, 61003
    FOLDERS = {"/var/lib/postern": (AGENT, 0o700), "/var/lib/postern-plan": (AGENT, 0o750),
               "/run/postern": (AGENT, 0o750), "/run/postern-resolver": (RESOLVER, 0o750)}
    RESOLVER_ARGUMENTS = ("--plan", "/run/postern/plan", "--plan", "/var/lib/postern-plan/plan",
                          "--stats", "/run/postern-resolver/stats", "--fallback", "/var/lib/postern-plan/fallback-upstreams")

    def setUp(self):
        super().setUp()
        if not can_change_users():
            self.skipTest("needs root and users to change to")
        for folder in ("/var/lib", "/run"):  # the machine's own are not ours to write to
            self.host.mount_small(folder, "16m")
            os.chmod(folder, 0o755)
        for folder, (user, mode) in self.FOLDERS.items():
            os.mkdir(folder)
            os.chown(folder, user, self.GROUP)
            os.chmod(folder, mode)
        self.host.start_world()
        self.host.give_to(self.AGENT, self.GROUP)
        self.sockets = self.host.listen_sockets()

    def start_agent(self, **changes):
        self.host.start_postern("--no-resolver", wait_ready=False, agent=None, **changes)

    def start_resolver(self):
        self.host.start_resolver(*self.RESOLVER_ARGUMENTS, sockets=self.sockets, user=self.RESOLVER, group=self.GROUP,
                                 extra_groups=[], umask=0o077)

    def kill_resolver(self):
        self.host.resolver.kill()
        self.host.resolver.wait(timeout=DEADLINE_S)

    def resolver_status(self):
        return self.host.http_json("/api/v1/status")[1]["resolver"]

    def test_each_reads_what_it_needs_and_nothing_else(self):
        self.start_agent()
        self.start_resolver()
        self.host.wait_ready()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")
        self.assertFalse(self.resolver_status()["managed"])
        self.host.wait(lambda: os.path.exists("/var/lib/postern/last-good.toml"), "the copy of the configuration")
        expected = {"/run/postern/plan": (self.AGENT, 0o640), "/run/postern/agent.lock": (self.AGENT, 0o640),
                    "/var/lib/postern-plan/plan": (self.AGENT, 0o640),
                    "/var/lib/postern-plan/fallback-upstreams": (self.AGENT, 0o640),
                    "/var/lib/postern/probe.log": (self.AGENT, 0o600), "/var/lib/postern/snapshot.json": (self.AGENT, 0o600),
                    "/var/lib/postern/last-good.toml": (self.AGENT, 0o600),
                    "/run/postern-resolver/stats": (self.RESOLVER, 0o640),
                    "/run/postern-resolver/resolver.lock": (self.RESOLVER, 0o640)}
        found = {}
        for path in expected:
            info = os.stat(path)
            found[path] = (info.st_uid, info.st_mode & 0o7777)
            self.assertEqual(info.st_gid, self.GROUP, path)
        self.assertEqual(found, expected)

    def test_a_killed_resolver_is_the_service_manager_s_to_start(self):
        self.start_agent()
        self.start_resolver()
        self.host.wait_ready()
        self.kill_resolver()
        status = self.host.postern("status")
        self.assertEqual(status.returncode, 2, status.stdout)
        self.assertIn("start postern-resolver.service", " ".join(status.stdout.split()))
        code, body = self.host.http("/readyz?verbose")
        self.assertEqual(code, 503)
        self.assertIn("start postern-resolver.service", body)
        self.assertIn("postern_resolver_up 0", self.host.http("/metrics")[1])
        self.assertEqual(self.host.resolver_pids(), [], "the agent has started none")
        self.start_resolver()
        self.host.wait_ready()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertIn("postern_resolver_up 1", self.host.http("/metrics")[1])
        self.assertIsNone(self.host.agent.poll())

    def test_a_resolver_that_is_there_first_serves_and_gets_its_plan(self):
        self.start_resolver()
        self.host.wait(lambda: os.path.exists("/run/postern-resolver/stats"), "the resolver to run")
        self.start_agent()
        self.host.wait_ready()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertEqual(self.host.stop_agent(), 0)
        self.host.wait_addresses(ZONE_A, ZONE_B)  # it is not the agent's to end

    def test_other_addresses_than_the_socket_unit_s_are_reported(self):
        self.start_agent(dns={"listen": [f"{DNS}:53", "127.0.0.154:53"]})
        self.start_resolver()
        self.host.wait_ready()
        status = self.host.postern("status")
        self.assertEqual(status.returncode, 1, status.stdout)
        self.assertIn("does not listen on 127.0.0.154:53", " ".join(status.stdout.split()))
        self.assertIn("postern-resolver.socket", status.stdout)
        self.host.write_config(agent=None)
        os.chown(self.host.config_file, self.AGENT, self.GROUP)
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")


if __name__ == "__main__":
    unittest.main()
