#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random sequences of what administrators, other programs, faults and our own commands do to a host.

    sequences.py [--sequences N] [--seed S] [--steps N] [--jobs N]
    sequences.py --only SEED       one sequence again, as its number printed it
    sequences.py --list            the pairs, each with its number

The acts that were found to take a host's names (`found`) are tried in every order of two: the pair of a sequence is the
one that its number has in the list of pairs, the rest is drawn. After each step public names are found within 15 s, and
where postern says that its takeover works, the private name is.
At the end the package is purged: nothing of ours is left, names are found, also after a boot; and where no step changed
the host's own DNS configuration, it is as it was, byte for byte. Not part of ctest: an hour.
"""

import argparse
import concurrent.futures
import itertools
import random
import sys
import time
import traceback

import guest as guests
from guest import KINDS, PRIVATE_ADDRESS, SERVER, Guest, newer_package

FOUND_WITHIN_S = 15
OUR_UNITS = "postern postern-resolver.service postern-resolver.socket postern-hostdns.path postern-hostdns postern-prestart"
FILE_IN_ETC = ("plain", "ifupdown", "networkmanager", "openresolv")  # resolv.conf is an ordinary file


class Act:
    """`edits`: the host's own DNS configuration is another afterwards. `found`: once took a host's names."""

    def __init__(self, name, does, variants=None, edits=False, found=False):
        self.name, self.does, self.variants, self.edits, self.found = name, does, variants, edits, found

    def fits(self, variant):
        return self.variants is None or variant in self.variants


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


def upgrade(host):
    """With another example of a configuration, and nobody at the terminal."""
    host.put(newer_package("98", "echo '# another one' >>usr/share/postern/postern.toml"), "/root/newer.deb")
    host.run("dpkg", "-i", "/root/newer.deb", check=False)  # its programs may be unable to start


# Another program has our port before the units are started again.
SQUATTER = f"""systemctl stop postern-resolver.socket postern-resolver.service
systemd-run -q --unit squatter perl -MIO::Socket::INET -e \
    '$held = IO::Socket::INET->new(LocalAddr => "{SERVER}:53", Proto => "udp") or die; sleep'"""
RESOLVED = ("resolved", "nm-resolved")

ADMIN = [
    Act("a line in front of resolv.conf", shell("sed -i '1i search x.example' /etc/resolv.conf"), FILE_IN_ETC, True,
        found=True),
    Act("resolv.conf names us alone", shell(f"rm -f /etc/resolv.conf; echo nameserver {SERVER} >/etc/resolv.conf"),
        ("plain",), True, found=True),
    Act("the resolver masked", shell("systemctl mask --now postern-resolver.service postern-resolver.socket"),
        found=True),
    Act("units unmasked and started", shell(f"systemctl unmask {OUR_UNITS}; systemctl enable --now {OUR_UNITS}")),
    Act("all units disabled and stopped", shell(f"systemctl disable --now {OUR_UNITS}"), found=True),
    Act("link reverted", shell("resolvectl revert postern0"), RESOLVED, found=True),
    Act("link set down", shell("ip link set postern0 down"), RESOLVED, found=True),
    Act("link deleted", shell("ip link del postern0"), RESOLVED, found=True),
    Act("configuration edited, not reloaded",
        shell("sed 's/^host = .*/host = \"new.cloud.lab.test\"/' -i /etc/postern/postern.toml"), found=True),
    Act("resolv.conf led away from resolved for a moment",
        shell("link=$(readlink /etc/resolv.conf); rm /etc/resolv.conf; echo 'nameserver 10.77.0.1' >/etc/resolv.conf; "
              "sleep 3; ln -sf $link /etc/resolv.conf"), RESOLVED, True, found=True),  # resolved keeps that server
    Act("owner's package purged", shell("dpkg -P --force-depends resolvconf openresolv"),
        ("resolvconf", "openresolv"), True, found=True),
]
OTHERS = [
    Act("DHCP renewed", lambda host: host.renew(), [v for v in guests.VARIANTS if v != "plain"], True),
    Act("cloud-init wrote resolv.conf", lambda host: host.cloud_init(2), ("plain", "ifupdown"), True),
    Act("a VPN came and went", vpn, ("plain", "ifupdown"), True, found=True),
    Act("another program keeps writing", fight, ("plain",), True, found=True),
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
    Act("resolver's program gone", shell("mv /usr/sbin/postern-resolver /root/ && pkill -KILL postern-resolve"),
        found=True),
    Act("resolver's program back", shell("mv /root/postern-resolver /usr/sbin/ && systemctl reset-failed postern-resolver")),
    Act("libraries gone",
        shell("mkdir -p /root/gone; mv /usr/lib/*-linux-gnu/libuv.so* /root/gone/; pkill -KILL postern-resolve; "
              "pkill -KILL -x postern"), found=True),
    Act("libraries back", shell("mv /root/gone/* /usr/lib/*-linux-gnu/")),
    Act("another program has our port", shell(SQUATTER), found=True),
    Act("our port is free again", shell("systemctl stop squatter; systemctl start postern-resolver.socket")),
    # It alone knows how the host was.
    Act("the journal cut off", shell("truncate -s 20 /var/lib/postern/hostdns.json"), None, True),
]
BOOTS = [Act("reboot", lambda host: host.reboot(), found=True), Act("power cut", power_cut)]
OURS = [
    Act("dns enable", lambda host: host.dns("enable", check=False)),
    Act("dns disable", lambda host: host.dns("disable", check=False)),
    Act("dns reapply", lambda host: host.dns("reapply", check=False)),
    Act("enable cut short", lambda host: (host.dns("disable", check=False),
                                          host.dns("enable", check=False, stop_after=random.randint(1, 4)))),
    Act("package installed again", lambda host: host.run("dpkg", "-i", "/root/postern.deb", check=False)),
    Act("upgrade with another example", upgrade, found=True),
]


def pairs():
    """(first, then, the kinds of host where both can happen), of all that can."""
    found = [act for act in ADMIN + OTHERS + FAULTS + BOOTS + OURS if act.found]
    orders = [(first, then, [kind for kind in KINDS if first.fits(kind[0]) and then.fits(kind[0])])
              for first, then in itertools.permutations(found, 2)]
    return [order for order in orders if order[2]]


def draw(seed, steps):
    """(variant, mode, acts) of this number, always the same."""
    choose = random.Random(seed)
    orders = pairs()
    first, then, kinds = orders[seed % len(orders)]
    variant, mode = choose.choice(kinds)
    acts = []
    for _ in range(steps - 2):
        kind = choose.choice((ADMIN, ADMIN, OTHERS, OTHERS, FAULTS, FAULTS, BOOTS, OURS))
        acts.append(choose.choice([act for act in kind if act.fits(variant)]))
    at = choose.randint(0, len(acts))
    return variant, mode, acts[:at] + [first, then] + acts[at:]


def check(host):
    """What must hold after each step."""
    # Each lookup is a new one: one that began before goes on asking the servers of then.
    host.wait(lambda: host.serves_public(patience_s=6), "public names", FOUND_WITHIN_S)
    status = host.status()
    if not status:  # nothing of ours can start
        return
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
    parser.add_argument("--sequences", type=int, default=len(pairs()))
    parser.add_argument("--seed", type=int, default=1, help="of the first one; the others count on")
    parser.add_argument("--steps", type=int, default=5, help="2 and more")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--only", type=int)
    parser.add_argument("--list", action="store_true", help="print the pairs, by the number that tries them, and end")
    options = parser.parse_args()
    if options.list:
        for number, (first, then, kinds) in enumerate(pairs()):
            print(f"{number}: {first.name} → {then.name}, on {len(kinds)} kinds of host")
        return
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
