# SPDX-License-Identifier: Apache-2.0
"""The commands: what they print, what they return, and how a mistake in the configuration is reported."""

import json
import os
import re
import signal
import subprocess
import unittest

from host import HTTP, LINK, NAME, POSTERN, UPSTREAMS, ZONE_A, ZONE_B, HostTest, SharedHostTest, toml


class CheckConfig(HostTest):
    def setUp(self):
        super().setUp()
        self.host.write_config()

    def check(self, text):
        """(exit code, [(line, key, message)]) of check-config for this text."""
        path = self.host.write_file("bad.toml", text)
        done = self.host.run(*self.command(path), env=self.host.environment)
        errors = []
        for line in (done.stdout + done.stderr).splitlines():
            found = re.match(rf"{re.escape(path)}:(\d+): ([^:]+): (.+)$", line)
            if found:
                errors.append((int(found[1]), found[2], found[3]))
        return done.returncode, errors, done.stdout + done.stderr

    def command(self, path):
        return [POSTERN, "check-config", "--config", path]

    def good(self):
        return toml(self.host.default_config())

    def replaced(self, old, new):
        text = self.good()
        self.assertIn(old, text)
        return text.replace(old, new, 1)

    def line_of(self, text, part):
        return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)

    def test_a_good_file(self):
        done = self.host.postern("check-config")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_unknown_key_names_the_nearest(self):
        text = self.replaced("poll_interval =", "pol_interval =")
        code, errors, output = self.check(text)
        self.assertNotEqual(code, 0)
        (error,) = errors
        self.assertEqual(error[0], self.line_of(text, "pol_interval"), output)
        self.assertIn("pol_interval", error[1])
        self.assertIn("poll_interval", error[2])

    def test_every_mistake_at_once(self):
        text = self.good()
        for old, new in (('interval = "2s"\ntimeout', 'interval = "soon"\ntimeout'),
                         ("fall = 3", "fall = -1"), ('listen = ["127.0.0.153:53"]', 'listen = ["nonsense"]'),
                         (f'host = "{NAME}"', 'host = "not a name"')):
            text = text.replace(old, new, 1)
        text += "nonsense = 1\n"
        code, errors, output = self.check(text)
        self.assertNotEqual(code, 0)
        lines = {line for line, _, _ in errors}
        for part in ('"soon"', "fall = -1", '["nonsense"]', '"not a name"', "nonsense = 1"):
            self.assertIn(self.line_of(text, part), lines, f"{part} is not reported:\n{output}")

    def test_single_mistakes(self):
        for old, new, key in [
                ('listen = "127.0.0.1:9853"', 'listen = 9853', "listen"),
                ('poll_interval = "2s"', 'poll_interval = "2 parsecs"', "poll_interval"),
                ('poll_interval = "2s"', 'poll_interval = 2', "poll_interval"),
                ('upstreams = ["127.0.0.53", "127.0.0.54"]', 'upstreams = ["ns.example"]', "upstreams"),
                ('upstreams = ["127.0.0.53", "127.0.0.54"]', 'upstreams = "manual"', "upstreams"),
                ("[dns]\n", '[dns]\nallow = ["127.0.0.0/33"]\n', "allow"),
                ("[agent]\n", '[agent]\nlog_level = "loud"\n', "log_level"),
                ('name = "tdengine-prod"', "name = 7", "name"),
                ("fall = 3", "fall = 0", "fall"),
                ("fall = 3", 'fall = "3"', "fall"),
                ("fall = 3", "fall = 3\nport = 70000", "port"),
                ('timeout = "1s"', 'timeout = "0s"', "timeout")]:
            with self.subTest(new):
                text = self.replaced(old, new)
                code, errors, output = self.check(text)
                self.assertNotEqual(code, 0, output)
                self.assertTrue([1 for line, name, _ in errors if key in name], output)

    def test_exactly_one_source_of_addresses(self):
        both = self.replaced('host = "', 'addresses = ["127.0.0.2"]\nhost = "')
        self.assertNotEqual(self.check(both)[0], 0)
        none = re.sub(r'(?m)^endpoint = .*\n', "", self.good())
        code, errors, output = self.check(none)
        self.assertNotEqual(code, 0)
        self.assertRegex(output, "endpoint")
        self.assertRegex(output, "addresses")

    def test_names_and_hosts_are_unique(self):
        config = self.host.default_config()
        for change in ({"name": LINK, "host": "other.name.test"}, {"name": "other", "host": NAME.upper()}):
            with self.subTest(change):
                text = toml({**config, "link": [config["link"][0], {**config["link"][0], **change}]})
                self.assertNotEqual(self.check(text)[0], 0)

    def test_every_source_is_taken(self):
        for source in ('target = "ep-x.privatelink.aliyuncs.com"', f'zones_file = "{self.host.config_file}"', 'addresses = ["10.0.1.23"]',
                       'endpoint = { service = "com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1" }'):
            with self.subTest(source):
                self.assertEqual(self.check(re.sub(r"(?m)^endpoint = .*$", source, self.replaced("", "")))[0], 0)

    def test_broken_toml_names_the_line(self):
        text = self.replaced('region = "cn-hangzhou"', 'region = "cn-hangzhou')
        path_code, _, output = self.check(text)
        self.assertNotEqual(path_code, 0)
        self.assertIn(f"bad.toml:{self.line_of(text, 'region')}", output)

    def test_missing_file(self):
        done = self.host.run(*self.command("/nonexistent.toml"), env=self.host.environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/nonexistent.toml", done.stdout + done.stderr)

    def test_run_refuses_the_same_mistakes(self):
        path = self.host.write_file("bad.toml", self.replaced("fall = 3", "fal = 3"))
        done = self.host.run(POSTERN, "run", "--config", path, env=self.host.environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{path}:", done.stdout + done.stderr)


class Usage(HostTest):
    def test_version_and_help(self):
        done = self.host.postern("--version", config=False)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"postern \d+\.\d+")
        done = self.host.postern("--help", config=False)
        self.assertEqual(done.returncode, 0)
        for command in ("run", "check-config", "plan", "status", "resolve", "probe", "logs", "queries", "connections", "refresh",
                        "drain", "undrain", "k8s corefile", "publish kubernetes"):
            self.assertIn(command, done.stdout)
        for command in ("run", "status", "logs", "probe", "resolve"):
            self.assertEqual(self.host.postern(command, "--help", config=False).returncode, 0)

    def test_usage_errors_are_3(self):
        for arguments in ([], ["no-such-command"], ["status", "--no-such-option"], ["resolve"], ["logs", "-o", "loud"]):
            with self.subTest(arguments):
                done = self.host.postern(*arguments, config=False)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                self.assertTrue(done.stderr.strip())

    def test_status_without_an_agent_is_unknown(self):
        self.host.write_config()
        done = self.host.postern("status")
        self.assertEqual(done.returncode, 3)
        self.assertIn(HTTP, done.stdout + done.stderr)


class Corefile(HostTest):
    def test_a_block_for_each_name_that_postern_answers(self):
        self.host.write_config(dns={"ttl": "7s"})
        done = self.host.postern("k8s", "corefile", "--service", "10.96.0.53")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"{NAME}:53 {{\n", done.stdout)
        self.assertIn("forward . 169.254.20.153 10.96.0.53 {\n        policy sequential\n", done.stdout)
        self.assertIn("cache 1 {", done.stdout)  # whatever the TTL of the answers
        self.host.write_config(link={"answer": False})
        self.assertEqual(self.host.postern("k8s", "corefile").returncode, 2)


class Manifests(HostTest):
    def test_the_links_of_the_configuration_in_each_config_map(self):
        self.host.write_config()
        done = self.host.postern("k8s", "manifests")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count(f'host = "{NAME}"'), 2)
        self.assertEqual(done.stdout.count('listen = ["169.254.20.153:53"]'), 1)  # of the pods, not of this host
        self.assertIn("[dns] is left out", done.stderr)
        self.assertNotIn("gw.example.com", done.stdout)
        done = self.host.postern("k8s", "manifests", "--objects", "publisher")
        self.assertEqual((done.returncode, done.stdout.count(f'host = "{NAME}"')), (0, 1))

    def test_what_does_not_fit_is_refused(self):
        for text, code in (("[[link]\n", 3), ("[dns]\n", 2), ('dns.ttl = "5s"\n[[link]]\nname = "a"\nhost = "a.example"\naddresses = ["10.0.1.2"]\n', 2)):
            with self.subTest(text):
                path = f"{self.host.folder}/pods.toml"
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                done = self.host.postern("k8s", "manifests", "--config", path, config=False)
                self.assertEqual((done.returncode, done.stdout), (code, ""))
                self.assertTrue(done.stderr)


class Queries(HostTest):
    def test_on_and_off_with_the_configuration(self):
        self.host.start()
        off = self.host.postern("queries")
        self.assertEqual(off.returncode, 3)
        self.assertIn("the query log is off", off.stderr)
        self.assertIn("query_log_sample = 1", off.stderr)

        self.host.write_config(dns={"query_log_sample": 1})
        self.host.agent.send_signal(signal.SIGHUP)
        kept = f"{self.host.runtime_dir}/queries"
        self.host.wait(lambda: self.host.addresses() and os.path.exists(kept), "the first kept query")
        self.assertEqual(os.stat(kept).st_mode & 0o7777, 0o640)
        for name, kind, more in ((NAME.upper(), "AAAA", []), ("www.name.test", "A", []), ("www.name.test", "A", ["+tcp"]),
                                 ("nothing.name.test", "TYPE65280", [])):
            self.host.dig(name, kind, *more)

        def seen():
            lines = [json.loads(line) for line in self.host.postern("queries", "--json").stdout.splitlines()]
            found = [(r["name"], r["type"], r["rcode"], r["source"], r["proto"]) for r in lines]
            return found[-4:] if ("nothing.name.test", "TYPE65280", "NXDOMAIN", "upstream", "udp") in found else None

        self.assertEqual(self.host.wait(seen, "the last query in the log"), [
            (NAME.upper(), "AAAA", "NOERROR", "private", "udp"), ("www.name.test", "A", "NOERROR", "upstream", "udp"),
            ("www.name.test", "A", "NOERROR", "cache", "tcp"), ("nothing.name.test", "TYPE65280", "NXDOMAIN", "upstream", "udp")])
        (line,) = self.host.postern("queries", "-n", "1").stdout.splitlines()
        self.assertRegex(line, r"127\.0\.0\.1 .*NXDOMAIN .*upstream .* ms  TYPE65280 nothing\.name\.test$")

        self.host.write_config()
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: not os.path.exists(kept), "what was kept to be removed")


class Commands(SharedHostTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        for address in (ZONE_A, ZONE_B):
            cls.host.wait_probe(address, lambda record: record["state"] == "up", "state up")

    def test_status(self):
        done = self.host.postern("status")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in (LINK, NAME, ZONE_A, ZONE_B, "cn-hangzhou-h", "up"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\x1b[", done.stdout)  # no terminal, no colour

    def test_status_json(self):
        done = self.host.postern("status", "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["schema_version"]), (0, 1))

    def test_resolve(self):
        done = self.host.postern("resolve", NAME)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(ZONE_A, done.stdout)
        done = self.host.postern("resolve", NAME, "A", "--json")
        value = json.loads(done.stdout)
        self.assertEqual(value["schema_version"], 1)
        self.assertIn(ZONE_A, done.stdout)
        done = self.host.postern("resolve", "www.name.test")
        self.assertIn("192.0.2.1", done.stdout)

    def test_probe(self):
        done = self.host.postern("probe", LINK)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in (ZONE_A, ZONE_B, "connect", "tls", "TLSv1.3 with x25519, large ClientHello passed"):
            self.assertIn(word, done.stdout)
        done = self.host.postern("probe", LINK, "--address", ZONE_A, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(ZONE_A, done.stdout)
        self.assertNotIn(ZONE_B, done.stdout)
        self.assertEqual(self.host.postern("probe", "no-such-link").returncode, 3)

    def test_logs(self):
        self.host.wait(lambda: len(self.host.probes()) >= 5, "five probes")
        done = self.host.postern("logs", "-n", "2", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(records), 2)
        done = self.host.postern("logs", "-n", "100", "--ip", ZONE_A, "-o", "json")
        self.assertEqual({json.loads(line)["ip"] for line in done.stdout.splitlines()}, {ZONE_A})
        for form in ("short", "wide"):
            done = self.host.postern("logs", "-n", "5", "-o", form)
            self.assertEqual((done.returncode, len(done.stdout.splitlines()) >= 5), (0, True), done.stdout)
        self.assertEqual(self.host.postern("logs", "--reason", "tcp_refused", "-o", "json").stdout, "")

    def test_logs_follow(self):
        follower = subprocess.Popen([POSTERN, "logs", "-f", "-n", "0", "-o", "json", "--config", self.host.config_file],
                                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=self.host.environment)
        try:
            seen = [json.loads(follower.stdout.readline())["ip"] for _ in range(4)]
        finally:
            follower.terminate()
            follower.wait(timeout=20)
            follower.stdout.close()
        self.assertEqual(set(seen), {ZONE_A, ZONE_B})

    def test_probe_log_is_json_lines(self):
        with open(os.path.join(self.host.state_dir, "probe.log"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            self.assertIn("reason", json.loads(line))

    def test_plan_show_and_compile(self):
        done = self.host.postern("plan", "show")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in (NAME, ZONE_A, ZONE_B, "127.0.0.53"):
            self.assertIn(word, done.stdout)
        out = os.path.join(self.host.folder, "made.plan")
        done = self.host.postern("plan", "compile", "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = self.host.postern("plan", "show", out, config=False)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn(NAME, shown.stdout)

    def test_json_has_a_schema_version(self):
        for command in (["status", "--json"], ["resolve", NAME, "--json"], ["probe", "--json"]):
            with self.subTest(command):
                self.assertEqual(json.loads(self.host.postern(*command).stdout)["schema_version"], 1)


class Successes(HostTest):
    FIXED = {"endpoint": None, "addresses": [ZONE_A], "probe": {"interval": "200ms", "fast_interval": "100ms"}}

    def logged(self):
        with open(f"{self.host.state_dir}/probe.log", encoding="utf-8") as log:
            return [json.loads(line) for line in log if line.endswith("}\n")]

    def test_they_are_sampled_in_the_file_unless_asked_for(self):
        self.host.start_upstream()
        self.host.start_gateways()
        self.host.start_postern(aliyun=None, link=self.FIXED)
        self.host.wait(lambda: len(self.host.probes("?limit=20")) >= 5, "five probes")
        self.assertEqual([(record["ok"], record["prev_state"]) for record in self.logged()], [(True, "unknown")])
        self.host.write_config(aliyun=None, link=self.FIXED, agent={"log_successes": True})
        self.host.agent.send_signal(signal.SIGHUP)
        self.host.wait(lambda: len(self.logged()) >= 5, "every success in the file")


class OneShot(HostTest):
    def test_probe_works_without_the_daemon(self):
        self.host.start_gateways()
        done = self.host.postern("probe", "--address", ZONE_A, "--host", NAME, "--token-file", self.host.token_file,
                                 "--ca-file", self.host.ca, config=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.host.gateways.control.post("/listeners/zone-a", mode="cert_expired")
        done = self.host.postern("probe", "--address", ZONE_A, "--host", NAME, "--token-file", self.host.token_file,
                                 "--ca-file", self.host.ca, config=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("cert_expired", done.stdout)

    def test_plan_compile_from_fixed_addresses_without_anything_running(self):
        self.host.write_config(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A, ZONE_B]})
        out = os.path.join(self.host.folder, "made.plan")
        done = self.host.postern("plan", "compile", "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(ZONE_B, self.host.postern("plan", "show", out, config=False).stdout)

    def test_plan_compile_keeps_the_upstreams_of_a_host_that_names_only_postern(self):
        link = {"endpoint": None, "addresses": [ZONE_A]}
        plan = os.path.join(self.host.state_dir, "plan")
        self.host.write_config(aliyun=None, link=link)
        self.assertEqual(self.host.postern("plan", "compile", "--out", plan).returncode, 0)
        before = json.loads(self.host.postern("plan", "show", plan, "--json", config=False).stdout)
        self.assertEqual([u["address"] for u in before["upstreams"]], [f"{a}:53" for a in UPSTREAMS.values()])
        self.host.write_config(aliyun=None, link=link, dns={"upstreams": None})  # resolv.conf names 127.0.0.153 alone
        self.assertEqual(self.host.postern("plan", "compile", "--out", plan).returncode, 0)
        after = json.loads(self.host.postern("plan", "show", plan, "--json", config=False).stdout)
        self.assertEqual(after["upstreams"], before["upstreams"])
        self.assertGreater(after["generation"], before["generation"])

    def test_plan_compile_without_a_snapshot_keeps_the_addresses_of_the_plan(self):
        self.host.write_config(aliyun=None, link={"endpoint": None, "addresses": [ZONE_A, ZONE_B]})
        plan = f"{self.host.runtime_dir}/plan"
        self.assertEqual(self.host.postern("plan", "compile", "--out", plan).returncode, 0)
        self.host.write_config()  # an endpoint, whose snapshot was never written or is damaged
        out = os.path.join(self.host.folder, "made.plan")
        done = self.host.postern("plan", "compile", "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = self.host.postern("plan", "show", out, config=False).stdout
        self.assertIn(ZONE_A, shown)
        self.assertIn(ZONE_B, shown)


if __name__ == "__main__":
    unittest.main()
