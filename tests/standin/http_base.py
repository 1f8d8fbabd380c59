# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on a Connection: reading requests within limits, writing replies, one keep-alive loop."""

import email.utils
import http
import time
from dataclasses import dataclass, field

from net_base import PeerClosed, TooLong

MAX_LINE = 16 * 1024
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024
MAX_REQUESTS_PER_CONNECTION = 1000


class BadRequest(Exception):
    """The request cannot be understood; the connection is closed after the 400."""


@dataclass
class Request:
    method: str
    target: str
    headers: list = field(default_factory=list)  # (name, value) as sent, duplicates kept
    body: bytes = b""
    version: str = "HTTP/1.1"

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def raw_query(self):
        return self.target.partition("?")[2]

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None

    @property
    def keep_alive(self):
        said = (self.header("connection") or "").lower()
        return "close" not in said and (self.version == "HTTP/1.1" or "keep-alive" in said)


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: list = field(default_factory=list)
    chunked: bool = False
    close: bool = False


def read_request(connection):
    """The next request, or None when the peer closed between two requests."""
    try:
        line = connection.read_line(MAX_LINE)
    except PeerClosed:
        return None
    parts = line.decode("latin-1").split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest("malformed request line")
    request = Request(parts[0], parts[1], version=parts[2])
    while line := connection.read_line(MAX_LINE):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(request.headers) >= MAX_HEADERS:
            raise BadRequest("malformed or too many headers")
        request.headers.append((name, value.strip()))
    length = request.header("content-length") or "0"
    if not length.isdigit() or int(length) > MAX_BODY:
        raise BadRequest("bad content-length")
    if (request.header("expect") or "").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    coding = request.header("transfer-encoding")
    if coding not in (None, "chunked"):
        raise BadRequest("unknown transfer-encoding")
    request.body = read_chunks(connection) if coding else connection.read_exactly(int(length))
    return request


def read_chunks(connection):
    """A body in chunked coding, which TDengine's Go client sends; trailers are dropped."""
    body = b""
    while True:
        size = connection.read_line(MAX_LINE).partition(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF") or len(size) > 8 or len(body) + int(size, 16) > MAX_BODY:
            raise BadRequest("bad chunk")
        if int(size, 16) == 0:
            break
        body += connection.read_exactly(int(size, 16))
        if connection.read_line(2):
            raise BadRequest("bad chunk")
    while connection.read_line(MAX_LINE):
        pass
    return body


def http_date(offset_s=0):
    return email.utils.formatdate(time.time() + offset_s, usegmt=True)


def head(status, headers):
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunks(body, size=512):
    """The body in chunked coding, without the last-chunk."""
    out = b""
    for start in range(0, len(body), size):
        piece = body[start:start + size]
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out


def encode(reply):
    """The whole reply as bytes."""
    headers = list(reply.headers)
    names = {name.lower() for name, _ in headers}
    if "date" not in names:
        headers.append(("Date", http_date()))
    if reply.close:
        headers.append(("Connection", "close"))
    if reply.chunked:
        headers.append(("Transfer-Encoding", "chunked"))
        return head(reply.status, headers) + chunks(reply.body) + b"0\r\n\r\n"
    headers.append(("Content-Length", str(len(reply.body))))
    return head(reply.status, headers) + reply.body


def serve(connection, answer):
    """Requests of one connection, one after another. `answer(request)` gives a Reply, or None when it has
    already dealt with the connection itself (reset it, sent something broken, ...)."""
    for _ in range(MAX_REQUESTS_PER_CONNECTION):
        try:
            request = read_request(connection)
        except (BadRequest, TooLong) as error:
            connection.send(encode(Reply(400, str(error).encode(), close=True)))
            return
        if request is None:
            return
        reply = answer(request)
        if reply is None:
            return
        reply.close = reply.close or not request.keep_alive
        connection.send(encode(reply))
        if reply.close:
            return
