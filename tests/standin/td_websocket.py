# SPDX-License-Identifier: Apache-2.0
"""What taosAdapter says on a WebSocket: /ws, and the older /rest/ws with its own form of two replies. Version and state of the
server need no login; statements (td_ws_query.py) do."""

import json

import td_sql
import td_ws_query

FAILED = 0xFFFF
AVAILABLE, UNAVAILABLE = 2, 0  # of check_server_status, as in taos.h


class Conversation:
    """One connection. `users`: {name: password} that may log in; `mode`: the listener's, sql_code is a database that fails."""

    def __init__(self, path, users, mode):
        self._older = path == "/rest/ws"
        self._users = users
        self._fails_with = mode.sql_error()
        self._logged_in = False
        self._results = td_ws_query.Results()

    def answer(self, message):
        """The reply to a text (str) or a binary message: an object for JSON, bytes, or None where there is none."""
        if isinstance(message, str):
            return self._answer_text(message)
        if not self._logged_in:
            return _reply("", 0, FAILED, "server not connected")
        return self._results.answer(message)

    def _answer_text(self, text):
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = False
        request = {} if request is None else request
        action = request.get("action") or "" if isinstance(request, dict) else None
        if not isinstance(action, str):
            return _reply("", 0, FAILED, "unmarshal request error")
        args = request.get("args")
        req_id = _req_id(args)
        if not action:
            return _reply("", req_id or 0, FAILED, "request no action")
        known = {"version": self._version, "conn": self._connect, "check_server_status": self._status}.get(action)
        if known is not None:
            return known(action, args, req_id)
        if not self._logged_in:
            return _reply(action, req_id or 0, FAILED, "server not connected")
        if action == "free_result":
            return self._results.free(args)
        return _reply(action, req_id or 0, FAILED, f"unknown action {action}")

    def _version(self, action, args, req_id):
        if self._older:
            return {"code": 0, "message": "", "action": action, "version": td_sql.VERSION}
        if args is not None and req_id is None:
            return _reply(action, 0, FAILED, "unmarshal version request error")
        return _reply(action, req_id or 0, version=td_sql.VERSION)

    def _connect(self, action, args, req_id):
        if not isinstance(args, dict) or req_id is None:
            return _reply(action, 0, FAILED, "unmarshal connect request error")
        if self._logged_in:
            return _reply(action, req_id, FAILED, "duplicate connections")
        if self._fails_with is not None:
            return _reply(action, req_id, *self._fails_with)
        user, password = args.get("user") or "", args.get("password") or ""
        if (user, password) != ("", "") and self._users.get(user) != password:  # without both: the token stands for them
            return _reply(action, req_id, td_sql.AUTHENTICATION_FAILURE, td_sql.describe(td_sql.AUTHENTICATION_FAILURE))
        self._logged_in = True
        return _reply(action, req_id, **({} if self._older else {"version": td_sql.VERSION}))

    def _status(self, action, args, req_id):
        if not isinstance(args, dict) or req_id is None:
            return _reply(action, 0, FAILED, "unmarshal check server status request error")
        return _reply(action, req_id, status=AVAILABLE if self._fails_with is None else UNAVAILABLE, details="")


def _req_id(args):
    """The unsigned number in args, 0 where there is none, and None for what is no number."""
    value = args.get("req_id", 0) if isinstance(args, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64 else None


def _reply(action, req_id, code=0, message="", **more):
    return {"code": code, "message": message, "action": action, "req_id": req_id, "timing": 1000, **more}
