#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A fleet of real agents, each with its resolver, in one network namespace, that follows one list in an object store: from the
moment at which the publisher's command is started to the DNS answer with the new address, on each host. And what their
reports tell: how long `postern fleet status` takes.

    run.py [--build BUILD] [--agents 200] [--changes 5] [--beat 1s] [--s3 PROGRAM]

The store is tests/standin/objectstore.py, or versitygw (github.com/versity/versitygw) where --s3 names its program. Agents don't
probe here: what is measured is the way of the list. Prints JSON lines."""

import argparse
import json
import os
import pathlib
import selectors
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
sys.path.insert(0, str(HERE.parents[1] / "standin"))

OPTIONS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
OPTIONS.add_argument("--build", default=str(HERE.parents[2] / "build" / "release"))
OPTIONS.add_argument("--agents", type=int, default=200)
OPTIONS.add_argument("--changes", type=int, default=5)
OPTIONS.add_argument("--beat", default="1s")
OPTIONS.add_argument("--s3")
ARGUMENTS = OPTIONS.parse_args()
os.environ.setdefault("POSTERN_BIN", f"{ARGUMENTS.build}/postern")
os.environ.setdefault("POSTERN_RESOLVER_BIN", f"{ARGUMENTS.build}/postern-resolver")

import host as e2e  # noqa: E402  (enters the namespaces)
import fleet_kit  # noqa: E402
from launch import wait_until  # noqa: E402

ZONE = "cn-hangzhou-h"
LONGEST_S = 120


def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1)


class Asker:
    """Asks all agents at once, again and again."""

    def __init__(self, addresses):
        self.addresses, self.question = addresses, question(e2e.NAME)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.socket, selectors.EVENT_READ)

    def until_all_answer(self, address, began):
        """[seconds from `began`] of each agent."""
        wanted, left, took = socket.inet_aton(address), set(self.addresses), []
        while left:
            if time.monotonic() - began > LONGEST_S:
                raise SystemExit(f"{len(left)} agents do not answer {address}, {sorted(left)[:3]} …")
            for one in left:
                self.socket.sendto(self.question, (one, 53))
            end = time.monotonic() + 0.02
            while time.monotonic() < end:
                if not self.selector.select(max(0, end - time.monotonic())):
                    break
                try:
                    reply, (one, _) = self.socket.recvfrom(512)
                except BlockingIOError:
                    continue
                if one in left and wanted in reply[12:]:
                    left.discard(one)
                    took.append(time.monotonic() - began)
        return took


class S3:
    """versitygw over a folder, on TLS."""

    def __init__(self, host, fleet):
        self.folder = f"{host.folder}/s3"
        os.makedirs(f"{self.folder}/{fleet_kit.BUCKET}")
        key_id, secret = list(fleet_kit.STORE_KEYS.items())[1]
        self.environment = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
        log = open(f"{host.folder}/s3.log", "ab")  # noqa: SIM115  (the program's)
        self.process = subprocess.Popen(
            [ARGUMENTS.s3, "--port", "127.0.0.11:7070", "--cert", f"{fleet.pki}/s3/good.pem", "--key", f"{fleet.pki}/s3/good.key",
             "--access", key_id, "--secret", secret, "--region", "us-east-1", "posix", self.folder],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        wait_until(self.open, 30, "versitygw to listen")

    @staticmethod
    def open():
        with socket.socket() as own:
            return own.connect_ex(("127.0.0.11", 7070)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait()


def main():
    world = e2e.Host()
    agents, store = [], None
    try:
        world.start_world()
        fleet = fleet_kit.Fleet(world)
        settings = {**fleet.config(poll_interval=ARGUMENTS.beat), "fleet_only": True, "report_url": f"oss://{fleet_kit.BUCKET}/reports/",
                    "report_interval": "30s"}
        if ARGUMENTS.s3:
            fleet_kit.pki.make(f"{fleet.pki}/s3", ["127.0.0.11"])
            store = S3(world, fleet)
            world.environment.update(store.environment)
            settings |= {"list_url": f"s3://{fleet_kit.BUCKET}/prod/current.json", "report_url": f"s3://{fleet_kit.BUCKET}/reports/",
                         "endpoint": "https://127.0.0.11:7070", "region": "us-east-1", "ca_file": f"{fleet.pki}/s3/ca.pem"}
        world.write_config(fleet=settings)
        assert fleet.publish().returncode == 0
        addresses = [f"127.1.{n >> 8}.{(n & 255) or 255}" for n in range(1, ARGUMENTS.agents + 1)]
        for n, address in enumerate(addresses):
            folder = f"{world.folder}/agent-{n}"
            for part in ("state", "run"):
                os.makedirs(f"{folder}/{part}", mode=0o700)
            config = e2e.merge(world.default_config(), {
                "agent": {"state_dir": f"{folder}/state", "runtime_dir": f"{folder}/run"},
                "dns": {"listen": [f"{address}:53"], "cache_size": "256KiB"}, "http": {"listen": f"{address}:9853"},
                "fleet": settings, "link": {"token_file": None, "probe": {"enabled": False, **dict.fromkeys(
                    ("interval", "timeout", "connect_timeout", "fall", "rise", "fast_interval", "ca_file"))}}})
            path = world.write_file(f"agent-{n}.toml", e2e.toml(config))
            script = 'echo "$1" > /proc/sys/kernel/hostname; shift; exec "$@"'
            with open(f"{folder}/log", "ab") as log:
                agents.append(subprocess.Popen(["unshare", "--uts", "sh", "-c", script, "sh", f"host-{n}", e2e.POSTERN, "run", "--config", path],
                                               stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=world.environment, cwd=folder))
        asker = Asker(addresses)
        began = time.monotonic()
        asker.until_all_answer(e2e.ZONE_A, began)
        print(json.dumps({"agents": len(agents), "store": "versitygw" if store else "stand-in", "beat": ARGUMENTS.beat,
                          "all_started_s": round(time.monotonic() - began, 1)}), flush=True)
        every = []
        for change in range(ARGUMENTS.changes):
            address = f"127.3.0.{change + 1}"
            world.set_zone_address(ZONE, address)
            began = time.monotonic()
            done = fleet.publish()
            published = time.monotonic() - began
            assert done.returncode == 0, done.stderr
            took = sorted(asker.until_all_answer(address, began))
            every += took
            print(json.dumps({"change": change, "published_ms": round(published * 1000), "p50_ms": round(statistics.median(took) * 1000),
                              "p99_ms": round(took[int(len(took) * 0.99) - 1] * 1000), "last_ms": round(took[-1] * 1000)}), flush=True)
        every.sort()
        print(json.dumps({"changes": ARGUMENTS.changes, "p50_ms": round(statistics.median(every) * 1000),
                          "p99_ms": round(every[int(len(every) * 0.99) - 1] * 1000), "last_ms": round(every[-1] * 1000)}), flush=True)
        look = lambda: json.loads(world.postern("fleet", "status", "--json").stdout)  # noqa: E731
        wait_until(lambda: look().get("counts", {}).get("fresh") == len(agents), LONGEST_S, "all reports")
        view = look()
        print(json.dumps({"reports": view["counts"], "read_ms": view["took_ms"], "overall": view["overall"]}), flush=True)
    finally:
        for agent in agents:
            agent.terminate()
        for agent in agents:
            agent.wait()
        if store:
            store.close()
        if agents and os.environ.get("POSTERN_KEEP_LOGS"):
            shutil.copytree(world.folder, os.environ["POSTERN_KEEP_LOGS"], dirs_exist_ok=True)
        world.close()


if __name__ == "__main__":
    main()
