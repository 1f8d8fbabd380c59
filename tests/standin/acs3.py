# SPDX-License-Identifier: Apache-2.0
"""Verification of Alibaba Cloud's V3 request signature, ACS3-HMAC-SHA256, by recomputing it from what was received."""

import hashlib
import hmac
import re
import urllib.parse
from dataclasses import dataclass

ALGORITHM = "ACS3-HMAC-SHA256"
MAX_PARAMETERS = 200


class Malformed(Exception):
    """The Authorization header or the query is not of the documented form."""


@dataclass(frozen=True)
class Authorization:
    key_id: str
    signed_headers: tuple
    signature: str


def parse_authorization(value):
    found = re.fullmatch(ALGORITHM + r" Credential=([^,\s]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})",
                         value or "")
    if not found:
        raise Malformed("the Authorization header is missing or not of the ACS3-HMAC-SHA256 form")
    return Authorization(found[1], tuple(found[2].split(";")), found[3])


def parse_query(raw):
    """[(key, value)] as text. '+' is a space: the Python SDK signs %20 and sends '+'."""
    if not raw:
        return []
    pairs = []
    for part in raw.split("&"):
        key, _, value = part.partition("=")
        pairs.append((urllib.parse.unquote_plus(key, errors="strict"), urllib.parse.unquote_plus(value, errors="strict")))
    if len(pairs) > MAX_PARAMETERS:
        raise Malformed("too many parameters")
    return pairs


def encode(text):
    """RFC 3986: only A-Z a-z 0-9 - _ . ~ stay as they are."""
    return urllib.parse.quote(text, safe="-_.~")


def canonical_query(raw):
    pairs = sorted(parse_query(raw), key=lambda pair: (pair[0].encode(), pair[1].encode()))
    return "&".join(f"{encode(key)}={encode(value)}" for key, value in pairs)


def must_be_signed(name):
    return name.startswith("x-acs-") or name in ("host", "content-type")


def collect_headers(headers, names):
    """{lower-case name: value} of the headers in `names`, "" where there is none; repeated ones sorted and joined."""
    values = {name: [] for name in names}
    for name, value in headers:
        if name.lower() in values:
            values[name.lower()].append(value.strip())
    return {name: ",".join(sorted(several)) for name, several in values.items()}


def canonical_request(method, path, raw_query, headers, payload_sha256, names):
    """`names`: the signed headers, in lower case and in order."""
    covered = collect_headers(headers, names)
    lines = "".join(f"{name}:{covered[name]}\n" for name in names)
    return "\n".join([method, path, canonical_query(raw_query), lines, ";".join(names), payload_sha256])


def string_to_sign(canonical):
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def verify(method, path, raw_query, headers, payload_sha256, authorization, secret):
    """(matches, canonical request). The client's list of signed headers decides what is covered - official clients sign
    accept and user-agent, too -, but what must be signed has to be in it: a client that forgets one would be let through."""
    names = list(authorization.signed_headers)
    canonical = canonical_request(method, path, raw_query, headers, payload_sha256, names)
    sent = {name.lower() for name, _ in headers}
    if names != sorted(set(names)) or not {name for name in sent if must_be_signed(name)} <= set(names) <= sent:
        return False, canonical
    expected = hmac.new(secret.encode(), string_to_sign(canonical).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, authorization.signature), canonical
