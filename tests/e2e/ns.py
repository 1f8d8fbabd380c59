# SPDX-License-Identifier: Apache-2.0
"""Puts the running Python program into its own network and mount namespaces, by starting it again inside.

Inside there is only a loopback interface; /run is empty, so that no nscd or systemd-resolved socket of the machine can
answer in postern's place; resolv.conf names postern alone and nsswitch.conf asks files and DNS. The machine outside
never notices, and port 53 and all of 127.0.0.0/8 are ours.

    ns.enter()                                     first thing in a test module
    python3 tests/e2e/ns.py COMMAND [ARGUMENT...]  any command, for looking around
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

MARK = "POSTERN_E2E_NAMESPACE"
FOLDER = "/run/postern-e2e"
RESOLVER_ADDRESS = "127.0.0.153"

FILES = {
    "/etc/resolv.conf": f"nameserver {RESOLVER_ADDRESS}\noptions timeout:5 attempts:1\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


def inside():
    return os.environ.get(MARK) == "1"


def enter():
    """Returns at once inside; outside it replaces this process by the same program inside."""
    if not inside():
        _start_inside(sys.orig_argv)


def _start_inside(command):
    unshare = ["unshare", "--net", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvp("unshare", unshare + [sys.executable, os.path.abspath(__file__), "--set-up", *command])


def _set_up():
    _loopback_up()
    _run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"])
    os.makedirs(FOLDER, exist_ok=True)
    _add_missing()
    for place, text in FILES.items():
        own = os.path.join(FOLDER, os.path.basename(place))
        with open(own, "w", encoding="ascii") as file:
            file.write(text)
        target = os.path.realpath(place)
        if not os.path.exists(target) and target.startswith("/run/"):
            os.makedirs(os.path.dirname(target), exist_ok=True)  # a link into the /run that we have just emptied
            with open(target, "w", encoding="ascii"):
                pass
        _run(["mount", "--bind", own, target])


def _add_missing():
    """Minimal systems lack some of the files, and nothing can be mounted over what is not there."""
    missing = [place for place in FILES if not os.path.lexists(place)]
    if not missing:
        return
    copy = os.path.join(FOLDER, "etc")
    # What an ordinary user can't read is not needed.
    subprocess.run(["cp", "-a", "/etc", copy], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    for place in missing:
        with open(os.path.join(copy, os.path.relpath(place, "/etc")), "w", encoding="ascii"):
            pass
    _run(["mount", "--bind", copy, "/etc"])


def _loopback_up():
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack("16xH14x", fcntl.ioctl(any_socket, siocgifflags, request))
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sH14x", b"lo", flags | iff_up))


def _run(command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)


def main():
    if sys.argv[1:2] == ["--set-up"]:
        _set_up()
        os.environ[MARK] = "1"
        os.execvp(sys.argv[2], sys.argv[2:])
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    _start_inside(sys.argv[1:])


if __name__ == "__main__":
    main()
