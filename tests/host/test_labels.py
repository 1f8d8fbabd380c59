# SPDX-License-Identifier: Apache-2.0
"""The SELinux label of /etc/resolv.conf, file or link, is there after whatever writes it. It is an attribute that the
guest's kernel keeps without SELinux as well; a kernel with SELinux is needed to see what it permits."""

import os
import unittest

from guest import SERVER, HostTest, wait_until

ATTRIBUTE, LABEL = "security.selinux", b"system_u:object_r:net_conf_t:s0"


class Labels(HostTest):
    def setUp(self):
        self.host = self.ready_guest("plain")
        self.path = f"{os.environ.get('LAB_DIR', '/var/tmp/host-lab')}/guests/{self.host.name}/root/etc/resolv.conf"

    def label(self):
        try:
            return os.getxattr(self.path, ATTRIBUTE, follow_symlinks=False).rstrip(b"\0")
        except OSError as error:
            return str(error)

    def put_label(self):
        os.setxattr(self.path, ATTRIBUTE, LABEL, follow_symlinks=False)

    def names_us(self):
        return SERVER in self.host.sh("cat /etc/resolv.conf")

    def test_of_a_file(self):
        host = self.host
        self.put_label()
        host.dns("enable", "--mode", "full")
        self.assertEqual((self.names_us(), self.label()), (True, LABEL), "enable")
        host.sh("printf 'nameserver 10.77.0.2\\n' >/etc/resolv.conf")
        host.wait(self.names_us, "the takeover after an edit in place")
        self.assertEqual(self.label(), LABEL, "an edit in place")
        host.cloud_init(1)  # a new file, without a label
        host.wait(self.names_us, "the takeover after another program's file")
        self.assertEqual(self.label(), LABEL, "another program's file")
        host.sh("systemctl mask --runtime -q postern-resolver; systemctl stop postern-resolver.socket postern-resolver")
        wait_until(lambda: not self.names_us(), 60, "the rescue's give-back", 0.2)
        self.assertEqual(self.label(), LABEL, "the rescue's give-back")
        host.sh("systemctl unmask --runtime -q postern-resolver; systemctl start postern-resolver.socket postern-resolver")
        host.dns("enable")
        self.assertEqual((self.names_us(), self.label()), (True, LABEL), "enable after the rescue")
        host.dns("disable")
        self.assertEqual((self.names_us(), self.label()), (False, LABEL), "disable")

    def test_of_a_link(self):
        self.host.sh("mv /etc/resolv.conf /run/own.conf; ln -s /run/own.conf /etc/resolv.conf")
        self.put_label()
        self.host.dns("enable", "--mode", "full")
        self.assertEqual((self.names_us(), self.label()), (True, LABEL), "enable")
        self.host.dns("disable")
        self.assertTrue(os.path.islink(self.path))
        self.assertEqual((self.names_us(), self.label()), (False, LABEL), "disable")


if __name__ == "__main__":
    unittest.main()
