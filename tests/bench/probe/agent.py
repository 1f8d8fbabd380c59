#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent's own numbers, with the shipped programs in namespaces of their own: memory, CPU per probe with everything
around it (records, history on disk, metrics), the way from a verdict to the answer, what 500 probes a second do to
DNS on the same core, and what open status pages cost.

    agent.py --build BUILD [--seconds 20] [--turns 20] [--resolver-nice 0] [memory] [steer] [dns] [page]

Agent and resolver are on core 0, gateway and clients on core 1; the client that measures DNS has real-time priority (in a
CPU cgroup of version 1 that takes a cpu.rt_runtime_us). --resolver-nice: the resolver's nice value, as a unit file may set
it. On a machine that does other work start it in a CPU cgroup of high weight (systemd-run --scope -p CPUWeight=10000), or
the others' turns are measured. Prints JSON lines."""

import argparse
import calendar
import json
import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", required=True, type=os.path.abspath)
parser.add_argument("--seconds", type=int, default=20)
parser.add_argument("--turns", type=int, default=20)
parser.add_argument("--resolver-nice", type=int, default=0)
parser.add_argument("what", nargs="*", default=["memory", "steer", "dns", "page"])
options = parser.parse_args()
os.environ["POSTERN_BIN"] = f"{options.build}/postern"
os.environ["POSTERN_RESOLVER_BIN"] = f"{options.build}/postern-resolver"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import host as e2e  # noqa: E402  (starts us again inside the namespaces)

WARM_UP_S = 3
QUERY = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"".join(
    bytes([len(label)]) + label.encode() for label in e2e.NAME.split(".")) + b"\0" + struct.pack("!2H", 1, 1)


def note(what, **result):
    print(json.dumps({"what": what, **result}), flush=True)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def kib(pid, key):
    return int(re.search(key + r":\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")).group(1))


class World(e2e.Host):
    """postern with `targets` fixed addresses, 50 a link, and one gateway that answers at all of them."""

    gateway = None

    def __init__(self, targets, interval):
        super().__init__()
        try:
            self._start(targets, interval)
        except BaseException:
            self.close()
            raise

    def _start(self, targets, interval):
        self.start_upstream()
        pair = [f"{self.pki}/good.pem", f"{self.pki}/good.key"]
        self.gateway = subprocess.Popen([f"{options.build}/tests/bench/probe/bench_probe_gateway", "443", *pair],
                                        stdout=subprocess.PIPE)
        if self.gateway.stdout.readline() != b"ready\n":
            raise SystemExit("the gateway does not start")
        config = self.default_config()
        del config["aliyun"]
        probe = {"interval": interval, "ca_file": self.ca, "timeout": "3s"}
        addresses = [f"127.1.{i // 200}.{1 + i % 200}" for i in range(targets)]
        config["link"] = [{"name": f"l{i}", "host": e2e.NAME if i == 0 else f"l{i}.name.test", "token_file": self.token_file,
                           "addresses": addresses[i:i + 50], "probe": {**probe, "server_name": e2e.NAME}}
                          for i in range(0, targets, 50)]
        self.write_file("postern.toml", e2e.toml(config))
        self.start_postern(config=False)
        place(self)

    def probes_done(self):
        text = self.http("/metrics")[1]
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("postern_probe_attempts_total"))

    def close(self):
        if self.gateway is not None:
            self.gateway.kill()
            self.gateway.wait()
        super().close()


def place(world):
    """Agent and resolver to core 0, with every thread; the resolver's own priority."""
    for pid in (world.agent.pid, world.resolver_pid()):
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {0})
    if options.resolver_nice:
        os.setpriority(os.PRIO_PROCESS, world.resolver_pid(), options.resolver_nice)


def measure_memory():
    for targets, interval in ((10, "1s"), (1000, "2s")):
        world = World(targets, interval)
        try:
            time.sleep(WARM_UP_S)
            probes, used = world.probes_done(), cpu_ms(world.agent.pid)
            time.sleep(options.seconds)
            used = cpu_ms(world.agent.pid) - used
            probes = world.probes_done() - probes
            missed = re.search(r"^postern_probe_missed_total (\d+)", world.http("/metrics")[1], re.M)
            note(f"agent, {targets} targets every {interval}", probes=probes, rss_kib=kib(world.agent.pid, "VmRSS"),
                 anon_kib=kib(world.agent.pid, "RssAnon"), cpu_ms_per_probe=round(used / max(1, probes), 3),
                 missed=int(missed.group(1)) if missed else None)
        finally:
            world.close()


def wall_of(record):
    """When the attempt of a record ended, seconds of the wall clock."""
    text = record["ts"]
    whole = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(whole) + float("0" + text[19:].rstrip("Z")) + record["total_us"] / 1e6


def measure_steer():
    """Until the answer of a client that asks again at once is another one, counted from the end of the deciding probe."""
    world = e2e.Host()
    took = []
    try:
        world.start_upstream()
        world.start_gateways()
        world.start_postern(aliyun=None, link={"endpoint": None, "addresses": [e2e.ZONE_A, e2e.ZONE_B],
                                               "probe": {"interval": "500ms", "fast_interval": "100ms"}})
        place(world)
        world.wait_addresses(e2e.ZONE_A, e2e.ZONE_B)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((e2e.DNS, 53))
        client.settimeout(1)
        gone = socket.inet_aton(e2e.ZONE_A)
        for turn in range(options.turns):
            dies = turn % 2 == 0
            world.gateways.control.post("/listeners/zone-a", mode="refuse" if dies else "ok")
            deadline = time.monotonic() + 30
            while True:
                client.send(QUERY)
                if (gone in client.recv(512)) != dies:
                    break
                if time.monotonic() > deadline:
                    raise SystemExit("the answer does not change")
            answered = time.time()
            state = "down" if dies else "up"
            decided = next(r for r in world.probes(f"?ip={e2e.ZONE_A}&limit=20")
                           if r["path"] == state and r["prev_state"] != r["state"])
            took.append((answered - wall_of(decided)) * 1000)
    finally:
        world.close()
    note("verdict to the first changed answer", turns=len(took), median_ms=round(statistics.median(took), 2),
         worst_ms=round(max(took), 2))


def ask(seconds, every_s=0.002):
    """Microseconds of each query for the private name, at a fixed rate whatever came before."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((e2e.DNS, 53))
    client.settimeout(1)
    # The gateway works on the client's core, too, and is not what is measured: nothing may keep the client waiting.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    took, due = [], time.perf_counter()
    end = due + seconds
    while due < end:
        time.sleep(max(0, due - time.perf_counter()))
        due += every_s
        start = time.perf_counter()
        client.send(QUERY)
        client.recv(4096)
        took.append((time.perf_counter() - start) * 1e6)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return took


def measure_dns():
    rows = {}
    for what, targets, interval in (("idle", 50, "2m"), ("500 probes/s", 500, "1s")):
        world = World(targets, interval)
        try:
            time.sleep(WARM_UP_S)
            probes = world.probes_done()
            took = ask(options.seconds)
            probes = world.probes_done() - probes
            rows[what] = quantile(took, 0.99)
            note(f"DNS, {what}", queries=len(took), probes_per_s=round(probes / options.seconds), p50_us=round(quantile(took, 0.5)),
                 p99_us=round(rows[what]), p999_us=round(quantile(took, 0.999)))
        finally:
            world.close()
    note("DNS p99 under 500 probes/s, times idle", ratio=round(rows["500 probes/s"] / rows["idle"], 2))


def measure_page():
    """CPU of the agent with 1,000 addresses, probed every 10 s as usual, while nobody looks and while pages hold streams."""
    world = World(1000, "10s")
    listeners = []
    try:
        time.sleep(WARM_UP_S)
        for pages in (0, 1, 5):
            while len(listeners) < pages:
                listeners.append(subprocess.Popen(["curl", "-sN", "--noproxy", "*", "--compressed", "-o", f"{world.folder}/stream{len(listeners)}",
                                                   f"http://{e2e.HTTP}/api/v1/stream"]))
            world.wait(lambda: all(os.path.exists(f"{world.folder}/stream{i}") for i in range(pages)), "the streams to begin")
            size = [os.path.getsize(f"{world.folder}/stream{i}") for i in range(pages)]
            used = cpu_ms(world.agent.pid)
            time.sleep(options.seconds)
            used = cpu_ms(world.agent.pid) - used
            bytes_ = sum(os.path.getsize(f"{world.folder}/stream{i}") for i in range(pages)) - sum(size)
            note(f"agent, 1,000 addresses, {pages} open pages", cpu_ms_per_s=round(used / options.seconds, 1),
                 kib_per_s_and_page=round(bytes_ / 1024 / options.seconds / max(1, pages), 1))
    finally:
        for listener in listeners:
            listener.kill()
            listener.wait()
        world.close()


def main():
    os.sched_setaffinity(0, {1})
    for what in options.what:
        {"memory": measure_memory, "steer": measure_steer, "dns": measure_dns, "page": measure_page}[what]()


if __name__ == "__main__":
    main()
