# SPDX-License-Identifier: Apache-2.0
"""postern publish privatezone: published, changed, undone; killed at each step; against a PrivateZone that checks signatures and
permissions, and remembers what askers of the name had to be answered after each write."""

import json
import os
import pty
import re
import subprocess
import unittest

import host
from host import ENDPOINT, KEY_ID, KEY_SECRET, LINK, NAME, POSTERN, PVTZ_NAME, ZONE_A, ZONE_B
from publish_kit import LINE_A, MOVED, PublishTest

VPC = "vpc-bp1example00000000001"
MARK = "managed by postern"
POLICIES = ("packaging/ram/postern-read.json", "packaging/ram/postern-privatezone.json")


def allowed_actions():
    out = set()
    for name in POLICIES:
        with open(os.path.join(host.ROOT, name), encoding="utf-8") as file:
            for statement in json.load(file)["Statement"]:
                actions = statement["Action"]
                out |= {actions} if isinstance(actions, str) else set(actions)
    return sorted(out)


class Publishing(PublishTest):
    def test_published_then_as_it_should_be_then_undone(self):
        done = self.publish()
        self.assertIn(f"{NAME} ({LINK}): {ZONE_A} (cn-hangzhou-h), {ZONE_B} (cn-hangzhou-i)", done.stdout)
        (zone,) = self.zones().values()
        self.assertEqual((zone["name"], zone["remark"], zone["dns_group"], zone["proxy"]), (NAME, MARK, "FAST_ZONE", "RECORD"))
        self.assertEqual([vpc["VpcId"] for vpc in zone["vpcs"]], [VPC])
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        self.assertEqual({(r["Remark"], r["Ttl"]) for r in zone["records"]}, {(MARK, 30)})
        self.assertEqual({entry["host"] for entry in self.host.api_log(product="pvtz")}, {PVTZ_NAME})
        self.assert_never_empty()
        before = len(self.host.api_log())
        self.assertIn("as it should be", self.publish().stdout)
        self.assertEqual({e["action"] for e in self.host.api_log()[before:] if e["product"] == "pvtz"},
                         {"DescribeZones", "DescribeZoneInfo", "DescribeZoneRecords"})
        self.publish("--undo", "--yes")
        self.assertEqual(self.zones(), {})
        self.assertIn("nothing of postern's is there", self.publish("--undo", "--yes").stdout)

    def test_the_option_form_of_the_command(self):
        done = self.host.postern("publish", "--to", "privatezone", "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("would make the zone", done.stdout)

    def test_a_changed_address_is_added_before_the_old_one_goes(self):
        self.publish()
        self.forget_notes()
        self.move()
        self.assertEqual([step["step"] for step in self.one()["steps"]], ["note", "add", "add", "delete", "delete"])
        self.assertEqual(self.records(), self.all_for(MOVED, ZONE_B))
        self.assert_never_empty()

    def test_at_most_one_change_in_thirty_seconds(self):
        self.publish()
        self.move()
        name = self.one(code=1)
        self.assertEqual(name["left"], "too_soon")
        self.assertTrue(0 < name["wait_s"] <= 30, name)
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))

    def test_ttl_and_lines_as_asked(self):
        self.publish("--ttl", "5s", "--no-zone-lines")
        self.assertEqual(self.records(), {("default", ZONE_A), ("default", ZONE_B)})
        (zone,) = self.zones().values()
        self.assertEqual({r["Ttl"] for r in zone["records"] if r["Rr"] == "@"}, {5})
        self.forget_notes()
        self.assertEqual({step["step"] for step in self.one("--no-zone-lines")["steps"]}, {"note", "update"})

    def test_an_address_that_is_not_known_changes_nothing(self):
        self.publish()
        self.control.post("/faults", kind="denied", action="ListVpcEndpointZones")
        name = self.one(code=2)
        self.assertEqual((name["left"], name["steps"], name["error"]["code"]), ("no_address", [], "api_denied"))
        self.control.delete("/faults")
        self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Pending")
        self.assertEqual(self.one(code=2)["left"], "no_address")
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))

    def test_a_failing_privatezone_is_an_error_and_the_next_run_completes(self):
        self.control.post("/faults", kind="error", status=403, code="Forbidden.RAM", action="BindZoneVpc")
        told = self.publish(code=2).stderr
        self.assertIn("grant pvtz:BindZoneVpc", told)
        self.assertIn("owner: your account's RAM administrator", told)
        self.control.delete("/faults")
        self.publish()
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        self.assertEqual(len(self.zones()), 1)

    def test_long_lists_throttling_busy_and_lost_replies(self):
        self.control.post("/options", page_size=2, numeric_strings=True)
        self.control.post("/faults", kind="throttle", action="AddZoneRecord", count=1, time_left_ms=100)
        self.control.post("/faults", kind="error", status=400, code="System.Busy", action="UpdateZoneRemark", count=1)
        self.control.post("/faults", kind="reset", action="AddZone", count=1)
        self.control.post("/faults", kind="half_json", action="BindZoneVpc", count=1)
        self.publish()
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        self.assertEqual(len(self.zones()), 1)
        self.assertIn("as it should be", self.publish().stdout)
        self.control.post("/faults", kind="close", action="DeleteZoneRecord", count=1)
        self.publish("--undo", "--yes")
        self.assertEqual(self.zones(), {})

    def test_with_exactly_the_permissions_of_the_policies(self):
        self.control.post("/keys", id=KEY_ID, secret=KEY_SECRET, actions=allowed_actions())
        self.publish()
        self.forget_notes()
        self.move()
        self.publish()
        self.publish("--ttl", "5s", "--dry-run", code=1)
        self.publish("--undo", "--yes")
        self.assertEqual(self.zones(), {})
        used = {f"pvtz:{entry['action']}" for entry in self.host.api_log(product="pvtz", code="")}
        self.assertEqual(used | {"pvtz:UpdateZoneRecord"}, {a for a in allowed_actions() if a.startswith("pvtz:")})

    def test_a_zone_in_which_the_vpc_is_given(self):
        self.publish("--vpc", "vpc-1", "--vpc", "cn-beijing/vpc-2")
        (zone,) = self.zones().values()
        self.assertEqual([(v["RegionId"], v["VpcId"]) for v in zone["vpcs"]], [("cn-hangzhou", "vpc-1"), ("cn-beijing", "vpc-2")])

    def test_away_from_the_cloud_the_vpc_must_be_given(self):
        self.control.post("/listeners/imds", open=False)
        environment = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY_SECRET}
        done = self.host.postern("publish", "privatezone", environment=environment)
        self.assertEqual(done.returncode, 3)
        self.assertIn("give --vpc REGION/vpc-", done.stderr)
        done = self.host.postern("publish", "privatezone", "--vpc", "vpc-1", environment=environment)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_link_that_is_not_there(self):
        self.assertIn(f"there are: {LINK}", self.publish("nonsense", code=3).stderr)
        self.publish("nonsense", "--undo", "--yes", code=3)


class Planning(PublishTest):
    def test_a_dry_run_says_all_and_changes_nothing(self):
        name = self.one("--dry-run")
        self.assertEqual([step["step"] for step in name["steps"]],
                         ["make_zone", "mark_zone", "note", "add", "add", "add", "add", "bind"])
        self.assertEqual([(a["ip"], a["zone"]) for a in name["addresses"]], [(ZONE_A, "cn-hangzhou-h"), (ZONE_B, "cn-hangzhou-i")])
        self.assertEqual(self.zones(), {})
        text = self.publish("-n").stdout
        self.assertIn(f"would add A {ZONE_A} for {LINE_A}, TTL 30", text)
        self.publish()
        self.publish("--undo", "-n")
        self.assertEqual(len(self.zones()), 1)

    def test_terraform(self):
        text = self.publish("--dry-run", "--format", "terraform").stdout
        self.assertEqual(self.host.api_log(product="pvtz"), [])
        zones = re.findall(r'resource "alicloud_pvtz_zone" "(\w+)" {\n  zone_name     = "([^"]+)"', text)
        self.assertEqual(zones, [("postern_gw_private_cloud_name_test", NAME)])
        values = re.findall(r'resource "alicloud_pvtz_zone_record" .*?rr      = "@"\n  type    = "A"\n  value   = "([^"]+)"\n  ttl     = 30',
                            text, re.S)
        self.assertEqual(values, [ZONE_A, ZONE_B])
        self.assertIn(f'vpc_id    = "{VPC}"\n    region_id = "cn-hangzhou"', text)
        self.assertIn(f"#   A {ZONE_A} for {LINE_A}", text)
        self.publish("--format", "terraform", code=3)

    def test_on_a_terminal_it_shows_the_plan_and_asks(self):
        for answer, made in ((b"n\n", 0), (b"y\n", 1)):
            with self.subTest(answer):
                master, slave = pty.openpty()
                running = subprocess.Popen([POSTERN, "publish", "privatezone", "--config", self.host.config_file], stdin=slave,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.host.environment, text=True)
                os.close(slave)
                os.write(master, answer)
                told = running.communicate(timeout=60)[0]
                os.close(master)
                self.assertIn("would make the zone", told)
                self.assertEqual((running.returncode, len(self.zones())), (0 if made else 3, made), told)

    def test_undo_asks_first(self):
        self.publish()
        self.assertIn("give --yes", self.publish("--undo", code=3).stderr)
        self.assertEqual(len(self.zones()), 1)


class OfOthers(PublishTest):
    def test_a_foreign_record_of_the_name_is_left_with_all_the_rest(self):
        self.control.put("/private-zones/foreign", name=NAME, dns_group="FAST_ZONE", vpcs=[{"RegionId": "cn-hangzhou", "VpcId": VPC}],
                         records=[{"Value": "10.9.9.9", "Remark": "by hand"}])
        before = self.zones()
        name = self.one(code=1)
        self.assertEqual((name["left"], name["zone"], name["steps"]), ("foreign_record", "foreign", []))
        self.assertIn("10.9.9.9", name["why"])
        self.publish("--undo", "--yes", code=1)
        self.assertEqual(self.zones(), before)

    def test_another_zones_vpcs_and_records_stay(self):
        other = {"RegionId": "cn-beijing", "VpcId": "vpc-other"}
        self.control.put("/private-zones/shared", name=NAME, dns_group="FAST_ZONE", remark="Terraform",
                         vpcs=[{"RegionId": "cn-hangzhou", "VpcId": VPC}, other], records=[{"Rr": "www", "Value": "10.9.9.9"}])
        self.publish()
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        told = self.publish("--undo", "--yes", code=1).stdout
        self.assertIn("postern did not make it", told)
        (zone,) = self.zones().values()
        self.assertEqual([v["VpcId"] for v in zone["vpcs"]], [VPC, "vpc-other"])
        self.assertEqual([(r["Rr"], r["Value"]) for r in zone["records"]], [("www", "10.9.9.9")])
        self.assertEqual(zone["remark"], "Terraform")

    def test_a_vpc_that_others_bound_to_our_zone_stays_bound(self):
        self.publish("--vpc", "vpc-1")
        self.publish()
        (zone,) = self.zones().values()
        self.assertEqual([v["VpcId"] for v in zone["vpcs"]], ["vpc-1", VPC])
        self.assertIn("vpc-1", self.publish("--undo", "--yes", code=1).stdout)
        (zone,) = self.zones().values()
        self.assertEqual([v["VpcId"] for v in zone["vpcs"]], ["vpc-1"])

    def test_the_zone_of_another_vpc_is_not_touched(self):
        self.control.put("/private-zones/theirs", name=NAME, vpcs=[{"RegionId": "cn-beijing", "VpcId": "vpc-other"}],
                         records=[{"Value": "10.9.9.9"}])
        theirs = self.zones()["theirs"]
        self.publish()
        self.assertEqual(len(self.zones()), 2)
        self.publish("--undo", "--yes")
        self.assertEqual(self.zones(), {"theirs": theirs})

    def test_a_normal_zone_has_no_lines(self):
        self.control.put("/private-zones/normal", name=NAME, vpcs=[{"RegionId": "cn-hangzhou", "VpcId": VPC}])
        name = self.one()
        self.assertIn("NORMAL_ZONE", name["remarks"][0])
        self.assertEqual(self.records(), {("default", ZONE_A), ("default", ZONE_B)})

    def test_a_zone_whose_name_only_contains_the_name_is_another_one(self):
        self.control.put("/private-zones/longer", name=f"x{NAME}", vpcs=[{"RegionId": "cn-hangzhou", "VpcId": VPC}],
                         records=[{"Value": "10.9.9.9"}])
        self.publish()
        self.assertEqual(len(self.zones()), 2)

    def test_two_publishers_agree_or_leave_it(self):
        self.publish("--publisher", "a")
        self.host.write_config(link={"zones": ["cn-hangzhou-i"]})  # the other knows one zone alone
        name = self.one("--publisher", "b", code=1)
        self.assertEqual(name["left"], "disagreement")
        self.assertIn("a would have other records", name["why"])
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        # And b's wish stops a, until a wants the same.
        self.host.write_config(link={"zones": ["cn-hangzhou-h"]})
        self.assertEqual(self.one("--publisher", "a", code=1)["left"], "disagreement")
        self.host.write_config(link={"zones": ["cn-hangzhou-i"]})
        self.assertEqual(self.one("--publisher", "a", code=1)["left"], "too_soon")
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        self.assertEqual(len(self.notes()), 2)

    def test_two_at_once_that_want_different_things_never_leave_nothing(self):
        self.publish("--publisher", "c")
        wishes = {}
        for publisher, zone in (("a", "cn-hangzhou-h"), ("b", "cn-hangzhou-i")):
            config = host.merge(self.host.default_config(), {"link": {"zones": [zone]}})
            wishes[publisher] = self.host.write_file(f"{publisher}.toml", host.toml(config))
        for _ in range(5):
            self.forget_notes()
            running = [subprocess.Popen([POSTERN, "publish", "privatezone", "--publisher", publisher, "--config", config],
                                        env=self.host.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL) for publisher, config in wishes.items()]
            for process in running:
                self.assertIn(process.wait(timeout=60), (0, 1))  # done, or left as it is
            self.assertTrue(self.records())
        self.assert_never_empty()


class Killed(PublishTest):
    WRITES = ("AddZone", "UpdateZoneRemark", "AddZoneRecord", "BindZoneVpc", "DeleteZoneRecord", "UpdateZoneRecord", "DeleteZone")

    def kill_at(self, action, skip, *arguments):
        """Runs it and kills it when the API has carried out that call and not answered. False if it never came to it."""
        self.control.post("/faults", kind="hang", action=action, skip=skip, count=1)
        running = subprocess.Popen([POSTERN, "publish", "privatezone", "--config", self.host.config_file, *arguments],
                                   env=self.host.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        hit = lambda: not self.control.get("/state")["faults"]  # noqa: E731: it is used up
        self.host.wait(lambda: hit() or running.poll() is not None, "the call or the end", deadline_s=60)
        killed = hit()
        running.kill()
        running.wait()
        self.control.delete("/faults")
        return killed

    def each_step(self, prepare, arguments, check):
        steps = 0
        for action in self.WRITES:
            for skip in range(10):
                prepare()
                if not self.kill_at(action, skip, *arguments):
                    break
                steps += 1
                with self.subTest(action=action, skip=skip):
                    check()
        return steps

    def clear(self):
        for zone in self.zones():
            self.control.delete(f"/private-zones/{zone}")
        self.control.delete("/private-zones")
        self.move(ZONE_A)

    def test_published_at_each_step(self):
        def check():
            self.publish()
            self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
            self.assertEqual(len(self.zones()), 1)
            self.assert_never_empty()

        self.assertEqual(self.each_step(self.clear, (), check), 8)

    def test_changed_at_each_step(self):
        def prepare():
            self.clear()
            self.publish()
            self.forget_notes()
            self.move()

        def check():
            self.assertTrue(self.records())
            self.publish()
            self.assertEqual(self.records(), self.all_for(MOVED, ZONE_B))
            self.assert_never_empty()

        self.assertEqual(self.each_step(prepare, (), check), 5)

    def test_undone_at_each_step(self):
        def prepare():
            self.clear()
            self.publish()

        def check():
            self.publish("--undo", "--yes")
            self.assertEqual(self.zones(), {})

        self.assertEqual(self.each_step(prepare, ("--undo", "--yes"), check), 7)


class FollowingHealth(PublishTest):
    def setUp(self):
        super().setUp()
        self.host.start_gateways()

    def gateway(self, name, mode):
        self.host.gateways.control.post(f"/listeners/{name}", mode=mode)

    def test_what_is_down_is_left_out_while_another_works_and_comes_back(self):
        self.publish("--follow-health")
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        (zone,) = self.zones().values()
        self.assertEqual({r["Ttl"] for r in zone["records"] if r["Rr"] == "@"}, {5})
        self.forget_notes()
        self.gateway("zone-a", "refuse")
        name = self.one("--follow-health")
        self.assertIn("withdrawn: path down", name["explain"])
        self.assertEqual(self.records(), {("default", ZONE_B)})  # the zone's askers get what all get
        self.assert_never_empty()
        self.forget_notes()
        self.gateway("zone-a", "ok")
        self.publish("--follow-health")
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))

    def test_when_none_works_all_are_answered(self):
        self.publish("--follow-health")
        self.forget_notes()
        for gateway in ("zone-a", "zone-b"):
            self.gateway(gateway, "refuse")
        name = self.one("--follow-health")
        self.assertIn("answered because all are down", name["explain"])
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))

    def test_without_it_nothing_is_probed_and_nothing_withdrawn(self):
        self.gateway("zone-a", "refuse")
        self.publish()
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))
        self.assertEqual(self.host.gateways.control.log(), [])

    def test_a_probe_that_cannot_be_made_withdraws_nothing(self):
        os.unlink(self.host.token_file)
        told = self.publish("--follow-health").stderr
        self.assertIn("not probed, so none is left out", told)
        self.assertEqual(self.records(), self.all_for(ZONE_A, ZONE_B))


if __name__ == "__main__":
    unittest.main()
