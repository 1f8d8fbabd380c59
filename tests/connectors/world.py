# SPDX-License-Identifier: Apache-2.0
"""The place of a run, in namespaces of its own: the cloud API, a gateway process for each of two zones, postern with its default times
answering the name, and the faults of the host's own zone."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e")]

from host import NAME, TOKEN, ZONE_A, ZONE_B, Host  # noqa: E402
from launch import StandIn  # noqa: E402

OWN, OTHER = ZONE_A, ZONE_B  # the host is in OWN's zone: applications are connected there until it dies
OWN_DEFAULTS = ("interval", "timeout", "connect_timeout", "fall", "rise", "fast_interval")

DROP = f"""table ip fault {{
  chain in {{
    type filter hook input priority 0
    ip daddr {OWN} counter drop
    ip saddr {OWN} counter drop
  }}
}}
"""
HOST_SETTINGS = {"tcp_retries2": 5, "tcp_syn_retries": 2}  # of net.ipv4, as postern-connectors(7) recommends
ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "LOAD_HOST": NAME, "LOAD_TOKEN": TOKEN}


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60).stdout


class World:
    def __init__(self, build):
        self.host = Host()
        self.folder = self.host.folder
        self._gateways = {}
        self._build = build
        self._faults = []

    def start(self, **link):
        """Postern with its own default times answers the name with both zones."""
        self.host.start_upstream()
        self.host.start_aliyun()
        with open(f"{self.folder}/tokens", "w", encoding="ascii") as file:
            file.write(TOKEN)
        for address in (OWN, OTHER):  # a process each, so that one can end or stop
            self._gateways[address] = StandIn("tdengine.py", "--pki", self.host.pki, "--token-file", f"{self.folder}/tokens",
                                              "--idle-s", "600", "--listen", f"{address}:443={address}", folder=self.folder)
        probe = {**dict.fromkeys(OWN_DEFAULTS), "ca_file": self.host.ca}
        self.host.start_postern(link={"probe": probe, **link})
        self.host.wait(lambda: self.host.health()[1]["status"] == "pass", "good health", deadline_s=60)
        run("keytool", "-importcert", "-noprompt", "-alias", "test", "-file", self.host.ca, "-storetype", "PKCS12",
            "-keystore", f"{self.folder}/trust.p12", "-storepass", "changeit")

    def set_host(self):
        for name, value in HOST_SETTINGS.items():
            with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
                file.write(str(value))

    def environment(self):
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), self.host.ca)
        return {"PATH": os.environ["PATH"], "HOME": self.folder, "LOAD_MODULES": f"{self._build}/node", **ENVIRONMENT, **trust}

    def close(self):
        self.host.close()
        for gateway in self._gateways.values():
            if gateway.process.poll() is None:
                gateway.process.send_signal(signal.SIGCONT)
            gateway.stop()

    def keep_logs(self, path):
        """PATH.postern.log, PATH.postern-free.log"""
        for name in ("postern.log", "postern-free.log"):
            if os.path.exists(f"{self.folder}/{name}"):
                shutil.copy(f"{self.folder}/{name}", f"{path}.{name}")

    def wait_for_worst(self, fault):
        """Returns when what fails now is seen as late as it can be, in every run alike: the own zone has just been probed. Lost packets
        are also seen at the next look at the applications' connections, which brings a probe forward: the last one was just now."""
        def probed():
            return len(self.host.probes(f"?ip={OWN}&limit=1000"))

        def looked():
            return re.search(r"^postern_app_looks_total (\d+)$", self.host.http("/metrics")[1], re.M)[1]
        before = probed()
        self.host.wait(lambda: probed() > before, "a probe of the own zone", poll_s=0.1)
        if fault == "drop":
            before = looked()
            self.host.wait(lambda: looked() != before, "a look at the connections", poll_s=0.1)

    # --- faults of the own zone ----------------------------------------------------------------------------------------

    def drop(self):
        """Every packet from and to the gateway is lost: no RST, no ICMP."""
        run("nft", "-f", "-", text=DROP)

    def end(self):
        """The gateway's process is killed: the kernel ends its connections, and refuses new ones with RST."""
        self._gateways[OWN].process.kill()

    def hang(self):
        """The gateway's process stops: its kernel still takes connections and bytes."""
        self._gateways[OWN].process.send_signal(signal.SIGSTOP)

    # --- looking -------------------------------------------------------------------------------------------------------

    def set_gateways(self, mode):
        for address, gateway in self._gateways.items():
            gateway.control.post(f"/listeners/{address}", mode=mode)

    def withdrawn(self):
        """Whether the log tells that the own zone's address has left the answer."""
        answers = [re.search(r'new=("[^"]*"|\S*)', line) for line in self.host.log_lines("answer_changed")]
        return any(OWN not in answer.group(1) for answer in answers)

    def connected(self, pid):
        """How many connections of a process go to the own zone."""
        return sum(f"pid={pid}," in line for line in run("ss", "-Htnp", "state", "established", "dst", OWN).splitlines())


def now_ms():
    return int(time.time() * 1000)
