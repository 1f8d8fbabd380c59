#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What discovery costs, and how soon a change of the API is in the answer.

    run.py [--build BUILD] [--seconds 60] [--changes 20]

For 1 and 100 links on an endpoint each, and 1,000 links on 100 endpoints: the agent's memory and CPU at rest with the
default poll_interval and without probes, and from the moment at which the stand-in has answered ListVpcEndpointZones with
a new address to the first DNS answer with it. Everything runs in namespaces of its own; prints JSON lines."""

import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
sys.path.insert(0, str(HERE.parents[1] / "standin"))

OPTIONS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
OPTIONS.add_argument("--build", default=str(HERE.parents[2] / "build" / "release"))
OPTIONS.add_argument("--seconds", type=float, default=60)
OPTIONS.add_argument("--changes", type=int, default=20)
ARGUMENTS = OPTIONS.parse_args()
os.environ.setdefault("POSTERN_BIN", f"{ARGUMENTS.build}/postern")
os.environ.setdefault("POSTERN_RESOLVER_BIN", f"{ARGUMENTS.build}/postern-resolver")

import host as e2e  # noqa: E402  (enters the namespaces)

SIZES = ((1, 1), (100, 100), (1000, 100))  # links, endpoints


def address(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def ask(sock, name):
    """The first address of the answer, "" for none."""
    query = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    query += b"\0\0\1\0\1"
    sock.send(query)
    reply = sock.recv(512)
    if struct.unpack(">H", reply[6:8])[0] == 0:
        return ""
    return socket.inet_ntoa(reply[len(query) + 12:len(query) + 16])


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def memory_kib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def change_delays(world, sock, endpoints, links):
    """Seconds from the reply with the new address to the first answer with it, of the endpoint's last link."""
    delays = []
    for turn in range(ARGUMENTS.changes):
        number = turn % endpoints
        last = max(link for link in range(links) if link % endpoints == number)
        name, new = f"db{last}.name.test", address(0x640000 + turn)
        world.aliyun.control.post(f"/endpoints/ep-bp1n{number}/zones/cn-hangzhou-h", EniIp=new)
        since = time.time()
        deadline = time.monotonic() + 60
        while ask(sock, name) != new:
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} is not answered with {new}")
            time.sleep(0.001)
        seen = time.time()
        answered = [entry["time"] for entry in world.api_log(action="ListVpcEndpointZones")
                    if entry["time"] >= since and entry["params"]["EndpointId"] == f"ep-bp1n{number}"]
        delays.append(seen - answered[0])
    return delays


def measure(links, endpoints):
    world = e2e.Host()
    try:
        world.mount_small(world.runtime_dir, "64m")  # as /run is
        world.start_upstream()
        world.start_aliyun(endpoints={
            f"ep-bp1n{number}": {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": address(2 * number + 1)},
                                           {"ZoneId": "cn-hangzhou-i", "EniIp": address(0x10000 + 2 * number)}]}
            for number in range(endpoints)})
        config = world.default_config()
        config["aliyun"].update(poll_interval="60s", poll_max_interval="5m")
        config["link"] = [{"name": f"link{number}", "host": f"db{number}.name.test", "endpoint": f"ep-bp1n{number % endpoints}",
                           "probe": {"enabled": False}} for number in range(links)]
        world.write_file("postern.toml", e2e.toml(config))
        world.start_postern()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(5)
        sock.connect((e2e.DNS, 53))
        world.wait(lambda: all(ask(sock, f"db{number}.name.test") for number in range(links)), "all links to be answered")
        pid = world.agent.pid
        before, started = cpu_ms(pid), time.monotonic()
        time.sleep(ARGUMENTS.seconds)
        used = (cpu_ms(pid) - before) / (time.monotonic() - started)
        result = {"links": links, "endpoints": endpoints, "rss_mib": round(memory_kib(pid) / 1024, 1),
                  "resolver_rss_mib": round(memory_kib(world.resolver_pid()) / 1024, 1), "cpu_ms_per_s": round(used, 2)}
        # The poll is no part of what is measured: sooner ones only make the wait for it shorter.
        config["aliyun"].update(poll_interval="5s", poll_max_interval="5s")
        world.write_file("postern.toml", e2e.toml(config))
        world.agent.send_signal(signal.SIGHUP)
        world.wait_api_calls(2 * endpoints, action="ListVpcEndpointZones")
        delays = sorted(1000 * delay for delay in change_delays(world, sock, endpoints, links))
        result.update(change_ms_median=round(statistics.median(delays), 1), change_ms_max=round(delays[-1], 1))
        print(json.dumps(result), flush=True)
    finally:
        world.close()


def main():
    for links, endpoints in SIZES:
        measure(links, endpoints)


if __name__ == "__main__":
    main()
