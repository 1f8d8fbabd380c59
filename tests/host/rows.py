# SPDX-License-Identifier: Apache-2.0
"""What measures a host cell by cell: a row of a table for each kind. It reads no suite, so it may be imported first."""


class Row:
    """Beside a HostTest."""
    table, kind, row = "", "", {}

    def id(self):
        return f"{self.table}.{self.kind}"

    def cell(self, name, measure, *arguments):
        """FAILED stays when it does; the next one is measured all the same."""
        with self.subTest(kind=self.kind, cell=name):
            self.row[name] = measure(*arguments)

    def seconds(self, host, command):
        """Of a command, by the guest's own clock: without what it costs to get into the guest."""
        out = host.sh(f"begin=$(date +%s%N); ({command}) >&2; echo $(($(date +%s%N) - begin))")
        return f"{int(out) / 1e9:.2f}"
