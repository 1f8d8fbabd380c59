# SPDX-License-Identifier: Apache-2.0
"""Values of a request's parameters, in the spellings that official clients send."""

import re

from api_error import failed


def flag(parameters, name):
    """A boolean. The Python SDK sends str(True); what is neither yes nor no is refused, so that no dry run becomes a real one."""
    word = parameters.get(name, "").lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0", ""):
        return False
    raise failed(400, f"Invalid{name}", f"The specified {name} is not valid.")


def stop_if_dry(parameters):
    """The end of a request whose checks have passed, if DryRun is set: its success is an error."""
    if flag(parameters, "DryRun"):
        raise failed(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.")


def structures(parameters, name):
    """name.1.Field=value&name.2.Field=value… -> [{Field: value}, {Field: value}]"""
    found = {}
    for key, value in parameters.items():
        if part := re.fullmatch(re.escape(name) + r"\.([1-9]\d{0,3})\.(\w+)", key):
            found.setdefault(int(part[1]), {})[part[2]] = value
    return [found[number] for number in sorted(found)]
