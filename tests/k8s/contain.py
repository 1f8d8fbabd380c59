# SPDX-License-Identifier: Apache-2.0
"""Runs one container of a rendered manifest as a kubelet and its runtime would: in a pod's network, in a root of its own that
is read-only, as its user, with its capabilities and no way to more.

    contain.py SPEC_JSON     {"network", "root", "mounts": [[from, to, read_only]], "user", "group", "groups", "capabilities", "env", "argv"}

Not as there: the process numbers are the machine's (shareProcessNamespace makes them the pod's own), and no seccomp filter."""
import ctypes
import json
import os
import struct
import sys

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}[os.uname().machine]
NUMBERS = {"CHOWN": 0, "NET_BIND_SERVICE": 10, "NET_ADMIN": 12}
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, flags):
    check(LIBC.mount(source.encode(), target.encode(), None, flags, None), f"mount {source} on {target}")


def enter(spec):
    with open(spec["network"], "rb") as network:
        check(LIBC.setns(network.fileno(), CLONE_NEWNET), "setns")
    check(LIBC.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", MS_REC | MS_PRIVATE)
    root = spec["root"]
    mount(root, root, MS_BIND)
    for source, target, read_only in spec["mounts"]:
        mount(source, root + target, MS_BIND | MS_REC)
        if read_only:
            mount("none", root + target, MS_REMOUNT | MS_BIND | MS_RDONLY)
    mount("none", root, MS_REMOUNT | MS_BIND | MS_RDONLY)
    os.chroot(root)
    os.chdir("/")


def become(spec):
    """What runc does: the bounding set and the process's own sets are the container's; then the program's file adds."""
    kept = sum(1 << NUMBERS[name] for name in spec["capabilities"])
    for number in range(41):
        if not kept >> number & 1:
            LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    check(LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps")
    os.setgroups(spec["groups"])
    os.setresgid(*[spec["group"]] * 3)
    os.setresuid(*[spec["user"]] * 3)
    head, sets = struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", kept, kept, 0, 0, 0, 0)
    check(LIBC.syscall(SYS_CAPSET, head, sets), "capset")
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def main():
    spec = json.loads(sys.argv[1])
    enter(spec)
    become(spec)
    os.execve(spec["argv"][0], spec["argv"], spec["env"])


if __name__ == "__main__":
    main()
