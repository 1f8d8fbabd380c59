# SPDX-License-Identifier: Apache-2.0
"""A command against a cloud that checks signatures and permissions."""

import json

from host import KEY_SECRET, HostTest


class CloudCommandTest(HostTest):
    COMMAND = ""  # of postern
    CLOUD, SCENARIO = {}, {}  # what every case has; what a class adds

    def setUp(self):
        super().setUp()
        self.host.start_upstream()
        self.host.start_aliyun(**{**self.CLOUD, **self.SCENARIO})
        self.control = self.host.aliyun.control
        self.host.write_config()

    def command(self, *arguments, code=0):
        """The command's CompletedProcess; no output holds a secret."""
        done = self.host.postern(self.COMMAND, *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn(KEY_SECRET, done.stdout + done.stderr)
        return done

    def command_json(self, *arguments, code=0):
        value = json.loads(self.command(*arguments, "--json", code=code).stdout)
        self.assertEqual(value["schema_version"], 1)
        return value
