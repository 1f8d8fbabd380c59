# SPDX-License-Identifier: Apache-2.0
"""The gateway stand-in's WebSocket says what taosAdapter says: /ws, and the older /rest/ws."""

import json
import struct
import unittest

import td_ws_query
from test_standin_tdengine import NAME, TOKEN, Fixture


class Conversation:
    """A WebSocket whose server has agreed."""

    def __init__(self, test, path="/ws"):
        self._stream = test.tls()
        self._stream.sendall(f"GET {path}?token={TOKEN} HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        self._reader = self._stream.makefile("rb")
        test.addCleanup(self._reader.close)
        head = b"".join(iter(self._reader.readline, b"\r\n"))
        test.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)

    def say(self, text, opcode=1):
        payload = text.encode() if isinstance(text, str) else text
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        self._stream.sendall(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)

    def hear(self):
        """The answer's object, or its bytes."""
        head, length = self._reader.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._reader.read(2))
        payload = self._reader.read(length)
        if head & 0x0F == 2:
            return payload
        answer = json.loads(payload)
        answer.pop("timing", None)
        return answer

    def ask(self, text):
        self.say(text)
        return self.hear()

    def ask_binary(self, req_id, result_id, action, rest=b""):
        self.say(struct.pack("<QQQ", req_id, result_id, action) + rest, opcode=2)
        return self.hear()

    def query(self, req_id, text):
        return self.ask_binary(req_id, 0, 6, struct.pack("<HI", 1, len(text)) + text.encode())

    def fetch(self, req_id, result_id):
        """(code, message, completed, block)"""
        reply = self.ask_binary(req_id, result_id, 7, struct.pack("<H", 1))
        old, action, version, _, id_again, code, length = struct.unpack_from("<QQHQQII", reply)
        assert (old, action, version, id_again) == (2**64 - 1, 7, 1, req_id), reply
        result, completed = struct.unpack_from("<QB", reply, 42 + length)
        assert result == result_id, reply
        return code, reply[42:42 + length].decode(), bool(completed), reply[55 + length:]

    def call(self, action, **args):
        return self.ask(json.dumps({"action": action, "args": args}))


def failed(code, message, action="", req_id=0):
    return {"code": code, "message": message, "action": action, "req_id": req_id}


class WebSocket(Fixture):
    def test_version(self):
        good = {"code": 0, "message": "", "action": "version", "version": "3.3.6.0"}
        self.assertEqual(Conversation(self).ask('{"action":"version"}'), {**good, "req_id": 0})
        self.assertEqual(Conversation(self).call("version", req_id=7), {**good, "req_id": 7})
        self.assertEqual(Conversation(self, "/rest/ws").call("version", req_id=7), good)  # no req_id, no timing

    def test_what_is_no_request(self):
        talk = Conversation(self)
        for text in ('{"action":"version"', "[]", '"version"', "7", '{"action":7}', "version"):
            with self.subTest(text):
                self.assertEqual(talk.ask(text), failed(65535, "unmarshal request error"))
        for text, req_id in (("{}", 0), ("null", 0), ('{"action":"","args":{"req_id":5}}', 5)):
            with self.subTest(text):
                self.assertEqual(talk.ask(text), failed(65535, "request no action", req_id=req_id))
        self.assertEqual(talk.ask('{"action":"version","args":{"req_id":"x"}}'),
                         failed(65535, "unmarshal version request error", "version"))
        self.assertEqual(talk.ask('{"action":"conn"}'), failed(65535, "unmarshal connect request error", "conn"))
        self.assertEqual(talk.call("query", req_id=3, sql="select 1"), failed(65535, "server not connected", "query", 3))
        self.assertEqual(talk.call("version")["code"], 0)  # the connection has survived all that

    def test_logging_in(self):
        good = {"code": 0, "message": "", "action": "conn", "req_id": 1, "version": "3.3.6.0"}
        for user, password in (("root", "taosdata"), ("", "")):  # the token stands for the user
            self.assertEqual(Conversation(self).call("conn", req_id=1, user=user, password=password), good)
        talk = Conversation(self)
        for user, password in (("root", "wrong"), ("nobody", "taosdata"), ("root", "")):
            self.assertEqual(talk.call("conn", req_id=2, user=user, password=password),
                             failed(855, "Authentication failure", "conn", 2))
        self.assertEqual(talk.call("conn", req_id=1, user="root", password="taosdata"), good)
        self.assertEqual(talk.call("conn", req_id=4), failed(65535, "duplicate connections", "conn", 4))
        self.assertEqual(talk.call("fly", req_id=5), failed(65535, "unknown action fly", "fly", 5))
        self.assertNotIn("version", Conversation(self, "/rest/ws").call("conn", user="root", password="taosdata"))
        self.control.post("/options", users={"ann": "secret-of-ann"})
        self.assertEqual(Conversation(self).call("conn", user="root", password="taosdata")["code"], 855)
        self.assertEqual(Conversation(self).call("conn", user="ann", password="secret-of-ann")["code"], 0)
        self.assertNotIn("secret-of-ann", json.dumps([self.control.log(), self.control.get("/state")]))

    def test_the_state_of_the_server_needs_no_login(self):
        self.assertEqual(Conversation(self).call("check_server_status", req_id=2, fqdn=None, port=0),
                         {**failed(0, "", "check_server_status", 2), "status": 2, "details": ""})

    def test_a_database_that_fails_takes_no_login_and_tells_its_version(self):
        self.control.post("/listeners/zone-a", mode="sql_code", code=11)
        talk = Conversation(self)
        self.assertEqual(talk.call("version")["code"], 0)
        self.assertEqual(talk.call("conn", req_id=1, user="root", password="taosdata"),
                         failed(11, "Unable to establish connection", "conn", 1))
        self.assertEqual(talk.call("check_server_status")["status"], 0)

    def test_a_statement_and_its_rows(self):
        talk = Conversation(self)
        self.assertEqual(talk.query(1, "select 1")["message"], "server not connected")
        talk.call("conn", req_id=1, user="root", password="taosdata")
        meta = talk.query(2, "select 1")
        self.assertEqual({key: meta[key] for key in ("code", "action", "req_id", "is_update", "fields_names", "fields_types",
                                                     "fields_lengths")},
                         {"code": 0, "action": "binary_query", "req_id": 2, "is_update": False, "fields_names": ["1"],
                          "fields_types": [5], "fields_lengths": [8]})
        code, _, completed, block = talk.fetch(3, meta["id"])
        self.assertEqual((code, completed), (0, False))
        self.assertEqual(struct.unpack("<iiiiiQbiiBq", block), (1, len(block), 1, 1, -2**31, 0, 5, 8, 8, 0, 1))
        self.assertEqual(talk.fetch(4, meta["id"])[:3], (0, "", True))
        talk.say(json.dumps({"action": "free_result", "args": {"req_id": 5, "id": meta["id"]}}))  # has no answer
        self.assertEqual(talk.fetch(6, meta["id"])[:3], (65535, "result is nil", True))
        self.assertEqual(talk.query(7, "fly"), failed(9728, 'syntax error near "fly"', "binary_query", 7))

    def test_text_and_nulls_in_a_block(self):
        found = td_ws_query.block([["name", "VARCHAR", 64], ["n", "INT", 4]], [["ab", None], [None, 7]])
        head = struct.pack("<iiiiiQ", 1, len(found), 2, 2, -2**31, 0) + struct.pack("<bibi", 8, 64, 4, 4) + struct.pack("<ii", 4, 8)
        self.assertEqual(found, head + struct.pack("<ii", 0, -1) + b"\x02\0ab" + b"\x80" + struct.pack("<ii", 0, 7))


if __name__ == "__main__":
    unittest.main()
