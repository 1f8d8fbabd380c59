#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures postern-resolver against the limit programs and Debian's DNS servers, interleaved, in a network namespace.

    tests/bench/dns/bench.py --build build/release [--reps 9] [--secs 1.5] [--peers unbound,dnsmasq,nsd,knotd] [WORKLOAD ...]

Workloads: private, mix (A and AAAA), cached (2,000 names), miss (unique names), tcp. The server has core 1, the client
(and the upstream) core 0. What counts is CPU time of the server per million answers, as the ratio to the limit program
of the same repetition: queries per second depend on what else the machine does. Needs root, nsd, dnsperf.
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER, UPSTREAM, PORT = "127.0.0.53", "127.0.0.54", 5300
NAMES = 50
LIMIT = {"private": "limit-mmsg", "mix": "limit-mmsg", "cached": "limit-mmsg", "miss": "limit-fwd", "tcp": "limit-tcp"}


def family(pid):
    """The process and everything below it: nsd answers in a grandchild, dnsmasq forks for TCP."""
    pids, at = [pid], 0
    while at < len(pids):
        for task in os.listdir(f"/proc/{pids[at]}/task"):
            with open(f"/proc/{pids[at]}/task/{task}/children") as f:
                pids += [int(c) for c in f.read().split()]
        at += 1
    return pids


def cpu_seconds(pid):
    """CPU time of the whole family, children that have ended included."""
    total = 0.0
    for p in family(pid):
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0]) / 1e9
            with open(f"/proc/{p}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        except FileNotFoundError:
            pass  # ended meanwhile; its parent has its time
    return total


def peak_mb(pid):
    total = 0
    for p in family(pid):
        with open(f"/proc/{p}/status") as f:
            peak = re.search(r"VmHWM:\s+(\d+)", f.read())
        total += int(peak.group(1)) / 1024 if peak else 0  # dnsmasq's children for TCP are zombies for a while
    return total


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        tool = lambda n: os.path.join(args.build, "tests/bench/dns", n)
        self.limit, self.load, self.make_plan = tool("dns_limit"), tool("dns_load"), tool("make_plan")
        self.stats_tool = tool("show_stats")
        self.write_names()
        self.run_upstream()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def write_names(self):
        self.write("private", "".join(f"n{i}.bench.example A\n" for i in range(NAMES)))
        self.write("mix", "".join(f"n{i}.bench.example {t}\n" for i in range(NAMES) for t in ("A", "AAAA")))
        self.write("cached", "".join(f"c{i}.public.example A\n" for i in range(2000)))
        self.write("tcp", "".join(f"n{i}.bench.example A\n" for i in range(NAMES)))

    def write_misses(self, tag, count=400000):
        return self.write("miss", "".join(f"m{tag}x{i}.public.example A\n" for i in range(count)))

    def run_upstream(self):
        self.write("public.zone", "$ORIGIN public.example.\n$TTL 3600\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.1\n")
        conf = self.write("nsd.conf", f"""server:
 ip-address: {UPSTREAM}@{PORT}
 zonesdir: "{self.folder}"
 database: ""
 pidfile: ""
 username: ""
 xfrdfile: ""
 zonelistfile: "{self.folder}/zonelist"
 xfrdir: "{self.folder}"
 minimal-responses: yes
 rrl-ratelimit: 0
remote-control:
 control-enable: no
zone:
 name: "public.example"
 zonefile: "public.zone"
""")
        self.upstream = self.start(["nsd", "-c", conf, "-d"], 0)
        self.wait(UPSTREAM, "x.public.example")

    def start(self, command, core, env=None):
        return subprocess.Popen(["taskset", "-c", str(core)] + command, stdout=subprocess.DEVNULL,
                                stderr=open(self.path("log"), "a"), env=env, cwd=self.folder)

    def wait(self, address, name, tcp=False):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            out = subprocess.run(["dig", f"@{address}", "-p", str(PORT), "+short", "+tries=1", "+time=1", name] +
                                 (["+tcp"] if tcp else []), capture_output=True, text=True).stdout
            if re.search(r"^\d+\.\d+\.\d+\.\d+$", out, re.M):
                return
            time.sleep(0.02)
        raise SystemExit(f"{address} does not answer {name}; see {self.path('log')}")

    def commands(self, server):
        """The command of a server; its configuration is written on the way."""
        listen = f"{SERVER}:{PORT}"
        if server.startswith("limit-"):
            mode = server[6:]
            return [self.limit, mode, SERVER, str(PORT)] + ([UPSTREAM, str(PORT)] if mode == "fwd" else [])
        if server == "postern":
            subprocess.run([self.make_plan, self.path("plan"), listen, f"{UPSTREAM}:{PORT}", str(NAMES), str(256 << 20)], check=True)
            return [os.path.join(self.args.build, "postern-resolver"), "--plan", self.path("plan"), "--stats", self.path("stats")]
        if server == "unbound":
            data = "".join(f' local-data: "n{i}.bench.example. 10 A 10.1.0.{i + 1}"\n' for i in range(NAMES))
            return ["unbound", "-d", "-c", self.write("unbound.conf", f"""server:
 interface: {SERVER}@{PORT}
 num-threads: 1
 username: ""
 chroot: ""
 pidfile: ""
 use-syslog: no
 do-not-query-localhost: no
 msg-cache-size: 256m
 rrset-cache-size: 256m
 module-config: "iterator"
 local-zone: "bench.example." static
{data}forward-zone:
 name: "."
 forward-addr: {UPSTREAM}@{PORT}
remote-control:
 control-enable: no
""")]
        if server == "dnsmasq":
            hosts = self.write("hosts", "".join(f"10.1.0.{i + 1} n{i}.bench.example\n" for i in range(NAMES)))
            return ["dnsmasq", "-k", "-C", "/dev/null", "-u", "root", "-p", str(PORT), "-a", SERVER, "-z", "-R", "-h", "-H", hosts,
                    "-S", f"{UPSTREAM}#{PORT}", "-c", "10000", "-0", "10000"]
        zone = self.write("bench.zone", "$ORIGIN bench.example.\n$TTL 10\n@ SOA ns root 1 2 3 4 5\n@ NS ns\nns A 127.0.0.1\n" +
                          "".join(f"n{i} A 10.1.0.{i + 1}\n" for i in range(NAMES)))
        if server == "nsd":
            conf = open(self.path("nsd.conf")).read().replace(UPSTREAM, SERVER).replace("public.example", "bench.example")
            return ["nsd", "-d", "-c", self.write("nsd-bench.conf", conf.replace("public.zone", "bench.zone").replace("zonelist\"", "zonelist2\""))]
        if server == "knotd":
            return ["knotd", "-c", self.write("knot.conf", f"""server:
  listen: {SERVER}@{PORT}
  rundir: {self.folder}/knot
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {self.folder}/knot
zone:
  - domain: bench.example
    file: {zone}
    zonefile-sync: -1
    journal-content: none
""")]
        raise SystemExit(f"unknown server {server}")

    def servers_for(self, workload):
        fixed = [LIMIT[workload], "postern"]
        if workload == "miss" and not self.args.peers:
            return fixed
        able = {"private": {"unbound", "dnsmasq", "nsd", "knotd"}, "mix": {"unbound", "dnsmasq", "nsd", "knotd"},
                "tcp": {"unbound", "dnsmasq", "nsd", "knotd"}}.get(workload, {"unbound", "dnsmasq"})
        return fixed + [p for p in self.args.peers if p in able]

    def measure(self, server, workload, tag):
        os.makedirs(self.path("knot"), exist_ok=True)
        process = self.start(self.commands(server), 1)
        try:
            first = "x.public.example" if workload in ("cached", "miss") else "n0.bench.example"
            self.wait(SERVER, first, tcp=workload == "tcp")
            pid = process.pid
            if server == "knotd":  # it pins its own threads
                for task in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(task), {1})
            names = self.write_misses(tag) if workload == "miss" else self.path(workload)
            if workload == "cached":
                self.drive(workload, names, 0.7)
            before = cpu_seconds(pid)
            answered, qps = self.drive(workload, names, self.args.secs)
            return {"cpu": (cpu_seconds(pid) - before) / answered * 1e6, "kqps": qps / 1000, "rss": peak_mb(pid)}
        finally:
            process.terminate()
            process.wait()

    def drive(self, workload, names, secs):
        if workload in ("miss", "tcp"):
            command = ["dnsperf", "-s", SERVER, "-p", str(PORT), "-d", names, "-t", "2", "-l", str(secs), "-c", "4", "-q", "100"]
            if workload == "tcp":
                command += ["-m", "tcp", "-c", "10"]
            out = subprocess.run(["taskset", "-c", "0"] + command, capture_output=True, text=True).stdout
            return (int(re.search(r"Queries completed:\s+(\d+)", out).group(1)),
                    float(re.search(r"Queries per second:\s+([\d.]+)", out).group(1)))
        out = subprocess.run(["taskset", "-c", "0", self.load, SERVER, str(PORT), names, str(secs)], capture_output=True, text=True).stdout
        result = json.loads(out)
        if result["lost"] + result["bad"] > result["sent"] / 1000:
            print(f"    {workload}: {result}", file=sys.stderr)
        return result["ok"], result["qps"]


def table(workload, results):
    limit = LIMIT[workload]
    print(f"\n### {workload} (x limit = {limit} of the same repetition)\n")
    print("| server | CPU-s per million | x limit | x limit min-max | kqps | kqps / limit | peak RSS MB | reps |")
    print("|---|---|---|---|---|---|---|---|")
    median = statistics.median
    for server, rows in sorted(results.items(), key=lambda kv: median(r["cpu"] for r in kv[1])):
        ratios = [r["cpu"] / l["cpu"] for r, l in zip(rows, results[limit])]
        speed = [r["kqps"] / l["kqps"] for r, l in zip(rows, results[limit])]
        print(f"| {server} | {median(r['cpu'] for r in rows):.2f} | {median(ratios):.2f} | {min(ratios):.2f}-{max(ratios):.2f} | "
              f"{median(r['kqps'] for r in rows):.0f} | {median(speed):.2f} | {max(r['rss'] for r in rows):.1f} | {len(rows)} |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--reps", type=int, default=9)
    parser.add_argument("--secs", type=float, default=1.5)
    parser.add_argument("--peers", default="")
    parser.add_argument("--json", help="also write the raw numbers here")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("workloads", nargs="*", default=[])
    args = parser.parse_args()
    if not args.inside:  # a network of our own: nobody's port is taken, nobody's traffic counts
        os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), "--inside"] + sys.argv[1:])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    args.build = os.path.abspath(args.build)
    args.peers = [p for p in args.peers.split(",") if p]
    folder = tempfile.mkdtemp(prefix="postern-bench-")
    bench = Bench(args, folder)
    raw = {}
    try:
        for workload in args.workloads or list(LIMIT):
            servers = bench.servers_for(workload)
            results = {s: [] for s in servers}
            for rep in range(args.reps):
                for i in range(len(servers)):  # the order turns: no server always follows the same one
                    server = servers[(i + rep) % len(servers)]
                    results[server].append(bench.measure(server, workload, f"{rep}{i}"))
            table(workload, results)
            raw[workload] = results
    finally:
        bench.upstream.terminate()
        if args.json:
            with open(args.json, "w") as f:
                json.dump(raw, f, indent=1)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
