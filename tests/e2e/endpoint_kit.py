# SPDX-License-Identifier: Apache-2.0
"""postern endpoint against a cloud that checks signatures and permissions."""

import subprocess

from cloud_kit import CloudCommandTest
from host import POSTERN, ZONE_A

SERVICE = "epsrv-bp1example0000000009"
SERVICE_NAME = f"com.aliyuncs.privatelink.cn-hangzhou.{SERVICE}"
VPC = "vpc-bp1example00000000001"
GROUP = "sg-bp1example00000000001"
MADE = "ep-bp1made00000000000001"
ACCOUNT = "1234567890123456"
ACCEPT = "accept it in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID "
OPEN = {"PortRange": "443/443", "SourceCidrIp": "192.168.0.0/16"}


class EndpointTest(CloudCommandTest):
    COMMAND = "endpoint"
    CLOUD = {"services": {SERVICE: {"Zones": ["cn-hangzhou-h", "cn-hangzhou-i"]}}, "endpoints": {},
             "lifecycle": {"eni_ips": [ZONE_A], "request_s": 2}}

    def endpoint(self, *arguments, code=0):
        return self.command(*arguments, code=code)

    def json(self, *arguments, code=0):
        return self.command_json(*arguments, code=code)

    def state(self):
        return self.control.get("/state")

    def calls(self, action):
        return self.host.api_log(action=action)

    def start(self, *arguments, **popen):
        return subprocess.Popen([POSTERN, "endpoint", *arguments, "--config", self.host.config_file], env=self.host.environment,
                                cwd=self.host.folder, text=True, **popen)
