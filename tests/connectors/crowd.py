# SPDX-License-Identifier: Apache-2.0
"""Many more connections to the healthy zone's address and port, which nothing may touch: each says a byte and hears it again, before and
after. Two processes hold them, so that each has files enough; a mark leads them past the gateway to an echo."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys

MARK, ECHO_PORT = 7, 9444
SO_MARK = 36
REDIRECT = """table ip crowd {{
  chain out {{
    type nat hook output priority -100
    ip daddr {address} tcp dport 443 meta mark {mark} redirect to :{port}
  }}
}}
"""


class Crowd:
    def __init__(self, count, address):
        subprocess.run(["nft", "-f", "-"], input=REDIRECT.format(address=address, mark=MARK, port=ECHO_PORT), text=True, check=True,
                       timeout=60)
        self._echo = self._start("echo", str(count))
        self._ask(self._echo)
        self._clients = self._start("clients", str(count), address)
        self._ask(self._clients)

    def _start(self, *arguments):
        return subprocess.Popen([sys.executable, os.path.abspath(__file__), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)

    def _ask(self, process):
        """What a process says when it has done its part."""
        line = process.stdout.readline()
        if not line:
            raise AssertionError("the crowd's process has ended")
        return json.loads(line)

    def judge(self):
        """{"held", "alive"}: connections that were opened, and those that still answer."""
        self._clients.stdin.write("\n")
        self._clients.stdin.flush()
        return self._ask(self._clients)

    def close(self):
        for process in (self._clients, self._echo):
            process.kill()
            process.communicate()


async def echo(count):
    async def serve(reader, writer):
        try:
            while data := await reader.read(64):
                writer.write(data)
        except OSError:
            pass  # a connection of the crowd was ended: the judgement tells

    await asyncio.start_server(serve, "127.0.0.1", ECHO_PORT, backlog=min(count, 4096))
    print("{}", flush=True)
    await asyncio.Event().wait()


async def clients(count, address):
    loop = asyncio.get_running_loop()

    async def connect():
        own = socket.socket()
        own.setsockopt(socket.SOL_SOCKET, SO_MARK, MARK)
        own.setblocking(False)
        await loop.sock_connect(own, (address, 443))
        return own

    async def talks(own):
        try:
            await loop.sock_sendall(own, b"x")
            return await asyncio.wait_for(loop.sock_recv(own, 1), 30) == b"x"
        except OSError:
            return False

    held = [await connect() for _ in range(count)]
    good = sum([await talks(own) for own in held])
    print(json.dumps({"held": good}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    alive = sum([await talks(own) for own in held])
    print(json.dumps({"held": good, "alive": alive}), flush=True)
    await asyncio.Event().wait()


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(echo(int(sys.argv[2])) if sys.argv[1] == "echo" else clients(int(sys.argv[2]), sys.argv[3]))


if __name__ == "__main__":
    main()
