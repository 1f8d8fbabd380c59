#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The container image: every digest and size is right, it has what it needs and nothing that runs as root, and it runs.

  tests/image_test.py [ARCHIVE]     default: the newest that packaging/container/image.py has made; running it needs root
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
ARCHIVES = sorted((TOP / "build/packages").glob("*-oci.tar"), key=lambda path: path.stat().st_mtime)


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not ARCHIVES:
            raise unittest.SkipTest("no image: packaging/container/image.py")
        with tarfile.open(ARCHIVES[-1]) as tar:
            cls.files = {member.name: tar.extractfile(member).read() for member in tar}

    def blob(self, descriptor):
        """What it describes, checked."""
        data = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        self.assertEqual((len(data), "sha256:" + hashlib.sha256(data).hexdigest()), (descriptor["size"], descriptor["digest"]))
        return data

    def images(self):
        """(platform, configuration, layer as a tar) of each."""
        self.assertEqual(json.loads(self.files["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
        top, = json.loads(self.files["index.json"])["manifests"]
        for entry in json.loads(self.blob(top))["manifests"]:
            manifest = json.loads(self.blob(entry))
            config = json.loads(self.blob(manifest["config"]))
            packed, = manifest["layers"]
            plain = gzip.decompress(self.blob(packed))
            self.assertEqual(config["rootfs"]["diff_ids"], ["sha256:" + hashlib.sha256(plain).hexdigest()])
            self.assertEqual(entry["platform"], {"architecture": config["architecture"], "os": config["os"]})
            yield config["architecture"], config["config"], plain

    def test_every_blob_is_used_and_right(self):
        self.assertGreater(len(list(self.images())), 0)
        self.assertEqual(len([name for name in self.files if name.startswith("blobs/")]), 1 + 3 * len(list(self.images())))

    def test_nothing_in_it_needs_or_gives_root(self):
        for architecture, config, plain in self.images():
            with self.subTest(architecture=architecture), tarfile.open(fileobj=io.BytesIO(plain)) as tar:
                members = {member.name: member for member in tar}
                user = config["User"].split(":")
                self.assertNotIn("0", user)
                self.assertIn(f"postern:x:{':'.join(user)}:".encode(), tar.extractfile("etc/passwd").read())
                self.assertEqual([name for name, one in members.items() if one.mode & 0o6022 and not one.issym()], [])
                owned = sorted(name for name, one in members.items() if one.uid)
                self.assertEqual(owned, ["run/postern", "run/postern-resolver", "var/lib/postern", "var/lib/postern-plan"])
                self.assertEqual(sorted(name for name, one in members.items() if one.isfile() and one.mode & 0o111 and "/lib" not in name
                                        and not name.startswith("lib")), ["usr/bin/postern", "usr/sbin/postern-resolver"])
                self.assertGreater(tar.extractfile("etc/ssl/certs/ca-certificates.crt").read().count(b"BEGIN CERTIFICATE"), 100)

    def test_the_resolver_alone_may_be_given_port_53(self):
        for _, _, plain in self.images():
            with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
                capable = {one.name: one.pax_headers for one in tar if one.pax_headers}
            (name, headers), = capable.items()
            self.assertEqual((name, list(headers)), ("usr/sbin/postern-resolver", ["SCHILY.xattr.security.capability"]))
            version, permitted, inheritable, *more = struct.unpack("<5I", headers["SCHILY.xattr.security.capability"].encode("ascii"))
            # Version 2 without the effective bit: with it the program would not start where the capability is taken away.
            self.assertEqual((version, permitted, inheritable, more), (0x02000000, 1 << 10, 0, [0, 0]))

    def test_it_runs(self):
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
        if os.geteuid() != 0:
            self.skipTest("not root")
        for architecture, config, plain in self.images():
            if architecture != machine:
                continue
            with tempfile.TemporaryDirectory() as root:
                os.chmod(root, 0o755)
                subprocess.run(["tar", "-xC", root], input=plain, check=True)
                for program in (config["Entrypoint"][0], "/usr/sbin/postern-resolver"):
                    out = subprocess.run(["chroot", f"--userspec={config['User']}", root, program, "--version"],
                                         capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin"})
                    self.assertEqual((out.returncode, out.stderr), (0, ""))
                    self.assertRegex(out.stdout, r"^postern\S* \d")
                out = subprocess.run(["chroot", f"--userspec={config['User']}", root, "/usr/bin/postern", "check-config"],
                                     capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin"})
                self.assertIn(out.returncode, (0, 1), out.stdout + out.stderr)


if __name__ == "__main__":
    ARCHIVES += [pathlib.Path(one) for one in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
