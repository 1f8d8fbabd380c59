# SPDX-License-Identifier: Apache-2.0
"""Lists page by page, in the forms that the real API has been seen to use."""

import re

from api_error import failed


def _token(first):
    """With what must be encoded in a query, as real tokens have it."""
    return f"page+{first}/=="


def cut(entries, parameters, options, most=1000, default=50):
    """(this page's entries, the page's own fields). `options` are the API's: page_size, repeat_token, last_page."""
    asked = parameters.get("MaxResults", str(default))
    start = re.fullmatch(r"page\+(\d{1,6})/==", parameters.get("NextToken") or _token(0))
    if not asked.isdigit() or not 1 <= int(asked) <= most:
        raise failed(400, "InvalidMaxResults", "The specified MaxResults is not valid.")
    if not start:
        raise failed(400, "InvalidNextToken", "The specified NextToken is not valid.")
    first, size = int(start[1]), min(int(asked), options["page_size"] or most)
    fields = {"MaxResults": int(asked), "TotalCount": len(entries)}
    if options["repeat_token"]:
        fields["NextToken"] = _token(first)
    elif first + size < len(entries):
        fields["NextToken"] = _token(first + size)
    elif options["last_page"] != "absent":
        fields["NextToken"] = {"null": None, "empty": ""}[options["last_page"]]
    return entries[first:first + size], fields
