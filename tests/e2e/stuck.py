# SPDX-License-Identifier: Apache-2.0
"""Servers whose clients get stuck, or wait, or are idle."""

import socket
import threading

from doctor_kit import drop


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

    def _accept(self):
        while True:
            try:
                peer, name = self.listener.accept()
            except OSError:
                return
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
