# SPDX-License-Identifier: Apache-2.0
"""`answer = false`: the VPC's DNS answers the name, postern probes what is behind it and compares. And names that are
followed: a list of them, and one that leads to one zone of several."""

import html
import json
import os
import signal
import unittest

from doctor_kit import call, Report
from host import ENDPOINT, LINK, NAME, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest

OTHER = "db.cloud.name.test"
DOMAIN = f"{ENDPOINT}.epsrv-bp1example0000000009.cn-hangzhou.privatelink.aliyuncs.com"
ZONE_NAMES = ["zone-h.name.test", "zone-i.name.test"]


class World(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start_world()

    def put(self, name, *addresses, ttl=5):
        self.host.upstream.control.put(f"/records/{name}", A={"ttl": ttl, "data": list(addresses)})

    def status(self):
        return json.loads(self.host.postern("status", "--json").stdout)

    def link(self, name=LINK):
        return next(link for link in self.status()["links"] if link["name"] == name)

    def reload(self, **changes):
        before = len(self.host.log_lines("config_reloaded"))
        self.host.write_config(**changes)
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: len(self.host.log_lines("config_reloaded")) > before, "the reload")


class VerifyOnly(World):
    def start(self, *addresses):
        if addresses:
            self.put(NAME, *addresses)
        self.host.start_postern(link={"answer": False})

    def wait_finding(self, finding):
        def found():
            self.host.postern("refresh")
            return (self.link()["vpc_answer"] or {}).get("finding") == finding
        self.host.wait(found, f"the finding {finding}")

    def test_the_vpc_answers_and_postern_probes_and_compares(self):
        self.start(ZONE_A, ZONE_B)
        self.wait_finding("same")
        answer = self.host.dig(NAME, "A")
        self.assertEqual((answer.status, set(answer.data)), ("NOERROR", {ZONE_A, ZONE_B}))
        self.assertNotIn("aa", answer.flags)
        resolved = json.loads(self.host.postern("resolve", NAME, "--json").stdout)
        self.assertIn(resolved["explanation"]["source"], ("upstream", "cache"))
        self.host.wait(lambda: {probe["ip"] for probe in self.host.probes() if probe["ok"]} == {ZONE_A, ZONE_B}, "good probes")
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")
        link = self.link()
        self.assertEqual((link["state"], link["verify_only"], link["answer"]), ("up", True, []))
        text = self.host.postern("status").stdout
        self.assertIn("verify only", text)
        self.assertIn("answered by the VPC", text)
        self.assertIn("the VPC's DNS answers the endpoint's addresses", " ".join(text.split()))
        code, health = self.host.health()
        self.assertEqual((code, health["checks"][f"{LINK}:vpcAnswer"][0]["status"]), (200, "pass"))
        metrics = self.host.http("/metrics")[1]
        self.assertIn(f'postern_link_verify_only{{link="{LINK}"}} 1', metrics)
        self.assertIn(f'postern_vpc_answer_finding{{link="{LINK}",finding="same"}} 1', metrics)
        self.assertNotIn(f'postern_dns_private_answers{{link="{LINK}"}}', metrics)
        self.assertIn("verify only", self.host.postern("plan", "show").stdout)
        self.assertEqual(json.loads(self.host.postern("plan", "show", "--json").stdout)["verify_only"], [LINK])
        compiled = self.host.postern("plan", "compile", "--out", os.path.join(self.host.folder, "compiled"))
        self.assertIn(f"verify only, so their names are forwarded: {LINK}", compiled.stdout)
        checked = self.host.postern("check-config")
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertIn(f'note: "{LINK}" is verify only', checked.stdout)
        self.assertIn("answered by the VPC", html.unescape(self.host.http("/")[1]))
        report = Report(call(self.host, "--json", "--only", "stub"))
        self.assertEqual(report.code, 0, report.text)
        self.assertIn("verify only", report.text)

    def test_answers_that_lead_elsewhere_or_nowhere(self):
        self.start(SPARE_ADDRESS)
        self.wait_finding("other")
        self.assertEqual(self.link()["vpc_answer"]["foreign"], [SPARE_ADDRESS])
        self.assertEqual(set(self.host.dig(NAME, "A").data), {SPARE_ADDRESS})
        self.assertEqual(self.host.postern("status").returncode, 1)
        self.assertTrue(self.host.log_lines("vpc_answer_changed.*finding=other"))
        report = Report(call(self.host, "--json", "--only", "stub"))
        self.assertEqual(report.codes("WARN"), {"PN-STUB-VPC"}, report.text)
        self.host.upstream.control.delete(f"/records/{NAME}")
        self.wait_finding("no_name")
        self.assertIn("has no address", self.link()["cause"])
        self.put(NAME, ZONE_A)
        self.wait_finding("fewer")
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "a good status")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait(lambda: self.host.postern("status").returncode == 2, "the failure of all that is answered")
        self.assertIn("all that it answers are down", self.link()["cause"])
        self.assertEqual(set(self.host.dig(NAME, "A").data), {ZONE_A})  # never overridden

    def test_silent_upstreams_are_not_known_to_be_wrong(self):
        self.start(ZONE_A, ZONE_B)
        self.wait_finding("same")
        self.host.upstream.control.post("/servers", mode="servfail")
        self.wait_finding("unknown")
        self.assertIn("gives no answer for", self.link()["vpc_answer"]["text"])
        self.host.upstream.control.post("/servers", mode="ok")
        self.wait_finding("same")

    def test_a_reload_that_flips_it_takes_effect_at_once_and_loses_nothing(self):
        self.put(NAME, SPARE_ADDRESS)
        self.host.start_postern(link={})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.wait(lambda: {a["state"] for a in self.link()["addresses"]} == {"up"}, "the addresses to be up")
        since = {a["ip"]: a["since"] for a in self.link()["addresses"]}
        self.reload(link={"answer": False})
        self.host.wait_addresses(SPARE_ADDRESS)
        self.assertEqual({a["ip"]: a["since"] for a in self.link()["addresses"]}, since)
        self.reload(link={})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertEqual({a["ip"]: a["since"] for a in self.link()["addresses"]}, since)
        self.assertEqual(self.host.log_lines(" answer_changed"), [])


class Followed(World):
    def test_a_list_of_names_is_merged_and_each_says_what_it_gave(self):
        self.put(ZONE_NAMES[0], ZONE_A)
        self.put(ZONE_NAMES[1], ZONE_B)
        self.host.start_postern(link={"endpoint": None, "target": ZONE_NAMES})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        sources = self.link()["discovery"]["sources"]
        self.assertEqual([(s["source"], s["addresses"]) for s in sources],
                         [(f"target:{ZONE_NAMES[0]}", [ZONE_A]), (f"target:{ZONE_NAMES[1]}", [ZONE_B])])
        text = " ".join(self.host.postern("status").stdout.split())
        self.assertIn(f"from {ZONE_NAMES[0]}: {ZONE_A}", text)
        self.host.upstream.control.delete(f"/records/{ZONE_NAMES[0]}")
        self.put(ZONE_NAMES[1], SPARE_ADDRESS)
        self.host.postern("refresh")
        self.host.wait_addresses(ZONE_A, SPARE_ADDRESS)
        self.assertIn(f"fails: {ZONE_NAMES[0]} does not exist", " ".join(self.host.postern("status").stdout.split()))
        with_list = self.host.postern("check-config", "--online").stdout
        self.assertIn(f"target:{ZONE_NAMES[1]}: {SPARE_ADDRESS}", with_list)
        self.host.stop_agent()
        self.host.start_postern()
        self.assertEqual(self.host.addresses(), {ZONE_A, SPARE_ADDRESS})

    def test_a_name_that_leads_to_one_zone_of_several_is_a_warning(self):
        self.put(DOMAIN, ZONE_A)
        config = self.host.default_config()
        config["link"].append({**config["link"][0], "name": "followed", "host": OTHER, "endpoint": None, "target": DOMAIN})
        config["link"][1].pop("endpoint")
        self.host.start_postern(**config)
        self.host.wait(lambda: self.link("followed")["one_zone"], "the finding")
        self.assertEqual(self.link("followed")["one_zone"]["zone"], "cn-hangzhou-h")
        status = self.status()
        self.assertIn("zones", status["warning_kinds"])
        self.assertIn("its zone affinity is on", " ".join(status["warnings"]))
        self.assertIn("switch ZoneAffinityEnabled off", self.host.postern("status").stdout.replace("\n           ", " "))
        report = Report(call(self.host, "--json", "--only", "endpoint"))
        finding = report.of("PN-ENDPOINT-AFFINITY")
        self.assertEqual((finding["state"], finding["link"]), ("WARN", "followed"))
        self.assertIn("ZoneAffinityEnabled is true", report.text)
        self.put(DOMAIN, ZONE_A, ZONE_B)
        self.host.postern("refresh")
        self.host.wait(lambda: self.link("followed")["one_zone"] is None, "the finding to be over")


if __name__ == "__main__":
    unittest.main()
