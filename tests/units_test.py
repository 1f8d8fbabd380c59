#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every systemd from 219 on starts the units: what they cannot do without is that old, and what is newer is ignored there.

packaging/systemd/README.md says what is lost where; tests/host/packages.py shows the units to real hosts."""
import pathlib
import re
import unittest

UNITS = pathlib.Path(__file__).resolve().parent.parent / "packaging/systemd"
OLDEST = 219
# What came after 219: with which version, from systemd's NEWS and manuals. All of it is a defence, or only quickens.
NEWER = {
    "AmbientCapabilities": 229, "TriggerLimitIntervalSec": 230, "JobRunningTimeoutSec": 231, "MemoryDenyWriteExecute": 231,
    "ReadWritePaths": 231, "RestrictRealtime": 231, "ProtectControlGroups": 232, "ProtectKernelModules": 232,
    "ProtectKernelTunables": 232, "RemoveIPC": 232, "RestrictNamespaces": 233, "IPAddressDeny": 235, "KeyringMode": 235,
    "LockPersonality": 235, "PrivateMounts": 239, "ProtectHostname": 242, "RestrictSUIDSGID": 242, "ProtectKernelLogs": 244,
    "WatchdogSignal": 244, "ProtectClock": 245, "ProcSubset": 247, "ProtectProc": 247, "PrivateIPC": 248,
}
OLD = set("""
    Description Documentation After Before Requires Wants ConditionPathExists
    Type ExecStart ExecReload Restart RestartSec RemainAfterExit StartLimitInterval TimeoutStartSec TimeoutStopSec WatchdogSec
    EnvironmentFile User Group SupplementaryGroups UMask Nice OOMScoreAdjust LimitCORE LimitNOFILE CapabilityBoundingSet
    NoNewPrivileges ProtectHome ProtectSystem PrivateTmp PrivateDevices DevicePolicy RestrictAddressFamilies
    SystemCallArchitectures SystemCallErrorNumber SystemCallFilter
    ListenDatagram ListenStream Accept FreeBind BindIPv6Only ReceiveBuffer Backlog Service SocketUser SocketGroup SocketMode
    DirectoryMode RemoveOnStop PathChanged WantedBy Also
""".split())


def directives(path):
    """(section, key, value) of each."""
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and line[0] not in "#;":
            yield section, *line.split("=", 1)


class Units(unittest.TestCase):
    def setUp(self):
        self.units = {path.name: list(directives(path)) for pattern in ("*.service", "*.socket", "*.path") for path in UNITS.glob(pattern)}
        self.assertGreater(len(self.units), 7)

    def test_whatever_is_newer_is_told(self):
        used = {key for unit in self.units.values() for _, key, _ in unit}
        self.assertEqual(used - OLD - set(NEWER), set(), "add it to NEWER with its version, and to the README what is lost without it")
        self.assertEqual(set(NEWER) - used, set())
        self.assertGreater(min(NEWER.values()), OLDEST)
        readme = (UNITS / "README.md").read_text()
        self.assertEqual([key for key in NEWER if f"`{key}`" not in readme], [])
        for key, version in NEWER.items():
            self.assertRegex(readme, rf"(?m)^\| {version} \|.*`{key}`")

    def test_commands_have_no_prefix_but_those_of_219(self):
        for name, unit in self.units.items():
            for _, key, value in unit:
                if key.startswith("Exec"):
                    self.assertRegex(value, r"^[-@]?/", name)

    def test_what_restarts_has_no_limit_by_a_name_that_all_know(self):
        for name, unit in self.units.items():
            if any(key == "Restart" for _, key, _ in unit):
                self.assertIn(("Service", "StartLimitInterval", "0"), unit, name)

    def test_system_calls_are_denied_not_allowed(self):
        """A group that is not known is ignored: with a list of what is allowed, nothing would be."""
        for name, unit in self.units.items():
            filters = [value for _, key, value in unit if key == "SystemCallFilter"]
            if filters:
                self.assertTrue(filters[0].startswith("~"), name)
                self.assertEqual([value for value in filters if "@" in value and not value.startswith("~")], [], name)

    def test_the_preset_and_the_scripts_name_every_unit_that_can_be_enabled(self):
        installed = {name for name, unit in self.units.items() if any(section == "Install" for section, _, _ in unit)}
        preset = (UNITS / "postern.preset").read_text()
        ours, administrators = (re.findall(rf"^{verb} (\S+)$", preset, re.M) for verb in ("enable", "disable"))
        self.assertEqual(sorted(ours + administrators), sorted(installed))
        script = (UNITS.parent / "lifecycle/lifecycle.sh").read_text()
        self.assertEqual(sorted(re.search(r'^UNITS="(.*)"$', script, re.M)[1].split()), sorted(ours))
        self.assertEqual(administrators, ["postern-publish.service"])
        for name in administrators:  # an upgrade restarts it where it runs, a removal stops and disables it
            for verb in ("act restart", "act stop", "systemctl --no-reload disable"):
                self.assertRegex(script, rf"{verb} .*{re.escape(name)}")


if __name__ == "__main__":
    unittest.main()
