// SPDX-License-Identifier: Apache-2.0
// What an agent would say: status documents, probe records and histories of the shape of the real ones
// (tests/e2e/test_page.py compares their keys with those of a real agent).

import { codeOf, told } from "./agent_words.mjs";

const ZONES = ["cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j"];
export const NOW = Date.parse("2026-03-04T05:06:07.000Z");
const iso = (ms) => new Date(ms).toISOString().replace("Z", "000Z");
export const ago = (seconds) => iso(NOW - seconds * 1000);

export const HOSTILE = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>'\"&amp;\u202e\u0000</td></table>";

const FAILURES = {
    tcp_timeout: ["connect", "no reply within 1.2 s"], tcp_refused: ["connect", "connection refused"], cert_name_mismatch: ["tls", "expected gw-private.example, found *.other.example"],
    http_status_5xx: ["reply", "HTTP 503"], http_status_401: ["reply", "HTTP 401"], sql_error: ["sql", "code 0x2600: syntax error near \"selec\""],
    local_fd_limit: ["connect", "EMFILE"], token_missing: ["reply", ""],
};

export function certificate(changes = {}) {
    return { subject: "CN=*.private.cloud.tdengine.example", issuer: "CN=Example TLS CA 1,O=Example Trust", names: ["*.private.cloud.tdengine.example"],
             fingerprint_sha256: "3f".repeat(32), not_after: ago(-63 * 86400), chain_not_after: ago(-63 * 86400), ...changes };
}

export function result(reason = null, changes = {}) {
    const [phase, detail] = FAILURES[reason] ?? [null, null];
    const times = { connect_us: 412, tls_us: 1830, request_us: 22, ttfb_us: 1204, transfer_us: 31 };
    const reached = phase === "connect" ? 1 : phase === "tls" ? 2 : 5;
    const names = Object.keys(times);
    for (const name of names.slice(reached)) times[name] = null;
    if (reason === "tcp_timeout") times.connect_us = 1200000;
    return { ts: ago(2), ok: reason === null, phase, reason, detail: detail || null, ...times, total_us: Object.values(times).reduce((a, b) => a + (b ?? 0), 0),
             http_status: reached === 5 ? (reason === "http_status_5xx" ? 503 : reason === "http_status_401" ? 401 : 200) : null,
             sql_code: reason === null ? 0 : reason === "sql_error" ? 9728 : null, ws_us: null, tls_version: reached > 1 ? "TLSv1.3" : null,
             certificate: reached > 1 ? certificate() : null, ...changes };
}

const STATES = {  // state of an address → path, service, reason of its last probe
    up: ["up", "up", null], degraded: ["up", "degraded", null], down: ["down", "unknown", "tcp_timeout"], unknown: ["unknown", "unknown", null],
    refused: ["down", "unknown", "tcp_refused"], service: ["up", "down", "http_status_5xx"], unauthorised: ["up", "down", "http_status_401"], local: ["unknown", "unknown", "local_fd_limit"], tokenless: ["up", "unknown", "token_missing"],
};

export function address(i, kind = "up", changes = {}) {
    const [path, service, reason] = STATES[kind];
    const failing = reason !== null && kind !== "tokenless";
    const last = kind === "unknown" ? null : result(reason);
    return { ip: `10.${i >> 16 & 255}.${i >> 8 & 255}.${i & 255}`, zone: ZONES[i % 3], endpoint: `ep-bp1example${i % 3}`, state: path === "up" ? service : path, path, service,
             answered: path !== "down", drained: false, since: ago(failing ? 734 : 86400 * 3), streak: failing ? -12 : 240, last,
             certificate_expiring: false,
             availability_30d: last && { percent: failing ? 99.6 : 99.99, attempts: 250000, failures: failing ? 900 : 4, since: ago(2592000), covered_s: 2592000 },
             availability_24h: last && { percent: failing ? 98.12 : 99.99, attempts: 8640, failures: failing ? 162 : 1, p95_us: 4200 + i % 7 * 300, since: ago(86000) },
             recent: kind === "unknown" ? "" : failing ? "+".repeat(47) + "x+".padEnd(13, "x") : kind === "degraded" ? "+".repeat(40) + "~".repeat(20) : "+".repeat(33) + "x" + "+".repeat(26),
             connections: { total: 4, idle: 3, stuck: 0, users: [], more_users: 0 }, ...changes };
}

export function link(name, addresses, changes = {}) {
    const down = addresses.filter((a) => a.state === "down");
    const state = addresses.length === 0 ? "unknown" : down.length === 0 ? (addresses.some((a) => a.state !== "up") ? "degraded" : "up") : down.length === addresses.length ? "down" : "degraded";
    const worst = down[0], faults = faultsOfAddresses(name, addresses, state === "down" ? "fail" : "warn");
    const given = { name, host: `${name}.private.cloud.tdengine.example`, port: 443, state, path: state, service: state, faults,
             finding: worst ? { code: "reason", reason: worst.last.reason, owner: "you", ip: worst.ip, zone: worst.zone, alike: down.length } : null,
             policy: "any", kind: "tdengine", request: { server_name: null, path: "/rest/sql", sql: "select 1", ca_file: null, curl: `curl -sS -m 10 --resolve ${name}.private.cloud.tdengine.example:443:{ip} -d 'select 1' "https://${name}.private.cloud.tdengine.example/rest/sql?token=$TOKEN"` }, probing: true, token_configured: true, token_problem: null, first_sweep_done: true, answer: addresses.filter((a) => a.answered).map((a) => a.ip),
             all_down: addresses.length > 0 && down.length === addresses.length, answers_total: 4711,
             discovery: { known: true, source: "api", confirmed: ago(14), changed: ago(86400 * 9), request_id: "1A2B", waiting_for: null, error: null,
                          endpoints: [{ endpoint: "ep-bp1example0", status: "Active", business_status: "Normal", connection_status: "Connected", service_name: "com.example", domain: "ep.example", request_id: "1A2B", zones: [] }] },
             addresses, compare: null, connections: { bypass: [], notes: [] }, ...changes };
    given.cause = given.faults[0]?.cause ?? null;
    given.fix = given.faults[0]?.next_step ?? null;
    return { steps: stepsOf(given), ...given };
}

// One for each reason, as agent/status/link_judge.cpp groups them.
function faultsOfAddresses(name, addresses, severity) {
    const bad = addresses.filter((a) => a.state === "down"), reasons = [...new Set(bad.map((a) => a.last.reason))];
    return reasons.map((reason) => {
        const [first, ...alike] = bad.filter((a) => a.last.reason === reason);
        const subject = alike.length === 0 ? null : { section: "subjects", key: alike.length + 1 === addresses.length ? "every" : "more" };
        return told(codeOf(reason), { link: name, ip: first.ip, zone: first.zone, more: alike.length, count: alike.length + 1, subject, port: 443 }, { severity, since: ago(734) });
    });
}

// What the agent says of the way, in short: agent/status/path_steps.cpp has the rules and their tests.
const step = (name, state, text, zh = text) => ({ step: name, state, text, texts: { zh: { text: zh } } });
function stepsOf({ addresses, discovery, all_down, answer, probing, connections }) {
    const last = probing ? addresses.filter((a) => a.last).map((a) => a.last) : [], order = ["connect", "tls", "reply", "sql"];
    const late = last.filter((r) => r.reason === "tcp_timeout").length;
    const reached = order.map((phase, i) => {
        const here = last.filter((r) => !r.phase || order.indexOf(r.phase) >= i), passed = here.filter((r) => r.phase !== phase || r.reason === "token_missing").length;
        const name = ["tcp", "tls", "http", "sql"][i];
        return here.length === 0 ? step(name, "unknown", probing ? "not reached: TCP" : "not probed", probing ? "未到达此步：TCP" : "未探测")
            : step(name, passed === here.length ? "pass" : passed ? "warn" : "fail", `${passed} of ${here.length}`, `${passed}/${here.length}`);
    });
    const stuck = connections.notes.reduce((sum, n) => sum + n.stuck, 0);
    return [discovery.error ? step("credentials", "fail", discovery.error.what) : discovery.source === "fixed" ? step("credentials", "unknown", "not needed without the cloud API", "无需凭证：地址不来自云 API") : step("credentials", "pass", "the API answers", "API 响应正常"),
            discovery.waiting_for ? step("endpoint", "fail", discovery.waiting_for) : step("endpoint", "pass", "Connected"),
            addresses.length === 0 ? step("dns", "unknown", "not reached: Endpoint", "未到达此步：终端节点") : all_down ? step("dns", "warn", "all down: all are answered", "全部不通，应答全部地址") : step("dns", "pass", `answers ${answer.length} of ${addresses.length}`, `应答 ${answer.length}/${addresses.length} 个地址`),
            late ? step("group", "warn", late === last.length ? "TCP times out: check here first" : `${late} of ${last.length} time out`, "TCP 超时，先查安全组") : last.length === 0 ? step("group", "unknown", "TCP shows whether it is open", "仅能通过 TCP 判断") : step("group", "pass", "allows TCP 443", "已放行 TCP 443"),
            ...reached, stuck ? step("connections", "warn", `${stuck} stuck on ${connections.notes[0].ip}`, `${connections.notes[0].ip} 上有 ${stuck} 个卡住`)
                : step("connections", "pass", `${4 * addresses.length} open, none stuck`, `${4 * addresses.length} 个，均未卡住`)];
}
export const hostSteps = (changes = {}) => Object.values({ host: step("host", "pass", "asks postern for the private names", "私有域名由 postern 解析"),
    resolver: step("resolver", "pass", "answers on 127.0.0.153:53", "监听 127.0.0.153:53"), upstreams: step("upstreams", "pass", "2 of 2 answer", "2 个中 2 个有应答"), ...changes });
export { step };

// A fault of a test's own words.
export function fault(code, changes = {}) {
    return { code, severity: "fail", owner: "you", link: null, ip: null, cause: code, next_step: null, fix: null, since: ago(734), values: {},
             texts: { zh: { cause: code, next_step: null } }, ...changes };
}

export function status(links, changes = {}, ...faults) {
    const bad = links.find((l) => l.state === "down") ?? links.find((l) => l.state === "degraded");
    const all = links.flatMap((l) => l.addresses);
    const more = links.filter((l) => l.cause).length - 1;
    return { schema_version: 1, ts: iso(NOW), overall: !bad ? "good" : bad.state === "down" ? "failed" : "degraded",
             headline: links.length === 0 ? "no links: postern only forwards" : bad ? `${bad.name}: ${bad.cause ?? bad.state}${more > 0 ? ` (and ${more} more)` : ""}`
                 : `${links.length} link${links.length === 1 ? "" : "s"}, ${all.length} of ${all.length} addresses up`,
             headline_link: bad?.name ?? null, headline_more: Math.max(more, 0),
             texts: { zh: { headline: links.length === 0 ? "未配置任何连接：postern 只做转发" : `${links.length} 个连接，${all.length} 个地址中 ${all.length} 个正常` } },
             version: "0.1.0", started: ago(3 * 86400), config: { path: "/etc/postern/postern.toml", loaded: ago(86400), reload_ok: true, problem: null },
             host: { name: "app-server-1", instance: "i-bp1example", region: "cn-hangzhou", zone: "cn-hangzhou-h" }, links: links.map(({ faults: _, ...rest }) => rest),
             resolver: { running: true, managed: true, pid: 4321, restarts: 0, problem: null, listen: ["127.0.0.153:53"],
                         plan: { published_generation: 21474836492, accepted_generation: 21474836492, accepted: true, source: "current", refused_total: 0, last_refusal: null },
                         upstream_source: "/etc/resolv.conf",
                         upstreams: [{ address: "100.100.2.136:53", srtt_us: 412, sent: 93612, answered: 93610, timeouts: 2, servfail: 0, refused: 0, network_errors: 0, tcp: 12, state: "works" },
                                     { address: "100.100.2.138:53", srtt_us: 508, sent: 48, answered: 48, timeouts: 0, servfail: 0, refused: 0, network_errors: 0, tcp: 0, state: "works" }],
                         started: ago(3 * 86400), queries: { private: 48211, cache: 210544, stale: 31, upstream: 93612, local: 870, refused: 2 },
                         cache: { entries: 1842, bytes: 402112, hits: 210575, misses: 93650, evictions: 0 }, inflight: 0, tcp_clients: 0 },
             host_dns: { state: "on", path: "works", mode: "split", since: ago(86400 * 3), decision: "hostdns: resolved", text: "on, split since 2026-03-01 05:06:07: the private names go to 127.0.0.153:53", texts: { zh: { text: "已接管：私有域名由 127.0.0.153:53 解析" } } },
             steps: hostSteps(),
             discovery: { last_success: ago(14), changes_total: 3, list: null, requests: [{ action: "ListVpcEndpointZones", code: "ok", count: 4210 }, { action: "ListVpcEndpointZones", code: "Throttling", count: 2 }] },
             probes: { attempts_total: 52000, missed_total: 0, failures_total: { tcp_timeout: 174 } }, warnings: [], warning_kinds: [], drains: [],
             faults: [...links.flatMap((l) => l.faults ?? []), ...faults].sort((a, b) => (a.severity > b.severity) - (a.severity < b.severity)),
             connections: { known: true, scope: "network_namespace", looked: ago(3), complete: true, looks_total: 900, took_us: 2100, error: null }, ...changes };
}

export function record(ip, seq, reason = null, changes = {}) {
    const { certificate: seen, tls_version, ...last } = result(reason);
    return { ...last, ts: iso(NOW + seq * 1000), link: "tdengine-prod", host: "gw.example", ip, zone: "cn-hangzhou-h", endpoint: "ep-bp1example0", cert_not_after: seen?.not_after ?? null,
             path: reason ? "down" : "up", service: reason ? "unknown" : "up", state: reason ? "down" : "up", prev_state: "up", seq, ...changes };
}

// A day of minutes or a month of hours, with a bad stretch in the last hour.
export function history(link_, ip, resolution) {
    const period = resolution === "hour" ? 3600 : 60, count = resolution === "hour" ? 720 : 1440;
    const end = Math.floor(NOW / 1000 / period) * period;
    const rows = Array.from({ length: count }, (_, i) => count - 1 - i);
    const wave = (i) => 2600 + 700 * Math.sin(i / 97) + 260 * Math.sin(i * 1.7) + (i > 200 && i < 230 ? 2400 : 0);
    const of = (factor) => {
        const marks = (mark) => rows.map((i) => (resolution === "minute" && i >= 9 && i < 13 ? null : Math.round(wave(i) * factor * mark)));
        return { min: marks(.8), p50: marks(1), p95: marks(1.45), p99: marks(1.7), max: marks(2) };
    };
    const recorded = (i) => link_ !== "young" || end - i * period + period > NOW / 1000 - 21 * 60;  // 21 minutes of records
    const failures = rows.map((i) => (resolution === "minute" ? (i >= 9 && i < 13 ? 6 : i === 700 ? 1 : 0) : i === 0 ? 24 : i === 300 ? 2 : 0));
    return { schema_version: 1, link: link_, ip, resolution, period_s: period, start: rows.map((i) => end - i * period), attempts: rows.map((i) => (recorded(i) ? period / 10 : 0)), failures: failures.map((n, i) => (recorded(rows[i]) ? n : 0)),
             reasons: { tcp_timeout: failures }, connect_us: of(.13), tls_us: of(.5), request_us: of(.01), ttfb_us: of(.34), transfer_us: of(.02), total_us: of(1) };
}

export const note = (kind, ip, total, stuck = 0) => ({ kind, ip, uid: 1000, total, stuck, stuck_for_us: stuck ? 734e6 : null, at_least: false, text: `uid 1000: ${total} connections on ${ip}`, texts: { zh: { text: `uid 1000 有 ${total} 个 TCP 连接在 ${ip} 上` } } });
export const dead = (address_, changes) => ({ address: address_, srtt_us: 0, sent: 812, answered: 0, timeouts: 812, servfail: 0, refused: 0, network_errors: 0, tcp: 0, state: "silent", ...changes });

// The incidents of these links, as the agent lists them.
export const incidents = (links, link_, ip) => {
    const list = links.filter((l) => !link_ || l.name === link_).flatMap((l) => {
        const bad = l.addresses.filter((a) => a.last && !a.last.ok && a.last.reason !== "token_missing" && (!ip || a.ip === ip));
        return bad.length === 0 ? [] : [{ link: l.name, ips: bad.slice(0, 10).map((a) => a.ip), addresses: bad.length, began: ago(734), last: ago(2), open: true, failures: 12 * bad.length, reasons: [...new Set(bad.map((a) => a.last.reason))].slice(0, 3) }];
    });
    const old = links.filter((l) => l.name === (link_ || l.name)).slice(0, 1).flatMap((l) => l.addresses.slice(0, 1)).map((a) => ({ link: link_ || links[0].name, ips: [ip || a.ip], addresses: 1, began: ago(42000), last: ago(41940), open: false, failures: 1, reasons: ["tcp_timeout"] }));
    return { schema_version: 1, ts: iso(NOW), total: list.length + old.length, incidents: [...list, ...old] };
};
