# SPDX-License-Identifier: Apache-2.0
"""A resolver on several addresses, the first of them for other hosts: which one this host asks, and is told of."""

import fcntl
import socket
import struct
import unittest

from doctor_kit import DoctorTest, run, start
from host import DNS, NAME

OTHERS = "10.9.9.9"  # [dns] allow lets nobody ask from there
SIOCSIFADDR = 0x8916


class SeveralAddresses(DoctorTest):
    @classmethod
    def prepare(cls):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(OTHERS))
            fcntl.ioctl(any_socket, SIOCSIFADDR, address)
        start(cls.host, dns={"listen": [f"{OTHERS}:53", f"{DNS}:53"]})

    def test_doctor_asks_the_one_that_answers_this_host(self):
        self.doctor()

    def test_doctor_sees_a_second_server_behind_any_of_them(self):
        self.file("/etc/resolv.conf", f"nameserver {DNS}\nnameserver 127.0.0.53\noptions rotate\n")
        report = run(self.host)
        self.assertEqual(report.codes("FAIL") | report.codes("WARN"), {"PN-RESOLV-ROTATE"})

    def test_resolve_is_explained(self):
        done = self.host.postern("resolve", NAME)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"from {DNS}:53", done.stdout)
        self.assertIn("private name of link", done.stdout)


if __name__ == "__main__":
    unittest.main()
