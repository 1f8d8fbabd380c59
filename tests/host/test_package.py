# SPDX-License-Identifier: Apache-2.0
"""The package and its commands: upgraded, downgraded and removed at any time; what `dns enable` refuses, chooses and reports."""

import unittest

from guest import CLOUD_CONFIG, PRIVATE, PRIVATE_ADDRESS, SERVER, HostTest, newer_package, package


class Package(HostTest):
    def test_upgrade_downgrade_and_removal_at_any_time(self):
        guest = self.guest("ifupdown")
        before = guest.snapshot()
        guest.install()
        guest.run("dpkg", "-r", "postern")  # never configured, never taken over
        self.assert_same(before, guest.snapshot())
        guest.install()
        guest.configure()
        guest.dns("enable")
        taken = guest.snapshot()
        for version in ("99", None):
            guest.install(version and newer_package(version))
            guest.wait_served()
            self.assert_same(taken, guest.snapshot())
        guest.run("systemctl", "stop", "postern", "postern-hostdns.path")  # whatever runs: it is given back
        guest.run("dpkg", "-r", "postern")
        self.assert_same(before, guest.snapshot())

    def test_removed_in_any_state(self):
        states = {  # what leads there
            "suspended": lambda host: host.sh("mv /usr/sbin/postern-resolver /root/; pkill -KILL postern-res"),
            "truce": self.fight,
            "enabling": lambda host: (host.dns("disable"), host.dns("enable", check=False, stop_after=1)),
        }
        for state, lead_to in states.items():
            with self.subTest(state=state):
                host = self.guest("plain")
                before = host.snapshot()
                host.install()
                host.configure()
                host.dns("enable")
                lead_to(host)
                # What was cut short in the middle is given back by the service, maybe before we can look.
                states_to_see = (state, "off") if state == "enabling" else (state,)
                host.wait(lambda host=host, seen=states_to_see: host.status()["state"] in seen, state)
                host.run("dpkg", "-P", "postern")
                if state == "truce":  # what others wrote meanwhile is theirs
                    self.assertNotIn("127.0.0.153", host.snapshot())
                else:
                    self.assert_same(before, host.snapshot())
                self.assertTrue(host.serves_public())

    def test_the_configuration_is_the_administrator_s(self):
        conffile = ("echo '# as it was shipped once' >etc/postern/postern.toml; "
                    "echo /etc/postern/postern.toml >DEBIAN/conffiles")
        shipped = newer_package("0.0.1", conffile)
        mine = "# mine\n[dns]\n"
        for before in (None, mine):  # unchanged, or changed by a person
            with self.subTest(before=before):
                host = self.guest("plain")
                host.install(shipped)
                if before:
                    host.write("/etc/postern/postern.toml", before)
                kept = host.sh("cat /etc/postern/postern.toml")
                changed = "echo '# another one' >>usr/share/postern/postern.toml"
                for version in (package(), newer_package("98", changed)):
                    host.install(version)  # nobody is there to answer: stdin is at its end
                    self.assertEqual(host.sh("cat /etc/postern/postern.toml"), kept)
                self.assertEqual(host.sh("dpkg-query -W -f '${Status}' postern"), "install ok installed")
                host.run("dpkg", "-P", "postern")
                self.assertEqual(host.sh("ls -A /etc/postern 2>/dev/null || true"), "")

    def test_a_first_install_makes_the_configuration_and_keeps_one_that_is_there(self):
        host = self.guest("plain")
        host.install()
        self.assertEqual(host.sh("cmp /etc/postern/postern.toml /usr/share/postern/postern.toml"), "")
        host.run("dpkg", "-P", "postern")
        host.sh("mkdir -p /etc/postern; echo '# mine' >/etc/postern/postern.toml")
        host.install()
        self.assertEqual(host.sh("cat /etc/postern/postern.toml"), "# mine\n")

    def test_users_and_folders_are_the_same_without_systemd_s_programs_for_them(self):
        seen = []
        for away in ("", "/usr/bin/systemd-sysusers /usr/bin/systemd-tmpfiles"):
            host = self.guest("plain")
            host.sh(f"for file in {away}; do mv $file /root/; done")
            host.install()
            host.install()  # what is there stays
            for file in away.split():
                self.assertEqual(host.sh(f"test -e {file} || echo away").strip(), "away")
            names = "postern postern-resolver postern-free"
            seen.append((host.sh(f"for name in {names}; do getent passwd $name | cut -d: -f1,6,7; id -Gn $name | tr ' ' '\\n' | sort; done"),
                         host.sh("stat -c '%n %A %U:%G' /run/postern* /var/lib/postern*")))
            host.configure()
            host.dns("enable")
            host.wait_served()
        self.assertEqual(*seen)
        self.assertEqual(seen[0][0].split(), [
            "postern:/var/lib/postern:/usr/sbin/nologin", "postern", "postern-dns", "postern-resolver:/:/usr/sbin/nologin",
            "postern-dns", "postern-resolver", "postern-free:/:/usr/sbin/nologin", "postern-dns", "postern-free"])

    def test_removed_where_the_program_cannot_start(self):
        host = self.guest("plain")
        before = host.snapshot()
        host.install()
        host.configure()
        host.dns("enable")
        host.sh("cp --remove-destination /bin/false /usr/bin/postern")
        host.run("dpkg", "-P", "postern")
        self.assert_same(before, host.snapshot())
        self.assertTrue(host.serves_public())

    def test_who_holds_the_port(self):
        host = self.ready_guest("plain")
        host.run("systemctl", "stop", "postern-resolver.socket", "postern-resolver.service")
        host.run("systemd-run", "--unit=squatter", "perl", "-MIO::Socket::INET", "-e",
                 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.153:53", Proto => "udp") or die; sleep')
        host.wait(lambda: "127.0.0.153:53" in host.sh("ss -Hlun"), "the port to be taken")
        done = host.dns("enable", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout + done.stderr, r"127\.0\.0\.153:53 is held by perl \(pid \d+\)")
        host.run("systemctl", "stop", "squatter")
        host.dns("enable")  # tries the socket again
        self.assert_served(host)

    def fight(self, host):
        for n in range(8):
            host.cloud_init(1 + n % 2)
            host.wait(lambda: host.serves_private() or host.status()["state"] == "truce", "a reaction")

    def test_purged_right_after_our_file_was_edited(self):
        """Configuration management puts a line in front, or names us alone; on a host whose file had been a link, too."""
        edits = {"a line in front": "sed -i '1i search x' /etc/resolv.conf",
                 "us alone": f"echo nameserver {SERVER} >/etc/resolv.conf"}
        for variant in ("plain", "resolved-uplink"):
            for what, edit in edits.items():
                for seen in (True, False):  # by our watch
                    with self.subTest(variant=variant, edit=what, seen=seen):
                        self.purged(variant, edit, seen)

    def purged(self, variant, edit, seen):
        host = self.ready_guest(variant, "full")
        if not seen:
            host.run("systemctl", "stop", "postern", "postern-hostdns.path", "postern-hostdns")
        host.sh(f"{edit}; dpkg -P postern")
        self.assertNotIn(SERVER, host.sh("cat /etc/resolv.conf"))
        self.assertTrue(host.serves_public())
        host.reboot()
        self.assertNotIn(SERVER, host.sh("cat /etc/resolv.conf"))
        host.wait(host.serves_public, "public names after a boot")

    def test_disabled_where_the_file_names_us_alone(self):
        """Written before the takeover, so that there is no other file to go back to."""
        host = self.ready_guest("plain")
        host.sh(f"echo nameserver {SERVER} >/etc/resolv.conf")
        host.dns("enable")
        self.assert_served(host)
        host.dns("disable")
        self.assertNotIn(SERVER, host.sh("cat /etc/resolv.conf"))
        self.assertTrue(host.serves_public())

    def test_auto_takes_split_where_it_can(self):
        for variant, mode in (("resolved", "split"), ("plain", "full")):
            with self.subTest(variant=variant):
                guest = self.ready_guest(variant, "auto")
                self.assertEqual(guest.status()["mode"], mode)

    def test_dry_run_changes_nothing(self):
        guest = self.ready_guest("networkmanager")
        before = guest.snapshot()
        shown = guest.dns("enable", "--dry-run").stdout
        self.assertIn("90-postern.conf", shown)
        self.assert_same(before, guest.snapshot())
        guest.dns("enable")
        taken = guest.snapshot()
        guest.dns("disable", "--dry-run")
        self.assert_same(taken, guest.snapshot())

    def test_refused_while_nobody_answers(self):
        guest = self.ready_guest("plain")
        before = guest.snapshot()
        units = "postern-resolver.socket", "postern-resolver.service"
        guest.run("systemctl", "mask", "--runtime", "--now", *units)  # what is only stopped, enable starts
        self.assertEqual(guest.dns("enable", check=False).returncode, 2)
        self.assert_same(before, guest.snapshot())
        guest.run("systemctl", "unmask", "--runtime", *units)
        guest.dns("enable")
        self.assert_served(guest)

    def test_addresses_from_the_cloud_survive_the_cloud(self):
        guest = self.guest("resolved")
        guest.install()
        guest.start_cloud()
        guest.configure(CLOUD_CONFIG)
        guest.dns("enable")
        self.assert_served(guest)
        guest.stop_stand_ins()  # the API and the gateway, for good
        guest.reboot()
        guest.wait_served("the saved addresses")

    def test_hosts_line_that_hides_the_private_name_is_reported(self):
        guest = self.ready_guest("plain", "full")
        guest.sh(f"printf '192.0.2.9 {PRIVATE}\\n' >>/etc/hosts")
        self.assertIn("192.0.2.9", guest.sh(f"getent ahostsv4 {PRIVATE}"))  # what applications get
        done = guest.dns("status", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, rf"(?s)/etc/hosts.*{PRIVATE}")
        guest.sh("sed -i '/192.0.2.9/d' /etc/hosts")
        self.assertEqual(guest.dns("status").returncode, 0)
        self.assertEqual(guest.getent(PRIVATE), [PRIVATE_ADDRESS])


if __name__ == "__main__":
    unittest.main()
