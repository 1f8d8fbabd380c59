"""postern endpoint: an endpoint's life from the command line, against a cloud that checks signatures and permissions."""

import json
import os
import pty
import re
import signal
import subprocess
import unittest

import host
from host import API_NAME, ECS_NAME, ENDPOINT, KEY_SECRET, LINK, NAME, POSTERN, STS_NAMES, ZONE_A, HostTest

SERVICE = "epsrv-bp1example0000000009"
SERVICE_NAME = f"com.aliyuncs.privatelink.cn-hangzhou.{SERVICE}"
VPC = "vpc-bp1example00000000001"
GROUP = "sg-bp1example00000000001"
MADE = "ep-bp1made00000000000001"
ACCOUNT = "1234567890123456"
ACCEPT = "accept it in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID "
OPEN = {"PortRange": "443/443", "SourceCidrIp": "192.168.0.0/16"}


class EndpointTest(HostTest):
    SCENARIO = {}

    def setUp(self):
        super().setUp()
        self.host.start_upstream()
        scenario = {"services": {SERVICE: {"Zones": ["cn-hangzhou-h", "cn-hangzhou-i"]}}, "endpoints": {},
                    "lifecycle": {"eni_ips": [ZONE_A], "request_s": 2}, **self.SCENARIO}
        self.host.start_aliyun(**scenario)
        self.control = self.host.aliyun.control
        self.host.write_config()

    def endpoint(self, *arguments, code=0):
        """The command's CompletedProcess; no output holds a secret."""
        done = self.host.postern("endpoint", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn(KEY_SECRET, done.stdout + done.stderr)
        return done

    def json(self, *arguments, code=0):
        value = json.loads(self.endpoint(*arguments, "--json", code=code).stdout)
        self.assertEqual(value["schema_version"], 1)
        return value

    def state(self):
        return self.control.get("/state")

    def calls(self, action):
        return self.host.api_log(action=action)

    def start(self, *arguments, **popen):
        return subprocess.Popen([POSTERN, "endpoint", *arguments, "--config", self.host.config_file], env=self.host.environment,
                                cwd=self.host.folder, text=True, **popen)


class Looking(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}]},
                              "ep-bp1example0000000002": {"VpcId": "vpc-other", "ConnectionStatus": "Pending"},
                              "ep-bp1example0000000003": {"ServiceId": "epsrv-other", "ServiceName": "com.other"}}}

    def ids(self, *arguments):
        return [endpoint["id"] for endpoint in self.json("list", *arguments)["endpoints"]]

    def test_list(self):
        self.assertEqual(len(self.ids()), 3)
        self.assertEqual(self.ids("--vpc", "vpc-other"), ["ep-bp1example0000000002"])
        self.assertEqual(self.ids("--service", "epsrv-other"), ["ep-bp1example0000000003"])
        self.assertEqual(self.ids("--service", "com.other"), ["ep-bp1example0000000003"])
        self.assertRegex(self.endpoint("list").stdout, rf"{ENDPOINT} +tdengine +Active +Connected +{VPC} +{SERVICE}\n")

    def test_lists_come_in_pages_of_any_form(self):
        for last_page in ("absent", "null", "empty"):
            self.control.post("/options", page_size=1, last_page=last_page, numeric_strings=True)
            self.assertEqual(len(self.ids()), 3)
        self.control.post("/options", repeat_token=True)
        self.assertIn("pages do not end", self.endpoint("list", code=3).stderr)

    def test_services_and_their_zones(self):
        found = self.json("services")
        self.assertEqual(found["account"], ACCOUNT)
        self.assertEqual([(s["id"], s["zones"]) for s in found["services"]], [(SERVICE, ["cn-hangzhou-h", "cn-hangzhou-i"])])
        for name in (SERVICE, SERVICE_NAME):
            self.assertTrue(self.json("services", "--service", name)["whitelisted"])

    def test_a_service_that_is_not_there_is_not_whitelisted(self):
        self.control.delete(f"/services/{SERVICE}")
        step = f"in TDengine's console: 实例 > 私有连接 > 服务列表 > 添加白名单, account ID {ACCOUNT}"
        self.assertIn(step, self.endpoint("services", code=1).stdout)
        self.assertIn(step, self.endpoint("services", "--service", SERVICE, code=1).stdout)
        self.assertFalse(self.json("services", code=1)["whitelisted"])
        self.assertIn(step, self.endpoint("create", code=2).stderr)
        self.control.post(f"/services/{SERVICE}")
        self.endpoint("services")

    def test_each_product_is_asked_at_its_own_host(self):
        self.control.post(f"/endpoints/{ENDPOINT}", SecurityGroups=[GROUP])
        self.control.post(f"/security-groups/{GROUP}", rules=[OPEN])
        self.endpoint("show", ENDPOINT, "--from", "192.168.2.9")
        self.endpoint("services")
        hosts = {entry["product"]: entry["host"] for entry in self.host.api_log()}
        self.assertEqual(hosts, {"privatelink": API_NAME, "ecs": ECS_NAME, "sts": STS_NAMES[1]})

    def test_the_api_out_of_reach_is_not_the_account_s_fault(self):
        self.control.post("/listeners/api", open=False)
        done = self.endpoint("list", code=3)
        self.assertIn("owner: this host's network", done.stderr)

    def test_a_refusal_has_code_request_id_owner_and_next_step(self):
        self.control.post("/faults", kind="denied", action="ListVpcEndpoints")
        done = self.endpoint("list", code=3)
        for part in ("NoPermission", "RequestId ", "owner: your account's RAM administrator", "next:  grant privatelink:ListVpcEndpoints"):
            self.assertIn(part, done.stderr)
        error = self.json("list", code=3)["error"]
        self.assertEqual((error["code"], error["api_code"]), ("api_denied", "NoPermission"))
        self.assertRegex(error["request_id"], r"^[0-9A-F-]{36}$")

    def test_another_region_and_an_unknown_endpoint(self):
        self.assertEqual(self.json("list", "--region", "cn-shanghai")["endpoints"], [])
        self.assertEqual(self.json("show", "ep-bp1nowhere", code=2)["error"]["api_code"], "EndpointNotFound")


class SecurityGroups(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}], "SecurityGroups": [GROUP]}},
                "security_groups": {GROUP: {"rules": [OPEN]}}, "prefix_lists": {"pl-1": ["192.168.2.0/24"]}}
    HOST = "192.168.2.9"
    EXITS = {"yes": 0, "unknown": 1, "no": 2}

    def judged(self, expected, *rules, source=HOST, inner="Drop"):
        self.control.post(f"/security-groups/{GROUP}", rules=list(rules), inner=inner)
        shown = self.json("show", ENDPOINT, "--from", source, code=self.EXITS[expected])
        self.assertEqual((shown["access"]["allowed"], shown["access"]["from"], shown["access"]["port"]), (expected, source, 443))
        return shown["access"]["reason"]

    def test_rules(self):
        drop = {"Policy": "Drop", "PortRange": "-1/-1", "IpProtocol": "ALL", "SourceCidrIp": "0.0.0.0/0"}
        self.judged("yes", OPEN)
        self.judged("yes", OPEN, {**drop, "Priority": "100"})
        self.judged("no", OPEN, {**drop, "Priority": 1})
        self.judged("no")
        self.judged("unknown", inner="Accept")
        self.judged("no", OPEN, source="10.0.0.1")
        self.judged("unknown", {"PortRange": "443/443", "SourceGroupId": "sg-other"})
        self.judged("yes", {"PortRange": "443/443", "SourcePrefixListId": "pl-1"})
        self.judged("no", {"PortRange": "443/443", "SourcePrefixListId": "pl-1"}, source="192.168.3.1")
        self.judged("unknown", {"PortRange": "443/443", "SourcePrefixListId": "pl-secret"})
        self.judged("yes", {"PortRange": "443/443", "Ipv6SourceCidrIp": "2408::/16"}, source="2408::1")
        self.judged("no", {**OPEN, "Direction": "egress"})

    def test_rules_on_later_pages_count(self):
        self.control.post("/options", page_size=2)
        others = [{**OPEN, "PortRange": f"{port}/{port}"} for port in range(1, 6)]
        self.assertIn("192.168.0.0/16", self.judged("yes", *others, OPEN))

    def test_rules_that_may_not_be_read_are_unknown_with_the_reason(self):
        self.control.post("/faults", kind="denied", action="DescribeSecurityGroupAttribute")
        self.assertIn("NoPermission", self.judged("unknown", OPEN))

    def test_a_group_that_is_just_being_attached_is_unknown(self):
        self.control.post(f"/endpoints/{ENDPOINT}", SecurityGroups=[{"SecurityGroupId": GROUP, "SecurityGroupStatus": "Attaching"}])
        self.assertIn("Attaching", self.judged("unknown", OPEN))

    def test_the_host_s_own_address_and_groups(self):
        self.control.post(f"/security-groups/{GROUP}", rules=[{**OPEN, "SourceCidrIp": "127.0.0.0/8"}])
        own = self.json("show", ENDPOINT)["access"]
        self.assertEqual((own["from"], own["allowed"]), ("127.0.0.1", "yes"))  # what the route to the endpoint gives
        self.control.post("/imds", values={"security-groups": f"sg-x\r\n{GROUP}"})
        self.control.post(f"/security-groups/{GROUP}", rules=[], inner="Accept")
        self.assertEqual(self.json("show", ENDPOINT)["access"]["allowed"], "yes")
        self.control.post("/imds", values={"security-groups": "sg-x"})
        self.assertEqual(self.json("show", ENDPOINT, code=2)["access"]["allowed"], "no")


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
        token = re.search(r"--client-token (\S+) makes no second one", told)[1]
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

    def test_each_state_is_told_once_and_whose_move_it_is(self):
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
            self.assertIn(f"to go on: postern endpoint wait {MADE}", errors)

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
        self.control.post("/faults", kind="http_503_html", count=4)
        self.endpoint("wait", MADE, "--interval", "100ms")

    def test_what_will_never_be_connected_is_said_at_once(self):
        self.control.post(f"/endpoints/{MADE}", EndpointStatus="Active", EndpointBusinessStatus="FinancialLocked")
        self.assertIn("settle the overdue bill", self.endpoint("wait", MADE, code=2).stderr)
        self.control.delete(f"/endpoints/{MADE}")
        self.assertIn("EndpointNotFound", self.endpoint("wait", MADE, code=2).stderr)


class OnATerminal(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}]}}, "lifecycle": {"request_s": 10}}

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


class Deleting(EndpointTest):
    SCENARIO = {"endpoints": {ENDPOINT: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}]}}, "lifecycle": {"request_s": 10}}

    def exists(self):
        return ENDPOINT in self.state()["endpoints"]

    def test_without_a_terminal_it_does_not_ask_and_does_nothing(self):
        done = self.endpoint("delete", ENDPOINT, code=3)
        self.assertIn("--yes", done.stderr)
        self.assertEqual(self.calls("DeleteVpcEndpoint"), [])

    def test_reminds_of_the_other_side_of_the_bill_and_of_links_that_use_it(self):
        told = self.endpoint("delete", ENDPOINT, "--dry-run").stderr
        self.assertIn("first disconnect it in TDengine's console (实例 > 私有连接 > 操作 > 断开)", told)
        self.assertIn("goes on billing", told)
        self.assertIn(f"link {LINK} of", told)
        self.assertEqual([entry["code"] for entry in self.calls("DeleteVpcEndpoint")], ["DryRunOperation"])
        self.assertTrue(self.exists())

    def test_deletes_and_waits_until_it_is_gone(self):
        done = self.json("delete", ENDPOINT, "--yes", "--interval", "100ms")
        self.assertTrue(done["deleted"])
        self.assertFalse(self.exists())

    def test_a_busy_endpoint_is_tried_again(self):
        self.control.post("/faults", kind="error", status=400, code="EndpointConnectionOperationDenied", count=4, action="DeleteVpcEndpoint")
        # refused before it was done
        self.control.post(f"/endpoints/{ENDPOINT}", EndpointStatus="Creating")
        deleting = self.start("delete", ENDPOINT, "--yes", "--interval", "100ms", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.host.wait(lambda: len(self.calls("DeleteVpcEndpoint")) >= 5, "several attempts")
        self.control.post(f"/endpoints/{ENDPOINT}", EndpointStatus="Active")
        _, errors = deleting.communicate(timeout=60)
        self.assertEqual(deleting.returncode, 0, errors)
        self.assertEqual(len({entry["params"]["ClientToken"] for entry in self.calls("DeleteVpcEndpoint")}), 1)

    def test_time_out(self):
        self.control.post("/lifecycle", request_s=0)
        done = self.endpoint("delete", ENDPOINT, "--yes", "--timeout", "0s", code=2)
        self.assertIn(f"postern endpoint show {ENDPOINT}", done.stderr)

    def test_what_is_not_there(self):
        self.assertIn("EndpointNotFound", self.endpoint("delete", "ep-bp1nowhere", "--yes", code=2).stderr)


class RamPolicies(EndpointTest):
    """packaging/ram allows exactly what the commands call: a key with just these actions can do everything, and uses all."""
    SCENARIO = {"prefix_lists": {"pl-1": ["192.168.0.0/16"]}}

    @staticmethod
    def actions(name):
        with open(f"{host.ROOT}/packaging/ram/{name}", encoding="utf-8") as file:
            statements = json.load(file)["Statement"]
        found = [action for s in statements for action in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])]
        return sorted(found)

    def may(self, actions):
        self.control.post("/keys", id=host.KEY_ID, secret=KEY_SECRET, actions=actions)

    def used(self, since):
        return {f"{entry['product']}:{entry['action']}" for entry in self.host.api_log() if entry["seq"] > since} - {"sts:GetCallerIdentity"}

    def mark(self):
        return max(entry["seq"] for entry in self.control.log())

    def look(self):
        self.endpoint("services")
        self.endpoint("list")
        self.endpoint("show", MADE, "--from", "192.168.2.9")
        self.endpoint("wait", MADE, "--interval", "100ms")

    def test_exactly_what_is_called(self):
        read, create = self.actions("postern-read.json"), self.actions("postern-create.json")
        self.assertEqual(set(read) & set(create), set())
        self.may(read + create)
        self.endpoint("create")
        self.control.post("/tick", seconds=60)
        self.control.post(f"/endpoints/{MADE}/accept")
        self.control.post("/tick", seconds=60)
        (group,) = self.state()["ecs"]["groups"]
        self.control.post(f"/security-groups/{group}", rules=[{"PortRange": "443/443", "SourcePrefixListId": "pl-1"}])

        since = self.mark()
        self.may(read)
        self.look()
        self.assertEqual(self.used(since), set(read))

        self.endpoint("delete", MADE, "--yes", code=2)  # reading does not delete
        self.assertIn(MADE, self.state()["endpoints"])
        self.may(read + create)
        self.endpoint("delete", MADE, "--yes", "--interval", "100ms")
        self.assertEqual(self.used(0), set(read) | set(create))

    def test_the_agent_itself_reads_only(self):
        self.host.aliyun.control.post(f"/endpoints/{ENDPOINT}", Zones=[{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}])
        self.may(self.actions("postern-read.json"))
        self.host.start_gateways()
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A)
        self.assertEqual(self.used(0), {"privatelink:GetVpcEndpointAttribute", "privatelink:ListVpcEndpointZones"})


if __name__ == "__main__":
    unittest.main()
