# SPDX-License-Identifier: Apache-2.0
"""What hosts report, and what their reports tell together: real agents in two zones, an object store, reports of hosts that are
not here, and whatever else may lie in a bucket."""

import json
import os
import re
import subprocess
import unittest

import fleet_kit
import host
from fleet_kit import BUCKET, report, utc
from host import LINK, NAME, POSTERN, ZONE_A, ZONE_B, HostTest
from launch import StandIn

FOLDER = "prod/reports/"
REPORTS = f"oss://{BUCKET}/{FOLDER}"
SECOND_HTTP = "127.0.0.1:9854"


class FleetReport(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start_world()
        self.fleet = fleet_kit.Fleet(self.host)
        self.addCleanup(self.fleet.close)
        self.settings = {"name": "prod", "report_url": REPORTS, "report_interval": "5s", "ca_file": f"{self.fleet.pki}/ca.pem"}
        self.host.write_config(fleet=self.settings)

    def start(self, **fleet):
        self.host.start_postern(fleet={**self.settings, **fleet})
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def start_second(self, name="second", zone="cn-hangzhou-i"):
        """Another host, in another zone, in this network."""
        folder = f"{self.host.folder}/{name}"
        for part in ("state", "run"):
            os.makedirs(f"{folder}/{part}", mode=0o700)
        scenario = self.host.write_file(f"{name}.json", json.dumps({
            "keys": [], "metadata": {"zone-id": zone}, "endpoints": {}}))
        cloud = StandIn("aliyun.py", "--cert", f"{self.host.pki}/good.pem", "--key", f"{self.host.pki}/good.key", "--scenario", scenario,
                        "--api", "127.0.0.10:443", "--imds", "127.0.0.9:80", folder=self.host.folder)
        self.addCleanup(cloud.stop)
        config = host.merge(self.host.default_config(), {
            "agent": {"state_dir": f"{folder}/state", "runtime_dir": f"{folder}/run"}, "dns": {"listen": ["127.0.0.154:53"]},
            "http": {"listen": SECOND_HTTP}, "aliyun": {"metadata_url": "http://127.0.0.9"}, "fleet": self.settings})
        path = self.host.write_file(f"{name}.toml", host.toml(config))
        script = 'echo "$1" > /proc/sys/kernel/hostname; shift; exec "$@"'
        with open(f"{folder}/log", "ab") as log:
            second = subprocess.Popen(["unshare", "--uts", "sh", "-c", script, "sh", name, POSTERN, "run", "--config", path],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.host.environment, cwd=folder)
        self.addCleanup(self.stop_second, second, f"{folder}/log")
        return second

    def stop_second(self, second, log):
        second.terminate()
        self.assertEqual(second.wait(timeout=host.DEADLINE_S), 0)
        with open(log, encoding="utf-8") as file:
            self.assertNotRegex(file.read(), r"Sanitizer|runtime error:|terminate called")

    def put(self, reports):
        self.fleet.store.control.put(f"/objects/{BUCKET}", **{FOLDER + name: text for name, text in reports.items()})

    def reports(self):
        """{name: report} as the store has them."""
        return {key.removeprefix(FOLDER): json.loads(text) for key, text in self.fleet.objects().items() if key.startswith(FOLDER)}

    def look(self, *arguments):
        done = self.host.postern("fleet", "status", "--json", *arguments)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def found(self):
        return {finding["code"] for finding in self.look()[1]["findings"]}

    def wait_found(self, code):
        self.host.wait(lambda: code in self.found(), f"{code} among what the fleet finds")

    # --- writing -------------------------------------------------------------------------------------------------------

    def test_a_host_reports_what_it_sees_and_no_more(self):
        self.start()
        self.host.wait(lambda: any(one["overall"] == "good" for one in self.reports().values()), "a good report")
        ((name, one),) = self.reports().items()
        self.assertRegex(name, r"^[\w.-]+\.json$")
        self.assertLessEqual(len(self.fleet.objects()[FOLDER + name].encode()), 2048)
        self.assertEqual((one["fleet"], one["zone"], one["interval_s"]), ("prod", "cn-hangzhou-h", 5))
        (link,) = one["links"]
        self.assertEqual({a["ip"]: a["state"] for a in link["addresses"]}, {ZONE_A: "up", ZONE_B: "up"})
        text = json.dumps(one)
        for secret in (host.KEY_SECRET, host.KEY_ID, host.TOKEN, self.host.folder, "/"):
            self.assertNotIn(secret, text)
        self.assertTrue(self.fleet.log(method="PUT", signature="oss4", status=200))
        self.assertFalse([entry for entry in self.fleet.log() if entry["method"] != "PUT"], "nobody looks at the fleet")
        status = json.loads(self.host.postern("status", "--json").stdout)["discovery"]["report"]
        self.assertEqual(status["place"], REPORTS)
        self.assertRegex(self.host.http("/metrics")[1], r'postern_fleet_report_age_seconds\{fleet="prod"\} \d')
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait(lambda: any(a["state"] == "down" and a["code"] == "PN-TCP-REFUSED" for report in self.reports().values()
                                   for a in report["links"][0]["addresses"]), "the dead address in the report")

    def test_off_unless_asked_for(self):
        self.host.start_postern(fleet={"name": "prod", "ca_file": f"{self.fleet.pki}/ca.pem"})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertEqual(self.host.http("/fleet")[0], 404)
        self.assertNotIn("fleet", self.host.http("/")[1].split("<!--plain-->")[-1])
        # Once, by hand.
        dry = self.host.postern("publish", "report", "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertEqual(json.loads(dry.stdout)["postern_report"], 1)
        self.assertEqual(self.reports(), {})
        self.assertEqual(self.host.postern("publish", "report").returncode, 3)
        done = self.host.postern("publish", "report", "--to", REPORTS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.reports()), 1)
        folder = f"{self.host.folder}/reports"
        os.mkdir(folder)
        self.assertEqual(self.host.postern("publish", "report", "--to", f"file:{folder}").returncode, 0)
        self.assertEqual(len(os.listdir(folder)), 1)
        done = self.host.postern("fleet", "status", "--from", f"file:{folder}/")
        self.assertIn("Fleet prod: 1 hosts", done.stdout, done.stderr)

    def test_a_store_that_refuses_disturbs_nothing_and_is_said(self):
        self.fleet.store.control.post("/faults", kind="error", method="PUT", status=403, code="AccessDenied")
        self.start()
        self.host.wait(lambda: "PN-REPORT-UNWRITTEN" in {f["code"] for f in json.loads(self.host.postern("status", "--json").stdout)["faults"]},
                       "the fault to be told")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(len(self.host.log_lines("report_not_written")), 1)
        self.fleet.store.control.delete("/faults")
        self.host.wait(self.reports, "a report after all")
        self.host.wait(lambda: self.host.log_lines("report_written"), "that it is written again")

    # --- reading -------------------------------------------------------------------------------------------------------

    def test_two_hosts_in_two_zones_find_together_what_none_finds_alone(self):
        self.start()
        second = self.start_second()
        self.host.wait(lambda: len([r for r in self.reports().values() if r["overall"] == "good"]) == 2, "two good reports")
        code, view = self.look()
        self.assertEqual((code, view["overall"], view["counts"]["fresh"]), (0, "good", 2), view["findings"])
        self.assertEqual({host["zone"] for host in view["hosts"]}, {"cn-hangzhou-h", "cn-hangzhou-i"})
        self.assertIn("second", {host["host"] for host in view["hosts"]})
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.wait_found("PN-FLEET-DOWN-ALL")
        done = self.host.postern("fleet", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{ZONE_A} (cn-hangzhou-h) is down for all 2 hosts, of cn-hangzhou-h, cn-hangzhou-i", done.stdout)
        # The same on the page, in both languages, without a script; and a link to it.
        self.host.wait(lambda: "is down for all 2 hosts" in self.host.http("/fleet")[1], "the finding on the page")
        self.assertNotIn("<script", self.host.http("/fleet")[1])
        self.assertIn('href="fleet"', self.host.http("/plain")[1])
        self.assertEqual(json.loads(self.host.http("/api/v1/fleet")[1])["counts"]["fresh"], 2)
        # One that ends is silent, not bad.
        self.host.gateways.control.post("/listeners/zone-a", mode="ok")
        second.terminate()
        second.wait(timeout=host.DEADLINE_S)
        self.wait_found("PN-FLEET-STALE")
        view = self.look()[1]
        self.assertEqual([one["host"] for one in view["hosts"] if one["stale"]], ["second"])

    def test_a_zone_a_host_alone_and_too_few(self):
        up, a_down = {ZONE_A: "up", ZONE_B: "up"}, {ZONE_A: "down", ZONE_B: "up"}
        many = {f"h-{n}.json": report(f"h-{n}", "cn-hangzhou-h", up) for n in range(4)}
        self.put(many | {f"i-{n}.json": report(f"i-{n}", "cn-hangzhou-i", a_down) for n in range(3)})
        code, view = self.look()
        self.assertEqual((code, [f["code"] for f in view["findings"]]), (1, ["PN-FLEET-DOWN-ZONE"]))
        self.assertEqual(view["findings"][0]["owner"], "cloud_admin")
        self.put({f"i-{n}.json": report(f"i-{n}", "cn-hangzhou-i", a_down if n == 0 else up) for n in range(3)})
        (finding,) = self.look()[1]["findings"]
        self.assertEqual((finding["code"], finding["owner"]), ("PN-FLEET-DOWN-HOST", "you"))
        self.assertIn("i-0 alone, and 6 other hosts reach it", finding["cause"])
        self.put({"i-0.json": report("i-0", "cn-hangzhou-i", {ZONE_A: "down", ZONE_B: "down"})})
        for name in [*many, "i-1.json", "i-2.json"]:
            self.put({name: report(name.removesuffix(".json"), "cn-hangzhou-h", up, written_at="2020-01-01T00:00:00Z")})
        self.assertEqual(self.found(), {"PN-FLEET-DOWN-FEW", "PN-FLEET-STALE"})

    def test_whatever_lies_in_the_bucket_is_refused_and_counted(self):
        good = report("web-1", "cn-hangzhou-h", {ZONE_A: "up"})
        self.put({"web-1.json": good, "broken.json": good[:100], "web-2.json": good, "large.json": good + " " * 4096,
                  "other.json": report("other", "z", {}, fleet="other"), "page.json": "<html>", "newer.json": '{"postern_report":9}',
                  "future.json": report("future", "z", {}, written_at="2999-01-01T00:00:00Z"), "notes.txt": "x",
                  "evil.json": report("\u001b[31mevil\u202e", "z", {}), "below/web-3.json": good})
        code, view = self.look()
        self.assertEqual((code, view["counts"]["fresh"], view["counts"]["refused"]), (1, 1, 8))
        self.assertEqual({one["report"]: one["reason"] for one in view["refused"]}, {
            "broken.json": "form", "web-2.json": "place", "large.json": "large", "other.json": "fleet", "page.json": "form",
            "newer.json": "newer", "future.json": "future", "evil.json": "content"})
        screen = self.host.postern("fleet", "status").stdout
        self.assertNotIn("\u001b[31mevil", screen)

    def test_a_thousand_hosts_in_pages_by_both_kinds_of_store(self):
        self.put({f"web-{n}.json": report(f"web-{n}", f"cn-hangzhou-{'hi'[n % 2]}", {ZONE_A: "down" if n % 2 else "up"}) for n in range(1000)})
        self.fleet.store.control.post("/options", page=300)
        for place, environment in ((REPORTS, {}), (f"s3://{BUCKET}/{FOLDER}", {"AWS_ACCESS_KEY_ID": "AKIAexample",
                                                                            "AWS_SECRET_ACCESS_KEY": "exampleS3Secret"})):
            with self.subTest(place):
                endpoint = {"endpoint": f"https://{fleet_kit.STORE}", "region": "cn-hangzhou"} if environment else {}
                self.host.write_config(fleet={**self.settings, **endpoint})
                self.host.environment.update(environment)
                code, view = self.look("--from", place)
                self.assertEqual((code, view["counts"]["fresh"], view["counts"]["unread"]), (1, 1000, 0), view["error"])
                self.assertEqual([f["code"] for f in view["findings"]], ["PN-FLEET-DOWN-ZONE"])
                print(f"\n{place}: 1,000 reports read in {view['took_ms']} ms", flush=True)
        folder = f"{self.host.folder}/many"
        os.mkdir(folder)
        for key, text in self.fleet.objects().items():
            with open(f"{folder}/{os.path.basename(key)}", "w", encoding="utf-8") as file:
                file.write(text)
        view = self.look("--from", f"file:{folder}")[1]
        self.assertEqual(view["counts"]["fresh"], 1000)
        print(f"file: 1,000 reports read in {view['took_ms']} ms", flush=True)
        screen = self.host.postern("fleet", "status", "--from", f"file:{folder}").stdout
        self.assertLess(screen.count("\n"), 40)

    def test_a_store_that_does_not_answer_is_unknown(self):
        self.fleet.store.control.post("/listener", open=False)
        done = self.host.postern("fleet", "status")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertNotEqual(done.stderr, "")
        self.fleet.store.control.post("/listener", open=True)
        done = self.host.postern("fleet", "status")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no host reports in time", done.stdout)

    def test_usage(self):
        self.host.write_config(fleet={"name": "prod"})
        for arguments, said in ((["fleet", "status"], "give --from"), (["fleet", "status", "--from", "ftp://x"], "is no folder of reports"),
                                (["publish", "report", "--to", "oss://b"], "is no folder of reports")):
            with self.subTest(arguments):
                done = self.host.postern(*arguments)
                self.assertEqual(done.returncode, 3)
                self.assertIn(said, done.stderr)
        for fleet, said in (({"report": True}, "needs report_url"), ({"report_url": "ftp://x/"}, "is not a folder of reports")):
            with self.subTest(fleet):
                self.host.write_config(fleet=fleet)
                self.assertIn(said, self.host.postern("check-config").stderr)


if __name__ == "__main__":
    unittest.main()
