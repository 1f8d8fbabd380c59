#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The rollout's template and user data: well-formed, every name known, nothing that a value could break out of."""

import json
import os
import re
import subprocess
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAKE = f"{TOP}/packaging/rollout/make.py"


def made(*arguments):
    return subprocess.run([MAKE, *arguments], check=True, capture_output=True, text=True).stdout


def is_a_script(text):
    return text.startswith("#!/bin/sh\n") and subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


class Rollout(unittest.TestCase):
    def test_the_template_uses_what_it_declares_and_nothing_else(self):
        template = json.loads(made("oos"))
        tasks = {task["Name"]: set(task["Outputs"]) for task in template["Tasks"]}
        known = set(template["Parameters"]) | {f"{task}.{name}" for task, names in tasks.items() for name in names}
        known |= {"ACS::RegionId", "ACS::TaskLoopItem", "install.outputs"}
        text = json.dumps({key: template[key] for key in ("RamRole", "Tasks", "Outputs")})
        used = set(re.findall(r"{{ ([^}]*) }}", text))
        self.assertEqual(used - known, set())
        self.assertEqual(set(template["Parameters"]) - used, set())
        self.assertEqual(len(re.findall("{{", text)), len(re.findall(r"{{ [^}]* }}", text)))

    def test_the_command_is_a_script_of_a_size_that_cloud_assistant_takes(self):
        template = json.loads(made("oos"))
        command = template["Tasks"][1]["Properties"]["commandContent"]
        self.assertTrue(is_a_script(command))
        self.assertLess(len(command.encode()), 16384)
        for name in ("repository", "keySha256", "version", "config", "takeover"):
            pattern = re.compile(template["Parameters"][name]["AllowedPattern"])
            for bad in ("a'b", "a b", "$(x)", "a\nb", "`x`"):
                self.assertIsNone(pattern.fullmatch(bad), (name, bad))
            self.assertIsNotNone(pattern.fullmatch("https://repo.example/postern_1.0~rc+1-x"))
            self.assertEqual(command.count(f"{{{{ {name} }}}}"), 1)

    def test_user_data_is_a_script_with_its_settings(self):
        data = made("cloud-init", "https://repo.example/it's", "0" * 64)
        self.assertTrue(is_a_script(data))
        shown = subprocess.run(["sh"], input=data.split("set -eu")[0] + 'echo "$POSTERN_REPOSITORY"', text=True, check=True,
                               capture_output=True).stdout
        self.assertEqual(shown, "https://repo.example/it's\n")


if __name__ == "__main__":
    unittest.main()
