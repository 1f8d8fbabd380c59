#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of package through its life on every Debian that the lab boots: a row each.

    packages.py [SUITE…] [-k deb|rpm|tar]… [--host VARIANT] [--of BUILD] [--keep]

Installed, taken over, rebooted, upgraded and downgraded at 500 lookups a second (half of them as dig does), disabled,
taken over again and removed: all of it by the package's own program. The packages are those of packaging/packages.sh, of the
portable programs, or of the build folder BUILD; with --keep those that were made before.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
import unittest

import everywhere
from rows import Row

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PORTABLE = f"{ROOT}/build/portable/x86_64"
NEWER = "98"
COLUMNS = ["systemd", "unknown to it", "install, s", "enable, s", "reboot", "lost in the upgrade", "lost in the downgrade",
           "disabled stays so", "disable, s", "remove, s", "/etc", "left over"]
# What is installed by others at the same time, and the users, which stay.
ETC = ("find /etc ! -type d ! -name 'passwd*' ! -name 'group*' ! -name '*shadow*' ! -name 'sub[ug]id*' ! -name ld.so.cache "
       "! -path '/etc/systemd/system/*' -printf '%p %s %l\\n' | sort")


class Deb:
    files = "postern_*_amd64.deb"
    install = "dpkg -i /root/package"
    remove = "dpkg -P postern"
    variant = ""
    leaves = []


class Rpm:
    """Of what it requires this rpm sees nothing: dpkg installed it. Up to Debian 12 it wants to be told that it is meant."""
    program = "rpm $(rpm --force-debian --version >/dev/null 2>&1 && echo --force-debian) --nodeps"
    files = "postern-*.x86_64.rpm"
    install = f"{program} --nosignature -U --oldpackage /root/package"
    remove = f"{program} -e postern"
    variant = "-rpm"
    leaves = ["/etc/postern", "/etc/postern/postern.toml", "/var/lib/postern", "/var/lib/postern-plan"]  # rpm has no purge


class Tar:
    files = "postern-*-linux-x86_64.tar.gz"
    install = "rm -rf /root/tar; mkdir /root/tar; umask 077; tar -C /root/tar --strip-components=1 -xzf /root/package; /root/tar/install.sh"
    remove = "/usr/share/postern/uninstall.sh --purge"
    variant = ""
    leaves = []


KINDS = {"deb": Deb, "rpm": Rpm, "tar": Tar}


def make(build, keep):
    """The packages and what loads the hosts, old enough for every suite; {kind: [this version, a newer one]}."""
    of = ["--of", build] if build else []
    for version in [] if keep else ([], [NEWER]):
        subprocess.run([f"{ROOT}/packaging/packages.sh", *of, *version], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = {}
    for kind, package in KINDS.items():
        paths = sorted(glob.glob(f"{ROOT}/build/packages/{package.files}"), key=os.path.getmtime)
        newer = [path for path in paths if re.search(rf"[-_]{NEWER}[-_]", os.path.basename(path))]
        made[kind] = [[path for path in paths if path not in newer][-1], newer[-1]]
    programs = build
    if not build:
        programs = f"{PORTABLE}/lab"
        os.makedirs(f"{programs}/tests/host", exist_ok=True)
        cache = {name: f"{ROOT}/build/portable/cache" for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
        subprocess.run([f"{PORTABLE}/tools/clang++", "-std=c++20", "-O2", f"{ROOT}/tests/host/load.cpp",
                        "-o", f"{programs}/tests/host/host_load"], check=True, env={**os.environ, **cache})
    return made, os.path.abspath(programs)


def run_here(kinds, variant, made):
    """In a process of its own: the hosts' suite is read when guest.py is."""
    # pylint: disable=import-outside-toplevel
    from guest import PRIVATE, PUBLIC, PUBLIC_ADDRESS, HostTest, missing
    from test_faults import Loaded

    class Life(Row, HostTest):
        table = "packages"

        def install(self, host, path):
            host.put(path, "/root/package")
            return self.seconds(host, KINDS[self.kind].install)

        def runTest(self):
            current, newer = made[self.kind]
            host = self.guest(variant + KINDS[self.kind].variant)
            before, etc = host.snapshot(), host.sh(ETC)
            self.cell("systemd", lambda: host.sh("systemctl --version").split()[1])
            self.cell("install, s", self.install, host, current)
            self.cell("unknown to it", self.units, host)
            host.configure()
            self.cell("enable, s", self.enable, host)
            self.cell("reboot", self.reboot, host)
            host.run("systemctl", "disable", "--now", "postern-free.socket")
            for change, package in (("upgrade", newer), ("downgrade", current)):
                self.cell(f"lost in the {change}", self.loaded, host, change, package)
            self.cell("disabled stays so", self.disabled, host)
            self.cell("disable, s", self.disable, host)
            self.cell("remove, s", self.remove, host)
            self.cell("/etc", self.as_before, host, before, etc)
            self.cell("left over", self.left_over, host)

        def units(self, host):
            """Whatever this systemd says of our units is that it does not know a key."""
            self.assertEqual(host.sh("systemctl show -p StartLimitIntervalUSec postern-resolver").strip(), "StartLimitIntervalUSec=0")
            self.assertEqual(host.sh("systemctl is-active postern postern-resolver postern-rescue").split(), ["active"] * 3)
            out = host.sh("systemd-analyze verify --man=no /usr/lib/systemd/system/postern* 2>&1", check=False)
            told = [line for line in out.splitlines() if "postern" in line]
            keys = [re.search(r"Unknown (?:key name|key|lvalue|system call group)\b.*?([@A-Z]\w+)", line) for line in told]
            self.assertNotIn(None, keys, out)
            return " ".join(sorted({key[1] for key in keys})) or "-"

        def enable(self, host):
            took = self.seconds(host, "postern dns enable")
            self.assert_served(host)
            return took

        def reboot(self, host):
            host.reboot()
            host.wait_served()
            self.assertEqual(host.status()["state"], "on")
            return "good"

        def loaded(self, host, change, package):
            with Loaded(self, host, 500) as load:
                took = self.install(host, package)
                host.wait_served()
            self.note(f"{change}: {took} s")
            sent, lost = (sum(report[key] for report in load.reports.values() for key in keys)
                          for keys in (("sent",), ("failed", "wrong")))
            self.assertGreater(sent, 0)
            for name, report in load.reports.items():
                if report["reasons"]:
                    self.note(f"lost by {name} in the {change}: {report['reasons']}")
            self.assertEqual(host.status()["state"], "on")
            return f"{lost} of {sent}"

        def disabled(self, host):
            states = host.sh("systemctl is-enabled postern-free.socket postern.service; systemctl is-active postern-free.socket",
                             check=False).split()
            self.assertEqual(states, ["disabled", "enabled", "inactive"])
            return "yes"

        def disable(self, host):
            took = self.seconds(host, "postern dns disable")
            self.own_again(host)
            return took

        def remove(self, host):
            """Of a host that is taken over."""
            host.dns("enable")
            self.assert_served(host)
            host.sh("rm -f /etc/postern/lab*")  # a person's
            took = self.seconds(host, KINDS[self.kind].remove)
            self.own_again(host)
            return took

        def own_again(self, host):
            self.assertEqual(host.getent(PRIVATE), [], "nobody but us knows that name")
            self.assertEqual(host.getent(PUBLIC), [PUBLIC_ADDRESS])

        def as_before(self, host, before, etc):
            self.assert_same(before, host.snapshot())
            now = "".join(line for line in host.sh(ETC).splitlines(True)
                          if line.split()[0] not in KINDS[self.kind].leaves)
            self.assert_same(etc, now)
            return "as before"

        def left_over(self, host):
            found = set(host.sh("find / -xdev -name '*postern*' ! -path '/var/log/*' ! -path '/var/lib/dpkg/*' "
                                "! -path '/root/*' ! -path '/var/lib/rpm/*' ! -path '/var/lib/systemd/*' ! -path '/var/cache/*' "
                                "! -path '/tmp/*' ! -path '/var/tmp/*'; find /run -name '*postern*'").split())
            found = {path for path in found if not re.match(r"/(proc|sys)/|/run/(log|systemd|credentials)/", path)}
            self.assertEqual(sorted(found - set(KINDS[self.kind].leaves)), [])
            self.assertEqual(host.sh("systemctl list-units --all --no-legend 'postern*'").strip(), "")
            return " ".join(sorted(found)) or "-"

    if missing():
        sys.exit(f"no host lab: {missing()}")
    for kind in kinds:
        test = Life()
        test.kind, test.row = kind, dict.fromkeys(COLUMNS, "FAILED")
        unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite([test]))
        print(json.dumps([kind, *test.row.values()]), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", default=everywhere.SUITES, metavar="SUITE")
    parser.add_argument("-k", dest="kinds", action="append", choices=KINDS)
    parser.add_argument("--host", default="networkmanager", metavar="VARIANT", help="lab help lists them")
    parser.add_argument("--of", metavar="BUILD")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--here", metavar="MADE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    kinds = options.kinds or list(KINDS)
    if options.here:
        return run_here(kinds, options.host, json.loads(options.here))
    made, programs = make(options.of, options.keep)
    os.environ |= {"POSTERN_PROGRAMS": programs, "POSTERN_DEB": made["deb"][0]}
    rows, good = 0, True
    print(f"| Debian | package | {' | '.join(COLUMNS)} |\n|---|---|{'---|' * len(COLUMNS)}", flush=True)
    passed_on = [json.dumps(made), f"--host={options.host}", *(f"-k{kind}" for kind in kinds)]
    for suite in options.suites:
        for row in everywhere.lines_of(os.path.abspath(__file__), suite, passed_on):
            print(f"| {suite} | {' | '.join(row)} |", flush=True)
            rows, good = rows + 1, good and "FAILED" not in row and not re.search(r"[1-9]\d* of ", " ".join(row))
    return rows == 0 or not good


if __name__ == "__main__":
    sys.exit(main())
