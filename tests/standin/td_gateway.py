# SPDX-License-Identifier: Apache-2.0
"""One listener of the TDengine Cloud gateway: TLS, token, REST contract of taosAdapter, and its failure mode."""

import gzip
import ssl
import threading
import time
import urllib.parse
import zlib

import http_base
import td_modes
import td_parameters
import td_sql
import websocket
from http_base import Reply
from net_base import Listener, server_context
from td_modes import JSON_TYPE, Mode
from td_websocket import Conversation

MAX_SQL = 1024 * 1024
WEBSOCKETS = ("/ws", "/rest/ws")
METRICS = b"# HELP go_goroutines Number of goroutines that currently exist.\n# TYPE go_goroutines gauge\ngo_goroutines 12\n"


def load_contexts(pki_folder):
    """{certificate: SSLContext}; 'alert' refuses every handshake."""
    names = {"good", *td_modes.CERTIFICATES.values()}
    contexts = {name: server_context(f"{pki_folder}/{name}.pem", f"{pki_folder}/{name}.key") for name in names}
    alert = server_context(f"{pki_folder}/good.pem", f"{pki_folder}/good.key")
    alert.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
    contexts["alert"] = alert
    return contexts


class Gateway:
    """`shared` carries what all listeners have in common: contexts, tokens, slash, users, log."""

    def __init__(self, name, address, shared):
        self.name = name
        self._shared = shared
        self._lock = threading.Lock()
        self._mode = Mode({"mode": "ok"})
        self._counts = {"connections": 0, "handshakes": 0, "requests": 0, "sql": 0, "websockets": 0}
        self._last = {"sni": None, "host": None, "peer_port": None, "token_received": None, "token_correct": None}
        self.listener = Listener(address, self._serve, name=f"gateway {name}", idle_s=shared.idle_s)

    def change(self, body):
        mode = Mode(body)
        with self._lock:
            self._mode = mode
        if mode.name == "refuse":
            self.listener.close()
        else:
            self.listener.open()

    def describe(self):
        with self._lock:
            return {"address": "%s:%d" % self.listener.address, "open": self.listener.is_open,
                    **self._mode.describe(), "counts": dict(self._counts), "last": dict(self._last)}

    def _count(self, what):
        with self._lock:
            self._counts[what] += 1

    def _take_mode(self):
        with self._lock:
            mode = self._mode
            if mode.count is not None:
                mode.count -= 1
                if mode.count <= 0:
                    self._mode = Mode({"mode": "ok"})
            return mode

    # --- connection ----------------------------------------------------------------------------------------------

    def _serve(self, connection):
        mode = self._take_mode()
        self._count("connections")
        self._last["peer_port"] = connection.peer[1]
        self._shared.log.add(listener=self.name, event="connection", mode=mode.name, peer_port=connection.peer[1])
        if td_modes.before_tls(mode, connection):
            return
        contexts = self._shared.contexts
        try:
            connection.start_tls(contexts["alert" if mode.name == "tls_alert" else mode.certificate])
        finally:
            self._last["sni"] = connection.sni
        self._count("handshakes")
        http_base.serve(connection, lambda request: self._answer(connection, request, mode))

    def _answer(self, connection, request, mode):
        started_ns = time.monotonic_ns()
        token = dict(urllib.parse.parse_qsl(request.raw_query)).get("token")
        correct = token is not None and td_modes.token_matches(token, self._shared.tokens)
        self._count("requests")
        self._last.update(host=request.header("host"), token_received=token is not None, token_correct=correct)
        entry = {"listener": self.name, "event": "request", "mode": mode.name, "peer_port": connection.peer[1],
                 "sni": connection.sni, "host": request.header("host"), "method": request.method,
                 "path": request.path, "token_received": token is not None, "token_correct": correct,
                 "authorization_received": request.header("authorization") is not None,
                 "sql": request.body[:200].decode("utf-8", "replace")}
        if request.path in WEBSOCKETS and request.method == "GET":
            self._shared.log.add(**entry)
            return self._websocket(connection, request, token, correct, started_ns, mode)
        reply = self._route(request, token, correct, started_ns)
        spoilt = td_modes.spoil_reply(mode, request, reply, connection)
        self._shared.log.add(**entry, status=spoilt.status if spoilt else None)
        if spoilt is not None and mode is not self._mode:
            spoilt.close = True  # the mode has changed meanwhile: the next request shall meet the new one
        return spoilt

    # --- REST ----------------------------------------------------------------------------------------------------

    def _route(self, request, token, correct, started_ns):
        path = request.path[:-1] if request.path.endswith("/") else request.path
        database = urllib.parse.unquote(path[len("/rest/sql"):].strip("/")) or None
        statement = request.method == "POST" and (path == "/rest/sql" or path.startswith("/rest/sql/"))
        if not statement and (request.method != "GET" or path not in (*WEBSOCKETS, *td_modes.HEALTH)):
            return Reply(404, b"404 page not found", [("Content-Type", "text/plain")])
        if path != request.path and (self._shared.slash == "redirect" or not statement):
            query = f"?{request.raw_query}" if request.raw_query else ""
            return Reply(307 if statement else 301, b"", [("Location", path + query)])
        if not statement:
            return Reply(200, METRICS if path == "/metrics" else b"", [("Content-Type", "text/plain; charset=utf-8")])

        def failed(status, code, text):
            return Reply(status, td_sql.error_body(code, text, started_ns), [JSON_TYPE])

        if token is not None and (request.header("authorization") or "").startswith("Bearer "):
            return failed(401, 4386, "invalid type of Authorization")
        if token is None:
            return failed(401, 4357, "no auth info input")
        if not correct:
            return failed(401, td_sql.AUTHENTICATION_FAILURE, "Authentication failure")
        return self._run(request, database, started_ns, failed)

    def _run(self, request, database, started_ns, failed):
        try:
            parameters = td_parameters.read(request.raw_query)
        except td_parameters.BadParameter as error:
            return failed(400, 65535, str(error))
        body = request.body
        if request.header("content-encoding") == "gzip":
            try:
                body = zlib.decompressobj(31).decompress(body, MAX_SQL)
            except zlib.error:
                return failed(400, 4385, "invalid content length")
        if not body:
            return failed(400, 4358, "request is empty")
        if not body.strip():
            return failed(400, 4359, "no sql input")
        self._count("sql")
        result = td_sql.execute(body.decode("utf-8", "replace"), database)
        if result.code != 0:
            return failed(200, result.code, result.description)
        reply = Reply(200, td_sql.success_body(result, started_ns, parameters.timing, parameters.row_with_meta), [JSON_TYPE],
                      chunked=True)
        if "gzip" in (request.header("accept-encoding") or ""):
            reply.body = gzip.compress(reply.body)
            reply.headers.append(("Content-Encoding", "gzip"))
        return reply

    # --- WebSocket -----------------------------------------------------------------------------------------------

    def _websocket(self, connection, request, token, correct, started_ns, mode):
        if token is None or not correct:
            return Reply(401, td_sql.error_body(855, "Authentication failure", started_ns), [JSON_TYPE])
        if not websocket.wants_upgrade(request):
            return Reply(400, b"Bad Request", [("Content-Type", "text/plain")])
        if mode.name == "ws_status":
            status = mode.parameters["status"]
            return Reply(status, td_modes.HTML % (status, status), [("Content-Type", "text/html")])
        self._count("websockets")
        key = request.header("sec-websocket-key")
        connection.send(websocket.upgrade_reply(key[::-1] if mode.name == "ws_wrong_accept" else key))
        if mode.name == "ws_hang":
            connection.hold()
        elif mode.name == "ws_close":
            websocket.send_frame(connection, websocket.CLOSE, mode.parameters["code"].to_bytes(2, "big") + b"not you")
        elif mode.name == "ws_huge":
            websocket.send_head(connection, websocket.TEXT, int(mode.parameters["bytes"]))
            connection.hold()
        else:
            conversation = Conversation(request.path, self._shared.users, mode)
            websocket.serve(connection, lambda message: _websocket_reply(conversation.answer(message), mode))
        return None


def _websocket_reply(answer, mode):
    if answer is None or isinstance(answer, bytes):
        return answer
    if mode.name == "ws_code":
        answer.update(code=mode.parameters["code"], message="not now")
    text = td_sql.dump(answer).decode()
    return text[:len(text) // 2] if mode.name == "ws_invalid_json" else text
