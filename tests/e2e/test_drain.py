# SPDX-License-Identifier: Apache-2.0
"""`postern drain`: the answer moves at once, never away from the last address that works, and comes back."""

import json
import os
import unittest

from host import HTTP, LINK, NAME, ZONE_A, ZONE_B, ZONES, HostTest

ZONE_ID_A, ZONE_ID_B = ZONES


class Drain(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.wait_up()

    def wait_up(self):
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["state"] == "up", "state up")

    def drain(self, *arguments, code=0):
        done = self.host.postern("drain", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def undrain(self, *arguments, code=0):
        done = self.host.postern("undrain", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def status(self):
        return self.host.http_json("/api/v1/status")[1]

    def test_the_answer_moves_and_is_back(self):
        shown = self.drain(ZONE_ID_A, "--for", "1h", "--reason", "new cable & switch")
        self.assertIn(f"{ZONE_ID_A} until ", shown)
        self.assertIn(": new cable & switch", shown)
        self.assertRegex(shown, rf"{ZONE_A} +{LINK} +up +out of the answer")
        self.host.wait_addresses(ZONE_B, deadline_s=5)
        self.assertEqual(self.host.dig(NAME, "A").data, [ZONE_B])
        before = self.host.last_probe(ZONE_A)["seq"]
        self.host.wait_probe(ZONE_A, lambda record: record["ok"] and record["seq"] > before, "a later success")
        self.assertEqual(self.host.addresses(), {ZONE_B})

        status = self.status()
        self.assertEqual([(d["target"], d["reason"]) for d in status["drains"]], [(ZONE_ID_A, "new cable & switch")])
        self.assertEqual({a["ip"]: (a["drained"], a["answered"]) for a in status["links"][0]["addresses"]},
                         {ZONE_A: (True, False), ZONE_B: (False, True)})
        screen = self.host.postern("status").stdout
        self.assertRegex(screen, rf"{ZONE_A} .*drained")
        self.assertIn("new cable & switch", screen)
        self.assertIn(f'postern_drained{{link="{LINK}",ip="{ZONE_A}",zone="{ZONE_ID_A}"}} 1', self.host.http("/metrics")[1])
        self.assertIn("new cable &amp; switch", self.host.http("/")[1])
        self.assertIn("人工下线", self.host.http("/", "-H", "Accept-Language: zh-CN")[1])
        self.assertIn("withdrawn: drained", self.host.postern("resolve", NAME).stdout)
        self.assertIn(ZONE_ID_A, self.drain("status"))
        self.assertEqual(json.loads(self.drain("status", "--json"))["drains"][0]["target"], ZONE_ID_A)

        self.assertEqual(self.undrain(), "nothing is drained\n")
        self.host.wait_addresses(ZONE_A, ZONE_B, deadline_s=5)
        self.assertEqual(self.drain("status"), "nothing is drained\n")
        self.assertEqual(len(self.host.log_lines("drain_began")), 1)
        self.assertEqual(len(self.host.log_lines("drain_ended")), 1)

    def test_the_last_good_address_stays(self):
        self.drain(ZONE_A, "--for", "1m")
        self.host.wait_addresses(ZONE_B, deadline_s=5)
        refused = self.drain(ZONE_B, "--for", "1h", code=2)
        self.assertIn(f"{LINK}: no good address would be left: {ZONE_A} ({ZONE_ID_A}) is drained", refused)
        self.drain(ZONE_ID_B, "--for", "1h", code=2)
        self.assertEqual(self.host.addresses(), {ZONE_B})
        self.assertIn("no link has the address 10.9.9.9", self.drain("10.9.9.9", "--for", "1h", code=3))
        self.assertIn(ZONE_ID_B, self.drain("cn-hangzhou-z", "--for", "1h", code=3))
        self.assertIn("is not drained", self.undrain(ZONE_B, code=3))
        self.drain(ZONE_A, code=3)

    def test_the_drained_one_is_answered_when_the_other_goes_down(self):
        self.drain(ZONE_ID_A, "--for", "1h")
        self.host.wait_addresses(ZONE_B, deadline_s=5)
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.host.wait_addresses(ZONE_A)
        why = " ".join(self.host.postern("resolve", NAME).stdout.split())  # it is wrapped
        self.assertIn("drained but answered because no other works", why)
        self.assertIn("answered all the same", self.drain("status"))
        self.host.gateways.control.post("/listeners/zone-b", mode="ok")
        self.host.wait_addresses(ZONE_B)

    def test_a_restart_and_a_crash_keep_it(self):
        self.drain(ZONE_ID_A, "--for", "2h", "--reason", "works")
        self.host.wait_addresses(ZONE_B, deadline_s=5)
        kept = f"{self.host.state_dir}/drains.json"
        self.host.wait(lambda: os.path.exists(kept), "the drain on disk")
        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)
        until = self.status()["drains"][0]["until"]
        for number in (15, 9):
            self.host.stop_agent(number)
            self.host.start_postern()
            self.wait_up()
            self.assertEqual(self.host.addresses(), {ZONE_B})
            (drain,) = self.status()["drains"]
            self.assertEqual((drain["target"], drain["reason"], drain["until"][:16]), (ZONE_ID_A, "works", until[:16]))

    def test_a_damaged_file_drains_nothing_and_is_kept(self):
        self.host.stop_agent()
        kept = f"{self.host.state_dir}/drains.json"
        with open(kept, "w", encoding="ascii") as file:
            file.write('{"postern_drains":1,"crc64":"0000000000000000","drains":\n[{"target":"' + ZONE_ID_A + '"}]}\n')
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertTrue(self.host.log_lines("drains_unusable"))
        self.assertTrue(os.path.exists(kept + ".unusable"))
        self.assertIn("the saved drains can't be used", self.host.postern("status").stdout)
        self.wait_up()
        self.drain(ZONE_ID_A, "--for", "1h")
        self.host.wait_addresses(ZONE_B, deadline_s=5)

    def test_who_may_ask(self):
        path = f"http://{HTTP}/api/v1/drain?target={ZONE_A}&for=1h"
        self.assertEqual(self.host.curl(path, "-X", "POST")[1], 403)  # a page of a browser
        self.assertEqual(self.host.curl(path, "-X", "POST", "-H", "X-Postern: 1", "-H", "Host: evil.example")[1], 421)
        self.assertEqual(self.host.curl(path, "-H", "X-Postern: 1")[1], 405)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.host.stop_agent()
        self.assertIn("it is not running", self.drain(ZONE_A, "--for", "1h", code=3))

    def test_another_host_changes_nothing_though_it_may_look(self):
        for address in ("192.0.2.77", "192.0.2.78"):
            self.host.run("ip", "address", "add", f"{address}/32", "dev", "lo").check_returncode()
        self.host.stop_agent()
        self.host.start_postern(http={"listen": "0.0.0.0:9853", "allow": ["127.0.0.0/8", "192.0.2.0/24"]})
        self.wait_up()
        url = "http://192.0.2.77:9853/api/v1"
        change = ("-X", "POST", "-H", "X-Postern: 1")
        from_there, from_here = ("--interface", "192.0.2.78"), ("--interface", "192.0.2.77")
        _, status, body = self.host.curl(f"{url}/drain?target={ZONE_A}&for=1h", *change, *from_there)
        self.assertEqual((status, json.loads(body)["error"]["code"]), (403, "permission"))
        self.assertEqual(self.host.curl(f"{url}/undrain", *change, *from_there)[1], 403)
        self.assertEqual(self.host.curl(f"{url}/drains", *from_there)[1], 200)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.curl(f"{url}/drain?target={ZONE_A}&for=1h", *change, *from_here)[1], 200)
        self.host.wait_addresses(ZONE_B, deadline_s=5)


if __name__ == "__main__":
    unittest.main()
