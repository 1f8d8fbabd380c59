#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RESULTS.md from the output of run.sh's parts.

    results.py VERSIONS FILE..."""
import pathlib
import sys

print("# Results\n\nWritten by `tests/k8s/run.sh`; README.md says what is measured, and what is not as in a cluster.\n")
print(f"- {sys.argv[1]}\n- two nodes in two zones, each with CoreDNS, a pod of the Deployment and one of the DaemonSet, at the chart's defaults\n"
      "- *changes* and *one node* have nothing in CoreDNS's cache, so that every lookup asks postern; all others have the cache of `postern k8s corefile`\n")
for path in sys.argv[2:]:
    print("```\n" + pathlib.Path(path).read_text(encoding="utf-8").strip() + "\n```\n")
