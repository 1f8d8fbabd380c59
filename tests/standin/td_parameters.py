# SPDX-License-Identifier: Apache-2.0
"""Query parameters of /rest/sql, read as taosAdapter reads them: with Go's strconv and time packages."""

import re
import urllib.parse
import zoneinfo
from dataclasses import dataclass

TRUE = ("1", "t", "T", "TRUE", "true", "True")
FALSE = ("0", "f", "F", "FALSE", "false", "False")


class BadParameter(Exception):
    """Answered with 400, code 65535 and this text."""


@dataclass(frozen=True)
class Parameters:
    timing: bool = False
    row_with_meta: bool = False


def read(raw_query):
    """What is given and empty counts as not given, but for a time zone: that is UTC."""
    given = dict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True))
    if given.get("req_id"):
        _integer(given["req_id"])
    if "conn_tz" in given:  # then tz is not looked at
        _location(given["conn_tz"])
    elif "tz" in given:
        _location(given["tz"])
    return Parameters(given.get("timing") == "true", _boolean(given.get("row_with_meta") or "false"))


def _integer(text):
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise BadParameter(f'illegal param, req_id must be numeric strconv.ParseInt: parsing "{text}": invalid syntax')
    if not -2**63 <= int(text[:40]) < 2**63:
        raise BadParameter(f'illegal param, req_id must be numeric strconv.ParseInt: parsing "{text}": value out of range')


def _boolean(text):
    if text not in TRUE + FALSE:
        raise BadParameter(f'illegal param, row_with_meta must be boolean strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def _location(name):
    if name in ("", "UTC", "Local"):
        return
    if ".." in name or name[0] in "/\\":
        raise BadParameter("time: invalid location name")
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise BadParameter(f"unknown time zone {name}") from error
