#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What size costs postern-resolver: CPU a query with many private names and a large cache, against few, interleaved in
one run; bytes a cache entry; start, memory, idle wake-ups.

    tests/bench/dns/scale.py --build build/release [--reps 9] [--names 10000] [--entries 1000000]

Names are asked in random order: in the order of insertion the processor would guess what comes. Needs root, nsd.
"""
import argparse, json, os, random, re, shutil, socket, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import PORT, SERVER, UPSTREAM, Bench, cpu_seconds, peak_mb  # noqa: E402

CACHE = 1 << 30
SECOND = "127.0.0.55"
IDLE_S = 10
STARTS = 21


class Resolver:
    def __init__(self, bench, names, cache=16 << 20, address=SERVER):
        self.bench, self.address = bench, address
        plan, self.stats = bench.path(f"plan-{address}"), bench.path(f"{address}/stats")
        os.makedirs(os.path.dirname(self.stats), exist_ok=True)  # the lock lies there, too
        subprocess.run([bench.make_plan, plan, f"{address}:{PORT}", f"{UPSTREAM}:{PORT}", str(names), str(cache)], check=True)
        self.command = [os.path.join(bench.args.build, "postern-resolver"), "--plan", plan, "--stats", self.stats]

    def __enter__(self):
        self.process = self.bench.start(self.command, 1)
        self.bench.wait(self.address, "n0.bench.example")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def drive(self, names, secs):
        """How many were answered."""
        out = subprocess.run(["taskset", "-c", "0", self.bench.load, self.address, str(PORT), names, str(secs)],
                             capture_output=True, text=True, check=True).stdout
        return json.loads(out)["ok"]

    def cost(self, names, secs):
        """CPU-µs of the server an answer."""
        before = cpu_seconds(self.process.pid)
        answered = self.drive(names, secs)
        return (cpu_seconds(self.process.pid) - before) / answered * 1e6

    def fill(self, names, count):
        """Until the cache has them all; what was lost on the way is asked again."""
        for _ in range(30):
            self.drive(names, max(1.0, count / 50_000))
            time.sleep(0.3)  # the statistics are written every 200 ms
            stats = json.loads(subprocess.run([self.bench.stats_tool, self.stats], capture_output=True, text=True, check=True).stdout)
            if stats["cache_entries"] >= count:
                return stats["cache_bytes"] / stats["cache_entries"]
        raise SystemExit(f"only {stats['cache_entries']} of {count} entries after 30 rounds")


def shuffled(bench, file, pattern, count):
    order = list(range(count))
    random.Random(1).shuffle(order)
    return bench.write(file, "".join(pattern.format(i) + "\n" for i in order))


def compare(title, few, few_names, many, many_names, reps, secs):
    rows = []
    for rep in range(reps):
        order = [(few, few_names), (many, many_names)]
        costs = [server.cost(names, secs) for server, names in (order if rep % 2 == 0 else order[::-1])]
        rows.append(costs if rep % 2 == 0 else costs[::-1])
    ratios = [b / a for a, b in rows]
    print(f"| {title} | {statistics.median(a for a, _ in rows):.2f} | {statistics.median(b for _, b in rows):.2f} | "
          f"{statistics.median(ratios):.2f} | {min(ratios):.2f}-{max(ratios):.2f} | {reps} |", flush=True)


def wake_ups(pid):
    """Of all its threads so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            total += sum(int(n) for n in re.findall(r"voluntary_ctxt_switches:\s+(\d+)", f.read()))
    return total


def first_answer_ms(resolver):
    """From exec to the first private answer, asked every 0.1 ms."""
    query = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\2n0\5bench\7example\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((SERVER, PORT))
        client.settimeout(0.0001)
        begin = time.perf_counter()
        process = resolver.bench.start(resolver.command, 1)
        try:
            while True:
                try:
                    client.send(query)
                    client.recv(512)
                    return (time.perf_counter() - begin) * 1000
                except OSError:  # refused, or no answer yet
                    continue
        finally:
            process.terminate()
            process.wait()


def at_rest(bench, names):
    starts = [first_answer_ms(Resolver(bench, names)) for _ in range(STARTS)]
    with Resolver(bench, names) as resolver:
        time.sleep(1)  # the statistics of the first question are written
        before = wake_ups(resolver.process.pid)
        time.sleep(IDLE_S)
        idle = wake_ups(resolver.process.pid) - before
        resolver.drive(bench.path("private"), 3)
        print(f"| {names} | {statistics.median(starts):.1f} ({min(starts):.1f}-{max(starts):.1f}) | {idle} | "
              f"{peak_mb(resolver.process.pid):.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--reps", type=int, default=9)
    parser.add_argument("--secs", type=float, default=1.5)
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.inside:
        os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), "--inside"] + sys.argv[1:])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    args.build = os.path.abspath(args.build)
    folder = tempfile.mkdtemp(prefix="postern-scale-")
    bench = Bench(args, folder)
    try:
        print("| private names | ms to the first answer (median, range) | wake-ups in 10 s idle | peak RSS MB |\n|---|---|---|---|")
        at_rest(bench, 50)
        at_rest(bench, args.names)

        print("\n| CPU-µs an answer | few | many | many / few | range | reps |\n|---|---|---|---|---|---|")
        many = shuffled(bench, "many-names", "n{}.bench.example A", args.names)
        with Resolver(bench, 50) as small, Resolver(bench, args.names, address=SECOND) as large:
            compare(f"50 private names, {args.names}", small, bench.path("private"), large, many, args.reps, args.secs)
        few = shuffled(bench, "few-entries", "c{}.public.example A", 2000)
        many = shuffled(bench, "many-entries", "c{}.public.example A", args.entries)
        with Resolver(bench, 50, CACHE) as small, Resolver(bench, 50, CACHE, SECOND) as large:
            small.fill(few, 2000)
            bytes_an_entry = large.fill(many, args.entries)
            compare(f"2,000 cache entries, {args.entries}", small, few, large, many, args.reps, args.secs)
            print(f"\n{bytes_an_entry:.0f} bytes a cache entry, all included (one A record each)")
    finally:
        bench.upstream.terminate()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
