# SPDX-License-Identifier: Apache-2.0
"""The log on a pipe that nobody reads: both programs go on, and say later how many lines were lost."""

import fcntl
import os
import re
import signal
import unittest

from host import HTTP, NAME, ZONE_A, HostTest
from packets import ask, wire_query
from resolver_kit import ADDRESSES, ResolverTest


class Unread:
    """A pipe as stderr. Nothing is set on its descriptors, as programs share them; it is filled through one of its own."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()

    def fill(self):
        own = os.open(f"/proc/self/fd/{self.write_end}", os.O_WRONLY | os.O_NONBLOCK)
        for line in (b"x" * 4095 + b"\n", b"\n"):
            try:
                while True:
                    os.write(own, line)
            except BlockingIOError:
                pass
        os.close(own)

    def drain(self):
        """All that is in it now."""
        own = os.open(f"/proc/self/fd/{self.read_end}", os.O_RDONLY | os.O_NONBLOCK)
        text = b""
        try:
            while part := os.read(own, 65536):
                text += part
        except BlockingIOError:
            pass
        os.close(own)
        return text.decode()

    def blocks(self):
        return not fcntl.fcntl(self.write_end, fcntl.F_GETFL) & os.O_NONBLOCK

    def close(self):
        os.close(self.read_end)
        os.close(self.write_end)


LOST = re.compile(r"log_lines_lost: .*lines=([1-9][0-9]*)")


class ResolverLog(ResolverTest):
    @classmethod
    def setUpClass(cls):
        cls.pipe = Unread()
        cls.addClassCleanup(cls.pipe.close)
        cls.POPEN = {"stderr": cls.pipe.write_end}
        super().setUpClass()

    def damage(self, times):
        """Each damaged plan is one line of the log."""
        for number in range(times):
            self.host.write_file("plan", f"damaged {number}")
            self.resolver.send_signal(signal.SIGHUP)
            self.assertEqual(ask(wire_query()).addresses(), ADDRESSES)

    def test_questions_are_answered_and_the_loss_is_said(self):
        self.pipe.drain()
        self.pipe.fill()
        self.damage(20)
        self.assertTrue(self.pipe.blocks(), "the descriptor that others share was changed")
        self.pipe.drain()
        self.damage(1)
        text = self.host.wait(lambda: (lambda new: new if "plan_refused" in new else None)(self.pipe.drain()), "a line")
        self.assertRegex(text, LOST)


class JournalLog(HostTest):
    """Where stderr is the journal's, each line begins with its priority (sd-daemon(3)); by hand none does."""

    def lines(self, as_journal):
        pipe = Unread()
        self.addCleanup(pipe.close)
        state = os.fstat(pipe.write_end)
        stream = f"{state.st_dev}:{state.st_ino}" if as_journal else f"{state.st_dev}:1"
        self.host.start_upstream()
        self.host.write_config(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A], "probe": {"enabled": False}})
        self.host.environment = {**self.host.environment, "JOURNAL_STREAM": stream}
        self.host.start_postern(stderr=pipe.write_end)
        self.host.write_file("postern.toml", "no = [such thing")
        self.host.agent.send_signal(signal.SIGHUP)
        seen = []
        self.host.wait(lambda: seen.append(pipe.drain()) or "config_refused" in "".join(seen), "the refusal")
        return "".join(seen).splitlines()

    def test_priorities(self):
        lines = self.lines(True)
        self.assertEqual([line for line in lines if not re.match(r"<[3467]>", line)], [])
        for priority, level in (("<3>", "error"), ("<4>", "warning"), ("<6>", "info")):
            for line in lines:
                if f"Z {level} " in line:
                    self.assertTrue(line.startswith(priority), line)
        self.assertIn("<3>", [line[:3] for line in lines])

    def test_by_hand(self):
        self.assertEqual([line for line in self.lines(False) if line.startswith("<")], [])


class AgentLog(HostTest):
    def test_the_agent_and_its_resolver_go_on(self):
        pipe = Unread()
        self.addCleanup(pipe.close)
        self.host.start_upstream()
        self.host.write_config(agent={"log_level": "debug"}, aliyun=None,
                               link={"endpoint": None, "addresses": [ZONE_A], "probe": {"enabled": False}})
        self.host.start_postern(stderr=pipe.write_end)
        pipe.drain()
        pipe.fill()
        for _ in range(20):
            self.host.agent.send_signal(signal.SIGHUP)  # config_reloaded
            self.assertEqual(self.host.http("/livez")[0], 200, HTTP)
            self.assertEqual(self.host.addresses(NAME), {ZONE_A})
        _, metrics = self.host.http("/metrics")
        self.assertRegex(metrics, r"(?m)^postern_log_lines_lost_total [1-9]")
        pipe.drain()
        self.host.agent.send_signal(signal.SIGHUP)
        text = self.host.wait(lambda: (lambda new: new if "config_reloaded" in new else None)(pipe.drain()), "a line")
        self.assertRegex(text, LOST)


if __name__ == "__main__":
    unittest.main()
