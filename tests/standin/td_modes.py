# SPDX-License-Identifier: Apache-2.0
"""The ways in which a gateway listener can fail, by the stage in which they strike."""

import secrets
import socket

import http_base
import td_sql
from control import ControlError, check_keys
from http_base import Reply

JSON_TYPE = ("Content-Type", "application/json; charset=utf-8")
HTML = b"<html>\r\n<head><title>%d</title></head>\r\n<body>\r\n<h1>%d</h1>\r\n</body>\r\n</html>\r\n"
MAX_BODY = 64 * 1024 * 1024
HEALTH = ("/-/ping", "/metrics")
DATABASE = ("sql_code", "wrong_cell", "no_rows")  # trouble that neither health nor redirects show: they are the gateway's own

# mode -> (what happens, {parameter: default})
MODES = {
    "ok": ("works", {}),
    # the TCP connection
    "refuse": ("the listening socket is closed: connect gets ECONNREFUSED", {}),
    "reset_after_accept": ("RST as soon as the connection is accepted", {}),
    # the TLS handshake
    "accept_then_hang": ("TLS never answers", {}),
    "reset_in_handshake": ("RST after the ClientHello", {}),
    "tls_eof": ("FIN after the ClientHello", {}),
    "tls_garbage": ("plain text instead of a ServerHello", {}),
    "tls_alert": ("a fatal handshake_failure alert", {}),
    "large_hello": ("a middlebox that knows no ClientHello of more than bytes: drop, reset or close; smaller ones go through",
                    {"bytes": 1400, "how": "drop"}),
    # the certificate
    "cert_wrong_name": ("for another name", {}),
    "cert_expired": ("ended yesterday", {}),
    "cert_not_yet_valid": ("begins tomorrow", {}),
    "cert_untrusted": ("signed by another CA", {}),
    "cert_self_signed": ("self-signed", {}),
    "cert_expiring_soon": ("good, but for three more days only", {}),
    # the HTTP exchange
    "http_hang": ("the request is read, no reply comes", {}),
    "http_reset": ("RST instead of a reply", {}),
    "http_close": ("FIN instead of a reply", {}),
    "http_garbage": ("a status line that is none", {}),
    "truncated_chunked": ("a chunked body is cut off, then FIN", {}),
    "truncated_length": ("less body than Content-Length says, then FIN", {}),
    "reset_in_body": ("half the body, then RST", {}),
    "slow": ("the first byte of the reply comes after ms milliseconds", {"ms": 1000}),
    "continue_first": ("100 Continue before the real reply", {}),
    "keep_open": ("the connection stays open after the reply, whatever the client asks", {}),
    "status": ("an HTTP status; body json, html, text or empty; location for redirects: same_host or other_host",
               {"status": 503, "body": None, "location": "same_host"}),
    # the body
    "huge_body": ("200 with valid JSON of bytes", {"bytes": 8 * 1024 * 1024}),
    "html_200": ("200 with an HTML page", {}),
    "not_found": ("404 '404 page not found', as from something that is no TDengine", {}),
    "body_invalid_json": ("200 with half a JSON document in a complete body", {}),
    "body_empty": ("200 with an empty body", {}),
    "wrong_cell": ("`select 1` gives 2", {}),
    "no_rows": ("code 0 but no row", {}),
    "sql_code": ("code != 0: 855 authentication, 904 no database, 9728 syntax; by 11, 24, 25, 32, 2316 and 65535 the database "
                 "can't serve; status: REST's own (200, 403 for 32); the WebSocket's login fails, too",
                 {"code": 855, "desc": None, "status": None}),
    "memory": ("503 with the bare JSON string that taosAdapter's memory guard sends, and from /-/ping without it", {}),
    # the WebSocket; /rest/sql keeps working
    "ws_status": ("an HTTP status instead of the upgrade, with an HTML body", {"status": 403}),
    "ws_wrong_accept": ("101 with the accept key of another request", {}),
    "ws_hang": ("101, then silence", {}),
    "ws_close": ("101, then a close frame", {"code": 1008}),
    "ws_huge": ("101, then a frame that says it is of bytes", {"bytes": 1 << 40}),
    "ws_invalid_json": ("the answer is half a JSON document", {}),
    "ws_code": ("the answer has a code != 0", {"code": 65535}),
}

CERTIFICATES = {"cert_wrong_name": "wrong_name", "cert_expired": "expired", "cert_not_yet_valid": "not_yet_valid",
                "cert_untrusted": "untrusted", "cert_self_signed": "self_signed",
                "cert_expiring_soon": "expiring_soon"}


class Mode:
    def __init__(self, body):
        name = body.get("mode")
        if name not in MODES:
            raise ControlError(f"mode is one of {sorted(MODES)}")
        defaults = MODES[name][1]
        check_keys(body, ("mode", "count", *defaults))
        self.name = name
        self.count = body.get("count")  # for so many connections, then "ok" again; null: until changed
        self.parameters = {**defaults, **{key: body[key] for key in defaults if key in body}}

    def describe(self):
        return {"mode": self.name, "count": self.count, **self.parameters}

    def sql_error(self):
        """(code, description) of a database that fails, else None."""
        if self.name != "sql_code":
            return None
        code = self.parameters["code"]
        return code, self.parameters["desc"] or td_sql.describe(code, near="1")

    @property
    def certificate(self):
        return CERTIFICATES.get(self.name, "good")


def before_tls(mode, connection):
    """True when the mode has spoilt the connection before or in the handshake."""
    if mode.name == "reset_after_accept":
        connection.reset()
    elif mode.name == "accept_then_hang":
        connection.hold()
    elif mode.name == "reset_in_handshake":
        connection.read_some()
        connection.reset()
    elif mode.name == "tls_eof":
        connection.read_some()
    elif mode.name == "tls_garbage":
        connection.read_some()
        connection.send(b"220 mail.example ESMTP ready\r\n")
    elif mode.name == "large_hello":
        return _drop_large_hello(mode, connection)
    else:
        return False
    return True


def _drop_large_hello(mode, connection):
    """By the length of the first TLS record; the bytes stay there."""
    head = connection.sock.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    if len(head) < 5 or int.from_bytes(head[3:], "big") <= mode.parameters["bytes"]:
        return False
    if mode.parameters["how"] == "drop":
        connection.hold()
    elif mode.parameters["how"] == "reset":
        connection.reset()
    else:
        connection.read_some()  # what is unread would make the FIN a RST
    return True


def spoil_reply(mode, request, good, connection):
    """The Reply to send instead of `good`, or None when the connection has been dealt with."""
    if mode.name in ("http_hang", "http_reset", "http_close", "http_garbage", "truncated_chunked", "truncated_length",
                     "reset_in_body"):
        _break_exchange(mode, good, connection)
        return None
    if mode.name == "slow":
        connection.hold(mode.parameters["ms"] / 1000)
    elif mode.name == "continue_first":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    elif mode.name == "keep_open":
        connection.send(http_base.encode(good))
        connection.hold()
        return None
    elif mode.name in DATABASE and (request.path in HEALTH or 300 <= good.status < 400):
        return good
    elif mode.name in _BODIES:
        return _BODIES[mode.name](mode, request, good)
    return good


def _break_exchange(mode, good, connection):
    if mode.name == "http_hang":
        connection.hold()
    elif mode.name == "http_reset":
        connection.reset()
    elif mode.name == "http_garbage":
        connection.send(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
    elif mode.name == "truncated_chunked":
        half = good.body[:len(good.body) // 2]
        connection.send(http_base.head(200, [JSON_TYPE, ("Transfer-Encoding", "chunked")])
                        + b"%x\r\n%s" % (len(good.body), half))
    elif mode.name in ("truncated_length", "reset_in_body"):
        connection.send(http_base.head(200, [JSON_TYPE, ("Content-Length", str(len(good.body)))])
                        + good.body[:len(good.body) // 2])
        if mode.name == "reset_in_body":
            connection.reset()


def _status(mode, request, _good):
    status, kind = mode.parameters["status"], mode.parameters["body"]
    if kind is None:
        kind = "html" if status in (404, 502, 503, 504) else "json"
    body, content_type = {
        "json": (td_sql.dump({"code": 65535, "desc": f"status {status}", "timing": 1000}), JSON_TYPE[1]),
        "html": (HTML % (status, status), "text/html"),
        "text": (b"trouble\n", "text/plain"),
        "empty": (b"", "text/plain"),
    }[kind]
    reply = Reply(status, body, [("Content-Type", content_type)])
    if 300 <= status < 400:
        host = request.header("host") if mode.parameters["location"] == "same_host" else "elsewhere.example"
        reply.headers.append(("Location", f"https://{host}/rest/sql?{request.raw_query}"))
    return reply


def _json(body, status=200):
    return Reply(status, body, [JSON_TYPE], chunked=status == 200)


def _rows(rows):
    return _json(td_sql.dump({"code": 0, "column_meta": [["1", "BIGINT", 8]], "data": rows, "rows": len(rows)}))


def _sql_code(mode, _request, _good):
    code, description = mode.sql_error()
    status = mode.parameters["status"] or td_sql.STATUSES.get(code, 200)
    return Reply(status, td_sql.dump({"code": code, "desc": description, "timing": 1000}), [JSON_TYPE])


def _memory(_mode, request, _good):
    return Reply(503) if request.path == "/-/ping" else _json(td_sql.dump("memory exceeds threshold"), 503)


def _huge(mode, _request, _good):
    size = min(int(mode.parameters["bytes"]), MAX_BODY)
    return Reply(200, td_sql.dump({"code": 0, "column_meta": [["1", "VARCHAR", 64]],
                                   "data": [["x" * 60]] * (size // 65 + 1), "rows": size // 65 + 1}), [JSON_TYPE])


_BODIES = {
    "status": _status,
    "huge_body": _huge,
    "html_200": lambda *_: Reply(200, HTML % (200, 200), [("Content-Type", "text/html")]),
    "not_found": lambda *_: Reply(404, b"404 page not found", [("Content-Type", "text/plain")]),
    "body_invalid_json": lambda mode, request, good: _json(good.body[:len(good.body) // 2]),
    "body_empty": lambda *_: Reply(200, b"", [JSON_TYPE]),
    "wrong_cell": lambda *_: _rows([[2]]),
    "no_rows": lambda *_: _rows([]),
    "sql_code": _sql_code,
    "memory": _memory,
}


def token_matches(token, accepted):
    return any(secrets.compare_digest(token.encode(), one.encode()) for one in accepted)
