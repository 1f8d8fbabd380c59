// SPDX-License-Identifier: Apache-2.0
// The states of a host that the page is looked at in: tests, screenshots, tests/bench/page.

import { told } from "./agent_words.mjs";
import { address, ago, certificate, dead, fault, HOSTILE, hostSteps, link, note, result, status, step } from "./fixtures.mjs";

const FLEET_LIST = { place: "oss://fleet-lists/prod.json", fleet: "prod", fleet_only: false, answered: ago(14), newest_generation: 1204, generation: 1204, publisher: "ops-1", written: ago(2100),
                     not_after: ago(-1500), age_s: 2100, endpoints: 1, error: null, refused: null };

function withList(...of) {
    const s = status(...of);
    s.discovery.list = FLEET_LIST;
    return s;
}

// Names other than the private ones are not resolved.
function withUpstreams(state, code, text, zh) {
    const servers = ["100.100.2.136:53", "100.100.2.138:53"];
    const s = status([link("tdengine-prod", [address(257)])], { overall: "failed" }, told(code, { servers: servers.join(", "), address: "10.1.1.1" }, { since: ago(734) }));
    s.resolver.upstreams = servers.map((server) => dead(server, { state, ...(state !== "silent" && { answered: 812, timeouts: 0, srtt_us: 900 }) }));
    s.steps = hostSteps({ upstreams: step("upstreams", "fail", `2 of 2: ${text}`, `2 个中 2 个：${zh}`) });
    return s;
}

export const scenes = {
    first: () => status([link("tdengine-prod", [address(257, "unknown"), address(514, "unknown")], { state: "unknown", path: "unknown", service: "unknown", first_sweep_done: false,
                              faults: [told("PN-ADDRESS-STARTING", { link: "tdengine-prod", what: { section: "starting", key: "probes" } }, { severity: "unknown", since: ago(2) })] })],
                        { overall: "unknown", headline: "the first probes are under way", started: ago(2) }),
    lostUpstreams: () => withUpstreams("silent", "PN-UPSTREAM-SILENT", "no answer", "无应答"),
    captive: () => withUpstreams("one_address", "PN-UPSTREAM-ONE-ADDRESS", "one address", "同一地址"),
    takeoverOff: () => status([link("tdengine-prod", [address(257), address(514)])], { overall: "degraded", host_dns: { state: "off", path: null, mode: null, since: null, decision: null, answers: null, asks: "no", text: "off: this host's programs ask their own nameservers", texts: { zh: { text: "postern 未接管本机的 DNS" } } },
          steps: hostSteps({ host: step("host", "warn", "does not ask postern", "未使用 postern 解析") }) }, told("PN-RESOLV-UNASKED", { servers: "100.100.2.136" }, { since: ago(734) })),
    zoneDown: () => status([link("tdengine-prod", [1, 2, 3, 4, 5, 6].map((i) => address(i, i % 3 === 1 ? "down" : "up")))]),
    allDown: () => status([link("tdengine-prod", [1, 2, 3].map((i) => address(i, "down", { answered: true })))]),
    listOld: () => withList([link("tdengine-prod", [address(257), address(514)], { discovery: { known: true, source: "list", confirmed: ago(2100), changed: ago(86400), request_id: null, waiting_for: null, error: null, endpoints: [] } })], { overall: "degraded" },
                          told("PN-LIST-OLD", { fleet: "prod", written: "2026-03-04T04:31:07Z", publisher: "ops-1", until: "2026-03-04T05:31:07Z", why: { section: "list", key: "old" } }, { since: ago(300) })),
    listRefused: () => withList([link("tdengine-prod", [address(257), address(514)], { discovery: { known: true, source: "list", confirmed: ago(2100), changed: ago(86400), request_id: null, waiting_for: null, error: null, endpoints: [] } })], { overall: "degraded" },
                              told("PN-LIST-REFUSED", { fleet: "prod", place: "oss://fleet-lists/prod.json", why: { section: "list", key: "signature" }, problem: "-" }, { since: ago(300) })),
    noToken: () => status([link("tdengine-prod", [address(257, "tokenless"), address(514, "tokenless")], { state: "degraded", service: "unknown", token_problem: "/etc/postern/tdengine.token: permission denied",
                                faults: [told("PN-CONFIG-TOKEN", { link: "tdengine-prod", problem: "/etc/postern/tdengine.token: permission denied", file: "/etc/postern/tdengine.token" }, { severity: "warn", since: ago(734) })] })]),
    several: () => status(["prod", "test", "staging", "archive", "metrics"].map((name, i) => link(name, [address(i * 2 + 1, i % 2 ? "service" : "down"), address(i * 2 + 2, i === 3 ? "up" : "down")]))),
    stuck: () => status([link("tdengine-prod", [address(257), address(514, "down", { connections: { total: 9, idle: 0, stuck: 5, users: [], more_users: 0 } })],
                              { connections: { bypass: [], notes: [note("withdrawn", "10.0.2.2", 9, 5)] } })]),
    drained: () => status([link("tdengine-prod", [address(257), address(514, "up", { answered: false, drained: true })])],
                          { drains: [{ target: "cn-hangzhou-i", began: ago(600), until: ago(-3600), reason: "new cable", free: false }] }),
    expiring: () => status([link("tdengine-prod", [address(257, "degraded", { certificate_expiring: true, last: result(null, { certificate: certificate({ not_after: ago(-5 * 86400), chain_not_after: ago(-5 * 86400) }) }) })],
                                 { faults: [told("PN-TLS-EXPIRING", { link: "tdengine-prod", ip: "10.0.1.1", zone: "cn-hangzhou-j", left: 5 }, { since: ago(734) })] })]),
    young: () => status([link("young", [address(257), address(514, "up", { availability_24h: { percent: 98.41, attempts: 126, failures: 2, p95_us: 4100, since: ago(40 * 60) },
                                                         availability_30d: { percent: 98.41, attempts: 126, failures: 2, since: ago(21 * 60), covered_s: 21 * 60 } })])], { started: ago(21 * 60) }),
    none: () => status([]),
    gone: () => scenes.three(),
    older: () => status([link("tdengine-prod", [address(257), address(514)])], { overall: "degraded" },
                        told("PN-CONFIG-OLDER", { file: "/etc/postern/postern.toml", changed: "2026-03-04T04:59:00Z", loaded: "2026-03-03T05:06:07Z" }, { since: ago(427) })),
    one: () => status([link("tdengine-prod", [address(257)])]),
    three: () => status([
        link("tdengine-prod", [address(257), address(514, "down")], { compare: {
            gateway: "gw.cloud.tdengine.example", finding: "both_work", text: "median 3.1 ms, over the public gateway 12.4 ms: the private path saves 9.3 ms", texts: { zh: { text: "中位数 3.1 ms，经公网网关 12.4 ms：私网路径快 9.3 ms" } }, interval_us: 3e8,
            last_attempt: ago(75), ip: "203.0.113.9", attempts_total: 12, failures_total: 0, private_median_us: 3120, public_median_us: 12400, lookup_error: null, last: result() } }),
        link("tdengine-test", [address(771)])]),
    states: () => status([
        link("every-state", [address(1), address(2, "degraded"), address(3, "down"), address(4, "unknown"), address(5, "refused"), address(6, "service"), address(7, "unauthorised"), address(8, "local")]),
        link("not-probed", [address(9, "unknown")], { probing: false, state: "unknown" }),
        link("no-token", [address(10, "up", { service: "unknown", state: "unknown", last: result("token_missing") })], { token_configured: false, state: "up" }),
        link("waiting", [], { state: "down", faults: [told("PN-ADDRESS-NONE", { link: "waiting", why: { section: "none", key: "waiting" }, problem: "the connection is Pending" }, { severity: "fail" })],
                              discovery: { known: false, source: "none", confirmed: null, changed: null, request_id: null, waiting_for: "the connection is Pending", endpoints: [],
                                           error: { code: "api_denied", what: "NoPermission: privatelink:ListVpcEndpointZones", hint: "give the RAM role this action", since: ago(600) } } }),
        link("web", [address(12)], { kind: "https", token_configured: false, request: { server_name: null, path: "/", sql: null, ca_file: null, curl: "curl -sS -m 10 --resolve web.private.cloud.tdengine.example:443:{ip} https://web.private.cloud.tdengine.example/" } }),
        link("fixed", [address(11)], { discovery: { known: true, source: "fixed", confirmed: null, changed: null, request_id: null, waiting_for: null, error: null, endpoints: [] } })],
        { warnings: ["the snapshot can't be written: no space left on device"], warning_kinds: ["agent"] },
        told("PN-AGENT-WARNING", { problem: "the snapshot can't be written: no space left on device" }, { since: ago(60) })),
    thousand: () => status([link("fleet", Array.from({ length: 1000 }, (_, i) => address(i + 1, i % 97 === 5 ? "down" : i % 41 === 3 ? "degraded" : "up")))]),
    hostile: () => status([link("tdengine-prod", [address(257, "up", { zone: HOSTILE, last: result("sql_error", { detail: HOSTILE, certificate: certificate({ subject: HOSTILE, issuer: HOSTILE, names: [HOSTILE] }) }) })],
                                { host: HOSTILE, faults: [fault("PN-X", { link: "tdengine-prod", cause: HOSTILE, next_step: HOSTILE })], state: "down" })], { headline: `tdengine-prod: ${HOSTILE}`, overall: "failed", warnings: [HOSTILE], warning_kinds: ["agent"] },
                          fault("PN-Y", { cause: HOSTILE, next_step: HOSTILE, fix: ["echo", HOSTILE] })),
};
