# SPDX-License-Identifier: Apache-2.0
"""What every stand-in program shares: addresses, the ready file, signals, and a bounded request log."""

import argparse
import collections
import faulthandler
import ipaddress
import json
import os
import signal
import sys
import threading
import time


def parse_address(text):
    """'127.0.0.1:443' -> ('127.0.0.1', 443). Only loopback: a stand-in must never be reachable from outside. Who has made
    a network that leads nowhere names it in STANDIN_NETWORK."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    address = ipaddress.ip_address(host)
    closed_network = os.environ.get("STANDIN_NETWORK")
    if not address.is_loopback and not (closed_network and address in ipaddress.ip_network(closed_network)):
        raise ValueError(f"{text}: a stand-in listens on loopback addresses only")
    number = int(port)
    if not 0 <= number <= 65535:
        raise ValueError(f"{text}: the port is out of range")
    return host, number


def parse_named_address(text):
    """'127.0.0.2:443=zone-a' -> ('zone-a', ('127.0.0.2', 443)). Without a name the address is the name."""
    address, _, name = text.partition("=")
    return name or address, parse_address(address)


def write_ready_file(path, content):
    """By rename, so that a reader never sees half of it."""
    if path is None:
        return
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(temporary, path)


def wait_for_signal():
    """Blocks until SIGTERM or SIGINT."""
    faulthandler.enable()  # SIGABRT shows where each thread is
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


def run_over_tls(name, description, make, refusal):
    """A program with one TLS listener and a scenario: make(options, scenario) has open() and close(). The exit code; 2 with
    the reason on stderr for what can't be used, `refusal` among it."""
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--control", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--scenario", metavar="FILE", required=True)
    parser.add_argument("--ready-file", metavar="FILE")
    options = parser.parse_args()
    try:
        with open(options.scenario, encoding="utf-8") as file:
            made = make(options, json.load(file))
        addresses = made.open()
    except (refusal, OSError, ValueError, TypeError) as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return 2
    write_ready_file(options.ready_file, addresses)
    wait_for_signal()
    made.close()
    return 0


class RequestLog:
    """What was asked, newest last, at most `limit` entries. Callers put no secret into it."""

    def __init__(self, limit=10000):
        self._entries = collections.deque(maxlen=limit)
        self._lock = threading.Lock()
        self._next = 1

    def add(self, **fields):
        with self._lock:
            self._entries.append({"seq": self._next, "time": round(time.time(), 6), **fields})
            self._next += 1

    def read(self, since=0, limit=1000):
        """Entries with seq > since; 'next' is the value to pass as `since` the next time."""
        with self._lock:
            found = [entry for entry in self._entries if entry["seq"] > since][:limit]
            return {"entries": found, "next": found[-1]["seq"] if found else max(since, self._next - 1)}

    def clear(self):
        with self._lock:
            self._entries.clear()
