# SPDX-License-Identifier: Apache-2.0
"""postern publish kubernetes and ack-dns against a stand-in API server, as from a pod."""

import json
import os
import signal
import subprocess

from host import LINK, POSTERN, HostTest
from launch import StandIn

import pki  # in the folder that host.py adds

SERVER = "127.0.0.8:6443"
TOKENS = {"pod-token-one": "one", "pod-token-two": "two", "pod-token-once": "once"}
ZONE_A, ZONE_B = "10.99.0.2", "10.99.0.3"  # an EndpointSlice has no loopback addresses
SERVICE, SLICE = LINK, f"{LINK}-ipv4"
FAST = {"interval": "1s", "timeout": "500ms", "connect_timeout": "300ms", "fall": 3, "rise": 2, "fast_interval": "200ms"}


class KubeTest(HostTest):
    SCENARIO = {}

    def setUp(self):
        super().setUp()
        subprocess.run(["ip", "address", "replace", f"{ZONE_A}/32", "dev", "lo"], check=True, timeout=30)
        subprocess.run(["ip", "address", "replace", f"{ZONE_B}/32", "dev", "lo"], check=True, timeout=30)
        self.publishers = []
        self.addCleanup(self.stop_all)
        self.host.start_upstream()
        # Only in this namespace, which leads nowhere.
        os.environ["STANDIN_NETWORK"] = "10.99.0.0/16"
        self.addCleanup(os.environ.pop, "STANDIN_NETWORK")
        self.host.start_gateways({"zone-a": ZONE_A, "zone-b": ZONE_B})
        self.host.start_aliyun(endpoints={"ep-bp1example0000000001": {"Zones": [
            {"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": ZONE_B}]}})
        pki.make_leaf(self.host.pki, "kube", [SERVER.partition(":")[0]])
        scenario = {"namespaces": ["db"], "tokens": TOKENS, **self.SCENARIO}
        self.kube = StandIn("kube.py", "--cert", f"{self.host.pki}/kube.pem", "--key", f"{self.host.pki}/kube.key", "--scenario",
                            self.host.write_file("kube.json", json.dumps(scenario)), "--listen", SERVER, folder=self.host.folder)
        self.addCleanup(self.kube.stop)
        self.control = self.kube.control
        self.host.write_config(link={"probe": FAST})

    def arguments(self, who, where="kubernetes", space="db"):
        token = self.host.write_file(f"{who}.token", next(token for token, owner in TOKENS.items() if owner == who) + "\n")
        return ["publish", where, "--config", self.host.config_file, "--server", f"https://{SERVER}", "--ca-file", self.host.ca,
                "--token-file", token, "--namespace", space, "--publisher", who]

    def publish(self, *arguments, code=0, where="kubernetes", who="once", space="db"):
        done = self.host.run(POSTERN, *self.arguments(who, where, space), *arguments, env=self.host.environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for token in TOKENS:
            self.assertNotIn(token, done.stdout + done.stderr)
        return done

    def keep(self, who, where="kubernetes"):
        """A publisher that goes on; `.log_file` has what it says."""
        path = os.path.join(self.host.folder, f"{who}.log")
        with open(path, "ab") as log:
            publisher = subprocess.Popen([POSTERN, *self.arguments(who, where), "--keep"], stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, env=self.host.environment, cwd=self.host.folder)
        publisher.log_file = path
        self.publishers.append(publisher)
        return publisher

    def stop_all(self):
        for publisher in self.publishers:
            if publisher.poll() is None:
                publisher.kill()
            publisher.wait(timeout=30)

    def end(self, publisher):
        publisher.send_signal(signal.SIGTERM)
        self.assertEqual(publisher.wait(timeout=30), 0, self.log_of(publisher))

    @staticmethod
    def log_of(publisher):
        with open(publisher.log_file, encoding="utf-8") as file:
            return file.read()

    def state(self):
        return self.control.get("/state")

    def objects(self, plural):
        return self.state()["objects"][plural]

    def ready(self):
        """{address: ready} of the slice; {} while there is none."""
        slice_now = self.objects("endpointslices").get(SLICE, {"endpoints": []})
        return {e["addresses"][0]: e["conditions"]["ready"] for e in slice_now["endpoints"]}

    def wait_ready_is(self, wanted, what):
        self.host.wait(lambda: self.ready() == wanted, what)

    def holder(self, lease="postern-publisher"):
        return self.objects("leases").get(lease, {"spec": {"holderIdentity": ""}})["spec"]["holderIdentity"].partition("_")[0]

    def writes(self, since=0, of_leases=False):
        """(who, method, resource) of what was written."""
        return [(e["who"], e["method"], e["resource"]) for e in self.control.log(since)
                if e["method"] != "GET" and e["status"] in (200, 201) and (of_leases or e["resource"] != "leases")]

    def now(self):
        """The number of the newest request."""
        return self.control.get("/log?since=0&limit=10000")["next"]

    def assert_never_empty(self):
        for entry in self.state()["history"]:
            if entry["ready"] is not None:
                self.assertTrue(entry["ready"], entry)

