# SPDX-License-Identifier: Apache-2.0
"""`postern doctor --bundle`: what support needs is in the archive, and no secret, wherever it may have been."""

import base64
import json
import os
import re
import socket
import stat
import tarfile
import unittest
import urllib.parse

from host import ENDPOINT, KEY_SECRET, LINK, NAME, POSTERN, ROLE, TOKEN, ZONE_A, ZONES, HostTest, toml

ENV_TOKEN = "envtokenenvtokenenvtoken0123456789"
STS_TOKEN = "CAISenvironmentSecurityToken+/0123"
FILE_SECRET = "credentialsFileSecret0123456789"
PASTED = "pastedtokenpastedtokenpasted012345"
COMMENTED = "commentedtokencommentedtoken012345"
MISNAMED = "misnamedsecretvalue"
URL_PASSWORD = "urlpassw0rd"
PROXY_PASSWORD = "proxy-passw0rd"
IN_PATH = "tokeninthepathofthelink0123"
IN_HOSTS = "hostsfilepassword"
IN_RESOLV_CONF = "resolvconfsecret"
SECRETS = [TOKEN, KEY_SECRET, ROLE["secret"], ROLE["token"], ENV_TOKEN, STS_TOKEN, FILE_SECRET, PASTED, COMMENTED, MISNAMED,
           URL_PASSWORD, PROXY_PASSWORD, IN_PATH, IN_HOSTS, IN_RESOLV_CONF]
WHOLE = {"README.txt", "doctor.txt", "doctor.json", "postern.toml", "status.json", "health.json", "metrics.txt", "snapshot.json", "plan",
         "plan.durable", "dns.txt", "resolv.conf", "nsswitch.conf", "hosts", "network.txt", "nft.txt", "units.txt", "time.txt",
         "resolved.txt", "sockets.txt", "probe.log", "versions.txt"}


def forms(secret):
    """As it is, in a URL, and in a Basic header together with whatever stands before it."""
    shifted = [base64.b64encode(b"x" * n + secret.encode()).decode()[4 if n else 0:-4] for n in range(3)]
    return {secret, urllib.parse.quote(secret, safe=""), *shifted}


# Where a secret is planted, as @ in a line: each with a secret of its own.
PLANTED = {
    "/etc/hosts": [f"{ZONE_A} {NAME} # @", f"{ZONE_A} {NAME} # 密码：@", f"{ZONE_A} {NAME} #token @", f"10.9.9.9 unrelated-@"],
    "/etc/resolv.conf": ["# @", "; pw @", "# 口令 @", "#@", "# https://u:@@h/", "unknown @", "# Authorization: Bearer @"],
    "/etc/nsswitch.conf": ["# @", "networks: files # @", "#token=@", "x-unknown: $@"],
    "postern.toml": ["# @", "#@", "# 密码 @", "# token = \"@\"", "# Authorization: Basic @", "# curl -u me:@ https://x/"],
    "broken": ["unknown = \"@\"", "passwrd = '@'", "\"quoted\" = \"@\"", "secret_thing = [\"@\", \"a\"]", "x = { y = \"@\" }", "number = 1 # @",
               "[dns] # @", "a = \"\"\"\\n@\\n\"\"\"", "-----BEGIN PRIVATE KEY-----@", "密钥 = '@'", "just @ text"],
    "probe.log": ['{"error":"Authorization: Bearer @"}', '{"detail":"password=@"}', '{"detail":"{\\"password\\":\\"@\\"}"}', "token: @", "pwd=@",
                  "curl -u root:@ https://x/", "curl --user root:@ https://x/", "https://u:@@h/", "GET /rest/sql?token=@ HTTP/1.1", "wss://h/ws?t=@&x=1",
                  "密码：@", "令牌=@", "口令是 @", "密钥：@", "Cookie: a=@", "X-Api-Key: @", "passphrase: @", "Proxy-Authorization: Basic @",
                  "sent Bearer @", "AccessKeySecret=@", "secret: '@'", "redis://:@@h:6379/0", "mysql --password @", "taos --token=@",
                  "eyJhbGciOiJIUzI1NiJ9@.x.y", "LTAI5tExample@", "5ecre7705ecre7705ecre7705ecre770@", "-----BEGIN RSA PRIVATE KEY-----\\nMIIE@"],
    "snapshot.json": ["unknown", "password", "note"],
}


class Bundle(HostTest):
    def setUp(self):
        super().setUp()
        self.path = f"{self.host.folder}/bundle.tar.gz"

    def bundle(self, *arguments, code=None, config=True, environment=None):
        """{name: bytes} of the archive, checked to be private and without secrets."""
        done = self.host.postern("doctor", "--bundle", self.path, *arguments, config=config,
                                 environment={"ALIBABA_CLOUD_SECURITY_TOKEN": STS_TOKEN, **(environment or {})})
        self.assertIn(f"wrote {self.path}", done.stderr, done.stdout)
        self.assertIn("read it before you send it", done.stderr)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        with tarfile.open(self.path) as archive:
            members = archive.getmembers()
            self.assertTrue(all(m.isreg() and m.mode == 0o600 and m.name.startswith("postern-bundle/") for m in members))
            found = {m.name.partition("/")[2]: archive.extractfile(m).read() for m in members}
        os.unlink(self.path)
        told = done.stdout.replace(f"password={IN_HOSTS}", "")  # the terminal may show the user's own line
        for name, content in {**found, "stdout": told.encode(), "stderr": done.stderr.encode()}.items():
            for secret in SECRETS:
                for form in forms(secret):
                    self.assertNotIn(form.encode(), content, f"{secret} is in {name}")
        return found

    def hide_secrets_everywhere(self):
        """In all places from which the agent and doctor read."""
        os.makedirs(f"{self.host.folder}/.aliyun")
        self.host.write_file(".aliyun/config.json", json.dumps({"current": "default", "profiles": [
            {"name": "default", "mode": "AK", "access_key_id": "LTAIfile", "access_key_secret": FILE_SECRET}]}))
        self.host.environment["TDENGINE_TEST_TOKEN"] = ENV_TOKEN
        for path, line in (("/etc/hosts", f"{ZONE_A} {NAME} # password={IN_HOSTS}\n"), ("/etc/resolv.conf", f"# api_key: '{IN_RESOLV_CONF}'\n")):
            with open(path, encoding="utf-8") as file:
                before = file.read()
            self.addCleanup(self.write, path, before)
            self.write(path, before + line)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def config_text(self):
        with open(self.host.config_file, encoding="utf-8") as file:
            return file.read()

    def test_of_a_running_agent(self):
        self.hide_secrets_everywhere()
        second = {**self.host.default_config()["link"][0], "name": "second", "host": "second.name.test", "token_env": "TDENGINE_TEST_TOKEN"}
        del second["token_file"]
        self.host.start_world()
        self.host.write_config()
        self.write(self.host.config_file, self.config_text() + f"# {COMMENTED}\n" + toml({"link": [second]}))
        self.host.start_postern()
        self.host.wait_probe(ZONE_A, lambda record: record is not None, "anything")
        self.bundle(environment={"https_proxy": f"http://me:{PROXY_PASSWORD}@127.0.0.9:1", "no_proxy": "none.test"})
        found = self.bundle()
        self.assertEqual(found.keys() - {"hostdns.json", "journal.log"}, WHOLE)
        self.assertEqual([link["name"] for link in json.loads(found["status.json"])["links"]], [LINK, "second"])
        self.assertIn(b"PN-HOSTS-FROZEN", found["doctor.txt"])
        self.assertIn("PN-HOSTS-FROZEN", [f["code"] for f in json.loads(found["doctor.json"])["findings"]])
        self.assertIn(b"# ***", found["postern.toml"])
        self.assertIn(f'endpoint = "{ENDPOINT}"'.encode(), found["postern.toml"])
        self.assertEqual(found["postern.toml"].count(b"\n"), self.config_text().count("\n"))
        self.assertIn(f"{ZONE_A} {NAME}".encode(), found["hosts"])
        self.assertNotIn(b"localhost", found["hosts"])
        self.assertIn(b"postern_build_info", found["metrics.txt"])
        self.assertIn(b"\ncurl  ", found["versions.txt"])
        self.assertIn(NAME.encode(), found["probe.log"])
        self.assertIn(b"hostdns.json  what was changed on this host: not here", found["README.txt"])
        plan = f"{self.host.folder}/plan.of.bundle"
        with open(plan, "wb") as file:
            file.write(found["plan"])
        shown = self.host.run(POSTERN, "plan", "show", plan).stdout
        self.assertTrue(all(address in shown for address in ZONES.values()), shown)

    def test_of_a_broken_configuration(self):
        self.hide_secrets_everywhere()
        self.host.start()
        self.host.stop_agent()
        text = self.config_text().replace('api_endpoint = "https://', f'api_endpoint = "https://me:{URL_PASSWORD}@')
        self.write(self.host.config_file, f'{text}access_key_secret = "{MISNAMED}"\n[[link]]\nname = "x"\ntoken_file = "{PASTED}"\n'
                                          f'token = "{COMMENTED}"\n[link.probe]\npath = "/rest/sql?token={IN_PATH}"\n')
        found = self.bundle(code=2)
        self.assertIn(b"PN-CONFIG-MISTAKE", found["doctor.txt"])
        self.assertIn(b"access_key_secret = ***", found["postern.toml"])
        self.assertIn(b"health.json   its verdict: not here: the agent does not answer", found["README.txt"])
        self.assertIn(ENDPOINT.encode(), found["snapshot.json"])

    def test_planted_secrets(self):
        """Of secrets in every form and every source none leaves the host."""
        self.host.start()
        self.host.wait_probe(ZONE_A, lambda record: record is not None, "anything")
        self.host.stop_agent()
        planted = []

        def plant(lines):
            for line in lines:
                planted.append(f"Zq{len(planted):03d}x")
                yield line.replace("@", planted[-1], 1) if "@@" not in line else line.replace("@@", f"{planted[-1]}@", 1)

        for path, lines in PLANTED.items():
            real = {"postern.toml": self.host.config_file, "broken": self.host.config_file}.get(path, path)
            if "/" not in real:
                real = f"{self.host.state_dir}/{real}"
            with open(real, encoding="utf-8") as file:
                before = file.read()
            if path.startswith("/etc"):
                self.addCleanup(self.write, path, before)
            if path == "snapshot.json":
                document = json.loads(before)
                for key in lines:
                    planted.append(f"Zq{len(planted):03d}x")
                    document[key] = document["snapshot"][key] = planted[-1]
                self.write(real, json.dumps(document))
            else:
                self.write(real, before + "".join(line + "\n" for line in plant(lines)))
        self.assertGreaterEqual(len(planted), 60)
        found = self.bundle()
        left = [(secret, name) for name, content in found.items() for secret in planted if secret.encode() in content]
        print(f"{len(planted)} planted secrets, {len(left)} found", flush=True)
        self.assertEqual(left, [])

    def test_without_a_configuration(self):
        found = self.bundle("--host", NAME, "--address", "127.0.0.99", code=2, config=False)
        self.assertIn(b"PN-TCP-REFUSED", found["doctor.txt"])
        self.assertIn(b"postern.toml  the configuration: not here", found["README.txt"])
        self.assertIn("resolv.conf", found)

    def test_a_name_of_its_own_and_no_file_is_overwritten(self):
        done = self.host.postern("doctor", "--host", NAME, "--address", "127.0.0.99", "--bundle", config=False)
        made = [name for name in os.listdir(self.host.folder) if name.startswith("postern-bundle-")]
        self.assertEqual(len(made), 1, done.stderr)
        self.assertRegex(made[0], rf"^postern-bundle-{re.escape(socket.gethostname())}-\d{{8}}-\d{{6}}\.tar\.gz$")
        self.assertIn(made[0], done.stderr)
        self.write(self.path, "precious")
        done = self.host.postern("doctor", "--bundle", self.path, "--host", NAME, "--address", "127.0.0.99", config=False)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn(f"{self.path} exists", done.stderr)
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")


if __name__ == "__main__":
    unittest.main()
