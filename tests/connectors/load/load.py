# SPDX-License-Identifier: Apache-2.0
"""A program with TDengine's Python connectors: load.py rest|ws default|set. A query each half second; a line for each:
when it began and ended (ms since 1970), then `ok` or what went wrong. An error makes it connect anew, as programs do."""

import os
import sys
import time

KIND, PROFILE = sys.argv[1:]
HOST, TOKEN = os.environ["LOAD_HOST"], os.environ["LOAD_TOKEN"]
PERIOD_S = 0.5


def connect_rest():
    import taosrest
    connection = taosrest.connect(url=f"https://{HOST}", token=TOKEN, **({"timeout": 5} if PROFILE == "set" else {}))
    return lambda: connection.query("select 1").data


def connect_ws():
    import taosws
    trust = os.environ["SSL_CERT_FILE"]
    more = f"&read_timeout=5&conn_timeout=5&tls_mode=verify_identity&tls_ca={trust}" if PROFILE == "set" else ""
    connection = taosws.connect(f"wss://{HOST}?token={TOKEN}{more}")
    return lambda: list(connection.query("select 1"))


def main():
    connect = {"rest": connect_rest, "ws": connect_ws}[KIND]
    query = None
    while True:
        began = time.time()
        try:
            query = query or connect()
            result = "ok" if list(query()[0]) == [1] else "another answer"
        except Exception as error:  # pylint: disable=broad-exception-caught
            query, result = None, f"{type(error).__name__}: {error}".replace("\n", " ")
        ended = time.time()
        print(int(began * 1000), int(ended * 1000), result, flush=True)
        time.sleep(max(0.0, began + PERIOD_S - ended))


main()
