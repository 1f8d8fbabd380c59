# SPDX-License-Identifier: Apache-2.0
"""One signed list for all hosts: published, read, refused; whatever happens to it, good answers stay."""

import json
import os
import random
import re
import signal
import subprocess
import time
import unittest
import urllib.parse

import fleet_kit
import host
from fleet_kit import BUCKET, KEY, PLACE, STORE, STORE_NAME, utc
from host import ENDPOINT, POSTERN, SPARE_ADDRESS, ZONE_A, ZONE_B, ZONES, HostTest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class FleetTest(HostTest):
    FLEET = {}

    def setUp(self):
        super().setUp()
        self.host.start_world()
        self.fleet = fleet_kit.Fleet(self.host)
        self.addCleanup(self.fleet.close)
        self.host.write_config(fleet=self.fleet.config(**self.FLEET))

    def start(self):
        self.assertEqual(self.fleet.publish().returncode, 0)
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def list_status(self):
        return json.loads(self.host.postern("status", "--json").stdout)["discovery"]["list"]

    def faults(self):
        return {fault["code"] for fault in json.loads(self.host.postern("status", "--json").stdout)["faults"]}

    def wait_fault(self, code):
        self.host.wait(lambda: code in self.faults(), f"{code} in the status")

    def wait_current(self, *addresses):
        """The agent uses the list that is there now; addresses that replace each other again and again are served together."""
        generation = self.fleet.current()[0]
        self.host.wait(lambda: self.list_status()["generation"] == generation, "the list of now to be in use")
        self.host.wait(lambda: self.host.addresses() >= set(addresses), f"{addresses} to be answered")

    def wait_beats(self, count=2):
        before = len(self.fleet.log(method="GET", key=KEY))
        self.host.wait(lambda: len(self.fleet.log(method="GET", key=KEY)) >= before + count, f"{count} more beats")


class Reading(FleetTest):
    FLEET = {"fleet_only": True}

    def test_a_change_goes_from_the_cloud_through_the_list_to_the_answer(self):
        self.start()
        self.assertEqual(self.fleet.current()[1], {ZONE_A, ZONE_B})
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        done = self.fleet.publish()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("written: generation", done.stdout)
        asked = len(self.host.api_log())
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        self.wait_beats()
        self.assertEqual(len(self.host.api_log()), asked, "the agent has asked the API")
        self.assertTrue(self.fleet.log(status=304, signature="oss4", conditional=True))
        (link,) = json.loads(self.host.postern("status", "--json").stdout)["links"]
        self.assertEqual(link["discovery"]["source"], "list")

    def test_status_page_metrics_and_check_know_the_list(self):
        self.start()
        generation = self.fleet.current()[0]
        status = self.list_status()
        self.assertEqual((status["generation"], status["fleet"], status["place"]), (generation, "prod", PLACE))
        self.assertGreaterEqual(status["age_s"], 0)
        self.assertIn(f"list of prod: generation {generation}", self.host.postern("status").stdout)
        self.assertIn(f"generation {generation}", self.host.http("/")[1])
        metrics = self.host.http("/metrics")[1]
        self.assertRegex(metrics, r'postern_discovery_list_age_seconds\{fleet="prod"\} \d')
        self.assertRegex(metrics, r'postern_discovery_list_ok\{fleet="prod"\} 1')
        self.assertRegex(metrics, r'postern_discovery_requests_total\{action="list",code="ok"\} \d')
        done = self.host.postern("check-config", "--online")
        self.assertIn(f"list {PLACE} of the fleet prod: generation {generation}", done.stdout)

    def test_forged_older_expired_future_foreign_and_broken_lists_are_refused(self):
        self.start()
        generation = self.fleet.current()[0]
        zones = {"cn-hangzhou-h": "10.66.66.66"}
        stranger = f"{self.host.folder}/stranger.key"
        self.host.postern("publish", "keygen", stranger, config=False)
        good = self.fleet.sign(self.fleet.body(generation + 5, zones, ENDPOINT))
        bad = {
            "signature": self.fleet.sign(self.fleet.body(generation + 1, zones, ENDPOINT), stranger),
            "older": self.fleet.sign(self.fleet.body(generation - 1, zones, ENDPOINT)),
            "expired": self.fleet.sign(self.fleet.body(generation + 1, zones, ENDPOINT, written_at=utc(-90000), not_after=utc(-60))),
            "future": self.fleet.sign(self.fleet.body(generation + 1, zones, ENDPOINT, written_at=utc(3600), not_after=utc(86400))),
            "fleet": self.fleet.sign(self.fleet.body(generation + 1, zones, ENDPOINT, fleet="other")),
            "content": self.fleet.sign(self.fleet.body(generation + 1, zones, "../x")),
            "form": good[:len(good) // 2],
        }
        for problem, text in bad.items():
            with self.subTest(problem):
                self.fleet.put(text)
                self.host.wait(lambda problem=problem: (self.list_status()["refused"] or {}).get("reason") == problem,
                               f"the list to be refused: {problem}")
                self.wait_beats()
                self.assertEqual(len(self.host.log_lines(rf"list_refused.*\({problem}\)")), 1)
                self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
                self.assertIn("PN-LIST-REFUSED", self.faults())
                done = self.host.postern("check-config", "--online")
                if problem != "older":  # that only who has seen a newer one knows
                    self.assertEqual(done.returncode, 2)
                    self.assertIn(f"not used ({problem})", done.stdout)
        # The same way a good one is signed: it would have been taken.
        self.fleet.put(self.fleet.sign(self.fleet.body(generation + 1, {"cn-hangzhou-h": SPARE_ADDRESS}, ENDPOINT)))
        self.host.wait(lambda: SPARE_ADDRESS in self.host.addresses(), "the good list to be used")
        self.host.wait(lambda: "PN-LIST-REFUSED" not in self.faults(), "the fault to be over")

    def test_impossible_addresses_are_refused_as_those_of_the_api_are(self):
        self.start()
        generation = self.fleet.current()[0]
        self.fleet.put(self.fleet.sign(self.fleet.body(generation + 1, {"cn-hangzhou-h": ZONE_A, "cn-hangzhou-i": ZONE_B,
                                                                        "cn-hangzhou-j": "224.0.0.1"}, ENDPOINT)))
        self.host.wait(lambda: self.host.log_lines("address_refused.*224.0.0.1"), "the address to be refused")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_an_older_list_is_refused_after_a_restart_too(self):
        self.start()
        old = self.fleet.objects()[KEY]
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        self.assertEqual(self.fleet.publish().returncode, 0)
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        self.assertEqual(self.host.stop_agent(), 0)
        self.fleet.put(old)  # replayed while nobody looks
        self.host.start_postern(wait_ready=False)
        self.host.wait(lambda: self.host.log_lines(r"list_refused.*\(older\)"), "the old list to be refused")
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)

    def test_whatever_the_store_does_answers_stay_and_the_beat_goes_on(self):
        self.start()
        faults = [({"kind": "error", "status": 403, "code": "AccessDenied"}, "is not allowed"),
                  ({"kind": "error", "status": 404, "code": "NoSuchKey"}, "does not exist"),
                  ({"kind": "error", "status": 503, "code": "SlowDown"}, "fewer requests"),
                  ({"kind": "error", "status": 500}, "the store fails"),
                  ({"kind": "error", "status": 301, "code": "PermanentRedirect", "endpoint": "oss-cn-beijing.aliyuncs.com"},
                   "is elsewhere: at oss-cn-beijing.aliyuncs.com"),
                  ({"kind": "reset"}, ""), ({"kind": "html"}, "not used"), ({"kind": "huge"}, "larger than"),
                  ({"kind": "half"}, "not used")]
        for fault, said in faults:
            with self.subTest(fault):
                self.host.set_zone_address("cn-hangzhou-h", ZONE_A)
                self.fleet.store.control.post("/faults", **fault, method="GET")
                # Another object, as a 304 has no body to spoil.
                text = self.fleet.objects()[KEY]
                self.fleet.put(text + " " if text.endswith("\n") else text)
                self.wait_beats(3)
                self.host.wait(lambda: self.faults() & {"PN-LIST-UNREACHABLE", "PN-LIST-REFUSED"}, "the fault in the status")
                if said:
                    self.assertTrue(self.host.log_lines(said), self.host.log()[-3000:])
                self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
                self.fleet.store.control.delete("/faults")
                self.fleet.put(text)
                self.host.wait(lambda: not self.faults() & {"PN-LIST-UNREACHABLE", "PN-LIST-REFUSED"}, "the fault to be over")
        self.fleet.store.control.post("/listener", open=False)
        self.wait_fault("PN-LIST-UNREACHABLE")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.fleet.store.control.post("/listener", open=True)
        self.host.wait(lambda: "PN-LIST-UNREACHABLE" not in self.faults(), "the fault to be over")

    def test_a_refused_clock_is_learned(self):
        self.start()
        self.fleet.store.control.post("/options", clock_offset_s=-1200)
        self.host.wait(lambda: self.host.log_lines("clock_offset_learned"), "the store's time to be learned")
        before = len(self.fleet.log(status=304))
        self.host.wait(lambda: len(self.fleet.log(status=304)) > before, "the list to be read again")
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})

    def test_a_reload_changes_keys(self):
        self.start()
        other = f"{self.host.folder}/other.key"
        public = self.host.postern("publish", "keygen", other, config=False).stdout.strip()
        self.host.write_config(fleet=self.fleet.config(fleet_only=True, list_keys=[self.fleet.public, public]))
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: self.host.log_lines("config_reloaded"), "the reload")
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        done = self.fleet.publish(key_file=other)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)


class Fallback(FleetTest):
    def test_what_the_list_lacks_is_asked_of_the_api_and_seldom(self):
        self.assertEqual(self.fleet.publish().returncode, 0)
        more = "ep-bp1example0000000002"
        self.host.aliyun.control.put(f"/endpoints/{more}", Zones=[{"ZoneId": "cn-hangzhou-j", "EniIp": SPARE_ADDRESS}])
        self.host.write_config(fleet=self.fleet.config(), link={"endpoint": [ENDPOINT, more]})
        asked = len(self.host.api_log(action="ListVpcEndpointZones"))
        self.host.start_postern(config=False)
        self.host.wait_addresses(ZONE_A, ZONE_B, SPARE_ADDRESS)
        self.wait_beats(5)
        self.assertEqual(len(self.host.api_log(action="ListVpcEndpointZones")) - asked, 1)

    def test_without_a_store_a_new_host_asks_the_api(self):
        self.fleet.store.control.post("/listener", open=False)
        self.host.start_postern()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        self.assertIn("PN-LIST-UNREACHABLE", self.faults())


class OtherStores(FleetTest):
    def check(self, **changes):
        self.host.write_config(fleet=self.fleet.config(fleet_only=True, **changes))
        self.host.start_postern(config=False)
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def test_s3_with_its_own_keys(self):
        self.host.environment.update(AWS_ACCESS_KEY_ID="AKIAexample", AWS_SECRET_ACCESS_KEY="exampleS3Secret")
        self.host.write_config(fleet=self.fleet.config(list_url=f"s3://fleet/{KEY}", endpoint=f"https://{STORE}", region="cn-hangzhou"))
        done = self.fleet.publish()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check(list_url=f"s3://fleet/{KEY}", endpoint=f"https://{STORE}", region="cn-hangzhou")
        self.assertTrue(self.fleet.log(method="GET", signature="sigv4", status=200))
        self.assertTrue(self.fleet.log(method="PUT", signature="sigv4", status=200))

    def test_a_presigned_url_whose_signature_is_never_shown(self):
        self.assertEqual(self.fleet.publish().returncode, 0)
        self.check(list_url=f"https://{STORE_NAME}/{KEY}?Signature=good")
        for text in (self.host.log(), self.host.postern("status", "--json").stdout, self.host.http("/metrics")[1],
                     self.host.postern("check-config", "--online").stdout, self.host.postern("doctor").stdout):
            self.assertNotIn("Signature=good", text)
        self.host.wait(lambda: self.fleet.log(signature="presigned", status=304), "an unchanged list by the same URL")

    def test_a_public_bucket_is_asked_without_a_signature_where_that_is_said(self):
        self.assertEqual(self.fleet.publish().returncode, 0)
        self.fleet.store.control.post("/options", public=True)
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.check(access="anonymous")
        self.assertTrue(self.fleet.log(signature="anonymous", status=200))


class Publishing(FleetTest):
    FLEET = {"fleet_only": True}

    def test_the_key_file_is_checked_and_never_printed(self):
        with open(self.fleet.key_file, encoding="ascii") as file:
            secret = file.read().strip().removeprefix("ed25519-private:")
        self.assertEqual(self.host.postern("publish", "keygen", "--show", self.fleet.key_file, config=False).stdout.strip(),
                         self.fleet.public)
        again = self.host.postern("publish", "keygen", self.fleet.key_file, config=False)
        self.assertEqual(again.returncode, 2)
        self.assertIn("is there already", again.stderr)
        os.chmod(self.fleet.key_file, 0o644)
        done = self.fleet.publish()
        self.assertEqual(done.returncode, 2)
        self.assertIn("can be read or written by everyone", done.stderr)
        os.chmod(self.fleet.key_file, 0o600)
        for text in (done.stdout + done.stderr, self.fleet.publish("--json").stdout, self.fleet.publish("--dry-run").stdout):
            self.assertNotIn(secret, text)

    def test_only_changes_are_written_and_a_dry_run_writes_nothing(self):
        self.assertIn('"fleet":"prod"', self.fleet.publish("--dry-run").stdout)
        self.assertEqual(self.fleet.objects(), {})
        first = json.loads(self.fleet.publish("--json").stdout)
        self.assertTrue(first["written"])
        self.assertEqual(len(self.fleet.objects()), 2)
        self.assertFalse(json.loads(self.fleet.publish("--json").stdout)["written"])
        self.assertEqual(len(self.fleet.log(method="PUT")), 2)

    def test_an_endpoint_that_is_not_answered_keeps_what_the_list_had(self):
        self.assertEqual(self.fleet.publish().returncode, 0)
        before = self.fleet.objects()
        self.host.aliyun.control.delete(f"/endpoints/{ENDPOINT}")
        done = self.fleet.publish()
        self.assertEqual(done.returncode, 1)
        self.assertIn("keeps what the list had", done.stderr)
        self.assertEqual(self.fleet.objects(), before)

    def test_a_foreign_object_is_not_written_over(self):
        self.fleet.put("somebody's data")
        done = self.fleet.publish()
        self.assertEqual(done.returncode, 2)
        self.assertIn("--replace", done.stderr)
        self.assertEqual(self.fleet.objects()[KEY], "somebody's data")
        self.assertEqual(self.fleet.publish("--replace").returncode, 0)
        self.assertEqual(self.fleet.current()[1], {ZONE_A, ZONE_B})

    def start_publisher(self, *arguments, verb="list"):
        return subprocess.Popen([POSTERN, "publish", verb, "--config", self.host.config_file, "--key-file", self.fleet.key_file,
                                 *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.host.environment, cwd=self.host.folder)

    def test_killed_at_each_step_it_leaves_a_list_that_readers_accept(self):
        self.start()
        addresses = [SPARE_ADDRESS, ZONE_A]
        newest = self.fleet.current()[0]
        for step in range(8):
            for kind in ("hang", "after"):
                with self.subTest(step=step, kind=kind):
                    addresses.reverse()
                    self.host.set_zone_address("cn-hangzhou-h", addresses[0])
                    self.fleet.store.control.delete("/log")
                    # The agent's own requests are those of `current` with a condition, and a publisher's have none.
                    self.fleet.store.control.post("/faults", kind=kind, skip=step, publisher=True)
                    publisher = self.start_publisher()
                    self.host.wait(lambda publisher=publisher: publisher.poll() is not None or
                                   len(self.fleet.log(conditional=False)) > step, f"step {step}")
                    publisher.kill()
                    publisher.communicate(timeout=60)
                    self.fleet.store.control.delete("/faults")
                    generation, found = self.fleet.current()
                    self.assertGreaterEqual(generation, newest)
                    self.assertIn(found, [{ZONE_A, ZONE_B}, {SPARE_ADDRESS, ZONE_B}])
                    self.assertTrue(self.host.addresses() <= {ZONE_A, ZONE_B, SPARE_ADDRESS})
                    self.assertTrue(self.host.addresses())
                    done = self.fleet.publish()
                    self.assertEqual(done.returncode, 0, done.stderr)
                    newest, found = self.fleet.current()
                    self.assertEqual(found, {addresses[0], ZONE_B})
        self.wait_current(addresses[0], ZONE_B)
        self.assertFalse(self.host.log_lines("list_refused"))

    def test_killed_at_random_moments(self):
        self.start()
        rng = random.Random(7)
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        began = time.monotonic()
        self.assertEqual(self.fleet.publish().returncode, 0)
        takes = time.monotonic() - began
        addresses, newest = [SPARE_ADDRESS, ZONE_A], self.fleet.current()[0]
        wanted, kills = int(os.environ.get("POSTERN_KILLS", "20")), 0
        for _ in range(20 * wanted):  # some have ended before
            if kills == wanted:
                break
            addresses.reverse()
            self.host.set_zone_address("cn-hangzhou-h", addresses[0])
            publisher = self.start_publisher()
            try:
                publisher.communicate(timeout=rng.uniform(0.005, 1.5 * takes))
            except subprocess.TimeoutExpired:
                publisher.kill()
                publisher.communicate(timeout=60)
                kills += 1
            generation, found = self.fleet.current()
            self.assertGreaterEqual(generation, newest)
            newest = generation
            self.assertIn(found, [{ZONE_A, ZONE_B}, {SPARE_ADDRESS, ZONE_B}])
        self.assertEqual(kills, wanted)
        self.assertEqual(self.fleet.publish().returncode, 0)
        self.wait_current(addresses[0], ZONE_B)
        self.assertFalse(self.host.log_lines("list_refused"))

    def test_several_at_once_do_no_harm_with_and_without_versions(self):
        self.start()
        for versioning in (False, True):
            for address in (SPARE_ADDRESS, ZONE_A):
                with self.subTest(versioning=versioning, address=address):
                    self.fleet.store.control.post("/options", versioning=versioning)
                    self.host.set_zone_address("cn-hangzhou-h", address)
                    publishers = [self.start_publisher() for _ in range(4)]
                    for publisher in publishers:
                        _, stderr = publisher.communicate(timeout=120)
                        self.assertEqual(publisher.returncode, 0, stderr)
                    self.assertEqual(self.fleet.current()[1], {address, ZONE_B})
                    self.wait_current(address, ZONE_B)
        self.assertFalse([line for line in self.host.log_lines("list_refused") if "(older)" not in line])

    def test_as_a_service_it_follows_changes_until_it_is_ended(self):
        self.host.start_postern(wait_ready=False)
        publisher = self.start_publisher(verb="run")
        try:
            self.host.wait_addresses(ZONE_A, ZONE_B)
            self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
            self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
            writes = len(self.fleet.log(method="PUT"))
            self.host.wait_api_calls(2, action="ListVpcEndpointZones")
            self.assertEqual(len(self.fleet.log(method="PUT")), writes)
            publisher.terminate()
            _, stderr = publisher.communicate(timeout=60)
        finally:
            publisher.kill()
            publisher.communicate()
        self.assertEqual(publisher.returncode, 0, stderr)
        self.assertIn("list_published", stderr)

    def test_a_reload_of_the_service_takes_configuration_and_keys_or_none(self):
        self.host.start_postern(wait_ready=False)
        log = f"{self.host.folder}/publisher.log"
        with open(log, "wb") as file:
            publisher = subprocess.Popen([POSTERN, "publish", "run", "--config", self.host.config_file, "--key-file", self.fleet.key_file],
                                         stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=self.host.environment, cwd=self.host.folder)

        def logged(event):
            with open(log, encoding="utf-8") as file:
                return event in file.read()

        def signed_by(public):
            return json.loads(self.fleet.objects()[KEY].partition("\n")[0] + "0}")["signatures"][0]["key"] == public

        try:
            self.host.wait_addresses(ZONE_A, ZONE_B)
            first = self.fleet.current()[0]
            other = f"{self.host.folder}/other.key"
            public = self.host.postern("publish", "keygen", other, config=False).stdout.strip()
            with open(self.host.config_file, encoding="utf-8") as file:
                good = file.read()
            # A good file with a key that everybody may read: neither is taken.
            self.host.write_config(fleet=self.fleet.config(fleet_only=True, list_keys=[self.fleet.public, public]))
            os.chmod(self.fleet.key_file, 0o644)
            publisher.send_signal(signal.SIGHUP)
            self.host.wait(lambda: logged("publisher_config_refused"), "the keys to be refused")
            os.chmod(self.fleet.key_file, 0o600)
            self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
            self.host.wait(lambda: self.host.addresses() >= {SPARE_ADDRESS, ZONE_B}, "the change")
            self.assertTrue(signed_by(self.fleet.public))
            self.assertNotIn(public, good)
            self.host.agent.send_signal(signal.SIGHUP)  # readers know both keys before the publisher changes its own
            self.host.wait(lambda: self.host.log_lines("config_reloaded"), "the readers' reload")
            os.replace(other, self.fleet.key_file)
            publisher.send_signal(signal.SIGHUP)
            self.host.wait(lambda: logged("publisher_config_reloaded"), "the reload")
            self.host.set_zone_address("cn-hangzhou-h", ZONE_A)
            self.host.wait(lambda: signed_by(public), "the new key")
            self.host.wait(lambda: self.host.addresses() >= {ZONE_A, ZONE_B}, "the change back")
            self.assertGreater(json.loads(self.fleet.objects()[KEY].partition("\n")[2][:-3])["generation"], first)
            publisher.terminate()
            self.assertEqual(publisher.wait(timeout=60), 0)
        finally:
            publisher.kill()
            publisher.wait()

    def test_the_lifecycle_rules_of_the_manual_take_old_generations_and_nobody_misses_them(self):
        with open(os.path.join(TOP, "packaging/man/postern-fleet.7"), encoding="utf-8") as file:
            manual = file.read().replace("\\-", "-")
        rules = json.loads(re.search(r'^\{"Rules".*?^\]\}$', manual, re.M | re.S)[0])["Rules"]
        (oss,) = re.findall(r"<Prefix>(.*?)</Prefix>", manual)
        prefix = next(rule["Filter"]["Prefix"] for rule in rules if rule.get("Expiration"))
        self.assertEqual(prefix, oss)
        # Not before every list that names them has expired (--valid-for: 31 days at most).
        self.assertGreater(min(rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule), 31)
        self.assertIn(f"<Days>{rules[0]['Expiration']['Days']}</Days>", manual)
        self.start()
        for address in (SPARE_ADDRESS, ZONE_A, SPARE_ADDRESS):
            self.host.set_zone_address("cn-hangzhou-h", address)
            self.assertEqual(self.fleet.publish().returncode, 0)
        self.wait_current(SPARE_ADDRESS, ZONE_B)
        newest = self.fleet.current()[0]
        old = [key for key in self.fleet.objects() if key.startswith(prefix)]
        self.assertEqual(sorted(set(self.fleet.objects()) - set(old)), [KEY])
        self.assertEqual(len(old), 4)
        for key in old:
            self.fleet.store.control.delete(f"/objects/{BUCKET}/{urllib.parse.quote(key, safe='')}")
        self.assertEqual(list(self.fleet.objects()), [KEY])
        self.wait_beats()
        self.assertEqual(self.host.stop_agent(), 0)
        self.host.start_postern(wait_ready=False)  # a host that comes back
        self.wait_current(SPARE_ADDRESS, ZONE_B)
        self.host.set_zone_address("cn-hangzhou-h", ZONE_A)
        self.assertEqual(self.fleet.publish().returncode, 0)
        self.assertEqual(self.fleet.current(), (newest + 1, {ZONE_A, ZONE_B}))
        self.wait_current(ZONE_A, ZONE_B)
        self.assertFalse(self.host.log_lines("list_refused"))

    def test_usage(self):
        for arguments, said in ((["list"], "--key-file is missing"), (["list", "-k", "x", "--to", "ftp://x"], "is no place of a list"),
                                (["list", "-k", "x", "--valid-for", "1s"], "is not a duration"),
                                (["list", "-k", "x", "--endpoint", "vpc-1"], "vpc-1"), ([], "")):
            with self.subTest(arguments):
                done = self.host.postern("publish", *arguments, config=False)
                self.assertEqual(done.returncode, 3)
                self.assertIn(said, done.stderr)
        self.host.write_config(fleet={"name": "prod"})
        self.assertIn("give --to", self.fleet.publish().stderr)


if __name__ == "__main__":
    unittest.main()
