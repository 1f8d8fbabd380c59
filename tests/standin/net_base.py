# SPDX-License-Identifier: Apache-2.0
"""TCP listeners and connections with the control that misbehaving on purpose needs.

http.server and socketserver hide the socket; here a handler can reset it, hang on it, or stop in the middle of a
TLS handshake, and a listener can be closed (connect then gets ECONNREFUSED) and opened again on the same port.
"""

import select
import socket
import ssl
import struct
import threading

IDLE_TIMEOUT_S = 30
MAX_CONNECTIONS = 256
HOLD_LIMIT_S = 120


class PeerClosed(Exception):
    """The peer went away, or sent nothing for too long."""


class TooLong(Exception):
    """The peer sent more than the limit."""


class Connection:
    """One accepted connection, plain or TLS, with its own read buffer."""

    def __init__(self, sock, peer, idle_s=IDLE_TIMEOUT_S):
        self.sock = sock
        self.peer = peer
        self.sni = None
        self._buffer = bytearray()
        sock.settimeout(idle_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, context):
        self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        self.sock.connection = self  # the SNI callback finds the connection through it
        self.sock.do_handshake()

    def _fill(self):
        try:
            data = self.sock.recv(65536)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise PeerClosed(str(error)) from error
        if not data:
            raise PeerClosed("end of stream")
        self._buffer += data

    def read_line(self, limit):
        """One line without its line end."""
        while True:
            end = self._buffer.find(b"\n")
            if end > limit or (end < 0 and len(self._buffer) > limit):
                raise TooLong("line too long")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[:end + 1]
                return line[:-1] if line.endswith(b"\r") else line
            self._fill()

    def read_exactly(self, count):
        while len(self._buffer) < count:
            self._fill()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def read_some(self):
        """Whatever comes first, at least one byte."""
        if not self._buffer:
            self._fill()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise PeerClosed(str(error)) from error

    def hold(self, seconds=HOLD_LIMIT_S):
        """Says nothing for that long, whatever the peer sends; ends early when the peer leaves or drop() is called."""
        poll = select.poll()
        try:
            poll.register(self.sock.fileno(), select.POLLRDHUP)
            poll.poll(min(seconds, HOLD_LIMIT_S) * 1000)
        except (OSError, ValueError):
            pass

    def reset(self):
        """Closes with RST instead of FIN."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self._close_socket()

    def close(self):
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.fileno() >= 0:
            try:
                self.sock.setblocking(False)  # sends close_notify, but does not wait for the peer's
                self.sock.unwrap()
            except (OSError, ssl.SSLError, ValueError):
                pass
        self._close_socket()

    def _close_socket(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def drop(self):
        """From another thread: wakes the handler, whose next read or write then fails."""
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # not SSLSocket's: that one forgets the TLS state
        except (OSError, ValueError):
            pass


class Listener:
    """One listening TCP address; a thread for each connection, at most MAX_CONNECTIONS."""

    def __init__(self, address, handler, name="tcp", idle_s=IDLE_TIMEOUT_S):
        self.address = address
        self.name = name
        self._idle_s = idle_s
        self._handler = handler
        self._lock = threading.Lock()
        self._connections = set()
        self._sock = None
        self._thread = None

    @property
    def is_open(self):
        return self._sock is not None

    def open(self):
        if self._sock is not None:
            return
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self.address)
        sock.listen(128)
        self.address = sock.getsockname()[:2]  # keeps the port that the kernel gave, for the next open()
        self._sock = sock
        self._thread = threading.Thread(target=self._accept_loop, args=(sock,), daemon=True, name=self.name)
        self._thread.start()

    def close(self):
        """Connects get ECONNREFUSED from now on; living connections are cut."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        try:
            sock.shutdown(socket.SHUT_RDWR)  # wakes accept(); close() alone would not
        except OSError:
            pass
        sock.close()
        self._thread.join(timeout=5)
        self.drop_connections()

    def drop_connections(self):
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.drop()

    def _accept_loop(self, sock):
        while True:
            try:
                accepted, peer = sock.accept()
            except OSError:
                return
            with self._lock:
                full = len(self._connections) >= MAX_CONNECTIONS
                if not full:
                    connection = Connection(accepted, peer, self._idle_s)
                    self._connections.add(connection)
            if full:
                accepted.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True, name=self.name).start()

    def _serve(self, connection):
        try:
            self._handler(connection)
        except (PeerClosed, TooLong, OSError, ssl.SSLError):
            pass  # the peer's business
        finally:
            connection.close()
            with self._lock:
                self._connections.discard(connection)


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])

    def note_sni(tls_socket, name, _context):
        tls_socket.connection.sni = name

    context.sni_callback = note_sni
    return context
