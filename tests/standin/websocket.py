# SPDX-License-Identifier: Apache-2.0
"""The server half of a WebSocket (RFC 6455), as much as questions and answers in one frame each need."""

import base64
import hashlib

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_FRAME = 64 * 1024
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def wants_upgrade(request):
    return "websocket" in (request.header("upgrade") or "").lower() and request.header("sec-websocket-key")


def upgrade_reply(key):
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    return ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode()


def read_frame(connection):
    """(opcode, payload) of an unfragmented, masked client frame, else None."""
    first, second = connection.read_exactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(connection.read_exactly(2), "big")
    elif length == 127:
        length = int.from_bytes(connection.read_exactly(8), "big")
    if not first & 0x80 or not second & 0x80 or length > MAX_FRAME:
        return None
    mask = connection.read_exactly(4)
    payload = connection.read_exactly(length)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def send_frame(connection, opcode, payload):
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    connection.send(bytes([0x80 | opcode]) + length + payload)


def send_head(connection, opcode, length):
    """The head of a frame whose payload may never come."""
    connection.send(bytes([0x80 | opcode, 127]) + length.to_bytes(8, "big"))


def serve(connection, answer, limit=100_000):
    """Each text (as str) and binary message gets the reply of `answer(message)`, str or bytes, or none, until the peer closes."""
    for _ in range(limit):
        frame = read_frame(connection)
        if frame is None or frame[0] == CLOSE:
            send_frame(connection, CLOSE, b"")
            return
        opcode, payload = frame
        if opcode == PING:
            send_frame(connection, PONG, payload)
        elif opcode in (TEXT, BINARY):
            reply = answer(payload.decode("utf-8", "replace") if opcode == TEXT else payload)
            if isinstance(reply, bytes):
                send_frame(connection, BINARY, reply)
            elif reply is not None:
                send_frame(connection, TEXT, reply.encode())
