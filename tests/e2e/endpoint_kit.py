# SPDX-License-Identifier: Apache-2.0
"""postern endpoint against a cloud that checks signatures and permissions."""

import json
import subprocess

from host import KEY_SECRET, POSTERN, ZONE_A, HostTest

SERVICE = "epsrv-bp1example0000000009"
SERVICE_NAME = f"com.aliyuncs.privatelink.cn-hangzhou.{SERVICE}"
VPC = "vpc-bp1example00000000001"
GROUP = "sg-bp1example00000000001"
MADE = "ep-bp1made00000000000001"
ACCOUNT = "1234567890123456"
ACCEPT = "accept it in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID "
OPEN = {"PortRange": "443/443", "SourceCidrIp": "192.168.0.0/16"}


class EndpointTest(HostTest):
    SCENARIO = {}

    def setUp(self):
        super().setUp()
        self.host.start_upstream()
        scenario = {"services": {SERVICE: {"Zones": ["cn-hangzhou-h", "cn-hangzhou-i"]}}, "endpoints": {},
                    "lifecycle": {"eni_ips": [ZONE_A], "request_s": 2}, **self.SCENARIO}
        self.host.start_aliyun(**scenario)
        self.control = self.host.aliyun.control
        self.host.write_config()

    def endpoint(self, *arguments, code=0):
        """The command's CompletedProcess; no output holds a secret."""
        done = self.host.postern("endpoint", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn(KEY_SECRET, done.stdout + done.stderr)
        return done

    def json(self, *arguments, code=0):
        value = json.loads(self.endpoint(*arguments, "--json", code=code).stdout)
        self.assertEqual(value["schema_version"], 1)
        return value

    def state(self):
        return self.control.get("/state")

    def calls(self, action):
        return self.host.api_log(action=action)

    def start(self, *arguments, **popen):
        return subprocess.Popen([POSTERN, "endpoint", *arguments, "--config", self.host.config_file], env=self.host.environment,
                                cwd=self.host.folder, text=True, **popen)
