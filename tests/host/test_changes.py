# SPDX-License-Identifier: Apache-2.0
"""Others change the host's DNS - DHCP, a manager's restart, the cable, cloud-init: we follow, and stay."""

import time
import unittest

from guest import PRIVATE, PRIVATE_ADDRESS, PUBLIC, SERVER, WHICH_UPSTREAM, HostTest, Watch, on_every_kind, wait_until

MANAGERS = {"resolved": ["systemd-resolved", "systemd-networkd"],
            "resolved-uplink": ["systemd-resolved", "systemd-networkd"],
            "networkmanager": ["NetworkManager"], "nm-resolved": ["NetworkManager", "systemd-resolved"],
            "netplan": ["systemd-resolved", "systemd-networkd"], "netplan-nm": ["NetworkManager", "systemd-resolved"],
            "cloud-init": ["systemd-resolved", "systemd-networkd"], "connman": ["connman"]}
STATIC = ["plain", "minimal"]


class ChangesTest(HostTest):
    def after(self, host, what, change):
        """Private names are answered, public ones by the upstream that `change` returns, if any. Seconds from the
        begin of the change to the first answer of that upstream; None if it answered before."""
        watch = Watch(host, "watch", f"{PRIVATE}.", f"{WHICH_UPSTREAM}.")
        self.addCleanup(watch.kill)
        begin = time.time()
        upstream = change()
        done = time.time()
        host.wait(host.serves_private, f"the private name after {what}")
        if upstream:
            host.wait(lambda: host.getent(WHICH_UPSTREAM) == [upstream], f"{upstream} to be used after {what}")
        host.wait_served(f"private and public names after {what}")
        seen = watch.stop()
        without = self.time_without(seen[PRIVATE], PRIVATE_ADDRESS)
        changed = [at for at, answer in seen.get(WHICH_UPSTREAM, [])[1:] if answer == upstream]
        new = f", new upstream {changed[-1] - begin:.2f} s after its begin ({changed[-1] - done:.2f} s after its end)" \
            if changed else ""
        self.note(f"{host.variant}: {what}: took {done - begin:.2f} s, private name away for {without:.2f} s{new}")
        return changed[-1] - begin if changed else None

    def time_without(self, seen, right):
        gone = 0.0
        for (at, answer), (until, _) in zip(seen, [*seen[1:], seen[-1]]):
            gone += 0 if answer == right else until - at
        return gone


class Changes(ChangesTest):
    def follows(self, variant, mode):
        host = self.ready_guest(variant, mode)
        host.install_load()
        if variant not in STATIC:
            self.after(host, f"{mode}: DHCP gave another nameserver", host.renew)
        for unit in MANAGERS.get(variant, []):
            self.after(host, f"{mode}: {unit} restarted", lambda unit=unit: host.sh(f"systemctl restart {unit}"))
        self.after(host, f"{mode}: the link flapped", lambda: host.net("flap"))
        if mode == "full" and variant in ("plain", "ifupdown", "networkmanager"):
            other = "1" if host.getent(WHICH_UPSTREAM) == ["192.0.2.2"] else "2"
            def rewrite():
                named = host.cloud_init(other)
                return named if variant == "plain" else None  # else the lease of DHCP counts: it names the servers
            self.after(host, f"{mode}: cloud-init rewrote resolv.conf", rewrite)
        self.assertEqual(host.status()["state"], "on")


on_every_kind(Changes, Changes.follows)


class Truce(HostTest):
    def test_a_change_that_the_watch_slept_through_is_mended(self):
        """systemd does not see what comes while the reapply runs; here it does not look at all for a moment."""
        host = self.ready_guest("plain", "full")
        host.run("systemctl", "stop", "postern-hostdns.path")
        upstream = host.cloud_init(2)
        host.run("systemctl", "start", "postern-hostdns.path")
        host.wait_served("private and public names again")
        host.wait(lambda: host.getent(WHICH_UPSTREAM) == [upstream], "the new upstream")
        self.assertEqual(host.status()["state"], "on")

    def fight(self, host):
        for n in range(8):
            host.cloud_init(1 + n % 2)
            wait_until(lambda: host.serves_private() or host.status()["state"] == "truce", 60, "a reaction", 0.1)
            if host.status()["state"] == "truce":
                break

    def test_a_truce_ends_by_itself(self):
        host = self.ready_guest("plain", "full")
        self.fight(host)
        self.assertIn("truce_until", host.status())
        lasted = host.wait_served("private names after a minute of quiet", 240)
        self.assertEqual(host.status()["state"], "on")
        self.note(f"the truce lasted {lasted:.0f} s")

    def test_who_keeps_rewriting_is_named_and_left_alone(self):
        host = self.ready_guest("plain", "full")
        self.fight(host)
        status = host.status()
        self.assertEqual(status["state"], "truce")
        self.assertIn("cloud-init", status["writer"])
        self.assertEqual(host.dns("status", check=False).returncode, 1)
        self.assertTrue(host.serves_public())
        host.sh("rm /etc/resolv.conf; printf 'nameserver 10.77.0.1\\n' >/etc/resolv.conf")
        host.dns("enable")
        self.assert_served(host)


class Broken(HostTest):
    """The host's own path breaks while all of ours runs: it is seen, mended or given back, and said."""

    def test_link_that_was_emptied_or_set_down(self):
        acts = ("resolvectl revert postern0", "networkctl down postern0", "ip link set postern0 down",
                "ip link del postern0")
        for variant, mode in (("resolved", "split"), ("nm-resolved", "split"), ("resolved", "full")):
            host = self.ready_guest(variant, mode)
            host.wait(lambda host=host: host.status()["path"] == "works", "the look at the host's path")
            for act in acts:
                if variant == "nm-resolved" and act.startswith("networkctl"):
                    continue  # no networkd there
                with self.subTest(variant=variant, mode=mode, act=act):
                    host.sh(f"{act}; resolvectl flush-caches")
                    took = host.wait_served(f"names after {act}", 15)
                    self.note(f"{variant}, {mode}: {act}: served again after {took:.1f} s")
                    self.assertEqual(host.status()["state"], "on")

    def test_what_cannot_be_mended_is_given_back_and_said(self):
        host = self.ready_guest("plain", "full")
        # Programs stop asking DNS for hosts: no takeover can help.
        host.sh("cp /etc/nsswitch.conf /root/; sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf")
        host.wait(lambda: host.status()["state"] == "suspended", "the give-back")
        self.assertIn("can't look up", host.status()["why"])
        self.assertIn("can't look up", host.dns("status", check=False).stdout)
        self.assertNotIn(SERVER, host.sh("cat /etc/resolv.conf"))
        host.sh("cp /root/nsswitch.conf /etc/; touch /etc/resolv.conf")
        host.wait_served("names again", 180)
        host.wait(lambda: host.status()["state"] == "on", "the takeover")

    def test_the_owner_s_package_is_purged(self):
        for variant in ("resolvconf", "openresolv"):
            for then in ("reboot", "purge"):
                with self.subTest(variant=variant, then=then):
                    host = self.ready_guest(variant, "full")
                    host.run("dpkg", "-P", "--force-depends", variant)
                    took = host.wait_served(f"names after the purge of {variant}", 30)
                    self.note(f"{variant} purged: served again after {took:.1f} s")
                    if then == "reboot":
                        host.reboot()
                        host.wait_served("names after the boot")
                        host.wait(lambda host=host: host.status()["state"] == "on", "the takeover")
                    else:
                        host.run("dpkg", "-P", "postern")
                        self.assertNotIn(SERVER, host.sh("cat /etc/resolv.conf"))
                        self.assertTrue(host.serves_public())


class Clone(HostTest):
    """A golden image: the same disk in another machine."""

    def test_the_other_machine_s_state_is_discarded(self):
        for variant, mode in (("plain", "full"), ("resolved", "split"), ("networkmanager", "full")):
            with self.subTest(variant=variant, mode=mode):
                self.is_discarded(variant, mode)

    def is_discarded(self, variant, mode):
        host = self.guest(variant)
        host.sh("mkdir -p /var/lib/cloud/data; echo i-of-the-image >/var/lib/cloud/data/instance-id")
        before = host.snapshot()
        host.install()
        host.configure()
        host.dns("enable", "--mode", mode)
        host.run("systemctl", "restart", "postern-prestart")  # as at the boot of a machine that is known
        self.assert_served(host)
        self.assertEqual(host.status()["state"], "on")
        host.cut()
        # Another machine, with another gateway: nothing but the configuration is true here.
        host.edit_halted("echo i-of-the-clone >/var/lib/cloud/data/instance-id; "
                         "echo 0123456789abcdef0123456789abcdef >/etc/machine-id; "
                         "sed -i 's/10.77.0.1\"/10.77.0.9\"/' /etc/postern/postern.toml; "
                         "systemctl disable postern >/dev/null 2>&1")
        host.boot()
        self.assertEqual(host.status()["state"], "off")
        self.assert_same(before, host.snapshot())
        self.assertNotIn(PRIVATE_ADDRESS, host.dig(PRIVATE), "an address of the other machine")
        self.assertEqual(host.dig(PUBLIC), ["192.0.2.80"])


if __name__ == "__main__":
    unittest.main()
