# SPDX-License-Identifier: Apache-2.0
"""What the upstream stand-in knows: names, types, records. Everything else is NXDOMAIN with an SOA."""

import threading

import dnswire
from control import ControlError

DEFAULT_TTL = 60
MAX_NAMES = 10000
MAX_CNAMES = 8


class Zone:
    """`records` is {name: {type: ["data", ...] or {"ttl": seconds, "data": [...]}}}."""

    def __init__(self, records, soa_owner="", negative_ttl=30):
        self._soa_owner = soa_owner
        self._negative_ttl = negative_ttl
        self._lock = threading.Lock()
        self._names = {}
        for name, types in records.items():
            self.put(name, types)

    def put(self, name, types):
        """Replaces everything at the name; {} makes it an empty name (NODATA for all types)."""
        checked = {}
        for kind, entry in types.items():
            entry = entry if isinstance(entry, dict) else {"data": entry}
            ttl, data = int(entry.get("ttl", DEFAULT_TTL)), list(entry["data"])
            for text in data:
                dnswire.encode_rdata(kind.upper(), text)  # a mistake shows now, not in the first query
            checked[kind.upper()] = (ttl, data)
        with self._lock:
            if len(self._names) >= MAX_NAMES:
                raise ControlError("too many names")
            self._names[name.rstrip(".").lower()] = checked

    def remove(self, name):
        with self._lock:
            self._names.pop(name.rstrip(".").lower(), None)

    def describe(self):
        with self._lock:
            return {name: {kind: {"ttl": ttl, "data": data} for kind, (ttl, data) in types.items()}
                    for name, types in self._names.items()}

    def soa(self):
        return dnswire.record(self._soa_owner, "SOA", self._negative_ttl,
                              f"ns.upstream.test hostmaster.upstream.test 1 3600 600 86400 {self._negative_ttl}")

    def _types(self, name):
        """None when the name does not exist; a name with names below it exists (RFC 8020)."""
        with self._lock:
            if not name:
                return self._names.get(name, {})  # the root exists everywhere
            if name not in self._names and any(known.endswith("." + name) for known in self._names):
                return {}
            return self._names.get(name)

    def lookup(self, name, qtype):
        """(rcode, answer records, authority records)"""
        kind, answers, owner = dnswire.type_name(qtype), [], name
        for _ in range(MAX_CNAMES):
            types = self._types(owner.lower())
            if types is None:
                return (dnswire.NXDOMAIN, answers, [self.soa()])
            wanted = list(types) if kind == "ANY" else [kind] if kind in types else []
            for found in wanted:
                ttl, data = types[found]
                answers += [dnswire.record(owner, found, ttl, text) for text in data]
            if wanted:
                return (dnswire.NOERROR, answers, [])
            if "CNAME" not in types:
                return (dnswire.NOERROR, answers, [self.soa()])
            ttl, data = types["CNAME"]
            answers.append(dnswire.record(owner, "CNAME", ttl, data[0]))
            owner = data[0].rstrip(".")
        return (dnswire.SERVFAIL, [], [])
