# SPDX-License-Identifier: Apache-2.0
"""postern publish kubernetes: Services and EndpointSlices in a cluster, by one of several publishers."""

import json
import re
import signal
import unittest

from host import NAME, POSTERN
from kube_kit import SERVICE, SLICE, ZONE_A, ZONE_B, KubeTest

BOTH = {ZONE_A: True, ZONE_B: True}


class Once(KubeTest):
    def test_a_service_and_its_slice_then_nothing_without_a_change(self):
        told = self.publish().stdout
        self.assertIn(f"rewrite name exact {NAME} {SERVICE}.db.svc.cluster.local answer auto", told)
        service = self.objects("services")[SERVICE]
        self.assertEqual(service["spec"]["clusterIP"], "None")
        self.assertNotIn("selector", service["spec"])
        (one, two) = self.objects("endpointslices")[SLICE]["endpoints"]
        self.assertEqual((one["zone"], two["zone"]), ("cn-hangzhou-h", "cn-hangzhou-i"))
        self.assertEqual(self.ready(), BOTH)
        since = self.now()
        self.assertIn("as it should be", self.publish().stdout)
        self.assertEqual(self.writes(since), [])

    def test_the_other_spelling(self):
        done = self.host.run(POSTERN, "publish", "--to", *self.arguments("once")[1:], env=self.host.environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.ready(), BOTH)

    def test_a_dry_run_prints_the_objects_and_writes_nothing(self):
        told = self.publish("--dry-run").stdout
        self.assertIn('"kind": "EndpointSlice"', told)
        self.assertIn(f"would create service {SERVICE}", told)
        names = json.loads(self.publish("--dry-run", "--json").stdout)["names"]
        self.assertEqual([one["kind"] for one in names[0]["objects"]], ["EndpointSlice", "Service"])
        self.assertEqual(self.writes(of_leases=True), [])

    def test_a_zone_that_is_down_is_not_ready_and_the_last_one_stays(self):
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.assertIn("withdrawn", self.publish().stdout)
        self.assertEqual(self.ready(), {ZONE_A: False, ZONE_B: True})
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.publish()
        self.assertEqual(self.ready(), BOTH)  # none is better: all are answered, as on a host
        self.assert_never_empty()

    def test_addresses_that_are_not_known_change_nothing(self):
        self.publish()
        self.host.aliyun.control.post("/faults", kind="denied", action="ListVpcEndpointZones")
        since = self.now()
        self.publish(code=2)
        self.assertEqual(self.writes(since), [])
        self.assertEqual(self.ready(), BOTH)

    def test_undo_takes_exactly_what_is_posterns(self):
        self.publish()
        self.publish("--undo", "--dry-run")
        self.assertIn(SERVICE, self.objects("services"))
        self.publish("--undo")
        state = self.state()["objects"]
        self.assertEqual((state["services"], state["endpointslices"], state["leases"]), ({}, {}, {}))
        self.assertIn("nothing of postern's", self.publish("--undo").stdout)

    def test_loopback_addresses_are_refused_before_the_api_server_does(self):
        self.host.set_zone_address("cn-hangzhou-h", "127.0.0.9")
        self.assertIn("127.0.0.9 of", self.publish(code=2).stderr)
        self.assertEqual(self.writes(), [])

    def test_what_the_server_refuses_is_told_with_the_next_step(self):
        for fault, words in (({"status": 403}, "postern-kubernetes"), ({"status": 500}, "HTTP 500"), ({"status": 401}, "token")):
            self.control.delete("/faults")
            self.control.post("/faults", kind="status", **fault)
            self.assertIn(words, self.publish(code=2).stderr)
        for kind in ("html", "huge", "reset"):
            self.control.delete("/faults")
            self.control.post("/faults", kind=kind)
            self.publish(code=2)
        self.assertEqual(self.objects("services"), {})

    def test_a_namespace_that_is_not_there(self):
        self.assertIn("create the namespace", self.publish(space="elsewhere", code=2).stderr)

    def test_conflicts_are_read_again_and_a_short_pause_is_kept(self):
        self.publish()
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.control.post("/faults", kind="race", resource="endpointslices", method="PATCH", count=2)
        self.control.post("/faults", kind="status", status=429, retry_after=1, method="GET", resource="services", count=1)
        self.publish()
        self.assertEqual(self.ready(), {ZONE_A: False, ZONE_B: True})

    def test_a_pod_finds_its_own_cluster(self):
        done = self.host.postern("publish", "kubernetes")
        self.assertEqual(done.returncode, 3)
        self.assertIn("KUBERNETES_SERVICE_HOST", done.stderr)


class OtherServices(KubeTest):
    SCENARIO = {"objects": {"services": [
        {"apiVersion": "v1", "kind": "Service", "spec": {"clusterIP": f"10.96.{n // 250}.{n % 250}", "ports": []},
         "metadata": {"name": f"app-{n}", "namespace": "db", "labels": {"app.kubernetes.io/managed-by": "Helm"}}} for n in range(5000)]
        + [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE, "namespace": "db"}, "spec": {"clusterIP": "None", "ports": []}}]}}

    def test_a_service_that_postern_did_not_make_stays(self):
        before = self.objects("services")
        self.assertIn("that postern did not make", self.publish(code=1).stdout)
        self.assertEqual(self.objects("endpointslices"), {})
        self.publish("--undo")
        self.assertEqual(self.objects("services"), before)

    def test_nobody_elses_objects_are_asked_for(self):
        self.host.write_config(link={"probe": {"interval": "1s"}, "name": "second"})
        one = self.keep("one")
        self.host.wait(lambda: "second" in self.objects("services"), "the service")
        self.host.wait(lambda: len([e for e in self.control.log() if e["resource"] == "leases"]) > 4, "the Lease to be renewed")
        with open(f"/proc/{one.pid}/status", encoding="ascii") as file:
            own_kib = int(re.search(r"RssAnon:\s+(\d+)", file.read())[1])
        self.end(one)
        self.publish("--undo")
        for entry in self.control.log():
            self.assertTrue(entry["name"] or "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dpostern" in entry["query"]
                            or entry["method"] == "POST", entry)
        self.assertEqual(len(self.objects("services")), 5001)
        with open(POSTERN, "rb") as file:
            if b"__asan_init" in file.read():
                self.skipTest("its memory is mostly the sanitizer's; all but that was checked")
        self.assertLess(own_kib, 20_000)


class Keep(KubeTest):
    def test_two_publishers_one_writes_and_the_other_takes_over(self):
        one = self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        two = self.keep("two")
        self.host.wait(lambda: "another publisher writes" in self.log_of(two), "the second to follow")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.wait_ready_is({ZONE_A: False, ZONE_B: True}, "the dead zone to be not ready")
        self.host.gateways.control.post("/listeners/zone-a", mode="ok")
        self.wait_ready_is(BOTH, "the zone to be back")
        self.assertEqual({who for who, _, _ in self.writes(of_leases=True)}, {"one"})
        one.kill()
        self.host.wait(lambda: self.holder() == "two", "the second to take over", deadline_s=60)
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.wait_ready_is({ZONE_A: True, ZONE_B: False}, "the second to write")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.wait_ready_is(BOTH, "the last one to stay")
        self.end(two)
        self.assertEqual(self.holder(), "")
        self.assert_never_empty()

    def test_nothing_is_written_without_a_change(self):
        self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.host.wait(lambda: SERVICE in self.objects("services"), "the service")
        since = self.now()
        self.host.wait(lambda: len([e for e in self.control.log(since) if e["method"] == "PATCH"]) >= 3, "three renewals")
        self.assertEqual(self.writes(since), [])

    def test_a_publisher_that_comes_back_does_not_call_a_dead_zone_ready(self):
        one = self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.wait_ready_is({ZONE_A: False, ZONE_B: True}, "the dead zone to be not ready")
        self.end(one)
        before = len(self.state()["history"])
        again = self.keep("one")
        self.host.wait(lambda: self.holder() == "one", "the Lease")
        since = self.now()
        self.host.wait(lambda: any(e["resource"] == "services" for e in self.control.log(since)), "the first look")
        self.assertEqual(self.state()["history"][before:], [])
        self.assertEqual(self.ready(), {ZONE_A: False, ZONE_B: True})
        self.end(again)

    def test_the_api_server_away_loses_nothing(self):
        one = self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.control.post("/listener", open=False)
        self.host.wait(lambda: "cluster_not_written" in self.log_of(one), "it to be said")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait(lambda: "verdict_changed" in self.log_of(one), "the verdict")
        self.assertIsNone(one.poll())
        self.control.post("/listener", open=True)
        self.wait_ready_is({ZONE_A: False, ZONE_B: True}, "what was not written")
        self.host.wait(lambda: "cluster_written_again" in self.log_of(one), "it to be said")
        self.assertEqual(self.log_of(one).count("cluster_not_written"), 1)

    def test_a_token_that_expires_is_read_again(self):
        one = self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.control.put("/tokens", **{"pod-token-new": "one"})
        self.host.write_file("one.token", "pod-token-new")
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.wait_ready_is({ZONE_A: False, ZONE_B: True}, "the new token to be used")
        self.assertNotIn("pod-token", self.log_of(one))

    def test_what_others_change_is_put_right(self):
        self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.host.wait(lambda: SERVICE in self.objects("services"), "the service")
        self.control.delete(f"/objects/endpointslices/{SLICE}")
        self.host.wait(lambda: self.ready() == BOTH, "the slice to be made again", deadline_s=60)

    def test_a_single_run_leaves_it_to_the_one_that_goes_on(self):
        self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.assertIn("another publisher writes: one", self.publish().stdout)
        self.assertEqual({who for who, _, _ in self.writes(of_leases=True)}, {"one"})

    def test_the_configuration_is_followed(self):
        one = self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        self.host.write_config(link={"name": "other-name"})
        self.host.wait(lambda: "other-name" in self.objects("services"), "the renamed link's service")
        self.host.write_file("postern.toml", "nonsense = 1\n")
        self.host.wait(lambda: "publisher_config_refused" in self.log_of(one), "the mistake to be said")
        self.assertIsNone(one.poll())

    def test_a_stopped_leader_writes_no_more(self):
        one = self.keep("one")
        self.wait_ready_is(BOTH, "the slice")
        two = self.keep("two")
        one.send_signal(signal.SIGSTOP)
        self.host.wait(lambda: self.holder() == "two", "the second to take over", deadline_s=60)
        since = self.now()
        one.send_signal(signal.SIGCONT)
        self.host.wait(lambda: "another publisher writes" in self.log_of(one), "the first to follow")
        self.assertNotIn("one", {who for who, _, _ in self.writes(since, of_leases=True)})
        self.end(two)


if __name__ == "__main__":
    unittest.main()
