#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takeover and changes by others on every Debian that the lab boots, in each of its variants, and a table of it.

    everywhere.py [SUITE…] [-k PATTERN]     POSTERN_DEB: another package than the build's
"""

import argparse
import json
import os
import subprocess
import sys
import unittest

SUITES = ["bullseye", "bookworm", "trixie", "forky"]


class Told(unittest.TextTestResult):
    """Says of each test what became of it, a line of JSON each."""

    def startTest(self, test):
        self._bad, self._notes = len(self.failures) + len(self.errors), []
        test.note = self._notes.append
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        bad = len(self.failures) + len(self.errors) > self._bad
        topic, name = type(test).__name__, test.id().rpartition(".test_")[2]
        print(json.dumps({"topic": topic, "kind": name, "good": not bad, "notes": self._notes}), flush=True)


def lines_of(program, suite, arguments):
    """What `program --here` prints of the hosts of a suite: each line of JSON, as it comes."""
    command = [sys.executable, program, "--here", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.path.dirname(os.path.abspath(__file__)),
                          env={**os.environ, "LAB_SUITE": suite}) as child:
        yield from map(json.loads, child.stdout)
    if child.returncode != 0:
        sys.exit(f"{suite}: {program} ended with {child.returncode}")


def run_here(pattern):
    """In a process of its own: the hosts' suite is read when guest.py is."""
    import test_changes  # pylint: disable=import-outside-toplevel
    import test_takeover  # pylint: disable=import-outside-toplevel

    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*"] if pattern else None
    tests = unittest.TestSuite(
        loader.loadTestsFromTestCase(case) for case in (test_takeover.Takeover, test_changes.Changes))
    unittest.TextTestRunner(verbosity=2, resultclass=Told).run(tests)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE")
    parser.add_argument("-k", dest="pattern", default="")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return run_here(options.pattern)
    cells, measured = {}, []
    for suite in options.suites:
        for done in lines_of(os.path.abspath(__file__), suite, ["-k", options.pattern]):
            cells.setdefault((done["topic"], done["kind"]), {})[suite] = "good" if done["good"] else "FAILED"
            measured += [f"{suite} {done['kind']}: {note}" for note in done["notes"]]
    print(f"| what | host | {' | '.join(options.suites)} |\n|---|---|{'---|' * len(options.suites)}")
    for (topic, kind), row in cells.items():
        print(f"| {topic} | {kind} | {' | '.join(row.get(suite, '-') for suite in options.suites)} |")
    print("\n" + "\n".join(measured))
    return not cells or any("FAILED" in row.values() for row in cells.values())


if __name__ == "__main__":
    sys.exit(main())
