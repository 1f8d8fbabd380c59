# SPDX-License-Identifier: Apache-2.0
"""The same fault in every output: status, /health, the page, doctor, the log and the metrics that alerts are made of; it clears by itself."""

import json
import os
import subprocess
import unittest

from doctor_kit import start
from doctor_kit import run as doctor
from host import POSTERN, HostTest

UPSTREAMS = {"silent": "PN-UPSTREAM-SILENT", "refused": "PN-UPSTREAM-REFUSED", "servfail": "PN-UPSTREAM-SERVFAIL",
             "nxdomain": "PN-UPSTREAM-NXDOMAIN", "lies": "PN-UPSTREAM-ONE-ADDRESS"}
PATIENT_S = 120


class Faults(HostTest):
    def setUp(self):
        super().setUp()
        start(self.host)

    def status(self):
        return json.loads(self.host.postern("status", "--json").stdout)

    def codes(self):
        return [fault["code"] for fault in self.status()["faults"]]

    def fault(self, code):
        return next((fault for fault in self.status()["faults"] if fault["code"] == code), None)

    def test_upstreams_that_resolve_nothing_are_told_alike_everywhere(self):
        self.assertEqual([code for code in self.codes() if code.startswith("PN-UPSTREAM")], [])
        for mode, code in UPSTREAMS.items():
            with self.subTest(mode):
                self.host.upstream.control.post("/servers", mode=mode)
                found = self.host.wait(lambda code=code: self.fault(code), f"{code}", PATIENT_S)
                self.assertEqual((found["severity"], found["owner"], found["link"]), ("fail", "cloud_admin", None))
                self.assertTrue(found["since"])
                text = self.host.postern("status")
                self.assertEqual(text.returncode, 2)
                self.assertIn(found["cause"], text.stdout.replace("\n", " "))
                code_of_health, health = self.host.health()
                self.assertEqual((code_of_health, health["checks"]["upstreams"][0]["status"]), (503, "fail"))
                self.assertEqual(health["checks"]["upstreams"][0]["output"], found["cause"])
                self.assertEqual(self.host.http("/readyz")[0], 200)
                self.assertIn(f'postern_fault{{code="{code}",link="",severity="fail"}} 1', self.host.http("/metrics")[1])
                self.assertIn(found["cause"].split(" (")[0], self.host.http("/")[1])
                self.assertTrue(self.host.log_lines(f"fault_raised.*{code}"))
                report = doctor(self.host)
                self.assertEqual(report.codes("FAIL"), {code}, report.text)
                self.assertEqual(report.of(code)["cause"], found["cause"])
                self.host.upstream.control.post("/servers", mode="ok")
                self.host.wait(lambda code=code: code not in self.codes(), "the fault to clear by itself", PATIENT_S)
                self.assertTrue(self.host.log_lines(f"fault_cleared.*{code}"))

    def test_a_changed_configuration_waits_for_its_reload(self):
        with open(self.host.config_file, "a", encoding="utf-8") as file:
            file.write("# later\n")
        found = self.host.wait(lambda: self.fault("PN-CONFIG-OLDER"), "the older configuration", PATIENT_S)
        self.assertEqual(found["fix"], ["systemctl", "reload", "postern"])
        self.assertEqual(self.codes()[0], "PN-CONFIG-OLDER")
        self.assertEqual(self.host.postern("status").returncode, 1)
        self.host.agent.send_signal(1)
        self.host.wait(lambda: "PN-CONFIG-OLDER" not in self.codes(), "the reload", PATIENT_S)

    def test_status_is_in_chinese_where_the_locale_is(self):
        chinese = {**self.host.environment, "LC_ALL": "zh_CN.UTF-8"}
        done = self.host.run(POSTERN, "status", "--config", self.host.config_file, env=chinese)
        self.assertTrue(done.stdout.startswith("正常  "), done.stdout)
        for word in ("in answer", "queries", "Discovery", "ago", "links"):
            self.assertNotIn(word, done.stdout)

    def test_what_people_print_ends_and_fails_as_it_should(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([POSTERN, "status", "--config", self.host.config_file], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("could not be written: No space left on device", done.stderr)
        read, write = os.pipe()
        watch = subprocess.Popen([POSTERN, "status", "--watch", "--config", self.host.config_file], stdout=write, stderr=subprocess.PIPE)
        os.close(write)
        os.read(read, 10)
        os.close(read)
        watch.communicate(timeout=60)
        self.assertEqual(watch.returncode, 0)
        done = self.host.postern("logs", "--link", "typo")
        self.assertEqual(done.returncode, 3)
        self.assertIn("there is no link typo", done.stderr.replace('"', ""))
        done = self.host.run(POSTERN, "status", "--config", "/nonexistent/postern.toml")
        self.assertEqual(done.returncode, 3)
        self.assertNotIn("GOOD", done.stdout)


if __name__ == "__main__":
    unittest.main()
