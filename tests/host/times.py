#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long everything takes on each kind of host, as users have it: `dns enable` without a mode. A table, a row each.

    times.py [SUITE…] [-k PATTERN]… [--rounds N]     POSTERN_DEB: another package than the build's

A reboot has ended when the boot has and names are found. A lookup is getaddrinfo in a program, both families, the
median of some 400 at 200 a second; the lab's public names may not be cached, so an upstream is asked each time. Upgrades,
two of them: at 500 lookups a second, half of them as dig does. Load: of the machine, at the end of the row; where it is
not about 1, other work was measured too. Rounds: reboots and lookups are repeated, the middle one is shown.
"""

import argparse
import json
import os
import sys
import time
import unittest

import everywhere
from rows import Row

COLUMNS = ["mode", "enable, s", "reboot, s", "reboot without postern, s", "new upstream after DHCP, s",
           "lost in upgrades", "disable, s", "purge, s", "public before, ms", "public after, ms", "private after, ms", "load"]


def run_here(patterns, rounds):
    """In a process of its own: the hosts' suite is read when guest.py is."""
    # pylint: disable=import-outside-toplevel
    from guest import PRIVATE, PRIVATE_ADDRESS, PUBLIC, PUBLIC_ADDRESS, VARIANTS, Load, missing
    from test_changes import STATIC, ChangesTest
    from test_faults import Loaded, upgrade

    def middle(measure):  # statistics can't be imported beside our numbers.py
        return sorted(measure() for _ in range(rounds))[rounds // 2]

    class Times(Row, ChangesTest):
        table = "times"

        def runTest(self):
            host = self.guest(self.kind)
            host.install_load()
            self.cell("reboot without postern, s", self.reboot, host, host.serves_public)
            host.install()
            host.configure()
            self.cell("public before, ms", self.lookup, host, PUBLIC, PUBLIC_ADDRESS)
            self.cell("enable, s", self.enable, host)
            self.cell("mode", lambda: host.status()["mode"])
            self.cell("public after, ms", self.lookup, host, PUBLIC, PUBLIC_ADDRESS)
            self.cell("private after, ms", self.lookup, host, PRIVATE, PRIVATE_ADDRESS)
            self.cell("reboot, s", self.reboot, host, lambda: host.serves_private() and host.serves_public())
            self.cell("new upstream after DHCP, s", self.dhcp, host)
            self.cell("lost in upgrades", self.lost, host)
            self.cell("disable, s", self.disable, host)
            self.cell("purge, s", self.purge, host)
            self.cell("load", lambda: f"{os.getloadavg()[0]:.0f}")

        def lookup(self, host, name, address):
            def once():
                report = Load(host, "getaddrinfo", 200, f"{name}.={address}").stop()  # each thread ends its lookup
                self.assertEqual((report["failed"], report["wrong"]), (0, 0), report["reasons"])
                return report["p50_ms"]
            return f"{middle(once):.2f}"

        def reboot(self, host, found):
            def once():
                begin = time.monotonic()
                host.reboot()
                host.wait(found, "names after the reboot")
                return time.monotonic() - begin
            return f"{middle(once):.1f}"

        def enable(self, host):
            took = self.seconds(host, "postern dns enable")
            self.assert_served(host)
            return took

        def dhcp(self, host):
            if self.kind in STATIC:
                return "-"
            took = self.after(host, "DHCP gave another nameserver", host.renew)
            self.assertIsNotNone(took, "the old upstream was not seen")
            return f"{took:.1f}"

        def lost(self, host):
            with Loaded(self, host, 500) as load:
                upgrade(host)
            sent, lost = (sum(report[key] for report in load.reports.values() for key in keys)
                          for keys in (("sent",), ("failed", "wrong")))
            self.assertGreater(sent, 0)
            for name, report in load.reports.items():
                if report["reasons"]:
                    self.note(f"lost by {name}: {report['reasons']}")
            return f"{lost} of {sent}"

        def disable(self, host):
            took = self.seconds(host, "postern dns disable")
            self.assertEqual(host.getent(PRIVATE), [], "nobody but us knows that name")
            self.assertEqual(host.getent(PUBLIC), [PUBLIC_ADDRESS])
            return took

        def purge(self, host):
            """Of a host that is taken over."""
            host.dns("enable")
            self.assert_served(host)
            took = self.seconds(host, "dpkg -P postern")
            self.assertEqual(host.getent(PRIVATE), [], "nobody but us knows that name")
            self.assertEqual(host.getent(PUBLIC), [PUBLIC_ADDRESS])
            return took

    if missing():
        sys.exit(f"no host lab: {missing()}")
    for variant in VARIANTS:
        if not patterns or any(pattern in variant for pattern in patterns):
            test = Times()
            test.kind, test.row = variant, dict.fromkeys(COLUMNS, "FAILED")
            unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite([test]))
            print(json.dumps([variant, *test.row.values()]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", default=everywhere.SUITES, metavar="SUITE")
    parser.add_argument("-k", dest="patterns", action="append", default=[], metavar="PATTERN", help="in a kind's name")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return run_here(options.patterns, options.rounds)
    rows, good = 0, True
    passed_on = [f"--rounds={options.rounds}", *(f"-k{pattern}" for pattern in options.patterns)]
    print(f"| Debian | host | {' | '.join(COLUMNS)} |\n|---|---|{'---|' * len(COLUMNS)}", flush=True)
    for suite in options.suites:
        for row in everywhere.lines_of(os.path.abspath(__file__), suite, passed_on):
            print(f"| {suite} | {' | '.join(row)} |", flush=True)
            rows, good = rows + 1, good and "FAILED" not in row
    return rows == 0 or not good


if __name__ == "__main__":
    sys.exit(main())
