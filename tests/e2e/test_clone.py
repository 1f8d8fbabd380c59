# SPDX-License-Identifier: Apache-2.0
"""An image of a machine that starts as another machine: what the programs have written, and what is left of it."""

import os
import re
import unittest

from host import POSTERN, ZONES, HostTest

LEFT = {"instance", "agent.lock", "resolver.lock", "hostdns.lock", "stats", "queries"}
WRITTEN = ("snapshot.json", "verdicts.json", "drains.json", "history", "probe.log", "generation", "last-good.toml", "plan",
           "fallback-upstreams")


class Clone(HostTest):
    def prestart(self):
        done = self.host.run("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh",
                             POSTERN, "dns", "prestart", "--config", self.host.config_file, env=self.host.environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def names(self):
        return {name for folder in (self.host.state_dir, self.host.runtime_dir) for name in os.listdir(folder)}

    def test_nothing_that_the_programs_write_is_overlooked(self):
        self.host.start(dns={"query_log_sample": 1})
        self.host.wait_addresses(*ZONES.values())
        self.host.wait(lambda: self.host.postern("drain", next(iter(ZONES)), "--for", "1h").returncode == 0, "a drain to begin")
        self.host.wait(lambda: self.names() >= set(WRITTEN), "all files to be there")
        self.host.stop_agent()
        self.assertEqual(self.prestart(), "")
        instance = f"{self.host.state_dir}/instance"
        if not os.path.exists(instance):
            self.skipTest("this machine has no identity")
        with open(instance, encoding="ascii") as file:
            identity = file.read()
        before = self.names()
        self.assertEqual(self.prestart(), "")
        self.assertEqual(self.names(), before)

        with open(instance, "w", encoding="ascii") as file:
            file.write(re.sub(r"=\S+", "=another", identity))
        self.assertIn("a clone of an image", self.prestart())
        self.assertEqual(self.names() - LEFT, set())
        with open(instance, encoding="ascii") as file:
            self.assertEqual(file.read(), identity)


if __name__ == "__main__":
    unittest.main()
