# SPDX-License-Identifier: Apache-2.0
"""The token and the keys appear nowhere: not in logs, pages, metrics, files, arguments, environments or cores."""

import os
import subprocess
import unittest
import urllib.parse

from host import KEY_SECRET, NAME, ROLE, TOKEN, ZONE_A, ZONE_B, HostTest

ODD_TOKEN = "odd+token/with=strange&characters%25"
PRESENT_TOKEN = "ne3tokenne3tokenne3tokenne3tokenne3token"
WRONG_TOKEN = "wrongtokenwrongtokenwrongtoken0123"
PAGES = ("/livez?verbose", "/readyz?verbose", "/health", "/metrics", "/api/v1/status", "/api/v1/probes", "/", "/nowhere",
         f"/probe?target=x&token={TOKEN[:4]}")


def only_one_user():
    """In a user namespace of one's own without help there is only root."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split()[2] == "1"


class Secrets(HostTest):
    def forms(self):
        """Each secret as it is and as it looks in a URL."""
        secrets = [TOKEN, ODD_TOKEN, WRONG_TOKEN, KEY_SECRET, ROLE["secret"], ROLE["token"]]
        return {form for secret in secrets for form in (secret, urllib.parse.quote(secret, safe=""))}

    def look(self, place, content):
        if isinstance(content, bytes):
            content = content.decode("latin-1")
        for form in self.forms():
            self.assertNotIn(form, content, f"a secret is in {place}")

    def look_everywhere(self):
        self.look("the log", self.host.log())
        for page in PAGES:
            self.look(page, self.host.http(page)[1])
        for command in (["status"], ["status", "--json"], ["resolve", NAME], ["probe"], ["probe", "--json"],
                        ["logs", "-n", "1000"], ["logs", "-n", "1000", "-o", "json"], ["check-config"], ["plan", "show"]):
            done = self.host.postern(*command)
            self.look(f"postern {command}", done.stdout + done.stderr)
        for folder in (self.host.state_dir, self.host.runtime_dir):
            for path, _, names in os.walk(folder):
                for name in names:
                    with open(os.path.join(path, name), "rb") as file:
                        self.look(os.path.join(path, name), file.read())
        for pid in (self.host.agent.pid, *self.host.resolver_pids()):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                self.look(f"cmdline of {pid}", file.read())
        for pid in self.host.resolver_pids():
            with open(f"/proc/{pid}/environ", "rb") as file:
                self.look(f"environ of {pid}", file.read())
            self.look_at_memory(pid)

    @staticmethod
    def memory(pid):
        """All that a process can write to, as far as we may look."""
        found = []
        with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                if " rw" in line:
                    start, end = (int(part, 16) for part in line.split()[0].split("-"))
                    memory.seek(start)
                    try:
                        found.append(memory.read(min(end - start, 64 << 20)))
                    except OSError:
                        continue
        return b"".join(found)

    def look_at_memory(self, pid):
        """The resolver must not have a secret. Finding them in the agent shows that the search works."""
        try:
            agent = self.memory(self.host.agent.pid)
        except PermissionError:
            return  # no privilege over processes that are not dumpable
        self.assertTrue(any(form.encode() in agent for form in self.forms()))
        self.look(f"memory of {pid}", self.memory(pid))

    def test_in_good_times(self):
        self.host.start(agent={"log_level": "debug"})
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["ok"], "success")
        self.look_everywhere()

    def test_while_everything_is_wrong(self):
        self.host.start(agent={"log_level": "debug"})
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["ok"], "success")
        api, gateways = self.host.aliyun.control, self.host.gateways.control
        for mode, parameters in (("status", {"status": 401}), ("status", {"status": 302, "location": "other_host"}),
                                 ("status", {"status": 307}), ("http_garbage", {}), ("truncated_chunked", {}),
                                 ("sql_code", {"code": 855}), ("cert_wrong_name", {}), ("refuse", {})):
            gateways.post("/listeners", mode=mode, **parameters)
            before = self.host.last_probe(ZONE_A)["seq"]
            self.host.wait_probe(ZONE_A, lambda record: not record["ok"] and record["seq"] > before + 1, mode)
        for kind in ("denied", "http_503_html", "half_json", "reset"):
            api.delete("/faults")
            api.post("/faults", kind=kind)
            self.host.wait_api_calls(1, fault=kind)
        api.delete("/faults")
        self.look_everywhere()

    def test_signature_errors_repeat_the_request_and_must_not_be_repeated(self):
        """The gateway's SignatureDoesNotMatch message holds the canonical request, STS token included."""
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            del self.host.environment[name]
        self.host.start_world(role={**ROLE, "key_id": "STS.broken"})
        self.host.start_postern(agent={"log_level": "debug"})
        credential = next(key for key in self.host.aliyun.control.get("/state")["keys"] if key["temporary"])
        self.host.aliyun.control.post("/keys", id=credential["id"], secret="changed", token=ROLE["token"] + "-1")
        self.host.wait_api_calls(2, code="SignatureDoesNotMatch")
        self.look_everywhere()

    def test_tokens_with_odd_characters(self):
        self.host.write_token(ODD_TOKEN)
        self.host.start_upstream()
        self.host.start_aliyun()
        self.host.start_gateways()
        self.host.gateways.control.post("/options", tokens=[ODD_TOKEN])
        self.host.start_postern(agent={"log_level": "debug"})
        self.host.wait_probe(ZONE_A, lambda record: record["ok"], "success")  # URL-encoded as it must be
        self.look_everywhere()

    def test_token_from_the_environment(self):
        self.host.environment["TDENGINE_TEST_TOKEN"] = TOKEN
        self.host.start_world()
        self.host.start_postern(link={"token_file": None, "token_env": "TDENGINE_TEST_TOKEN"},
                                agent={"log_level": "debug"})
        self.host.wait_probe(ZONE_A, lambda record: record["ok"], "success")
        self.look_everywhere()

    def test_wrong_token(self):
        self.host.write_token(WRONG_TOKEN)
        self.host.start(agent={"log_level": "debug"})
        self.host.wait_probe(ZONE_A, lambda record: record["service"] == "down", "service down")
        self.look_everywhere()

    def copies(self, token):
        """How often the agent has it in memory, raw or as it is in a URL."""
        memory = self.memory(self.host.agent.pid)
        return sum(memory.count(form.encode()) for form in {token, urllib.parse.quote(token, safe="")})

    def test_the_agent_has_the_present_token_once_and_the_former_one_nowhere(self):
        """What redact(), requests, WebSockets and redirects leave behind is in freed memory: it has to be wiped."""
        self.host.start(agent={"log_level": "debug"},
                        link={"probe": {"interval": "1s", "ws": True, "path": "/rest/sql/"}})  # answered by a redirect
        for address in (ZONE_A, ZONE_B):
            self.host.wait_probe(address, lambda record: record["ok"] and record["ws_us"], "success")
        try:
            self.copies(TOKEN)
        except PermissionError:
            self.skipTest("no privilege over processes that are not dumpable")
        self.host.wait(lambda: self.copies(TOKEN) == 1, "one copy of the token between two probes")
        self.host.gateways.control.post("/options", tokens=[TOKEN, PRESENT_TOKEN])
        self.host.write_token(PRESENT_TOKEN)
        self.host.wait(lambda: "token_changed" in self.host.log(), "the new token to be read")
        before = self.host.last_probe(ZONE_A)["seq"]
        self.host.wait_probe(ZONE_A, lambda record: record["ok"] and record["seq"] > before + 2, "success with it")
        self.host.wait(lambda: self.copies(TOKEN) == 0, "the former token to be gone")
        self.host.wait(lambda: self.copies(PRESENT_TOKEN) == 1, "one copy of the present token between two probes")

    @unittest.skipIf(only_one_user(), "needs a second user")
    def test_processes_are_not_dumpable(self):
        """Then no core is written and their own user can't read their memory: /proc/PID/exe is closed to it."""
        self.host.start_world()
        self.host.give_to(65534)
        self.host.start_postern()
        control = subprocess.Popen(["cat"], stdin=subprocess.PIPE, **self.host.as_user())
        self.addCleanup(control.wait)
        self.addCleanup(control.stdin.close)

        def readable(pid):
            return subprocess.run(["readlink", f"/proc/{pid}/exe"], capture_output=True, timeout=60, check=False,
                                  **self.host.as_user()).returncode == 0
        self.assertTrue(readable(control.pid))
        self.assertFalse(readable(self.host.agent.pid), "the agent")
        self.assertFalse(readable(self.host.resolver_pid()), "the resolver")


if __name__ == "__main__":
    unittest.main()
