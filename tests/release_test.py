#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A release as its users meet it: signatures, repositories in stock apt and dnf, installation in guests, and the same bytes
from another folder, user mask and time. A command of its own; the last needs both architectures built twice.

  tests/release_test.py [-k PATTERN]     of a trial release of this tree; POSTERN_DIST: of one that is there
"""

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "host"))
REPO_FILE = """[postern]
name=postern
baseurl=file://{dist}/yum
gpgcheck=1
repo_gpgcheck=1
gpgkey=file://{dist}/yum/postern.asc
"""


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


@functools.cache
def dist():
    if "POSTERN_DIST" in os.environ:
        return os.path.abspath(os.environ["POSTERN_DIST"])
    keys = os.path.join(TOP, "build", "trial-keys")
    if not os.path.exists(keys):
        run(f"{TOP}/packaging/release/keys.sh", keys, "--trial")
    return run(f"{TOP}/packaging/release.sh", "--keys", keys, "--trial").stdout.splitlines()[-1]


class ReleaseTest(unittest.TestCase):
    def setUp(self):
        self.dist = dist()
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def copy(self):
        """One to spoil."""
        path = os.path.join(self.folder, "dist")
        shutil.copytree(self.dist, path)
        return path

    def spoil(self, path):
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))


class Files(ReleaseTest):
    def verify(self, path):
        signed = run("minisign", "-V", "-p", f"{self.dist}/postern.pub", "-m", f"{path}/SHA256SUMS", check=False)
        sums = run("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=path, check=False)
        return signed.returncode == 0, sums.returncode == 0

    def test_sums_and_signature(self):
        self.assertEqual(self.verify(self.dist), (True, True))
        path = self.copy()
        self.spoil(next(f"{path}/{name}" for name in sorted(os.listdir(path)) if name.endswith(".deb")))
        self.assertEqual(self.verify(path), (True, False))
        self.spoil(f"{path}/SHA256SUMS")
        self.assertFalse(self.verify(path)[0])

    def test_both_architectures_are_there_in_every_form(self):
        names = " ".join(os.listdir(self.dist))
        for form in (r"_amd64\.deb", r"_arm64\.deb", r"x86_64\.rpm", r"aarch64\.rpm", r"x86_64\.tar\.gz", r"aarch64\.tar\.gz"):
            self.assertRegex(names, form)

    def test_the_bill_of_materials_names_what_the_program_says_it_has(self):
        bill_file = next(name for name in os.listdir(self.dist) if name.endswith(".cdx.json"))
        with open(f"{self.dist}/{bill_file}", encoding="utf-8") as file:
            bill = json.load(file)
        deb = next(name for name in os.listdir(self.dist) if name.endswith("_amd64.deb"))
        run("dpkg-deb", "-x", f"{self.dist}/{deb}", self.folder)
        told = dict(line.split() for line in run(f"{self.folder}/usr/bin/postern", "--version", "--verbose").stdout.splitlines())
        listed = {part["name"].lower(): part["version"] for part in bill["components"]}
        for name, version in told.items():
            if name not in ("postern", "glibc"):
                # The third number is not always told: fmt 10.1.1 calls itself 10.1.0.
                self.assertIn(".".join(version.split(".")[:2]), listed[name.lower()], name)
        refs = {part["bom-ref"] for part in bill["components"]}
        self.assertEqual(refs, set(bill["dependencies"][0]["dependsOn"]))


class Keys(unittest.TestCase):
    """With a passphrase, as those of a release have."""

    PASSPHRASE = "eight blank  words, 密码"

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.keys = f"{self.folder}/keys"

    def make(self, *lines):
        return run(f"{TOP}/packaging/release/keys.sh", self.keys, input="".join(f"{line}\n" for line in lines), check=False)

    def repositories(self, text):
        """What repositories.sh makes of two small packages."""
        os.makedirs(f"{self.folder}/p/DEBIAN", exist_ok=True)
        with open(f"{self.folder}/p/DEBIAN/control", "w", encoding="ascii") as file:
            file.write("Package: postern\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.example>\nDescription: x\n")
        with open(f"{self.folder}/spec", "w", encoding="ascii") as file:
            file.write("Name: postern\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n%files\n")
        packages = f"{self.folder}/packages"
        os.makedirs(packages, exist_ok=True)
        run("dpkg-deb", "--build", f"{self.folder}/p", f"{packages}/postern_1_all.deb")
        run("rpmbuild", "-bb", "--define", f"_topdir {self.folder}/rpm", "--define", f"_rpmdir {packages}", "--define",
            "_build_name_fmt %{NAME}.rpm", f"{self.folder}/spec")
        return run(f"{TOP}/packaging/release/repositories.sh", packages, self.keys, f"{self.folder}/out", input=text, check=False,
                   env={**os.environ, "SOURCE_DATE_EPOCH": "1000000000"})

    def test_the_passphrase_is_given_once_and_nothing_is_signed_without_it(self):
        made = self.make(self.PASSPHRASE, self.PASSPHRASE)
        self.assertEqual(made.returncode, 0, made.stdout)
        for text, told in (("", "standard input is empty"), ("another passphrase\n", "does not open both keys"), ("\n", "does not open both keys")):
            refused = self.repositories(text)
            self.assertEqual(refused.returncode, 1, text)
            self.assertIn(told, refused.stdout)
            self.assertFalse(os.path.exists(f"{self.folder}/out/apt"))
        for _ in range(2):  # the agent has forgotten it in between
            signed = self.repositories(f"{self.PASSPHRASE}\n")
            self.assertEqual(signed.returncode, 0, signed.stdout)
            self.assertNotIn(self.PASSPHRASE, signed.stdout)
            self.assertEqual(self.repositories("").returncode, 1)
        home = {**os.environ, "GNUPGHOME": f"{self.folder}/user"}
        os.mkdir(home["GNUPGHOME"], 0o700)
        run("gpg", "--import", f"{self.keys}/postern.asc", env=home)
        run("gpg", "--verify", f"{self.folder}/out/apt/dists/stable/InRelease", env=home)
        run("gpg", "--verify", f"{self.folder}/out/yum/repodata/repomd.xml.asc", f"{self.folder}/out/yum/repodata/repomd.xml", env=home)
        run("rpm", "--dbpath", f"{self.folder}/db", "--import", f"{self.keys}/postern.asc")
        self.assertIn("digests signatures OK", run("rpm", "--dbpath", f"{self.folder}/db", "-K", f"{self.folder}/out/yum/postern.rpm").stdout)

    def test_a_release_tries_it_before_anything_is_built(self):
        self.make(self.PASSPHRASE, self.PASSPHRASE)
        before = os.listdir(f"{TOP}/build")
        refused = run(f"{TOP}/packaging/release.sh", "--keys", self.keys, "--trial", input="another passphrase\n", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("does not open both keys", refused.stdout)
        self.assertEqual(os.listdir(f"{TOP}/build"), before)

    def test_a_passphrase_is_typed_twice_and_not_short(self):
        for lines, told in (((self.PASSPHRASE, "another passphrase"), "two passphrases"), (("short", "short"), "12 characters"),
                            ((), "standard input is empty"), ((self.PASSPHRASE,), "standard input is empty")):
            refused = self.make(*lines)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(told, refused.stdout)
            self.assertFalse(os.path.exists(self.keys))


class Repositories(ReleaseTest):
    def apt(self, path):
        """What apt of this machine says of the repository, in folders of its own."""
        state = tempfile.mkdtemp(dir=self.folder)
        for name in ("lists/partial", "cache/archives/partial"):
            os.makedirs(f"{state}/{name}")
        with open(f"{state}/list", "w", encoding="ascii") as file:
            file.write(f"deb [signed-by={self.dist}/apt/postern.asc] file:{path}/apt stable main\n")
        own = ["-o", f"Dir::Etc::sourcelist={state}/list", "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={state}/lists",
               "-o", f"Dir::Cache={state}/cache", "-o", "APT::Sandbox::User=root", "-q"]
        updated = run("apt-get", *own, "-o", "APT::Update::Error-Mode=any", "update", check=False)
        fetched = run("apt-get", *own, "download", "postern", check=False, cwd=state)
        return updated.returncode == 0 and fetched.returncode == 0, updated.stdout + fetched.stdout

    def dnf(self, path):
        state = tempfile.mkdtemp(dir=self.folder)
        with open(f"{state}/postern.repo", "w", encoding="ascii") as file:
            file.write(REPO_FILE.format(dist=path))
        out = run("dnf", "-y", "--disableplugin=local", f"--installroot={state}/root", f"--setopt=reposdir={state}", f"--setopt=cachedir={state}/cache",
                  "--releasever=8", "--nodocs", "--setopt=strict=1", "install", "--downloadonly", "postern", check=False)
        # What an installed system has of its own is not in the repository.
        missing = set(re.findall(r"nothing provides (\S+)", out.stdout))
        fetched = run("dnf", "-y", "--disableplugin=local", f"--installroot={state}/root", f"--setopt=reposdir={state}", f"--setopt=cachedir={state}/cache",
                      "--releasever=8", "download", "postern", f"--destdir={state}", check=False) if missing else out
        rpms = [name for name in os.listdir(state) if name.endswith(".rpm")]
        run("rpm", "--dbpath", f"{state}/db", "--import", f"{self.dist}/yum/postern.asc", check=False)
        good = all(run("rpm", "--dbpath", f"{state}/db", "-K", f"{state}/{name}", check=False).returncode == 0 for name in rpms)
        return fetched.returncode == 0 and good, out.stdout + fetched.stdout

    def test_apt_takes_it_and_refuses_a_spoilt_one(self):
        good, said = self.apt(self.dist)
        self.assertTrue(good, said)
        for spoilt in ("apt/dists/stable/InRelease", "apt/dists/stable/main/binary-amd64/Packages.gz"):
            path = self.copy()
            self.spoil(f"{path}/{spoilt}")
            if spoilt.endswith("gz"):
                self.spoil(f"{path}/{spoilt[:-3]}")
            else:
                os.remove(f"{path}/apt/dists/stable/Release")  # nothing to fall back to
            self.assertFalse(self.apt(path)[0], spoilt)
            shutil.rmtree(path)

    def test_dnf_takes_it_and_refuses_a_spoilt_one(self):
        if not shutil.which("dnf"):
            self.skipTest("apt-get install dnf")
        good, said = self.dnf(self.dist)
        self.assertTrue(good, said)
        path = self.copy()
        self.spoil(f"{path}/yum/repodata/repomd.xml")
        self.assertFalse(self.dnf(path)[0])


class Guests(ReleaseTest):
    """packaging/rollout/install.sh from the signed trees, on real hosts."""

    def test_install_again_and_with_another_key(self):
        # pylint: disable=import-outside-toplevel
        import guest
        if guest.missing():
            self.skipTest(guest.missing())
        host = guest.Guest("resolved")
        self.addCleanup(host.down)
        run("tar", "-C", self.dist, "-cf", f"{self.folder}/dist.tar", "apt")
        host.put(f"{self.folder}/dist.tar", "/root/dist.tar")
        host.put(f"{TOP}/packaging/rollout/install.sh", "/root/install.sh")
        host.sh("mkdir /root/dist; tar -C /root/dist -xf /root/dist.tar; mv /etc/apt/sources.list /root/ 2>/dev/null || true")
        with open(f"{self.dist}/apt/postern.asc", "rb") as file:
            key = hashlib.sha256(file.read()).hexdigest()

        def install(key, **more):
            settings = {"POSTERN_REPOSITORY": "file:///root/dist", "POSTERN_KEY_SHA256": key} | more
            return host.run("env", *(f"{name}={value}" for name, value in settings.items()), "sh", "/root/install.sh", check=False)

        wrong = install("0" * 64)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("nothing was installed", wrong.stderr)
        self.assertEqual(host.sh("command -v postern || true"), "")
        first = install(key)
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        host.configure()
        host.dns("enable")
        host.wait_served()
        kept = host.sh("cat /etc/postern/postern.toml")
        again = install(key, POSTERN_TAKEOVER="yes", POSTERN_CONFIG="file:///root/none")
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        self.assertEqual(host.sh("cat /etc/postern/postern.toml"), kept)
        host.wait_served()


class SameBytes(ReleaseTest):
    def test_of_another_folder_mask_and_time(self):
        other = os.path.join(self.folder, "another", "place")
        run("git", "-C", TOP, "worktree", "add", "--detach", other)
        self.addCleanup(run, "git", "-C", TOP, "worktree", "remove", "--force", other)
        run("sh", "-c", "git ls-files -z | xargs -0 touch -h -d @1000000000", cwd=other)  # an old checkout
        keys = os.path.join(self.folder, "keys")
        run(f"{other}/packaging/release/keys.sh", keys, "--trial")
        os.makedirs(f"{other}/build/portable/downloads")
        run("cp", "-al", f"{TOP}/build/portable/downloads", f"{other}/build/portable/")
        second = run("sh", "-c", 'umask 077; exec "$0" "$@"', f"{other}/packaging/release.sh", "--keys", keys, "--trial",
                     env={**os.environ, "TZ": "Asia/Shanghai", "LANG": "C.UTF-8", "JOBS": "1"}).stdout.splitlines()[-1]
        with open(f"{self.dist}/SHA256SUMS", encoding="ascii") as ours, open(f"{second}/SHA256SUMS", encoding="ascii") as theirs:
            self.assertEqual(ours.read(), theirs.read())


if __name__ == "__main__":
    unittest.main()
