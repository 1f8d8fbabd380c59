#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random sequences of what administrators, other programs, faults and our own commands do to a host.

    sequences.py [--sequences N] [--seed S] [--steps N] [--jobs N]
    sequences.py --only SEED       one sequence again, as its number printed it

After each step public names are found within 15 s, and where postern says that its takeover works, the private name is.
At the end the package is purged: nothing of ours is left, names are found, also after a boot; and where no step changed
the host's own DNS configuration, it is as it was, byte for byte. Not part of ctest: 200 sequences take an hour and more.
"""

import argparse
import concurrent.futures
import random
import sys
import time
import traceback

import guest as guests
from guest import KINDS, PRIVATE_ADDRESS, SERVER, Guest

FOUND_WITHIN_S = 15
OUR_UNITS = "postern postern-resolver.service postern-resolver.socket postern-hostdns.path postern-hostdns postern-prestart"
FILE_IN_ETC = ("plain", "ifupdown", "networkmanager", "openresolv")  # resolv.conf is an ordinary file


class Act:
    def __init__(self, name, does, variants=None, edits=False):
        self.name, self.does, self.variants, self.edits = name, does, variants, edits


def shell(script):
    return lambda host: host.sh(script, check=False)


def vpn(host):
    """Puts a server in front that is dead, and its backup back later."""
    host.sh("cp --remove-destination -L /etc/resolv.conf /root/vpn.backup; rm -f /etc/resolv.conf; "
            "printf 'nameserver 10.77.0.99\\nnameserver 10.77.0.1\\n' >/etc/resolv.conf; sleep 3; "
            "rm -f /etc/resolv.conf; cp /root/vpn.backup /etc/resolv.conf")


def fight(host):
    for n in range(7):
        host.cloud_init(1 + n % 2)
        time.sleep(1)


def power_cut(host):
    host.cut()
    host.boot()


ADMIN = [
    Act("a line in front of resolv.conf", shell("sed -i '1i search x.example' /etc/resolv.conf"), FILE_IN_ETC, True),
    Act("resolv.conf names us alone", shell(f"rm -f /etc/resolv.conf; echo nameserver {SERVER} >/etc/resolv.conf"),
        ("plain",), True),
    Act("the resolver masked", shell("systemctl mask --now postern-resolver.service postern-resolver.socket")),
    Act("units unmasked and started", shell(f"systemctl unmask {OUR_UNITS}; systemctl enable --now {OUR_UNITS}")),
    Act("all units disabled and stopped", shell(f"systemctl disable --now {OUR_UNITS}")),
    Act("link reverted", shell("resolvectl revert postern0"), ("resolved", "nm-resolved")),
    Act("link set down", shell("ip link set postern0 down"), ("resolved", "nm-resolved")),
    Act("link deleted", shell("ip link del postern0"), ("resolved", "nm-resolved")),
    Act("configuration edited, not reloaded",
        shell("sed 's/^host = .*/host = \"new.cloud.lab.test\"/' -i /etc/postern/postern.toml")),
    Act("owner's package purged", shell("dpkg -P --force-depends resolvconf openresolv"),
        ("resolvconf", "openresolv"), True),
]
OTHERS = [
    Act("DHCP renewed", lambda host: host.renew(), [v for v in guests.VARIANTS if v != "plain"], True),
    Act("cloud-init wrote resolv.conf", lambda host: host.cloud_init(2), ("plain", "ifupdown"), True),
    Act("a VPN came and went", vpn, ("plain", "ifupdown"), True),
    Act("another program keeps writing", fight, ("plain",), True),
    Act("resolved restarted", shell("systemctl restart systemd-resolved"),
        ("resolved", "resolved-uplink", "nm-resolved")),
    Act("networkd restarted", shell("systemctl restart systemd-networkd"), ("resolved", "resolved-uplink")),
    Act("NetworkManager restarted", shell("systemctl restart NetworkManager"), ("networkmanager", "nm-resolved")),
    Act("the cable flapped", lambda host: host.net("flap")),
]
FAULTS = [
    Act("resolver killed", shell("pkill -KILL postern-resolve")),
    Act("agent killed", shell("pkill -KILL -x postern")),
    Act("rescue killed", shell("pkill -KILL postern-rescue")),
    Act("resolver stopped in its tracks", shell("pkill -STOP postern-resolve")),
    Act("resolver continued", shell("pkill -CONT postern-resolve")),
    Act("resolver's program gone", shell("mv /usr/sbin/postern-resolver /root/ && pkill -KILL postern-resolve")),
    Act("resolver's program back", shell("mv /root/postern-resolver /usr/sbin/ && systemctl reset-failed postern-resolver")),
    # It alone knows how the host was.
    Act("the journal cut off", shell("truncate -s 20 /var/lib/postern/hostdns.json"), None, True),
]
BOOTS = [Act("reboot", lambda host: host.reboot()), Act("power cut", power_cut)]
OURS = [
    Act("dns enable", lambda host: host.dns("enable", check=False)),
    Act("dns disable", lambda host: host.dns("disable", check=False)),
    Act("dns reapply", lambda host: host.dns("reapply", check=False)),
    Act("enable cut short", lambda host: (host.dns("disable", check=False),
                                          host.dns("enable", check=False, stop_after=random.randint(1, 4)))),
    Act("package installed again", lambda host: host.run("dpkg", "-i", "/root/postern.deb", check=False)),
]


def draw(seed, steps):
    """(variant, mode, acts) of this number, always the same."""
    choose = random.Random(seed)
    variant, mode = choose.choice(KINDS)
    acts = []
    for _ in range(steps):
        kind = choose.choice((ADMIN, ADMIN, OTHERS, OTHERS, FAULTS, FAULTS, BOOTS, OURS))
        fitting = [act for act in kind if act.variants is None or variant in act.variants]
        acts.append(choose.choice(fitting))
    return variant, mode, acts


def check(host):
    """What must hold after each step."""
    host.wait(host.serves_public, "public names", FOUND_WITHIN_S)
    status = host.status()
    if status["state"] == "on" and status["path"] == "works" and host.dig("new.cloud.lab.test") != [PRIVATE_ADDRESS]:
        host.wait(lambda: host.serves_private() or host.status()["state"] != "on", "the private name", FOUND_WITHIN_S)


def leave(host, before, touched):
    host.run("dpkg", "-P", "postern")
    host.wait(host.serves_public, "public names after the purge", FOUND_WITHIN_S)
    for when in ("after the purge", "after a boot"):
        now = host.snapshot()
        traces = [line for line in now.splitlines() if SERVER in line or "postern" in line or "192.0.0.8" in line]
        if traces:
            raise AssertionError(f"left {when}: " + "; ".join(traces))
        if not touched and now != before:
            raise AssertionError(f"not as before, {when}:\n{before}\n---\n{now}")
        if when == "after the purge":
            host.reboot()


def run(seed, steps):
    """"" or what went wrong."""
    variant, mode, acts = draw(seed, steps)
    random.seed(seed)
    done = [f"{variant}, {mode}"]
    host = None
    try:
        host = Guest(variant)
        before = host.snapshot()
        host.install()
        host.configure()
        host.dns("enable", "--mode", mode)
        for act in acts:
            done.append(act.name)
            act.does(host)
            check(host)
        done.append("purge")
        leave(host, before, any(act.edits for act in acts))
        return ""
    except Exception as error:  # of any kind: the run goes on with the next
        journal = host.journal() if host else ""
        return f"seed {seed}: {' → '.join(done)}: {error}\n{journal}\n{traceback.format_exc(limit=2)}"
    finally:
        if host:
            host.down()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first one; the others count on")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    if guests.missing():
        sys.exit(f"no host lab: {guests.missing()}")
    guests.take_down_forgotten()
    seeds = [options.only] if options.only is not None else range(options.seed, options.seed + options.sequences)
    begin, failed = time.monotonic(), []
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        running = {pool.submit(run, seed, options.steps): seed for seed in seeds}
        for number, future in enumerate(concurrent.futures.as_completed(running), 1):
            wrong = future.result()
            if wrong:
                failed.append(running[future])
                print(wrong, flush=True)
            elif number % 10 == 0:
                print(f"{number} of {len(running)}, {len(failed)} failed", flush=True)
    print(f"{len(running)} sequences of {options.steps} steps, seeds {seeds[0]} to {seeds[-1]}, "
          f"{(time.monotonic() - begin) / 60:.0f} min: {len(failed)} failed {failed or ''}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
