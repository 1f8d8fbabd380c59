# SPDX-License-Identifier: Apache-2.0
"""Access keys that the fake API knows: fixed ones, and temporary ones that the metadata service hands out."""

import datetime
import threading
from dataclasses import dataclass, field

PREFETCH_S = 30 * 60  # the platform offers the next credential half an hour before the old one ends
KEPT_TEMPORARY_KEYS = 100


@dataclass
class AccessKey:
    key_id: str
    secret: str
    active: bool = True
    token: str = None  # the STS security token that must come with this key
    expires_at: float = None
    actions: list = None  # that RAM allows, "privatelink:ListVpcEndpoints"; None: all

    def expired(self, now):
        return self.expires_at is not None and now >= self.expires_at


@dataclass
class Role:
    """The RAM role of the instance. Its keys are numbered: <key_id>-1, <secret>-1, <token>-1, then -2, ..."""
    name: str = "PosternRole"
    key_id: str = "STS.NUexampleKeyId"
    secret: str = "exampleStsSecret"
    token: str = "CAISexample+Token/abc=="
    lifetime_s: float = 6 * 3600
    renew: bool = True  # False: the metadata service keeps returning the old credential
    code: str = "Success"
    issued: int = 0
    current: AccessKey = field(default=None, repr=False)


class KeyStore:
    def __init__(self, keys, role):
        self._lock = threading.Lock()
        self._keys = {}
        for entry in keys:
            self.put(**entry)
        self.role = Role(**role) if role is not None else None

    # pylint: disable=redefined-builtin
    def put(self, id, secret, active=True, token=None, expires_at=None, actions=None):
        with self._lock:
            self._keys[id] = AccessKey(id, secret, active, token, expires_at, actions)

    def get(self, key_id):
        with self._lock:
            return self._keys.get(key_id)

    def remove(self, key_id):
        with self._lock:
            self._keys.pop(key_id, None)

    def token_owner(self, token):
        """The key that this security token belongs to, or None."""
        with self._lock:
            return next((key for key in self._keys.values() if key.token == token), None)

    def role_credential(self, now):
        """What the metadata service shows now; a new one when the old one nears its end."""
        with self._lock:
            role = self.role
            ends = role.current.expires_at if role.current else None
            if ends is None or (role.renew and ends - now < min(PREFETCH_S, role.lifetime_s / 2)):
                role.issued += 1
                number = role.issued
                role.current = AccessKey(f"{role.key_id}-{number}", f"{role.secret}-{number}",
                                         token=f"{role.token}-{number}", expires_at=now + role.lifetime_s)
                self._keys[role.current.key_id] = role.current
                self._keys.pop(f"{role.key_id}-{number - KEPT_TEMPORARY_KEYS}", None)
            return role.current

    def expire_temporary_keys(self, now):
        """Every security token ends now, whatever its expiry."""
        with self._lock:
            for key in self._keys.values():
                if key.token is not None:
                    key.expires_at = now

    def describe(self):
        """Without secrets."""
        with self._lock:
            return [{"id": key.key_id, "active": key.active, "temporary": key.token is not None,
                     "expires": utc(key.expires_at)} for key in self._keys.values()]


def utc(moment):
    if moment is None:
        return None
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
