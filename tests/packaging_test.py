#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is installed beside the programs agrees with them: manuals, completions, units, configurations."""
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
sys.path.insert(0, str(PACKAGING / "man"))
import config_reference  # noqa: E402  (lies beside the manuals)
import zh_page  # noqa: E402
POSTERN = os.environ.get("POSTERN_BIN", str(ROOT / "build/release/postern"))
FREE = str(pathlib.Path(os.environ.get("POSTERN_BIN", ROOT / "build/release/postern")).with_name("postern-free"))
RESCUE = str(pathlib.Path(FREE).with_name("postern-rescue"))
RESOLVER = os.environ.get("POSTERN_RESOLVER_BIN", str(ROOT / "build/release/postern-resolver"))
GROUPS = ("plan", "dns", "endpoint")  # commands that have commands
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
    commands = re.findall(r"^  ([a-z][a-z-]*)(?: .*)?$", text, re.M)
    return sorted(set(commands)), set(re.findall(r"^  (?:-\w,)?--([a-z-]+)", text, re.M))


def commands():
    """("status",), ("dns", "enable"), …: every command, with its long options but --help and --config."""
    out = {}
    for name in help_words(POSTERN)[0]:
        for path in [(name, sub) for sub in help_words(POSTERN, name)[0]] if name in GROUPS else [(name,)]:
            out[path] = help_words(POSTERN, *path)[1] - {"help", "config"}
    return out


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


def plain(page):
    """The words of a manual's source, without its requests and escapes."""
    page = re.sub(r"^\.(?:Ql|Pa|Cm|Ar|Sx|Xr) ", "", page, flags=re.M)
    page = re.sub(r"\\f[BIR]|\\&|\\%", "", page).replace(r"\(dq", '"').replace(r"\-", "-")
    return re.sub(r"\s+", " ", page)


class Manuals(unittest.TestCase):
    def test_every_command_and_option_and_no_other(self):
        page, known = manual("postern.1"), commands()
        self.assertGreater(len(known), 10)
        heads = list(re.finditer(r"^\.It Cm ([a-z-]+(?: [a-z-]+)?)\b.*$", page, re.M))
        blocks = {}
        for at, head in enumerate(heads):
            words = tuple(head[1].split())
            path = words if words in known else words[:1]
            if path in known:
                end = next((h.start() for h in heads[at + 1:] if tuple(h[1].split())[:1] in {k[:1] for k in known}), len(page))
                blocks[path] = page[head.start():min(end, page.find("\n.Sh", head.start()))]
        self.assertEqual(sorted(blocks), sorted(known))
        for path, options in known.items():
            with self.subTest(command=" ".join(path)):
                self.assertEqual(set(re.findall(r"\bFl -([a-z-]+)", blocks[path])), options)

    def test_options_of_the_other_programs(self):
        for page, program in (("postern-resolver.8", RESOLVER), ("postern-free.8", FREE), ("postern-rescue.8", RESCUE)):
            self.assertEqual(set(re.findall(r"^\.It .*?Fl -([a-z-]+)", manual(page), re.M)), help_words(program)[1])

    def test_every_key_in_its_section(self):
        table = (ROOT / "agent/config/config_keys.cpp").read_text()
        known = {(m[1].lower(), m[2]) for m in re.finditer(r'\{k(Agent|Dns|Http|Aliyun|Link|Probe), "(\w+)"', table)}
        self.assertGreater(len(known), 40)
        told, section = set(), None
        for line in manual("postern.toml.5").splitlines():
            if m := re.match(r"\.Ss \[+([a-z.]+)\]+", line):
                section = m[1].split(".")[-1]
            elif m := re.match(r"\.It Cm (\w+) No =", line):
                told.add((section, m[1]))
        self.assertEqual(told, known)

    def test_every_variable(self):
        sources = [p for folder in ("agent", "core", "probe", "resolver") for p in (ROOT / folder).rglob("*.cpp")]
        text = "".join(p.read_text() for p in sources)
        known = set(re.findall(r'(?:getenv|environment|environment\(\))\("(\w+)"', text))
        known |= set(re.findall(r'"(ALIBABA_CLOUD_\w+)"', text))
        known -= TEST_HOOKS | {"HOME"}
        self.assertIn("ALIBABA_CLOUD_ACCESS_KEY_ID", known)
        pages = manual("postern.1") + manual("postern-resolver.8")
        self.assertEqual([name for name in sorted(known) if not re.search(rf"\b{name}\b", pages)], [])

    def test_every_reason(self):
        table = re.search(r"kReasonNames\b.*?\{(.*?)\};", (ROOT / "probe/probe_types.cpp").read_text(), re.S)[1]
        known = set(re.findall(r'"(\w+)"', table)) - {"none", "ok"}
        self.assertGreater(len(known), 30)
        self.assertEqual(known - set(re.findall(r"\w+", manual("postern.1"))), set())

    def test_no_warnings(self):
        checker = ["mandoc", "-Tlint", "-Wwarning"] if shutil.which("mandoc") else ["groff", "-K", "utf8", "-mandoc", "-ww", "-z", "-Tutf8"]
        need(self, checker[0])
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / "page"
            for name, page in pages().items():
                made.write_text(page, encoding="utf-8")
                said = run(*checker, made).stdout.splitlines()
                if name.startswith("zh_CN/"):  # mandoc knows English headings only
                    said = [line for line in said if "NAME" not in line]
                self.assertEqual(said, [], name)

    def test_no_warnings_of_groff(self):
        """As man(1) shows them: in a UTF-8 locale, 80 columns, no line longer, nothing hyphenated in Chinese."""
        need(self, "man")
        need(self, "groff")
        for name, page in pages().items():
            with self.subTest(name), tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".man") as file:
                file.write(page)
                file.flush()
                done = subprocess.run(["man", "--warnings", "-l", file.name], text=True, capture_output=True, timeout=600, check=False,
                                      env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": ""})
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertGreater(len(done.stdout), 500)
                if name.startswith("zh_CN/"):
                    wide = [line for line in done.stdout.splitlines() if sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) > 80]
                    self.assertEqual(wide, [])
                    self.assertNotIn("\u2010", done.stdout)

    def test_commands_can_be_copied(self):
        """A hyphen or quote that roff may set as a typographic one is escaped in what is to be typed."""
        wrong = []
        for name, page in pages().items():
            shown = re.findall(r"^\.Dl (.*)$", page, re.M) + re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)
            shown += re.findall(r"^\.(?:Ql|Li) ((?:postern|systemctl|journalctl|curl|dig|getent|apt|ip|ss) .*)$", page, re.M)
            shown += re.findall(r"\\fB(.*?)\\fR", page)
            wrong += [f"{name}: {text}" for text in shown if re.search(r"[-'`^~]", re.sub(r"\\(?:\(..|[-e&%]|\[u\w+\])", "", text))]
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_chinese_has_what_english_has(self):
        """The same commands, options, keys, variables, files and examples, in the same order."""
        told = pages()
        seen = 0
        for name, page in told.items():
            if not name.startswith("zh_CN/"):
                continue
            items = [re.findall(r"^\.(?:It (?:Cm|Fl|Ev|Pa|Dv) .*|Dl .*|Ss \[.*)$", text, re.M) for text in (told[name.removeprefix("zh_CN/")], page)]
            self.assertEqual(items[0], items[1], name)
            seen += len(items[0])
        self.assertGreater(seen, 250)

    def test_troubleshooting(self):
        """Its commands are commands, with options and steps that they have; its codes are codes, and are the same in Chinese."""
        known = commands()
        codes = set(re.findall(r'^    \{"(PN-[A-Z0-9-]+)"', (ROOT / "agent/faults/codes.cpp").read_text(), re.M))
        steps = set(json.loads((ROOT / "agent/faults/texts.en.json").read_text())["steps"])
        told = [set(re.findall(r"PN-[A-Z0-9-]+", plain(manual(name)))) for name in ("postern-troubleshooting.7", "zh_CN/postern-troubleshooting.7")]
        self.assertEqual(told[0], told[1])
        self.assertEqual(told[0] - codes, set())
        self.assertGreater(len(told[0]), 35)
        lines = re.findall(r"^\.Dl \$ (?:sudo )?(.*)$", manual("postern-troubleshooting.7").replace(r"\-", "-"), re.M)
        self.assertGreater(len(lines), 25)
        for line in lines:
            words = line.split()
            if words[0] != "postern":
                self.assertIn(words[0], ("systemctl", "journalctl", "getent", "ls", "postern-rescue"), line)
                continue
            path = tuple(words[1:3]) if words[1] in GROUPS else (words[1],)
            self.assertIn(path, known, line)
            self.assertEqual({word[2:] for word in words if word.startswith("--")} - known[path], set(), line)
            if "--only" in words:
                self.assertEqual(set(words[words.index("--only") + 1].split(",")) - steps, set(), line)

    def test_the_reference_of_the_configuration(self):
        for name, chinese in (("REFERENCE.md", False), ("REFERENCE.zh-CN.md", True)):
            page = (PACKAGING / "config" / name).read_text(encoding="utf-8")
            self.assertEqual(page, config_reference.page(chinese), f"packaging/man/config_reference.py {'zh' * chinese} > packaging/config/{name}")
        keys = config_reference.keys()
        table = (ROOT / "agent/config/config_keys.cpp").read_text()
        self.assertEqual([k.name for k in keys], re.findall(r'^    \{k(?:Agent|Dns|Http|Aliyun|Link|Probe), "(\w+)"', table, re.M))

    def test_ranges_and_defaults_of_the_manuals(self):
        """What the table of keys says of a key, its entry in both manuals says, too."""
        for name, to, default in (("postern.toml.5", "to", "Default"), ("zh_CN/postern.toml.5", "至", "默认")):
            page, wrong, seen = manual(name), [], 0
            for key in config_reference.keys():
                section = page.partition(f"\n.Ss {config_reference.SECTIONS[key.section]}\n")[2].partition("\n.Ss ")[0]
                entry = plain(section.partition(f"\n.It Cm {key.name} No =")[2].partition("\n.It Cm ")[0].partition("\n.Sh ")[0])
                if key.range and not re.search(rf"(?<![\w.]){key.range[0]}\b(?: ?[(（][^)）]*[)）])? ?{to} {key.range[1]}\b", entry) and key.range[0] + key.range[1] != "064":
                    wrong.append(f"{key.name}: not {f' {to} '.join(key.range)}: {entry}")
                if key.default and not re.search(rf'{default}\w* "?{re.escape(key.default.strip(chr(34)))}(?!\w)', entry):
                    wrong.append(f"{key.name}: not {default} {key.default}: {entry}")
                for word in key.words if key.name != "kind" else ():
                    if f'"{word}"' not in entry:
                        wrong.append(f"{key.name}: not {word}: {entry}")
                seen += bool(key.range) + bool(key.default)
            self.assertFalse(wrong, name + "\n" + "\n".join(wrong))
            self.assertGreater(seen, 50)

    def test_every_code_of_doctor(self):
        page = doctor_page()
        listed = re.findall(r"^(PN-\S+)", run(POSTERN, "doctor", "--list").stdout, re.M)
        self.assertGreater(len(listed), 70)
        self.assertEqual(sorted(re.findall(r"^\.It Cm (PN-\S+)$", page, re.M)), sorted(listed))
        self.assertEqual(re.findall(r"\{\w+\}|[^\x00-\x7f]", page), [])
        self.assertEqual(page.count("\n.It verify\n"), len(listed))


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
            self.assertEqual(self.complete(*path, "--"), {f"--{o}" for o in options | {"help", "config"}}, path)
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
        for unit, most in (("postern-resolver.service", 12), ("postern.service", 18), ("postern-free.service", 13)):
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
        known = set(re.findall(r'"(postern_\w+)"', (ROOT / "agent/serving/metrics_text.cpp").read_text()))
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
        known = set(re.findall(r'"((?:postern|process)_\w+)"', (ROOT / "agent/serving/metrics_text.cpp").read_text()))
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
        self.assertEqual(found["prometheus"], ["README.md", "postern.rules.yml", "scrape.yml"])
        self.assertEqual(found["ram"], ["README.md", "postern-create.json", "postern-read.json"])
        self.assertEqual(installed, pages())
        self.assertGreaterEqual(sum(name.startswith("zh_CN/") for name in installed), 3)
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
        self.assertEqual(len(policies), 2)
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
                    self.assertRegex(action, r"^(privatelink|ecs):[A-Z]\w+$")  # no wildcard
                    self.assertIn(action, page)
                for resource in resources:
                    self.assertRegex(resource, r"^acs:(privatelink|ecs|vpc):\*:\*:[a-z]+/\*$")


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
