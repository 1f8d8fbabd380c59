# SPDX-License-Identifier: Apache-2.0
"""The gateway stand-in, asked by curl, openssl s_client and Python's own TLS."""

import gzip
import http.client
import json
import socket
import ssl
import struct
import subprocess
import tempfile
import unittest

import pki
from launch import StandIn

NAME = "gw.name.test"
TOKEN = "0123456789abcdef0123456789abcdef01234567"

# mode -> curl's exit code (https://curl.se/libcurl/c/libcurl-errors.html), or the HTTP status when it is 0
CURL_SEES = {
    "ok": 200, "refuse": (7,), "reset_after_accept": (35, 7), "accept_then_hang": (28,), "reset_in_handshake": (35,),
    "tls_eof": (35,), "tls_garbage": (35,), "tls_alert": (35,), "large_hello": 200, "cert_wrong_name": (60,), "cert_expired": (60,),
    "cert_not_yet_valid": (60,), "cert_untrusted": (60,), "cert_self_signed": (60,), "cert_expiring_soon": 200,
    "http_hang": (28,), "http_reset": (56,), "http_close": (52,), "http_garbage": (1,), "truncated_chunked": (18,),
    "truncated_length": (18,), "reset_in_body": (56,), "slow": 200, "continue_first": 200, "keep_open": 200,
    "status": 503, "huge_body": 200, "html_200": 200, "not_found": 404, "body_invalid_json": 200, "body_empty": 200,
    "wrong_cell": 200, "no_rows": 200, "sql_code": 200, "memory": 503, "ws_status": 200, "ws_wrong_accept": 200,
    "ws_hang": 200, "ws_close": 200, "ws_huge": 200, "ws_invalid_json": 200, "ws_code": 200,
}


class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pki.make(cls.folder.name, [NAME])
        cls.ca = f"{cls.folder.name}/ca.pem"
        with open(f"{cls.folder.name}/tokens", "w", encoding="ascii") as file:
            file.write(TOKEN + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.gateway = StandIn("tdengine.py", "--pki", self.folder.name, "--token-file", f"{self.folder.name}/tokens",
                               "--listen", "127.0.0.2:0=zone-a", "--listen", "127.0.0.3:0=zone-b")
        self.addCleanup(self.gateway.stop)
        self.control = self.gateway.control

    def address(self, zone="zone-a"):
        host, _, port = self.gateway.ready["listeners"][zone].rpartition(":")
        return host, int(port)

    def curl(self, sql="select 1", *, path="/rest/sql", query=f"token={TOKEN}", zone="zone-a", max_time=20, more=()):
        """(curl's exit code, HTTP status, body); by the usual small ClientHello, also with OpenSSL 3.5"""
        host, port = self.address(zone)
        done = subprocess.run(
            ["curl", "-sS", "-m", str(max_time), "--curves", "X25519:P-256", "--cacert", self.ca, "--resolve", f"{NAME}:{port}:{host}",
             "-w", "\n%{http_code}", "--data-binary", "@-", *more, f"https://{NAME}:{port}{path}?{query}"],
            input=sql.encode(), capture_output=True, timeout=60, check=False)
        body, _, status = done.stdout.rpartition(b"\n")
        return done.returncode, int(status), body

    def json(self, *arguments, **named):
        returncode, status, body = self.curl(*arguments, **named)
        self.assertEqual(returncode, 0)
        return status, json.loads(body)

    def tls(self, zone="zone-a"):
        context = ssl.create_default_context(cafile=self.ca)
        stream = context.wrap_socket(socket.create_connection(self.address(zone), timeout=30), server_hostname=NAME)
        self.addCleanup(stream.close)
        return stream

    def state(self, zone="zone-a"):
        return self.control.get("/state")["listeners"][zone]


class Contract(Fixture):
    def test_statements(self):
        databases = [["information_schema"], ["performance_schema"], ["power"]]
        for sql, column, data in [
                ("select 1", ["1", "BIGINT", 8], [[1]]),
                ("SELECT  SERVER_VERSION() ;", ["server_version()", "VARCHAR", 32], [["3.3.6.0"]]),
                ("select server_status()", ["server_status()", "INT", 4], [[1]]),
                ("show databases;", ["name", "VARCHAR", 64], databases),
                ("use power", ["affected_rows", "INT", 4], [[0]])]:
            with self.subTest(sql):
                self.assertEqual(self.json(sql), (200, {"code": 0, "column_meta": [column], "data": data,
                                                        "rows": len(data)}))
        status, value = self.json("select name, ntables, status from information_schema.ins_databases")
        self.assertEqual((status, value["data"][0]), (200, ["information_schema", 16, "ready"]))

    def test_success_is_chunked_without_white_space(self):
        returncode, status, reply = self.curl(more=["-i"])
        head, _, body = reply.partition(b"\r\n\r\n")
        self.assertEqual((returncode, status), (0, 200))
        self.assertIn(b"Content-Type: application/json; charset=utf-8\r\n", head)
        self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertNotIn(b"Content-Length", head)
        self.assertEqual(body, b'{"code":0,"column_meta":[["1","BIGINT",8]],"data":[[1]],"rows":1}')

    def test_errors(self):
        bearer = ["-H", "Authorization: Bearer x"]
        for name, named, expected in [
                ("no token", {"query": ""}, (401, 4357)),
                ("wrong token", {"query": "token=wrong"}, (401, 855)),
                ("token and bearer", {"more": bearer}, (401, 4386)),
                ("empty body", {"sql": ""}, (400, 4358)),
                ("blank statement", {"sql": "  "}, (400, 4359)),
                ("syntax error", {"sql": "selct 1"}, (200, 9728)),
                ("no such database", {"sql": "use nowhere"}, (200, 904)),
                ("no such database in the path", {"path": "/rest/sql/nowhere"}, (200, 904)),
                ("bad req_id", {"query": f"token={TOKEN}&req_id=x"}, (400, 65535)),
                ("req_id out of range", {"query": f"token={TOKEN}&req_id=9223372036854775808"}, (400, 65535)),
                ("bad tz", {"query": f"token={TOKEN}&tz=Mars/Olympus"}, (400, 65535)),
                ("tz outside", {"query": f"token={TOKEN}&tz=../localtime"}, (400, 65535)),
                ("bad conn_tz beside a good tz", {"query": f"token={TOKEN}&tz=UTC&conn_tz=x"}, (400, 65535)),
                ("bad row_with_meta", {"query": f"token={TOKEN}&row_with_meta=x"}, (400, 65535)),
                ("row_with_meta in another case", {"query": f"token={TOKEN}&row_with_meta=tRUE"}, (400, 65535))]:
            with self.subTest(name):
                status, value = self.json(**{"sql": "select 1", **named})
                self.assertEqual((status, value["code"]), expected)
                self.assertEqual(set(value), {"code", "desc", "timing"})

    def test_paths(self):
        for path, to in (("/rest/sql/", "/rest/sql"), ("/rest/sql/power/", "/rest/sql/power")):
            _, status, head = self.curl(path=path, more=["-i"])
            self.assertEqual(status, 307)
            self.assertIn(f"Location: {to}?token={TOKEN}\r\n".encode(), head)
        self.assertEqual(self.curl(path="/rest/sql/", query="")[1], 307)  # before any token is looked at
        self.assertEqual(self.curl(path="/ws/", more=["-X", "GET"])[1], 301)
        self.assertEqual(self.json(path="/rest/sql/", more=["-L"])[0], 200)
        self.assertEqual(self.json("select database()", path="/rest/sql/power")[1]["data"], [["power"]])
        self.assertEqual(self.curl(path="/rest/nothing")[1:], (404, b"404 page not found"))
        self.assertEqual(self.curl(more=["-X", "GET"])[1:], (404, b"404 page not found"))
        self.assertEqual(self.curl(path="/rest/sql/", more=["-X", "GET"])[1:], (404, b"404 page not found"))
        self.control.post("/options", slash="accept")
        self.assertEqual(self.json(path="/rest/sql/")[0], 200)

    def test_health_without_a_token(self):
        for path in ("/-/ping", "/-/ping?action=query&x="):
            self.assertEqual(self.curl(path=path, query="", more=["-X", "GET"]), (0, 200, b""))
        status, text = self.curl(path="/metrics", query="", more=["-X", "GET"])[1:]
        self.assertEqual((status, text[:7]), (200, b"# HELP "))
        self.control.post("/listeners/zone-a", mode="sql_code", code=11)  # the database's trouble is not the gateway's
        self.assertEqual(self.curl(path="/-/ping", query="", more=["-X", "GET"])[1], 200)
        self.assertEqual(self.curl(path="/rest/sql/")[1], 307)
        self.control.post("/listeners/zone-a", mode="memory")
        self.assertEqual(self.curl(path="/-/ping", query="", more=["-X", "GET"])[1:], (503, b""))
        self.control.post("/listeners/zone-a", mode="http_close")
        self.assertEqual(self.curl(path="/-/ping", query="", more=["-X", "GET"])[0], 52)

    def test_parameters(self):
        value = self.json(query=f"token={TOKEN}&timing=true&row_with_meta=true&req_id=7&tz=Asia/Shanghai")[1]
        self.assertEqual(value["data"], [{"1": 1}])
        self.assertIsInstance(value["timing"], int)
        for word, data in (("1", [{"1": 1}]), ("T", [{"1": 1}]), ("TRUE", [{"1": 1}]), ("0", [[1]]), ("False", [[1]]), ("", [[1]])):
            self.assertEqual(self.json(query=f"token={TOKEN}&row_with_meta={word}&req_id=-1&tz=")[1]["data"], data, word)

    def test_a_statement_may_come_in_chunks(self):
        chunked = ("-H", "Transfer-Encoding: chunked")
        self.assertEqual(self.json("select 1", more=chunked)[1]["data"], [[1]])
        self.assertEqual(self.json("", more=chunked)[0], 400)
        self.assertEqual(self.curl("select 1", more=("-H", "Transfer-Encoding: gzip, chunked"))[1], 400)

    def test_gzip_both_ways(self):
        packed = gzip.compress(b"select 1")
        host, port = self.address()
        connection = http.client.HTTPConnection(host, port)
        connection.sock = self.tls()
        connection.request("POST", f"/rest/sql?token={TOKEN}", packed,
                           {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
        reply = connection.getresponse()
        self.assertEqual(reply.headers["Content-Encoding"], "gzip")
        self.assertEqual(json.loads(gzip.decompress(reply.read()))["data"], [[1]])

    def test_tokens_can_be_changed(self):
        self.control.post("/options", tokens=["another"])
        self.assertEqual(self.json()[0], 401)
        self.assertEqual(self.json(query="token=another")[0], 200)

    def test_keep_alive(self):
        host, port = self.address()
        connection = http.client.HTTPConnection(host, port)
        connection.sock = self.tls()
        for _ in range(3):
            connection.request("POST", f"/rest/sql?token={TOKEN}", "select 1")
            self.assertEqual(json.loads(connection.getresponse().read())["code"], 0)
        self.assertEqual(self.state()["counts"]["connections"], 1)
        self.assertEqual(self.state()["counts"]["sql"], 3)

    def upgrade(self):
        """(stream, reader) after the request for a WebSocket; its key is the one of RFC 6455 1.3."""
        stream = self.tls()
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        stream.sendall(f"GET /ws?token={TOKEN} HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        reader = stream.makefile("rb")
        self.addCleanup(reader.close)
        return stream, reader

    def ask(self, stream):
        question = b'{"action":"version"}'
        stream.sendall(bytes([0x81, 0x80 | len(question)]) + b"\0\0\0\0" + question)

    def test_websocket_tells_the_version(self):
        stream, reader = self.upgrade()
        self.assertIn(b" 101 ", reader.readline())
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", [*iter(reader.readline, b"\r\n")])
        self.ask(stream)
        first, length = reader.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", reader.read(2))
        self.assertEqual(first, 0x81)
        self.assertEqual(json.loads(reader.read(length))["version"], "3.3.6.0")
        self.assertEqual(self.curl(path="/ws", query="token=wrong", more=["-X", "GET"])[1], 401)

    def test_websocket_fails_in_its_own_ways(self):
        def begins(mode, **parameters):
            self.control.post("/listeners/zone-a", mode=mode, **parameters)
            stream, reader = self.upgrade()
            head = b"".join(iter(reader.readline, b"\r\n"))
            self.assertTrue(head.startswith(b"HTTP/1.1 101 " if mode != "ws_status" else b"HTTP/1.1 502 "), head)
            return stream, reader, head

        begins("ws_status", status=502)
        self.assertNotIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", begins("ws_wrong_accept")[2])
        self.assertEqual(begins("ws_close", code=1013)[1].read(4), b"\x88\x09" + struct.pack("!H", 1013))
        self.assertEqual(begins("ws_huge", bytes=1 << 33)[1].read(10), b"\x81\x7f" + struct.pack("!Q", 1 << 33))
        for mode, check in (("ws_code", lambda text: self.assertEqual(json.loads(text)["code"], 65535)),
                            ("ws_invalid_json", lambda text: self.assertRaises(ValueError, json.loads, text))):
            stream, reader, _ = begins(mode)
            self.ask(stream)
            _, length = reader.read(2)
            check(reader.read(length))
        stream, reader, _ = begins("ws_hang")
        self.ask(stream)
        stream.settimeout(0.1)
        self.assertRaises(TimeoutError, reader.read, 1)


class Modes(Fixture):
    def test_every_mode_as_curl_sees_it(self):
        self.assertEqual(set(self.control.get("/state")["modes"]), set(CURL_SEES))
        for mode, expected in CURL_SEES.items():
            with self.subTest(mode):
                self.control.post("/listeners/zone-a", mode=mode)
                slow = expected == (28,)
                returncode, status, _ = self.curl(max_time=1 if slow else 20)
                if isinstance(expected, tuple):
                    self.assertIn(returncode, expected)
                else:
                    self.assertEqual(status, expected)
                self.assertEqual(self.curl(zone="zone-b")[1], 200)  # the other zone is not concerned
        self.control.post("/listeners", mode="ok")
        self.assertEqual(self.curl()[1], 200)

    def test_statuses_and_bodies(self):
        for status, kind in ((502, b"<html>"), (503, b"<html>"), (401, b"{"), (403, b"{"), (404, b"<html>"),
                             (429, b"{"), (500, b"{")):
            with self.subTest(status):
                self.control.post("/listeners/zone-a", mode="status", status=status)
                _, seen, body = self.curl()
                self.assertEqual(seen, status)
                self.assertTrue(body.startswith(kind), body)
        self.control.post("/listeners/zone-a", mode="status", status=500, body="empty")
        self.assertEqual(self.curl()[1:], (500, b""))
        self.control.post("/listeners/zone-a", mode="memory")
        self.assertEqual(self.curl()[1:], (503, b'"memory exceeds threshold"'))

    def test_redirects(self):
        _, port = self.address()
        for status, location, expected in ((307, "same_host", f"https://{NAME}:{port}/rest/sql?"),
                                           (302, "other_host", "https://elsewhere.example/rest/sql?")):
            self.control.post("/listeners/zone-a", mode="status", status=status, location=location)
            _, seen, reply = self.curl(more=["-i"])
            self.assertEqual(seen, status)
            self.assertIn(f"Location: {expected}".encode(), reply)

    def test_sql_codes(self):
        # By these codes TDengine's own drivers call a server unavailable; REST gives one of them a status of its own.
        for code, status, text in ((0x0B, 200, "Unable to establish connection"), (0x18, 200, "Conn is broken"),
                                   (0x19, 200, "Conn read timeout"), (0x20, 403, "some vnode/qnode/mnode(s) out of service"),
                                   (0x090C, 200, "Sync leader is unreachable"), (65535, 200, "get connection timeout")):
            self.control.post("/listeners/zone-a", mode="sql_code", code=code)
            seen, value = self.json()
            self.assertEqual((seen, value["code"], value["desc"]), (status, code, text))
        for code, status in ((855, 200), (11, 502), (904, 200), (9728, 200)):
            self.control.post("/listeners/zone-a", mode="sql_code", code=code, status=status)
            seen, value = self.json()
            self.assertEqual((seen, value["code"]), (status, code))
        self.control.post("/listeners/zone-a", mode="wrong_cell")
        self.assertEqual(self.json()[1]["data"], [[2]])

    def test_count_limits_a_mode_to_some_connections(self):
        self.control.post("/listeners/zone-a", mode="http_close", count=2)
        self.assertEqual([self.curl()[0] for _ in range(3)], [52, 52, 0])

    def test_refuse_cuts_living_connections_and_the_port_comes_back(self):
        stream = self.tls()
        before = self.address()
        self.control.post("/listeners/zone-a", mode="refuse")
        self.assertIn(self.read(stream), (b"", None))
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(before, timeout=30)
        self.control.post("/listeners/zone-a", mode="ok")
        self.assertEqual(self.curl()[1], 200)

    @staticmethod
    def read(stream):
        try:
            return stream.recv(1)
        except (ConnectionResetError, ssl.SSLError):
            return None

    def test_openssl_names_the_certificate_faults(self):
        host, port = self.address()
        for mode, words in (("cert_expired", "certificate has expired"), ("cert_wrong_name", "hostname mismatch"),
                            ("cert_not_yet_valid", "certificate is not yet valid"),
                            ("cert_untrusted", "unable to verify the first certificate"),
                            ("cert_self_signed", "self-signed certificate"), ("ok", "Verify return code: 0 (ok)")):
            with self.subTest(mode):
                self.control.post("/listeners/zone-a", mode=mode)
                done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", NAME,
                                       "-CAfile", self.ca, "-verify_hostname", NAME], stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertIn(words, done.stdout + done.stderr)

    def test_misspelt_modes_are_refused(self):
        for body in ({"mode": "okay"}, {"mode": "ok", "ms": 1}, {}):
            with self.subTest(body), self.assertRaises(AssertionError):
                self.control.post("/listeners/zone-a", **body)


class Log(Fixture):
    def test_it_tells_who_asked_and_never_the_token(self):
        self.curl()
        self.curl(query="token=wrong-token-value")
        self.curl(query="")
        requests = [entry for entry in self.control.log() if entry["event"] == "request"]
        self.assertEqual([(entry["token_received"], entry["token_correct"]) for entry in requests],
                         [(True, True), (True, False), (False, False)])
        self.assertEqual((requests[0]["sni"], requests[0]["host"], requests[0]["sql"]),
                         (NAME, f"{NAME}:{self.address()[1]}", "select 1"))
        state = self.state()
        self.assertEqual((state["counts"]["requests"], state["counts"]["sql"], state["last"]["sni"]), (3, 1, NAME))
        self.assertEqual(state["last"]["token_received"], False)
        self.assertGreater(state["last"]["peer_port"], 0)
        text = json.dumps([self.control.log(), self.control.get("/state")])
        for secret in (TOKEN, "wrong-token-value"):
            self.assertNotIn(secret, text)

    def test_ends_cleanly(self):
        self.curl()
        self.assertEqual(self.gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
