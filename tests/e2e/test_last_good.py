# SPDX-License-Identifier: Apache-2.0
"""A broken configuration: refused by a reload, replaced by the last good one at a boot, and reported until it is fixed."""

import os
import re
import signal
import stat
import unittest

from host import ZONE_A, ZONE_B, HostTest


class BrokenConfiguration(HostTest):
    def setUp(self):
        super().setUp()
        self.copy = f"{self.host.state_dir}/last-good.toml"

    def run_once(self):
        """A start, and a clean exit."""
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.wait(lambda: os.path.exists(self.copy), "the copy")
        self.assertEqual(self.host.stop_agent(), 0)

    def break_file(self, old="fall = 3", new="fal = 3"):
        """Returns FILE:LINE of the mistake."""
        with open(self.host.config_file, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        text = text.replace(old, new)
        self.host.write_file("postern.toml", text)
        return f"{self.host.config_file}:{text[:text.index(new)].count(chr(10)) + 1}"

    def check_that_status_says(self, mistake):
        status = self.host.postern("status")
        self.assertEqual(status.returncode, 1, status.stdout + status.stderr)
        self.assertIn(mistake, re.sub(r"\s+", " ", status.stdout))
        self.assertIn(mistake, status.stderr, "the command reads the same broken file")
        self.assertIn("postern_config_last_reload_successful 0", self.host.http("/metrics")[1])

    def check_that_nothing_is_wrong(self):
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")
        self.assertIn("postern_config_last_reload_successful 1", self.host.http("/metrics")[1])

    def test_a_boot_uses_the_last_good_one_and_a_fixed_file_clears_it(self):
        self.run_once()
        self.assertEqual(stat.S_IMODE(os.stat(self.copy).st_mode), 0o600)
        mistake = self.break_file()
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.check_that_status_says(mistake)
        self.break_file("fal = 3", "fall = 3")
        self.host.agent.send_signal(signal.SIGHUP)
        self.check_that_nothing_is_wrong()

    def test_not_even_toml(self):
        self.run_once()
        mistake = self.break_file('region = "cn-hangzhou"', 'region = "cn-hangzhou')
        self.host.start_postern()
        self.check_that_status_says(mistake)

    def test_a_boot_with_the_broken_file_of_a_refused_reload(self):
        self.host.start()
        mistake = self.break_file()
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: self.host.log_lines("config_refused"), "the refusal")
        self.check_that_status_says(mistake)
        self.assertEqual(self.host.stop_agent(), 0)
        self.host.start_postern()
        self.check_that_status_says(mistake)

    def test_a_reloaded_file_is_the_last_good_one(self):
        self.host.start()
        self.break_file("fall = 3", "fall = 4")
        self.host.agent.send_signal(signal.SIGHUP)

        def copied():
            with open(self.copy, encoding="utf-8") as file:
                return "fall = 4" in file.read()
        self.host.wait(copied, "the new text in the copy")

    def test_a_damaged_or_missing_copy_is_the_error_of_before(self):
        self.run_once()
        mistake = self.break_file()
        for damage in (lambda: os.truncate(self.copy, 40), lambda: os.remove(self.copy)):
            damage()
            done = self.host.postern("run")
            self.assertEqual(done.returncode, 2)
            self.assertIn(mistake, done.stderr)

    def test_a_file_that_is_gone(self):
        """The place of the copy is then unknown: the default folder is used."""
        self.run_once()
        os.remove(self.host.config_file)
        self.assertEqual(self.host.postern("run").returncode, 2)
        self.host.mount_small("/var/lib")  # the machine's own is not ours to write to
        usual = "/var/lib/postern"
        os.mkdir(usual, 0o700)
        with open(self.copy, "rb") as here, open(f"{usual}/last-good.toml", "wb") as there:
            there.write(here.read())
        self.host.start_postern(config=False)
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.check_that_status_says(f"{self.host.config_file}: cannot open")


if __name__ == "__main__":
    unittest.main()
