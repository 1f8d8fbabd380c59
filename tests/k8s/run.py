#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The cases of issue "Kubernetes for real", on two nodes in two zones with real CoreDNS: see README.md. Prints what it measures.

    run.py COREDNS [CASE...]     root; tests/k8s/run.sh builds what it needs"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import cluster
from cluster import COREDNS, DNS_SERVICE, GATEWAYS, HERE, NAME, NODES, POD, POSTERN_SERVICE, Cluster, inside, popen, swap, wait_until

BOTH = set(GATEWAYS.values())
ROUNDS = int(os.environ.get("POSTERN_K8S_ROUNDS", "50"))
RATE = int(os.environ.get("POSTERN_K8S_RATE", "250"))  # lookups a second from each node
CACHE = re.compile(r"^    cache .*\{\n(?:        .*\n)*?    \}\n", re.M)


def say(case, text):
    print(f"{time.strftime('%H:%M:%S')} {case}: {text}", flush=True)


def blocks(world, cache=True):
    """What the cluster's DNS is told, by the program from the pods' own links."""
    file = world.folder / "links.toml"
    file.write_text(cluster.VALUES["config"])
    text = cluster.run(cluster.PROGRAMS / "postern", "k8s", "corefile", "--config", file, "--service", POSTERN_SERVICE).stdout
    return text if cache else CACHE.sub("", text)


def start(world, cache=True):
    world.start_cloud()
    world.clusters = {node: world.start_pod("postern-cluster", node) for node in NODES}
    world.nodes = {node: world.start_pod("postern-node", node) for node in NODES}
    for pod in world.pods:
        pod.wait_ready()
    world.blocks = blocks(world, cache)
    world.start_coredns(world.blocks)
    for node in NODES:
        wait_until(lambda node=node: set(world.addresses(node) or ()) == BOTH, 30, f"both addresses on {node}")


def restart_coredns(world, text):
    for process in world.coredns.values():
        process.kill()
        process.wait()
    world.start_coredns(text)
    for node in NODES:
        wait_until(lambda node=node: world.addresses(node), 30, "an answer")


def case_pods(world):
    """The manifests' pods run: what they may, what they are answered."""
    for pod in world.pods:
        for name, process in pod.processes.items():
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            say("pods", f"{pod.name} {name}: user {fields['Uid'].split()[0]}, CapPrm {fields['CapPrm']}, CapEff {fields['CapEff']}, NoNewPrivs {fields['NoNewPrivs']}, "
                        f"liveness {pod.probe(name, 'livenessProbe')}, readiness {pod.probe(name, 'readinessProbe')}")
            assert fields["CapEff"] == "0" * 16 and fields["NoNewPrivs"] == "1"
            assert fields["CapPrm"] == ("0000000000000400" if name == "resolver" else "0" * 16)
    for node, (zone, _) in NODES.items():
        by_node = cluster.ask(f"{node}-{POD}", NAME, "169.254.20.153")
        by_service = cluster.ask(f"{node}-{POD}", NAME, POSTERN_SERVICE)
        say("pods", f"a pod on {node} ({zone}): the node's resolver {by_node}, the Service {by_service}, CoreDNS {world.addresses(node)}")
        assert by_node[0] == GATEWAYS[zone], "the zone of the node comes first"
        assert set(by_service) == BOTH


def case_search(world):
    """A C library with ndots 5 and a search list asks for more names first: none of these comes to postern or to the VPC."""
    node = next(iter(NODES))
    before = len(world.upstream.control.log())
    etc = world.folder / "pod-etc"
    etc.mkdir(exist_ok=True)
    (etc / "resolv.conf").write_text(cluster.RESOLV_CONF)
    (etc / "nsswitch.conf").write_text("hosts: files dns\n")
    command = f"mount --bind {etc}/resolv.conf /etc/resolv.conf && mount --bind {etc}/nsswitch.conf /etc/nsswitch.conf && exec getent ahostsv4 {NAME}"
    times = []
    for _ in range(20):
        begun = time.monotonic()
        done = subprocess.run(["ip", "netns", "exec", f"{node}-{POD}", "unshare", "-m", "sh", "-c", command], capture_output=True, text=True, check=True, timeout=60)
        times.append(time.monotonic() - begun)
        assert {line.split()[0] for line in done.stdout.splitlines()} == BOTH, done.stdout
    asked = [entry for entry in world.upstream.control.log()[before:] if "cluster.local" in json.dumps(entry) or NAME in json.dumps(entry)]
    assert not asked, asked[:3]
    say("search", f"getent with ndots 5 and three search domains: 20 of 20 right, median {sorted(times)[10] * 1000:.0f} ms with the start of the program, longest {max(times) * 1000:.0f} ms; "
                  f"queries of the VPC's resolvers for it or for the search list: {len(asked)}")


def views(world):
    """What pods can be answered: by each node's resolver, and by each CoreDNS, which may have it in its cache."""
    return {f"{node} {what}": world.addresses(node, server) for node, (_, number) in NODES.items()
            for what, server in (("resolver", "169.254.20.153"), ("CoreDNS", f"10.244.{number}.{COREDNS}"))}


def case_zone(world):
    """A zone's gateway is cut off; how long a pod on each node can still get its address."""
    longest = 0
    for attempt in range(3):
        for zone, address in GATEWAYS.items():
            wait_until(lambda: all(set(answer or ()) == BOTH for answer in views(world).values()), 90, "both addresses everywhere", 0.5)
            time.sleep(attempt * 1.3)  # the fault meets the probes at other times
            world.kill_zone(zone)
            begun, last = time.monotonic(), {}
            while time.monotonic() - begun < max([8, *(seen + 7 for seen in last.values())]):
                for view, answer in views(world).items():
                    assert answer, f"no answer of {view}"
                    if address in answer:
                        last[view] = time.monotonic() - begun
                assert time.monotonic() - begun < 60, last
                time.sleep(0.05)
            world.revive()
            longest = max(longest, *last.values())
            say("zone", f"{zone} dies: its address was last answered after " + ", ".join(f"{took:.1f} s by {view}" for view, took in last.items()))
    say("zone", f"the longest of {3 * len(GATEWAYS)}: {longest:.1f} s")
    assert longest <= 15, longest


def case_config(world):
    """A ConfigMap's volume is swapped as the kubelet swaps it."""
    pod = world.nodes["node-a"]
    text = world.config_map("postern-node")["postern.toml"]
    times = []
    for address in ("10.0.9.1", "10.0.9.2", "10.0.9.3"):
        changed = text + f'\n[[link]]\nname = "second"\nhost = "second.cloud.name.test"\naddresses = ["{address}"]\nprobe = {{ enabled = false }}\n'
        swap(pod.volumes["config"], {"postern.toml": changed}, 0o644)
        begun = time.monotonic()
        wait_until(lambda address=address: cluster.ask(f"node-a-{POD}", "second.cloud.name.test", "169.254.20.153") == [address], 60, "the new name", 0.02)
        times.append(time.monotonic() - begun)
    swap(pod.volumes["config"], {"postern.toml": changed + "nonsense"}, 0o644)
    wait_until(lambda: "config_refused" in pod.log("agent"), 60, "the refusal")
    assert cluster.ask(f"node-a-{POD}", "second.cloud.name.test", "169.254.20.153") == ["10.0.9.3"]
    swap(pod.volumes["config"], {"postern.toml": text}, 0o644)
    wait_until(lambda: cluster.ask(f"node-a-{POD}", "second.cloud.name.test", "169.254.20.153") is None, 60, "the name to go")
    say("config", f"followed after {', '.join(f'{one:.1f} s' for one in times)} of the volume's swap (the kubelet's own delay, up to a minute, comes before); a mistake is refused and changes nothing")


def case_changes(world):
    """One postern of two is killed, restarted, upgraded, under lookups from both nodes, with nothing kept by CoreDNS."""
    restart_coredns(world, blocks(world, cache=False))
    loads, outs = [], []
    for node in NODES:
        outs.append(world.folder / f"lookups-{node}.json")
        loads.append(popen(f"{node}-{POD}", [sys.executable, HERE / "lookups.py", NAME, DNS_SERVICE, RATE, outs[-1]], world.folder / "lookups.log"))
    for out in outs:
        wait_until(lambda out=out: pathlib.Path(str(out) + ".begun").exists(), 30, "the lookups to begin")
    counts = {"killed": 0, "restarted": 0, "upgraded": 0}
    begun = time.monotonic()
    for at in range(ROUNDS):
        pod = list(world.nodes.values())[at % 2]
        what = list(counts)[at % 3]
        counts[what] += 1
        if what == "upgraded":  # the whole pod goes and another comes
            pod.stop()
            time.sleep(0.5)
            pod.start()
        else:  # a container ends and the kubelet starts it again
            name = ("resolver", "agent")[at // 6 % 2]
            pod.processes[name].send_signal(signal.SIGKILL if what == "killed" else signal.SIGTERM)
            pod.processes[name].wait(timeout=20)
            time.sleep(0.5)
            pod.restart(name)
        pod.wait_ready()
    took = time.monotonic() - begun
    results = []
    for load, out in zip(loads, outs):
        for pid in children(load.pid) or [load.pid]:
            os.kill(pid, signal.SIGTERM)
        load.wait(timeout=60)
        results.append(json.loads(out.read_text()))
    say("changes", f"{ROUNDS} in {took:.0f} s: {counts}")
    for node, result in zip(NODES, results):
        say("changes", f"a pod on {node}: {result['sent']} lookups at {RATE}/s, answered {result['answered']}, lost {result['lost']}, wrong {len(result['wrong'])} {result['wrong'][:5]}, "
                       f"sent again {result['again']}; ms median {result['ms']['0.5']}, 99 % {result['ms']['0.99']}, 99.9 % {result['ms']['0.999']}, longest {result['ms']['1']}")
    restart_coredns(world, world.blocks)
    assert not any(result["lost"] or result["wrong"] for result in results)


def children(pid):
    return [int(one) for one in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def case_one_node(world):
    """A node's postern is away for good: its pods are answered through the Service."""
    restart_coredns(world, blocks(world, cache=False))
    pod = world.nodes["node-a"]
    pod.stop()
    times = []
    while len(times) < 200:
        for node in NODES:
            begun = time.monotonic()
            answer = cluster.ask(f"{node}-{POD}", NAME, DNS_SERVICE, timeout_s=5)
            times.append(time.monotonic() - begun)
            assert answer and set(answer) == BOTH, (node, answer)
        time.sleep(0.02)
    slow = [round(one, 2) for one in times if one > 0.5]
    say("one node", f"node-a without postern, nothing kept by CoreDNS: {len(times)} of {len(times)} lookups right at the first try; longer than half a second: {slow}")
    assert inside("node-a", "ip", "-br", "address", "show", "dev", "postern-pods").stdout.strip(), "the address stays: refused, not sent to a router"
    pod.start()
    pod.wait_ready()
    restart_coredns(world, world.blocks)


def case_cost(world):
    """Memory and CPU of the DaemonSet's pods at rest."""
    before = {node: pod.cpu_s() for node, pod in world.nodes.items()}
    time.sleep(60)
    for node, pod in world.nodes.items():
        after, memory = pod.cpu_s(), pod.memory_mb()
        say("cost", f"{pod.name} at rest: " + ", ".join(f"{name} {memory[name]:.1f} MB, {(after[name] - before[node][name]) / 60 * 100:.2f} % of a core" for name in memory))


CASES = [case_pods, case_search, case_one_node, case_config, case_zone, case_changes, case_cost]


def main():
    wanted = sys.argv[2:]
    world = Cluster(sys.argv[1])
    try:
        start(world)
        for case in CASES:
            if not wanted or case.__name__.removeprefix("case_") in wanted:
                case(world)
    except BaseException:
        for pod in world.pods:
            for name in pod.processes:
                print(f"--- {pod.name} {name}\n{pod.log(name)}", file=sys.stderr)
        for node in NODES:
            log = world.folder / f"coredns-{node}.log"
            print(f"--- CoreDNS on {node}\n{log.read_text()[-1500:] if log.exists() else ''}", file=sys.stderr)
        raise
    finally:
        world.close()


if __name__ == "__main__":
    main()
