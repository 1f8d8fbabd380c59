# SPDX-License-Identifier: Apache-2.0
"""Connections of applications: servers whose clients get stuck, or wait, or are idle, and what the agent sees of them."""

import socket
import threading

from host import ZONE_A, HostTest  # first: it enters the namespaces

from doctor_kit import drop

DEAD = "127.0.0.21"  # its gateway's ends of connections lose every packet


class BlackHole:
    """Accepts, then never receives: what is sent there gets no acknowledgement."""

    def __init__(self, address):
        self.listener = socket.create_server((address, 443), backlog=64)
        self.accepted = {}
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                peer, name = self.listener.accept()
            except OSError:
                return
            self.take(peer, name)

    def take(self, peer, name):
        drop(peer)
        self.accepted[name] = peer

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for peer in self.accepted.values():
            peer.close()


class SlowServer(BlackHole):
    """Answers "ask" with "answer", a tenth of a second later; anything else never. Packets are not lost."""

    def take(self, peer, name):
        self.accepted[name] = peer
        threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        pause = threading.Event()
        try:
            while request := peer.recv(100):
                if request == b"ask":
                    pause.wait(0.1)  # so that the kernel's clock tells the answer from the request
                    peer.sendall(b"answer")
        except OSError:
            pass


class ConnectionsTest(HostTest):
    """A host with one good address and a dead one, and its applications."""

    def setUp(self):
        super().setUp()
        self.host.start_world()
        self.hole = BlackHole(DEAD)
        self.addCleanup(self.hole.close)
        self.clients = []
        self.addCleanup(lambda: [client.close() for client in self.clients])

    def start(self, **link):
        self.host.start_postern(link={"endpoint": None, "addresses": [ZONE_A, DEAD], **link})

    def connect(self, address, count=1, keepalive=False):
        for _ in range(count):
            client = socket.create_connection((address, 443))
            if keepalive:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self.clients.append(client)
        return self.clients[-count:]

    def stuck(self, count):
        new = self.connect(DEAD, count)
        for client in new:
            self.host.wait(lambda: client.getsockname() in self.hole.accepted, "the packets to be dropped")
            client.sendall(b"x" * 1000)
        return new

    def status(self):
        return self.host.http_json("/api/v1/status")[1]

    def at(self, address):
        """The status of an address."""
        (link,) = self.status()["links"]
        (found,) = [entry for entry in link["addresses"] if entry["ip"] == address]
        return found

    def wait_stuck(self, count):
        return self.host.wait(lambda: (lambda c: c if c and c["stuck"] == count else None)(self.at(DEAD)["connections"]),
                              f"{count} stuck connections", deadline_s=60)
