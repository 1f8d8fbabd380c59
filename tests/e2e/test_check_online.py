# SPDX-License-Identifier: Apache-2.0
"""postern check-config --online looks as the installed service would: its environment, its user, what its unit hides."""

import json
import os
import shutil
import unittest

from host import ENDPOINT, KEY_ID, KEY_SECRET, POSTERN, ZONE_A, HostTest

UNIT = "/etc/systemd/system/postern.service"
ENVIRONMENT = "/etc/default/postern"
KEYS = f"ALIBABA_CLOUD_ACCESS_KEY_ID={KEY_ID}\nALIBABA_CLOUD_ACCESS_KEY_SECRET='{KEY_SECRET}'\n"


class CheckOnline(HostTest):
    def setUp(self):
        super().setUp()
        self.host.private_etc()
        self.host.start_world(role=None)
        self.host.write_config()
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            self.host.environment[name] = "not-the-service's"
        for path, folders, files in os.walk(self.host.folder):
            for name in (".", *files):
                os.chmod(os.path.join(path, name), 0o755 if name == "." else 0o644)
            folders[:] = [name for name in folders if name != "etc"]
        shutil.chown(self.host.token_file, "nobody")
        os.chmod(self.host.token_file, 0o600)

    def put(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def unit(self, *more, user="nobody"):
        self.put(UNIT, "\n".join(("[Service]", f"ExecStart=/usr/bin/postern run --config {self.host.config_file}",
                                  f"EnvironmentFile=-{ENVIRONMENT}", f"User={user}", *more)) + "\n")

    def online(self, code, **popen):
        done = self.host.run(POSTERN, "check-config", "--config", self.host.config_file, "--online", env=self.host.environment,
                             **popen)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn(KEY_SECRET, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_the_environment_is_the_service_s(self):
        self.unit()
        self.put(ENVIRONMENT, KEYS, 0o600)  # read before the rights go
        told = self.online(0)
        self.assertIn(f"service: {UNIT}, user nobody, HOME /nonexistent\n", told)
        self.assertIn("  environment      ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET\n", told)
        self.assertRegex(told, r"(?m)^  environment +used$")
        self.assertIn(f"{ENDPOINT}: {ZONE_A}", told)
        self.put(f"{UNIT}.d/proxy.conf", "[Service]\nEnvironment=https_proxy=http://127.0.0.9:1\n")
        self.assertIn("the proxy 127.0.0.9:1", self.online(2))

    def test_what_only_root_can_read(self):
        config = self.put(f"{self.host.folder}/profiles.json", json.dumps({"current": "a", "profiles": [
            {"name": "a", "mode": "AK", "access_key_id": KEY_ID, "access_key_secret": KEY_SECRET}]}), 0o600)
        self.unit(f"Environment=ALIBABA_CLOUD_CONFIG_FILE={config}", user="root")
        self.assertIn("used", self.online(0))
        self.unit(f"Environment=ALIBABA_CLOUD_CONFIG_FILE={config}")
        shutil.chown(self.host.token_file, "root")
        told = self.online(2)
        self.assertIn(f"warning: {self.host.token_file} can't be read by user nobody: chown root:postern", told)
        self.assertIn(f"  credentials      {config} can't be read by user nobody\n", told)
        self.assertRegex(told, rf"cli_profile +failing: cannot open {config}: Permission denied")
        os.chmod(self.host.config_file, 0o600)
        self.assertIn(f"can't read {self.host.config_file} as user nobody", self.online(3))

    def test_what_the_unit_hides(self):
        self.unit("PrivateTmp=yes")
        self.put(ENVIRONMENT, KEYS)
        self.assertTrue(self.host.folder.startswith("/tmp/"))
        self.assertIn(f"warning: {self.host.token_file} can't be seen by the service: PrivateTmp= in postern.service", self.online(1))

    def test_without_root_it_says_what_was_not_checked(self):
        self.unit(user="daemon")
        self.put(ENVIRONMENT, KEYS, 0o600)
        told = self.online(2, user="nobody", group="nogroup", extra_groups=[])
        self.assertIn(f"  not checked      {ENVIRONMENT}: Permission denied\n", told)
        self.assertIn("  not checked      what user daemon may read: run it as root\n", told)
        self.assertIn("credentials: none", told)  # ours are not the service's

    def test_without_a_service_of_this_configuration_the_caller_s(self):
        self.host.environment.update(ALIBABA_CLOUD_ACCESS_KEY_ID=KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET=KEY_SECRET)
        self.assertIn("service: none installed with this configuration", self.online(0))
        self.put(UNIT, "[Service]\nExecStart=/usr/bin/postern run\nUser=nobody\n")
        self.assertIn("service: none installed with this configuration", self.online(0))


if __name__ == "__main__":
    unittest.main()
