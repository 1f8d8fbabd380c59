#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tests of this folder at full length, and a table of what they measured.

    numbers.py [WORD…]      only the rows with one of the words
"""

import sys
import unittest

import test_changes
import test_faults
import test_package
import test_power_cut
import test_takeover
from guest import KINDS


class FullLoad(test_faults.UnderLoad):
    rate = 5000
    kills, pause_s = 100, 1  # so that a second holds about one

    def test_nothing(self):
        with self.loaded() as load:
            self.host.sh("sleep 60")
        load.assert_nothing_failed()


class EveryCut(test_power_cut.PowerCut):
    really = KINDS


ROWS = {
    "control: nothing but the load, 5,000/s": [FullLoad("test_nothing")],
    "kill -9 of the resolver, 100 times at 5,000/s": [FullLoad("test_killed_resolver")],
    "kill -9 of the agent, 100 times at 5,000/s": [FullLoad("test_killed_agent")],
    "package upgrade at 5,000/s": [FullLoad("test_upgrade")],
    "reload at 5,000/s": [FullLoad("test_reload")],
    "broken configuration at 5,000/s": [FullLoad("test_broken_configuration")],
    "kill -9 of the resolver and upgrade, split, through systemd-resolved": test_faults.ThroughResolved,
    "resolver gone, stopped, killed in a loop": test_faults.Rescue,
    "state folder full or read-only": test_faults.Disk,
    "power cut at each step": EveryCut,
    "DHCP, restarts, flap, cloud-init": test_changes.Changes,
    "truce": test_changes.Truce,
    "clone of a golden image": test_changes.Clone,
    "every kind of host, every mode": test_takeover.Takeover,
    "package and commands": test_package.Package,
}


def main():
    words = sys.argv[1:]
    table = []
    for title, tests in ROWS.items():
        if words and not any(word in title for word in words):
            continue
        notes = []
        suite = tests if isinstance(tests, list) else unittest.defaultTestLoader.loadTestsFromTestCase(tests)
        suite = unittest.TestSuite(suite)
        for test in suite:
            test.note = notes.append
        result = unittest.TextTestRunner(verbosity=2).run(suite)
        bad = len(result.failures) + len(result.errors)
        verdict = "skipped" if result.skipped else f"{bad} FAILED" if bad else "good"
        table.append(f"| {title} | {verdict} ({result.testsRun} tests) | {'<br>'.join(notes)} |")
    print("| what | result | measured |\n|---|---|---|")
    print("\n".join(table))
    return any("FAILED" in row for row in table)


if __name__ == "__main__":
    sys.exit(main())
