#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which connectors take a certificate of an unknown issuer, or for another name: certificates.py BUILD prints a table."""

import contextlib
import os
import sys

import world as places  # first: it enters the namespaces

import programs
from launch import wait_until

MODES = {"cert_untrusted": "unknown issuer", "cert_wrong_name": "another name"}


def takes(world, build, connector, profile):
    """Whether the connector's first query succeeds."""
    program = programs.Program(connector, profile, build, world.folder, world.environment())
    try:
        wait_until(lambda: program.lines() or program.process.poll() is not None, 60, f"{connector}'s first query", poll_s=0.1)
        return any(what == "ok" for _, _, what in program.lines())
    finally:
        program.stop()


def main():
    build = os.path.abspath(sys.argv[1])
    with contextlib.ExitStack() as ends:
        world = places.World(build)
        ends.callback(world.close)
        world.start()
        print("| connector | | " + " | ".join(MODES.values()) + " |\n|---|---|---|---|")
        for name, connector in programs.CONNECTORS.items():
            for profile in ("default", "set"):
                cells = []
                for mode in MODES:
                    world.set_gateways(mode)
                    cells.append("taken" if takes(world, build, name, profile) else "refused")
                world.set_gateways("ok")
                assert takes(world, build, name, profile), f"{name}, {profile}: the good certificate is refused"
                print(f"| {connector.name} | {profile} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
