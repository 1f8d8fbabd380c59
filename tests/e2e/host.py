# SPDX-License-Identifier: Apache-2.0
"""A separate host for a test: upstream DNS, cloud API, metadata service and gateways from tests/standin, and the real
postern between them and real clients. Everything is in one folder and in the namespaces of ns.py."""

import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import ns

ns.enter()

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "standin"))

import dig as dig_client  # noqa: E402
import pki  # noqa: E402
from launch import StandIn, wait_until  # noqa: E402

POSTERN = os.path.abspath(os.environ.get("POSTERN_BIN", f"{ROOT}/build/dev/postern"))
RESOLVER = os.path.abspath(os.environ.get("POSTERN_RESOLVER_BIN", f"{ROOT}/build/dev/postern-resolver"))

NAME = "gw-private.cloud.name.test"
SIBLING = "gw.cloud.name.test"
API_NAME = "privatelink-vpc.cn-hangzhou.aliyuncs.com"
ECS_NAME = "ecs-vpc.cn-hangzhou.aliyuncs.com"  # the same stand-in answers for all of the cloud's products
STS_NAMES = ("sts.aliyuncs.com", "sts-vpc.cn-hangzhou.aliyuncs.com")
PVTZ_NAME = "pvtz.vpc-proxy.aliyuncs.com"
CLOUD_NAMES = (API_NAME, ECS_NAME, PVTZ_NAME, *STS_NAMES)
LINK = "tdengine-prod"
ENDPOINT = "ep-bp1example0000000001"
ZONES = {"cn-hangzhou-h": "127.0.0.2", "cn-hangzhou-i": "127.0.0.3"}
ZONE_A, ZONE_B = ZONES.values()
SPARE_ADDRESS = "127.0.0.7"
GATEWAYS = {"zone-a": ZONE_A, "zone-b": ZONE_B, "spare": SPARE_ADDRESS}
DNS = ns.RESOLVER_ADDRESS
UPSTREAMS = {"first": "127.0.0.53", "second": "127.0.0.54"}
HTTP = "127.0.0.1:9853"

KEY_ID = "LTAIexampleAccessKeyId"
KEY_SECRET = "exampleAccessKeySecret0123456789"
TOKEN = "5ecre7705ecre7705ecre7705ecre7705ecre770"
ROLE = {"secret": "exampleRoleSecretXYZ", "token": "CAISexampleRoleToken+/"}

RECORDS = {
    **{name: {"A": ["127.0.0.5"]} for name in CLOUD_NAMES},
    "www.name.test": {"A": ["192.0.2.1", "192.0.2.2"], "TXT": ["hello"]},
    "alias.name.test": {"CNAME": ["www.name.test"]},
    SIBLING: {"A": ["192.0.2.10"]},
    f"below.{NAME}": {"A": ["192.0.2.11"]},
    "3.2.1.10.in-addr.arpa": {"PTR": ["three.name.test"]},
}

DEADLINE_S = 30


def toml(value):
    """A TOML document of a dict of tables; a list of dicts becomes [[name]]."""
    lines = []

    def name(key):
        return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)

    def table(path, content):
        tables = {key: item for key, item in content.items()
                  if isinstance(item, dict) or (isinstance(item, list) and item and isinstance(item[0], dict))}
        lines.extend(f"{name(key)} = {json.dumps(item)}" for key, item in content.items() if key not in tables)
        for key, item in tables.items():
            inner = f"{path}.{name(key)}" if path else name(key)
            for entry in item if isinstance(item, list) else [item]:
                lines.append(f"[[{inner}]]" if isinstance(item, list) else f"[{inner}]")
                table(inner, entry)

    table("", value)
    return "\n".join(lines) + "\n"


def merge(base, changes):
    """A copy of base with changes merged in; None removes a key. A dict merges into the first of a list of tables."""
    out = dict(base)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        elif isinstance(value, dict) and isinstance(out.get(key), list):
            out[key] = [merge(out[key][0], value), *out[key][1:]]
        else:
            out[key] = value
    return out


class Host:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="postern-e2e-")
        self.state_dir = f"{self.folder}/state"
        self.runtime_dir = f"{self.folder}/run"
        self.pki = f"{self.folder}/pki"
        self.ca = f"{self.pki}/ca.pem"
        self.token_file = f"{self.folder}/tdengine.token"
        self.config_file = f"{self.folder}/postern.toml"
        self.log_file = f"{self.folder}/postern.log"
        self.agent = None
        self.user = self.group = None  # numeric ones for the agent, instead of ours
        self.upstream = self.aliyun = self.gateways = None
        self.resolver = None  # where the test starts it, and not the agent
        self._mounts = []
        self._sockets = []
        # What the agent finds in its environment. HOME without ~/.aliyun: no credentials of the user who runs the test.
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.folder,
                            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY_SECRET}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        for folder in (self.state_dir, self.runtime_dir):
            os.mkdir(folder, 0o700)
        pki.make(self.pki, [NAME, *CLOUD_NAMES])
        self.write_token(TOKEN)

    # --- the outside world -------------------------------------------------------------------------------------------

    def write_file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)
        return path

    def write_token(self, token):
        self.write_file("tdengine.token", token + "\n")
        os.chmod(self.token_file, 0o600)

    def start_upstream(self):
        zone = self.write_file("zone.json", json.dumps({"records": RECORDS, "soa_owner": "test"}))
        listen = [part for name, address in UPSTREAMS.items() for part in ("--listen", f"{address}:53={name}")]
        self.upstream = StandIn("dnsup.py", "--zone", zone, *listen, folder=self.folder)

    def start_aliyun(self, **scenario):
        zones = [{"ZoneId": zone, "EniIp": address} for zone, address in ZONES.items()]
        scenario = {"keys": [{"id": KEY_ID, "secret": KEY_SECRET}], "role": ROLE,
                    "metadata": {"zone-id": "cn-hangzhou-h"}, "endpoints": {ENDPOINT: {"Zones": zones}}, **scenario}
        self.aliyun = StandIn("aliyun.py", "--cert", f"{self.pki}/good.pem", "--key", f"{self.pki}/good.key",
                              "--scenario", self.write_file("scenario.json", json.dumps(scenario)),
                              "--api", "127.0.0.5:443", "--imds", "127.0.0.6:80", folder=self.folder)

    def start_gateways(self, listeners=None):
        """`listeners` is {name: address}."""
        accepted = self.write_file("accepted-tokens", TOKEN)
        listen = [part for name, address in (listeners or GATEWAYS).items()
                  for part in ("--listen", f"{address}:443={name}")]
        self.gateways = StandIn("tdengine.py", "--pki", self.pki, "--token-file", accepted, *listen, folder=self.folder)

    def start_world(self, **scenario):
        self.start_upstream()
        self.start_aliyun(**scenario)
        self.start_gateways()

    def mount_small(self, folder, size="256k"):
        """A tmpfs of that size over a folder, for running full."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder], check=True, timeout=60)
        self._mounts.append(folder)

    def private_etc(self):
        """A copy of /etc over /etc, for what writes there."""
        copy = f"{self.folder}/etc"
        subprocess.run(["cp", "-a", "/etc", copy], check=False, timeout=60, stderr=subprocess.DEVNULL)  # but for what is not ours to read
        subprocess.run(["mount", "--bind", copy, "/etc"], check=True, timeout=60)
        self._mounts.append("/etc")

    # --- postern -----------------------------------------------------------------------------------------------------

    def default_config(self):
        return {
            "agent": {"state_dir": self.state_dir, "runtime_dir": self.runtime_dir},
            "dns": {"listen": [f"{DNS}:53"], "upstreams": list(UPSTREAMS.values())},
            "http": {"listen": HTTP},
            "aliyun": {"region": "cn-hangzhou", "poll_interval": "2s", "poll_max_interval": "4s",
                       "api_endpoint": f"https://{API_NAME}", "metadata_url": "http://127.0.0.6", "ca_file": self.ca},
            "link": [{"name": LINK, "host": NAME, "endpoint": ENDPOINT, "token_file": self.token_file,
                      "probe": {"interval": "2s", "timeout": "1s", "connect_timeout": "500ms", "fall": 3, "rise": 2,
                                "fast_interval": "500ms", "ca_file": self.ca}}],
        }

    def write_config(self, **changes):
        """The default configuration with changes merged in; `link={...}` changes the first link."""
        self.write_file("postern.toml", toml(merge(self.default_config(), changes)))

    def start_postern(self, *arguments, wait_ready=True, config=True, stderr=None, **changes):
        """`config=False`: leaves the configuration file as it is, or missing. `stderr`: instead of the log file."""
        if config and (changes or not os.path.exists(self.config_file)):
            self.write_config(**changes)
        with open(self.log_file, "ab") as log:
            self.agent = subprocess.Popen([POSTERN, "run", "--config", self.config_file, *arguments],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log if stderr is None else stderr,
                                          env=self.environment, cwd=self.folder, **({} if self.user is None else self.as_user()))
        if wait_ready:
            self.wait_ready()

    def start(self, **changes):
        """The whole world and postern, ready."""
        self.start_world()
        self.start_postern(**changes)

    def listen_sockets(self, address=DNS):
        """(UDP, TCP) bound as a socket unit would; they stay open until close()."""
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sockets += (udp, tcp)

        def bound(own):
            """False while it is in use: a killed process loses its command line before it closes its files."""
            try:
                own.bind((address, 53))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return False
            return True

        for own in (udp, tcp):
            self.wait(lambda own=own: bound(own), "the address to be free")
        tcp.listen(16)
        return udp, tcp

    def start_resolver(self, *arguments, sockets=None, environment=None, **popen):
        """The resolver as systemd starts it: the sockets are open before the program runs."""
        udp, tcp = sockets or self.listen_sockets()
        # descriptors 3 and 4, and LISTEN_PID naming the process that execs
        script = 'exec 3<&"$1" 4<&"$2"; shift 2; LISTEN_FDS=2 LISTEN_PID=$$ exec "$@"'
        with open(self.log_file, "ab") as log:
            self.resolver = subprocess.Popen(
                ["bash", "-c", script, "bash", str(udp.fileno()), str(tcp.fileno()), RESOLVER, *arguments],
                stdin=subprocess.DEVNULL, pass_fds=(udp.fileno(), tcp.fileno()), cwd=self.folder,
                env={**self.environment, **(environment or {})}, **{"stdout": log, "stderr": log, **popen})
        return self.resolver

    def wait_ready(self):
        def ready():
            if self.agent.poll() is not None:
                raise AssertionError(f"postern ended with {self.agent.returncode}:\n{self.log()}")
            return self.http("/readyz")[0] == 200
        self.wait(ready, "/readyz to be 200")

    def stop_agent(self, number=signal.SIGTERM):
        """Returns the exit code."""
        self.agent.send_signal(number)
        return self.agent.wait(timeout=DEADLINE_S)

    def as_user(self):
        return {"user": self.user, "group": self.group, "extra_groups": [], "umask": 0o077}

    def give_to(self, user, group=None):
        """Everything of this host belongs to that user, who may bind port 53 in this namespace and runs the agent."""
        self.user, self.group = user, user if group is None else group
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as file:
            file.write("0")
        for path, folders, files in os.walk(self.folder):
            for name in (".", *folders, *files):
                os.chown(os.path.join(path, name), user, user)

    def resolver_pids(self):
        """PIDs of running resolvers of this host."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and self._is_ours(entry):
                    found.append(int(entry))
            except OSError:
                continue  # gone meanwhile
        return found

    def _is_ours(self, pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read().split(b"\0")
        with open(f"/proc/{pid}/stat", "rb") as file:
            alive = file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
        return alive and os.path.basename(command[0]) == os.path.basename(RESOLVER).encode() \
            and any(self.folder.encode() in part for part in command)

    def resolver_pid(self):
        (pid,) = self.resolver_pids()
        return pid

    def close(self):
        """Ends everything; fails if the agent failed or a sanitizer has reported something."""
        trouble = []
        if self.agent is not None and self.agent.poll() is None:
            self.agent.terminate()
            try:
                if self.agent.wait(timeout=DEADLINE_S) != 0:
                    trouble.append(f"postern ended with {self.agent.returncode} on SIGTERM")
            except subprocess.TimeoutExpired:
                trouble.append("postern did not end on SIGTERM")
                self.agent.kill()
                self.agent.wait()
        trouble += self.log_lines(r"Sanitizer|runtime error:|assertion.*failed|terminate called")
        for pid in self.resolver_pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.resolver is not None:
            self.resolver.kill()
            self.resolver.wait(timeout=DEADLINE_S)
        for own in self._sockets:
            own.close()
        for stand_in in (self.gateways, self.aliyun, self.upstream):
            if stand_in is not None:
                stand_in.stop()
        for folder in self._mounts:
            subprocess.run(["umount", "-l", folder], check=False, timeout=60)
        end_of_log = self.log()[-6000:]
        shutil.rmtree(self.folder, ignore_errors=True)
        if trouble:
            raise AssertionError("\n".join(trouble) + "\n--- postern's log ends:\n" + end_of_log)

    # --- looking -----------------------------------------------------------------------------------------------------

    def wait(self, condition, what, deadline_s=DEADLINE_S, poll_s=0.05):
        """Waits for a true value; a failure shows the end of postern's log."""
        try:
            return wait_until(condition, deadline_s, what, poll_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- postern's log ends:\n{self.log()[-4000:]}") from None

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def dig(self, *arguments, server=DNS, **named):
        return dig_client.ask(server, *arguments, **named)

    def addresses(self, name=NAME):
        """The A answer as a set."""
        return set(self.dig(name, "A").data)

    def wait_addresses(self, *expected, deadline_s=DEADLINE_S):
        self.wait(lambda: self.addresses() == set(expected), f"the answer to be {sorted(expected)}", deadline_s)

    def run(self, *command, timeout_s=60, **named):
        return subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout_s, check=False, cwd=self.folder, **named)

    def postern(self, *arguments, config=True, environment=None):
        """A postern command; CompletedProcess."""
        more = ["--config", self.config_file] if config else []
        return self.run(POSTERN, *arguments, *more, env={**self.environment, **(environment or {})})

    def curl(self, url, *arguments):
        """(exit code, HTTP status, body)"""
        done = self.run("curl", "-sS", "-m", "20", "--noproxy", "*", "-w", "\n%{http_code}", *arguments, url)
        body, _, status = done.stdout.rpartition("\n")
        return done.returncode, int(status or 0), body

    def http(self, path, *arguments):
        """(HTTP status, body) of postern's own HTTP service; status 0 when there is none."""
        _, status, body = self.curl(f"http://{HTTP}{path}", *arguments)
        return status, body

    def http_json(self, path):
        status, body = self.http(path)
        return status, json.loads(body)

    def health(self):
        """(HTTP status, document)"""
        return self.http_json("/health")

    def probes(self, query=""):
        """Probe records, newest first, whatever the envelope."""
        status, body = self.http(f"/api/v1/probes{query}")
        if status != 200:
            raise AssertionError(f"/api/v1/probes{query}: {status} {body[:300]}")
        value = json.loads(body)
        return value if isinstance(value, list) else value["probes"]

    def last_probe(self, address):
        return next((record for record in self.probes() if record["ip"] == address), None)

    def wait_probe(self, address, condition, what):
        return self.wait(lambda: (lambda record: record if record and condition(record) else None)(
            self.last_probe(address)), f"a probe of {address} to show {what}")

    def api_log(self, **wanted):
        """Requests that the API has seen, with these fields."""
        return [entry for entry in self.aliyun.control.log() if entry["service"] == "api"
                and all(entry.get(key) == value for key, value in wanted.items())]

    def wait_api_calls(self, count, what="calls of the API", **wanted):
        """Waits until the API has seen `count` more requests than now."""
        before = len(self.api_log(**wanted))
        self.wait(lambda: len(self.api_log(**wanted)) >= before + count, f"{count} more {what}", deadline_s=60)

    def set_zone_address(self, zone, address):
        self.aliyun.control.post(f"/endpoints/{ENDPOINT}/zones/{zone}", EniIp=address)

    def log_lines(self, pattern):
        return [line for line in self.log().splitlines() if re.search(pattern, line, re.IGNORECASE)]


class HostTest(unittest.TestCase):
    """A fresh host for each test."""

    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)


class SharedHostTest(unittest.TestCase):
    """One running host for all tests of the class, which must not change it for each other."""

    CONFIG = {}

    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.prepare()

    @classmethod
    def prepare(cls):
        cls.host.start(**cls.CONFIG)
        cls.host.wait_addresses(*ZONES.values())
