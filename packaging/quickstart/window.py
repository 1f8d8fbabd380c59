# SPDX-License-Identifier: Apache-2.0
"""A port on the machine's loopback that leads into the namespace of this program, for the user's own browser.

A socket stays in the network namespace where it was made: the listening one is made outside and inherited, and what is
connected to it is forwarded to an address inside."""

import os
import socket
import threading

LISTENING, CLIENT = "POSTERN_QUICKSTART_LISTENING", "POSTERN_QUICKSTART_CLIENT"


def make_outside():
    """Before the namespace is entered: the port, and one connection to it, for who wants to try it from the inside."""
    listening = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listening.getsockname())
    for name, one in ((LISTENING, listening), (CLIENT, client)):
        os.set_inheritable(one.fileno(), True)
        os.environ[name] = str(one.detach())


def taken(name):
    return socket.socket(fileno=int(os.environ.pop(name)))


class Window:
    """Forwards to `target` once it is opened; who connects before that waits."""

    def __init__(self, target):
        self.target = target
        self.listening, self.client = taken(LISTENING), taken(CLIENT)
        for one in (self.listening, self.client):
            os.set_inheritable(one.fileno(), False)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/"

    def open(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def get(self, path):
        """What a program outside gets for `path`, once."""
        with self.client:
            self.client.settimeout(30)
            self.client.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.url[7:-1]}\r\nConnection: close\r\n\r\n".encode())
            reply = b""
            while more := self.client.recv(65536):
                reply += more
        return reply.decode(errors="replace")

    def _accept(self):
        while True:
            outside, _ = self.listening.accept()
            try:
                inside = socket.create_connection(self.target, timeout=10)
            except OSError:  # the agent is not there at the moment
                outside.close()
                continue
            inside.settimeout(None)
            for source, sink in ((outside, inside), (inside, outside)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                end.shutdown(how)
            except OSError:
                pass
