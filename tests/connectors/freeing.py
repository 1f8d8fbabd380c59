# SPDX-License-Identifier: Apache-2.0
"""What ends the applications' connections to the dead address once postern has withdrawn it: nothing, iproute2's `ss -K`, or
postern itself."""

import threading

from world import OWN, run

WAYS = ("no", "ss", "ss-again", "product")


def link_settings(how):
    """What the link's configuration needs."""
    return {"free_stuck": True} if how == "product" else {}


def start_freeing(world, how):
    """To be called before the fault. What it returns has `freed`, how many connections were ended, and stop()."""
    if how == "product":
        raise NotImplementedError("here postern's helper is started, as its socket unit does, and `freed` is read from /metrics")
    return Nothing() if how == "no" else ByHand(world, again=how == "ss-again")


class Nothing:
    freed = 0

    def stop(self):
        pass


class ByHand:
    """`ss -K` at the moment that postern's log tells the withdrawal: once, or every second from then on."""

    def __init__(self, world, again):
        self.freed = 0
        self._world, self._again = world, again
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
        while True:
            self.freed += len(run("ss", "-K", "-Htn", "dst", OWN).splitlines())
            if not self._again or self._over.wait(1):
                return
