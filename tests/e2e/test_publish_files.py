# SPDX-License-Identifier: Apache-2.0
"""postern publish file and postern publish external-dns."""

import json
import os
import unittest

from host import NAME, ZONE_A, ZONE_B
from publish_kit import MOVED, PublishTest


class Files(PublishTest):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.host.folder, "names")

    def content(self):
        with open(self.file, encoding="utf-8") as file:
            return file.read()

    def write(self, *arguments, code=0, where="file"):
        return self.publish("--to", self.file, *arguments, code=code, where=where)

    def test_json_to_stdout_and_to_a_file(self):
        told = json.loads(self.publish(where="file").stdout)
        self.assertEqual([(a["ip"], a["zone"]) for a in told["names"][NAME]["addresses"]],
                         [(ZONE_A, "cn-hangzhou-h"), (ZONE_B, "cn-hangzhou-i")])
        self.assertIn("is written", self.write().stdout)
        self.assertEqual(json.loads(self.content())["names"], told["names"])
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o644)

    def test_written_only_when_an_address_changes(self):
        self.write()
        before = os.stat(self.file)
        self.assertIn("is as it should be", self.write().stdout)
        self.assertEqual(os.stat(self.file).st_ino, before.st_ino)
        self.move()
        self.write()
        self.assertNotEqual(os.stat(self.file).st_ino, before.st_ino)  # replaced in one step
        self.assertIn(MOVED, self.content())

    def test_lines_as_in_etc_hosts_are_read_as_such(self):
        self.write("--format", "hosts")
        lines = [line.split("#")[0].split() for line in self.content().splitlines()]
        self.assertEqual([line for line in lines if line], [[ZONE_A, NAME], [ZONE_B, NAME]])

    def test_a_manifest_for_external_dns(self):
        text = self.publish("--name", "tdengine", "--namespace", "dns", where="external-dns").stdout
        self.assertIn("apiVersion: externaldns.k8s.io/v1alpha1\nkind: DNSEndpoint\n", text)
        self.assertIn(f'    - dnsName: "{NAME}"\n      recordType: A\n      recordTTL: 30\n      targets:\n'
                      f'        - "{ZONE_A}"\n        - "{ZONE_B}"\n', text)
        self.write(where="external-dns")
        self.assertIn("as it should be", self.write(where="external-dns").stdout)

    def test_a_file_of_another_program_is_refused(self):
        for form in ("json", "hosts"):
            with open(self.file, "w", encoding="utf-8") as file:
                file.write("127.0.0.1 localhost\n")
            for more in ((), ("--undo",)):
                self.assertIn("postern publish did not write it", self.write("--format", form, *more, code=2).stderr)
            self.assertEqual(self.content(), "127.0.0.1 localhost\n")

    def test_what_is_not_known_never_takes_a_name_out(self):
        self.write()
        before = self.content()
        self.control.post("/faults", kind="denied", action="ListVpcEndpointZones")
        self.assertIn("the file has some", self.write(code=2).stderr)
        self.assertEqual(self.content(), before)
        os.unlink(self.file)
        self.write(code=2)
        self.assertFalse(os.path.exists(self.file))

    def test_a_dry_run_shows_it_and_undo_deletes_it(self):
        done = self.write("--dry-run")
        self.assertIn(ZONE_A, done.stdout)
        self.assertFalse(os.path.exists(self.file))
        self.write()
        self.write("--undo", "--dry-run")
        self.assertTrue(os.path.exists(self.file))
        self.assertIn("is deleted", self.write("--undo").stdout)
        self.assertFalse(os.path.exists(self.file))
        self.assertIn("is not there", self.write("--undo").stdout)

    def test_a_folder_that_is_not_there_is_an_error(self):
        self.assertIn("/none/x", self.publish("--to", "/none/x", where="file", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
