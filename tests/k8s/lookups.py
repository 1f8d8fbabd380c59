# SPDX-License-Identifier: Apache-2.0
"""Looks a name up at a rate, as a pod's C library would: another try after 5 s, given up after two. Ends on SIGTERM.

    lookups.py NAME SERVER RATE OUT     OUT gets JSON: how many were answered, lost, tried again, and their times"""
import json
import pathlib
import selectors
import signal
import socket
import struct
import sys
import time

TRY_S, TRIES, SOCKETS = 5.0, 2, 64


def main():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    name, server, rate, out = sys.argv[1], sys.argv[2], float(sys.argv[3]), pathlib.Path(sys.argv[4])
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    selector, pool = selectors.DefaultSelector(), []
    for _ in range(SOCKETS):  # a port each, so that the Service leads to all of its pods
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.connect((server, 53))
        own.setblocking(False)
        selector.register(own, selectors.EVENT_READ)
        pool.append(own)
    waiting, times = {}, []  # (socket, number) → [first sent, last sent, tries]
    told = {"answered": 0, "lost": 0, "again": 0, "wrong": []}
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(time.monotonic()))
    begun = now = time.monotonic()
    sent = 0
    pathlib.Path(str(out) + ".begun").touch()

    def send(own, number):
        try:
            own.send(struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
        except OSError:
            pass  # an error of an earlier one; this one is tried again in time

    while not ending or waiting:
        while not ending and sent < (now - begun) * rate:
            own, number = pool[sent % SOCKETS], sent // SOCKETS % 65536
            waiting[own, number] = [now, now, 1]
            send(own, number)
            sent += 1
        for key, _ in selector.select(0.002):
            while True:
                try:
                    reply = key.fileobj.recv(4096)
                except OSError:
                    break
                entry = waiting.pop((key.fileobj, struct.unpack_from(">H", reply)[0]), None)
                if entry is None:
                    continue
                if reply[3] & 15 or not reply[7]:
                    told["wrong"].append([round(time.monotonic() - begun, 3), reply[3] & 15])
                    continue
                told["answered"] += 1
                times.append(time.monotonic() - entry[0])
        now = time.monotonic()
        for key, entry in list(waiting.items()) if sent % 50 == 0 or ending else []:
            if now - entry[1] < TRY_S:
                continue
            if entry[2] == TRIES:
                told["lost"] += 1
                del waiting[key]
            else:
                told["again"] += 1
                entry[1:] = [now, entry[2] + 1]
                send(*key)
    times.sort()
    told |= {"sent": sent, "seconds": round(now - begun, 1),
             "ms": {str(part): round(times[min(int(len(times) * part), len(times) - 1)] * 1000, 2) for part in (0.5, 0.99, 0.999, 1)}}
    out.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
