#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""packaging/k8s: what the chart makes is valid for the API, has no right that it does not need, and does what the programs
and the other packages say. Without Go (tests/k8s/render) it looks at the kustomize folders alone."""
import collections
import importlib.util
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
HERE = TOP / "packaging/k8s"
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
MISSING = [name for name in ("jsonschema", "yaml") if not importlib.util.find_spec(name)]
if not MISSING:
    import jsonschema
    import make
    import yaml

EVERYTHING = {
    "publisher": {"enabled": True}, "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
    "rrsa": {"roleArn": "acs:ram::1234567890123456:role/postern", "oidcProviderArn": "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"},
    "upstreams": ["100.100.2.136"], "image": {"repository": "registry.example.com/postern", "tag": "1", "pullSecrets": ["pull"]},
    "cluster": {"clusterIP": "172.21.0.53", "tolerations": [{"operator": "Exists"}]},
}

ACK_DNS = {"publisher": {"enabled": True, "target": "ack-dns"}}


def setUpModule():
    if MISSING:
        raise unittest.SkipTest(f"not installed: {' '.join(MISSING)} (packaging/install-deps.sh)")


def example(changes=None):
    return make.merged(make.read(HERE / "kustomize/values.yaml"), changes or {})


def chart(changes=None):
    if shutil.which("go") is None:
        raise unittest.SkipTest("go is not installed")
    return make.objects(make.render(example(changes)))


def named(objects, kind, name=None):
    found = [one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    assert len(found) == 1, (kind, name, found)
    return found[0]


def kustomized(folder):
    """The objects of a folder, with its patches, by as much of kustomize as ours need: each patch is a whole object."""
    description = make.read(HERE / "kustomize" / folder / "kustomization.yaml")
    objects = []
    for resource in description["resources"]:
        path = HERE / "kustomize" / folder / resource
        objects += kustomized(path.resolve().name) if path.is_dir() else [one for one in yaml.safe_load_all(path.read_text()) if one]
    for patch in description.get("patches", []):
        for one in yaml.safe_load_all((HERE / "kustomize" / folder / patch["path"]).read_text()):
            target = named(objects, one["kind"], one["metadata"]["name"])
            target.clear()
            target.update(one)
    return objects


def pod_specs(objects):
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in objects if one["kind"] in ("DaemonSet", "Deployment")}


def containers(objects):
    for name, spec in pod_specs(objects).items():
        for one in spec.get("initContainers", []) + spec["containers"]:
            yield f"{name}/{one['name']}", spec, one


class Valid(unittest.TestCase):
    """Against the API's schemas, every field of it known."""

    @classmethod
    def setUpClass(cls):
        with open(TOP / "tests/k8s/schemas.json", encoding="utf-8") as file:
            cls.schemas = json.load(file)

    def check(self, one):
        kind = f"{one['apiVersion']}/{one['kind']}"
        self.assertIn(kind, self.schemas["kinds"])
        schema = {"$ref": f"#/definitions/{self.schemas['kinds'][kind]}", "definitions": self.schemas["definitions"]}
        errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in jsonschema.Draft7Validator(schema).iter_errors(one)]
        return [f"{kind} {one['metadata']['name']} {text}" for text in errors]

    def test_every_object_of_the_chart(self):
        switches = [{"node": {"enabled": node}, "cluster": {"enabled": cluster}, "publisher": {"enabled": publisher},
                     "monitoring": {"enabled": monitoring}}
                    for node, cluster, publisher, monitoring in itertools.product((False, True), repeat=4)]
        for changes in (EVERYTHING, ACK_DNS, *switches):
            with self.subTest(changes=changes):
                objects = chart(changes)
                self.assertEqual([error for one in objects for error in self.check(one)], [])
                names = collections.Counter((one["kind"], one["metadata"]["name"]) for one in objects)
                self.assertEqual([name for name, count in names.items() if count > 1], [])

    def test_every_object_of_kustomize(self):
        for folder in make.FOLDERS:
            self.assertEqual([error for one in kustomized(folder) for error in self.check(one)], [])

    def test_a_mistake_is_found(self):
        node = named(chart(), "DaemonSet")
        node["spec"]["template"]["spec"]["hostNetworks"] = True
        node["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = []
        self.assertEqual(len(self.check(node)), 2, self.check(node))

    def test_values(self):
        schema = json.loads((HERE / "chart/values.schema.json").read_text())
        defaults = make.read(HERE / "chart/values.yaml")
        validator = jsonschema.Draft7Validator(schema)
        for changes in ({}, EVERYTHING):
            self.assertEqual([error.message for error in validator.iter_errors(make.merged(defaults, example(changes)))], [])
        for changes in ({"config": ""}, {"nodes": {}}, {"node": {"adress": "169.254.20.1"}}, {"allow": []}, {"httpPort": 53},
                        {"cluster": {"replicas": 1}}, {"rrsa": {"roleArn": "postern"}}, {"image": {"pullPolicy": "Sometimes"}}):
            self.assertFalse(validator.is_valid(make.merged(defaults, example(changes))), changes)

        def keys(value, at=()):
            for key, inner in value.items():
                yield (*at, key)
                if isinstance(inner, dict) and inner:
                    yield from keys(inner, (*at, key))

        def described(path):
            part = schema
            for key in path:
                part = schema["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
                if "properties" not in part:
                    return True  # as Kubernetes has it
                part = part["properties"].get(key)
                if part is None:
                    return False
            return True
        self.assertEqual([path for path in keys(defaults) if not described(path)], [])


class OneTruth(unittest.TestCase):
    def test_nothing_derived_has_drifted(self):
        chart()
        done = subprocess.run([HERE / "make.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), "packaging/k8s/make.py writes it")

    def test_kustomize_has_the_objects_of_the_chart(self):
        for folder, (changes, _) in make.FOLDERS.items():
            def told(objects):
                return {(one["kind"], one["metadata"]["name"]): json.dumps(one, sort_keys=True).replace('"kustomize"', '"Helm"') for one in objects}
            ours, theirs = told(kustomized(folder)), told(chart(changes))
            self.assertEqual({key for key in ours if key[0] != "Namespace"}, set(theirs))
            for key, text in theirs.items():
                self.assertEqual(ours[key].replace("\\n\\n", "\\n"), text.replace("\\n\\n", "\\n"), key)

    def test_kustomize_itself_reads_the_folders(self):
        if shutil.which("kubectl") is None:
            self.skipTest("kubectl is not installed")
        for folder in make.FOLDERS:
            done = subprocess.run(["kubectl", "kustomize", HERE / "kustomize" / folder], capture_output=True, text=True, check=True)
            def told(objects):
                return sorted(json.dumps(one, sort_keys=True) for one in objects)
            self.assertEqual(told(yaml.safe_load_all(done.stdout)), told(kustomized(folder)))

    def test_the_rules_are_those_of_a_host(self):
        rule = named(chart({"monitoring": {"enabled": True}}), "PrometheusRule")
        self.assertEqual(rule["spec"], make.read(TOP / "packaging/prometheus/postern.rules.yml"))

    def test_version(self):
        version = re.search(r"project\(postern VERSION (\S+)", (TOP / "CMakeLists.txt").read_text())[1]
        about = make.read(HERE / "chart/Chart.yaml")
        self.assertEqual((about["version"], about["appVersion"]), (version, version))

    def test_the_resolver_runs_as_systemd_runs_it(self):
        unit = (TOP / "packaging/systemd/postern-resolver.service").read_text()
        _, _, resolver = next(one for one in containers(chart()) if one[0] == "postern-node/resolver")
        self.assertEqual(" ".join(resolver["command"]), re.search(r"^ExecStart=(.*)$", unit, re.M)[1])


class Rights(unittest.TestCase):
    """What may do what."""

    def test_no_container_has_more_than_it_uses(self):
        added = {"postern-node/node": ["NET_ADMIN", "CHOWN"], "postern-node/resolver": ["NET_BIND_SERVICE"]}
        seen = 0
        for name, spec, one in containers(chart(EVERYTHING)):
            with self.subTest(container=name):
                security = {**spec["securityContext"], **one["securityContext"]}
                self.assertEqual(security["capabilities"], {"drop": ["ALL"], **({"add": added[name]} if name in added else {})})
                self.assertEqual((security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"], security["seccompProfile"]),
                                 (True, False, {"type": "RuntimeDefault"}))
                self.assertNotIn("privileged", security)
                root = name == "postern-node/node"
                self.assertEqual((security["runAsNonRoot"], security["runAsUser"] == 0), (not root, root))
                self.assertIn("memory", one["resources"]["limits"])
                self.assertNotIn("cpu", one["resources"]["limits"])  # a throttled resolver is a slow one
                seen += 1
        self.assertEqual(seen, 5)

    def test_the_resolver_sees_no_secret_and_writes_its_statistics_alone(self):
        _, spec, resolver = next(one for one in containers(chart(EVERYTHING)) if one[0] == "postern-node/resolver")
        mounts = {one["name"]: one.get("readOnly", False) for one in resolver["volumeMounts"]}
        self.assertEqual(mounts, {"state": True, "run": True, "run-resolver": False})
        self.assertNotEqual(resolver["securityContext"]["runAsUser"], spec["securityContext"]["runAsUser"])
        self.assertNotIn("env", resolver)

    def test_the_api_is_the_publisher_s_alone(self):
        for name, spec in pod_specs(chart(EVERYTHING)).items():
            self.assertEqual(spec["automountServiceAccountToken"], name == "postern-publisher")
        objects = chart(EVERYTHING)
        self.assertEqual([one["kind"] for one in objects if one["kind"].startswith("Cluster")], [])
        rules = [rule for one in (*objects, *chart(ACK_DNS)) if one["kind"] in ("Role", "ClusterRole") for rule in one["rules"]]
        self.assertEqual(len(rules), 4 + 4)
        for rule in rules:
            self.assertNotIn("*", rule["verbs"] + rule["resources"] + rule["apiGroups"])
            self.assertEqual({"watch", "list"} & set(rule["verbs"]), set())

    def test_a_role_of_the_cloud_takes_nothing_but_what_the_chart_says(self):
        for name, spec, one in containers(chart(EVERYTHING)):
            if one["name"] in ("node", "resolver"):
                continue
            names = {entry["name"]: entry["value"] for entry in one["env"]}
            file = names["ALIBABA_CLOUD_OIDC_TOKEN_FILE"]
            mount = next(each for each in one["volumeMounts"] if file.startswith(each["mountPath"] + "/"))
            volume = next(each for each in spec["volumes"] if each["name"] == mount["name"])
            source, = volume["projected"]["sources"]
            self.assertEqual((source["serviceAccountToken"]["audience"], source["serviceAccountToken"]["path"]), ("sts.aliyuncs.com", file.rpartition("/")[2]), name)


class Works(unittest.TestCase):
    """What belongs together."""

    def test_mounts_have_volumes_and_probes_ports(self):
        for name, spec, one in containers(chart(EVERYTHING)):
            self.assertLessEqual({each["name"] for each in one["volumeMounts"]}, {each["name"] for each in spec["volumes"]}, name)
            for probe in ("livenessProbe", "readinessProbe"):
                port = one.get(probe, {}).get("httpGet", {}).get("port")
                self.assertTrue(port is None or port in [each["name"] for each in one["ports"]], name)

    def test_the_node_s_network(self):
        spec = pod_specs(chart())["postern-node"]
        self.assertEqual((spec["hostNetwork"], spec["dnsPolicy"], spec["tolerations"]), (True, "Default", [{"operator": "Exists"}]))
        for one in spec["containers"]:
            for port in one["ports"]:
                self.assertEqual(port["hostPort"], port["containerPort"])
        self.assertEqual(named(chart(), "DaemonSet")["spec"]["updateStrategy"], {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})

    def test_liveness_asks_what_a_restart_mends(self):
        for name, _, one in containers(chart()):
            probe = one.get("livenessProbe")
            if probe:
                self.assertTrue(probe.get("httpGet", {}).get("path") == "/livez" or probe["exec"]["command"][1:3] == ["k8s", "alive"], name)

    def test_selectors_meet_their_pods_and_no_others(self):
        objects = chart(EVERYTHING)
        pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in objects if one["kind"] in ("DaemonSet", "Deployment")}

        def met(selector):
            return sorted(name for name, labels in pods.items() if selector.items() <= labels.items())
        self.assertEqual(met(named(objects, "Service", "postern")["spec"]["selector"]), ["postern-cluster"])
        self.assertEqual(met(named(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]), ["postern-cluster"])
        self.assertEqual(met(named(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]), ["postern-cluster"])
        self.assertEqual(met(named(objects, "Service", "postern-metrics")["spec"]["selector"]), sorted(pods))
        for one in objects:
            if one["kind"] in ("DaemonSet", "Deployment"):
                self.assertEqual(met(one["spec"]["selector"]["matchLabels"]), [one["metadata"]["name"]])
        monitor, metrics = named(objects, "ServiceMonitor"), named(objects, "Service", "postern-metrics")
        self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(), metrics["metadata"]["labels"].items())
        self.assertEqual(metrics["metadata"]["labels"][monitor["spec"]["jobLabel"]], "postern")  # the job of the rules

    def test_the_configuration_is_taken_by_the_program(self):
        program = pathlib.Path(os.environ.get("POSTERN_PROGRAMS", TOP / "build/release")) / "postern"
        for changes in ({}, EVERYTHING):
            for one in chart(changes):
                if one["kind"] != "ConfigMap":
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    file = pathlib.Path(folder, "postern.toml")
                    file.write_text(one["data"]["postern.toml"], encoding="utf-8")
                    done = subprocess.run([program, "check-config", "--config", file], capture_output=True, text=True, check=False)
                    self.assertIn(done.returncode, (0, 1), f"{one['metadata']['name']}\n{done.stdout}{done.stderr}")
                    # A pod's address is not known before it runs, and it is its only one.
                    problems = [line for line in (done.stdout + done.stderr).splitlines()
                                if "warning" in line and "token_file" not in line and "0.0.0.0 is every address" not in line]
                    self.assertEqual(problems, [])


class Manual(unittest.TestCase):
    """The commands of postern-kubernetes(7), as far as they go without a cluster; tests/k8s/run.sh runs them against one."""

    @classmethod
    def setUpClass(cls):
        page = (TOP / "packaging/man/postern-kubernetes.7").read_text(encoding="utf-8")
        cls.lines = [line.replace(r"\-", "-").split() for line in re.findall(r"^\.Dl \$ (.*)$", page, re.M)]

    def run_postern(self, words, folder):
        program = pathlib.Path(os.environ.get("POSTERN_PROGRAMS", TOP / "build/release")) / "postern"
        return subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)

    def test_each_is_one_that_is_looked_at(self):
        self.assertEqual(sorted({words[0] for words in self.lines}), ["helm", "kubectl", "postern"])
        self.assertGreater(len(self.lines), 15)

    def test_postern(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "links.toml").write_text(example()["config"], encoding="utf-8")
            for words in self.lines:
                if words[0] == "postern":
                    done = self.run_postern(words[1:], folder)
                    self.assertEqual(done.returncode, 0, (words, done.stderr))
                    self.assertIn("gw.example.com", done.stdout)

    def test_helm(self):
        schema = jsonschema.Draft7Validator(json.loads((HERE / "chart/values.schema.json").read_text()))
        seen = 0
        for words in self.lines:
            if words[0] != "helm":
                continue
            self.assertEqual(words[2:3] + words[-2:] * (words[1] == "uninstall"), ["postern", "-n", "postern"][:3 if words[1] == "uninstall" else 1])
            changes = {}
            for option, setting in zip(words, words[1:]):
                if option == "--set":
                    path, _, value = setting.partition("=")
                    *at, key = path.split(".")
                    part = changes
                    for name in at:
                        part = part.setdefault(name, {})
                    part[key] = value == "true" if value in ("true", "false") else value
            values = make.merged(make.read(HERE / "chart/values.yaml"), example(changes))
            self.assertEqual([error.message for error in schema.iter_errors(values)], [], words)
            self.assertTrue(chart(changes), words)
            seen += 1
        self.assertGreater(seen, 5)

    def test_kubectl(self):
        objects = kustomized("base") + kustomized("publisher")
        for words in self.lines:
            if words[0] != "kubectl":
                continue
            for option, value in zip(words, words[1:]):
                if option == "-k":
                    self.assertTrue((HERE / value / "kustomization.yaml").exists(), words)
                if option == "-f":
                    self.assertTrue((HERE / value).exists(), words)
                if option == "-c":
                    self.assertIn(f"postern-node/{value}", [name for name, _, _ in containers(objects)])
                if value.startswith("daemonset/"):
                    named(objects, "DaemonSet", value.partition("/")[2])
                if option == "service":
                    named(objects, "Service", value)
            if "--" in words:
                self.assertEqual(self.run_postern([*words[words.index("--") + 2:], "--help"], "/").returncode, 0, words)

    def test_the_service_of_the_rewrite(self):
        page = (TOP / "packaging/man/postern-kubernetes.7").read_text(encoding="utf-8").replace(r"\-", "-")
        name, service = re.search(r"^    name exact (\S+) (\S+)\.postern\.svc\.cluster\.local$", page, re.M).groups()
        self.assertIn(f'host = "{name}"', example()["config"])
        self.assertIn(f'name = "{service}"', example()["config"])
        for file in ("packaging/man/zh_CN/postern-kubernetes.7",):
            self.assertIn(f"{service}.postern.svc", (TOP / file).read_text(encoding="utf-8").replace(r"\-", "-"))


if __name__ == "__main__":
    unittest.main()
