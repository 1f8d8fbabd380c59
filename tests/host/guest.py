# SPDX-License-Identifier: Apache-2.0
"""A Debian host of one of the lab's kinds with postern's package, and tests that use such hosts.

The gateway that the private name leads to is a stand-in in the guest's own network, so probes are real."""

import atexit
import difflib
import functools
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "standin"))

import pki  # noqa: E402
from launch import wait_until  # noqa: E402

LAB = os.path.join(HERE, "lab")
PROGRAMS = os.path.abspath(os.environ.get("POSTERN_PROGRAMS", f"{ROOT}/build/release"))
# Of another Debian than the gate's: all there are.
VARIANTS = subprocess.run([LAB, "variants", "all" if "LAB_SUITE" in os.environ else "usual"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.split()
SPLIT = ["resolved", "nm-resolved", "netplan", "netplan-nm", "cloud-init"]  # they can send us the private names alone
KINDS = [(variant, mode) for variant in VARIANTS for mode in ("full", "split") if mode == "full" or variant in SPLIT]

PRIVATE, PRIVATE_ADDRESS = "gw-private.cloud.lab.test", "10.77.0.1"  # a name that only postern knows
PUBLIC, PUBLIC_ADDRESS = "www.example", "192.0.2.80"
WHICH_UPSTREAM = "ns.example"  # 192.0.2.1 or 192.0.2.2: the upstream that answered
SERVER = "127.0.0.153"
TOKEN = "5ecre7705ecre7705ecre7705ecre7705ecre770"
CONFIG = f"""[[link]]
name = "lab"
host = "{PRIVATE}"
addresses = ["{PRIVATE_ADDRESS}"]
token_file = "/etc/postern/lab.token"
[link.probe]
interval = "2s"
ca_file = "/etc/postern/lab-ca.pem"
"""
API_ADDRESS, ENDPOINT = "10.77.0.2", "ep-bp1example0000000001"
CLOUD_CONFIG = f"""[aliyun]
region = "cn-hangzhou"
poll_interval = "2s"
api_endpoint = "https://{API_ADDRESS}"
metadata_url = "http://{API_ADDRESS}"
ca_file = "/etc/postern/lab-ca.pem"
""" + CONFIG.replace(f'addresses = ["{PRIVATE_ADDRESS}"]', f'endpoint = "{ENDPOINT}"')
DEADLINE_S = 60


def package():
    """POSTERN_DEB, or the newest .deb of the build under test."""
    if "POSTERN_DEB" in os.environ:
        return os.path.abspath(os.environ["POSTERN_DEB"])
    found = sorted(glob.glob(f"{PROGRAMS}/postern_*.deb"), key=os.path.getmtime)
    return found[-1] if found else None


def load_program():
    return f"{PROGRAMS}/tests/host/host_load"


def missing():
    """Why hosts can't be booted here; empty when they can."""
    if os.geteuid() != 0:
        return "not root"
    if os.environ.get("POSTERN_NO_HOSTS"):
        return os.environ["POSTERN_NO_HOSTS"]
    for program in ("debootstrap", "systemd-nspawn", "dnsmasq", "nsenter"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"no {program}"
    if package() is None:
        return f"no package in {PROGRAMS} (packaging/deb.sh)"
    if not os.path.exists(load_program()):
        return f"no {load_program()} (cmake --build --preset release --target host_load)"
    return ""


@functools.cache
def world():
    """Certificates and whatever else the stand-ins read; one folder for all guests of this process."""
    folder = tempfile.TemporaryDirectory(prefix="postern-host-")
    atexit.register(folder.cleanup)
    pki.make(f"{folder.name}/pki", [PRIVATE, API_ADDRESS])
    with open(f"{folder.name}/tokens", "w", encoding="ascii") as file:
        file.write(TOKEN + "\n")
    return folder.name


@functools.cache
def newer_package(version, change="true"):
    """The same files as another version, as an upgrade sees them; `change`: a script that runs in its tree."""
    tree, out = f"{world()}/deb-{version}", f"{world()}/postern_{version}.deb"
    subprocess.run(["dpkg-deb", "-R", package(), tree], check=True)
    subprocess.run(["sed", "-i", f"s/^Version:.*/Version: {version}/", f"{tree}/DEBIAN/control"], check=True)
    subprocess.run(["sh", "-euc", change], check=True, cwd=tree)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, out], check=True,
                   stdout=subprocess.DEVNULL)
    return out


def lab(*arguments, check=True, timeout_s=400, stdin=None):
    done = subprocess.run([LAB, *map(str, arguments)], input=stdin or "", capture_output=True, text=True,
                          timeout=timeout_s, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def take_down_forgotten():
    """Guests of test processes that were killed. A guest is called t<PID>-…"""
    for line in lab("list").stdout.splitlines():
        owner = re.match(r"t(\d+)-", line)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            lab("down", line.split()[0], check=False)


class Load:
    """host_load in the background; stop() gives its report."""

    def __init__(self, guest, *arguments):
        self._process = subprocess.Popen([LAB, "run", guest.name, "host_load", *map(str, arguments)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "ready\n":
            raise AssertionError(f"host_load {arguments}: nothing was answered")

    def stop(self):
        return json.loads(self._end())

    def _end(self):
        self._process.stdin.close()  # the sign to end
        out = self._process.stdout.read()  # not communicate(): it forgets what was read ahead with "ready"
        self._process.stdout.close()
        self._process.wait()
        return out

    def kill(self):
        self._process.kill()
        self._process.wait()


class Watch(Load):
    """What getaddrinfo says of some names, and since when."""

    def stop(self):
        """{name: [(seconds since the epoch, answer), …]}, each change of the answer."""
        seen = {}
        for line in self._end().splitlines():
            at, name, answer = line.split(" ", 2)
            seen.setdefault(name.rstrip("."), []).append((int(at) / 1000, answer))
        return seen


class Guest:
    _count = 0

    def __init__(self, variant):
        Guest._count += 1
        self.variant = variant
        self.name = f"t{os.getpid()}-{Guest._count}-{variant}"
        self._stand_ins = []
        try:
            lab("up", variant, self.name)
            self.start_stand_in("tdengine.py", "--pki", f"{world()}/pki", "--token-file", f"{world()}/tokens",
                                "--listen", f"{PRIVATE_ADDRESS}:443=gateway")
        except BaseException:
            self.down()
            raise

    def down(self):
        self.stop_stand_ins()
        lab("down", self.name)

    # --- the machine -------------------------------------------------------------------------------------------------

    def run(self, *command, check=True, stdin=None, timeout_s=400):
        return lab("run", self.name, *command, check=check, stdin=stdin, timeout_s=timeout_s)

    def sh(self, script, check=True):
        return self.run("sh", "-ec", script, check=check).stdout

    def cloud_init(self, upstream):
        """Rewrites resolv.conf, with a header that names the owner. Returns what identifies that upstream."""
        self.write("/etc/resolv.conf", "# Created by cloud-init automatically, do not edit.\n#\n"
                                       f"nameserver 10.77.0.{upstream}\n")
        return f"192.0.2.{upstream}"

    def edit_halted(self, script):
        lab("chroot", self.name, "sh", "-ec", script)

    def write(self, path, text, mode="644", group="root"):
        self.run("sh", "-ec", 'cat >"$1.new"; chmod "$2" "$1.new"; chgrp "$3" "$1.new"; mv "$1.new" "$1"',
                 "write", path, mode, group, stdin=text)

    def put(self, file, path):
        lab("put", self.name, file, path)

    def snapshot(self):
        return lab("snapshot", self.name).stdout

    def reboot(self):
        lab("reboot", self.name)

    def cut(self):
        lab("cut", self.name)

    def boot(self):
        """Starts a halted guest; an error when its DNS does not work."""
        lab("boot", self.name)

    def renew(self):
        """Another nameserver by DHCP; what WHICH_UPSTREAM is from now on."""
        return lab("renew", self.name).stdout.strip().replace("10.77.0.", "192.0.2.")

    def net(self, what):
        lab("net", self.name, what)

    def start_stand_in(self, program, *arguments):
        """One of tests/standin in the guest's network. Dies with us."""
        ready = f"{world()}/{self.name}.{program}.ready"
        self._stand_ins.append(subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", LAB, "outside", self.name, sys.executable,
             f"{ROOT}/tests/standin/{program}", *arguments, "--ready-file", ready],
            stdin=subprocess.DEVNULL, env={**os.environ, "STANDIN_NETWORK": "10.77.0.0/24"}))
        wait_until(lambda: os.path.exists(ready), DEADLINE_S, program)

    def start_cloud(self):
        """The cloud's API and metadata; CLOUD_CONFIG uses them."""
        scenario = f"{world()}/scenario.json"
        with open(scenario, "w", encoding="ascii") as file:
            zones = [{"ZoneId": "cn-hangzhou-h", "EniIp": PRIVATE_ADDRESS}]
            json.dump({"keys": [{"id": "LTAIexample", "secret": "exampleSecret"}],
                       "endpoints": {ENDPOINT: {"Zones": zones}}, "metadata": {"zone-id": "cn-hangzhou-h"}}, file)
        self.start_stand_in("aliyun.py", "--cert", f"{world()}/pki/good.pem", "--key", f"{world()}/pki/good.key",
                            "--scenario", scenario, "--api", f"{API_ADDRESS}:443", "--imds", f"{API_ADDRESS}:80")
        self.write("/etc/postern/environment", "ALIBABA_CLOUD_ACCESS_KEY_ID=LTAIexample\n"
                                               "ALIBABA_CLOUD_ACCESS_KEY_SECRET=exampleSecret\n", "600")
        self.run("systemctl", "restart", "postern")

    def stop_stand_ins(self):
        while self._stand_ins:
            process = self._stand_ins.pop()
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:  # the stand-in's fault, not postern's: it says where it waits
                print(f"a stand-in did not end by SIGTERM: {process.args}", file=sys.stderr)
                process.send_signal(signal.SIGABRT)
                process.wait(timeout=30)

    # --- postern -----------------------------------------------------------------------------------------------------

    def install(self, deb=None):
        self.put(deb or package(), "/root/postern.deb")
        self.run("dpkg", "-i", "/root/postern.deb")

    def configure(self, config=CONFIG):
        """One private name; returns when it is answered."""
        with open(f"{world()}/pki/ca.pem", encoding="ascii") as file:
            self.write("/etc/postern/lab-ca.pem", file.read())
        self.write("/etc/postern/lab.token", TOKEN + "\n", "640", "postern")
        self.write("/etc/postern/postern.toml", config)
        self.run("systemctl", "reload", "postern")
        self.wait(lambda: self.dig(PRIVATE) == [PRIVATE_ADDRESS], "postern to answer the private name")

    def dns(self, verb, *arguments, check=True, stop_after=None):
        environment = [] if stop_after is None else ["env", f"POSTERN_HOSTDNS_STOP_AFTER={stop_after}"]
        return self.run(*environment, "postern", "dns", verb, *arguments, check=check)

    def status(self):
        """{} where the program can't start."""
        return json.loads(self.dns("status", "--json", check=False).stdout or "{}")

    def queries(self):
        """What postern answered so far: {"private": …, "public": …}; canaries are neither."""
        text = self.run("curl", "-sS", "http://127.0.0.1:9853/metrics").stdout
        counts = {"private": 0, "public": 0}
        for source, value in re.findall(r'^postern_dns_queries_total\{[^}]*source="(\w+)"[^}]*\} (\d+)', text, re.M):
            if source in ("private", "cache", "stale", "upstream"):
                counts["private" if source == "private" else "public"] += int(value)
        return counts

    def dig(self, name, server=SERVER):
        return self.run("dig", f"@{server}", "+short", "+tries=1", "+time=2", name, check=False).stdout.split()

    def getent(self, name, patience_s=60):
        """The host's own way; the addresses, or [] where there are none. The dot keeps search domains out."""
        out = self.run("timeout", patience_s, "getent", "ahostsv4", f"{name}.", check=False).stdout
        return sorted({line.split()[0] for line in out.splitlines()})

    def serves_private(self):
        return self.getent(PRIVATE) == [PRIVATE_ADDRESS]

    def serves_public(self, patience_s=60):
        return self.getent(PUBLIC, patience_s) == [PUBLIC_ADDRESS]

    def wait(self, condition, what, deadline_s=DEADLINE_S):
        """Returns how long it took."""
        begin = time.monotonic()
        wait_until(condition, deadline_s, what, poll_s=0.1, poll_max_s=1)  # a look costs 40 ms of processor
        return time.monotonic() - begin

    def wait_served(self, what="private and public names to be answered", deadline_s=DEADLINE_S):
        return self.wait(lambda: self.serves_private() and self.serves_public(), what, deadline_s)

    def install_load(self):
        self.put(load_program(), "/usr/local/bin/host_load")

    def journal(self):
        return self.sh("journalctl -q -o short-precise -b -u 'postern*' | tail -n 25; postern dns status || true; "
                       "cat /etc/resolv.conf; systemctl list-jobs", check=False)


def on_every_kind(case, method):
    """A test of `case` for each kind of host in each mode: method(variant, mode)."""
    for variant, mode in KINDS:
        def test(self, variant=variant, mode=mode):
            method(self, variant, mode)
        setattr(case, f"test_{variant.replace('-', '_')}_{mode}", test)


class HostTest(unittest.TestCase):
    """Guests are taken down after the test; of a failure, their journal is shown."""

    @classmethod
    def setUpClass(cls):
        why = missing()
        if why:
            raise unittest.SkipTest(f"no host lab: {why}")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that guests are taken down
        take_down_forgotten()

    def guest(self, variant):
        guest = Guest(variant)
        self.addCleanup(self._end, guest)
        return guest

    def ready_guest(self, variant, mode=None):
        """postern installed and serving; with a mode: taken over."""
        guest = self.guest(variant)
        guest.install()
        guest.configure()
        if mode:
            guest.dns("enable", "--mode", mode)
            self.assert_served(guest)
        return guest

    def run(self, result=None):
        self._result = result
        return super().run(result)

    def _end(self, guest):
        failed = [getattr(test, "test_case", test) for test, _ in self._result.failures + self._result.errors]
        if self in failed:
            print(f"--- {guest.name}:\n{guest.journal()}", file=sys.stderr)
        guest.down()

    def assert_served(self, guest):
        self.assertEqual(guest.getent(PRIVATE), [PRIVATE_ADDRESS], "the private name")
        self.assertEqual(guest.getent(PUBLIC), [PUBLIC_ADDRESS], "a public name")

    def assert_same(self, before, after):
        if before != after:
            difference = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", "", "", 8, "")
            self.fail("the host is not as it was:\n" + "\n".join(difference))

    def note(self, text):
        """A measured number, for the one who reads the log."""
        print(f"{self.id().rpartition('.')[2]}: {text}", file=sys.stderr)
