# SPDX-License-Identifier: Apache-2.0
"""Every source of addresses is asked again, whatever came between: a refresh, a reload, a pause, a file exchanged, credentials that come late."""

import json
import os
import signal
import unittest

from host import ENDPOINT, KEY_ID, KEY_SECRET, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest

ENDPOINTS = [ENDPOINT, *(f"ep-bp1example000000000{n}" for n in range(2, 6))]
GAP_S = 10  # the configured longest interval is 4 s


class LostPolls(HostTest):
    def start_with(self, count, **changes):
        """That many endpoints, each with the addresses of one of the gateways."""
        zones = [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}, {"ZoneId": "cn-hangzhou-i", "EniIp": ZONE_B}]
        self.host.start_world(endpoints={endpoint: {"Zones": zones} for endpoint in ENDPOINTS[:count]})
        self.host.start_postern(link={"endpoint": ENDPOINTS[:count]}, **changes)
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def asked(self, endpoint):
        return [entry for entry in self.host.api_log(action="ListVpcEndpointZones")
                if entry["params"].get("EndpointId") == endpoint]

    def assert_all_are_asked(self, count):
        """Three times more, each."""
        before = {endpoint: len(self.asked(endpoint)) for endpoint in ENDPOINTS[:count]}
        for endpoint, seen in before.items():
            self.host.wait(lambda e=endpoint, n=seen: len(self.asked(e)) >= n + 3, f"{endpoint} to be asked again", deadline_s=4 * GAP_S)

    def poll_ages(self):
        lines = self.host.http("/metrics")[1].splitlines()
        return [float(line.split()[-1]) for line in lines if line.startswith("postern_discovery_poll_age_seconds{")]

    def test_refresh_in_a_throttling_pause(self):
        self.start_with(2)
        self.host.aliyun.control.post("/faults", kind="throttle", time_left_ms=12000)
        self.host.wait_api_calls(1, fault="throttle")
        for _ in range(3):
            self.host.postern("refresh")
        self.host.aliyun.control.delete("/faults")
        self.assert_all_are_asked(2)
        self.assertEqual(len(self.poll_ages()), 2)
        self.assertLess(max(self.poll_ages()), GAP_S)

    def test_reload_with_another_interval(self):
        self.start_with(5)
        for interval in ("3s", "2s", "1s", "2s"):
            self.host.write_config(link={"endpoint": ENDPOINTS}, aliyun={"poll_interval": interval})
            reloads = len(self.host.log_lines('config_reloaded'))
            self.host.agent.send_signal(signal.SIGHUP)
            self.host.wait(lambda n=reloads: len(self.host.log_lines('config_reloaded')) > n, 'the reload')
        self.assert_all_are_asked(5)

    def test_credentials_that_come_after_the_start(self):
        self.host.start_world(role=None, endpoints={endpoint: {"Zones": [{"ZoneId": "cn-hangzhou-h", "EniIp": ZONE_A}]}
                                                    for endpoint in ENDPOINTS[:3]})
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        path = f"{self.host.folder}/credentials"
        self.host.environment["ALIBABA_CLOUD_CREDENTIALS_FILE"] = path
        self.host.start_postern(wait_ready=False, link={"endpoint": ENDPOINTS[:3]})
        self.host.wait(lambda: self.host.log_lines("credential"), "the missing credentials in the log")
        self.host.postern("refresh")
        self.host.write_file("credentials", f"[default]\ntype = access_key\naccess_key_id = {KEY_ID}\naccess_key_secret = {KEY_SECRET}\n")
        os.chmod(path, 0o600)
        self.host.wait_addresses(ZONE_A, deadline_s=4 * GAP_S)
        self.assert_all_are_asked(3)


class Exchanged(HostTest):
    """A folder that Kubernetes mounts: files are links through ..data, which is exchanged."""

    def exchange(self, addresses):
        self.generation = getattr(self, "generation", 0) + 1
        folder = f"{self.host.folder}/map/..{self.generation}"
        os.makedirs(folder)
        zones = [{"ZoneId": f"cn-hangzhou-{n}", "EniIp": address, "ZoneStatus": "Connected"} for n, address in zip("hij", addresses)]
        with open(f"{folder}/zones.json", "w", encoding="ascii") as file:
            json.dump({"RequestId": f"R{self.generation}", "Zones": zones}, file)
        os.symlink(f"..{self.generation}", f"{self.host.folder}/map/..new")
        os.replace(f"{self.host.folder}/map/..new", f"{self.host.folder}/map/..data")

    def test_a_zones_file_is_exchanged_again_and_again(self):
        self.host.start_upstream()
        self.host.start_gateways()
        os.mkdir(f"{self.host.folder}/map")
        self.exchange([ZONE_A])
        os.symlink("..data/zones.json", f"{self.host.folder}/map/zones.json")
        self.host.start_postern(link={"endpoint": None, "zones_file": f"{self.host.folder}/map/zones.json"})
        for addresses in ([ZONE_B], [ZONE_A], [SPARE_ADDRESS], [ZONE_B, ZONE_A], [ZONE_A, SPARE_ADDRESS]):
            self.exchange(addresses)
            self.host.wait_addresses(*addresses)


if __name__ == "__main__":
    unittest.main()
