#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The portable programs need nothing that a host may lack, and are hardened as those of a release build.

  tests/portable_test.py [FOLDER...]     folders of programs; default: what packaging/portable.sh has built
"""
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ("postern", "postern-resolver", "postern-free", "postern-rescue")
OLDEST = (2, 17)
LIBC = re.compile(r"(libc|libm|libpthread|libdl|librt|ld-linux-x86-64|ld-linux-aarch64)\.so\.\d+")
FOLDERS = []


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], check=True, capture_output=True, text=True).stdout


def too_much(path):
    """What of it a host may lack: symbols that are too new, libraries."""
    symbols = set(re.findall(r" (\S+)@@?GLIBC_([\w.]+)", readelf("--dyn-syms", path)))
    new = {f"{name} of glibc {version}" for name, version in symbols
           if version == "PRIVATE" or tuple(map(int, version.split("."))) > OLDEST}
    new |= {f"{name}@{version}" for name, version in re.findall(r" (\S+)@@?(?!GLIBC_)([A-Z]\w+_[\w.]+)", readelf("--dyn-syms", path))}
    libraries = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", path))
    return new | {name for name in libraries if not LIBC.fullmatch(name)}


def guarded(path):
    """Functions read the canary: a symbol, on x86_64 a place behind the thread's register (mov %fs:0x28, ...), on aarch64
    the variable of packaging/portable/stack_guard.cpp, which has a section to be found by."""
    if "AArch64" in readelf("--file-header", path):
        return " stack_guard " in readelf("--sections", path)
    with open(path, "rb") as file:
        return "__stack_chk_" in readelf("--dyn-syms", path) or bool(re.search(rb"\x64[\x48\x4c]\x8b.\x25\x28\0\0\0", file.read(), re.S))


def weaknesses(path):
    header, dynamic, segments = readelf("--file-header", path), readelf("--dynamic", path), readelf("--segments", path)
    stack = re.search(r"GNU_STACK(?:\s+0x\w+){5}\s+(\S+)", segments)
    found = {
        "not position-independent": "DYN (" in header and re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic),
        "no RELRO": "GNU_RELRO" in segments,
        "symbols are bound late": re.search(r"BIND_NOW|\(FLAGS_1\).*\bNOW\b", dynamic),
        "an executable stack": stack and stack[1] == "RW",
        "a segment to write and execute": not re.search(r"LOAD .*RWE", segments),
        "no stack protector": guarded(path),
        "a path for libraries": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
    }
    return {name for name, fine in found.items() if not fine}


def runner(path):
    """The command that runs a program of its architecture here; None if there is none."""
    machine = {"Advanced Micro Devices X86-64": "x86_64", "AArch64": "aarch64"}[
        re.search(r"Machine:\s+(.*\S)", readelf("--file-header", path))[1]]
    if machine == platform.machine():
        return [path]
    emulator = shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")
    libraries = f"/usr/{machine}-linux-gnu"
    return [emulator, "-L", libraries, path] if emulator and os.path.isdir(libraries) else None


class Portable(unittest.TestCase):
    def each(self, check):
        self.assertTrue(FOLDERS, "no programs: packaging/portable.sh")
        for folder in FOLDERS:
            for name in PROGRAMS:
                with self.subTest(folder=folder, program=name):
                    check(os.path.join(folder, name))

    def test_no_symbol_is_newer_than_the_oldest_libc_and_no_library_is_needed_but_its_own(self):
        self.each(lambda path: self.assertEqual(too_much(path), set()))

    def test_they_are_hardened(self):
        self.each(lambda path: self.assertEqual(weaknesses(path), set()))

    def test_what_a_running_agent_uses_lies_together(self):
        """As much of it as packaging/portable/used_functions named when it was made: names that changed since are not found."""
        for folder in FOLDERS:
            with self.subTest(folder):
                size = re.search(r" \.text\.used\s+PROGBITS\s+\w+ \w+ (\w+)", readelf("--sections", f"{folder}/postern"))
                self.assertGreater(int(size[1], 16) if size else 0, 1_000_000, "tests/bench/probe/functions.py makes the list anew")

    def test_they_tell_nothing_of_the_machine_that_built_them(self):
        def check(path):
            with open(path, "rb") as file:
                found = re.search(re.escape(TOP.encode()) + rb"[^\0\n]*", file.read())
            self.assertIsNone(found)

        self.each(check)

    def test_they_run(self):
        def check(path):
            command = runner(path)
            if not command:
                self.skipTest("qemu-user-static and libc of that architecture are not here")
            out = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((out.returncode, out.stderr), (0, ""))
            self.assertRegex(out.stdout, r"^postern\S* \d")

        self.each(check)

    def test_the_packages_depend_on_nothing_else(self):
        """Those of packaging/packages.sh, of both kinds."""
        debs, rpms = (sorted(glob.glob(f"{TOP}/build/packages/postern*.{kind}")) for kind in ("deb", "rpm"))
        if not debs or not shutil.which("rpm"):
            self.skipTest("no packages (packaging/packages.sh), or no rpm")
        for package in debs:
            with self.subTest(package=package):
                depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], check=True, capture_output=True, text=True).stdout
                names = [re.split(r"[ (]", one.strip())[0] for one in depends.split(",")]
                self.assertEqual(names, ["libc6", "ca-certificates", "systemd-standalone-sysusers", "systemd-standalone-tmpfiles"])
        for package in rpms:
            with self.subTest(package=package):
                requires = subprocess.run(["rpm", "-qp", "--requires", package], check=True, capture_output=True, text=True).stdout
                names = {re.split(r"[ (]", one)[0] for one in requires.splitlines()}
                names = {one for one in names if one not in ("rpmlib", "rtld") and not LIBC.fullmatch(one)}
                self.assertEqual(names, {"/bin/sh", "/usr/sbin/useradd", "ca-certificates", "systemd", "util-linux"})
                new = [one for one in re.findall(r"\(GLIBC_([\d.]+)\)", requires) if tuple(map(int, one.split("."))) > OLDEST]
                self.assertEqual(new, [])


class TheChecks(unittest.TestCase):
    """They find what is wrong with a program that was built otherwise."""

    def built(self, *options):
        path = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "program")
        source = "#include <threads.h>\nint main(void) { return thrd_current() != 0; }\n"
        subprocess.run(["cc", "-x", "c", "-", "-o", path, *options], input=source, check=True, text=True)
        return path

    def test_new_symbols_and_libraries_are_found(self):
        path = self.built("-Wl,--no-as-needed", "-lz")
        self.assertEqual({one.split(" ")[0] for one in too_much(path)}, {"thrd_current", "__libc_start_main", "libz.so.1"})

    def test_weaknesses_are_found(self):
        path = self.built("-no-pie", "-fno-stack-protector", "-Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/tmp")
        self.assertEqual(weaknesses(path), {"not position-independent", "no RELRO", "symbols are bound late", "an executable stack",
                                            "no stack protector", "a path for libraries"})

    def test_the_canary_is_another_in_each_process_and_a_smashed_stack_ends_it(self):
        source = """#include <cstdio>
            #include <cstring>
            extern "C" std::size_t __stack_chk_guard __attribute__((visibility("hidden")));
            [[gnu::noinline]] void smash(const char* text) { char small[8]; volatile auto copy = &std::strcpy; copy(small, text); std::puts(small); }
            int main(int n, char** text) {
                if (n > 1) return smash(text[1]), 0;
                std::printf("%zx\\n", __stack_chk_guard);
            }"""
        tools = f"{TOP}/build/portable/aarch64/tools/clang++"
        if not os.path.exists(tools):
            self.skipTest("no compiler: packaging/portable.sh --arch aarch64")
        path = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "program")
        cache = {name: f"{TOP}/build/portable/cache" for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
        subprocess.run([tools, "-O1", "-std=c++20", "-fstack-protector-strong", "-pie", "-fPIC", "-x", "c++", "-",
                        f"{TOP}/packaging/portable/stack_guard.cpp", "-o", path], input=source, check=True, text=True, env={**os.environ, **cache})
        command = runner(path)
        if not command:
            self.skipTest("nothing here runs aarch64")
        first, second = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2))
        self.assertNotEqual(first, second)
        self.assertTrue(first.strip().endswith("00"), first)
        self.assertEqual(subprocess.run([*command, "short"], check=True, capture_output=True, text=True).stdout, "short\n")
        self.assertNotEqual(subprocess.run([*command, "x" * 40], capture_output=True, text=True).returncode, 0)


if __name__ == "__main__":
    FOLDERS = [os.path.abspath(one) for one in sys.argv[1:]] or sorted(glob.glob(f"{TOP}/build/portable/*/programs"))
    unittest.main(argv=sys.argv[:1])
