# SPDX-License-Identifier: Apache-2.0
"""Statements on taosAdapter's WebSocket: binary messages for the query and the fetch of its rows, as every current client of
TDengine sends them (tests/sdk, tests/connectors). Numbers are little-endian; a block is the engine's own format."""

import itertools
import struct

import td_sql

QUERY, FETCH = 6, 7  # the message's action
TYPES = {"INT": (4, "i"), "BIGINT": (5, "q"), "VARCHAR": (8, None)}  # type's number; struct's letter of a fixed length
NOT_A_REPLY_OF_OLD = 0xFFFFFFFFFFFFFFFF
HAS_COLUMN_SEGMENT = 0x80000000 - (1 << 32)


class Results:
    """The results of one connection that are not freed."""

    def __init__(self):
        self._ids = itertools.count(1)
        self._open = {}  # id: (columns, rows, or None once they were fetched)

    def answer(self, message):
        """The reply to a binary message: an object for JSON, or bytes."""
        if len(message) < 24:
            return _error("", 0, 0xFFFF, "message length is too short")
        req_id, result_id, action = struct.unpack_from("<QQQ", message)
        if action == QUERY and len(message) > 30:
            (length,) = struct.unpack_from("<I", message, 26)
            return self._query(req_id, message[30:30 + length].decode("utf-8", "replace"))
        if action == FETCH:
            return self._fetch(req_id, result_id)
        return _error("", req_id, 0xFFFF, f"unknown binary action {action}")

    def free(self, args):
        self._open.pop(args.get("id") if isinstance(args, dict) else None, None)

    def _query(self, req_id, text):
        result = td_sql.execute(text)
        if result.code != 0:
            return _error("binary_query", req_id, result.code, result.description)
        number = next(self._ids)
        names, types, lengths = zip(*[(name, TYPES[kind if kind in TYPES else "VARCHAR"][0], length)
                                      for name, kind, length in result.columns])
        self._open[number] = result.columns, result.rows
        return {"code": 0, "message": "", "action": "binary_query", "req_id": req_id, "timing": 1000, "id": number,
                "is_update": False, "affected_rows": 0, "fields_count": len(names), "fields_names": names,
                "fields_types": types, "fields_lengths": lengths, "precision": 0,
                "fields_precisions": [0] * len(names), "fields_scales": [0] * len(names)}

    def _fetch(self, req_id, result_id):
        columns, rows = self._open.get(result_id, (None, None))
        code, text = (0xFFFF, b"result is nil") if columns is None else (0, b"")
        completed = not rows
        reply = struct.pack("<QQHQQII", NOT_A_REPLY_OF_OLD, FETCH, 1, 1000, req_id, code, len(text)) + text
        reply += struct.pack("<QB", result_id, completed)
        if completed:
            return reply
        self._open[result_id] = columns, None
        data = block(columns, rows)
        return reply + struct.pack("<I", len(data)) + data


def block(columns, rows):
    """Rows as the engine lays them out, column by column."""
    heads, lengths, bodies = b"", b"", b""
    for index, (_, kind, length) in enumerate(columns):
        number, letter = TYPES[kind if kind in TYPES else "VARCHAR"]
        heads += struct.pack("<bi", number, length)
        values = [row[index] for row in rows]
        head, data = _variable(values) if letter is None else _fixed(values, letter)
        lengths += struct.pack("<i", len(data))
        bodies += head + data
    size = 28 + len(heads) + len(lengths) + len(bodies)
    return struct.pack("<iiiiiQ", 1, size, len(rows), len(columns), HAS_COLUMN_SEGMENT, 0) + heads + lengths + bodies


def _fixed(values, letter):
    """(a bit for each value that is null, the values)"""
    nulls = bytearray((len(values) + 7) // 8)
    for index, value in enumerate(values):
        nulls[index // 8] |= (value is None) << (7 - index % 8)
    return bytes(nulls), b"".join(struct.pack("<" + letter, value or 0) for value in values)


def _variable(values):
    """(where each value begins, or -1 for null; the values, each with its length before it)"""
    offsets, data = b"", b""
    for value in values:
        offsets += struct.pack("<i", -1 if value is None else len(data))
        if value is not None:
            text = str(value).encode()
            data += struct.pack("<H", len(text)) + text
    return offsets, data


def _error(action, req_id, code, message):
    return {"code": code, "message": message, "action": action, "req_id": req_id, "timing": 1000}
