#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""postern's objects and its publisher with a real kube-apiserver and etcd: see README.md. Prints what it measures.

    api.py KUBE_APISERVER HELM CRD_FILE... [CASE...]    root, kubectl, etcd; tests/k8s/run.sh builds the rest"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import cluster
from cluster import ENDPOINT, GATEWAYS, NAME, PROGRAMS, TOP, Cluster, make, run, wait_until

ADDRESS = "10.0.0.5"  # of the VPC, so that nothing takes it for a loopback address
SERVER = f"https://{ADDRESS}:6443"
OTHERS = int(os.environ.get("POSTERN_K8S_SERVICES", "5000"))
AWAY_S = int(os.environ.get("POSTERN_K8S_AWAY", "60"))
AUDIT = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, users: ["system:serviceaccount:postern:postern-publisher"]}
  - {level: None}
"""
CONFIG = f"""[agent]
state_dir = "FOLDER/state"
runtime_dir = "FOLDER/run"
[dns]
upstreams = ["10.0.0.53"]
[aliyun]
region = "cn-hangzhou"
metadata_url = "http://127.0.0.6"
ca_file = "CA"
[[link]]
name = "tdengine-prod"
host = "{NAME}"
endpoint = "{ENDPOINT}"
probe = {{ ca_file = "CA" }}
"""


def say(case, text):
    print(f"{time.strftime('%H:%M:%S')} {case}: {text}", flush=True)


class Api:
    """etcd and kube-apiserver, and the clients of it."""

    def __init__(self, program, helm, folder):
        self.program, self.helm, self.folder = program, helm, folder
        self.log = open(folder / "api.log", "ab")
        self.make_files()
        self.etcd = subprocess.Popen(["etcd", "--data-dir", folder / "etcd", "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls",
                                      "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync"], stdout=self.log, stderr=self.log)
        self.start()

    def make_files(self):
        at = self.folder
        run("openssl", "genrsa", "-out", at / "sa.key", "2048")
        run("openssl", "rsa", "-in", at / "sa.key", "-pubout", "-out", at / "sa.pub")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", at / "ca.key", "-out", at / "ca.pem", "-days", "30", "-subj", "/CN=test")
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", at / "api.key", "-out", at / "api.csr", "-subj", "/CN=api")
        (at / "names").write_text(f"subjectAltName=IP:{ADDRESS}")
        run("openssl", "x509", "-req", "-in", at / "api.csr", "-CA", at / "ca.pem", "-CAkey", at / "ca.key", "-CAcreateserial", "-days", "30", "-extfile", at / "names", "-out", at / "api.pem")
        (at / "tokens.csv").write_text('anexampletoken,admin,1,"system:masters"\n')
        (at / "audit.yaml").write_text(AUDIT)
        (at / "kubeconfig").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": SERVER, "certificate-authority": str(at / "ca.pem")}}],
            "users": [{"name": "admin", "user": {"token": "anexampletoken"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}]}))

    def start(self):
        at = self.folder
        self.server = subprocess.Popen([self.program, "--etcd-servers", "http://127.0.0.1:2379", "--secure-port", "6443", "--bind-address", ADDRESS, "--advertise-address", ADDRESS,
                                        "--tls-cert-file", at / "api.pem", "--tls-private-key-file", at / "api.key", "--client-ca-file", at / "ca.pem", "--token-auth-file", at / "tokens.csv",
                                        "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", at / "sa.pub",
                                        "--service-account-signing-key-file", at / "sa.key", "--service-cluster-ip-range", cluster.SERVICES, "--authorization-mode", "RBAC",
                                        "--audit-policy-file", at / "audit.yaml", "--audit-log-path", at / "audit.log", "--cert-dir", at / "certs"], stdout=self.log, stderr=self.log)
        wait_until(lambda: self.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok", 120, "the API server", 0.5)

    def environment(self):
        return {**os.environ, "KUBECONFIG": str(self.folder / "kubeconfig"), "HOME": str(self.folder), "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}

    def kubectl(self, *arguments, check=True, text=None):
        done = subprocess.run(["kubectl", *map(str, arguments)], env=self.environment(), input=text, capture_output=True, text=True, check=False, timeout=500)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")
        return done

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def audit(self):
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]

    def close(self):
        for process in (self.server, self.etcd):
            process.kill()
            process.wait()
        self.log.close()


class Publisher:
    """The Deployment's container, with its service account's token."""

    def __init__(self, world, name):
        self.folder = world.folder / name
        (self.folder / "state").mkdir(parents=True)
        (self.folder / "run").mkdir()
        config = CONFIG.replace("FOLDER", str(self.folder)).replace("CA", str(world.folder / "cloud/pki/ca.pem"))
        (self.folder / "postern.toml").write_text(config)
        (self.folder / "token").write_text(world.api.kubectl("-n", "postern", "create", "token", "postern-publisher", "--duration", "3h").stdout)
        command = next(one for one in make.objects(make.render({"config": "x", "publisher": {"enabled": True}}))
                       if one["kind"] == "Deployment" and one["metadata"]["name"] == "postern-publisher")["spec"]["template"]["spec"]["containers"][0]["command"]
        self.log = self.folder / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAMS / "postern", *command[1:], "--config", self.folder / "postern.toml", "--server", SERVER, "--namespace", "postern",
                                             "--token-file", self.folder / "token", "--ca-file", world.api.folder / "ca.pem", "--publisher", name],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.NUexampleKeyId-1",
                                                 "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "exampleRoleSecretXYZ-1", "ALIBABA_CLOUD_SECURITY_TOKEN": "CAISexampleRoleToken+/-1"})

    def memory_mb(self):
        """{"VmRSS": all that is resident, "RssAnon": without the libraries' and the program's files}"""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: round(int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024, 1) for name in ("VmRSS", "RssAnon")}


def ready_addresses(api):
    """The addresses of our slices, {address: (ready, zone)}."""
    slices = api.get("-n", "postern", "endpointslices", "-l", "kubernetes.io/service-name=tdengine-prod")["items"]
    return {address: (one["conditions"]["ready"], one.get("zone")) for each in slices for one in each["endpoints"] or [] for address in one["addresses"]}


def case_manual(world):
    """Each command of postern-kubernetes(7), in its order."""
    api, folder = world.api, world.folder / "manual"
    folder.mkdir()
    kinds = "daemonset,deployment,service,configmap,serviceaccount,networkpolicy,poddisruptionbudget,role,rolebinding,servicemonitor,prometheusrule"
    api.kubectl("-n", "postern", "delete", kinds, "-l", "app.kubernetes.io/managed-by=kustomize", "--wait=false")  # of other cases
    for name in ("chart", "kustomize"):
        (folder / name).symlink_to(TOP / "packaging/k8s" / name)
    (folder / "links.toml").write_text(make.read(TOP / "packaging/k8s/kustomize/values.yaml")["config"])
    (folder / "token").write_text("anexampletoken")
    (folder / "rrsa.yaml").write_text("rrsa: {roleArn: 'acs:ram::1234567890123456:role/postern', oidcProviderArn: 'acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1'}")
    page = (TOP / "packaging/man/postern-kubernetes.7").read_text(encoding="utf-8")
    ran = 0
    for line in re.findall(r"^\.Dl \$ (.*)$", page, re.M):
        line = line.replace(r"\-", "-")
        if " exec " in line:
            say("manual", f"not run, for there is no kubelet: {line}")
            continue
        if line.startswith("helm install"):  # the page has two ways to install
            subprocess.run(["helm", "uninstall", "postern", "-n", "postern"], env=api.environment(), capture_output=True, check=False)
        if line == "kubectl create namespace postern":
            assert "AlreadyExists" in api.kubectl("create", "namespace", "postern", check=False).stderr
            continue
        if "rollout status" in line:  # what the DaemonSet's controller would say of two nodes
            generation = api.get("-n", "postern", "daemonset", "postern-node")["metadata"]["generation"]
            numbers = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
            status = {"observedGeneration": generation, "numberMisscheduled": 0, **dict.fromkeys(numbers, 2)}
            api.kubectl("-n", "postern", "patch", "daemonset", "postern-node", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
        if line.startswith("kubectl delete"):  # nobody finishes it: that is the controllers' work
            line += " --wait=false"
        begun = time.monotonic()
        done = subprocess.run(line, shell=True, cwd=folder, env=api.environment(), capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        ran += 1
        say("manual", f"{time.monotonic() - begun:.1f} s  {line}")
        if " upgrade " in line and "monitoring" in line:
            assert api.get("-n", "postern", "prometheusrule", "postern")["spec"]["groups"]
    say("manual", f"{ran} commands ran")


def case_strict(world):
    """Every object as the API takes it, every field known to it."""
    api = world.api
    for folder in make.FOLDERS:
        api.kubectl("apply", "-k", TOP / "packaging/k8s/kustomize" / folder, "--validate=strict", "--server-side", "--force-conflicts")
        done = api.kubectl("apply", "-k", TOP / "packaging/k8s/kustomize" / folder, "--validate=strict", "--server-side")
        say("strict", f"kustomize/{folder}: {len(done.stdout.splitlines())} objects")


def case_publisher(world):
    """Two publishers, one writes; a zone dies; the API is away; other Services."""
    api = world.api
    api.kubectl("apply", "-k", TOP / "packaging/k8s/kustomize/publisher", "--server-side", "--force-conflicts")  # its account and its Role
    first = Publisher(world, "first")
    try:
        begun = time.monotonic()
        wait_until(lambda: set(ready_addresses(api)) == set(GATEWAYS.values()), 60, "the slice", 0.2)
        say("publisher", f"Service and EndpointSlice after {time.monotonic() - begun:.1f} s: {ready_addresses(api)}")
        second = Publisher(world, "second")
        try:
            publisher_cases(world, first, second)
        finally:
            second.process.kill()
            second.process.wait()
    except BaseException:
        print(first.log.read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        first.process.kill()
        first.process.wait()


def writes_by(api):
    """{credential: writes} of the publishers, but for those of the Lease."""
    out = {}
    for one in api.audit():
        token = one["user"].get("extra", {}).get("authentication.kubernetes.io/credential-id", ["?"])[0]
        out.setdefault(token, 0)
        if one["verb"] in ("create", "patch", "delete", "update") and one["objectRef"]["resource"] != "leases" and one["responseStatus"]["code"] < 300:
            out[token] += 1
    return out


def publisher_cases(world, first, second):
    api = world.api
    zone, address = next(iter(GATEWAYS.items()))
    time.sleep(10)
    world.kill_zone(zone)
    begun = time.monotonic()
    wait_until(lambda: ready_addresses(api)[address][0] is False, 60, "the address not to be ready", 0.2)
    say("publisher", f"{zone} dies: its address is not ready after {time.monotonic() - begun:.1f} s")
    world.revive()
    wait_until(lambda: ready_addresses(api)[address][0], 60, "the address to be ready", 0.2)
    before = len(api.audit())
    time.sleep(30)
    quiet = [one for one in api.audit()[before:] if one["verb"] not in ("get", "list") and one["objectRef"]["resource"] != "leases"]
    say("publisher", f"30 s without a change: {len(quiet)} writes but for the Lease's")
    assert not quiet
    say("publisher", f"writes of the two: {sorted(writes_by(api).values())}")
    assert min(writes_by(api).values()) == 0 < max(writes_by(api).values()) and len(writes_by(api)) == 2

    at_first = first.memory_mb()
    api.server.kill()
    api.server.wait()
    world.kill_zone(zone)
    time.sleep(AWAY_S)
    assert first.process.poll() is None and second.process.poll() is None
    at_last = first.memory_mb()
    begun = time.monotonic()
    api.start()
    started = time.monotonic() - begun
    wait_until(lambda: ready_addresses(api)[address][0] is False, 90, "what happened meanwhile", 0.2)
    say("publisher", f"the API server away for {AWAY_S} s, and a zone dies in that time: both publishers live on, {at_first} MB before it and {at_last} MB at its end; "
                     f"written {time.monotonic() - begun - started:.1f} s after it is back")
    assert at_last["RssAnon"] < at_first["RssAnon"] + 2
    world.revive()
    wait_until(lambda: ready_addresses(api)[address][0], 60, "the address to be ready", 0.2)

    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    world.kill_zone(zone)
    begun = time.monotonic()
    wait_until(lambda: ready_addresses(api)[address][0] is False, 90, "the second to write", 0.2)
    say("publisher", f"the writer is killed and {zone} dies: the other has written after {time.monotonic() - begun:.1f} s")
    world.revive()

    many = {"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"other-{at}", "namespace": ("default", "postern")[at % 2]},
         "spec": {"clusterIP": "None", "ports": [{"port": 443}]}} for at in range(OTHERS)]}
    alone = second.memory_mb()
    api.kubectl("create", "-f", "-", text=json.dumps(many))
    before = len(api.audit())
    time.sleep(60)
    asked = {}
    for one in api.audit()[before:]:
        reference = one["objectRef"]
        key = f"{one['verb']} {reference['resource']}{'/' + reference['name'] if 'name' in reference else ''} {'with a selector' if 'labelSelector' in one['requestURI'] else ''}"
        asked[key.strip()] = asked.get(key.strip(), 0) + 1
    say("publisher", f"{OTHERS} other Services, half of them in its namespace: {second.memory_mb()} MB, before them {alone}; asked in 60 s: {asked}")
    assert second.memory_mb()["RssAnon"] <= 20 and second.memory_mb()["RssAnon"] < alone["RssAnon"] + 2
    assert not [one for one in api.audit() if one["verb"] == "watch" or (one["verb"] == "list" and "labelSelector" not in one["requestURI"])]


CASES = [case_strict, case_publisher, case_manual]  # the manual ends with the namespace


def main():
    server, helm, *rest = sys.argv[1:]
    crds, wanted = [one for one in rest if one.endswith(".yaml")], [one for one in rest if not one.endswith(".yaml")]
    world = Cluster("")
    try:
        world.start_cloud()
        folder = world.folder / "api"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/helm").symlink_to(helm)
        (folder / "bin/postern").symlink_to(PROGRAMS / "postern")
        world.api = Api(server, helm, folder)
        try:
            for crd in crds:
                world.api.kubectl("create", "-f", crd)
            world.api.kubectl("apply", "-f", TOP / "packaging/k8s/kustomize/base/namespace.yaml")
            for case in CASES:
                if not wanted or case.__name__.removeprefix("case_") in wanted:
                    case(world)
        except BaseException:
            print((folder / "api.log").read_text(errors="replace")[-1500:], file=sys.stderr)
            raise
        finally:
            world.api.close()
    finally:
        world.close()


if __name__ == "__main__":
    main()
