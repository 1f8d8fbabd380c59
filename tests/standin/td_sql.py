# SPDX-License-Identifier: Apache-2.0
"""What taosAdapter answers to a statement: the few statements that probes and people's checks use."""

import json
import re
import time
from dataclasses import dataclass

VERSION = "3.3.6.0"
DATABASES = [("information_schema", 16, "ready"), ("performance_schema", 9, "ready"), ("power", 3, "ready")]

SYNTAX_ERROR = 0x2600
DATABASE_NOT_EXIST = 0x0388
AUTHENTICATION_FAILURE = 0x0357
UNABLE_TO_CONNECT = 0x000B
BROKEN_LINK = 0x0018
TIMEOUT = 0x0019
OUT_OF_SERVICE = 0x0020
NOT_LEADER = 0x090C
NO_CONNECTION = 0xFFFF

STATUSES = {OUT_OF_SERVICE: 403}  # of REST; every other code comes with 200
DESCRIPTIONS = {
    SYNTAX_ERROR: 'syntax error near "{near}"',
    DATABASE_NOT_EXIST: "Database not exist",
    AUTHENTICATION_FAILURE: "Authentication failure",
    UNABLE_TO_CONNECT: "Unable to establish connection",
    BROKEN_LINK: "Conn is broken",
    TIMEOUT: "Conn read timeout",
    OUT_OF_SERVICE: "some vnode/qnode/mnode(s) out of service",
    NOT_LEADER: "Sync leader is unreachable",
    NO_CONNECTION: "get connection timeout",
}


@dataclass
class Result:
    """Either rows, or an engine error (code != 0)."""
    columns: list = None
    rows: list = None
    code: int = 0
    description: str = ""


def describe(code, near=""):
    return DESCRIPTIONS.get(code, f"error {code}").format(near=near)


def error(code, near=""):
    return Result(code=code, description=describe(code, near))


def _fixed(name, kind, length, value):
    return lambda *_: Result([[name, kind, length]], [[value() if callable(value) else value]])


def _use(statement, _database):
    name = statement.split()[-1].strip("`")
    if name not in [row[0] for row in DATABASES]:
        return error(DATABASE_NOT_EXIST)
    return Result([["affected_rows", "INT", 4]], [[0]])


STATEMENTS = [
    (r"select 1", _fixed("1", "BIGINT", 8, 1)),
    (r"select server_version\(\)", _fixed("server_version()", "VARCHAR", 32, VERSION)),
    (r"select server_status\(\)", _fixed("server_status()", "INT", 4, 1)),
    (r"select client_version\(\)", _fixed("client_version()", "VARCHAR", 32, VERSION)),
    (r"select current_user\(\)", _fixed("current_user()", "VARCHAR", 80, "cloud_user@%")),
    (r"select now\(\)", _fixed("now()", "TIMESTAMP", 8, lambda: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()))),
    (r"select database\(\)", lambda _, database: Result([["database()", "VARCHAR", 65]], [[database]])),
    (r"show databases", lambda *_: Result([["name", "VARCHAR", 64]], [[row[0]] for row in DATABASES])),
    (r"select name, ?ntables, ?status from information_schema\.ins_databases",
     lambda *_: Result([["name", "VARCHAR", 64], ["ntables", "BIGINT", 8], ["status", "VARCHAR", 10]],
                       [list(row) for row in DATABASES])),
    (r"use `?\w+`?", _use),
]


def execute(text, database=None):
    """Runs one statement; `database` is the one of the request's path."""
    statement = re.sub(r"\s+", " ", text.strip().rstrip(";").strip())
    if database is not None and database not in [row[0] for row in DATABASES]:
        return error(DATABASE_NOT_EXIST)
    for pattern, function in STATEMENTS:
        if re.fullmatch(pattern, statement, re.IGNORECASE):
            return function(statement, database)
    return error(SYNTAX_ERROR, near=statement[:40])


def success_body(result, started_ns, timing=False, with_meta=False):
    """The reply of a successful statement: no white space, `timing` only when asked for."""
    rows = result.rows
    if with_meta:
        names = [column[0] for column in result.columns]
        rows = [dict(zip(names, row)) for row in rows]
    reply = {"code": 0, "column_meta": result.columns, "data": rows, "rows": len(rows)}
    if timing:
        reply["timing"] = time.monotonic_ns() - started_ns
    return dump(reply)


def error_body(code, description, started_ns):
    return dump({"code": code, "desc": description, "timing": time.monotonic_ns() - started_ns})


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
