# SPDX-License-Identifier: Apache-2.0
"""A real Chromium for end-to-end tests: scripts of tests/browser, with the packages that they need."""

import os
import subprocess

import ns

BROWSER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "browser")
MODULES = os.environ.get("POSTERN_BROWSER_MODULES", os.path.join(BROWSER, "..", "..", "build", "browser"))

if not ns.inside():  # inside there is no network to install from
    _prepared = subprocess.run([os.path.join(BROWSER, "prepare.sh"), MODULES], check=False, capture_output=True, text=True)
    os.environ["POSTERN_NO_BROWSER"] = _prepared.stdout.strip() if _prepared.returncode != 0 else ""


def needs_browser(test):
    if why := os.environ["POSTERN_NO_BROWSER"]:
        test.skipTest(why)


def start(script, *arguments, home):
    """Its process: it says a line for what it has seen, and may wait for one."""
    return subprocess.Popen(["node", os.path.join(BROWSER, script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={**os.environ, "POSTERN_BROWSER_MODULES": MODULES, "HOME": home})
