# SPDX-License-Identifier: Apache-2.0
"""The power goes between any two changes: after the next boot the host has DNS, and disable is exact."""

import unittest

from guest import HostTest, on_every_kind


class PowerCut(HostTest):
    really = [("plain", "full"), ("networkmanager", "full"), ("resolved", "split")]  # others: a kill

    def survives_every_step(self, variant, mode):
        cut = (variant, mode) in self.really
        host = self.ready_guest(variant)
        before = host.snapshot()
        steps = {}
        for verb in ("enable", "disable"):
            arguments = ("--mode", mode) if verb == "enable" else ()
            for step in range(1, 100):
                if verb == "disable":
                    host.dns("enable", "--mode", mode)
                done = host.dns(verb, *arguments, check=False, stop_after=step)
                if done.returncode == 0:
                    break
                with self.subTest(variant=variant, mode=mode, verb=verb, step=step):
                    self.assertEqual(done.returncode, 137, done.stderr)  # killed by itself
                    if cut:
                        host.cut()
                        host.boot()  # fails unless public names are answered
                    # After a kill it is postern-hostdns that gives back what was half done: a moment later.
                    host.wait(host.serves_public, "public names to be answered")
                    host.dns("disable")
                    self.assert_same(before, host.snapshot())
            self.assertLess(step, 99, "it never came to its end")
            steps[verb] = step - 1
            host.dns("disable")
            self.assert_same(before, host.snapshot())
        self.assertGreater(steps["enable"], 0)
        self.assertGreater(steps["disable"], 0)
        self.note(f"{variant} {mode}: {steps}{' with power cuts' if cut else ''}")


on_every_kind(PowerCut, PowerCut.survives_every_step)

if __name__ == "__main__":
    unittest.main()
