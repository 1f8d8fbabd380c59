# SPDX-License-Identifier: Apache-2.0
"""A cluster of network namespaces: a VPC with the cloud's services, two nodes in two zones, pods on them. What a kubelet and
kube-proxy do is done here; postern's pods come from the rendered manifests, CoreDNS is the real one."""
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(TOP / "tests/e2e"), str(TOP / "tests/standin"), str(TOP / "packaging/k8s")]
sys.dont_write_bytecode = True

import ns  # noqa: E402

ns.enter()

import make  # noqa: E402
import pki  # noqa: E402
import yaml  # noqa: E402
from launch import StandIn, wait_until  # noqa: E402

PROGRAMS = pathlib.Path(os.environ.get("POSTERN_PROGRAMS", TOP / "build/release"))
NAME = "gw-private.cloud.name.test"
API_NAMES = ("privatelink-vpc.cn-hangzhou.aliyuncs.com", "sts-vpc.cn-hangzhou.aliyuncs.com", "sts.aliyuncs.com")
ENDPOINT = "ep-bp1example0000000001"
TOKEN = "5ecre7705ecre7705ecre7705ecre7705ecre770"
API, UPSTREAMS, METADATA = "10.0.0.5", ("10.0.0.53", "10.0.0.54"), "100.100.100.200"
GATEWAYS = {"cn-hangzhou-h": "10.0.1.23", "cn-hangzhou-i": "10.0.2.23"}
DNS_SERVICE, POSTERN_SERVICE = "172.21.0.10", "172.21.0.53"
SERVICES = "172.21.0.0/16"
NODES = {"node-a": ("cn-hangzhou-h", 1), "node-b": ("cn-hangzhou-i", 2)}
POD, COREDNS, CLUSTER = 2, 3, 4  # last part of the addresses of a node's pods

VALUES = {"config": f"""[[link]]
name = "tdengine-prod"
host = "{NAME}"
endpoint = "{ENDPOINT}"
token_file = "/var/run/secrets/postern/token"
""", "cluster": {"clusterIP": POSTERN_SERVICE}}
RESOLV_CONF = f"search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver {DNS_SERVICE}\noptions ndots:5\n"
COREFILE = """.:53 {{
    errors
    health {{
        lameduck 15s
    }}
    ready
    {cluster}
    prometheus :9153
    forward . {upstreams} {{
        prefer_udp
    }}
    cache 30
    loop
    reload
    loadbalance
}}
"""
# In the place of the API server: names of the cluster that are not there.
NO_CLUSTER = """template IN ANY cluster.local {
        rcode NXDOMAIN
        authority "cluster.local. 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30"
    }"""


def run(*command, text=None, check=True):
    return subprocess.run([str(one) for one in command], input=text, capture_output=True, text=True, check=check, timeout=120)


def inside(network, *command, **named):
    return run("ip", "netns", "exec", network, *command, **named)


def popen(network, command, log):
    with open(log, "ab") as file:
        return subprocess.Popen(["ip", "netns", "exec", network, *map(str, command)], stdin=subprocess.DEVNULL, stdout=file, stderr=file)


def ip(network, *lines):
    run("ip", "-n", network, "-batch", "-", text="\n".join(lines) + "\n")


class Cluster:
    def __init__(self, coredns):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-k8s-"))
        self.folder.chmod(0o755)
        self.coredns_program = coredns
        self.stand_ins, self.pods, self.coredns = [], [], {}
        self.manifests = make.objects(make.render(VALUES))
        self.make_networks()
        self.make_image()

    # --- networks ------------------------------------------------------------------------------------------------------

    def make_networks(self):
        """The VPC is the namespace that we are in: br0, on which the nodes are, has the cloud's addresses."""
        run("ip", "link", "add", "br0", "type", "bridge")
        for address in ("10.0.0.1", API, *UPSTREAMS, *GATEWAYS.values()):
            run("ip", "address", "add", f"{address}/16", "dev", "br0")
        run("ip", "link", "set", "br0", "up")
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for node, (_, number) in NODES.items():
            run("ip", "netns", "add", node)
            run("ip", "link", "add", f"vpc-{number}", "type", "veth", "peer", "name", "eth0", "netns", node)
            run("ip", "link", "set", f"vpc-{number}", "master", "br0", "up")
            ip(node, "link set lo up", f"address add 10.0.10.{number}/16 dev eth0", "link set eth0 up", "route add default via 10.0.0.1",
               f"address add {METADATA}/32 dev lo",
               "link add cni0 type bridge", f"address add 10.244.{number}.1/24 dev cni0", "link set cni0 up")
            run("ip", "route", "add", f"10.244.{number}.0/24", "via", f"10.0.10.{number}")
            inside(node, "sysctl", "-qw", "net.ipv4.ip_forward=1")
            for pod in (POD, COREDNS, CLUSTER):
                self.make_pod_network(node, number, pod)
        for node, (_, number) in NODES.items():
            for _, other in NODES.values():
                if other != number:
                    ip(node, f"route add 10.244.{other}.0/24 via 10.0.10.{other}")
            self.proxy(node)

    def make_pod_network(self, node, number, pod):
        network = f"{node}-{pod}"
        run("ip", "netns", "add", network)
        run("ip", "-n", node, "link", "add", f"pod-{pod}", "type", "veth", "peer", "name", "eth0", "netns", network)
        ip(node, f"link set pod-{pod} master cni0 up")
        ip(network, "link set lo up", f"address add 10.244.{number}.{pod}/24 dev eth0", "link set eth0 up", f"route add default via 10.244.{number}.1")

    def proxy(self, node):
        """kube-proxy: the Services' addresses, each to one of its pods by chance."""
        rules = []
        for service, pod, port in ((DNS_SERVICE, COREDNS, 53), (POSTERN_SERVICE, CLUSTER, 1053)):
            targets = ", ".join(f"{at} : 10.244.{number}.{pod}" for at, (_, number) in enumerate(NODES.values()))
            for protocol in ("udp", "tcp"):
                rules.append(f"ip daddr {service} {protocol} dport 53 dnat to numgen random mod {len(NODES)} map {{ {targets} }} : {port}")
        text = "table ip proxy {\n"
        for chain, hook in (("into", "prerouting"), ("out", "output")):
            text += f"chain {chain} {{\ntype nat hook {hook} priority -100\n" + "\n".join(rules) + "\n}\n"
        inside(node, "nft", "-f", "-", text=text + "}\n")

    # --- the cloud -----------------------------------------------------------------------------------------------------

    def start_cloud(self):
        folder = self.folder / "cloud"
        folder.mkdir()
        pki.make(str(folder / "pki"), [NAME, *API_NAMES])
        shutil.copy(folder / "pki/ca.pem", self.root / "etc/ssl/certs/ca-certificates.crt")
        zone = folder / "zone.json"
        zone.write_text(json.dumps({"records": {**{name: {"A": [API]} for name in API_NAMES}, "www.name.test": {"A": ["192.0.2.1"]}}, "soa_owner": "test"}))
        self.upstream = self.stand_in("dnsup.py", "--zone", zone, *[part for one in UPSTREAMS for part in ("--listen", f"{one}:53=dns{one[-1]}")])
        role = {"secret": "exampleRoleSecretXYZ", "token": "CAISexampleRoleToken+/"}
        zones = [{"ZoneId": zone, "EniIp": address} for zone, address in GATEWAYS.items()]
        scenario = folder / "scenario.json"
        key = {"id": "STS.NUexampleKeyId-1", "secret": role["secret"] + "-1", "token": role["token"] + "-1"}  # the nodes' metadata services give it
        scenario.write_text(json.dumps({"keys": [key], "endpoints": {ENDPOINT: {"Zones": zones}}}))
        self.aliyun = self.stand_in("aliyun.py", "--cert", folder / "pki/good.pem", "--key", folder / "pki/good.key", "--scenario", scenario,
                                    "--api", f"{API}:443", "--imds", "127.0.0.6:80")
        for node, (zone, _) in NODES.items():
            scenario = folder / f"{node}.json"
            scenario.write_text(json.dumps({"role": role, "metadata": {"zone-id": zone}}))
            with Inside(node):  # its own metadata service
                self.stand_in("aliyun.py", "--cert", folder / "pki/good.pem", "--key", folder / "pki/good.key", "--scenario", scenario,
                              "--api", "127.0.0.7:443", "--imds", f"{METADATA}:80", network=METADATA)
        accepted = folder / "tokens"
        accepted.write_text(TOKEN)
        for address in GATEWAYS.values():
            self.stand_in("tdengine.py", "--pki", folder / "pki", "--token-file", accepted, "--listen", f"{address}:443={address}")

    def stand_in(self, *arguments, network="10.0.0.0/16"):
        os.environ["STANDIN_NETWORK"] = network  # ours alone: it leads nowhere
        self.stand_ins.append(StandIn(*arguments, folder=str(self.folder)))
        return self.stand_ins[-1]

    def kill_zone(self, zone):
        """Packets from and to its gateway are lost."""
        address = GATEWAYS[zone]
        rules = f"table ip fault {{ chain in {{ type filter hook input priority 0\nip daddr {address} drop\n }} }}"
        run("nft", "-f", "-", text=rules.replace("{ chain", "{\nchain").replace("{ type", "{\ntype").replace("} }", "}\n}\n"))

    def revive(self):
        run("nft", "delete", "table", "ip", "fault")

    # --- postern's pods ------------------------------------------------------------------------------------------------

    def make_image(self):
        """What packaging/container/image.py puts into the image, with this machine's libraries."""
        self.root = self.folder / "image"
        for folder in ("usr/bin", "usr/sbin", "usr/lib", "etc/ssl/certs", "etc/postern", "var/lib/postern", "var/lib/postern-plan", "var/run/secrets/postern",
                       "run/postern", "run/postern-resolver", "proc", "dev", "state", "tmp"):
            (self.root / folder).mkdir(parents=True)
        for name in ("lib", "lib64"):
            (self.root / name).symlink_to(os.readlink(f"/{name}")) if os.path.islink(f"/{name}") else (self.root / name).mkdir()
        if os.path.isdir("/usr/lib64"):
            (self.root / "usr/lib64").mkdir()
        (self.root / "etc/passwd").write_text("root:x:0:0::/:/none\npostern:x:10053:10053::/var/lib/postern:/none\n")
        (self.root / "etc/group").write_text("root:x:0:\npostern:x:10053:\n")
        (self.root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        (self.root / "etc/resolv.conf").write_text("".join(f"nameserver {one}\n" for one in UPSTREAMS))  # the node's: dnsPolicy Default
        sys.path.insert(0, str(TOP / "packaging/container"))
        import image
        for path in image.PROGRAMS:
            shutil.copy(PROGRAMS / pathlib.Path(path).name, self.root / path)
            if path in image.CAPABLE:
                os.setxattr(self.root / path, "security.capability", image.CAPABLE[path])
        self.system = [[f"/{one}", f"/{one}", True] for one in ("usr/lib", "usr/lib64", "lib", "lib64") if os.path.isdir(f"/{one}") and not os.path.islink(f"/{one}")]
        self.system += [["/proc", "/proc", False], ["/dev", "/dev", False]]

    def workload(self, name):
        return next(one for one in self.manifests if one["metadata"]["name"] == name and one["kind"] in ("DaemonSet", "Deployment"))

    def config_map(self, name):
        return next(one for one in self.manifests if one["metadata"]["name"] == name and one["kind"] == "ConfigMap")["data"]

    def start_pod(self, workload, node):
        pod = Pod(self, workload, node)
        self.pods.append(pod)
        return pod.start()

    # --- CoreDNS -------------------------------------------------------------------------------------------------------

    def start_coredns(self, blocks):
        folder = self.folder / "coredns"
        folder.mkdir(exist_ok=True)
        (folder / "Corefile").write_text(COREFILE.format(cluster=NO_CLUSTER, upstreams=" ".join(UPSTREAMS)) + blocks)
        for node in NODES:
            self.coredns[node] = popen(f"{node}-{COREDNS}", [self.coredns_program, "-conf", folder / "Corefile"], self.folder / f"coredns-{node}.log")
        for _, number in NODES.values():
            wait_until(lambda number=number: ask(f"{list(NODES)[number - 1]}-{POD}", "www.name.test", f"10.244.{number}.{COREDNS}") is not None, 30, "CoreDNS")

    # --- looking -------------------------------------------------------------------------------------------------------

    def addresses(self, node, server=DNS_SERVICE):
        """What a pod on that node is answered; None: no answer."""
        return ask(f"{node}-{POD}", NAME, server)

    def close(self):
        for pod in self.pods:
            pod.stop(signal.SIGKILL)
        for process in self.coredns.values():
            process.kill()
            process.wait()
        for one in self.stand_ins:
            one.stop()
        for network in run("ip", "netns", "list").stdout.split("\n"):
            if network:
                run("ip", "netns", "delete", network.split()[0], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Inside:
    """This process is in a network namespace for a while; what it starts stays there."""

    def __init__(self, network):
        self.network = network

    def __enter__(self):
        self.own = open("/proc/self/ns/net", "rb")
        with open(f"/run/netns/{self.network}", "rb") as other:
            setns(other)

    def __exit__(self, *_):
        setns(self.own)
        self.own.close()


def setns(file):
    import contain
    contain.check(contain.LIBC.setns(file.fileno(), contain.CLONE_NEWNET), "setns")


def socket_in(network, kind=socket.SOCK_DGRAM):
    """A socket stays in the namespace in which it was made."""
    with Inside(network):
        return socket.socket(socket.AF_INET, kind)


def query(name, number, kind=1):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


def addresses_of(reply):
    """Of a reply to a question of query()'s; None: an error."""
    if reply[3] & 15:
        return None
    at, found = 12, []
    while reply[at]:
        at += 1 + reply[at]
    at += 5
    for _ in range(struct.unpack_from(">H", reply, 6)[0]):
        while reply[at] and reply[at] < 0xC0:
            at += 1 + reply[at]
        at += 2 if reply[at] else 1
        kind, _, _, size = struct.unpack_from(">HHIH", reply, at)
        at += 10 + size
        if kind == 1:
            found.append(socket.inet_ntoa(reply[at - 4:at]))
    return found


def ask(network, name, server, timeout_s=2):
    with socket_in(network) as own:
        own.settimeout(timeout_s)
        own.connect((server, 53))
        try:
            own.send(query(name, 4711))
            return addresses_of(own.recv(4096))
        except (TimeoutError, ConnectionError):
            return None


class Pod:
    """A pod of a workload on a node."""

    def __init__(self, cluster, workload, node):
        self.cluster, self.node, self.workload = cluster, node, workload
        self.spec = cluster.workload(workload)["spec"]["template"]["spec"]
        self.network = node if self.spec.get("hostNetwork") else f"{node}-{CLUSTER}"
        self.name = f"{workload}-on-{node}"
        self.folder = cluster.folder / self.name
        self.processes = {}

    def start(self):
        self.make_volumes()
        for one in self.spec.get("initContainers", []):
            process = self.start_container(one)
            if process.wait(timeout=60) != 0:
                raise AssertionError(f"{one['name']} of {self.name} ended with {process.returncode}: {self.log(one['name'])}")
        for one in self.spec["containers"]:
            self.restart(one["name"])
        return self

    def restart(self, name):
        self.processes[name] = self.start_container(next(one for one in self.spec["containers"] if one["name"] == name))

    def make_volumes(self):
        self.volumes = {}
        group = self.spec["securityContext"]["fsGroup"]
        for volume in self.spec["volumes"]:
            folder = self.folder / volume["name"]
            shutil.rmtree(folder, ignore_errors=True) if "hostPath" not in volume else None
            folder.mkdir(parents=True, exist_ok=True)
            self.volumes[volume["name"]] = folder
            if "configMap" in volume:
                swap(folder, self.cluster.config_map(volume["configMap"]["name"]), 0o644)
            elif "secret" in volume:
                swap(folder, {"token": TOKEN + "\n"}, volume["secret"]["defaultMode"], group)
            elif "emptyDir" in volume:
                os.chown(folder, 0, group)
                folder.chmod(0o2777)

    def start_container(self, one):
        security = {**self.spec["securityContext"], **one["securityContext"]}
        root = self.folder / f"root-{one['name']}"
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            run("cp", "-a", self.cluster.root, root)
        mounts = list(self.cluster.system)
        for mount in one["volumeMounts"]:
            source = self.volumes[mount["name"]] / mount.get("subPath", "")
            if not source.exists():  # as the kubelet makes a subPath
                source.mkdir(mode=0o750)
                os.chown(source, 0, self.spec["securityContext"]["fsGroup"])
                source.chmod(0o2770)
            mounts.append([str(source), mount["mountPath"], mount.get("readOnly", False)])
        spec = {"network": f"/run/netns/{self.network}", "root": str(root), "mounts": mounts,
                "user": security["runAsUser"], "group": security["runAsGroup"], "groups": [security["fsGroup"]],
                "capabilities": security["capabilities"].get("add", []), "argv": one["command"],
                "env": {"PATH": "/usr/sbin:/usr/bin", **{entry["name"]: entry["value"] for entry in one.get("env", [])}}}
        with open(self.folder / f"{one['name']}.log", "ab") as log:
            return subprocess.Popen([sys.executable, HERE / "contain.py", json.dumps(spec)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def probe(self, name, kind):
        """Whether the probe of the manifest succeeds."""
        one = next(each for each in self.spec["containers"] if each["name"] == name)
        probe = one[kind]
        if "exec" in probe:
            return self.start_container({**one, "name": name, "command": probe["exec"]["command"]}).wait(timeout=60) == 0
        port = next(each["containerPort"] for each in one["ports"] if each["name"] == probe["httpGet"]["port"])
        host = probe["httpGet"].get("host") or ("127.0.0.1" if self.network == self.node else f"10.244.{NODES[self.node][1]}.{CLUSTER}")
        done = inside(self.node, "curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", f"http://{host}:{port}{probe['httpGet']['path']}", check=False)
        return done.stdout == "200"

    def ready(self):
        return all(self.probe(one["name"], "readinessProbe") for one in self.spec["containers"])

    def wait_ready(self):
        try:
            wait_until(self.ready, 60, f"{self.name} to be ready", 0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(self.log(name) for name in self.processes)) from None
        return self

    def stop(self, number=signal.SIGTERM):
        for process in self.processes.values():
            process.send_signal(number)
        for process in self.processes.values():
            try:
                process.wait(timeout=self.spec["terminationGracePeriodSeconds"])
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def memory_mb(self):
        """Resident, and of that what is not shared, of every process of its containers."""
        total = {}
        for name, process in self.processes.items():
            rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:])
            total[name] = int(rows["Rss"].split()[0]) / 1024
        return total

    def cpu_s(self):
        ticks = os.sysconf("SC_CLK_TCK")
        return {name: sum(map(int, pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / ticks
                for name, process in self.processes.items()}


def swap(folder, files, mode, group=0):
    """Writes a ConfigMap's or Secret's volume as the kubelet does: into a new folder, then ..data points there, by rename."""
    fresh = folder / f"..{time.time_ns()}"
    fresh.mkdir(mode=0o755)
    for name, text in files.items():
        (fresh / name).write_text(text)
        os.chown(fresh / name, 0, group)
        (fresh / name).chmod(mode)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    before = os.readlink(folder / "..data") if (folder / "..data").is_symlink() else None
    (folder / "..data_tmp").symlink_to(fresh.name)
    os.rename(folder / "..data_tmp", folder / "..data")
    if before:
        shutil.rmtree(folder / before)
