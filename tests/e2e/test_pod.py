# SPDX-License-Identifier: Apache-2.0
"""What a pod of packaging/k8s needs of the programs: a swapped ConfigMap is followed, the resolver takes port 53 by its file's
capability, and an init container's and a liveness probe's commands."""

import ctypes
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import unittest

from host import DNS, NAME, POSTERN, RESOLVER, ZONE_A, ZONE_B, Host, HostTest, toml

UID = 10053
NET_BIND_SERVICE = 10
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}[os.uname().machine]
PERMITTED = struct.pack("<IIIII", 0x02000000, 1 << NET_BIND_SERVICE, 0, 0, 0)  # as packaging/container/image.py gives it
ADDRESS = "169.254.20.153"


def run(*command, **named):
    return subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, **named)


class ConfigMap:
    """A volume as the kubelet writes it: files are links into ..data, which points elsewhere after a change, by rename."""

    def __init__(self, folder):
        self.folder = folder
        self.versions = 0
        os.mkdir(folder)
        os.symlink("..data/postern.toml", f"{folder}/postern.toml")

    def write(self, text):
        self.versions += 1
        before, fresh = f"{self.folder}/..v{self.versions - 1}", f"{self.folder}/..v{self.versions}"
        os.mkdir(fresh)
        if text is not None:
            with open(f"{fresh}/postern.toml", "w", encoding="utf-8") as file:
                file.write(text)
        os.symlink(os.path.basename(fresh), f"{self.folder}/..data_tmp")
        os.rename(f"{self.folder}/..data_tmp", f"{self.folder}/..data")
        shutil.rmtree(before, ignore_errors=True)


class Followed(HostTest):
    def start(self, *arguments):
        self.map = ConfigMap(f"{self.host.folder}/volume")
        self.host.config_file = f"{self.map.folder}/postern.toml"
        self.map.write(self.text())
        self.host.start_world()
        self.host.start_postern(*arguments, config=False)
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def text(self, **more):
        config = self.host.default_config()
        config["link"] += [{"name": name, "host": f"{name}.cloud.name.test", "addresses": [address], "probe": {"enabled": False}}
                           for name, address in more.items()]
        return toml(config)

    def second(self):
        return set(self.host.dig("second.cloud.name.test", "A").data)

    def test_each_swap_is_followed(self):
        self.start("--follow-config")
        for address in ("10.0.9.1", "10.0.9.2"):
            self.map.write(self.text(second=address))
            self.host.wait(lambda address=address: self.second() == {address}, f"the answer to be {address}")
        self.map.write(self.text())
        self.host.wait(lambda: not self.second(), "the name to go")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_a_mistake_and_a_missing_file_change_nothing(self):
        self.start("--follow-config")
        self.map.write(self.text(second="10.0.9.1"))
        self.host.wait(lambda: self.second() == {"10.0.9.1"}, "the answer")
        for bad in ("[dns]\nlisten = 7\n", None):
            before = len(self.host.log_lines("config_refused"))
            self.map.write(bad)
            self.host.wait(lambda before=before: len(self.host.log_lines("config_refused")) > before, "the refusal")
            self.assertEqual(self.second(), {"10.0.9.1"})
        self.map.write(self.text(second="10.0.9.2"))
        self.host.wait(lambda: self.second() == {"10.0.9.2"}, "the next good one")

    def test_without_the_option_only_a_signal_reads_it(self):
        self.start()
        self.map.write(self.text(second="10.0.9.1"))
        self.host.wait(lambda: "PN-CONFIG-OLDER" in self.host.http("/api/v1/status")[1], "the agent to say that it is older", deadline_s=60)  # said after 30 s
        self.assertEqual(self.second(), set())
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: self.second() == {"10.0.9.1"}, "the answer")


@unittest.skipIf(os.geteuid() != 0, "not root")
class Port53(HostTest):
    """The resolver as a container runtime starts it."""

    def setUp(self):
        super().setUp()
        self.program = f"{self.host.folder}/postern-resolver"
        shutil.copy(RESOLVER, self.program)
        os.chmod(self.host.folder, 0o755)
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as file:
            file.write("1024")

    def start(self, capable, planned=True):
        """As a user, without a way to more rights, with the capability in its sets or with none."""
        host = self.host
        config = host.default_config()
        config["link"][0] = {"name": "fixed", "host": NAME, "addresses": ["10.0.9.1"], "probe": {"enabled": False}}
        host.write_file("postern.toml", toml(config))
        plan = f"{host.runtime_dir}/plan"
        done = host.postern("plan", "compile", "--out", f"{host.folder}/made")
        self.assertEqual(done.returncode, 0, done.stderr)
        if planned:
            os.rename(f"{host.folder}/made", plan)
        host.give_to(UID)
        os.setxattr(self.program, "security.capability", PERMITTED)  # a change of the owner takes it away
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as file:
            file.write("1024")
        kept = 1 << NET_BIND_SERVICE if capable else 0

        def become():
            libc = ctypes.CDLL(None)
            for number in range(41):
                if not kept >> number & 1:
                    libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
            libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
            os.setgroups([])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
            if libc.syscall(SYS_CAPSET, struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", kept, kept, 0, 0, 0, 0)) != 0:
                os._exit(99)
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        with open(host.log_file, "ab") as log:
            host.resolver = subprocess.Popen([self.program, "--plan", plan, "--stats", f"{host.runtime_dir}/stats"], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, preexec_fn=become)

    def test_it_binds_it_and_keeps_nothing_in_effect(self):
        self.start(capable=True)
        self.host.wait(lambda: self.host.resolver.poll() is None and set(self.host.dig(NAME, "A", wait_s=1).data) == {"10.0.9.1"}, "an answer")
        with open(f"/proc/{self.host.resolver.pid}/status", encoding="ascii") as file:
            status = file.read()
        self.assertIn("CapEff:\t0000000000000000", status)
        self.assertIn("CapPrm:\t0000000000000400", status)
        self.assertIn("NoNewPrivs:\t1", status)

    def test_before_the_first_plan_it_waits_for_it(self):
        self.start(capable=True, planned=False)
        self.host.wait(lambda: self.host.log_lines("listen_later"), "the resolver to wait")
        os.rename(f"{self.host.folder}/made", f"{self.host.runtime_dir}/plan")
        self.host.wait(lambda: self.host.resolver.poll() is None and set(self.host.dig(NAME, "A", wait_s=1).data) == {"10.0.9.1"}, "an answer")

    def test_where_it_may_not_it_says_what_it_needs(self):
        self.start(capable=False)
        self.assertEqual(self.host.resolver.wait(timeout=30), 2)
        self.assertTrue(self.host.log_lines("CAP_NET_BIND_SERVICE"), self.host.log())


@unittest.skipIf(os.geteuid() != 0, "not root")
class Node(HostTest):
    """`postern k8s node`"""

    def node(self, *arguments):
        return run(POSTERN, "k8s", "node", *arguments)

    def test_it_makes_the_interface_and_the_folders_and_nothing_twice(self):
        folder = f"{self.host.folder}/node/agent"
        for _ in range(2):
            done = self.node("--address", ADDRESS, "--interface", "postern-test", "--folder", folder, "--owner", UID)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.addCleanup(run, "ip", "link", "delete", "postern-test")
        shown = run("ip", "-o", "address", "show", "dev", "postern-test").stdout
        self.assertEqual(shown.count(f"inet {ADDRESS}/32 "), 1, shown)
        self.assertIn(",UP", run("ip", "link", "show", "dev", "postern-test").stdout)
        found = os.stat(folder)
        self.assertEqual((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)), (UID, UID, 0o750))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
            there.bind((ADDRESS, 0))
            there.settimeout(5)
            here.sendto(b"reached", there.getsockname())
            self.assertEqual(there.recv(100), b"reached")

    def test_ipv6(self):
        done = self.node("--address", "fd00::153", "--interface", "postern-six")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.addCleanup(run, "ip", "link", "delete", "postern-six")
        self.assertIn("fd00::153/128", run("ip", "-o", "address", "show", "dev", "postern-six").stdout)

    def test_errors(self):
        for arguments, code, said in ((["--address", "here"], 3, "is not an IP address"), (["--address", "0.0.0.0"], 3, "is not an IP address"),
                                      ([], 3, "--address"), (["--folder", "state"], 3, "does not start with /"),
                                      (["--folder", "/x", "--owner", "0"], 3, "from 1 to"),
                                      (["--address", ADDRESS, "--interface", "a/b"], 3, "no name of an interface"),
                                      (["--address", ADDRESS, "--interface", "x" * 16], 3, "no name of an interface"),
                                      (["--folder", "/proc/none", "--owner", "7"], 2, "/proc/none")):
            done = self.node(*arguments)
            self.assertEqual((done.returncode, done.stdout), (code, ""), (arguments, done.stderr))
            self.assertIn(said, done.stderr)

    def test_a_user_is_told_what_it_needs(self):
        done = run("setpriv", f"--reuid={UID}", "--clear-groups", POSTERN, "k8s", "node", "--address", ADDRESS, "--interface", "postern-none")
        self.assertEqual(done.returncode, 2)
        self.assertIn("CAP_NET_ADMIN", done.stderr)


class Alive(HostTest):
    """`postern k8s alive`: 0 for any answer, 3 for none."""

    def alive(self, *arguments):
        done = run(POSTERN, "k8s", "alive", *arguments)
        return done.returncode, done.stderr

    def test_a_resolver_is_alive_whatever_is_wrong_with_the_rest(self):
        self.host.start_upstream()
        self.host.start_postern(wait_ready=False)  # no cloud, no gateway: nothing is known of the link
        self.host.wait(lambda: self.host.dig("localhost", "A").data, "the resolver")
        self.assertEqual(self.alive("--server", DNS), (0, ""))
        os.kill(self.host.resolver_pid(), signal.SIGSTOP)
        code, said = self.alive("--server", f"{DNS}:53", "--timeout", "500ms")
        os.kill(self.host.resolver_pid(), signal.SIGCONT)
        self.assertEqual(code, 3)
        self.assertIn("does not answer", said)

    def test_nobody_there(self):
        self.assertEqual(self.alive("--server", f"{DNS}:5353")[0], 3)
        self.assertEqual(self.alive("--server", "nowhere")[0], 3)
        self.assertEqual(self.alive()[0], 3)


if __name__ == "__main__":
    unittest.main()
