#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is installed beside the programs agrees with them: completions, units, configurations, policies."""
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
sys.path.insert(0, str(PACKAGING / "man"))
import config_reference  # noqa: E402
import zh_page  # noqa: E402  (lies beside the manuals)
POSTERN = os.environ.get("POSTERN_BIN", str(ROOT / "build/release/postern"))
FREE = str(pathlib.Path(os.environ.get("POSTERN_BIN", ROOT / "build/release/postern")).with_name("postern-free"))
RESCUE = str(pathlib.Path(FREE).with_name("postern-rescue"))
RESOLVER = os.environ.get("POSTERN_RESOLVER_BIN", str(ROOT / "build/release/postern-resolver"))
GROUPS = ("plan", "dns", "endpoint", "publish", "k8s", "fleet")  # commands that have commands
TEST_HOOKS = {"POSTERN_HOSTDNS_STOP_AFTER"}  # variables of the tests, of no use to anyone else


def run(*argv, **more):
    more.setdefault("env", {**os.environ, "LC_ALL": "C.UTF-8"})
    return subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, **more)


def need(test, program):
    if shutil.which(program) is None:
        test.skipTest(f"{program} is not installed")


def help_words(*argv):
    """Commands and long options that a --help text lists."""
    text = run(*argv, "--help").stdout
    commands = re.findall(r"^  ([a-z][a-z0-9-]*)(?: .*)?$", text, re.M)
    return sorted(set(commands)), set(re.findall(r"^  (?:-\w,)?--([a-z-]+)", text, re.M))


def commands():
    """("status",), ("dns", "enable"), …: every command, with its long options but --help and --config."""
    out = {}
    for name in help_words(POSTERN)[0]:
        for path in [(name, sub) for sub in help_words(POSTERN, name)[0]] if name in GROUPS else [(name,)]:
            out[path] = help_words(POSTERN, *path)[1] - {"help", "config"}
    return out


def metrics_source():
    return "".join(file.read_text() for file in sorted((ROOT / "agent/serving").glob("*metrics*.cpp")))


def manual(name):
    return (PACKAGING / "man" / name).read_text(encoding="utf-8")


def doctor_page(*language):
    reply = run(PACKAGING / "man/doctor_page.py", *language)
    if reply.returncode != 0:
        raise AssertionError(reply.stdout)
    return reply.stdout


def pages():
    """{"man7/postern-doctor.7": text, "zh_CN/man7/postern-doctor.7": text, …}: every manual as it is installed."""
    out = {f"man{p.suffix[1:]}/{p.name}": p.read_text(encoding="utf-8") for p in (PACKAGING / "man").glob("*.[1578]")}
    out |= {f"zh_CN/man{p.suffix[1:]}/{p.name}": zh_page.with_breaks(p.read_text(encoding="utf-8")) for p in (PACKAGING / "man/zh_CN").glob("*.[1578]")}
    return {**out, "man7/postern-doctor.7": doctor_page(), "zh_CN/man7/postern-doctor.7": doctor_page("zh")}


class Completions(unittest.TestCase):
    def complete(self, *words):
        script = ('. "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postern; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        reply = run("bash", "-c", script, "bash", PACKAGING / "completion/postern.bash", POSTERN, *words)
        return set(reply.stdout.split())

    def test_commands_and_options(self):
        known = commands()
        self.assertEqual(self.complete(""), {path[0] for path in known})
        for group in GROUPS:
            self.assertEqual(self.complete(group, ""), {path[1] for path in known if path[0] == group})
        for path, options in known.items():
            self.assertEqual(self.complete(*path, "--"), {f"--{o}" for o in options | {"help"} | ({"config"} & help_words(POSTERN, *path)[1])}, path)
        self.assertEqual(self.complete("--"), {"--help", "--version"})

    def test_values(self):
        config = str(PACKAGING / "config/examples/addresses.toml")
        self.assertEqual(self.complete("dns", "enable", "--mode", ""), {"auto", "split", "full"})
        self.assertEqual(self.complete("drain", ""), {"status"})
        self.assertIn("1h", self.complete("drain", "cn-hangzhou-h", "--for", ""))
        self.assertEqual(self.complete("logs", "--state", "d"), {"degraded", "down"})
        self.assertEqual(self.complete("doctor", "--lang", ""), {"en", "zh"})
        self.assertEqual(self.complete("doctor", "--only", "PN-TLS-N"), {"PN-TLS-NAME", "PN-TLS-NOT-YET-VALID"})
        self.assertEqual(self.complete("endpoint", "zone", ""), {"add", "remove"})
        self.assertIn(config, self.complete("endpoint", "export", "ep-1", config[:-3]))
        self.assertEqual(self.complete("probe", "-c", config, ""), {"tdengine-test"})
        self.assertEqual(self.complete("resolve", "-c", config, "g"), {"gw.test.example.com"})
        self.assertIn(config, self.complete("status", "-c", config[:-3]))
        two = str(PACKAGING / "config/examples/endpoints.toml")
        known = set(re.findall(r'"(ep-\w+)"', pathlib.Path(two).read_text()))
        self.assertGreater(len(known), 1)
        self.assertEqual(self.complete("endpoint", "show", "-c", two, ""), known)

    def test_zsh_reads_it(self):
        need(self, "zsh")
        self.assertEqual(run("zsh", "-n", PACKAGING / "completion/_postern").stdout, "")


class Configurations(unittest.TestCase):
    def test_each_is_taken(self):
        files = [PACKAGING / "config/postern.toml", *sorted((PACKAGING / "config/examples").glob("*.toml"))]
        sources = set()
        for file in files:
            with self.subTest(file=file.name):
                sources |= set(re.findall(r"^(endpoint|addresses|target|zones_file) = ", file.read_text(), re.M))
                reply = run(POSTERN, "check-config", "--config", file)
                problems = [line for line in reply.stdout.splitlines() if line.startswith(str(file) + ":")
                            # not on the machine of the test
                            and "No such file or directory" not in line and "there is no [[link]]" not in line
                            and ": note: " not in line]  # what a choice means
                self.assertEqual((problems, reply.returncode), ([], 1), reply.stdout)
        self.assertEqual(sources, {"endpoint", "addresses", "target", "zones_file"})

    def test_the_socket_unit_has_the_address_of_the_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            plan = folder + "/plan"
            run(POSTERN, "plan", "compile", "--config", PACKAGING / "config/postern.toml", "--out", plan)
            listen = json.loads(run(POSTERN, "plan", "show", "--json", plan).stdout)["listen"]
        interface = re.search(r'kOwnInterface = "(.*)"', (ROOT / "core/own_interface.h").read_text())[1]
        unit = (PACKAGING / "systemd/postern-resolver.socket").read_text()
        for kind in ("Datagram", "Stream"):
            self.assertEqual(re.findall(rf"^Listen{kind}=(.*)$", unit, re.M), [*listen, f"{interface}:53"])


class Units(unittest.TestCase):
    def setUp(self):
        need(self, "systemd-analyze")
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for unit in (PACKAGING / "systemd").glob("postern*.[sp][eoa]*"):  # service, socket, path
            text = unit.read_text().replace("/usr/bin/postern", POSTERN).replace("/usr/sbin/postern-resolver", RESOLVER)
            text = text.replace("/usr/sbin/postern-free", FREE).replace("/usr/sbin/postern-rescue", RESCUE)
            (self.folder / unit.name).write_text(text)

    def test_systemd_understands_them(self):
        units = sorted(self.folder.iterdir())
        self.assertGreaterEqual(len(units), 7)
        self.assertEqual(run("systemd-analyze", "verify", "--man=no", *units).stdout, "")

    def test_the_rescue_depends_on_no_other_unit_and_no_boot_waits_for_a_program_that_cannot_start(self):
        unit = (self.folder / "postern-rescue.service").read_text()
        self.assertEqual(re.findall(r"^(?:After|Requires|Wants|BindsTo|Requisite|PartOf|WantedBy)=.*", unit, re.M), [])
        for name in ("postern-resolver.service", "postern.service"):
            unit = (self.folder / name).read_text()
            self.assertLessEqual(int(re.search(r"^JobRunningTimeoutSec=(\d+)$", unit, re.M)[1]), 15)
            self.assertGreaterEqual(int(re.search(r"^RestartSec=(\d+)$", unit, re.M)[1]), 1)
            self.assertNotIn("nss-lookup.target\n", re.sub(r"^#.*", "", unit, flags=re.M))

    def test_exposure(self):
        for unit, most in (("postern-resolver.service", 12), ("postern.service", 18), ("postern-free.service", 13), ("postern-publish.service", 18)):
            reply = run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={most}", self.folder / unit)
            self.assertEqual(reply.returncode, 0, reply.stdout)


class SELinux(unittest.TestCase):
    """The module compiles, and labels each program and folder of the package once."""
    FOLDER = PACKAGING / "selinux"

    def rules(self):
        lines = [line.split() for line in (self.FOLDER / "postern.fc").read_text().splitlines() if line and line[0] != "#"]
        return [(words[0], words[-1]) for words in lines]

    def labels(self, path):
        return [label for rule, label in self.rules() if re.fullmatch(rule, path)]

    def test_it_compiles(self):
        need(self, "checkmodule")
        need(self, "semodule_package")
        with tempfile.TemporaryDirectory() as folder:
            module = folder + "/postern.mod"
            reply = run("checkmodule", "-M", "-m", "-c", "17", "-o", module, self.FOLDER / "postern.te")
            self.assertEqual(reply.returncode, 0, reply.stdout)
            reply = run("semodule_package", "-o", folder + "/postern.pp", "-m", module, "-f", self.FOLDER / "postern.fc")
            self.assertEqual(reply.returncode, 0, reply.stdout)
            self.assertGreater(os.path.getsize(folder + "/postern.pp"), os.path.getsize(module))

    def test_every_type_is_declared_and_no_other(self):
        told = re.findall(r"^ +type (\w+);$", (self.FOLDER / "postern.te").read_text(), re.M)
        used = {re.fullmatch(r"system_u:object_r:(\w+):s0", label)[1] for _, label in self.rules()}
        self.assertEqual(told, sorted(used))

    def test_every_program_and_folder(self):
        units = "".join(path.read_text() for path in (PACKAGING / "systemd").glob("*.service"))
        sockets = "".join(path.read_text() for path in (PACKAGING / "systemd").glob("*.socket"))
        programs = set(re.findall(r"^ExecStart=(\S+)", units, re.M))
        folders = set(re.findall(r"^d (\S+)", (PACKAGING / "systemd/postern.tmpfiles").read_text(), re.M))
        folders |= {os.path.dirname(path) for path in re.findall(r"^ListenStream=(/\S+)", sockets, re.M)} | {"/etc/postern"}
        self.assertEqual((len(programs), len(folders)), (4, 7))
        for path in programs:
            self.assertEqual(self.labels(path), ["system_u:object_r:bin_t:s0"], path)
        for path in folders:
            self.assertEqual(len(self.labels(path)), 1, path)
            self.assertEqual(self.labels(path + "/a/file"), self.labels(path), path)
            if path.startswith("/run/"):  # the two names of one folder
                self.assertEqual(self.labels("/var" + path), self.labels(path), path)

    def test_every_package_labels_what_the_module_names_and_takes_the_module_out_again(self):
        script = (PACKAGING / "lifecycle/lifecycle.sh").read_text()
        labelled = re.search(r'^LABELLED="(.*?)"', script, re.M | re.S)[1].split()
        rules = {rule.removesuffix("(/.*)?") for rule, _ in self.rules() if not rule.startswith("/var/run/")}
        self.assertEqual(set(labelled), rules - {"/run/postern-free"})  # systemd makes that one, with its label
        installed, removed = (re.search(rf"^{part}\(\)(.*?)^}}", script, re.M | re.S)[1] for part in ("installed", "removed"))
        order = [installed.index(step) for step in ("policy -i", "\n    folders\n", "\n    labels\n")]
        self.assertEqual(order, sorted(order))
        self.assertIn("policy -r postern", removed)


class Metrics(unittest.TestCase):
    def test_every_metric_is_on_the_page_of_metrics(self):
        """With its type and the help text that the agent gives."""
        of = r'(?:family|single)\(\s*"(\w+)",\s*"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)'
        known = {(name, kind, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))) for name, kind, text in re.findall(of, metrics_source())}
        self.assertGreater(len(known), 70)
        told = re.findall(r"^\| `(\w+)` \| (\w+) \| .*? \| (.*) \|$", (PACKAGING / "prometheus/METRICS.md").read_text(), re.M)
        self.assertEqual(sorted(told), sorted(known))


class Prometheus(unittest.TestCase):
    FOLDER = PACKAGING / "prometheus"

    def setUp(self):
        need(self, "promtool")
        self.rules = (self.FOLDER / "postern.rules.yml").read_text()

    def test_rules_are_taken(self):
        reply = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", self.FOLDER / "postern.rules.yml")
        self.assertEqual(reply.returncode, 0, reply.stdout)

    def test_rules_do_what_they_say(self):
        reply = run("promtool", "test", "rules", self.FOLDER / "postern.rules.test.yml", cwd=self.FOLDER)
        self.assertEqual(reply.returncode, 0, reply.stdout)

    def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        cases = (self.FOLDER / "postern.rules.test.yml").read_text()
        names = re.findall(r"- alert: (\w+)", self.rules)
        self.assertGreater(len(names), 7)
        for name in names:
            self.assertRegex(cases, rf"alertname: {name}\n +exp_alerts:\n", name)
            self.assertRegex(cases, rf"alertname: {name}, exp_alerts: \[\]", name)

    def test_every_metric_that_a_rule_names_is_the_agent_s(self):
        known = set(re.findall(r'"(postern_\w+)"', metrics_source()))
        self.assertGreater(len(known), 30)
        expressions = " ".join(re.findall(r"expr: (.*)", self.rules))
        named = set(re.findall(r"(?<![:\w])postern_\w+", expressions))
        self.assertGreater(len(named), 6)
        self.assertEqual(named - known, set())

    def test_scrape_jobs_are_taken(self):
        reply = run("promtool", "check", "config", "--syntax-only", self.FOLDER / "scrape.yml")
        self.assertEqual(reply.returncode, 0, reply.stdout)


class Grafana(unittest.TestCase):
    """The form; that every query has data is tested with a real Prometheus (tests/e2e/test_prometheus.py)."""

    def setUp(self):
        self.dashboard = json.loads((PACKAGING / "grafana/postern.json").read_text())
        self.panels = self.dashboard["panels"]
        self.asked = [t["expr"] for p in self.panels for t in p.get("targets", [])]
        self.assertGreater(len(self.asked), 40)

    def test_panels_fill_rows_and_say_what_they_show(self):
        self.assertEqual([p["id"] for p in self.panels], list(range(1, len(self.panels) + 1)))
        taken = set()
        for p in self.panels:
            at = p["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(taken & cells, p["title"])
            taken |= cells
            if p["type"] != "row":
                self.assertGreater(len(p["description"]), 20, p["title"])
                self.assertEqual([t["refId"] for t in p["targets"]], list("ABCDEFG"[:len(p["targets"])]), p["title"])
                self.assertEqual(p["datasource"]["uid"], "${datasource}", p["title"])
        self.assertEqual(len(taken), 24 * (1 + max(y for _, y in taken)), "no holes")

    def test_every_metric_is_the_agent_s_or_a_rule_s_and_every_selector_follows_the_variables(self):
        known = set(re.findall(r'"((?:postern|process)_\w+)"', metrics_source()))
        rules = (PACKAGING / "prometheus/postern.rules.yml").read_text()
        known |= set(re.findall(r"record: (\S+)", rules)) | {"ALERTS"}
        for asked in self.asked:
            for name, labels in re.findall(r"\b((?:postern|process|link:|ALERTS)[\w:]*)(\{[^}]*\})?", asked):
                self.assertIn(re.sub(r"(?<=_seconds)_(bucket|sum|count)$", "", name), known, asked)
                if labels or "on (job, instance)" not in asked:  # else joined with what has the labels
                    self.assertIn('job=~"$job", instance=~"$instance"', labels, asked)

    def test_variables(self):
        self.assertEqual([v["name"] for v in self.dashboard["templating"]["list"]], ["datasource", "job", "instance", "link"])


class Installed(unittest.TestCase):
    def test_what_a_package_puts_under_share_postern(self):
        build = pathlib.Path(POSTERN).parent
        if not (build / "packaging/cmake_install.cmake").exists():
            self.skipTest("not the programs of a build folder")
        with tempfile.TemporaryDirectory() as folder:
            reply = run("cmake", "--install", build, "--prefix", "/usr", env={**os.environ, "DESTDIR": folder})
            self.assertEqual(reply.returncode, 0, reply.stdout)
            share = pathlib.Path(folder) / "usr/share"
            found = {of: sorted(p.name for p in (share / "postern" / of).iterdir()) for of in ("grafana", "prometheus", "ram")}
            wanted = os.readlink(pathlib.Path(folder) / "usr/lib/systemd/system/multi-user.target.wants/postern-rescue.service")
            self.assertEqual(os.listdir(pathlib.Path(folder) / "etc/postern"), [], "the administrator's")
            self.assertEqual((share / "postern/postern.toml").read_text(), (PACKAGING / "config/postern.toml").read_text())
            installed = {str(p.relative_to(share / "man").with_suffix("")): gzip.decompress(p.read_bytes()).decode() for p in (share / "man").rglob("*.gz")}
            references = [(share / "doc/postern" / name).read_text(encoding="utf-8") for name in ("configuration.md", "configuration.zh-CN.md")]
        self.assertEqual(wanted, "../postern-rescue.service")
        self.assertEqual(found["grafana"], ["README.md", "postern.json"])
        self.assertEqual(found["prometheus"], ["METRICS.md", "README.md", "postern.rules.yml", "scrape.yml"])
        self.assertEqual(found["ram"], ["README.md", "postern-create.json", "postern-list-publish.json", "postern-list-read.json",
                                        "postern-privatezone.json", "postern-read.json", "postern-report-read.json", "postern-report-write.json"])
        self.assertEqual(installed, pages())
        self.assertGreaterEqual(sum(name.startswith("zh_CN/") for name in installed), 10)
        self.assertEqual(references, [config_reference.page(chinese) for chinese in (False, True)])


class Deb(unittest.TestCase):
    def test_nothing_in_it_is_a_configuration_that_an_upgrade_asks_about(self):
        found = sorted(pathlib.Path(POSTERN).parent.glob("postern_*.deb"), key=lambda p: p.stat().st_mtime)
        if not found:
            self.skipTest("no package was built (packaging/deb.sh)")
        files = run("dpkg-deb", "-c", found[-1]).stdout
        self.assertRegex(files, r"(?m) \./usr/share/postern/postern\.toml$")
        self.assertNotIn("/etc/postern/postern.toml", files)
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("dpkg-deb", "-e", found[-1], folder).returncode, 0)
            self.assertEqual(sorted(os.listdir(folder)), ["control", "md5sums", "postinst", "postrm", "prerm"])


class RamPolicies(unittest.TestCase):
    """What is allowed is tested by running the commands (tests/e2e/test_endpoint.py); here the form, and the manual."""

    def test_form_and_manual(self):
        policies = sorted((PACKAGING / "ram").glob("*.json"))
        self.assertEqual(len(policies), 7)
        page = manual("postern.1")
        for file in policies:
            policy = json.loads(file.read_text())
            self.assertEqual(policy["Version"], "1")
            self.assertIn(f"/usr/share/postern/ram/{file.name}", page)
            for statement in policy["Statement"]:
                self.assertEqual(statement["Effect"], "Allow")
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                for action in actions:
                    self.assertRegex(action, r"^(privatelink|ecs|pvtz|oss):[A-Z]\w+$")  # no wildcard
                    self.assertIn(action, page)
                for resource in resources:
                    self.assertRegex(resource, r"^acs:((privatelink|ecs|pvtz|vpc):\*:\*:[a-z]+/\*|oss:\*:\*:BUCKET(/FOLDER/(\*|current\.json))?)$")


class Scripts(unittest.TestCase):
    def test_they_parse(self):
        scripts = [p for p in PACKAGING.rglob("*") if p.is_file() and p.read_bytes().startswith(b"#!/bin/sh")]
        self.assertGreaterEqual(len(scripts), 6)
        for script in scripts:
            self.assertEqual(run("sh", "-n", script).stdout, "", script.name)

    def test_rpm_finds_no_macro_in_its_scriptlets(self):
        for path in [PACKAGING / "lifecycle/lifecycle.sh", *(PACKAGING / "rpm" / name for name in ("post", "preun", "postun"))]:
            self.assertNotIn("%", path.read_text(), path.name)


if __name__ == "__main__":
    unittest.main()
