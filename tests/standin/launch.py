# SPDX-License-Identifier: Apache-2.0
"""Starts a stand-in as a separate process, and uses its control endpoint. For tests and demonstrations."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def wait_until(condition, deadline_s=20, what="the condition", poll_s=0.02, poll_max_s=0):
    """Waits for a true value and returns it; fails loudly once the deadline is over. Looks every `poll_s`, or, while
    nothing comes, ever more rarely up to every `poll_max_s`."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s for {what}; last value: {value!r}")
        time.sleep(poll_s)
        poll_s = max(poll_s, min(poll_s * 1.3, poll_max_s))


class ControlClient:
    """A stand-in's control endpoint."""

    def __init__(self, address):
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(self._host, self._port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            reply = connection.getresponse()
            value = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200:
            raise AssertionError(f"control {method} {path}: {reply.status} {value}")
        return value

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, **body):
        return self.call("POST", path, body)

    def put(self, path, **body):
        return self.call("PUT", path, body)

    def delete(self, path):
        return self.call("DELETE", path)

    def log(self, since=0):
        return self.get(f"/log?since={since}&limit=10000")["entries"]


class StandIn:
    """A running stand-in program: `.ready` is its ready file, `.control` its control endpoint."""

    def __init__(self, script, *arguments, folder=None):
        self._own_folder = tempfile.TemporaryDirectory(prefix="standin-") if folder is None else None
        folder = folder or self._own_folder.name
        ready_file = os.path.join(folder, f"{os.path.basename(script)}.{id(self)}.ready")
        self.stderr_path = ready_file + ".stderr"
        command = [sys.executable, os.path.join(HERE, script), *map(str, arguments), "--ready-file", ready_file]
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
        try:
            wait_until(lambda: os.path.exists(ready_file) or self.process.poll() is not None,
                       what=f"{script} to be ready")
            if self.process.poll() is not None:
                raise AssertionError(f"{script} ended: {self.stderr()}")
        except BaseException:
            self.stop()
            raise
        with open(ready_file, encoding="utf-8") as file:
            self.ready = json.load(file)
        self.control = ControlClient(self.ready["control"])

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        """Ends it as a service manager would; the exit code must be 0."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self._own_folder is not None:
                self._own_folder.cleanup()
                self._own_folder = None
