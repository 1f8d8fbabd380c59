#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The prober's numbers, side by side with blackbox_exporter in one run.

    run.py --build BUILD [--blackbox PATH] [--seconds 10] [--runs 3] [--realtime]

Both probe the same TLS server (tests/bench/probe/gateway.cpp) with the same request; server and drivers are on one core,
the prober on another (taskset), and only the prober's own CPU is counted. blackbox is driven by keep-alive clients, and
needs a Prometheus besides, which is not counted. --realtime (needs CAP_SYS_NICE) puts everything under SCHED_RR, so that
other work on the machine takes caches but no turns: without it, a busy machine decides over lag and missed starts. Connect times are compared with the kernel's timestamps of SYN and
SYN+ACK on an AF_PACKET socket (needs CAP_NET_RAW; left out otherwise). Prints JSON lines and a table of medians."""

import argparse
import http.client
import json
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

NAME = "db.example.com"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
SO_TIMESTAMPNS = 35


def sh(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificates(folder):
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    sh("openssl", "req", "-x509", *ec, "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem", "-subj", "/CN=bench CA",
       "-days", "30")
    sh("openssl", "req", *ec, "-keyout", f"{folder}/key.pem", "-out", f"{folder}/req.pem", "-subj", f"/CN={NAME}")
    (folder / "ext").write_text(f"subjectAltName=DNS:{NAME}\n")
    sh("openssl", "x509", "-req", "-in", f"{folder}/req.pem", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
       "-CAcreateserial", "-out", f"{folder}/leaf.pem", "-days", "30", "-extfile", f"{folder}/ext")


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def status_kib(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0


class Capture(threading.Thread):
    """Kernel timestamps of SYN and SYN+ACK by the client's port."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.syn, self.connect_us, self.on = port, {}, {}, True
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.socket.bind(("lo", 0x0800))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
        # Classic BPF: TCP with SYN set (offset 33 of an IPv4 packet without options).
        program = [(0x30, 0, 0, 9), (0x15, 0, 3, 6), (0x30, 0, 0, 33), (0x45, 0, 1, 2), (0x6, 0, 0, 64), (0x6, 0, 0, 0)]
        code = b"".join(struct.pack("HBBI", *step) for step in program)
        self.buffer = __import__("ctypes").create_string_buffer(code)
        address = __import__("ctypes").addressof(self.buffer)
        self.socket.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", len(program), address))
        self.socket.settimeout(0.2)

    def run(self):
        while self.on:
            try:
                packet, ancillary, _, _ = self.socket.recvmsg(128, 128)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            at = seconds * 10**9 + nanoseconds
            source, destination = struct.unpack("!HH", packet[20:24])
            flags = packet[33]
            if flags & 0x12 == 0x02 and destination == self.port:
                if source not in self.syn or at - self.syn[source] > 10**9:
                    self.syn[source] = at
                    self.connect_us.pop(source, None)
            elif flags & 0x12 == 0x12 and source == self.port and destination in self.syn:
                self.connect_us.setdefault(destination, (at - self.syn[destination]) / 1000)


def postern(options, folder, targets, interval_ms, times=None):
    argv = ["taskset", "-c", "0", f"{options.build}/tests/bench/probe/bench_probe", str(targets), str(interval_ms),
            str(options.seconds), str(options.port), f"{folder}/ca.pem", NAME]
    out = subprocess.run(argv + ([times] if times else []), check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def connect_error(options, folder):
    try:
        capture = Capture(options.port)
    except PermissionError:
        return {"skipped": "no CAP_NET_RAW"}
    capture.start()
    times = f"{folder}/times"
    postern(options, folder, 100, 1000, times)
    time.sleep(0.5)
    capture.on = False
    capture.join()
    errors = []
    for line in pathlib.Path(times).read_text().splitlines():
        port, measured = line.split()
        if int(port) in capture.connect_us:
            errors.append(abs(int(measured) - capture.connect_us[int(port)]))
    errors.sort()
    return {"samples": len(errors), "median_us": round(errors[len(errors) // 2], 1),
            "p99_us": round(errors[len(errors) * 99 // 100], 1)} if errors else {"samples": 0}


def blackbox(options, folder, rate, gomaxprocs):
    (folder / "blackbox.yml").write_text(f"""
modules:
  sql:
    prober: http
    timeout: 3s
    http:
      method: POST
      body: "select 1"
      headers: {{ Content-Type: text/plain }}
      fail_if_body_not_matches_regexp: ['"code":0']
      preferred_ip_protocol: ip4
      tls_config: {{ ca_file: {folder}/ca.pem, server_name: {NAME} }}
""")
    port = options.port + 1
    environment = dict(os.environ, **({"GOMAXPROCS": str(gomaxprocs)} if gomaxprocs else {}))
    process = subprocess.Popen(["taskset", "-c", "0", options.blackbox, f"--config.file={folder}/blackbox.yml",
                                f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
                               env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        done = {"good": 0, "bad": 0}
        lock = threading.Lock()
        clients = 8
        stop_at = time.monotonic() + options.seconds + 2

        def drive(index):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            n = index
            due = time.monotonic() + index / rate
            while time.monotonic() < stop_at:
                time.sleep(max(0, due - time.monotonic()))
                due += clients / rate
                target = f"https%3A%2F%2F127.1.0.{1 + n % 200}%3A{options.port}%2Frest%2Fsql%3Ftoken%3D{TOKEN}"
                connection.request("GET", f"/probe?module=sql&target={target}")
                good = b"\nprobe_success 1" in connection.getresponse().read()
                n += clients
                with lock:
                    done["good" if good else "bad"] += 1

        threads = [threading.Thread(target=drive, args=(i,)) for i in range(clients)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        before, cpu = dict(done), cpu_ms(process.pid)
        time.sleep(options.seconds - 1)
        after, used = dict(done), cpu_ms(process.pid) - cpu
        for thread in threads:
            thread.join()
        probes = sum(after.values()) - sum(before.values())
        return {"probes": probes, "failed": after["bad"] - before["bad"], "cpu_ms_per_probe": round(used / max(probes, 1), 3),
                "rss_kib": status_kib(process.pid, "VmRSS:")}
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--blackbox")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--port", type=int, default=18443)
    parser.add_argument("--realtime", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {1})
    if options.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))  # what we start inherits both
    rows = {}

    def note(what, result):
        print(json.dumps({"what": what, **result}), flush=True)
        rows.setdefault(what, []).append(result)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificates(folder)
        server = subprocess.Popen(["taskset", "-c", "1", f"{options.build}/tests/bench/probe/bench_probe_gateway",
                                   str(options.port), f"{folder}/leaf.pem", f"{folder}/key.pem"], stdout=subprocess.PIPE)
        try:
            if server.stdout.readline() != b"ready\n":
                sys.exit("the gateway does not start")
            for _ in range(options.runs):
                note("postern 10 targets / 1 s", postern(options, folder, 10, 1000))
                ours = postern(options, folder, 200, 2000)
                note("postern 200 targets / 2 s (100/s)", ours)
                if options.blackbox:
                    theirs = [blackbox(options, folder, 100, 1), blackbox(options, folder, 100, None)]
                    note("blackbox 100/s, GOMAXPROCS=1", theirs[0])
                    note("blackbox 100/s, default", theirs[1])
                    again = postern(options, folder, 200, 2000)
                    note("postern 200 targets / 2 s (100/s)", again)
                    best = min(result["cpu_ms_per_probe"] for result in theirs)
                    mine = (ours["cpu_ms_per_probe"] + again["cpu_ms_per_probe"]) / 2
                    note("CPU of postern / CPU of blackbox (the better one)", {"ratio": round(mine / best, 3)})
                note("postern 1000 targets / 2 s (500/s)", postern(options, folder, 1000, 2000))
                note("connect time against the wire", connect_error(options, folder))
        finally:
            server.kill()
            server.wait()
    print()
    for what, results in rows.items():
        keys = [k for k, v in results[0].items() if isinstance(v, (int, float))]
        medians = {k: statistics.median(r[k] for r in results if k in r) for k in keys}
        print(f"{what:40}", " ".join(f"{k}={v}" for k, v in medians.items()))


if __name__ == "__main__":
    main()
