# SPDX-License-Identifier: Apache-2.0
"""The main job: real programs resolve the private name and reach the gateway; everything else is forwarded."""

import re
import unittest

from host import DNS, LINK, NAME, SIBLING, TOKEN, ZONE_A, ZONE_B, HostTest, SharedHostTest

OTHER_TYPES = ("AAAA", "TXT", "MX", "NS", "SRV", "CNAME", "HTTPS", "SVCB", "CAA", "TYPE4711")


class PrivateNames(SharedHostTest):
    def test_a_has_both_zones_with_the_own_zone_first(self):
        for transport in ("+notcp", "+tcp"):
            for _ in range(5):  # stable order
                reply = self.host.dig(NAME, "A", transport)
                self.assertEqual(reply.status, "NOERROR", reply.text)
                self.assertEqual(reply.data, [ZONE_A, ZONE_B])
                self.assertEqual({ttl for _, ttl, _, _ in reply.answer}, {10})
                self.assertIn("ra", reply.flags)

    def test_getent_knows_the_name(self):
        done = self.host.run("getent", "ahosts", NAME)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({line.split()[0] for line in done.stdout.splitlines()}, {ZONE_A, ZONE_B})

    def test_kdig_and_drill_agree(self):
        done = self.host.run("kdig", f"@{DNS}", NAME, "A", "+short")
        self.assertEqual(done.stdout.split(), [ZONE_A, ZONE_B])
        done = self.host.run("drill", f"@{DNS}", NAME, "A")
        self.assertIn("rcode: NOERROR", done.stdout)
        self.assertRegex(done.stdout, rf"{re.escape(NAME)}\.\s+10\s+IN\s+A\s+{re.escape(ZONE_A)}")

    def test_case_does_not_matter_and_is_kept(self):
        mixed = "Gw-PRIVATE.cLoud.Name.test"
        reply = self.host.dig(mixed, "A")
        self.assertEqual(reply.data, [ZONE_A, ZONE_B])
        self.assertIn(f";{mixed}.", reply.text)

    def test_other_types_are_nodata_with_soa(self):
        for kind in OTHER_TYPES:
            with self.subTest(kind):
                reply = self.host.dig(NAME, kind)
                self.assertEqual((reply.status, reply.answer), ("NOERROR", []), reply.text)
                self.assertEqual(reply.authority[0][0].lower(), NAME + ".")
                self.assertEqual(reply.soa()[6], "5")  # minimum
                self.assertLessEqual(reply.authority[0][1], 5)

    def test_soa_is_answered_at_the_name(self):
        reply = self.host.dig(NAME, "SOA")
        self.assertEqual([(name, kind) for name, _, kind, _ in reply.answer], [(NAME + ".", "SOA")])

    def test_any_gives_the_addresses(self):
        self.assertEqual(self.host.dig(NAME, "ANY", "+notcp").data, [ZONE_A, ZONE_B])

    def test_ptr_of_an_endpoint_address(self):
        for address in (ZONE_A, ZONE_B):
            reply = self.host.dig("-x", address)
            self.assertEqual([(kind, data) for _, _, kind, data in reply.answer], [("PTR", NAME + ".")], reply.text)

    def test_names_around_it_are_forwarded(self):
        self.assertEqual(self.host.dig(SIBLING, "A").data, ["192.0.2.10"])
        self.assertEqual(self.host.dig(f"below.{NAME}", "A").data, ["192.0.2.11"])
        self.assertEqual(self.host.dig("cloud.name.test", "A").status, "NOERROR")  # upstream: exists without A
        self.assertEqual(self.host.dig("-x", "10.1.2.3").data, ["three.name.test."])  # a VPC's own reverse zones
        self.assertEqual(self.host.dig("-x", "192.0.2.99").status, "NXDOMAIN")

    def test_loopback_names_are_answered_here(self):
        """RFC 6761, RFC 6303: they mean this host, and no upstream need know that we ask."""
        self.assertEqual(self.host.dig("localhost", "A").data, ["127.0.0.1"])
        self.assertEqual(self.host.dig("localhost", "AAAA").data, ["::1"])
        self.assertEqual(self.host.dig("-x", "127.0.0.1").data, ["localhost."])
        reply = self.host.dig("-x", "127.0.0.9")
        self.assertEqual((reply.status, reply.answer), ("NXDOMAIN", []))
        self.assertIsNotNone(reply.soa())

    def test_private_names_never_leave_the_host(self):
        for kind in ("A", *OTHER_TYPES):
            self.host.dig(NAME, kind)
        self.assertEqual([entry for entry in self.host.upstream.control.log()
                          if entry.get("name", "").lower() == NAME], [])

    def test_curl_reaches_the_database_by_name(self):
        for sql, expected in (("show databases;", '"information_schema"'), ("select 1", '"data":[[1]]')):
            code, status, body = self.host.curl(f"https://{NAME}/rest/sql?token={TOKEN}", "--cacert", self.host.ca,
                                                "-d", sql)
            self.assertEqual((code, status), (0, 200), body)
            self.assertIn(expected, body)

    def test_postern_resolve_explains(self):
        done = self.host.postern("resolve", NAME)
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in (ZONE_A, ZONE_B, "cn-hangzhou-h"):
            self.assertIn(word, done.stdout)


class Protocol(SharedHostTest):
    def test_edns_only_when_asked(self):
        self.assertTrue(self.host.dig(NAME, "A", "+edns=0").edns)
        self.assertFalse(self.host.dig(NAME, "A", "+noedns").edns)

    def test_edns_version_1_is_badvers(self):
        self.assertEqual(self.host.dig(NAME, "A", "+edns=1", "+noednsneg").status, "BADVERS")

    def test_other_opcodes_are_notimp(self):
        for opcode in ("STATUS", "NOTIFY", "UPDATE"):
            with self.subTest(opcode):
                self.assertEqual(self.host.dig(NAME, "SOA", f"+opcode={opcode}").status, "NOTIMP")

    def test_version_tells_the_name_only(self):
        for name in ("version.bind", "version.server"):
            reply = self.host.dig(name, "TXT", "CH")
            self.assertEqual(len(reply.data), 1, reply.text)
            self.assertIn("postern", reply.data[0])
            self.assertNotRegex(reply.data[0], r"\d")

    def test_several_queries_over_one_tcp_connection(self):
        done = self.host.run("dig", f"@{DNS}", "+tcp", "+keepopen", "+short", NAME, "A", "www.name.test", "A")
        self.assertEqual(done.stdout.split(), [ZONE_A, ZONE_B, "192.0.2.1", "192.0.2.2"])

    def test_do_and_cd_are_understood(self):
        reply = self.host.dig(NAME, "A", "+dnssec", "+cdflag")
        self.assertEqual(reply.data, [ZONE_A, ZONE_B])
        self.assertIn("cd", reply.flags)


class Forwarding(HostTest):
    def setUp(self):
        super().setUp()
        self.host.start()
        self.upstream = self.host.upstream.control

    def queries(self, name):
        return [entry for entry in self.upstream.log() if entry.get("name") == name]

    def name(self, label):
        """A fresh public name, so that no cache can answer."""
        name = f"{label}.public.test"
        self.upstream.call("PUT", f"/records/{name}", {"A": ["192.0.2.77"], "TXT": ["t"]})
        return name

    def test_public_answers_are_those_of_the_upstream(self):
        self.assertEqual(self.host.dig("www.name.test", "A").data, ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.host.dig("www.name.test", "TXT", "+tcp").data, ['"hello"'])
        self.assertEqual(self.host.dig("alias.name.test", "A").data, ["www.name.test.", "192.0.2.1", "192.0.2.2"])
        reply = self.host.dig("nowhere.name.test", "A")
        self.assertEqual((reply.status, reply.answer), ("NXDOMAIN", []))
        self.assertIsNotNone(reply.soa())
        reply = self.host.dig("www.name.test", "AAAA")
        self.assertEqual((reply.status, reply.answer), ("NOERROR", []))
        self.assertIsNotNone(reply.soa())
        done = self.host.run("getent", "ahosts", "www.name.test")
        self.assertEqual({line.split()[0] for line in done.stdout.splitlines()}, {"192.0.2.1", "192.0.2.2"})

    def test_own_random_id_and_fresh_port_for_each_query(self):
        ids, ports = set(), set()
        for number in range(12):
            name = self.name(f"fresh{number}")
            self.assertEqual(self.host.dig(name, "A", "+qid=4242").data, ["192.0.2.77"])
            for entry in self.queries(name):
                ids.add(entry["id"])
                ports.add(entry["peer_port"])
        self.assertNotIn(4242, ids)
        self.assertGreaterEqual(len(ids), 11)
        self.assertGreaterEqual(len(ports), 11)

    def test_private_options_stay_here(self):
        name = self.name("option")
        self.host.dig(name, "A", "+ednsopt=65001:00")
        self.assertTrue(self.queries(name))
        for entry in self.queries(name):
            self.assertNotIn(65001, entry["edns_options"])

    def test_truncated_upstream_answers_are_fetched_by_tcp(self):
        self.upstream.post("/servers", mode="big", records=100)
        reply = self.host.dig("big.public.test", "A")
        self.assertEqual(len(reply.data), 100)
        self.assertIn("tcp", {entry["transport"] for entry in self.queries("big.public.test")})

    def test_the_second_upstream_steps_in(self):
        for mode in ("closed", "servfail", "refused", "silent"):
            with self.subTest(mode):
                self.upstream.post("/servers/first", mode=mode)
                for number in range(3):
                    name = self.name(f"{mode}{number}")
                    self.assertEqual(self.host.dig(name, "A").data, ["192.0.2.77"])
                self.upstream.post("/servers/first", mode="ok")

    def test_forged_answers_are_not_believed(self):
        for mode in ("wrong_id", "wrong_question", "wrong_source", "query_back", "garbage"):
            with self.subTest(mode):
                self.upstream.post("/servers", mode=mode)
                self.assertEqual(self.host.dig(self.name(mode.replace("_", "")), "A").data, ["192.0.2.77"])

    def test_an_upstream_without_edns_works(self):
        self.upstream.post("/servers", mode="formerr_on_opt")
        reply = self.host.dig(self.name("formerr"), "A", "+noedns")
        self.assertEqual(reply.data, ["192.0.2.77"])

    def test_dead_upstreams_are_told_at_once_and_with_the_reason(self):
        self.upstream.post("/servers", mode="closed")
        reply = self.host.dig("dead.public.test", "A")
        self.assertEqual(reply.status, "SERVFAIL", reply.text)
        self.assertTrue(set(reply.ede) & {22, 23}, reply.text)
        self.assertLess(reply.query_ms, 1000)
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_silent_upstreams_end_in_servfail_within_4_s(self):
        self.upstream.post("/servers", mode="silent")
        reply = self.host.dig("mute.public.test", "A")
        self.assertEqual(reply.status, "SERVFAIL", reply.text)
        self.assertTrue(set(reply.ede) & {22, 23}, reply.text)
        self.assertLess(reply.query_ms, 4200)

    def test_the_last_rcode_is_handed_on(self):
        self.upstream.post("/servers", mode="refused")
        self.assertEqual(self.host.dig("refused.public.test", "A").status, "REFUSED")
        self.upstream.post("/servers", mode="servfail")
        self.assertEqual(self.host.dig("servfail.public.test", "A").status, "SERVFAIL")


class Access(HostTest):
    def test_clients_outside_allow_are_refused(self):
        self.host.start(dns={"allow": ["127.0.0.1/32"]})
        self.assertEqual(self.host.dig("-b", "127.0.0.1", NAME, "A").data, [ZONE_A, ZONE_B])
        for name in (NAME, "www.name.test"):
            reply = self.host.dig("-b", "127.0.0.99", name, "A", "+notcp")
            self.assertEqual((reply.status, reply.answer), ("REFUSED", []), reply.text)
            self.assertIn(18, reply.ede)
            # They get no connection, not even for a refusal.
            self.assertIsNone(self.host.dig("-b", "127.0.0.99", name, "A", "+tcp").status)

    def test_two_links_share_an_address(self):
        config = self.host.default_config()
        second = {**config["link"][0], "name": "second", "host": "second-private.name.test",
                  "probe": {**config["link"][0]["probe"], "enabled": False}}
        self.host.start_world()
        self.host.start_postern(link=[config["link"][0], second])
        self.assertEqual(self.host.dig("second-private.name.test", "A").data, [ZONE_A, ZONE_B])
        self.assertEqual(sorted(self.host.dig("-x", ZONE_A).data), sorted([NAME + ".", "second-private.name.test."]))

    def test_fixed_addresses_need_no_cloud(self):
        self.host.start_upstream()
        self.host.start_gateways()
        self.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A]})
        self.assertEqual(self.host.dig(NAME, "A").data, [ZONE_A])
        self.host.wait_probe(ZONE_A, lambda record: record["ok"], f"{LINK} working")

    def test_the_own_zone_comes_first(self):
        self.host.start_world(metadata={"zone-id": "cn-hangzhou-i"})
        self.host.start_postern()
        self.assertEqual(self.host.dig(NAME, "A").data, [ZONE_B, ZONE_A])

    def test_keys_of_the_instance_role_are_enough(self):
        self.host.start_world()
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.host.start_postern()
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        accepted = self.host.api_log(verdict="accepted")
        self.assertTrue(all(entry["security_token"] for entry in accepted))
        metadata = [entry for entry in self.host.aliyun.control.log() if entry["service"] == "imds"]
        self.assertEqual(metadata[0]["method"], "PUT")  # IMDSv2 first


if __name__ == "__main__":
    unittest.main()
