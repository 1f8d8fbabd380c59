"""Under a service manager: sockets that it holds, readiness and proof of life that it is told."""

import ctypes
import os
import signal
import socket
import struct
import unittest

from host import DEADLINE_S, LINK, HostTest

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
PERIOD_S = 0.6


class NotifySocket:
    """The service manager's end of $NOTIFY_SOCKET."""

    def __init__(self, path):
        self.environment = {"NOTIFY_SOCKET": path}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o777)

    def watch(self, period_s=PERIOD_S, **more):
        return {**self.environment, "WATCHDOG_USEC": str(int(period_s * 1e6)), **more}

    def next(self, timeout_s=DEADLINE_S):
        """The next message, or None when none comes in that time."""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def expect(self, message):
        """Waits for a message that may have others before it."""
        while (got := self.next()) != message:
            if got is None:
                raise AssertionError(f"no {message}")

    def falls_silent(self, period_s=PERIOD_S):
        """What is under way may still come; then there is nothing for two periods: systemd would have acted."""
        return any(self.next(2 * period_s) is None for _ in range(10))

    def close(self):
        self._socket.close()


def set_deaf(listener, deaf):
    """The kernel drops what arrives on that socket (and on the resolver's copy of it), or no longer."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER if deaf else SO_DETACH_FILTER, program)


class Notified(HostTest):
    def setUp(self):
        super().setUp()
        self.manager = NotifySocket(f"{self.host.folder}/notify")
        self.addCleanup(self.manager.close)


class ResolverWatchdog(Notified):
    def start(self, **environment):
        self.sockets = self.host.listen_sockets()
        fallback = self.host.write_file("fallback", "upstream 127.0.0.53\n")
        self.host.start_resolver("--plan", f"{self.host.runtime_dir}/plan", "--stats", f"{self.host.runtime_dir}/stats",
                                 "--fallback", fallback, sockets=self.sockets,
                                 environment=self.manager.watch(**environment))
        self.manager.expect("READY=1")

    def is_fed(self):
        for _ in range(3):
            self.manager.expect("WATCHDOG=1")

    def test_fed_while_it_answers_and_not_while_nothing_reaches_it(self):
        self.start()
        self.is_fed()
        set_deaf(self.sockets[0], True)
        self.assertTrue(self.manager.falls_silent())
        self.assertIsNone(self.host.resolver.poll(), "its loop turns all the time")
        self.host.wait(lambda: self.host.log_lines("canary_unanswered"), "the reason in the log")
        set_deaf(self.sockets[0], False)
        self.is_fed()

    def test_not_fed_while_it_is_stopped(self):
        self.start()
        self.is_fed()
        self.host.resolver.send_signal(signal.SIGSTOP)
        self.assertTrue(self.manager.falls_silent())
        self.host.resolver.send_signal(signal.SIGCONT)
        self.is_fed()

    def test_a_watchdog_for_another_process_is_not_fed(self):
        self.start(WATCHDOG_PID=str(os.getpid()))
        self.assertIsNone(self.manager.next(2 * PERIOD_S))


if __name__ == "__main__":
    unittest.main()
