#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the TDengine Cloud gateway behind PrivateLink: one process, several "endpoint IPs", each with its own
failure mode.

    tdengine.py --pki FOLDER --token-file FILE --listen 127.0.0.2:443=zone-a --listen 127.0.0.3:443=zone-b
                [--control 127.0.0.1:0] [--ready-file FILE] [--idle-s N]

FOLDER comes from pki.py. The README beside this file has the control API and the modes.
"""

import argparse
import sys

import net_base
import service
from control import Control, ControlError, check_keys
from td_gateway import Gateway, load_contexts
from td_modes import MODES


class Shared:
    """What all listeners have in common."""

    def __init__(self, contexts, tokens, idle_s):
        self.contexts = contexts
        self.idle_s = idle_s
        self.tokens = tokens
        self.slash = "redirect"  # /rest/sql/ : redirect (307) to the slashless path, or accept
        self.users = {"root": "taosdata"}  # of the WebSocket's login
        self.log = service.RequestLog()


class Gateways:
    def __init__(self, addresses, control_address, shared):
        self.shared = shared
        self.gateways = {name: Gateway(name, address, shared) for name, address in addresses}
        self.control = Control(control_address, [
            ("GET", "/state", lambda call: self.describe()),
            ("POST", "/listeners", lambda call: self._change(call.body, list(self.gateways))),
            ("POST", "/listeners/{name}", lambda call: self._change(call.body, [call.parts["name"]])),
            ("POST", "/options", self._change_options),
        ], shared.log)

    def open(self):
        for gateway in self.gateways.values():
            gateway.listener.open()
        self.control.listener.open()
        return {"control": "%s:%d" % self.control.listener.address,
                "listeners": {name: "%s:%d" % gateway.listener.address for name, gateway in self.gateways.items()}}

    def close(self):
        for gateway in self.gateways.values():
            gateway.listener.close()
        self.control.listener.close()

    def _change(self, body, names):
        for name in names:
            if name not in self.gateways:
                raise ControlError(f"listeners: {sorted(self.gateways)}")
            self.gateways[name].change(body)
        return {}

    def _change_options(self, call):
        check_keys(call.body, ("tokens", "slash", "users"))
        if call.body.get("slash", self.shared.slash) not in ("accept", "redirect"):
            raise ControlError("slash is accept or redirect")
        self.shared.tokens = [str(token) for token in call.body.get("tokens", self.shared.tokens)]
        self.shared.slash = call.body.get("slash", self.shared.slash)
        self.shared.users = dict(call.body.get("users", self.shared.users))
        return {}

    def describe(self):
        return {"listeners": {name: gateway.describe() for name, gateway in self.gateways.items()},
                "slash": self.shared.slash, "modes": {name: text for name, (text, _) in MODES.items()}}


def main():
    parser = argparse.ArgumentParser(description="stand-in for the TDengine Cloud gateway")
    parser.add_argument("--pki", required=True, metavar="FOLDER")
    parser.add_argument("--token-file", required=True, metavar="FILE", help="accepted tokens, one a line")
    parser.add_argument("--listen", required=True, action="append", metavar="ADDR:PORT[=NAME]")
    parser.add_argument("--control", default="127.0.0.1:0", metavar="ADDR:PORT")
    parser.add_argument("--ready-file", metavar="FILE")
    parser.add_argument("--idle-s", type=float, default=net_base.IDLE_TIMEOUT_S, metavar="N", help="ends connections that say nothing")
    options = parser.parse_args()
    try:
        with open(options.token_file, encoding="utf-8") as file:
            tokens = file.read().split()
        gateways = Gateways([service.parse_named_address(text) for text in options.listen],
                            service.parse_address(options.control), Shared(load_contexts(options.pki), tokens, options.idle_s))
        ready = gateways.open()
    except (OSError, ValueError) as error:
        print(f"tdengine.py: {error}", file=sys.stderr)
        return 2
    service.write_ready_file(options.ready_file, ready)
    service.wait_for_signal()
    gateways.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
