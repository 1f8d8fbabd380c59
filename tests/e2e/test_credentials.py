# SPDX-License-Identifier: Apache-2.0
"""Every source of credentials that needs no browser, against a gateway and a token service that check them."""

import json
import os
import unittest

from host import ENDPOINT, KEY_ID, KEY_SECRET, ROLE, STS_NAMES, ZONE_A, ZONE_B, HostTest

READER = "acs:ram::1234567890123456:role/postern-reader"
OTHER = "acs:ram::1234567890123456:role/postern-other"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/cluster"
OIDC_TOKEN = "oidc.ExampleToken.0123456789"
ROLES = {READER: {"trusted": [KEY_ID, "STS.postern-other"], "oidc_provider": PROVIDER, "oidc_token": OIDC_TOKEN},
         OTHER: {"trusted": [KEY_ID]}}
SECRETS = (KEY_SECRET, ROLE["secret"], ROLE["token"], OIDC_TOKEN, "exampleAssumedSecret", "CAISassumed")


class Credentials(HostTest):
    def setUp(self):
        super().setUp()
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]

    def file(self, name, content, mode=0o600):
        path = os.path.join(self.host.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def profiles(self, *profiles):
        self.file(".aliyun/config.json", json.dumps({"current": profiles[0]["name"], "profiles": profiles}))

    def works(self, source, *, key, role=None, expect_sts=()):
        """postern finds the endpoint's addresses with a key of that beginning, and says where it was from."""
        self.host.start_world(roles=ROLES, role=role)
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        accepted = self.host.api_log(verdict="accepted", action="ListVpcEndpointZones")[0]
        self.assertTrue(accepted["access_key_id"].startswith(key), accepted)
        self.assertTrue(self.host.log_lines(f"credentials_used.*{source}"), self.host.log())
        sts = [entry for entry in self.host.aliyun.control.log() if entry["service"] == "sts"]
        self.assertEqual([(entry["action"], entry["params"]["RoleArn"], entry["status"]) for entry in sts],
                         [(action, arn, 200) for action, arn in expect_sts])
        checked = self.online(0)
        self.assertRegex(checked, rf"(?m)^  {source} +used$")
        self.assertIn(f"link tdengine-prod: {ENDPOINT}: {ZONE_A} (cn-hangzhou-h), {ZONE_B} (cn-hangzhou-i)", checked)
        return checked, sts

    def online(self, code):
        done = self.host.postern("check-config", "--online")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for secret in SECRETS:
            self.assertNotIn(secret, done.stdout + done.stderr + self.host.log())
        return done.stdout

    def test_oidc(self):
        self.host.environment.update(ALIBABA_CLOUD_OIDC_TOKEN_FILE=self.file("oidc.token", OIDC_TOKEN + "\n"),
                                     ALIBABA_CLOUD_OIDC_PROVIDER_ARN=PROVIDER, ALIBABA_CLOUD_ROLE_ARN=READER,
                                     ALIBABA_CLOUD_ROLE_SESSION_NAME="host-1")
        checked, sts = self.works("oidc_role_arn", key="STS.postern-reader-1", expect_sts=[("AssumeRoleWithOIDC", READER)])
        self.assertEqual((sts[0]["host"], sts[0]["params"]["RoleSessionName"]), (STS_NAMES[0], "host-1"))
        self.assertRegex(checked, r"environment +not set up: ALIBABA_CLOUD_ACCESS_KEY_ID is not set")
        self.assertRegex(checked, r"ecs_ram_role +not asked: an earlier one is used")

    def test_profile_with_a_role_by_the_regional_vpc_host(self):
        self.profiles({"name": "r", "mode": "RamRoleArn", "access_key_id": KEY_ID, "access_key_secret": KEY_SECRET,
                       "ram_role_arn": READER, "ram_session_name": "s", "sts_region": "cn-hangzhou", "enable_vpc": True,
                       "expired_seconds": 900})
        _, sts = self.works("cli_profile", key="STS.postern-reader-1", expect_sts=[("AssumeRole", READER)])
        self.assertEqual((sts[0]["host"], sts[0]["params"]["DurationSeconds"]), (STS_NAMES[1], "900"))

    def test_profile_that_goes_from_role_to_role(self):
        self.profiles({"name": "c", "mode": "ChainableRamRoleArn", "source_profile": "b", "ram_role_arn": READER, "ram_session_name": "s"},
                      {"name": "b", "mode": "RamRoleArn", "access_key_id": KEY_ID, "access_key_secret": KEY_SECRET,
                       "ram_role_arn": OTHER, "ram_session_name": "s"})
        self.works("cli_profile", key="STS.postern-reader-2", expect_sts=[("AssumeRole", OTHER), ("AssumeRole", READER)])

    def test_profile_with_a_program(self):
        keys = {"mode": "AK", "access_key_id": KEY_ID, "access_key_secret": KEY_SECRET}
        tool = self.file("bin/keys", "#!/bin/sh\n[ \"$1\" = '$HOME' ] || exit 9\n"
                                     f"[ -z \"$ALIBABA_CLOUD_PROFILE\" ] || exit 8\ncat <<END\n{json.dumps(keys)}\nEND\n", 0o700)
        self.host.environment["ALIBABA_CLOUD_PROFILE"] = "e"
        self.profiles({"name": "e", "mode": "External", "process_command": f"{tool} $HOME"})
        self.works("cli_profile", key=KEY_ID)

    def test_ini_file(self):
        self.file(".alibabacloud/credentials", f"[default]\nenable = true\ntype = access_key\naccess_key_id = {KEY_ID}  # mine\n"
                                               f"access_key_secret = {KEY_SECRET}\n", 0o644)
        self.works("profile", key=KEY_ID)
        self.assertTrue(self.host.log_lines("credentials_file_exposed"))

    def test_instance_role_with_and_without_session_tokens(self):
        self.works("ecs_ram_role", key="STS.NUexampleKeyId-1", role=ROLE)
        for mode in ("optional", "forbidden", "absent", "required"):
            with self.subTest(mode):
                self.host.aliyun.control.post("/imds", token_mode=mode, forget_tokens=True)
                self.assertRegex(self.online(0), r"ecs_ram_role +used")

    def test_hardened_instance_refuses_the_old_way(self):
        self.host.environment["ALIBABA_CLOUD_IMDSV1_DISABLED"] = "true"
        self.host.start_world(role=ROLE, imds={"token_mode": "forbidden"})
        self.host.write_config()
        self.assertIn("ALIBABA_CLOUD_IMDSV1_DISABLED forbids", self.online(2))

    def test_credentials_uri(self):
        self.host.environment.update(ALIBABA_CLOUD_CREDENTIALS_URI="http://127.0.0.6/credentials",
                                     ALIBABA_CLOUD_ECS_METADATA_DISABLED="true")
        self.works("credentials_uri", key="STS.NUexampleKeyId-1", role=ROLE)

    def test_none_at_all_lists_every_provider_with_its_reason(self):
        self.host.start_world(role=None)
        self.profiles({"name": "sso", "mode": "CloudSSO"})
        self.host.write_config()
        shown = self.online(2)
        for line in (r"environment +not set up: ALIBABA_CLOUD_ACCESS_KEY_ID is not set",
                     r"oidc_role_arn +not set up: ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set",
                     r"cli_profile +failing: .*mode CloudSSO has no key of a sign-in; a service can't sign in through a browser",
                     r"profile +not set up: .*credentials",
                     r"ecs_ram_role +failing: no RAM role is attached",
                     r"credentials_uri +not set up: ALIBABA_CLOUD_CREDENTIALS_URI is not set"):
            self.assertRegex(shown, line)

    def test_a_refused_role_says_who_has_to_trust_whom(self):
        self.host.start_world(roles={READER: {"trusted": []}}, role=None)
        self.profiles({"name": "r", "mode": "RamRoleArn", "access_key_id": KEY_ID, "access_key_secret": KEY_SECRET,
                       "ram_role_arn": READER, "ram_session_name": "s"})
        self.host.write_config()
        shown = self.online(2)
        self.assertIn("NoPermission", shown)
        self.assertIn(f"let the trust policy of {READER} name this identity", shown)


class Online(HostTest):
    """`check-config --online` beyond credentials."""

    def check(self, code, **changes):
        self.host.write_config(**changes)
        done = self.host.postern("check-config", "--online")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def test_what_is_not_ready_and_what_is_not_there(self):
        self.host.start_world(endpoints={ENDPOINT: {"ConnectionStatus": "Pending", "Zones": []}})
        self.assertIn("accept it in TDengine's console", self.check(1))
        self.assertIn("EndpointNotFound", self.check(2, link={"endpoint": "ep-bp1nosuch"}))
        self.assertIn("region cn-hangzhou (of this instance)", self.check(1, aliyun={"region": None}))

    def test_other_sources_need_no_credentials(self):
        self.host.start_world()
        path = self.host.write_file("zones.json", "{}")
        shown = self.check(2, link={"endpoint": None, "zones_file": path})
        self.assertIn("a reply without a list of zones", shown)
        self.assertNotIn("credentials", shown)
        self.assertIn("192.0.2.1", self.check(0, link={"endpoint": None, "target": "alias.name.test"}))
        self.assertIn("no link has a source to ask", self.check(0, link={"endpoint": None, "addresses": [ZONE_A]}))


if __name__ == "__main__":
    unittest.main()
