# SPDX-License-Identifier: Apache-2.0
"""What ends the applications' connections to the dead address once postern has withdrawn it: nothing, iproute2's `ss -K`, or
postern itself."""

import os
import re
import subprocess
import threading

from world import OWN, run

from host import POSTERN

FREE = os.path.join(os.path.dirname(POSTERN), "postern-free")
COUNTER = r"^postern_app_connections_freed_total\{.*\} (\d+)$"

WAYS = ("no", "ss", "product")


def link_settings(how):
    """What the link's configuration needs."""
    return {"free_stuck": True} if how == "product" else {}


def start_freeing(world, how):
    """To be called before the fault. What it returns has `freed`, how many connections were ended, and stop()."""
    if how == "product":
        return ByPostern(world.host)
    return Nothing() if how == "no" else ByHand(world)


class Nothing:
    freed = 0

    def stop(self):
        pass


class ByPostern:
    """postern-free where the agent looks for it; `free_stuck` lets the agent ask."""

    def __init__(self, host):
        self._host = host
        socket_path = f"{host.runtime_dir}/free.socket"
        with open(f"{host.folder}/postern-free.log", "wb") as log:
            self._process = subprocess.Popen([FREE, "--plan", f"{host.runtime_dir}/plan", "--listen", socket_path], env=host.environment,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        host.wait(lambda: os.path.exists(socket_path), "postern-free's socket")

    @property
    def freed(self):
        return sum(map(int, re.findall(COUNTER, self._host.http("/metrics")[1], re.M)))

    def stop(self):
        self._process.kill()
        self._process.wait()


class ByHand:
    """`ss -K` at the moment that postern's log tells the withdrawal."""

    def __init__(self, world):
        self.freed = 0
        self._world = world
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._free, daemon=True)
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join()

    def _free(self):
        while not self._world.withdrawn():
            if self._over.wait(0.05):
                return
        self.freed = len(run("ss", "-K", "-Htn", "dst", OWN).splitlines())
