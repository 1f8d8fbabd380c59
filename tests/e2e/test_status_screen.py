# SPDX-License-Identifier: Apache-2.0
"""`postern status` and `status --watch` on a real terminal of 80×24: three links fit, healthy and failing; watching
redraws in place, and ends on Ctrl-C with the terminal as it was."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

from host import CLOUD_NAMES, LINK, NAME, POSTERN, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest, toml  # first: it knows where pki is

import pki

ROWS, COLUMNS = 24, 80
NAMES = ("gw2-private.cloud.name.test", "iot-private.cloud.name.test")


class Terminal:
    """What stands on a screen after some output; only the sequences that status uses are known."""

    def __init__(self):
        self.lines = [""] * ROWS
        self.row = self.column = self.scrolled = self.cleared = 0
        self.cursor = True

    def feed(self, text):
        for escape, command, char in re.findall(r"\033\[([?0-9;]*)([A-Za-z])|([^\033])", text):
            if char:
                self._char(char)
            elif command == "H":
                self.row = self.column = 0
            elif command == "K":
                self.lines[self.row] = self.lines[self.row][:self.column]
            elif command == "J":
                self.cleared += escape == "2"
                self.lines[self.row] = "" if escape == "2" else self.lines[self.row][:self.column]
                self.lines[0 if escape == "2" else self.row + 1:] = [""] * (ROWS if escape == "2" else ROWS - self.row - 1)
            elif escape == "?25":
                self.cursor = command == "h"
            elif command != "m":
                raise AssertionError(f"an unknown sequence: {escape}{command}")
        return self

    def _char(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            if self.row == ROWS - 1:
                self.scrolled += 1
                self.lines = self.lines[1:] + [""]
            self.row = min(self.row + 1, ROWS - 1)
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + char + line[self.column + 1:]
            self.column += 1

    def text(self):
        return "\n".join(self.lines)


class ThreeLinks(HostTest):
    def setUp(self):
        super().setUp()
        pki.make(self.host.pki, [NAME, *CLOUD_NAMES, *NAMES])
        self.host.start_world()
        config = self.host.default_config()
        first = config["link"][0]
        for name, host, addresses in (("tdengine-test", NAMES[0], [SPARE_ADDRESS]), ("tdengine-iot", NAMES[1], [ZONE_A, ZONE_B])):
            config["link"].append({**first, "name": name, "host": host, "addresses": addresses})
            del config["link"][-1]["endpoint"]
        self.host.write_file("postern.toml", toml(config))
        self.host.start_postern(config=False)
        self.wait_state("up")

    def wait_state(self, state):
        def all_of_it():
            links = self.host.http_json("/api/v1/status")[1]["links"]
            return all(a["state"] == (state if a["ip"] == ZONE_B else "up") for link in links for a in link["addresses"])
        self.host.wait(all_of_it, f"{ZONE_B} to be {state} everywhere")

    def start(self, *arguments, rows=ROWS):
        """(process, the terminal's other end, and its own)"""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, COLUMNS, 0, 0))
        self.addCleanup(os.close, slave)
        self.addCleanup(os.close, master)
        os.set_blocking(master, False)
        environment = {**self.host.environment, "TERM": "xterm-256color"}
        running = subprocess.Popen(["setsid", "--ctty", "--wait", POSTERN, "status", *arguments, "--config", self.host.config_file],
                                   stdin=slave, stdout=slave, stderr=slave, env=environment)
        self.addCleanup(running.wait, timeout=60)
        self.addCleanup(running.kill)
        return running, master, slave

    def reading(self, master, terminal):
        """Feeds the terminal with what there is."""
        raw = b""
        try:
            while more := os.read(master, 65536):
                raw += more
        except BlockingIOError:
            pass
        return terminal.feed(raw.decode())



    def test_it_fits_in_health_and_in_trouble(self):
        for state in ("up", "down"):
            if state == "down":
                self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
                self.wait_state("down")
            running, master, _ = self.start()
            self.assertEqual(running.wait(timeout=60), 0 if state == "up" else 1)
            terminal = self.reading(master, Terminal())
            shown = terminal.text()
            self.assertEqual(terminal.scrolled, 0, shown)
            self.assertTrue(all(len(line) <= COLUMNS for line in terminal.lines), shown)
            for word in (LINK, "tdengine-test", "tdengine-iot", SPARE_ADDRESS, "DNS", "Discovery", "Agent", "GOOD" if state == "up" else "withdrawn"):
                self.assertIn(word, shown)

    def test_watching_redraws_in_place_and_ends_with_the_terminal_as_it_was(self):
        running, master, slave = self.start("--watch")
        before = termios.tcgetattr(slave)
        terminal = Terminal()
        self.host.wait(lambda: "Ctrl-C ends" in self.reading(master, terminal).text(), "the first screen")
        self.assertIn("GOOD", terminal.lines[0])
        self.assertFalse(terminal.cursor)
        self.host.gateways.control.post("/listeners/zone-b", mode="refuse")
        self.host.wait(lambda: "tcp_refused" in self.reading(master, terminal).text(), "the change on the screen")
        self.host.wait(lambda: terminal.lines[0].startswith("DEGRADED") or self.reading(master, terminal) is None, "the verdict on top")
        self.assertEqual((terminal.scrolled, terminal.cleared), (0, 1), "no scrolling, and cleared only once: no flicker")
        os.write(master, b"\x03")
        self.assertEqual(running.wait(timeout=60), 1)
        self.reading(master, terminal)
        self.assertTrue(terminal.cursor)
        self.assertNotIn("Ctrl-C", terminal.text(), "the prompt stands below the last screen")
        self.assertEqual((terminal.scrolled, terminal.column), (0, 0))
        self.assertEqual(termios.tcgetattr(slave), before)

    def test_what_does_not_fit_is_counted(self):
        _, master, _ = self.start("--watch", rows=8)
        terminal = Terminal()
        shown = self.host.wait(lambda: re.search(r"^every 2 s; Ctrl-C ends; \d+ more lines do not fit: .*$",
                                                 self.reading(master, terminal).text(), re.M), "the count")
        self.assertEqual(terminal.lines.index(shown[0]), 7)


if __name__ == "__main__":
    unittest.main()
