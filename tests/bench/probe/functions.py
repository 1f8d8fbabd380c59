#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The functions that a running agent uses again and again: probes, polls of the API, answers about its state. Next to each
other in the program (packaging/portable/README.md, "Memory") they take a third of the memory.

    functions.py [--project build/portable/x86_64/project] [--seconds 60] >packaging/portable/used_functions

Links the portable program once more, with its symbols, and runs it under valgrind (callgrind) in namespaces of its own.
Needs valgrind, and what packaging/portable.sh left. Prints the symbols, sorted."""

import argparse
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--project", default="build/portable/x86_64/project", type=os.path.abspath)
parser.add_argument("--seconds", type=int, default=60)
options = parser.parse_args()
again = "POSTERN_FUNCTIONS_FOLDER" in os.environ  # host.py starts us again inside the namespaces
if not again:
    os.environ["POSTERN_FUNCTIONS_FOLDER"] = tempfile.mkdtemp(prefix="postern-functions-")
folder = pathlib.Path(os.environ["POSTERN_FUNCTIONS_FOLDER"])


def link_with_symbols():
    commands = subprocess.run(["ninja", "-t", "commands", "postern"], cwd=options.project, check=True, capture_output=True, text=True)
    command = commands.stdout.splitlines()[-1]
    command = re.sub(r" -Wl,-T,\S+", "", command)  # valgrind knows the symbols of .text alone
    changed = command.replace(" -s ", " ", 1).replace(" -o postern ", f" -o {folder}/linked ", 1)
    if changed.count("/linked ") != 1 or " -s " in changed:
        raise SystemExit(f"the command that links postern has another form: {command}")
    cache = os.path.join(options.project, "..", "..", "cache")
    subprocess.run(["sh", "-c", changed], cwd=options.project, check=True, stdout=sys.stderr,
                   env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache})


if not again:
    link_with_symbols()
    (folder / "postern-resolver").symlink_to(f"{options.project}/postern-resolver")
wrapper = folder / "postern"
wrapper.write_text(f"""#!/bin/sh
exec valgrind --quiet --tool=callgrind --instr-atstart=no --demangle=no --callgrind-out-file={folder}/out {folder}/linked "$@"
""")
wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
os.environ["POSTERN_BIN"] = str(wrapper)
os.environ["POSTERN_RESOLVER_BIN"] = f"{options.project}/postern-resolver"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import host as e2e  # noqa: E402


def control(world, *arguments):
    subprocess.run(["callgrind_control", *arguments, str(world.agent.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def used_functions(dump, program):
    """The functions of that program with a cost of their own."""
    names, objects, used, here, function = {}, {}, set(), "", ""

    def named(table, text):
        number, _, name = text.partition(" ")
        if name:
            table[number] = name
        return table[number]

    for line in dump.splitlines():
        if line.startswith("ob="):
            here = named(objects, line[3:])
        elif line.startswith("fn="):
            function = named(names, line[3:])
        elif line.startswith("cfn="):
            named(names, line[4:])
        elif line.startswith("cob="):
            named(objects, line[4:])
        elif re.match(r"[+*0-9-]", line) and here == program:
            used.add(re.sub(r"'\d+$", "", function))
    return used


def sections(functions):
    """What the linker knows them by: a section for each, or the object of those that have none."""
    members = {}
    archive = f"{options.project}/../prefix/lib/libcrypto.a"
    names = subprocess.run(["nm", "--print-file-name", archive], capture_output=True, text=True, check=False).stdout
    for member, name in re.findall(r":(\S*x86_64\S*\.o):\w+ [Tt] (\S+)$", names, re.M):
        members[name] = f"libcrypto.a:{member}"
    found = {members.get(name, name) for name in functions}
    found |= {re.sub(r"([CD])1(E)", r"\g<1>2\2", name) for name in found if re.search(r"[CD]1E", name)}  # one body, two names
    return {name for name in found if re.fullmatch(r"[A-Za-z0-9_.$:-]+", name)}


def main():
    world = e2e.Host()
    try:
        world.start_world()
        world.start_postern()
        control(world, "--instr=on")
        for path in ("/api/v1/status", "/api/v1/probes", "/plain"):
            world.http(path)
        world.gateways.control.post("/listeners/zone-a", mode="refuse")
        world.wait_addresses(e2e.ZONE_B, deadline_s=300)
        world.gateways.control.post("/listeners/zone-a", mode="ok")
        world.wait_addresses(e2e.ZONE_A, e2e.ZONE_B, deadline_s=300)
        control(world, "--dump")  # and begins anew
        until = time.monotonic() + options.seconds
        while time.monotonic() < until:
            world.http("/metrics")
            world.http("/health")
            time.sleep(2)
        control(world, "--dump")
        rarely, always = (sections(used_functions((folder / f"out.{i}").read_text(encoding="utf-8"), f"{folder}/linked"))
                          for i in (1, 2))
        world.agent.kill()
        world.agent.wait()
        world.agent = None
    finally:
        world.close()
        shutil.rmtree(folder)
    print("# SPDX-License-Identifier: Apache-2.0", "# What a running agent uses, made by tests/bench/probe/functions.py: functions, and objects written in assembler.",
          *sorted(always), "# now and then", *sorted(rarely - always), sep="\n")


main()
