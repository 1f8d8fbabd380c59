# SPDX-License-Identifier: Apache-2.0
"""The fleet's page of a real agent with a thousand hosts in a real Chromium (tests/browser/fleet_page.mjs looks)."""

import os
import re
import unittest

import browser_kit
from fleet_kit import report
from host import HTTP, ZONE_A, ZONE_B, HostTest


class FleetPage(HostTest):
    def test_a_thousand_hosts_on_wide_and_narrow_screens_in_both_languages(self):
        browser_kit.needs_browser(self)
        folder = f"{self.host.folder}/reports"
        os.mkdir(folder)
        for n in range(1000):
            states = {ZONE_A: "down" if n % 2 else "up", ZONE_B: "up"}
            with open(f"{folder}/web-{n}.json", "w", encoding="utf-8") as file:
                file.write(report(f"web-{n}", f"cn-hangzhou-{'hi'[n % 2]}", states))
        self.host.start_world()
        self.host.start_postern(fleet={"name": "prod", "report_url": f"file:{folder}/", "report_interval": "5s"})
        # With its own report, or without: the page reads the store every 30 s.
        self.host.wait(lambda: re.search(r"\b100[01]\b", self.host.http("/fleet")[1]), "the hosts' reports on the page")
        looker = browser_kit.start("fleet_page.mjs", f"http://{HTTP}/fleet", ZONE_A, home=self.host.folder)
        said, complained = looker.communicate(timeout=120)
        self.assertEqual((looker.returncode, said.splitlines()), (0, ["en 320", "en 1280", "zh 320", "zh 1280"]), complained[-3000:])


if __name__ == "__main__":
    unittest.main()
