# SPDX-License-Identifier: Apache-2.0
"""Whatever fails: lookups keep working, or the host has its own DNS back until postern works again."""

import unittest

from guest import PRIVATE, PRIVATE_ADDRESS, PUBLIC, PUBLIC_ADDRESS, SERVER, HostTest, Load, newer_package

NAMES = [f"{PRIVATE}.={PRIVATE_ADDRESS}"] * 3 + [f"{PUBLIC}.={PUBLIC_ADDRESS}"]

KILL = """
unit=$1 times=$2 pause=$3 n=0
while [ $n -lt "$times" ]; do
    n=$((n + 1)) old=$(systemctl show -P MainPID "$unit")
    kill -KILL "$old"
    # Type=notify: active says that it serves again
    until [ "$(systemctl show -P MainPID "$unit")" != "$old" ] && systemctl -q is-active "$unit"; do sleep 0.05; done
    sleep "$pause"
done
"""


class Loaded:
    """Both kinds of clients at once; `with` gives the reports at its end."""

    def __init__(self, test, guest, rate):
        guest.install_load()
        self.test, self.guest, self.rate, self.reports = test, guest, rate / 2, {}

    def __enter__(self):
        self._loads = {"dig": Load(self.guest, "dig", SERVER, self.rate, *NAMES),
                       "getaddrinfo": Load(self.guest, "getaddrinfo", self.rate, *NAMES)}
        return self

    def __exit__(self, *_):
        self.reports = {name: load.stop() for name, load in self._loads.items()}
        for name, report in self.reports.items():
            self.test.note("{0}: {sent} lookups, {failed} failed, {wrong} wrong, {retransmitted} needed a retransmit, "
                           "p99 {p99_ms} ms, of the worst second {worst_second_p99_ms} ms".format(name, **report))

    def assert_nothing_failed(self):
        for name, report in self.reports.items():
            self.test.assertGreater(report["answered"], 0)
            self.test.assertEqual((report["failed"], report["wrong"]), (0, 0), (name, report["reasons"]))


def upgrade(host):
    for version in ("98", "99"):
        host.install(newer_package(version))


class UnderLoad(HostTest):
    rate = 1000  # lookups a second; numbers.py asks for more
    # It lives for a moment each time: what a killed program had read is lost, and a program asks twice only.
    kills, pause_s = 10, 1
    kind = "ifupdown", "full"

    def setUp(self):
        self.host = self.ready_guest(*self.kind)

    def loaded(self):
        return Loaded(self, self.host, self.rate)

    def kill(self, unit):
        with self.loaded() as load:
            self.host.run("sh", "-eu", "-s", unit, self.kills, self.pause_s, stdin=KILL)
        load.assert_nothing_failed()
        self.assertEqual(self.host.status()["state"], "on")

    def test_killed_resolver(self):
        self.kill("postern-resolver")

    def test_killed_agent(self):
        self.kill("postern")

    def test_upgrade(self):
        with self.loaded() as load:
            upgrade(self.host)
        load.assert_nothing_failed()

    def test_reload(self):
        with self.loaded() as load:
            for _ in range(5):
                self.host.run("systemctl", "reload", "postern", "postern-resolver")
        load.assert_nothing_failed()

    def test_broken_configuration(self):
        with self.loaded() as load:
            self.host.sh("echo 'no = [such thing' >>/etc/postern/postern.toml")
            self.host.run("systemctl", "reload", "postern", check=False)
            self.host.wait(lambda: self.host.run("postern", "status", check=False).returncode == 1, "a warning")
            self.host.run("systemctl", "restart", "postern", check=False)  # the last good copy
            self.host.wait_served()
        load.assert_nothing_failed()


class ThroughResolved(UnderLoad):
    """Where only the private names come to us, and systemd-resolved stands between."""
    kind = "resolved", "split"
    rate = 400
    test_killed_agent = test_reload = test_broken_configuration = None


def sorted_lines(text):
    return "\n".join(sorted(text.splitlines()))


class Rescue(HostTest):
    """Public names come back by the rescue, private ones after the recovery."""

    def is_rescued(self, variant, break_it, mend_it, suspended=True):
        host = self.ready_guest(variant, "full")
        taken = host.snapshot()
        host.sh(break_it)
        took = host.wait(lambda: host.serves_public(patience_s=1), "public names by the rescue")
        self.note(f"{variant}: public names after {took:.1f} s")
        if suspended:
            host.wait(lambda: host.status()["state"] == "suspended", "the takeover to be suspended")
            self.assertTrue(host.serves_public())
        host.sh(mend_it)
        took = host.wait(host.serves_private, "private names after the recovery", deadline_s=120)
        self.note(f"{variant}: private names {took:.1f} s after the fix")
        host.wait(lambda: host.status()["state"] == "on", "the takeover to be on again")
        self.assert_served(host)
        # resolved's uplink file lists servers in the order in which their links came: ours is younger now
        self.assert_same(sorted_lines(taken), sorted_lines(host.snapshot()))

    def test_program_gone(self):
        self.is_rescued("ifupdown", "mv /usr/sbin/postern-resolver /root/; systemctl kill -s KILL postern-resolver",
                        "mv /root/postern-resolver /usr/sbin/")

    def test_killed_at_every_start(self):
        drop_in = "/run/systemd/system/postern-resolver.service.d/kill.conf"
        self.is_rescued("networkmanager", f"mkdir -p {drop_in.rpartition('/')[0]}; "
                        f"printf '[Service]\\nExecStartPost=/bin/sh -c \"kill -KILL $MAINPID\"\\n' >{drop_in}; "
                        "systemctl daemon-reload; systemctl kill -s KILL postern-resolver",
                        f"rm {drop_in}; systemctl daemon-reload", suspended=False)

    def test_broken_program(self):
        self.is_rescued("resolved", "mv /usr/sbin/postern-resolver /root/; cp /bin/false /usr/sbin/postern-resolver; "
                        "systemctl kill -s KILL postern-resolver",
                        "mv /root/postern-resolver /usr/sbin/")

    # What the rescue must not depend on: every host has its own DNS within 15 s, and boots.

    def has_its_own(self, variant, break_it, reboot=False):
        host = self.ready_guest(variant, "full")
        host.sh(break_it)
        if reboot:
            host.reboot()  # fails unless public names are answered
        took = host.wait(lambda: host.serves_public(patience_s=1), "public names by the rescue", deadline_s=15)
        self.note(f"{variant}: public names after {took:.1f} s")
        host.wait(lambda: SERVER not in host.sh("cat /etc/resolv.conf"), "the host's own resolv.conf", deadline_s=15)
        if reboot:
            host.wait(lambda: host.run("systemctl", "is-active", "multi-user.target", check=False).returncode == 0,
                      "the boot to end", deadline_s=60)
        return host

    def test_masked(self):
        host = self.has_its_own("plain", "systemctl mask --now postern-resolver")
        self.assertIn(PUBLIC_ADDRESS, host.getent(PUBLIC))
        self.assertIn("rescue_gave_back", host.sh("journalctl -q -b -u postern-rescue -p warning -o cat"))

    NOTHING_STARTS = "for program in bin/postern sbin/postern-resolver; do cp --remove-destination /bin/false /usr/$program; done; "
    LIBRARIES_GONE = "mkdir /root/gone; mv /usr/lib/*-linux-gnu/libuv.so* /root/gone/; "

    def test_without_libuv(self):
        self.has_its_own("ifupdown", self.LIBRARIES_GONE + "systemctl kill -s KILL postern-resolver postern")

    def test_without_libuv_at_boot(self):
        self.has_its_own("plain", self.LIBRARIES_GONE, reboot=True)

    def test_no_program_starts(self):
        self.has_its_own("plain", self.NOTHING_STARTS + "systemctl kill -s KILL postern-resolver postern")

    def test_everything_disabled_and_a_boot(self):
        self.has_its_own("plain", "systemctl disable postern-resolver.socket postern-resolver.service postern.service "
                         "postern-hostdns.path postern-hostdns.service postern-free.socket postern-rescue.service", reboot=True)

    def test_a_resolver_that_cannot_start_and_a_host_that_does_not_ask_it(self):
        host = self.ready_guest("plain")
        host.sh(self.NOTHING_STARTS)
        host.reboot()
        host.wait(lambda: host.run("systemctl", "is-active", "multi-user.target", check=False).returncode == 0, "the boot to end")

    def test_stopped_by_a_signal(self):
        # The watchdog ends it and the next one serves: there may be nothing to rescue.
        self.is_rescued("plain", "systemctl kill -s STOP postern-resolver", "true", suspended=False)

    def test_gone_at_boot(self):
        host = self.ready_guest("plain", "full")
        host.sh("mv /usr/sbin/postern-resolver /root/")
        host.reboot()  # fails unless public names are answered
        self.assertEqual(host.status()["state"], "suspended")
        host.sh("mv /root/postern-resolver /usr/sbin/")
        host.wait_served(deadline_s=120)


class Disk(HostTest):
    SMALL = """
    cp -a /var/lib/postern /root/state
    mount -t tmpfs -o size=256k,mode=700 tmpfs /var/lib/postern
    chown postern:postern /var/lib/postern
    cp -a /root/state/. /var/lib/postern/
    """
    FULL = "cat /dev/zero >/var/lib/postern/ballast 2>/dev/null || true"
    ROOM = "rm -f /var/lib/postern/ballast"
    # It has files open, which would make the mount busy.
    READ_ONLY = "systemctl stop postern; mount -o remount,ro /var/lib/postern; systemctl start postern"

    def lives_through(self, spoil, mend):
        host = self.ready_guest("networkmanager")
        before = host.snapshot()
        host.dns("enable")
        host.sh(self.SMALL)
        host.sh(spoil)
        host.run("systemctl", "kill", "-s", "KILL", "postern", "postern-resolver")
        took = host.wait(host.serves_public, "public names")
        self.note(f"public names after {took:.1f} s")
        host.wait_served()
        host.renew()
        host.wait_served("private and public names after a DHCP renewal")
        host.dns("disable", check=False)  # done or refused, but said, and never without DNS
        self.assertTrue(host.serves_public())
        host.sh(mend)
        host.dns("disable")
        host.renew()  # back to the nameserver of the start
        host.wait(lambda: host.snapshot() == before, "the host to be as before")
        host.sh(spoil)
        self.assertEqual(host.dns("enable", check=False).returncode, 2)
        self.assert_same(before, host.snapshot())
        host.sh(mend)
        host.dns("enable")
        self.assert_served(host)

    def test_state_folder_full(self):
        self.lives_through(self.FULL, self.ROOM)

    def test_state_folder_read_only(self):
        self.lives_through(self.READ_ONLY, "mount -o remount,rw /var/lib/postern")


if __name__ == "__main__":
    unittest.main()
