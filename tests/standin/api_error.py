# SPDX-License-Identifier: Apache-2.0
"""A refusal of the fake OpenAPI."""


class ApiError(Exception):
    """verdict: "refused" by the gateway before the action was looked at, or "failed" by the action itself."""

    def __init__(self, status, code, message, verdict="refused", **more):
        super().__init__(code)
        self.status, self.code, self.message, self.verdict, self.more = status, code, message, verdict, more


def failed(status, code, message):
    return ApiError(status, code, message, "failed")
