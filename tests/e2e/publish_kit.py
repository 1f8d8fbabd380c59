# SPDX-License-Identifier: Apache-2.0
"""postern publish against a cloud that checks signatures and permissions."""

from cloud_kit import CloudCommandTest
from host import NAME

LINE_A, LINE_B = "aliyun_r_cn-hangzhou-h", "aliyun_r_cn-hangzhou-i"
MOVED = "127.0.0.9"


class PublishTest(CloudCommandTest):
    COMMAND = "publish"

    def publish(self, *arguments, code=0, where="privatezone"):
        return self.command(where, *arguments, code=code)

    def json(self, *arguments, code=0):
        return self.command_json("privatezone", *arguments, code=code)

    def one(self, *arguments, code=0):
        (name,) = self.json(*arguments, code=code)["names"]
        return name

    def zones(self):
        return self.control.get("/state")["private_zones"]["zones"]

    def records(self, rr="@"):
        """{(line, address)} of the name in the only zone."""
        (zone,) = self.zones().values()
        return {(record["Line"], record["Value"]) for record in zone["records"] if record["Rr"] == rr}

    def notes(self):
        return [r for zone in self.zones().values() for r in zone["records"] if r["Rr"] == "_postern"]

    def forget_notes(self):
        """As if the last change were long ago, and by somebody who is gone."""
        for note in self.notes():
            self.control.delete(f"/private-records/{note['RecordId']}")

    def move(self, address=MOVED, zone="cn-hangzhou-h"):
        self.host.set_zone_address(zone, address)

    def assert_never_empty(self):
        """Since the name was first answered where the VPC asks, every write left it with an address."""
        history = [entry["answers"].get(NAME, {}) for entry in self.control.get("/state")["private_zones"]["history"]]
        answered = [bool(lines.get("default")) for lines in history]
        self.assertIn(True, answered)
        self.assertNotIn(False, answered[answered.index(True):])

    def all_for(self, a, b):
        return {("default", a), ("default", b), (LINE_A, a), (LINE_B, b)}
