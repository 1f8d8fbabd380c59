# SPDX-License-Identifier: Apache-2.0
"""Each thing that can be wrong with the API gives one clear log line, and a status that names the fix; answers stay."""

import unittest

from host import KEY_ID, KEY_SECRET, NAME, ZONE_A, ZONE_B, HostTest


class ApiFaults(HostTest):
    def check(self, *, log, status, calls=4, **wanted):
        """After several failing polls: exactly one line in the log matches, the status text names the fix, DNS keeps working."""
        self.host.wait_api_calls(calls, **wanted)
        lines = [line for line in self.host.log_lines(log) if "debug" not in line.lower()]
        self.assertEqual(len(lines), 1, f"lines that match {log!r}:\n" + "\n".join(lines) + "\n---\n" + self.host.log())
        shown = self.host.postern("status")
        self.assertRegex(shown.stdout.lower(), status)
        self.assertEqual(shown.returncode, 1, shown.stdout)  # degraded: answers are the last good ones
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.http("/readyz")[0], 200)

    def recovers(self):
        self.host.wait_api_calls(2, verdict="accepted")
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "status to be good again")

    def start(self, **changes):
        self.host.start(**changes)
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.wait(lambda: self.host.postern("status").returncode == 0, "status to be good")

    def fault(self, **fault):
        self.host.aliyun.control.post("/faults", **fault)

    def clear(self):
        self.host.aliyun.control.delete("/faults")

    def test_wrong_secret(self):
        self.start()
        self.host.aliyun.control.post("/keys", id=KEY_ID, secret="another")
        self.check(log="SignatureDoesNotMatch", status=r"secret", code="SignatureDoesNotMatch")
        self.host.aliyun.control.post("/keys", id=KEY_ID, secret=KEY_SECRET)
        self.recovers()

    def test_unknown_key(self):
        self.start()
        self.host.aliyun.control.delete(f"/keys/{KEY_ID}")
        self.check(log=r"InvalidAccessKeyId", status=r"access ?key", code="InvalidAccessKeyId.NotFound")

    def test_expired_sts_token_is_renewed_by_itself(self):
        self.host.start_world()
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.host.start_postern()
        self.host.aliyun.control.post("/sts/expire")
        self.host.wait_api_calls(1, code="InvalidSecurityToken.Expired")
        self.host.wait_api_calls(3, verdict="accepted")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_expired_sts_token_that_stays_expired(self):
        self.host.start_world()
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.host.aliyun.control.post("/role", renew=False)
        self.host.aliyun.control.post("/sts/expire")
        self.check(log=r"InvalidSecurityToken\.Expired", status=r"(token|credential).*expired|expired.*(token|credential)",
                   code="InvalidSecurityToken.Expired")

    def test_clock_20_minutes_off(self):
        self.start()
        self.host.aliyun.control.post("/options", clock_offset_s=1200)
        # The API's own time is used from the first refusal on: nothing fails, and the wrong clock is still reported.
        self.host.wait_api_calls(1, code="InvalidTimeStamp.Expired")
        self.check(log=r"InvalidTimeStamp\.Expired", status=r"\bntp\b", verdict="accepted")
        self.host.aliyun.control.post("/options", clock_offset_s=0)
        self.recovers()

    def test_permission_denied_names_the_action_to_grant(self):
        self.start()
        self.fault(kind="denied", action="ListVpcEndpointZones")
        self.check(log=r"NoPermission", status=r"privatelink:listvpcendpointzones", fault="denied", calls=2)
        self.clear()
        self.recovers()

    def test_503_with_html(self):
        self.start()
        self.fault(kind="http_503_html")
        self.check(log=r"\b503\b", status=r"503", fault="http_503_html")
        self.assertNotIn("<html>", self.host.log())
        self.clear()
        self.recovers()

    def cut_off(self, kind):
        words = r"json|cut off|truncat|transfer|incomplete|partial|middle of its reply"
        self.start()
        self.fault(kind=kind)
        self.check(log=words, status=words, fault=kind)
        self.clear()
        self.recovers()

    def test_truncated_json(self):
        self.cut_off("truncated_json")

    def test_half_a_json_document(self):
        self.cut_off("half_json")

    def test_html_with_status_200(self):
        self.start()
        self.fault(kind="html_200")
        self.check(log=r"json|html", status=r"json|html|proxy", fault="html_200")

    def test_reset(self):
        self.start()
        self.fault(kind="reset")
        self.check(log=r"reset", status=r"reset", fault="reset")
        self.clear()
        self.recovers()

    def test_silence(self):
        self.start()
        self.fault(kind="hang")
        self.host.wait(lambda: self.host.log_lines(r"time[d]? ?out"), "the time-out in the log", deadline_s=60)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_throttling_is_waited_out(self):
        self.start()
        self.fault(kind="throttle", time_left_ms=3000)
        self.host.wait_api_calls(2, fault="throttle")
        first, second = [entry["time"] for entry in self.host.api_log(fault="throttle")][:2]
        self.assertGreaterEqual(second - first, 2.9)
        self.assertTrue(self.host.log_lines("Throttling"))
        self.clear()
        self.recovers()

    def test_api_host_does_not_resolve(self):
        self.host.start_world()
        self.host.upstream.control.delete("/records/privatelink-vpc.cn-hangzhou.aliyuncs.com")
        self.host.start_postern(wait_ready=False)
        self.host.wait(lambda: self.host.log_lines(r"privatelink-vpc\.cn-hangzhou\.aliyuncs\.com"), "the name in the log")
        shown = self.host.postern("status")
        self.assertIn("privatelink-vpc.cn-hangzhou.aliyuncs.com", shown.stdout)
        self.assertEqual(self.host.dig(NAME, "A").status, "SERVFAIL")

    def test_api_certificate_of_another_ca(self):
        self.host.start_world()
        self.host.start_postern(wait_ready=False, aliyun={"ca_file": f"{self.host.pki}/other_ca.pem"})
        self.host.wait(lambda: self.host.log_lines(r"certificate|ca_file|issuer"), "the certificate in the log")
        self.assertEqual(self.host.api_log(verdict="accepted"), [])

    def test_api_certificate_of_another_name(self):
        """By its address: the certificate names none."""
        self.host.start_world()
        for ca, more in (("ca.pem", " ("), ("other_ca.pem", ", and is not accepted either (")):
            with self.subTest(ca):
                self.host.write_config(aliyun={"ca_file": f"{self.host.pki}/{ca}", "api_endpoint": "https://127.0.0.5"})
                told = self.host.postern("check-config", "--online").stdout
                self.assertIn("the TLS certificate of 127.0.0.5:443 is for another name" + more, told)
        self.host.write_config(aliyun={"ca_file": f"{self.host.pki}/other_ca.pem"})
        self.assertIn("is not trusted: ", self.host.postern("check-config", "--online").stdout)
        self.assertEqual(self.host.api_log(verdict="accepted"), [])

    def test_no_credentials_at_all(self):
        self.host.start_world(role=None)
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.host.start_postern(wait_ready=False)
        self.host.wait(lambda: self.host.log_lines(r"credential"), "the credentials in the log")
        self.assertRegex(self.host.postern("status").stdout.lower(), r"ram role|credential|access_key")
        self.assertEqual(self.host.api_log(), [])


class Requests(HostTest):
    def test_every_attempt_is_newly_signed_and_polls_are_not_bunched(self):
        self.host.start()
        self.host.wait_api_calls(6)
        self.assertEqual({entry["verdict"] for entry in self.host.api_log()}, {"accepted"})
        self.assertEqual({entry["access_key_id"] for entry in self.host.api_log()}, {KEY_ID})
        for entry in self.host.api_log(action="ListVpcEndpointZones"):
            self.assertEqual(entry["params"]["MaxResults"], "50")
        self.assertEqual({entry["action"] for entry in self.host.api_log()},
                         {"ListVpcEndpointZones", "GetVpcEndpointAttribute"})

    def test_metadata_service_trouble_does_not_stop_a_configured_region(self):
        self.host.start_world(imds={"fail": "hang"})
        self.host.start_postern(wait_ready=False)
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def test_region_from_metadata(self):
        self.host.start_world()
        self.host.start_postern(aliyun={"region": None})
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_imds_without_session_tokens(self):
        self.host.start_world(imds={"token_mode": "forbidden"})
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.host.start_postern()
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})


if __name__ == "__main__":
    unittest.main()
