# SPDX-License-Identifier: Apache-2.0
"""Malicious or broken gateways: each is named, bounded in time, and never learns or shows the
token. `postern probe` alone, without an agent and without a configuration."""

import json
import socket
import ssl
import threading
import unittest

from host import NAME, TOKEN, Host

GOOD = b'{"code":0,"column_meta":[["1","BIGINT",8]],"data":[[1]],"rows":1}'
PHASES = ("connect_us", "tls_us", "request_us", "ttfb_us", "transfer_us")


def reply(body, status=b"200 OK", headers=b""):
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (status, headers, len(body), body)


def chunked(*chunks, trailers=b""):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"


class Gateway:
    """Answers the n-th request with answers(n, request); bytes are sent, None closes, True keeps silent."""

    def __init__(self, host, answers, versions=None):
        self.answers, self.requests = answers, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{host.pki}/good.pem", f"{host.pki}/good.key")
        if versions:
            self.context.minimum_version, self.context.maximum_version = versions
        self.listener = socket.create_server(("127.0.0.9", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as peer:
                request = b""
                while not request.endswith(b"select 1"):
                    data = peer.recv(65536)
                    if not data:
                        return
                    request += data
                self.requests.append(request)
                answer = self.answers(len(self.requests), request)
                for part in [answer] if isinstance(answer, bytes) else answer or []:
                    if part is True:
                        peer.recv(1)  # until the prober gives up
                    else:
                        peer.sendall(part)
        except OSError:
            pass

    def close(self):
        self.listener.close()


# answer -> phase, reason and HTTP status of the record
CASES = {
    "chunks and trailers": (chunked(GOOD[:9], GOOD[9:], trailers=b"X-A: b\r\n"), None, None, 200),
    "interim replies": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(GOOD), None, None, 200),
    "a flood of interim replies": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50000, "reply", "http_protocol", None),
    "one endless header": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5000000, "reply", "http_protocol", None),
    "headers without end": (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100000, "reply", "http_protocol", None),
    "trailers without end": (chunked(GOOD, trailers=b"X: a\r\n" * 100000), "reply", "http_protocol", 200),
    "a huge body": (reply(b"x" * 20000000), "transfer", "body_too_large", 200),
    "a chunk of 2^64": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "reply", "http_protocol", 200),
    "a body that stops": ([reply(GOOD)[:-9], True], "transfer", "http_timeout", 200),
    "silence": ([True], "ttfb", "http_timeout", None),
    "nothing": (None, "ttfb", "http_truncated", None),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", "transfer", "http_truncated", None),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 65\r\n\r\n" + GOOD, "reply", "http_protocol", 200),
    "deep JSON": (reply(b"[" * 100000 + b"]" * 100000), "reply", "body_invalid_json", 200),
    "a NUL in JSON": (reply(b'{"code":0,"data":[["\0"]],"rows":1}'), "reply", "body_invalid_json", 200),
    "invalid UTF-8": (reply(b'{"code":0,"data":[["\xff\xfe"]],"rows":1}'), "reply", "body_invalid_json", 200),
    "a code beyond 64 bits": (reply(b'{"code":99999999999999999999,"data":[[1]]}'), "reply", "body_mismatch", 200),
    "no rows by its own word": (reply(b'{"code":0,"data":[[1]],"rows":0}'), "sql", "body_mismatch", 200),
    "compressed unasked": (reply(b"\x1f\x8b\x08\0\0\0\0\0", headers=b"Content-Encoding: gzip\r\n"), "reply", "body_invalid_json", 200),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), "reply", "http_protocol", None),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "reply", "http_protocol", None),
}


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)

    def gateway(self, answers, **more):
        gateway = Gateway(self.host, answers, **more)
        self.addCleanup(gateway.close)
        return gateway

    def probe(self, gateway):
        done = self.host.postern("probe", "--host", NAME, "--address", "127.0.0.9", "--port", str(gateway.port), "--ca-file",
                                 self.host.ca, "--token-file", self.host.token_file, "--timeout", "1s", "--json", config=False)
        (record,) = json.loads(done.stdout)["probes"]
        self.assertEqual(done.returncode, 0 if record["ok"] else 2, done.stderr)
        total = sum(record[phase] or 0 for phase in PHASES)
        self.assertLessEqual(abs(total - record["total_us"]), max(20, total / 100), record)
        for length in range(len(TOKEN), 5, -1):
            for start in range(len(TOKEN) - length + 1):
                self.assertNotIn(TOKEN[start:start + length], done.stdout + done.stderr)
        return record

    def test_each_is_named(self):
        for name, (answer, phase, reason, status) in CASES.items():
            with self.subTest(name):
                record = self.probe(self.gateway(lambda _, __, answer=answer: answer))
                self.assertEqual((record["phase"], record["reason"], record["http_status"]), (phase, reason, status), record)

    def test_an_error_page_that_repeats_the_request_shows_no_part_of_the_token(self):
        for before in range(0, 120, 7):
            with self.subTest(before):
                record = self.probe(self.gateway(lambda _, request, before=before: reply(
                    b"." * before + request.split(b" ")[1] + b"." * 99, b"500 Oops")))
                self.assertEqual(record["reason"], "http_status_5xx", record)

    def test_redirects(self):
        def to(location):
            return lambda number, _: reply(GOOD) if number > 1 else reply(b"", b"307 There", b"Location: %s\r\n" % location)
        for location, followed in ((b"/rest/sql?token=x", True), (b"https://%s:PORT/y" % NAME.encode(), True),
                                   (b"https://evil.test/rest/sql", False), (b"https://%s:1/y" % NAME.encode(), False),
                                   (b"https://%s/y" % NAME.encode(), False), (b"http://%s:PORT/y" % NAME.encode(), False),
                                   (b"//evil.test/y", False), (b"https://%s:PORT@evil.test/y" % NAME.encode(), False)):
            with self.subTest(location):
                gateway = self.gateway(None)
                gateway.answers = to(location.replace(b"PORT", str(gateway.port).encode()))
                record = self.probe(gateway)
                self.assertEqual((record["ok"], len(gateway.requests)), (followed, 2 if followed else 1), record)
                self.assertEqual(record["reason"], None if followed else "http_redirect")

    def test_tls_1_2(self):
        record = self.probe(self.gateway(lambda *_: reply(GOOD), versions=(ssl.TLSVersion.TLSv1_2,) * 2))
        self.assertEqual((record["ok"], record["tls_version"]), (True, "TLSv1.2"), record)
        self.assertRegex(record["tls_cipher"], "^TLS_ECDHE_")


if __name__ == "__main__":
    unittest.main()
