# SPDX-License-Identifier: Apache-2.0
"""The load programs: TDengine's connectors as users write them, each in a process of its own, and what their lines tell."""

import os
import re
import subprocess
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW_MS = 2000
VARYING = r"token=\w+|(req|result)_?[iI]d\W*\d+|:\d{5}\b|\d+ms|\(total=.*?\)"  # in error texts


@dataclass
class Connector:
    name: str
    keeps: bool  # it keeps connections between two queries


CONNECTORS = {
    "taospy": Connector("taospy, REST", False),
    "taosws": Connector("taos-ws-py", True),
    "go-rest": Connector("driver-go, REST", True),
    "go-ws": Connector("driver-go, WebSocket", True),
    "jdbc-ws": Connector("JDBC, WebSocket, in HikariCP", True),
    "jdbc-rest": Connector("JDBC, REST, in HikariCP", True),
    "node": Connector("@tdengine/rest", True),
}
JAVA = ["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def command(connector, profile, build, trust):
    """`build`: prepare.sh's folder. `trust`: ca.pem as Java's key store."""
    if connector in ("taospy", "taosws"):
        return [f"{build}/venv/bin/python", f"{HERE}/load/load.py", "rest" if connector == "taospy" else "ws", profile]
    kind = connector.partition("-")[2]
    if connector.startswith("go-"):
        return [f"{build}/go/load", kind, profile]
    if connector.startswith("jdbc-"):
        more = ["-Dsun.net.inetaddr.ttl=5", "-Dcom.zaxxer.hikari.aliveBypassWindowMs=-1"] if profile == "set" else []
        return [*JAVA, f"-Djavax.net.ssl.trustStore={trust}", "-Djavax.net.ssl.trustStorePassword=changeit", *more,
                "-cp", f"{build}/java:{build}/java/lib/*", "Load", kind, profile]
    return ["node", f"{HERE}/load/load.mjs", "rest", profile]


class Program:
    """A running load program."""

    def __init__(self, connector, profile, build, folder, environment):
        self.connector, self.profile = connector, profile
        self._out = f"{folder}/{connector}.{profile}"
        with open(self._out, "wb") as out, open(self._out + ".errors", "wb") as errors:
            self.process = subprocess.Popen(command(connector, profile, build, f"{folder}/trust.p12"), stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=errors, env=environment, cwd=folder)

    def lines(self):
        """[(began ms, ended ms, what)] of the queries that have ended."""
        with open(self._out, encoding="utf-8", errors="replace") as file:
            whole = [line.rstrip("\n").split(" ", 2) for line in file if line.endswith("\n")]
        return [(int(began), int(ended), what) for began, ended, what in whole]

    def errors(self):
        with open(self._out + ".errors", encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def stop(self):
        self.process.kill()
        self.process.wait()


def judge(lines, fault_ms, until_ms):
    """What the program saw of a fault at fault_ms, looked at until until_ms."""
    seen = [line for line in lines if line[1] >= fault_ms and line[0] < until_ms]
    bad = [line for line in seen if line[2] != "ok" or line[1] - line[0] > SLOW_MS]
    good = [ended for began, ended, what in seen if what == "ok" and began >= fault_ms]
    last = lines[-1][1] if lines else fault_ms
    hangs_ms = until_ms - last if until_ms - last > SLOW_MS else 0  # a query that has begun and not ended
    return {
        "first_good_s": (min(good) - fault_ms) / 1000 if good else None,
        "settled_s": (bad[-1][1] - fault_ms) / 1000 if bad and not hangs_ms else None if hangs_ms else 0.0,
        "failed": sum(line[2] != "ok" for line in seen),
        "slow": sum(line[1] - line[0] > SLOW_MS for line in seen) + bool(hangs_ms),
        "longest_s": max([line[1] - line[0] for line in seen] + [hangs_ms]) / 1000,
        "hangs_s": hangs_ms / 1000,
        "queries": len(seen),
        "errors": sorted({re.sub(VARYING, "…", line[2])[:200] for line in seen if line[2] != "ok"}),
    }
