# SPDX-License-Identifier: Apache-2.0
"""postern endpoint delete: its zones first, each step waited for; what stays is named, and that it is billed."""

import json
import os
import re
import signal
import subprocess
import unittest

from host import ENDPOINT, LINK, ZONE_A, ZONE_B
from endpoint_kit import ACCEPT, GROUP, MADE, EndpointTest

ZONES = [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": ZONE_B}]
DISCONNECT = "实例 > 私有连接 > 操作 > 断开"
GO_ON = f"postern endpoint delete {ENDPOINT} --config"


class Deleting(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"ConnectionStatus": "Disconnected", "Zones": ZONES}}, "lifecycle": {"request_s": 10}}

    def exists(self):
        return ENDPOINT in self.state()["endpoints"]

    def delete(self, *arguments, code=0):
        return self.endpoint("delete", ENDPOINT, "--yes", "--interval", "100ms", *arguments, code=code)

    def test_without_a_terminal_it_does_not_ask_and_does_nothing(self):
        done = self.endpoint("delete", ENDPOINT, code=3)
        self.assertIn("--yes", done.stderr)
        self.assertEqual(self.calls("DeleteVpcEndpoint") + self.calls("RemoveZoneFromVpcEndpoint"), [])

    def test_reminds_of_the_other_side_of_the_bill_and_of_links_that_use_it(self):
        self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Connected")
        told = self.endpoint("delete", ENDPOINT, code=3).stderr
        self.assertIn(f"first disconnect it in TDengine's console ({DISCONNECT})", told)
        self.assertIn("keeps billing", told)
        self.assertIn(f"link {LINK} of", told)

    def test_a_dry_run_asks_for_each_step_that_can_be_checked(self):
        told = self.endpoint("delete", ENDPOINT, "--dry-run").stdout
        self.assertIn("would remove cn-hangzhou-h, cn-hangzhou-i; whether it would then delete", told)
        self.assertEqual([entry["code"] for entry in self.calls("RemoveZoneFromVpcEndpoint")], ["DryRunOperation"] * 2)
        self.control.post(f"/endpoints/{ENDPOINT}", Zones=[])
        self.assertIn(f"the API would delete {ENDPOINT}", self.endpoint("delete", ENDPOINT, "--dry-run").stdout)
        self.assertEqual([entry["code"] for entry in self.calls("DeleteVpcEndpoint")], ["DryRunOperation"])
        self.assertTrue(self.exists())

    def test_the_zones_go_first_and_each_is_waited_for(self):
        done = json.loads(self.delete("--json").stdout)
        self.assertTrue(done["deleted"])
        self.assertFalse(self.exists())
        writes = [(entry["action"], entry["params"].get("ZoneId")) for entry in self.host.api_log()
                  if entry["action"].startswith(("Remove", "Delete")) and not entry["code"]]
        self.assertEqual(writes, [("RemoveZoneFromVpcEndpoint", "cn-hangzhou-h"), ("RemoveZoneFromVpcEndpoint", "cn-hangzhou-i"),
                                  ("DeleteVpcEndpoint", None)])

    def test_what_stays_is_named_and_what_can_be_done_about_it(self):
        self.control.post(f"/endpoints/{ENDPOINT}", SecurityGroups=[GROUP, "sg-bp1other"])
        self.control.post(f"/security-groups/{GROUP}", name="postern-privatelink")
        self.control.post("/security-groups/sg-bp1other", name="somebody's")
        told = self.delete().stdout
        self.assertIn("Alibaba Cloud does not bill it any more", told)
        self.assertIn("security group sg-bp1other, which postern did not make", told)
        command = re.search(rf"to delete it: postern endpoint (remove-group {GROUP})", told)[1]
        self.endpoint(*command.split(), "--yes")
        self.assertEqual(list(self.state()["ecs"]["groups"]), ["sg-bp1other"])

    def test_a_connected_one_is_a_person_s_step_at_once_and_nothing_is_changed(self):
        self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Connected")
        self.control.post("/lifecycle", request_s=0)  # time stands still: waiting would not end
        told = self.delete(code=2).stderr
        self.assertIn("EndpointConnectionOperationDenied", told)
        self.assertIn(f"in TDengine's console: {DISCONNECT}", told)
        self.assertIn("owner: whoever manages your TDengine Cloud instances", told)
        self.assertIn(f"endpoint {ENDPOINT}, zone cn-hangzhou-h, zone cn-hangzhou-i are still there and billed", told)
        self.assertIn(GO_ON, told)
        self.assertEqual(len(self.calls("DeleteVpcEndpoint")), 1)
        self.assertEqual(len(self.state()["endpoints"][ENDPOINT]["zones"]), 2)

    def test_a_refusal_that_comes_only_at_the_zone_is_one_at_once(self):
        self.control.post("/faults", kind="error", status=400, code="EndpointConnectionOperationDenied", action="RemoveZoneFromVpcEndpoint")
        self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Pending")
        done = json.loads(self.delete("--json", code=2).stdout)
        self.assertEqual((done["deleted"], done["error"]["api_code"]), (False, "EndpointConnectionOperationDenied"))
        self.assertIn(f"endpoint {ENDPOINT}", done["stays"])
        self.assertIn(DISCONNECT, done["error"]["next"])
        self.assertEqual(len(self.calls("RemoveZoneFromVpcEndpoint")), 1)

    def test_one_that_is_just_being_disconnected_is_waited_for(self):
        self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus="Disconnecting", Zones=ZONES[:1])
        self.control.post("/lifecycle", request_s=0)
        deleting = self.start("delete", ENDPOINT, "--yes", "--interval", "100ms", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.host.wait(lambda: len(self.calls("RemoveZoneFromVpcEndpoint")) >= 2, "several attempts")
        self.control.post(f"/endpoints/{ENDPOINT}/disconnect")
        self.control.post("/lifecycle", request_s=10)
        _, errors = deleting.communicate(timeout=60)
        self.assertEqual(deleting.returncode, 0, errors)

    def test_a_busy_endpoint_is_tried_again(self):
        self.control.post(f"/endpoints/{ENDPOINT}", EndpointStatus="Pending", Zones=[])
        deleting = self.start("delete", ENDPOINT, "--yes", "--interval", "100ms", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.host.wait(lambda: len(self.calls("DeleteVpcEndpoint")) >= 5, "several attempts")
        self.control.post(f"/endpoints/{ENDPOINT}", EndpointStatus="Active")
        _, errors = deleting.communicate(timeout=60)
        self.assertEqual(deleting.returncode, 0, errors)
        self.assertEqual(len({entry["params"]["ClientToken"] for entry in self.calls("DeleteVpcEndpoint")}), 1)

    def test_somebody_elses_page_ends_nothing(self):
        self.control.post(f"/endpoints/{ENDPOINT}", Zones=[])
        self.control.post("/faults", kind="html_200", action="DeleteVpcEndpoint", count=4)
        self.assertIn("is deleted", self.delete().stdout)
        self.assertEqual(len({entry["params"]["ClientToken"] for entry in self.calls("DeleteVpcEndpoint") if "ClientToken" in entry["params"]}), 1)

    def test_somebody_elses_page_to_the_end_leaves_open_what_happened(self):
        self.control.post("/lifecycle", request_s=0)
        self.control.post(f"/endpoints/{ENDPOINT}", Zones=[])
        deleting = self.start("delete", ENDPOINT, "--yes", "--interval", "100ms", "--timeout", "3s", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.host.wait(lambda: self.calls("DeleteVpcEndpoint"), "the deletion")
        self.control.post("/faults", kind="html_200")
        _, errors = deleting.communicate(timeout=60)
        self.assertEqual(deleting.returncode, 2, errors)
        self.assertIn("whether the step is over after 3s is not known", errors)
        self.assertIn("it is billed until it is gone", errors)

    def test_time_out_says_what_is_still_billed(self):
        self.control.post("/lifecycle", request_s=0)
        told = self.delete("--timeout", "0s", code=2).stderr
        self.assertIn("zone cn-hangzhou-h is not gone after 0s", told)
        self.assertIn("are still there and billed until they are gone; to go on: " + GO_ON, told)
        self.control.post("/lifecycle", request_s=1)
        self.assertIn("is deleted", self.delete().stdout)  # goes on with the zone that is being removed

    def test_time_out_without_zones_says_it_too(self):
        self.control.post("/lifecycle", request_s=0)
        self.control.post(f"/endpoints/{ENDPOINT}", EndpointStatus="Active", Zones=[])
        self.assertIn(f"endpoint {ENDPOINT} is still there and billed until it is gone", self.delete("--timeout", "0s", code=2).stderr)

    def test_ctrl_c_does_not_say_that_it_is_gone(self):
        self.control.post("/lifecycle", request_s=0)
        deleting = self.start("delete", ENDPOINT, "--yes", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.host.wait(lambda: self.calls("RemoveZoneFromVpcEndpoint"), "the first step")
        deleting.send_signal(signal.SIGINT)
        output, errors = deleting.communicate(timeout=60)
        self.assertEqual(deleting.returncode, 3, errors)
        self.assertEqual((json.loads(output)["deleted"], json.loads(output)["stays"]), (False, None))
        self.assertIn("is still there is not known; it is billed until it is gone", errors)

    def test_not_allowed_to_delete_takes_no_zone_away(self):
        self.control.post("/faults", kind="denied", action="DeleteVpcEndpoint")
        for state in ("Connected", "Disconnecting"):
            with self.subTest(state):
                self.control.post(f"/endpoints/{ENDPOINT}", ConnectionStatus=state)
                self.assertIn("grant privatelink:DeleteVpcEndpoint", self.delete("--timeout", "0s", code=2).stderr)
                self.assertEqual(self.calls("RemoveZoneFromVpcEndpoint"), [])

    def test_what_is_not_there(self):
        self.assertIn("EndpointNotFound", self.endpoint("delete", "ep-bp1nowhere", "--yes", code=2).stderr)


class Zones(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": ZONES[:1]}}, "lifecycle": {"request_s": 10}}

    def zones(self):
        return {zone["ZoneId"]: zone for zone in self.state()["endpoints"][ENDPOINT]["zones"].values()}

    def change(self, *arguments, code=0):
        return self.json("zone", arguments[0], ENDPOINT, *arguments[1:], "--yes", "--interval", "100ms", code=code)

    def test_one_is_added_and_waited_for(self):
        done = self.change("add", "cn-hangzhou-i,vsw-2,192.168.3.9")
        self.assertTrue(done["changed"])
        self.assertIn("accept it in TDengine's console", done["next"])
        self.assertEqual((self.zones()["cn-hangzhou-i"]["VSwitchId"], self.zones()["cn-hangzhou-i"]["EniIp"]), ("vsw-2", "192.168.3.9"))
        again = self.change("add", "cn-hangzhou-i,vsw-2")
        self.assertEqual((again["changed"], len(self.calls("AddZoneToVpcEndpoint"))), (False, 1))

    def test_the_vswitch_has_to_be_given_where_it_is_not_this_host_s(self):
        self.assertIn("cn-hangzhou-i,VSWITCH", self.endpoint("zone", "add", ENDPOINT, "cn-hangzhou-i", code=3).stderr)

    def test_a_dry_run_changes_nothing(self):
        self.assertFalse(self.change("add", "cn-hangzhou-i,vsw-2", "--dry-run")["changed"])
        self.control.post(f"/endpoints/{ENDPOINT}", Zones=ZONES)
        self.assertFalse(self.change("remove", "cn-hangzhou-h", "--dry-run")["changed"])
        self.assertEqual(list(self.zones()), ["cn-hangzhou-h", "cn-hangzhou-i"])

    def test_one_is_removed_and_waited_for(self):
        self.control.post(f"/endpoints/{ENDPOINT}", Zones=ZONES)
        self.assertIn("--yes", self.endpoint("zone", "remove", ENDPOINT, "cn-hangzhou-i", code=3).stderr)
        self.assertTrue(self.change("remove", "cn-hangzhou-i")["changed"])
        self.assertEqual(list(self.zones()), ["cn-hangzhou-h"])
        self.assertIn("it has cn-hangzhou-h", self.change("remove", "cn-hangzhou-i", code=2)["error"]["next"])

    def test_the_last_one_of_a_connected_endpoint_is_a_person_s_step(self):
        error = self.change("remove", "cn-hangzhou-h", code=2)["error"]
        self.assertEqual(error["api_code"], "EndpointConnectionOperationDenied")
        self.assertIn(DISCONNECT, error["next"])
        self.control.post(f"/endpoints/{ENDPOINT}/disconnect")
        self.assertIn("postern endpoint delete", self.change("remove", "cn-hangzhou-h")["next"])

    def test_an_outcome_that_is_not_known_is_not_called_a_failure(self):
        self.control.post("/faults", kind="reset", action="AddZoneToVpcEndpoint")
        told = self.endpoint("zone", "add", ENDPOINT, "cn-hangzhou-i,vsw-2", "--interval", "100ms", "--timeout", "1s", code=2).stderr
        self.assertIn("whether it was added, and is billed, is not known", told)


class WholeLife(EndpointTest):
    def test_made_waited_for_exported_deleted(self):
        """With two zones and IPv6; the exported file serves a link without credentials until the very end."""
        service = "epsrv-bp1example0000000009"
        self.control.post(f"/services/{service}", AddressIpVersion="DualStack")
        log = []

        def step(*arguments, code=0):
            done = self.endpoint(*arguments, code=code)
            log.append(f"$ postern endpoint {' '.join(arguments)}\n{done.stdout}{done.stderr}")
            return done

        self.control.post("/lifecycle", eni_ips=[ZONE_A, ZONE_B])
        step("create", "--name", "life", "--zone", "cn-hangzhou-h", "--zone", "cn-hangzhou-i,vsw-2", "--dual-stack",
             "--open-to", "192.168.0.0/16", "--open-to", "2408:4005:3b6:4a00::/56", "--tag", "env=test", "--resource-group", "rg-bp1")
        (asked,) = [entry["params"] for entry in self.calls("CreateVpcEndpoint")]
        self.assertEqual([asked[name] for name in ("AddressIpVersion", "ZoneAffinityEnabled", "Zone.2.VSwitchId", "ResourceGroupId",
                                                   "Tag.1.Key")], ["DualStack", "false", "vsw-2", "rg-bp1", "env"])
        (listed,) = self.json("list")["endpoints"]
        self.assertEqual((listed["ip_version"], listed["zone_affinity"], listed["resource_group"], listed["tags"]),
                         ("DualStack", False, "rg-bp1", {"env": "test"}))
        saved = os.path.join(self.host.folder, "zones.json")
        self.control.post("/tick", seconds=20)
        self.assertIn(ACCEPT + MADE, step("export", MADE, saved, code=2).stderr)
        self.assertFalse(os.path.exists(saved))
        self.control.post(f"/endpoints/{MADE}/accept")
        step("wait", MADE, "--interval", "100ms")
        step("export", MADE, saved)
        with open(saved, encoding="utf-8") as file:
            written = json.load(file)
        self.assertEqual(written["EndpointId"], MADE)
        self.assertRegex(written["WrittenAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertRegex(written["RequestId"], r"^[0-9A-F-]{36}$")
        self.assertEqual([(zone["ZoneId"], zone["ZoneStatus"], zone["EniIp"], zone["VSwitchId"]) for zone in written["Zones"]],
                         [("cn-hangzhou-h", "Connected", ZONE_A, "vsw-bp1example00000000001"),
                          ("cn-hangzhou-i", "Connected", ZONE_B, "vsw-2")])
        self.assertEqual(written["Zones"][0]["ZoneIpv6Address"], "2408:4005:3b6:4a00::101")
        shown = self.host.write_file("shown.json", self.host.postern("endpoint", "show", MADE, "--json").stdout)
        for path in (saved, shown):
            # The API's section stays: where it is on loopback, addresses may be, too.
            self.host.write_config(link={"endpoint": None, "zones_file": path})
            checked = self.host.postern("check-config", "--online")
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
            self.assertIn(ZONE_B, checked.stdout + checked.stderr)
        self.host.write_config()

        step("delete", MADE, "--yes", "--interval", "100ms", code=2)
        self.control.post(f"/endpoints/{MADE}/disconnect")
        # Not connected: the good file is not replaced.
        step("export", MADE, saved, code=2)
        with open(saved, encoding="utf-8") as file:
            self.assertEqual(json.load(file), written)
        self.assertNotIn("Zones", json.loads(self.host.postern("endpoint", "show", MADE, "--json").stdout))
        told = step("delete", MADE, "--yes", "--interval", "100ms").stdout
        self.assertEqual(self.state()["endpoints"], {})
        step(*re.search(r"to delete it: postern endpoint (remove-group \S+)", told)[1].split(), "--yes")
        self.assertEqual(self.state()["ecs"]["groups"], {})
        if os.environ.get("POSTERN_SHOW_LOG"):
            print("\n".join(log))


if __name__ == "__main__":
    unittest.main()
