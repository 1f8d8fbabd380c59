# SPDX-License-Identifier: Apache-2.0
"""A separate real Prometheus for a test: started beside postern, its data in the host's folder, asked over its API."""

import json
import os
import shutil
import subprocess
import urllib.parse

from launch import wait_until

ADDRESS = "127.0.0.1:9090"
HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGED = os.path.join(os.path.dirname(os.path.dirname(HERE)), "packaging", "prometheus")


def missing():
    """The first program that is not installed, or None."""
    return next((name for name in ("prometheus", "promtool") if shutil.which(name) is None), None)


class Prometheus:
    def __init__(self, host, more_jobs=""):
        """Scrapes with the packaged jobs, and evaluates the packaged rules, every second."""
        self.host = host
        with open(f"{PACKAGED}/scrape.yml", encoding="utf-8") as file:
            jobs = file.read()
        config = host.write_file("prometheus.yml", "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
                                 f"rule_files: [{PACKAGED}/postern.rules.yml]\n{jobs}\n{more_jobs}")
        self.log_path = f"{host.folder}/prometheus.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={host.folder}/prometheus",
                 f"--web.listen-address={ADDRESS}", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=host.folder)
        try:
            wait_until(self._ready, what="Prometheus to be ready", deadline_s=60)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Prometheus ended with {self.process.returncode}: {self.log()}")
        return self.host.curl(f"http://{ADDRESS}/-/ready")[1] == 200

    def api(self, path, **arguments):
        _, status, body = self.host.curl(f"http://{ADDRESS}/api/v1/{path}?{urllib.parse.urlencode(arguments)}")
        document = json.loads(body)
        if status != 200 or document["status"] != "success":
            raise AssertionError(f"{path} {arguments}: {status} {body[:500]}")
        return document["data"]

    def query(self, expression):
        """[(labels, value)]; a scalar has no labels."""
        data = self.api("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(item["metric"], float(item["value"][1])) for item in data["result"]]

    def wait(self, expression, condition=bool, what="data"):
        """Waits until the result satisfies the condition; returns it."""
        def ask():
            result = self.query(expression)
            return result if condition(result) else None
        return self.host.wait(ask, f"{expression} to give {what}", deadline_s=60)
