#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""install.sh as what a fleet takes: an OOS template that runs it through Cloud Assistant, and cloud-init's user data.

    make.py oos >postern-oos.json
    make.py cloud-init REPOSITORY KEY_SHA256 >user-data
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = {  # parameter of the template → (variable of install.sh, description, default; None: has to be given)
    "repository": ("POSTERN_REPOSITORY", "The folder with apt/ and yum/ of a release", None),
    "keySha256": ("POSTERN_KEY_SHA256", "SHA-256 of postern.asc", None),
    "version": ("POSTERN_VERSION", "This version; empty: the newest", ""),
    "config": ("POSTERN_CONFIG", "URL of postern.toml; empty: the example stays", ""),
    "takeover": ("POSTERN_TAKEOVER", "yes: the hosts ask postern for names", "no"),
}


def script():
    with open(os.path.join(HERE, "install.sh"), encoding="utf-8") as file:
        return file.read()


def quoted(value):
    return "'" + value.replace("'", "'\\''") + "'"


def with_settings(values):
    """The script with its variables set. OOS puts a parameter's value in place of {{ name }}."""
    first, rest = script().split("\n", 1)
    return first + "\n" + "".join(f"export {name}={quoted(value)}\n" for name, value in values.items()) + rest


def oos():
    parameters = {}
    for name, (_, description, default) in SETTINGS.items():
        parameters[name] = {"Type": "String", "Description": description,
                            # It stands between quotes of a shell.
                            "AllowedPattern": "^[A-Za-z0-9.:/_~+-]*$"} | ({} if default is None else {"Default": default})
    parameters["takeover"]["AllowedValues"] = ["no", "yes"]
    region = "{{ ACS::RegionId }}"
    return {
        "FormatVersion": "OOS-2019-06-01",
        "Description": {"en": "Installs or upgrades postern on ECS instances", "zh-cn": "在 ECS 实例上安装或升级 postern"},
        "Parameters": parameters | {
            "targets": {"Type": "Json", "AssociationProperty": "Targets",
                        "AssociationPropertyMetadata": {"ResourceType": "ALIYUN::ECS::Instance", "RegionId": region}},
            # A few at a time, and none after the first that failed.
            "rateControl": {"Type": "Json", "AssociationProperty": "RateControl",
                            "Default": {"Mode": "Concurrency", "Concurrency": 5, "MaxErrors": 0}},
            "OOSAssumeRole": {"Type": "String", "Default": "OOSServiceRole"},
        },
        "RamRole": "{{ OOSAssumeRole }}",
        "Tasks": [
            {"Name": "instances", "Action": "ACS::SelectTargets",
             "Properties": {"ResourceType": "ALIYUN::ECS::Instance", "RegionId": region, "Filters": ["{{ targets }}"]},
             "Outputs": {"ids": {"Type": "List", "ValueSelector": "Instances.Instance[].InstanceId"}}},
            {"Name": "install", "Action": "ACS::ECS::RunCommand",
             "Properties": {
                 "regionId": region, "instanceId": "{{ ACS::TaskLoopItem }}", "commandType": "RunShellScript",
                 "timeout": 600,
                 "commandContent": with_settings({variable: f"{{{{ {name} }}}}" for name, (variable, _, _) in SETTINGS.items()})},
             "Loop": {"Items": "{{ instances.ids }}", "RateControl": "{{ rateControl }}",
                      "Outputs": {"outputs": {"AggregateType": "Fn::ListJoin", "AggregateField": "output"}}},
             "Outputs": {"output": {"Type": "String", "ValueSelector": "invocationOutput"}}},
        ],
        "Outputs": {"outputs": {"Type": "List", "Value": "{{ install.outputs }}"}},
    }


def cloud_init(repository, key_sha256):
    """User data that is a script: every distribution's cloud-init runs it once, at the first boot."""
    return with_settings({"POSTERN_REPOSITORY": repository, "POSTERN_KEY_SHA256": key_sha256})


if __name__ == "__main__":
    if sys.argv[1:] == ["oos"]:
        print(json.dumps(oos(), indent=1, ensure_ascii=False))
    elif sys.argv[1:2] == ["cloud-init"] and len(sys.argv) == 4:
        print(cloud_init(*sys.argv[2:]), end="")
    else:
        sys.exit(__doc__)
