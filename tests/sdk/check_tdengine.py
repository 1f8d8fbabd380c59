# SPDX-License-Identifier: Apache-2.0
"""TDengine's own Python clients, REST and WebSocket, against tests/standin/tdengine.py. Started by run.sh, in a venv with them."""

import os
import sys
import tempfile
import unittest

import taosrest
import taosws

# Behind installed packages, one of which may have the name of a stand-in's file.
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "standin"))

# pylint: disable=wrong-import-position
import pki
from launch import StandIn

TOKEN = "0123456789abcdef0123456789abcdef01234567"
REFUSED = (taosrest.Error, taosrest.HTTPError)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pki.make(folder, ["127.0.0.1"])
        with open(f"{folder}/tokens", "w", encoding="ascii") as file:
            file.write(TOKEN)
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = f"{folder}/ca.pem"
        cls.gateway = StandIn("tdengine.py", "--pki", folder, "--token-file", f"{folder}/tokens", "--listen", "127.0.0.1:0=zone-a")
        cls.addClassCleanup(cls.gateway.stop)
        cls.address = cls.gateway.ready["listeners"]["zone-a"]

    def setUp(self):
        self.mode("ok")

    def mode(self, name, **parameters):
        self.gateway.control.post("/listeners/zone-a", mode=name, **parameters)

    def rest(self, token=TOKEN):
        return taosrest.connect(url=f"https://{self.address}", token=token, timeout=20)

    def websocket(self, token=TOKEN):
        return taosws.connect(f"wss://{self.address}?token={token}")

    def test_rest(self):
        connection = self.rest()
        self.assertEqual(connection.server_info, "3.3.6.0")
        self.assertIn(["information_schema"], connection.query("show databases").data)
        with self.assertRaises(REFUSED):
            self.rest(token="wrong").query("select 1")
        for code in (0x0B, 0x20, 0x090C, 0xFFFF):
            self.mode("sql_code", code=code)
            with self.subTest(code), self.assertRaises(REFUSED):
                connection.query("select 1")

    def test_websocket(self):
        self.assertIsNotNone(self.websocket())
        with self.assertRaisesRegex(taosws.ConnectionError, "0xE006"):  # so it calls 401
            self.websocket(token="wrong")
        self.gateway.control.post("/options", users={})  # with a token the client logs in as the default user
        self.addCleanup(self.gateway.control.post, "/options", users={"root": "taosdata"})
        with self.assertRaisesRegex(taosws.ConnectionError, "0x0357"):
            self.websocket()
        self.mode("sql_code", code=0x0B)
        with self.assertRaisesRegex(taosws.ConnectionError, "0x000B"):
            self.websocket()


if __name__ == "__main__":
    unittest.main()
