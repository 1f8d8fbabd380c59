# SPDX-License-Identifier: Apache-2.0
"""The control endpoint: plain HTTP, JSON in and out, through which tests and demonstrations script a stand-in."""

import json
import re
import urllib.parse

import http_base
from net_base import Listener


class ControlError(Exception):
    """Answered as 400 with the message."""


class Call:
    """One control request: parts of the path by name, the query, and the JSON body (a dict)."""

    def __init__(self, parts, query, body):
        self.parts = parts
        self.query = query
        self.body = body


class Control:
    """`routes` is a list of (method, template, function(Call) -> JSON value); a template is '/listeners/{name}'."""

    def __init__(self, address, routes, log):
        self._routes = [(method, template, re.compile(_pattern(template)), function)
                        for method, template, function in routes + self._own_routes(log)]
        self.listener = Listener(address, self._serve, name="control")

    def _own_routes(self, log):
        def read_log(call):
            return log.read(int(call.query.get("since", 0)), min(int(call.query.get("limit", 1000)), 10000))

        def clear_log(_call):
            log.clear()
            return {}

        def index(_call):
            return {"routes": [f"{method} {template}" for method, template, _, _ in self._routes]}

        return [("GET", "/log", read_log), ("DELETE", "/log", clear_log), ("GET", "/", index)]

    def _serve(self, connection):
        http_base.serve(connection, self._answer)

    def _answer(self, request):
        try:
            status, value = 200, self._dispatch(request)
        except ControlError as error:
            status, value = 400, {"error": str(error)}
        except (ValueError, TypeError, KeyError) as error:
            status, value = 400, {"error": f"{type(error).__name__}: {error}"}
        return http_base.Reply(status, (json.dumps(value) + "\n").encode(), [("Content-Type", "application/json")])

    def _dispatch(self, request):
        for method, _, pattern, function in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                body = json.loads(request.body) if request.body.strip() else {}
                if not isinstance(body, dict):
                    raise ControlError("the body must be a JSON object")
                parts = {key: urllib.parse.unquote(value) for key, value in found.groupdict().items()}
                return function(Call(parts, dict(urllib.parse.parse_qsl(request.raw_query)), body))
        raise ControlError(f"no such route: {request.method} {request.path} (GET / lists them)")


def _pattern(template):
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)


def check_keys(body, allowed):
    """A misspelt key must not silently do nothing: a test would then pass for the wrong reason."""
    unknown = set(body) - set(allowed)
    if unknown:
        raise ControlError(f"unknown key(s) {sorted(unknown)}; known: {sorted(allowed)}")
