# SPDX-License-Identifier: Apache-2.0
"""Which sources are changed, and which test programs must notice: one row a folder or file, the first that fits."""
import collections
import fnmatch

# target: of the build, with the program of that name; wanted: Catch2's tags or names, "" for every case.
Run = collections.namedtuple("Run", "target wanted")

RESOLVER = [Run("unit_resolver", ""), Run("sim", "[forwarder],[cache]")]
ROWS = [
    ("resolver/main.cpp", []),
    ("resolver/*.cpp", RESOLVER),
    ("core/plan.cpp", [Run("unit_core", ""), Run("unit_resolver", "")]),
    ("probe/verdict.cpp", [Run("unit_probe", "verdict*"), Run("sim", "[sim]")]),
    ("probe/scheduler.cpp", [Run("sim", "[schedule]")]),
    ("agent/steering/answer_policy.cpp", [Run("unit_agent_steering", ""), Run("sim", "[sim]")]),
    ("agent/steering/comparison.cpp", [Run("sim", "[compare]")]),
    ("agent/hostdns/journal.cpp", [Run("unit_agent_hostdns", "")]),
    ("agent/discovery/endpoint_merge.cpp", [Run("unit_agent_discovery", ""), Run("sim", "[sync]")]),
]


def runs_of(source):
    """The runs that cover it, the quick ones first; [] for a source that is not changed."""
    return next((runs for pattern, runs in ROWS if fnmatch.fnmatch(source, pattern)), [])
