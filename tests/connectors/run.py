#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One run: every connector, as users write it (`default`) and with the settings of postern-connectors(7) (`set`), loses its zone.

    run.py --fault drop|end|hang [--free no|ss|product] [--profiles default,set] [--host]
           [--crowd N] [--connectors NAME,...] [--seconds 120] --build FOLDER --out FILE
"""

import argparse
import contextlib
import json
import os

import world as places  # first: it enters the namespaces

import programs
from crowd import Crowd
from freeing import WAYS, link_settings, start_freeing
from launch import wait_until

WARM_QUERIES = 6


def start(world, options, running):
    """Adds the programs to `running`, one after another, each of them warm and connected to the host's own zone."""
    def alive(program):
        if program.process.poll() is not None:
            raise AssertionError(f"{program.connector} ended: {program.errors()}")
        return program.lines()

    def warm(program):
        lines = alive(program)[-WARM_QUERIES:]
        quick = len(lines) == WARM_QUERIES and all(what == "ok" and end - began < 500 for began, end, what in lines)
        return quick and (world.connected(program.process.pid) > 0 or not programs.CONNECTORS[program.connector].keeps)

    for name in options.connectors:
        for profile in options.profiles:
            running.append(programs.Program(name, profile, options.build, world.folder, world.environment()))
            wait_until(lambda: alive(running[-1]), 60, f"the first query of {name}", poll_s=0.1)
    for program in running:
        wait_until(lambda p=program: warm(p), 60, f"{program.connector}, {program.profile}, to be warm", poll_s=0.2)


def measure(world, options, ends):
    """The run's result; `ends`: what it started is ended with it."""
    world.start(**link_settings(options.free))
    if options.host:
        world.set_host()
    crowd = Crowd(options.crowd, places.OTHER) if options.crowd else None
    if crowd:
        ends.callback(crowd.close)
    running = []
    ends.callback(lambda: [program.stop() for program in running])
    start(world, options, running)
    held = [world.connected(program.process.pid) for program in running]
    freeing = start_freeing(world, options.free)
    ends.callback(freeing.stop)
    world.wait_for_worst(options.fault)
    getattr(world, options.fault)()
    fault_ms = places.now_ms()
    until_ms = fault_ms + options.seconds * 1000
    withdrawn_ms = wait_until(lambda: world.withdrawn() and places.now_ms(), 60, "the withdrawal", poll_s=0.05)
    wait_until(lambda: places.now_ms() > until_ms, options.seconds + 10, "the time of the run", poll_s=0.5)
    rows = [{"connector": program.connector, "profile": program.profile, "connections": connections,
             **programs.judge(program.lines(), fault_ms, until_ms)} for program, connections in zip(running, held)]
    return {"fault": options.fault, "free": options.free, "host": options.host, "seconds": options.seconds,
            "withdrawn_s": (withdrawn_ms - fault_ms) / 1000, "freed": freeing.freed,
            "crowd": crowd.judge() if crowd else None, "rows": rows}


def main():
    parser = argparse.ArgumentParser(description="connectors lose their zone: one run")
    parser.add_argument("--fault", required=True, choices=("drop", "end", "hang"))
    parser.add_argument("--free", default="no", choices=WAYS)
    parser.add_argument("--profiles", default=["default", "set"], type=lambda text: text.split(","))
    parser.add_argument("--connectors", default=list(programs.CONNECTORS), type=lambda text: text.split(","))
    parser.add_argument("--host", action="store_true", help="with the kernel's settings of postern-connectors(7)")
    parser.add_argument("--crowd", type=int, metavar="N", help="so many more connections, to the healthy zone")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--build", required=True, metavar="FOLDER", help="prepare.sh's")
    parser.add_argument("--out", required=True, metavar="FILE")
    options = parser.parse_args()
    options.build, options.out = os.path.abspath(options.build), os.path.abspath(options.out)
    with contextlib.ExitStack() as ends:
        world = places.World(options.build)
        ends.callback(world.close)
        ends.callback(world.keep_logs, os.path.splitext(options.out)[0])
        result = measure(world, options, ends)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
