# SPDX-License-Identifier: Apache-2.0
"""An object store for a Host, and lists that are signed by the openssl command: what the program verifies, and what it must
refuse, without its own code."""

import base64
import datetime
import json
import os
import re
import subprocess
import urllib.parse

from host import LINK, NAME, ZONE_A  # first: it finds the stand-ins
import pki
from launch import StandIn

BUCKET = "fleet"
STORE_NAME = f"{BUCKET}.oss-cn-hangzhou-internal.aliyuncs.com"
STORE = "127.0.0.8"
KEY = "prod/current.json"
PLACE = f"oss://{BUCKET}/{KEY}"
STORE_KEYS = {"LTAIexampleAccessKeyId": "exampleAccessKeySecret0123456789", "AKIAexample": "exampleS3Secret"}
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410, before the seed


def utc(seconds_from_now=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Fleet:
    """The store and the keys of a Host."""

    def __init__(self, host):
        self.host = host
        self.pki = f"{host.folder}/store-pki"
        pki.make(self.pki, [STORE_NAME, STORE])
        host.upstream.control.put(f"/records/{STORE_NAME}", A=[STORE])
        scenario = host.write_file("store.json", json.dumps({"buckets": [BUCKET], "keys": STORE_KEYS}))
        self.store = StandIn("objectstore.py", "--cert", f"{self.pki}/good.pem", "--key", f"{self.pki}/good.key",
                             "--scenario", scenario, "--listen", f"{STORE}:443", folder=host.folder)
        self.key_file = f"{host.folder}/list.key"
        done = host.postern("publish", "keygen", self.key_file, config=False)
        assert done.returncode == 0, done.stderr
        self.public = done.stdout.strip()

    def config(self, **changes):
        """Of [fleet]."""
        return {"list_url": PLACE, "list_keys": [self.public], "name": "prod", "poll_interval": "1s",
                "ca_file": f"{self.pki}/ca.pem", **changes}

    def publish(self, *arguments, verb="list", key_file=None):
        return self.host.postern("publish", verb, "--key-file", key_file or self.key_file, *arguments)

    # --- lists of our own ----------------------------------------------------------------------------------------------

    def private_pem(self, key_file=None):
        """The key file for openssl."""
        with open(key_file or self.key_file, encoding="ascii") as file:
            seed = base64.b64decode(file.read().strip().removeprefix("ed25519-private:"))
        path = (key_file or self.key_file) + ".pem"
        body = base64.b64encode(PKCS8 + seed).decode()
        with open(path, "w", encoding="ascii") as file:
            file.write(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
        return path

    def sign(self, body, key_file=None, public=None):
        """The signed document."""
        message = self.host.write_file("message", "postern-list/1\n" + body)
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.private_pem(key_file), "-rawin", "-in", message],
                                   check=True, capture_output=True, timeout=60).stdout
        head = {"postern_list": 1, "signatures": [{"key": public or self.public,
                                                   "signature": base64.b64encode(signature).decode()}]}
        return json.dumps(head, separators=(",", ":"))[:-1] + ',"list":\n' + body + "\n}\n"

    def body(self, generation, zones, endpoint, **changes):
        """BODY of a list; `zones`: {zone: address}."""
        return json.dumps({
            "fleet": "prod", "generation": generation, "publisher": "test", "written_at": utc(), "not_after": utc(86400),
            "links": [{"endpoint": endpoint, "confirmed_at": utc(), "status": "Active", "business_status": "Normal",
                       "connection_status": "Connected",
                       "zones": [{"zone": zone, "status": "Connected", "ipv4": address} for zone, address in zones.items()]}],
            **changes})

    def put(self, text, key=KEY):
        self.store.control.put(f"/objects/{BUCKET}/{urllib.parse.quote(key, safe='')}",
                               base64=base64.b64encode(text.encode()).decode())

    def objects(self):
        """{key: text}"""
        return {key: base64.b64decode(value).decode() for key, value in
                self.store.control.get("/state")["buckets"][BUCKET].items()}

    def current(self):
        """What readers find: (generation, {address}), verified by openssl; None if there is nothing."""
        text = self.objects().get(KEY)
        if text is None:
            return None
        head, _, rest = text.partition("\n")
        assert rest.endswith("\n}\n"), rest[-20:]
        body = rest[:-3]
        (entry,) = json.loads(head + "0}")["signatures"]
        assert entry["key"] == self.public, entry
        raw = base64.b64decode(self.public.removeprefix("ed25519:"))
        der = bytes.fromhex("302a300506032b6570032100") + raw
        path = f"{self.host.folder}/public.pem"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n")
        message = self.host.write_file("signed", "postern-list/1\n" + body)
        signature = f"{self.host.folder}/signature"
        with open(signature, "wb") as file:
            file.write(base64.b64decode(entry["signature"]))
        subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", path, "-rawin", "-in", message, "-sigfile", signature],
                       check=True, capture_output=True, timeout=60)
        value = json.loads(body)
        return value["generation"], {zone["ipv4"] for link in value["links"] for zone in link["zones"] if "ipv4" in zone}

    def log(self, **wanted):
        return [entry for entry in self.store.control.log() if all(entry.get(key) == value for key, value in wanted.items())]

    def close(self):
        self.store.stop()
        for name in ("list.key.pem", "public.pem"):
            path = f"{self.host.folder}/{name}"
            if os.path.exists(path):
                os.unlink(path)


def report(name, zone, states, **changes):
    """As a host writes it; `states`: {address: state}, down for ten minutes where it is."""
    addresses = [{"ip": ip, "zone": "cn-hangzhou-h" if ip == ZONE_A else "cn-hangzhou-i", "state": state, "since": utc(-600),
                  **({"code": "PN-TCP-TIMEOUT"} if state == "down" else {})} for ip, state in states.items()]
    good = all(state == "up" for state in states.values())
    return json.dumps({"postern_report": 1, "fleet": "prod", "host": name, "zone": zone, "version": "1.0.0",
                       "written_at": re.sub(r"\.\d+", "", utc()), "interval_s": 300, "overall": "good" if good else "degraded",
                       "takeover": "on", "asks": "yes",
                       "links": [{"name": LINK, "host": NAME, "state": "up", "addresses": addresses}], **changes})
