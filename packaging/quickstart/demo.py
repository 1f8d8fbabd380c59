#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, shown with real programs: dnsmasq as the host's old resolver, stand-ins for the cloud API and for the
gateways of two zones (one loopback address each), postern between them, and getent, dig and curl as applications. Its page
can be opened in the machine's browser: window.py leads into the namespace.

    demo.py            shows everything, then waits for Ctrl-C
    demo.py --check    verifies everything; exit code 0 only if all of it held
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "tests", "standin")]

import ns  # noqa: E402
import window  # noqa: E402

if not ns.inside():
    window.make_outside()
ns.enter()

import pki  # noqa: E402
from launch import StandIn, wait_until  # noqa: E402

PROGRAMS = os.environ.get("POSTERN_PROGRAMS", os.path.join(ROOT, "build", "release"))
POSTERN = os.path.join(PROGRAMS, "postern")

NAME = "gw-private.cloud.example.com"  # what TDengine's console would show as the private DNS name
API = "privatelink-vpc.cn-hangzhou.aliyuncs.com"
PUBLIC = "www.example.com"
ENDPOINT = "ep-bp1example0000000001"
ZONES = {"cn-hangzhou-h": "127.0.0.2", "cn-hangzhou-i": "127.0.0.3"}
TOKEN = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff"
HTTP = ("127.0.0.1", 9853)
HEALTH = f"http://{HTTP[0]}:{HTTP[1]}/health"

CONFIG = """\
[agent]
state_dir = "{folder}/state"
runtime_dir = "{folder}/run"

[dns]
listen = ["127.0.0.153:53"]
upstreams = ["127.0.0.54"]            # the host's old resolver; "auto" would find it by itself

[aliyun]
region = "cn-hangzhou"
metadata_url = "http://127.0.0.6"
ca_file = "{folder}/pki/ca.pem"
poll_interval = "5s"

[[link]]
name = "tdengine-prod"
host = "{name}"
endpoint = "{endpoint}"
token_file = "{folder}/tdengine.token"

[link.probe]
interval = "2s"
timeout = "1s"
connect_timeout = "500ms"
fast_interval = "500ms"
ca_file = "{folder}/pki/ca.pem"
"""


class Demo:
    def __init__(self, check):
        self.check = check
        self.folder = tempfile.mkdtemp(prefix="postern-quickstart-")
        self.ca = f"{self.folder}/pki/ca.pem"
        self.running = []
        self.stand_ins = []
        self.failed = []
        self.window = window.Window(HTTP)

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start_world(self):
        pki.make(f"{self.folder}/pki", [NAME, API])
        self.start("dnsmasq", "--keep-in-foreground", "--user=root", "--group=root", "--no-resolv", "--no-hosts", "--no-daemon",
                   "--conf-file=/dev/null", "--bind-interfaces", "--listen-address=127.0.0.54", "--log-facility=-",
                   f"--address=/{API}/127.0.0.5", f"--address=/{PUBLIC}/192.0.2.80", "--local=/#/")
        scenario = {"keys": [{"id": "LTAIexampleAccessKeyId", "secret": "exampleAccessKeySecret"}],
                    "metadata": {"zone-id": "cn-hangzhou-h"},
                    "endpoints": {ENDPOINT: {"Zones": [{"ZoneId": z, "EniIp": ip} for z, ip in ZONES.items()]}}}
        self.stand_ins.append(StandIn("aliyun.py", "--cert", f"{self.folder}/pki/good.pem", "--key", f"{self.folder}/pki/good.key",
                                      "--scenario", self.file("scenario.json", json.dumps(scenario)),
                                      "--api", "127.0.0.5:443", "--imds", "127.0.0.6:80", folder=self.folder))
        listen = [part for zone, ip in ZONES.items() for part in ("--listen", f"{ip}:443={zone}")]
        self.gateways = StandIn("tdengine.py", "--pki", f"{self.folder}/pki", "--token-file", self.file("accepted", TOKEN),
                                *listen, folder=self.folder)
        self.stand_ins.append(self.gateways)

    def start(self, *command, **named):
        log = open(os.path.join(self.folder, os.path.basename(command[0]) + ".log"), "ab")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **named)
        self.running.append(process)
        return process

    def start_postern(self):
        self.config = self.file("postern.toml", CONFIG.format(folder=self.folder, name=NAME, endpoint=ENDPOINT))
        self.file("tdengine.token", TOKEN + "\n", 0o600)
        self.agent = self.start(POSTERN, "run", "--config", self.config, env={
            "PATH": os.environ["PATH"], "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIexampleAccessKeyId",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "exampleAccessKeySecret"})
        self.wait(lambda: self.ask("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", HEALTH.replace("health", "readyz")) == "200",
                  "postern to be ready")

    def ask(self, *command):
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False).stdout.strip()

    def wait(self, condition, what):
        def alive():
            if self.agent.poll() is not None:
                raise AssertionError(f"postern ended:\n{self.ask('cat', f'{self.folder}/postern.log')}")
            return condition()
        return wait_until(alive, 60, what)

    def say(self, text):
        print(f"\n\033[1m── {text}\033[0m" if sys.stdout.isatty() else f"\n── {text}", flush=True)

    def step(self, shown, *expected, exit_code=0):
        """Runs a shell command as a user would, shows it and its output, checks what must be in it."""
        print(f"$ {shown}", flush=True)
        done = subprocess.run(["sh", "-c", shown], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60, check=False,
                              env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "TOKEN": TOKEN})
        print(done.stdout.rstrip(), flush=True)
        missing = [text for text in expected if text not in done.stdout]
        if missing or done.returncode != exit_code:
            self.failed.append(shown)
            print(f"!! expected exit code {exit_code}" + "".join(f", and: {text}" for text in missing) +
                  f"; got exit code {done.returncode}", flush=True)

    def addresses(self):
        return set(self.ask("dig", "+short", "+tries=1", NAME).split())

    def show_window(self):
        self.window.open()
        self.say(f"Its page, in your browser: {self.window.url}")
        if not self.check:
            return
        page = self.window.get("/")
        for expected in ("HTTP/1.1 200", "<title>", NAME):
            if expected not in page:
                self.failed.append(f"{self.window.url}: {expected}")
                print(f"!! expected: {expected}; got:\n{page[:2000]}", flush=True)

    def show(self):
        config = f"--config {self.config}"
        both = set(ZONES.values())
        self.wait(lambda: self.addresses() == both, "both zones in the answer")
        self.show_window()
        self.say("Programs that know nothing of postern")
        self.step(f"getent ahosts {NAME}", *both)
        self.step(f"dig +noall +answer +comments {NAME}", "status: NOERROR", *both)
        self.step(f"dig +short {PUBLIC}", "192.0.2.80")
        self.step(f'curl -sS --cacert {self.ca} -d "show databases;" "https://{NAME}/rest/sql?token=$TOKEN"', '"code":0', "information_schema")
        self.say("What postern says")
        self.step(f"postern status {config}", NAME, *both)
        self.step(f"curl -sS {HEALTH} | sed -n '1,14p;15s/.*/…/p'", '"status": "pass"')
        self.step(f"postern resolve {NAME} {config}", *both)
        self.step(f"postern logs -n 4 {config}", *both)
        zone, gone = "cn-hangzhou-i", ZONES["cn-hangzhou-i"]
        self.say(f"The gateway of {zone} stops")
        self.gateways.control.post(f"/listeners/{zone}", mode="refuse")
        self.wait(lambda: self.addresses() == both - {gone}, "the answer without the dead zone")
        self.step(f"getent ahosts {NAME}", *(both - {gone}))
        self.step(f"postern status {config}", "tcp_refused", exit_code=1)
        self.step(f"postern logs -n 3 --ip {gone} {config}", "tcp_refused")
        self.say("… and what doctor says of it")
        self.step(f"postern doctor --only tcp {config}", "PN-TCP-REFUSED", gone, exit_code=2)
        self.say("… and comes back")
        self.gateways.control.post(f"/listeners/{zone}", mode="ok")
        self.wait(lambda: self.addresses() == both, "both zones in the answer again")
        self.step(f"getent ahosts {NAME}", *both)
        self.wait(lambda: self.ask("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", HEALTH) == "200", "health")

    def close(self):
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stand_in in self.stand_ins:
            stand_in.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    check = sys.argv[1:] == ["--check"]
    signal.signal(signal.SIGTERM, interrupt)
    demo = Demo(check)
    try:
        demo.start_world()
        demo.start_postern()
        demo.show()
        if demo.failed:
            print("\nNot as it should be:\n  " + "\n  ".join(demo.failed))
            return 2
        print("\nAll of it held.", flush=True)
        if not check:
            print(f"""
It runs until you press Ctrl-C. Its page: {demo.window.url}
Look around from another terminal (as the same user):
  nsenter --preserve-credentials -m -n -t {os.getpid()} sh
  then e.g. dig {NAME}   curl {HEALTH}   {POSTERN} status --config {demo.config}""", flush=True)
            signal.pause()
        return 0
    except KeyboardInterrupt:
        return 0
    except AssertionError as error:
        print(f"\nNot as it should be: {error}", file=sys.stderr)
        return 2
    finally:
        demo.close()


if __name__ == "__main__":
    sys.exit(main())
