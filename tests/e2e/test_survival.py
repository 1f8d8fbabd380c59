# SPDX-License-Identifier: Apache-2.0
"""The host keeps its DNS: through kill -9, damaged and missing plans, and full disks."""

import datetime
import glob
import json
import os
import signal
import socket
import time
import unittest

from host import DNS, LINK, NAME, SPARE_ADDRESS, ZONE_A, ZONE_B, HostTest
import dnswire  # one of the stand-ins' modules: host.py knows where they are


def answers(name=NAME, timeout_s=0.02):
    """The rcode of one fast query, or None when nothing (or a refusal) came in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.connect((DNS, 53))
        try:
            client.send(dnswire.query_message(7, name, "A"))
            return client.recv(4096)[3] & 0xF
        except OSError:
            return None


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def crc64(data):
    """CRC-64/XZ, as core/bytes.h has it."""
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFFFFFFFFFF


class Survival(HostTest):
    def start(self, **changes):
        self.host.start(**changes)
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def plans(self):
        found = sorted(glob.glob(f"{self.host.runtime_dir}/**/plan", recursive=True)
                       + glob.glob(f"{self.host.state_dir}/**/plan", recursive=True))
        self.assertEqual(len(found), 2, "the current and the durable plan")
        return found

    def fallback(self):
        (path,) = {path for folder in (self.host.state_dir, self.host.runtime_dir)
                   for path in glob.glob(f"{folder}/**/fallback-upstreams", recursive=True)}
        return path

    def resolves_everything(self):
        self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.addresses("www.name.test"), {"192.0.2.1", "192.0.2.2"})


class Kills(Survival):
    def test_killed_agent_leaves_dns_working_and_the_next_adopts_the_resolver(self):
        self.start()
        resolver = self.host.resolver_pid()
        self.host.stop_agent(signal.SIGKILL)
        self.resolves_everything()
        self.assertEqual(self.host.resolver_pids(), [resolver])
        self.host.start_postern()
        self.assertEqual(self.host.resolver_pids(), [resolver])
        self.resolves_everything()
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)  # and it still takes new plans
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)

    def test_killed_resolver_is_back_within_200_ms(self):
        self.start()
        took = []
        for _ in range(5):  # one after the other: killing it again must not make it slower to come back
            pid = self.host.resolver_pid()
            started = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            self.host.wait(lambda: pid not in self.host.resolver_pids(), "the resolver to be gone", poll_s=0.001)
            self.host.wait(lambda: answers() == 0, "an answer", poll_s=0.001)
            took.append(time.monotonic() - started)
            self.resolves_everything()
        self.assertLess(sorted(took)[2], 0.2, took)

    def test_terminated_agent_ends_with_0_and_takes_its_resolver_along(self):
        self.start()
        self.assertEqual(self.host.stop_agent(), 0)
        self.host.wait(lambda: not self.host.resolver_pids(), "the resolver to end")

    def test_adopted_resolver_that_dies_is_replaced(self):
        self.start()
        self.host.stop_agent(signal.SIGKILL)
        self.host.start_postern()
        os.kill(self.host.resolver_pid(), signal.SIGKILL)
        self.host.wait(lambda: answers() == 0, "an answer")
        self.resolves_everything()

    def test_a_second_agent_is_refused_and_harms_nothing(self):
        self.start()
        second = self.host.postern("run")
        self.assertNotEqual(second.returncode, 0)
        self.assertTrue(second.stderr.strip())
        self.resolves_everything()
        self.assertEqual(len(self.host.resolver_pids()), 1)

    def test_resolver_runs_without_privileges_to_leak(self):
        self.start()
        pid = self.host.resolver_pid()
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = file.read()
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertEqual(file.read(), b"")


class Verdicts(Survival):
    """An address that was down does not return to the answer when the agent is killed."""

    def verdicts(self):
        return f"{self.host.state_dir}/verdicts.json"

    def restart_and_watch(self, **start):
        """Every answer from before the start of the next agent until it has probed both addresses a few times."""
        seen = set()
        self.host.start_postern(wait_ready=False, **start)

        def settled():
            seen.add(frozenset(self.host.addresses()))
            if self.host.http("/readyz")[0] != 200:
                return False
            counts = [sum(record["ip"] == address for record in self.host.probes()) for address in (ZONE_A, ZONE_B)]
            return min(counts) >= 4
        self.host.wait(settled, "four probes of each address", poll_s=0.005)
        return seen

    def save(self, address, age_s, path):
        """A verdict file with these results, of that age."""
        at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age_s)
        text = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = json.dumps([{"link": LINK, "ip": address, "path": path, "service": "unknown", "comparable": False,
                            "since": text, "at": text, "last_ok": None}])
        with open(self.verdicts(), "w", encoding="ascii") as file:
            file.write(f'{{"postern_verdicts":1,"crc64":"{crc64(body.encode()):016x}","verdicts":\n{body}}}\n')

    def test_dead_address_stays_out_when_the_agent_is_killed(self):
        self.start()
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait_addresses(ZONE_B)
        self.host.wait(lambda: '"down"' in read(self.verdicts()), "the verdict to be saved")
        self.host.stop_agent(signal.SIGKILL)
        self.assertEqual(self.restart_and_watch(), {frozenset({ZONE_B})})
        self.assertTrue(self.host.log_lines("verdicts_restored"))
        self.host.gateways.control.post("/listeners/zone-a", mode="ok")
        self.host.wait_addresses(ZONE_A, ZONE_B)

    def test_dead_address_stays_out_when_everything_is_stopped(self):
        self.start()
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait_addresses(ZONE_B)
        self.assertEqual(self.host.stop_agent(), 0)
        self.assertIn('"down"', read(self.verdicts()))
        self.host.wait(lambda: not self.host.resolver_pids(), "the resolver to end")
        for plan in self.plans():
            if plan.startswith(self.host.runtime_dir):
                os.unlink(plan)  # the durable one knows no verdicts
        self.assertLessEqual(self.restart_and_watch(), {frozenset(), frozenset({ZONE_B})})  # none: not started yet

    def test_a_saved_verdict_counts_while_it_is_young(self):
        self.start(link={"probe": {"rise": 6}})  # so that it is down for longer than a look at it takes
        for age_s, path, expected in ((2, "down", {ZONE_B}), (301, "down", {ZONE_A, ZONE_B}),
                                      (-3600, "down", {ZONE_A, ZONE_B})):
            with self.subTest(age_s=age_s):
                self.host.wait_addresses(ZONE_A, ZONE_B)
                self.host.stop_agent(signal.SIGKILL)
                self.save(ZONE_A, age_s, path)
                seen = self.restart_and_watch()
                if expected == {ZONE_A, ZONE_B}:
                    self.assertEqual(seen, {frozenset(expected)})
                else:
                    self.assertIn(frozenset(expected), seen)

    def test_a_damaged_file_is_said_and_ignored(self):
        self.start()
        self.host.stop_agent(signal.SIGKILL)
        self.save(ZONE_A, 2, "down")
        with open(self.verdicts(), "r+b") as file:
            file.seek(-8, os.SEEK_END)
            file.write(b"#")
        self.assertEqual(self.restart_and_watch(), {frozenset({ZONE_A, ZONE_B})})
        self.assertTrue(self.host.log_lines("verdicts_unusable"))


class History(Survival):
    """Probe results survive the agent and the log."""

    def history(self, address, resolution="minute"):
        status, document = self.host.http_json(f"/api/v1/history?link={LINK}&ip={address}&resolution={resolution}")
        self.assertEqual(status, 200)
        return document

    def last_day(self, address):
        _, document = self.host.http_json("/api/v1/status")
        return next(a["availability_24h"] for a in document["links"][0]["addresses"] if a["ip"] == address)

    def logged(self, *arguments):
        done = self.host.postern("logs", "-n", "1000", "-o", "json", "--ip", ZONE_A, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_history_survives_kill_9(self):
        self.start()
        self.host.gateways.control.post("/listeners/zone-a", mode="refuse")
        self.host.wait(lambda: sum(self.history(ZONE_A)["failures"]) >= 4, "four failures in the history")
        before = {resolution: self.history(ZONE_A, resolution) for resolution in ("minute", "hour")}
        failed = [record for record in self.host.probes(f"?ip={ZONE_A}") if not record["ok"]]
        # What is a second old is on disk: then the next two records show that a second went by.
        seq = self.host.last_probe(ZONE_A)["seq"]
        self.host.wait(lambda: self.host.last_probe(ZONE_A)["seq"] >= seq + 4, "two more probes")
        self.host.stop_agent(signal.SIGKILL)

        os.unlink(f"{self.host.state_dir}/probe.log")  # as if rotated away long ago
        left = {record["ts"] for record in self.logged("--reason", "tcp_refused")}
        self.assertLessEqual({record["ts"] for record in failed}, left)
        self.assertEqual(self.logged("--reason", "tls_timeout"), [])
        self.assertEqual(self.logged("--until", failed[-1]["ts"], "--since", "1h")[-1]["ts"], failed[-1]["ts"])
        for form, words in (("short", ("tcp_refused",)), ("wide", ("tcp_refused", "connect=", "path=down"))):
            shown = self.host.postern("logs", "-o", form, "--state", "down").stdout
            for word in words:
                self.assertIn(word, shown)

        self.host.start_postern()
        for resolution, document in before.items():
            after = self.history(ZONE_A, resolution)
            self.assertGreaterEqual(sum(after["failures"]), sum(document["failures"]))
            self.assertGreaterEqual(sum(after["attempts"]), sum(document["attempts"]))
            self.assertEqual(after["start"][0], document["start"][0])
            self.assertGreaterEqual(sum(after["reasons"]["tcp_refused"]), 4)
        day = self.last_day(ZONE_A)
        self.assertGreaterEqual(day["failures"], 4)
        self.assertLess(day["percent"], 100)
        self.assertEqual(self.last_day(ZONE_B)["percent"], 100)
        self.assertRegex(self.host.postern("status").stdout, rf"24 h  {ZONE_A} [\d.]+ %.*{ZONE_B} 100 %, p95 ")
        self.assertEqual(self.host.http(f"/api/v1/history?link={LINK}&ip=192.0.2.1")[0], 404)
        self.assertFalse(self.host.log_lines("history_"))

    def test_a_foreign_history_is_set_aside(self):
        self.host.write_file("state/history", "something else\n")
        self.start()
        self.assertTrue(self.host.log_lines("history_set_aside"))
        self.assertEqual(read(f"{self.host.state_dir}/history.unusable"), "something else\n")
        self.host.wait(lambda: sum(self.history(ZONE_A)["attempts"]) >= 1, "the new one to have something")

    def test_logs_without_a_log_and_without_a_history_say_so(self):
        self.host.write_config()
        done = self.host.postern("logs")
        self.assertEqual(done.returncode, 3)
        self.assertIn("probe.log", done.stderr)


class Plans(Survival):
    def test_flipped_bytes_are_refused_and_the_old_plan_stays(self):
        self.start()
        self.host.stop_agent(signal.SIGKILL)
        current = next(path for path in self.plans() if path.startswith(self.host.runtime_dir))
        with open(current, "rb") as file:
            good = file.read()
        step = max(1, len(good) // 60)
        for offset in [*range(0, len(good), step), len(good) - 1]:
            damaged = bytearray(good)
            damaged[offset] ^= 0x01
            bad = self.host.write_file("damaged-plan", "")
            with open(bad, "wb") as file:
                file.write(damaged)
            with self.subTest(offset=offset):
                shown = self.host.postern("plan", "show", bad, config=False)
                self.assertNotEqual(shown.returncode, 0, "a damaged plan was accepted")
                os.replace(bad, current)
                self.assertEqual(answers(timeout_s=5), 0)
                self.assertEqual(self.host.addresses(), {ZONE_A, ZONE_B})
        self.assertEqual(self.host.postern("plan", "show", self.plans()[0]
                                           if self.plans()[0] != current else self.plans()[1],
                                           config=False).returncode, 0)

    def test_truncated_plans_are_refused(self):
        self.start()
        self.host.stop_agent(signal.SIGKILL)
        current = next(path for path in self.plans() if path.startswith(self.host.runtime_dir))
        with open(current, "rb") as file:
            good = file.read()
        for length in (0, 1, 7, 8, 16, len(good) // 2, len(good) - 1):
            with self.subTest(length=length):
                with open(current + ".new", "wb") as file:
                    file.write(good[:length])
                os.replace(current + ".new", current)
                self.assertNotEqual(self.host.postern("plan", "show", current, config=False).returncode, 0)
                self.resolves_everything()

    def test_both_plans_deleted_under_a_living_resolver(self):
        self.start()
        self.host.stop_agent(signal.SIGKILL)
        for path in self.plans():
            os.remove(path)
        self.resolves_everything()

    def test_resolver_without_plans_serves_public_names(self):
        self.start()
        current, durable = self.plans()
        fallback = self.fallback()
        self.host.stop_agent(signal.SIGKILL)
        os.kill(self.host.resolver_pid(), signal.SIGKILL)
        self.host.wait(lambda: not self.host.resolver_pids(), "the resolver to be gone")
        for path in (current, durable):
            os.remove(path)
        resolver = self.host.start_resolver("--plan", current, durable, "--fallback", fallback)
        self.host.wait(lambda: answers("www.name.test") is not None, "the resolver to answer")
        self.assertEqual(self.host.addresses("www.name.test"), {"192.0.2.1", "192.0.2.2"})
        self.assertIsNone(resolver.poll())

    def test_resolver_with_the_durable_plan_alone_answers_all_addresses(self):
        self.start()
        current, durable = self.plans()
        if current.startswith(self.host.state_dir):
            current, durable = durable, current
        fallback = self.fallback()
        self.host.stop_agent(signal.SIGKILL)
        os.kill(self.host.resolver_pid(), signal.SIGKILL)
        self.host.wait(lambda: not self.host.resolver_pids(), "the resolver to be gone")
        os.remove(current)
        self.host.start_resolver("--plan", current, durable, "--fallback", fallback)
        self.host.wait(lambda: answers() == 0, "an answer")
        self.resolves_everything()


class FullDisk(Survival):
    def fill(self, folder):
        """Not one byte more fits; returns what to call to make room."""
        ballast = os.path.join(folder, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue
        return lambda: os.remove(ballast)

    def survives(self, *folders):
        for folder in (self.host.runtime_dir, self.host.state_dir):
            self.host.mount_small(folder, "1m")
        self.host.start(agent={"log_level": "info"})
        self.host.wait_addresses(ZONE_A, ZONE_B)
        make_room = [self.fill(folder) for folder in folders]
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        self.host.wait(lambda: self.host.log_lines(r"no space|ENOSPC|disk.*full|full.*disk"), "the full disk in the log")
        self.host.wait_api_calls(4)
        self.assertEqual(self.host.addresses("www.name.test"), {"192.0.2.1", "192.0.2.2"})
        self.assertIn(ZONE_B, self.host.addresses())
        self.assertEqual(self.host.http("/livez")[0], 200)
        for path in self.plans():
            shown = self.host.postern("plan", "show", path, config=False)
            self.assertEqual(shown.returncode, 0, f"{path}: {shown.stderr}")
        for room in make_room:
            room()
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)
        self.host.wait(self.snapshot_is_new, "the new address in the snapshot")
        self.host.aliyun.control.post("/listeners/api", open=False)
        self.host.stop_agent(signal.SIGKILL)
        self.host.start_postern()
        self.host.wait_addresses(SPARE_ADDRESS, ZONE_B)

    def snapshot_is_new(self):
        with open(f"{self.host.state_dir}/snapshot.json", encoding="utf-8") as file:
            return SPARE_ADDRESS in file.read()

    def test_runtime_folder(self):
        self.survives(self.host.runtime_dir)

    def test_state_folder(self):
        self.survives(self.host.state_dir)

    def test_both(self):
        self.survives(self.host.runtime_dir, self.host.state_dir)

    def test_agent_killed_while_the_disk_is_full(self):
        for folder in (self.host.runtime_dir, self.host.state_dir):
            self.host.mount_small(folder, "1m")
        self.host.start()
        self.host.wait_addresses(ZONE_A, ZONE_B)
        for folder in (self.host.runtime_dir, self.host.state_dir):
            self.fill(folder)
        self.host.set_zone_address("cn-hangzhou-h", SPARE_ADDRESS)
        self.host.wait_api_calls(2)
        self.host.stop_agent(signal.SIGKILL)
        self.assertIn(ZONE_B, self.host.addresses())
        self.host.start_postern(wait_ready=False)
        self.host.wait(lambda: self.host.http("/livez")[0] == 200, "/livez")
        self.assertIn(ZONE_B, self.host.addresses())
        self.assertEqual(self.host.addresses("www.name.test"), {"192.0.2.1", "192.0.2.2"})


if __name__ == "__main__":
    unittest.main()
