# SPDX-License-Identifier: Apache-2.0
"""postern doctor on a separate host: healthy, and with one fault at a time, each with doctor's findings."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct

from endpoint_kit import GROUP, OPEN
from host import ENDPOINT, KEY_SECRET, POSTERN, TOKEN, ZONES, SharedHostTest, merge, toml

# A busy machine must not look like a slow gateway.
PATIENT = {"link": {"probe": {"timeout": "2s", "connect_timeout": "1s", "degraded_over": "1500ms"}}}
LETS_IN = {**OPEN, "SourceCidrIp": "127.0.0.0/8"}
SECRETS = (TOKEN, KEY_SECRET)
SO_ATTACH_FILTER = 26


def start_world(host, **scenario):
    """Endpoint, two zones, and a security group that lets this host in."""
    zones = [{"ZoneId": zone, "EniIp": address} for zone, address in ZONES.items()]
    host.start_upstream()
    host.start_aliyun(**{"endpoints": {ENDPOINT: {"Zones": zones, "SecurityGroups": [GROUP]}},
                         "security_groups": {GROUP: {"rules": [LETS_IN]}}, **scenario})
    host.start_gateways()


def start(host, **changes):
    """The world, and an agent that knows the addresses."""
    start_world(host)
    host.start_postern(**merge(PATIENT, changes))
    host.wait_addresses(*ZONES.values())
    host.wait(lambda: host.health()[1]["status"] == "pass", "good health")


class Report:
    """What doctor has printed with --json."""

    def __init__(self, done):
        self.code = done.returncode
        self.stderr = done.stderr
        self.text = done.stdout
        self.value = json.loads(done.stdout)
        self.findings = self.value["findings"]

    def codes(self, state):
        return {finding["code"] for finding in self.findings if finding["state"] == state}

    def of(self, code):
        """The only finding of that code."""
        (finding,) = [finding for finding in self.findings if finding["code"] == code]
        return finding

    def because(self, step):
        """{what a step was skipped for}"""
        return {finding["because"] for finding in self.findings if finding["step"] == step and finding["state"] == "SKIP"}


def call(host, *arguments, config=True, environment=None, beside=""):
    """CompletedProcess. In its own PID namespace, so that other processes of the machine are not seen; `beside` is a line of shell that
    starts something there and waits until it is running."""
    more = ["--config", host.config_file] if config else []
    return host.run("unshare", "--pid", "--fork", "--mount-proc", "bash", "-c", f'{beside}\n"$@"', "bash",
                    POSTERN, "doctor", *arguments, *more, env={**host.environment, **(environment or {})})


def run(host, *arguments, **named):
    done = call(host, "--json", *arguments, **named)
    try:
        return Report(done)
    except ValueError:
        raise AssertionError(f"no JSON: {done.returncode}\n{done.stdout}{done.stderr}") from None


def run_printed(host, argv):
    """Runs a fix's command as it is printed, from a PATH that has postern. There is no systemd: what systemctl would do is done here."""
    if argv == ["systemctl", "reload", "postern"]:
        def loaded():
            return host.http_json("/api/v1/status")[1]["config"]["loaded"]
        before = loaded()
        host.agent.send_signal(signal.SIGHUP)
        return host.wait(lambda: loaded() != before, "the configuration to be read again")
    if argv in (["systemctl", "start", "postern"], ["systemctl", "restart", "postern"]):
        if host.agent is not None and host.agent.poll() is None:
            host.stop_agent(signal.SIGKILL)
        return host.start_postern(config=False)
    tools = f"{host.folder}/bin"
    os.makedirs(tools, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.symlink(POSTERN, f"{tools}/postern")
    done = host.run(*argv, env={**host.environment, "PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin"})
    if done.returncode != 0:
        raise AssertionError(f"{argv}\n{done.stdout}{done.stderr}")
    return None


class Expectations:
    """Of a unittest.TestCase that has `host`."""

    def doctor(self, *arguments, fails=(), warns=(), **named):
        """Runs doctor: its FAILs and WARNs must be exactly these codes."""
        report = run(self.host, *arguments, **named)
        seen = "\n".join(f"{f['state']} {f['code']} {f.get('because') or ''} {f['text']}" for f in report.findings)
        self.assertEqual((report.codes("FAIL"), report.codes("WARN")), (set(fails), set(warns)), seen)
        self.assertEqual(report.code, 2 if fails else 1 if warns else 0, seen)
        self.assertEqual(report.stderr, "")
        for finding in report.findings:
            self.assert_told(finding)
        for secret in SECRETS:
            self.assertNotIn(secret, report.text)
        return report

    def repaired(self, report, code):
        """Runs the command that is printed for `code`; doctor is content after it."""
        run_printed(self.host, report.of(code)["fix_command"])

        def content():
            after = run(self.host)
            return not after.codes("FAIL") and not after.codes("WARN")
        self.host.wait(content, f"doctor to be content after {code}")

    def assert_told(self, finding):
        """Each finding is complete, and every placeholder is filled in."""
        if finding["state"] in ("FAIL", "WARN"):
            for part in ("cause", "expected", "found", "fix", "verify", "owner", "manual"):
                self.assertTrue(finding[part], finding)
                self.assertNotRegex(finding[part], r"\{[a-z_]+\}|  |, ,|: *$| of is | is ,", finding)
        elif finding["state"] == "SKIP":
            self.assertTrue(finding["text"], finding)


class DoctorTest(Expectations, SharedHostTest):
    """One healthy host for all tests of the class; a test that breaks it repairs it with addCleanup."""

    @classmethod
    def prepare(cls):
        start(cls.host, **cls.CONFIG)

    def gateways(self, *names, **body):
        """A mode of these listeners (of all), until the test ends."""
        control = self.host.gateways.control
        for name in names or ("zone-a", "zone-b"):
            control.post(f"/listeners/{name}", **body)
            self.addCleanup(control.post, f"/listeners/{name}", mode="ok")

    def cloud(self, undo, path, **body):
        """A change of the stand-in for the cloud; `undo` is the body that takes it back."""
        control = self.host.aliyun.control
        control.post(path, **body)
        self.addCleanup(control.post, path, **undo)

    def file(self, path, text):
        """Another text of a file, until the test ends."""
        with open(path, encoding="utf-8") as file:
            before = file.read()
        self.addCleanup(overwrite, path, before)
        overwrite(path, text)

    def config(self, **changes):
        """Another configuration than the agent has, in a separate file; the arguments that name it."""
        return self.host.write_file("other.toml", toml(merge(merge(self.host.default_config(), PATIENT), changes)))


def overwrite(path, text):
    """In place: bind mounts stay."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def drop(listener):
    """The kernel drops whatever arrives at that socket."""
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(nothing)))
