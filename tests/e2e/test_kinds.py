# SPDX-License-Identifier: Apache-2.0
"""Other services behind PrivateLink: kind "https" asks a page and judges its reply, kind "tcp" only connects. Neither sends the token."""

import http.server
import json
import ssl
import threading
import unittest

from host import NAME, TOKEN, HostTest

ADDRESS = "127.0.0.8"
TCP_PORT = 5432
PAGE = "/healthz"


class Service:
    """An HTTPS service whose page can be changed, and that records its requests."""

    def __init__(self, host):
        service = self
        self.status, self.body, self.seen = 200, {"status": "ok", "ready": True}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.seen.append((self.command, self.path, self.headers["Host"], dict(self.headers)))
                body = json.dumps(service.body).encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((ADDRESS, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{host.pki}/good.pem", f"{host.pki}/good.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Listener:
    """Accepts and sends nothing."""

    def __init__(self):
        self.server = http.server.HTTPServer((ADDRESS, TCP_PORT), None)

    def close(self):
        self.server.server_close()


class Kinds(HostTest):
    def start(self, probe, **link):
        self.host.start_upstream()
        self.host.start_postern(aliyun=None, link={"endpoint": None, "addresses": [ADDRESS], **link,
                                                   "probe": {"interval": "1s", "fast_interval": "100ms", **probe}})

    def record(self, condition, what):
        return self.host.wait_probe(ADDRESS, condition, what)

    def test_https_judges_status_body_and_json(self):
        service = Service(self.host)
        self.addCleanup(service.close)
        self.start({"kind": "https", "path": PAGE, "status": [200, 202], "body_contains": "ready",
                    "json": {"/status": "ok", "/ready": True}}, token_file=None)
        up = self.record(lambda record: record["state"] == "up", "state up")
        self.assertEqual((up["ok"], up["http_status"], up["sql_code"], up["service"]), (True, 200, None, "up"), up)
        method, path, host, headers = service.seen[0]
        self.assertEqual((method, path, host), ("GET", PAGE, NAME))
        self.assertNotIn("Authorization", headers)
        self.assertEqual(self.host.health()[1]["status"], "pass")
        service.body = {"status": "stopping", "ready": True}
        down = self.record(lambda record: record["state"] == "down", "state down")
        self.assertEqual((down["phase"], down["reason"], down["path"]), ("reply", "body_mismatch", "up"), down)
        self.assertIn('/status = "ok"', down["detail"])
        self.assertEqual(self.host.dig(NAME, "A").data, [ADDRESS])  # the only one: still answered
        service.body, service.status = {"status": "ok", "ready": True}, 503
        self.record(lambda record: record["reason"] == "http_status_5xx", "status 503")
        service.status = 202
        self.record(lambda record: record["state"] == "up", "state up again")

    def test_https_never_sends_the_token(self):
        service = Service(self.host)
        self.addCleanup(service.close)
        self.start({"kind": "https"})  # with the token_file of every link
        self.record(lambda record: record["state"] == "up", "state up")
        self.assertEqual(service.seen[0][:2], ("GET", "/"))
        self.assertNotIn(TOKEN, repr(service.seen))

    def test_tcp_only_connects(self):
        listener = Listener()
        self.start({"kind": "tcp", "port": TCP_PORT}, token_file=None)
        up = self.record(lambda record: record["state"] == "up", "state up")
        self.assertEqual((up["ok"], up["path"], up["service"], up["tls_us"], up["total_us"]),
                         (True, "up", "up", None, up["connect_us"]), up)
        checks = self.host.health()[1]["checks"]
        self.assertIn("tdengine-prod:tcp", checks)
        self.assertNotIn("tdengine-prod:tls", checks)
        self.assertNotIn("tdengine-prod:sql", checks)
        done = self.host.postern("probe")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"tcp {NAME}:{TCP_PORT}", done.stdout)
        listener.close()
        down = self.record(lambda record: record["state"] == "down", "state down")
        self.assertEqual((down["phase"], down["reason"]), ("connect", "tcp_refused"), down)
        self.assertEqual(self.host.postern("status").returncode, 2)


if __name__ == "__main__":
    unittest.main()
