# SPDX-License-Identifier: Apache-2.0
"""postern doctor's fault matrix with the real program: single faults, pairs and healthy hosts. Where a fix is a command, it is run as
it is printed, and doctor is content again."""

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest

from doctor_kit import LETS_IN, DoctorTest, Expectations, Report, overwrite, run_printed, start
from endpoint_kit import GROUP
from host import DNS, ENDPOINT, NAME, POSTERN, ROOT, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest
from test_doctor_gateway import FAULTS as GATEWAY

LOCALHOST = "127.0.0.1 localhost\n"
OTHER = "10.99.0.1"  # an address that the route decides about
SINGLES, PAIRS, HEALTHY = 120, 30, 16
USER = 61001


class Case:
    """`breaks` makes the fault and says in its test how to take it back (addCleanup). `fix`: the command of this code repairs it."""

    def __init__(self, name, breaks, fails=(), warns=(), fix=None, **call):
        self.name, self.breaks, self.fails, self.warns, self.fix, self.call = name, breaks, set(fails), set(warns), fix, call


def gateway(names, body, code):
    return Case(f"{'both' if len(names) > 1 else 'one'}: {body}", lambda t: t.gateways(*names, **body), {code})


def hosts(text, **codes):
    return Case(f"hosts: {text!r}", lambda t: t.file("/etc/hosts", LOCALHOST + text), fix=next(iter([*codes.get("fails", ()), *codes.get("warns", ())])), **codes)


def nsswitch(line):
    return Case(f"nsswitch: {line}", lambda t: t.file("/etc/nsswitch.conf", f"passwd: files\ngroup: files\n{line}\n"), {"PN-RESOLV-NSSWITCH"},
                fix="PN-RESOLV-NSSWITCH")


def mode(path, bits, **codes):
    return Case(f"mode {bits:04o} of {path}", lambda t: t.mode(path, bits), **codes)


def resolv_conf(text, **codes):
    return Case(f"resolv.conf: {text!r}", lambda t: t.file("/etc/resolv.conf", text), **codes)


def cloud(name, undo, path, body, **codes):
    return Case(f"cloud: {name}", lambda t: t.cloud(undo, path, **body), **codes)


def api(kind, code):
    return Case(f"the API: {kind}", lambda t: t.api_fault(kind), {code})


def endpoint(body, **codes):
    active = {"EndpointStatus": "Active", "EndpointBusinessStatus": "Normal", "ConnectionStatus": "Connected"}
    return cloud(str(body), {key: active[key] for key in body}, f"/endpoints/{ENDPOINT}", body, **codes)


def route(kind, code):
    return Case(f"a route: {kind}", lambda t: t.route(kind), {code}, arguments=["--address", OTHER])


def config(name, changes, **codes):
    return Case(f"configuration: {name}", lambda t: None, other=changes, **codes)


def environment(name, value, **codes):
    return Case(f"environment: {name}={value}", lambda t: None, environment={name: value}, **codes)


SINGLE = [
    *(gateway(("zone-a", "zone-b"), body, code) for body, code in GATEWAY),
    *(gateway(("zone-b",), body, code) for body, code in GATEWAY),
    hosts(f"{SPARE_ADDRESS} {NAME}\n", fails={"PN-HOSTS-SHADOW"}),
    hosts(f"{SPARE_ADDRESS} db {NAME} web # 密码 geheim\n", fails={"PN-HOSTS-SHADOW"}),
    hosts(f"\t{SPARE_ADDRESS}\t{NAME.upper()}\n", fails={"PN-HOSTS-SHADOW"}),
    hosts(f"{SPARE_ADDRESS} {NAME}.\n", warns={"PN-HOSTS-SHADOW"}),  # glibc takes it for another name
    hosts(f"203.0.113.8 {NAME}\n", fails={"PN-HOSTS-SHADOW"}),
    hosts(f"{ZONE_A} {NAME}\n", warns={"PN-HOSTS-FROZEN"}),
    hosts(f"{ZONE_A} other {NAME}\n", warns={"PN-HOSTS-FROZEN"}),
    hosts(f"{NAME} {ZONE_A}\n", warns={"PN-HOSTS-REVERSED"}),
    nsswitch("hosts: files"),
    nsswitch("hosts: files [NOTFOUND=return] dns"),
    nsswitch("hosts: files [!SUCCESS=return] dns"),
    nsswitch("hosts: files[notfound=return]dns"),
    nsswitch("hosts: files myhostname"),
    nsswitch("hosts: files resolve"),
    nsswitch("hosts: files resolve [UNAVAIL=return] dns"),
    mode("/etc/resolv.conf", 0o600, fails={"PN-RESOLV-MODE"}, fix="PN-RESOLV-MODE"),
    mode("/etc/nsswitch.conf", 0o640, fails={"PN-RESOLV-MODE"}, fix="PN-RESOLV-MODE"),
    mode("/etc/hosts", 0o600, fails={"PN-RESOLV-MODE"}, fix="PN-RESOLV-MODE"),
    Case("a token that others can read", lambda t: t.mode(t.host.token_file, 0o644), warns={"PN-CONFIG-TOKEN-OPEN"}, fix="PN-CONFIG-TOKEN-OPEN"),
    Case("a token that everybody may write", lambda t: t.mode(t.host.token_file, 0o666), warns={"PN-CONFIG-TOKEN-OPEN"}, fix="PN-CONFIG-TOKEN-OPEN"),
    resolv_conf("nameserver 127.0.0.53\n", fails={"PN-RESOLV-OFF"}, fix="PN-RESOLV-OFF"),
    resolv_conf("", fails={"PN-RESOLV-OFF"}),
    resolv_conf("nameserver 127.0.0.99\noptions timeout:1 attempts:1\n", fails={"PN-RESOLV-OFF"}),
    resolv_conf(f"nameserver {DNS}\nnameserver 127.0.0.53\n", warns={"PN-RESOLV-SECOND"}, fix="PN-RESOLV-SECOND"),
    cloud("an endpoint that nobody knows", {"not_found_status": 404}, "/options", {"not_found_status": 404}, fails={"PN-ENDPOINT-GONE"},
          other={"link": {"endpoint": "ep-bp1example0000000077"}}),
    endpoint({"ConnectionStatus": "Pending"}, fails={"PN-ENDPOINT-PENDING"}),
    endpoint({"ConnectionStatus": "Disconnected"}, fails={"PN-ENDPOINT-CLOSED"}),
    endpoint({"ConnectionStatus": "ServiceDeleted"}, fails={"PN-ENDPOINT-CLOSED"}),
    endpoint({"EndpointBusinessStatus": "FinancialLocked"}, fails={"PN-ENDPOINT-LOCKED"}),
    endpoint({"EndpointStatus": "Deleting"}, fails={"PN-ENDPOINT-GONE"}),
    endpoint({"EndpointStatus": "Creating"}, warns={"PN-ENDPOINT-MAKING"}),
    endpoint({"ConnectionStatus": "Connecting"}, warns={"PN-ENDPOINT-MAKING"}),
    cloud("a zone that is not connected", {"ZoneStatus": "Connected"}, f"/endpoints/{ENDPOINT}/zones/cn-hangzhou-i", {"ZoneStatus": "Disconnected"},
          warns={"PN-ENDPOINT-ZONE"}),
    cloud("rules that forbid what passes", {"rules": [LETS_IN]}, f"/security-groups/{GROUP}", {"rules": []}, warns={"PN-SECURITY-GROUP-443"}),
    cloud("not reachable", {"open": True}, "/listeners/api", {"open": False}, fails={"PN-API-UNREACHABLE"}),
    cloud("another clock", {"clock_offset_s": 0}, "/options", {"clock_offset_s": 7200}, fails={"PN-API-CLOCK"}),
    api("error", "PN-API-FAILED"),
    api("html_200", "PN-API-CAPTIVE"),
    api("denied", "PN-API-DENIED"),
    environment("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIunknownKey00000000", fails={"PN-API-KEY"}),
    environment("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong", fails={"PN-API-KEY"}),
    environment("http_proxy", "http://127.0.0.9:3128", warns={"PN-ENV-PROXY"}),
    route("unreachable", "PN-TCP-HOST-UNREACHABLE"),
    route("prohibit", "PN-TCP-PROHIBITED"),
    route("blackhole", "PN-TCP-NO-ROUTE"),
    config("a token that is not there", {"link": {"token_file": "/nonexistent.token"}}, fails={"PN-CONFIG-TOKEN"}),
    config("no token", {"link": {"token_file": None}}, warns={"PN-SQL-NO-TOKEN"}),
    config("a CA file that is not there", {"link": {"probe": {"ca_file": "/nonexistent.pem"}}}, fails={"PN-CONFIG-CA"}),
    config("a CA file of the API that is not there", {"aliyun": {"ca_file": "/nonexistent.pem"}}, fails={"PN-CONFIG-CA"}),
    config("a CA file without a certificate", {"link": {"probe": {"ca_file": "/etc/nsswitch.conf"}}}, fails={"PN-CONFIG-CA"}),
    config("no link", {"link": None}, warns={"PN-CONFIG-NO-LINK"}),
    config("nobody at the agent's address", {"http": {"listen": "127.0.0.1:9999"}}, fails={"PN-AGENT-DOWN"}),
    Case("another program at the agent's address", lambda t: t.web_server(), {"PN-AGENT-FOREIGN"}, other={"http": {"listen": "127.0.0.1:9998"}}),
    Case("an older configuration", lambda t: t.touch_config("# another one\n"), warns={"PN-CONFIG-OLDER"}, fix="PN-CONFIG-OLDER"),
    Case("no free port", lambda t: t.take_ports(), {"PN-LOCAL-PORTS"}, fix="PN-LOCAL-PORTS"),
    Case("the agent hangs", lambda t: t.stop_agent(), {"PN-AGENT-HANGS"}),
    Case("nscd", lambda t: None, warns={"PN-ENV-NSCD"}, beside="nscd"),
    Case("java", lambda t: None, warns={"PN-ENV-JVM"}, beside="java"),
    Case("upstreams that fail", lambda t: t.upstreams("servfail"), {"PN-STUB-FORWARD"}),
]

# By their names' beginnings: what they say together is what they say apart.
PAIR = [
    *((f"hosts: '{SPARE_ADDRESS} {NAME}", other) for other in (
        "one: {'mode': 'refuse'}", "both: {'mode': 'status', 'status': 401}", "both: {'mode': 'tls_eof'}", "mode 0600 of /etc/resolv.conf",
        "a token that others", "the API: html_200", "environment: http_proxy", "the agent hangs", "nscd")),
    *(("nsswitch: hosts: files [NOTFOUND=return] dns", other) for other in (
        "one: {'mode': 'refuse'}", "both: {'mode': 'status', 'status': 403}", "a token that others", "environment: http_proxy", "the API: denied",
        "{'ConnectionStatus': 'Connecting'}", "mode 0600 of /etc/hosts")),
    *(("a token that others can read", other) for other in (
        "one: {'mode': 'cert_wrong_name'}", "the API: html_200", "resolv.conf: 'nameserver 127.0.0.53", "cloud: another clock", "an older configuration",
        f"hosts: '{NAME} {ZONE_A}", "nscd")),
    *(("the API: denied", other) for other in (
        "both: {'mode': 'sql_code', 'code': 904}", "one: {'mode': 'refuse'}", "resolv.conf: 'nameserver 127.0.0.53", "environment: http_proxy", "java")),
    *(("environment: http_proxy", other) for other in (
        "one: {'mode': 'http_garbage'}", "cloud: rules that forbid", "an older configuration", "java", f"hosts: '{ZONE_A} {NAME}")),
]

WELL = [
    Case("as it is", lambda t: None),
    Case("nsswitch with mdns", lambda t: t.file("/etc/nsswitch.conf", "hosts: files mdns4_minimal [NOTFOUND=return] dns\n")),
    Case("nsswitch with resolve", lambda t: t.file("/etc/nsswitch.conf", "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n")),
    Case("nsswitch without hosts", lambda t: t.file("/etc/nsswitch.conf", "passwd: files\n")),
    Case("nsswitch with comments", lambda t: t.file("/etc/nsswitch.conf", "# hosts: files\n  Hosts:\tfiles dns # files [NOTFOUND=return]\n")),
    Case("nsswitch with files last", lambda t: t.file("/etc/nsswitch.conf", "hosts: dns files\n")),
    Case("similar names in hosts", lambda t: t.file("/etc/hosts", f"{LOCALHOST}10.9.9.9 x{NAME} {NAME}.example\n# 10.9.9.9 {NAME}\n")),
    Case("binary bytes in hosts", lambda t: t.binary("/etc/hosts", LOCALHOST.encode() + b"\0\xff\xfe\x1b[31m\n" * 100)),
    Case("no hosts file's content", lambda t: t.file("/etc/hosts", "")),
    Case("comments in resolv.conf", lambda t: t.file("/etc/resolv.conf", f"# x\n; y\nsearch lab.example\nnameserver {DNS}\noptions timeout:5 attempts:1\n")),
    Case("one address given", lambda t: None, arguments=["--address", ZONE_A]),
    Case("two addresses given", lambda t: None, arguments=["--address", ZONE_A, "--address", ZONE_B]),
    Case("a proxy that leaves it out", lambda t: None, environment={"https_proxy": "http://127.0.0.9:1", "no_proxy": NAME + ",.aliyuncs.com"}),
    Case("a container's nscd", lambda t: None, beside="container nscd"),
    Case("a container's resolved", lambda t: None, beside="container systemd-resolve"),
    Case("a Java that keeps addresses for 30 s", lambda t: None, beside="young java"),
    Case("a token for the group", lambda t: t.mode(t.host.token_file, 0o640)),
    Case("another language", lambda t: None, arguments=["--lang", "zh"]),
]


class Matrix(DoctorTest):
    @classmethod
    def prepare(cls):
        cls.host.private_etc()
        super().prepare()

    # --- what breaks, each taken back by a cleanup

    def mode(self, path, bits):
        self.addCleanup(os.chmod, path, os.stat(path).st_mode & 0o7777)
        os.chmod(path, bits)

    def binary(self, path, content):
        self.file(path, "")
        with open(path, "wb") as file:
            file.write(content)

    def api_fault(self, kind):
        self.host.aliyun.control.post("/faults", kind=kind)
        self.addCleanup(self.host.aliyun.control.delete, "/faults")

    def route(self, kind):
        subprocess.run(["ip", "route", "add", kind, "10.99.0.0/16"], check=True, timeout=60)
        self.addCleanup(subprocess.run, ["ip", "route", "del", kind, "10.99.0.0/16"], check=False, timeout=60)

    def upstreams(self, how):
        self.host.upstream.control.post("/servers", mode=how)
        self.addCleanup(self.host.upstream.control.post, "/servers", mode="ok")

    def web_server(self):
        server = http.server.HTTPServer(("127.0.0.1", 9998), http.server.BaseHTTPRequestHandler)
        server.RequestHandlerClass.log_message = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def reload(self):
        run_printed(self.host, ["systemctl", "reload", "postern"])

    def touch_config(self, more):
        with open(self.host.config_file, encoding="utf-8") as file:
            text = file.read()
        self.addCleanup(self.reload)
        self.file(self.host.config_file, text + more)

    def take_ports(self):
        path = "/proc/sys/net/ipv4/ip_local_port_range"
        with open(path, encoding="ascii") as file:
            before = file.read()
        self.addCleanup(overwrite, path, before)
        for port in (61000, 61001):
            own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            own.bind(("0.0.0.0", port))
            self.addCleanup(own.close)
        overwrite(path, "61000 61001")

    def stop_agent(self):
        self.host.agent.send_signal(signal.SIGSTOP)
        self.addCleanup(self.host.agent.send_signal, signal.SIGCONT)

    def beside(self, what):
        """A line of shell that starts it and waits until it is running."""
        name = what.split()[-1]
        program = f"{self.host.folder}/{name}"
        if not os.path.exists(program):
            shutil.copy("/bin/sh", program)
        setting = {"java": "-Dsun.net.inetaddr.ttl=-1", "young java": "-Dsun.net.inetaddr.ttl=30"}.get(what, "")
        around = "unshare --pid --fork " if what.startswith("container") else ""
        return (f"rm -f wait; mkfifo wait; {around}{program} -c 'read line <wait' {name} {setting} & "
                f"until grep -qx {name[:15]} /proc/[0-9]*/comm 2>/dev/null; do sleep 0.02; done")

    def settle(self):
        """The agent has seen that the fault is gone, as far as doctor asks it."""
        def told():
            faults = self.host.http_json("/api/v1/status")[1]["faults"]
            return [f["code"] for f in faults if f["code"].startswith(("PN-AGENT-", "PN-CONFIG-", "PN-UPSTREAM-", "PN-API-CLOCK"))]
        self.doCleanups()
        if "PN-API-CLOCK" in told():  # it sees the API's clock again when it asks
            self.host.postern("refresh")
        self.host.wait(lambda: not told(), "the agent to be content")

    # --- running

    def look(self, case, fails, warns, **more):
        call = {**case.call, **more}
        arguments = call.pop("arguments", [])
        if "other" in call:
            arguments, call["config"] = [*arguments, "--config", self.config(**call.pop("other"))], False
        if "beside" in call:
            call["beside"] = self.beside(call["beside"])
        return self.doctor(*arguments, fails=fails, warns=warns, **call)

    def is_content(self, case):
        """The agent may need a moment to see it, too."""
        try:
            return self.look(case, (), ())
        except AssertionError as error:
            self.last = str(error)
            return None

    def repair(self, argv):
        if argv[:3] == ["postern", "dns", "enable"]:
            self.addCleanup(self.host.postern, "dns", "disable")
        run_printed(self.host, argv)

    def one(self, case):
        try:
            case.breaks(self)
            report = self.look(case, case.fails, case.warns)
            if case.fix:
                for finding in [f for f in report.findings if f["code"] == case.fix and f["state"] in ("FAIL", "WARN")]:
                    self.repair(finding["fix_command"])
                self.host.wait(lambda: self.is_content(case), f"doctor to be content after {case.fix}")
        finally:
            self.settle()

    def test_single_faults(self):
        self.assertGreaterEqual(len(SINGLE), SINGLES)
        self.assertEqual(len({case.name for case in SINGLE}), len(SINGLE))
        for case in SINGLE:
            with self.subTest(case.name):
                self.one(case)
        print(f"{len(SINGLE)} single faults, {sum(case.fix is not None for case in SINGLE)} repaired as printed", flush=True)

    def test_pairs(self):
        self.assertGreaterEqual(len(PAIR), PAIRS)
        for names in PAIR:
            cases = []
            for name in names:
                (case,) = [case for case in SINGLE if case.name == name or case.name.startswith(name) or case.name.endswith(name)][:1]
                cases.append(case)
            with self.subTest(" and ".join(case.name for case in cases)):
                one, other = cases
                both = Case("both", None, **{**one.call, **other.call})
                try:
                    one.breaks(self)
                    other.breaks(self)
                    self.look(both, one.fails | other.fails, one.warns | other.warns)
                finally:
                    self.settle()
        print(f"{len(PAIR)} pairs", flush=True)

    def test_healthy_hosts(self):
        self.assertGreaterEqual(len(WELL), HEALTHY)
        for case in WELL:
            with self.subTest(case.name):
                try:
                    case.breaks(self)
                    self.look(case, (), ())
                finally:
                    self.doCleanups()
        print(f"{len(WELL)} healthy hosts", flush=True)


class Never(DoctorTest):
    """It reports or says clearly why it can't, whatever is missing. Beside the other processes of the machine, which it may warn of."""

    def ends_well(self, script, codes):
        done = self.host.run("sh", "-c", script, "sh", POSTERN, self.host.config_file, env=self.host.environment)
        self.assertIn(done.returncode, codes, f"{script}\n{done.stdout}{done.stderr}")
        if done.returncode == 3:
            self.assertTrue(done.stderr.strip() or "unknown" in done.stdout, script)
        return done

    def test_few_descriptors(self):
        for limit in (8, 12, 16, 20, 32, 64, 100):
            self.ends_well(f'ulimit -n {limit}; exec "$1" doctor --config "$2"', {0, 1, 3})
            self.ends_well(f'ulimit -n {limit}; exec setpriv --bounding-set=-sys_resource --inh-caps=-all "$1" doctor --config "$2"', {0, 1, 3})

    def test_closed_descriptors(self):
        self.assertEqual(self.ends_well('exec "$1" doctor --config "$2" >&-', {3}).stdout, "")
        self.ends_well('exec "$1" doctor --config "$2" 2>&-', {0, 1})
        self.ends_well('exec "$1" doctor --config "$2" <&-', {0, 1})
        self.ends_well('"$1" doctor --config "$2" >/dev/full', {3})

    def test_a_broken_locale(self):
        for locale in ("xx_YY.nonsense", "\x01", "en_US.", "." * 300):
            done = self.host.postern("doctor", environment={"LC_ALL": locale, "LANG": locale})
            self.assertIn((done.returncode, done.stderr), ((0, ""), (1, "")), locale)

    def test_missing_files(self):
        for hide in ("/proc", "/sys", "/etc"):
            with self.subTest(hide):
                self.host.run("unshare", "--mount", "sh", "-c", f'mount -t tmpfs tmpfs {hide} && exec "$@"', "sh", POSTERN, "doctor",
                              "--config", self.host.config_file, env=self.host.environment)
                done = self.host.run("unshare", "--mount", "sh", "-c", f'mount -t tmpfs tmpfs {hide} && exec "$@"', "sh", POSTERN, "doctor",
                                     "--config", self.host.config_file, "--json", env=self.host.environment)
                self.assertIn(done.returncode, {0, 1, 2, 3}, done.stderr)
                self.assertTrue(Report(done).findings)

    def test_a_large_hosts_file(self):
        with open("/etc/hosts", encoding="utf-8") as file:
            before = file.read()
        self.addCleanup(overwrite, "/etc/hosts", before)
        with open("/etc/hosts", "a", encoding="utf-8") as file:
            file.write("10.9.9.9 some-name.example.com\n" * 50000)
        self.doctor(warns={"PN-HOSTS-UNREAD"})


class Throttled(HostTest, Expectations):
    def test_the_caller_asks_too_often(self):
        start(self.host)
        self.host.aliyun.control.post("/faults", kind="throttle", time_left_ms=60000)
        report = self.doctor(fails={"PN-API-THROTTLED"})
        self.assertEqual(report.of("PN-API-THROTTLED")["owner"], "you")


class Rights(DoctorTest):
    """An agent under another user: its files are looked at as that user."""

    @classmethod
    def prepare(cls):
        with open("/proc/self/uid_map", encoding="ascii") as file:
            cls.can = os.geteuid() == 0 and any(int(line.split()[2]) > USER for line in file)
        if cls.can:
            cls.host.give_to(USER)
            os.chmod(cls.host.folder, 0o755)
        super().prepare()

    def setUp(self):
        if not self.can:
            self.skipTest("needs root and users to change to")

    def look(self):
        """Not in a PID namespace of its own, where the agent's process can't be seen."""
        return Report(self.host.postern("doctor", "--json"))

    def test_what_the_agent_can_not_read(self):
        self.assertEqual(self.look().codes("FAIL"), set())
        os.chown(self.host.token_file, 0, 0)
        self.addCleanup(os.chown, self.host.token_file, USER, USER)
        report = self.look()
        self.assertIn("PN-CONFIG-RIGHTS", report.codes("FAIL"), report.text)
        run_printed(self.host, report.of("PN-CONFIG-RIGHTS")["fix_command"])
        self.assertEqual(self.look().codes("FAIL"), set())

    def test_an_open_token_stays_the_agent_s(self):
        os.chown(self.host.token_file, 0, 0)
        os.chmod(self.host.token_file, 0o644)
        self.addCleanup(os.chmod, self.host.token_file, 0o600)
        self.addCleanup(os.chown, self.host.token_file, USER, USER)
        report = self.look()
        self.assertIn("PN-CONFIG-TOKEN-OPEN", report.codes("WARN"), report.text)
        run_printed(self.host, report.of("PN-CONFIG-TOKEN-OPEN")["fix_command"])
        after = self.look()
        # It sees the machine's own processes here, and so the containers of other tests.
        self.assertEqual((after.codes("FAIL"), after.codes("WARN") - {"PN-ENV-CONTAINER"}), (set(), set()), after.text)

    def test_the_agent_listens_elsewhere(self):
        report = Report(self.host.postern("doctor", "--json", "--config", self.config(http={"listen": "127.0.0.1:9997"}), config=False))
        self.assertEqual(report.codes("FAIL"), {"PN-AGENT-ELSEWHERE"}, report.text)

    def test_another_program_is_named(self):
        with socket.create_server(("127.0.0.1", 9996)):
            report = Report(self.host.postern("doctor", "--json", "--config", self.config(http={"listen": "127.0.0.1:9996"}), config=False))
        self.assertEqual(report.codes("FAIL"), {"PN-AGENT-FOREIGN"}, report.text)
        self.assertIn(f"(pid {os.getpid()})", report.of("PN-AGENT-FOREIGN")["cause"])


class Commands(unittest.TestCase):
    """Every fix that is a command is run as it is printed, or stands here with what keeps it from that."""

    ELSEWHERE = {"PN-CONFIG-RIGHTS", "PN-AGENT-DOWN", "PN-AGENT-HANGS", "PN-RESOLV-CHANGED", "PN-RESOLV-ROTATE"}  # Rights here, test_doctor_host
    NOT_RUN = {
        "PN-API-CLOCK": "sets the clock of the machine",
        "PN-AGENT-ELSEWHERE": "the agent's own file names another address: only an installed unit has one file",
        **dict.fromkeys(["PN-AGENT-RESOLVER", "PN-STUB-SILENT", "PN-AGENT-PLAN-REFUSED", "PN-AGENT-PLAN-LATE", "PN-AGENT-STATS", "PN-CONFIG-RESTART",
                         "PN-RESOLV-SILENT", "PN-RESOLV-UNWATCHED", "PN-APP-FREEING"], "systemctl of units that only an installed package has"),
        **dict.fromkeys(["PN-STUB-WRONG", "PN-ADDRESS-NONE", "PN-ADDRESS-MISSING"], "postern refresh: the agent does so by itself, so the fault may be gone before"),
        **dict.fromkeys(["PN-SYSTEM-UNKNOWN-NAME", "PN-SYSTEM-PUBLIC", "PN-RESOLV-UNASKED", "PN-RESOLV-TRUCE"], "postern dns enable, as of PN-RESOLV-OFF"),
        "PN-RESOLV-BROKEN": "postern dns reapply, as of PN-RESOLV-CHANGED",
        **dict.fromkeys(["PN-ENV-NSCD", "PN-SYSTEM-CACHED"], "needs an nscd that runs"),
    }

    def test_each_is_run_or_named(self):
        with open(f"{ROOT}/agent/faults/texts.en.json", encoding="utf-8") as file:
            commands = {code for code, texts in json.load(file)["findings"].items() if "command" in texts}
        run_here = {case.fix for case in SINGLE if case.fix}
        self.assertEqual(run_here | self.ELSEWHERE | self.NOT_RUN.keys(), commands)
        self.assertEqual((run_here | self.ELSEWHERE) & self.NOT_RUN.keys(), set())
        print(f"{len(run_here | self.ELSEWHERE)} of {len(commands)} codes with a command: run as printed", flush=True)


if __name__ == "__main__":
    unittest.main()
