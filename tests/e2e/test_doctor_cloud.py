# SPDX-License-Identifier: Apache-2.0
"""postern doctor and faults of the cloud: credentials, the API, endpoints in every state, security groups."""

import unittest

from doctor_kit import LETS_IN, DoctorTest, Expectations, start_world
from endpoint_kit import GROUP
from host import ENDPOINT, KEY_ID, KEY_SECRET, HostTest

AT_ENDPOINT = f"/endpoints/{ENDPOINT}"
ACTIVE = {"EndpointStatus": "Active", "EndpointBusinessStatus": "Normal", "ConnectionStatus": "Connected"}


NO_KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""}


class NoAgent(HostTest, Expectations):
    def test_no_credentials(self):
        start_world(self.host)
        self.host.aliyun.control.post("/imds", fail="http_404")
        self.host.write_config()
        report = self.doctor(fails={"PN-AGENT-DOWN", "PN-CREDENTIALS-NONE"}, environment=NO_KEY)
        for step in ("api", "endpoint", "security_group"):
            self.assertEqual(report.because(step), {"PN-CREDENTIALS-NONE"})


class Credentials(DoctorTest):
    def test_the_agent_has_what_this_command_lacks(self):
        self.cloud({"fail": None}, "/imds", fail="http_404")
        self.assertEqual(self.doctor(environment=NO_KEY).because("credentials"), {"agent"})

    def test_a_key_that_nobody_knows(self):
        report = self.doctor(fails={"PN-API-KEY"}, environment={"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIunknownKey00000000"})
        self.assertIn("environment", report.of("PN-API-KEY")["cause"])

    def test_a_wrong_secret(self):
        self.doctor(fails={"PN-API-KEY"}, environment={"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"})

    def test_a_key_that_may_not(self):
        self.cloud({"id": KEY_ID, "secret": KEY_SECRET, "actions": None}, "/keys", id=KEY_ID, secret=KEY_SECRET, actions=[])
        self.doctor(fails={"PN-API-DENIED"})

    def test_a_key_that_may_not_read_security_groups(self):
        self.cloud({"id": KEY_ID, "secret": KEY_SECRET, "actions": None}, "/keys", id=KEY_ID, secret=KEY_SECRET,
                   actions=["privatelink:ListVpcEndpoints", "privatelink:ListVpcEndpointZones",
                            "privatelink:GetVpcEndpointAttribute"])
        report = self.doctor()
        self.assertEqual([f["state"] for f in report.findings if f["step"] == "security_group"], ["SKIP"])


class Api(DoctorTest):
    def test_not_reachable(self):
        self.cloud({"open": True}, "/listeners/api", open=False)
        report = self.doctor(fails={"PN-API-UNREACHABLE"})
        self.assertEqual(report.because("endpoint"), {"PN-API-UNREACHABLE"})

    def test_fails(self):
        self.host.aliyun.control.post("/faults", kind="error")
        self.addCleanup(self.host.aliyun.control.delete, "/faults")
        self.doctor(fails={"PN-API-FAILED"})

    def test_gone(self):
        report = self.doctor("--config", self.config(link={"endpoint": "ep-bp1example0000000077"}), config=False,
                             fails={"PN-ENDPOINT-GONE"})
        self.assertIn("ep-bp1example0000000077", report.of("PN-ENDPOINT-GONE")["cause"])


class Endpoints(DoctorTest):
    def endpoint(self, **body):
        self.cloud({key: ACTIVE[key] for key in body}, AT_ENDPOINT, **body)

    def test_states_that_fail(self):
        for body, code in (({"ConnectionStatus": "Pending"}, "PN-ENDPOINT-PENDING"),
                           ({"ConnectionStatus": "Disconnected"}, "PN-ENDPOINT-CLOSED"),
                           ({"ConnectionStatus": "ServiceDeleted"}, "PN-ENDPOINT-CLOSED"),
                           ({"EndpointBusinessStatus": "FinancialLocked"}, "PN-ENDPOINT-LOCKED"),
                           ({"EndpointStatus": "Deleting"}, "PN-ENDPOINT-GONE")):
            with self.subTest(code):
                self.endpoint(**body)
                report = self.doctor(fails={code})
                self.assertTrue(report.of(code)["evidence"]["request_id"])
                self.endpoint(**ACTIVE)

    def test_states_that_pass(self):
        for body in ({"EndpointStatus": "Creating"}, {"ConnectionStatus": "Connecting"}):
            with self.subTest(body):
                self.endpoint(**body)
                self.doctor(warns={"PN-ENDPOINT-MAKING"})
                self.endpoint(**ACTIVE)

    def test_a_pending_endpoint_explains_gateways_that_are_silent(self):
        self.endpoint(ConnectionStatus="Pending")
        self.gateways(mode="accept_then_hang")
        report = self.doctor(fails={"PN-ENDPOINT-PENDING"})
        self.assertEqual(report.because("tls"), {"PN-ENDPOINT-PENDING"})
        self.assertIn(ENDPOINT, report.of("PN-ENDPOINT-PENDING")["fix"])

    def test_a_zone_that_is_not_connected(self):
        self.cloud({"ZoneStatus": "Connected"}, f"{AT_ENDPOINT}/zones/cn-hangzhou-i", ZoneStatus="Disconnected")
        report = self.doctor(warns={"PN-ENDPOINT-ZONE"})
        self.assertIn("cn-hangzhou-i", report.of("PN-ENDPOINT-ZONE")["cause"])


class SecurityGroups(DoctorTest):
    def rules(self, *rules):
        self.cloud({"rules": [LETS_IN]}, f"/security-groups/{GROUP}", rules=list(rules))

    def test_that_forbid_what_passes_are_a_warning(self):
        self.rules({**LETS_IN, "PortRange": "80/80"})
        report = self.doctor(warns={"PN-SECURITY-GROUP-443"})
        self.assertIn("TCP 443", report.of("PN-SECURITY-GROUP-443")["fix"])

    def test_do_not_explain_what_comes_after_the_connection(self):
        self.rules()
        self.gateways(mode="accept_then_hang")
        self.doctor(fails={"PN-TLS-TIMEOUT"}, warns={"PN-SECURITY-GROUP-443"})

    def test_and_a_token_that_is_refused_are_two(self):
        self.rules()
        self.gateways("zone-a", mode="status", status=401)
        self.doctor(fails={"PN-HTTP-401"}, warns={"PN-SECURITY-GROUP-443"})


if __name__ == "__main__":
    unittest.main()
