# SPDX-License-Identifier: Apache-2.0
"""postern endpoint: made, waited for, deleted; from scripts and on a terminal."""

import json
import os
import pty
import re
import signal
import subprocess
import unittest

import host
from host import ENDPOINT, LINK, NAME, ZONE_A
from endpoint_kit import SERVICE, VPC, GROUP, MADE, ACCEPT, OPEN, EndpointTest


class Creating(EndpointTest):
    def test_dry_run_plans_asks_the_api_and_changes_nothing(self):
        done = self.json("create", "--dry-run")
        self.assertEqual(done["plan"]["vpc"], VPC)
        self.assertEqual((done["plan"]["zone"], done["plan"]["vswitch"]), ("cn-hangzhou-h", "vsw-bp1example00000000001"))
        self.assertEqual(done["plan"]["open_to"], "192.168.0.0/16")
        self.assertEqual(done["plan"]["security_group"]["step"], "create")
        (asked,) = self.calls("CreateVpcEndpoint")
        self.assertEqual((asked["params"]["DryRun"], asked["code"]), ("true", "DryRunOperation"))
        self.assertNotIn("ClientToken", asked["params"])
        state = self.state()
        self.assertEqual((state["endpoints"], state["ecs"]["groups"]), ({}, {}))

    def test_dry_run_shows_what_the_api_refuses(self):
        self.control.post("/faults", kind="error", status=400, code="AccountTypeRestricted", action="CreateVpcEndpoint")
        self.assertIn("AccountTypeRestricted", self.endpoint("create", "--dry-run", code=2).stderr)

    def test_made_with_a_group_that_is_open_to_the_vpc(self):
        done = self.endpoint("create", "--name", "td-prod")
        self.assertIn(f'[[link]]\nname = "td-prod"\nhost = ""', done.stdout)
        self.assertIn(f'endpoint = "{MADE}"', done.stdout)
        self.assertIn("no public API of TDengine Cloud gives it", done.stdout)
        state = self.state()
        ((group, made),) = state["ecs"]["groups"].items()
        self.assertEqual((made["vpc"], made["name"]), (VPC, "postern-privatelink"))
        self.assertEqual([(r["IpProtocol"], r["PortRange"], r["SourceCidrIp"]) for r in made["rules"]],
                         [("TCP", "443/443", "192.168.0.0/16")])
        self.assertEqual(state["endpoints"][MADE]["groups"], [{"SecurityGroupId": group, "SecurityGroupStatus": "Attached"}])

    def test_again_makes_no_second_one(self):
        self.endpoint("create")
        again = self.json("create")
        self.assertEqual((again["created"], again["existed"], again["endpoint"]["id"]), (False, True, MADE))
        self.assertEqual(len(self.state()["endpoints"]), 1)
        self.assertEqual(len(self.calls("CreateVpcEndpoint")), 1)

    def test_another_zone_is_another_endpoint_with_the_same_group(self):
        self.endpoint("create")
        self.endpoint("create", "--zone", "cn-hangzhou-i", "--vswitch", "vsw-bp1other")
        self.assertEqual(len(self.state()["endpoints"]), 2)
        self.assertEqual(len(self.state()["ecs"]["groups"]), 1)

    def test_a_reply_that_is_lost_makes_no_second_one(self):
        for kind in ("reset", "half_json", "close", "http_503_html"):
            with self.subTest(kind):
                before = len(self.calls("CreateVpcEndpoint"))
                self.control.post("/faults", kind=kind, count=1, action="CreateVpcEndpoint")
                self.endpoint("create")
                attempts = self.calls("CreateVpcEndpoint")[before:]
                self.assertEqual(len(attempts), 2)
                self.assertEqual(len({entry["params"]["ClientToken"] for entry in attempts}), 1)
                (made,) = self.state()["endpoints"]
                self.control.delete(f"/endpoints/{made}")

    def test_an_outcome_that_stays_unknown_can_be_asked_for_with_the_token(self):
        self.control.post("/faults", kind="reset", count=3, action="CreateVpcEndpoint")
        told = self.endpoint("create", code=2).stderr
        token = re.search(r"--client-token (\S+) creates no second one", told)[1]
        made = dict(self.state()["endpoints"])
        self.assertEqual(len(made), 1)
        self.control.delete(f"/endpoints/{MADE}")  # as if the list did not have it yet
        again = self.host.postern("endpoint", "create", "--client-token", token)
        self.assertIn(MADE, again.stdout)
        self.assertEqual(self.state()["endpoints"], {})  # the reply of the first one, and no second

    def test_a_zone_without_the_service_is_a_no_with_the_zones_that_have_it(self):
        self.control.post("/imds", values={"zone-id": "cn-hangzhou-k"})
        told = self.endpoint("create", code=2).stderr
        self.assertIn("is not offered in zone cn-hangzhou-k; it is in cn-hangzhou-h, cn-hangzhou-i", told)
        self.assertEqual(self.state()["ecs"]["groups"], {})

    def test_a_service_of_another_region_is_given_by_its_name(self):
        self.control.post("/services/epsrv-bp1far", region="cn-beijing", Zones=["cn-beijing-h"])
        name = "com.aliyuncs.privatelink.cn-beijing.epsrv-bp1far"
        self.assertEqual([s["name"] for s in self.json("services", "--service", name)["services"]], [name])
        self.endpoint("create", "--service", name)
        (asked,) = self.calls("CreateVpcEndpoint")
        self.assertEqual(asked["params"]["ServiceRegionId"], "cn-beijing")

    def test_a_service_of_another_region_can_be_given_by_its_id(self):
        self.control.post("/services/epsrv-bp1far", region="cn-beijing", Zones=["cn-beijing-h"])
        far = ("--service", "epsrv-bp1far", "--region-of-service", "cn-beijing")
        self.assertIn("--region-of-service cn-beijing", self.json("services", *far)["next"])
        self.endpoint("create", *far, "--bandwidth", "200")
        (made,) = self.json("list")["endpoints"]
        self.assertEqual((made["service_region"], made["bandwidth"]), ("cn-beijing", 200))

    def test_several_zones_and_what_one_that_is_there_lacks(self):
        zones = ("--zone", "cn-hangzhou-h", "--zone", "cn-hangzhou-i,vsw-2,192.168.3.9")
        self.endpoint("create")
        told = self.endpoint("create", *zones, code=2).stderr
        self.assertIn(f"{MADE} is there already, without cn-hangzhou-i", told)
        self.control.post("/tick", seconds=20)
        command = re.search(r"next:  postern endpoint (zone add .*)", told)[1]
        self.endpoint(*command.split(), "--interval", "100ms")
        self.assertEqual(self.json("create", *zones)["endpoint"]["zones"][1]["ipv4"], "192.168.3.9")

    def test_a_given_group_is_checked_and_never_changed(self):
        self.control.post(f"/security-groups/{GROUP}", rules=[{**OPEN, "SourceCidrIp": "10.0.0.0/8"}])
        told = self.endpoint("create", "--security-group", GROUP, code=3).stderr
        self.assertIn("keeps port 443 shut to 192.168.0.0/16", told)
        self.assertEqual(self.state()["endpoints"], {})
        self.endpoint("create", "--security-group", GROUP, "--open-to", "10.1.0.0/16")
        self.assertEqual(self.calls("AuthorizeSecurityGroup"), [])
        self.assertEqual(self.state()["endpoints"][MADE]["groups"][0]["SecurityGroupId"], GROUP)

    def test_its_own_group_is_opened_again_where_somebody_shut_it(self):
        self.control.post(f"/security-groups/{GROUP}", name="postern-privatelink", rules=[])
        self.endpoint("create")
        self.assertEqual(len(self.state()["ecs"]["groups"][GROUP]["rules"]), 1)

    def test_away_from_the_instance_everything_can_be_given(self):
        self.control.post("/listeners/imds", open=False)
        self.assertIn("give --vpc, --zone and --vswitch", self.endpoint("create", code=3).stderr)
        self.endpoint("create", "--vpc", VPC, "--zone", "cn-hangzhou-h", "--vswitch", "vsw-1", "--open-to", "192.168.0.0/16")

    def test_its_own_group_that_somebody_shut_for_good_is_not_taken_for_open(self):
        drop = {"SecurityGroupRuleId": "sgr-drop", "Policy": "Drop", "PortRange": "-1/-1", "IpProtocol": "ALL", "SourceCidrIp": "0.0.0.0/0"}
        self.control.post(f"/security-groups/{GROUP}", name="postern-privatelink", rules=[OPEN, drop])
        told = self.endpoint("create", code=3).stderr
        self.assertIn("stays shut whatever is added: rule sgr-drop", told)
        self.assertEqual((self.state()["endpoints"], self.calls("AuthorizeSecurityGroup")), ({}, []))

    def test_a_failed_one_says_what_it_left_and_how_to_remove_it(self):
        self.control.post(f"/services/{SERVICE}", AddressIpVersion="")  # which it has is not told, and it is IPv4
        told = self.endpoint("create", "--dual-stack", "--open-to", "2408::/56", code=2).stderr
        self.assertIn("InvalidAddressIpVersion", told)
        ((group, _),) = self.state()["ecs"]["groups"].items()
        self.assertIn(f"security group {group} was made and stays, at no cost", told)
        command = re.search(r"to delete it: postern endpoint (remove-group \S+)", told)[1]
        self.assertIn("--yes", self.endpoint(*command.split(), code=3).stderr)
        self.assertIn("would be deleted", self.endpoint(*command.split(), "--dry-run").stdout)
        self.assertIn("is deleted", self.endpoint(*command.split(), "--yes").stdout)
        self.assertEqual(self.state()["ecs"]["groups"], {})

    def test_a_failure_to_open_the_new_group_says_so_too(self):
        self.control.post("/faults", kind="denied", action="AuthorizeSecurityGroup")
        error = self.json("create", code=2)["error"]
        self.assertIn("was made and stays, at no cost", error["next"])
        self.assertEqual(self.state()["endpoints"], {})

    def test_only_its_own_group_is_removed_and_only_when_nothing_is_in_it(self):
        self.control.post(f"/security-groups/{GROUP}", name="somebody's")
        self.assertIn("postern did not make it", self.endpoint("remove-group", GROUP, "--yes", code=3).stderr)
        self.endpoint("create")
        (own,) = set(self.state()["ecs"]["groups"]) - {GROUP}
        self.assertIn("something is still in the security group", self.endpoint("remove-group", own, "--yes", code=2).stderr)
        self.assertEqual(set(self.state()["ecs"]["groups"]), {own, GROUP})

    def test_not_allowed_says_who_has_to_grant_what(self):
        self.control.post("/faults", kind="denied", action="CreateVpcEndpoint")
        told = self.endpoint("create", code=2).stderr
        self.assertIn("owner: your account's RAM administrator", told)
        self.assertIn("grant privatelink:CreateVpcEndpoint", told)
        self.assertIn("/usr/share/postern/ram", told)

    def test_a_service_that_accepts_by_itself(self):
        self.control.post(f"/services/{SERVICE}", AutoAcceptEnabled=True)
        done = self.json("create", "--wait", "--interval", "100ms")
        self.assertTrue(done["endpoint"]["connected"])

    def test_one_that_was_just_made_may_not_be_found_yet(self):
        self.control.post(f"/services/{SERVICE}", AutoAcceptEnabled=True)
        self.control.post("/faults", kind="error", action="GetVpcEndpointAttribute", status=404, code="EndpointNotFound", count=2)
        self.assertTrue(self.json("create", "--wait", "--interval", "100ms")["endpoint"]["connected"])

    def test_made_and_then_not_to_be_watched_says_how_to_go_on(self):
        self.control.post("/faults", kind="denied", action="GetVpcEndpointAttribute")
        told = self.endpoint("create", "--wait", "--interval", "100ms", code=2).stderr
        self.assertIn(f"{MADE} exists; to continue waiting: postern endpoint wait {MADE}", told)

    def test_from_nothing_to_answers(self):
        """Create, accept, wait, paste, fill in the name: the host resolves it."""
        self.host.start_gateways()
        self.endpoint("create", "--name", LINK)
        self.control.post("/tick", seconds=60)
        self.control.post(f"/endpoints/{MADE}/accept")
        block = self.endpoint("wait", MADE, "--interval", "100ms").stdout.split("[[link]]")[1]
        config = host.toml({key: value for key, value in self.host.default_config().items() if key != "link"})
        block = block.replace('host = ""', f'host = "{NAME}"').replace("/etc/postern/tdengine.token", self.host.token_file)
        self.host.write_file("postern.toml", f"{config}[[link]]{block}\n[link.probe]\nca_file = {json.dumps(self.host.ca)}\n")
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A)
        self.assertIn(f"link {LINK} of", self.endpoint("wait", MADE).stdout)  # uses it already


class Waiting(EndpointTest):
    SCENARIO = {"lifecycle": {"request_s": 0}}

    def setUp(self):
        super().setUp()
        self.endpoint("create")

    def test_each_state_is_reported_once_with_its_owner(self):
        with open(f"{self.host.folder}/progress", "w+", encoding="utf-8") as progress:
            waiting = self.start("wait", MADE, "--interval", "100ms", stdout=subprocess.PIPE, stderr=progress)

            def told():
                with open(progress.name, encoding="utf-8") as file:
                    return file.read()
            self.host.wait(lambda: "Creating: " in told(), "Creating to be told")
            self.control.post("/tick", seconds=20)
            self.host.wait(lambda: ACCEPT + MADE in told(), "the click to be told")
            self.control.post(f"/endpoints/{MADE}/accept")
            self.host.wait(lambda: "connection Connecting" in told(), "Connecting to be told")
            self.control.post("/tick", seconds=10)
            output, _ = waiting.communicate(timeout=60)
            self.assertEqual(waiting.returncode, 0)
            self.assertIn("is connected", output)
            self.assertIn("[[link]]", output)
            self.assertEqual(len(told().splitlines()), 3, told())

    def test_time_out_says_what_is_still_to_do(self):
        self.control.post("/tick", seconds=20)
        done = self.endpoint("wait", MADE, "--timeout", "0s", code=2)
        self.assertIn(ACCEPT + MADE, done.stderr)
        self.assertIn(f"then postern endpoint wait {MADE} --config", done.stderr)
        self.assertEqual(self.json("wait", MADE, "--timeout", "0s", code=2)["outcome"], "timeout")

    def test_ctrl_c_ends_it_and_says_how_to_go_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            before = len(self.calls("ListVpcEndpointZones"))
            waiting = self.start("wait", MADE, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.host.wait(lambda b=before: len(self.calls("ListVpcEndpointZones")) > b, "the first look")
            waiting.send_signal(number)
            output, errors = waiting.communicate(timeout=60)
            self.assertEqual(waiting.returncode, 3, errors)
            self.assertEqual(json.loads(output)["outcome"], "interrupted")
            self.assertIn(f"to continue: postern endpoint wait {MADE}", errors)

    def test_ctrl_c_while_the_api_does_not_answer(self):
        self.control.post("/faults", kind="hang")
        before = len(self.host.api_log())
        waiting = self.start("wait", MADE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.host.wait(lambda: len(self.host.api_log()) > before, "the request")
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 3)

    def test_an_api_that_fails_for_a_while_ends_nothing(self):
        self.control.post("/tick", seconds=20)
        self.control.post(f"/endpoints/{MADE}/accept")
        self.control.post("/tick", seconds=10)
        for kind in ("http_503_html", "html_200", "half_json", "huge"):
            with self.subTest(kind):  # more often than one call retries
                self.control.post("/faults", kind=kind, count=4)
                self.endpoint("wait", MADE, "--interval", "100ms")

    def test_somebody_elses_page_that_never_goes_away_is_said_at_the_end(self):
        self.control.post("/tick", seconds=20)
        self.control.post("/faults", kind="html_200")
        told = self.endpoint("wait", MADE, "--interval", "100ms", "--timeout", "0s", code=2).stderr
        self.assertIn("whether it is connected after 0s is not known", told)
        self.assertIn("an HTML or XML page", told.splitlines()[-3])
        self.assertIn(f"then postern endpoint wait {MADE}", told)
        value = self.json("wait", MADE, "--interval", "100ms", "--timeout", "0s", code=2)
        self.assertEqual(value["outcome"], "timeout")
        self.assertIn("an HTML or XML page", value["error"]["what"])

    def test_what_will_never_be_connected_is_said_at_once(self):
        self.control.post(f"/endpoints/{MADE}", EndpointStatus="Active", EndpointBusinessStatus="FinancialLocked")
        self.assertIn("settle the overdue bill", self.endpoint("wait", MADE, code=2).stderr)
        self.control.delete(f"/endpoints/{MADE}")
        self.assertIn("EndpointNotFound", self.endpoint("wait", MADE, code=2).stderr)


class OnATerminal(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"ConnectionStatus": "Disconnected", "Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}]}}, "lifecycle": {"request_s": 10}}

    def answer(self, text, *arguments):
        """(exit code, what stood on the terminal)"""
        master, slave = pty.openpty()
        running = self.start(*arguments, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(master, 4096)
        os.write(master, text)
        shown += self.rest(master)
        return running.wait(timeout=60), shown.decode()

    @staticmethod
    def rest(master):
        shown = b""
        try:
            while more := os.read(master, 4096):
                shown += more
        except OSError:
            pass  # the terminal's last user has gone
        os.close(master)
        return shown

    def test_delete_asks(self):
        for text in (b"n\n", b"\n", b"maybe\n", b"\x04"):  # the last ends the input
            code, shown = self.answer(text, "delete", ENDPOINT, "--interval", "100ms")
            self.assertEqual(code, 3)
            self.assertIn("nothing was deleted", shown)
        self.assertEqual(self.calls("DeleteVpcEndpoint"), [])
        code, shown = self.answer(b"y\n", "delete", ENDPOINT, "--interval", "100ms")
        self.assertEqual(code, 0, shown)
        self.assertIn(f"{ENDPOINT} is deleted", shown)
        self.assertNotIn(ENDPOINT, self.state()["endpoints"])

    def test_waiting_tells_the_whole_step_and_for_how_long(self):
        self.endpoint("create", "--zone", "cn-hangzhou-i", "--vswitch", "vsw-1")
        self.control.post("/tick", seconds=20)
        self.control.post("/lifecycle", request_s=0)
        master, slave = pty.openpty()
        waiting = self.start("wait", MADE, "--timeout", "1s", "--interval", "100ms", stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        text = self.rest(master).decode().replace("\r\n", "\n")
        self.assertEqual(waiting.wait(timeout=60), 2)
        self.assertEqual(text.partition("postern endpoint wait: not connected")[0].count(ACCEPT + MADE), 1, text)
        self.assertIn("\r\033[Kwaiting 0 s\r\033[K", text)

    def test_create_shows_the_plan_and_asks(self):
        place = ("create", "--zone", "cn-hangzhou-i", "--vswitch", "vsw-1")
        code, shown = self.answer(b"n\n", *place)
        self.assertEqual(code, 3)
        self.assertRegex(shown, rf"service +{SERVICE}")
        self.assertEqual(self.state()["ecs"]["groups"], {})
        code, shown = self.answer(b"y\n", *place)
        self.assertEqual(code, 0, shown)
        self.assertIn(MADE, self.state()["endpoints"])


if __name__ == "__main__":
    unittest.main()
