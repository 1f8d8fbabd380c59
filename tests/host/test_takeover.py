# SPDX-License-Identifier: Apache-2.0
"""Every kind of host: taken over, rebooted, given back; and whatever is removed, the host is as before."""

import json
import unittest

from guest import PRIVATE, PUBLIC, HostTest, on_every_kind


class Takeover(HostTest):
    def takes_over_and_gives_back(self, variant, mode):
        guest = self.guest(variant)
        before = guest.snapshot()
        guest.install()
        guest.configure()
        self.assert_same(before, guest.snapshot())
        self.assertEqual(guest.getent(PRIVATE), [], "nobody but us knows that name")
        guest.dns("enable", "--mode", mode)
        self.assert_enabled(guest, mode)
        taken = guest.snapshot()
        guest.dns("enable", "--mode", mode)
        self.assert_same(taken, guest.snapshot())  # a second time changes nothing
        guest.reboot()
        guest.wait_served("private and public names after the reboot")
        self.assert_enabled(guest, mode)

        guest.dns("disable")
        self.assert_same(before, guest.snapshot())
        guest.dns("disable")
        self.assert_same(before, guest.snapshot())
        guest.reboot()
        self.assert_same(before, guest.snapshot())

        guest.dns("enable", "--mode", mode)
        self.assert_enabled(guest, mode)
        guest.run("dpkg", "-r", "postern")
        self.assert_same(before, guest.snapshot())
        guest.run("dpkg", "-P", "postern")
        self.assert_same(before, guest.snapshot())
        self.assertNotEqual(guest.getent(PUBLIC), [])
        left = guest.sh("ls -d /var/lib/postern* /run/postern* /etc/systemd/system/*/postern* 2>/dev/null || true")
        self.assertEqual(left, "")

    def assert_enabled(self, guest, mode):
        self.assert_served(guest)
        status = guest.status()
        self.assertEqual((status["mode"], status["state"]), (mode, "on"))
        self.assertEqual(guest.dns("status").returncode, 0)
        guest.wait(lambda: guest.run("postern", "status", check=False).returncode == 0, "postern status to be good")
        # Counted: who is asked for what.
        count = guest.queries()
        for n in range(10):
            guest.getent(f"public-{n}.example")
        parent = PRIVATE.partition(".")[2]
        for beside in (parent, f"sibling.{parent}"):  # in split mode these are the host's own as well
            guest.getent(beside)
        guest.run("getent", "ahostsv4", f"{PRIVATE}.")
        guest.wait(lambda: guest.queries()["private"] > count["private"], "a private query to be counted")
        public = guest.queries()["public"] - count["public"]
        if mode == "split":
            self.assertEqual(public, 0, "public queries came to us in split mode")
        else:
            self.assertGreaterEqual(public, 10)
        # Last, for it asks public names of us itself.
        self.assertEqual(self.doctors_findings(guest), ["PN-ADDRESS-ONE"], "the gateway of the lab has one address")

    def doctors_findings(self, guest):
        report = json.loads(guest.run("postern", "doctor", "--json", check=False).stdout)
        return [finding["code"] for finding in report["findings"] if finding["state"] in ("WARN", "FAIL")]


on_every_kind(Takeover, Takeover.takes_over_and_gives_back)


if __name__ == "__main__":
    unittest.main()
