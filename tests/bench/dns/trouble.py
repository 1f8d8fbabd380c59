#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""postern-resolver, unbound and dnsmasq with upstreams that are slow or lose packets, and with a burst of misses.

    tests/bench/dns/trouble.py --build build/release [--names 60] [--reps 3] [slow] [loss] [burst]

slow: names whose recursion takes 0.3 to 5 s, asked by a client with "options timeout:2 attempts:3": how many resolve,
and the time over the upstream's own. loss: 5 % of the packets to and from the upstream are lost: p50, p99, how many
resolve. burst: private names, one a millisecond, while 4,000 misses arrive at once: p50 and p99. Needs root, dnsmasq,
unbound and dig; in a network namespace of its own.
"""
import argparse, asyncio, os, random, shutil, socket, statistics, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import NAMES, PORT, SERVER, UPSTREAM, Bench

SERVERS = ("postern", "unbound", "dnsmasq")
TIMEOUT_S, ATTEMPTS = 2, 3
LOSS = 0.05


def query(ident, name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!2H", 1, 1)


def name_of(message):
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), at + 5


class Upstream(asyncio.DatagramProtocol):
    """Answers every name; "d1500xN.public.example" 1.5 s after the first query for it, to all that have come by then, as
    a recursive server does; "lossN…" loses packets."""

    def __init__(self):
        self.waiting, self.known = {}, set()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, message, peer):
        name, end = name_of(message)
        name = name.lower()
        if name.startswith("loss") and (random.random() < LOSS or random.random() < LOSS):
            return  # on the way here, or back
        reply = message[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + message[12:end] + \
            b"\xc0\x0c" + struct.pack("!HHIH4B", 1, 1, 300, 4, 192, 0, 2, 1)
        if not name.startswith("d") or name in self.known:
            asyncio.get_running_loop().call_later(0.02, self.transport.sendto, reply, peer)
            return
        if name not in self.waiting:
            asyncio.get_running_loop().call_later(int(name[1:].split("x")[0]) / 1000, self.found, name)
        self.waiting.setdefault(name, []).append((reply, peer))

    def found(self, name):
        self.known.add(name)
        for reply, peer in self.waiting.pop(name):
            self.transport.sendto(reply, peer)


async def serve():
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(Upstream, local_addr=(UPSTREAM, PORT))
    await asyncio.Event().wait()


class Trouble(Bench):
    def run_upstream(self):
        self.upstream = self.start([sys.executable, os.path.abspath(__file__), "--upstream"], 0)
        self.wait(UPSTREAM, "x.public.example")

    def commands(self, server):
        command = super().commands(server)
        if server == "postern":
            subprocess.run([self.make_plan, self.path("plan"), f"{SERVER}:{PORT}", f"{UPSTREAM}:{PORT}", str(NAMES),
                            str(256 << 20), "1", str(TIMEOUT_S), str(ATTEMPTS)], check=True)
        return command

    def with_server(self, server, work):
        process = self.start(self.commands(server), 1)
        try:
            self.wait(SERVER, "n0.bench.example")
            self.wait(SERVER, "x.public.example")
            return work()
        finally:
            process.terminate()
            process.wait()


class Client(asyncio.DatagramProtocol):
    """A stub resolver as glibc's: sends again after the timeout, takes the first reply."""

    def __init__(self):
        self.reply = asyncio.get_running_loop().create_future()

    def datagram_received(self, message, _peer):
        if not self.reply.done():
            self.reply.set_result(message)


async def resolve(name, start=0.0):
    """Seconds until the answer, or None for an error or no reply."""
    await asyncio.sleep(start)
    began = time.monotonic()
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(Client, remote_addr=(SERVER, PORT))
    try:
        message = query(random.randrange(65536), name)
        for _ in range(ATTEMPTS):
            transport.sendto(message)
            try:
                reply = await asyncio.wait_for(asyncio.shield(client.reply), TIMEOUT_S)
                return time.monotonic() - began if reply[3] & 15 == 0 and reply[7] > 0 else None
            except asyncio.TimeoutError:
                pass
        return None
    finally:
        transport.close()


async def resolve_all(names, over_s):
    return await asyncio.gather(*(resolve(name, over_s * i / len(names)) for i, name in enumerate(names)))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def slow(bench, server, tag, names):
    delays = [300 + (5000 - 300) * i // (names - 1) for i in range(names)]
    asked = [f"d{ms}x{tag}n{i}.public.example" for i, ms in enumerate(delays)]
    took = bench.with_server(server, lambda: asyncio.run(resolve_all(asked, 2.0)))
    over = [t * 1000 - ms for t, ms in zip(took, delays) if t is not None]
    return {"resolved": len(over) / names, "over_p50": statistics.median(over) if over else float("nan"),
            "over_max": max(over, default=float("nan"))}


def loss(bench, server, tag, names):
    asked = [f"loss{tag}n{i}.public.example" for i in range(names * 20)]
    took = bench.with_server(server, lambda: asyncio.run(resolve_all(asked, 6.0)))
    good = [t for t in took if t is not None]
    return {"resolved": len(good) / len(asked), "p50": percentile(good, 0.5), "p99": percentile(good, 0.99)}


def burst(bench, server, tag, _names):
    def work():
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.settimeout(2)
        own.connect((SERVER, PORT))
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        flood.connect((SERVER, PORT))
        misses = [query(i, f"b{tag}n{i}.public.example") for i in range(4000)]
        took = []
        for _ in range(4000 // 16):
            for _ in range(16):
                flood.send(misses.pop())
            began = time.monotonic()
            own.send(query(len(took), f"n{len(took) % NAMES}.bench.example"))
            try:
                own.recv(512)
                took.append(time.monotonic() - began)
            except OSError:
                took.append(2.0)
        return took
    took = bench.with_server(server, work)
    return {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99), "lost": sum(t >= 2 for t in took) / len(took)}


WORKLOADS = {"slow": slow, "loss": loss, "burst": burst}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--names", type=int, default=60)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--peers", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("workloads", nargs="*", default=[])
    args = parser.parse_args()
    if args.upstream:
        return asyncio.run(serve())
    if not args.inside:
        os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), "--inside"] + sys.argv[1:])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    args.build = os.path.abspath(args.build)
    folder = tempfile.mkdtemp(prefix="postern-bench-")
    bench = Trouble(args, folder)
    try:
        for workload in args.workloads or WORKLOADS:
            results = {server: [] for server in SERVERS}
            for rep in range(args.reps):
                for i in range(len(SERVERS)):
                    server = SERVERS[(i + rep) % len(SERVERS)]
                    results[server].append(WORKLOADS[workload](bench, server, f"r{rep}{i}", args.names))
            columns = list(results["postern"][0])
            print(f"\n### {workload}\n\n| server | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
            for server, rows in results.items():
                values = " | ".join(f"{statistics.median(row[column] for row in rows):.3g}" for column in columns)
                print(f"| {server} | {values} |", flush=True)
    finally:
        bench.upstream.terminate()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
