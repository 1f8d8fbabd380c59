# SPDX-License-Identifier: Apache-2.0
"""Signatures of object stores, recomputed from a request: OSS version 4 and AWS version 4. Pure; the published vectors are in
test_standin_objectstore.py."""

import hashlib
import hmac
import re
import urllib.parse

PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def encode(text, keep=""):
    return "".join(c if c in PLAIN + keep else "".join("%%%02X" % b for b in c.encode()) for c in text)


def _chain(seed, parts):
    key = seed.encode()
    for part in parts:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _pairs(raw_query):
    return sorted((encode(urllib.parse.unquote(name)), encode(urllib.parse.unquote(value)), bool(equals))
                  for name, equals, value in (part.partition("=") for part in raw_query.split("&") if part))


def oss4(method, bucket, key, raw_query, headers, secret, date, region):
    """`headers`: {lower-case name: value}."""
    query = "&".join(name + ("=" + value if value else "") for name, value, _ in _pairs(raw_query))
    signed = sorted(name for name in headers if name in ("content-type", "content-md5") or name.startswith("x-oss-"))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in signed)
    canonical = "\n".join([method, encode(f"/{bucket}/{key}", "/"), query, lines, "", "UNSIGNED-PAYLOAD"])
    scope = f"{date[:8]}/{region}/oss/aliyun_v4_request"
    text = "\n".join(["OSS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(_chain("aliyun_v4" + secret, scope.split("/")), text.encode(), hashlib.sha256).hexdigest()


def sigv4(method, path, raw_query, headers, signed, payload_hash, secret, date, region):
    """`path` as sent; `signed`: the names in SignedHeaders, in their order."""
    query = "&".join(f"{name}={value}" for name, value, _ in _pairs(raw_query))
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed)
    canonical = "\n".join([method, path, query, lines, ";".join(signed), payload_hash])
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(_chain("AWS4" + secret, scope.split("/")), text.encode(), hashlib.sha256).hexdigest()


OSS = re.compile(r"OSS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/,]+)/oss/aliyun_v4_request,Signature=([0-9a-f]{64})")
S3 = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/,]+)/s3/aws4_request,\s*SignedHeaders=([a-z0-9;-]+),\s*"
                r"Signature=([0-9a-f]{64})")
