// SPDX-License-Identifier: Apache-2.0
// What an agent would say: status documents, probe records and histories of the shape of the real ones
// (tests/e2e/test_page.py compares their keys with those of a real agent).

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
    refused: ["down", "unknown", "tcp_refused"], service: ["up", "down", "http_status_5xx"], unauthorised: ["up", "down", "http_status_401"], local: ["unknown", "unknown", "local_fd_limit"],
};

export function address(i, kind = "up", changes = {}) {
    const [path, service, reason] = STATES[kind];
    const failing = reason !== null;
    const last = kind === "unknown" ? null : result(reason);
    return { ip: `10.${i >> 16 & 255}.${i >> 8 & 255}.${i & 255}`, zone: ZONES[i % 3], endpoint: `ep-bp1example${i % 3}`, state: path === "up" ? service : path, path, service,
             answered: path !== "down", drained: false, since: ago(failing ? 734 : 86400 * 3), streak: failing ? -12 : 240, last,
             availability_30d: last && { percent: failing ? 99.6 : 99.99, attempts: 250000, failures: failing ? 900 : 4, since: ago(2592000), covered_s: 2592000 },
             availability_24h: last && { percent: failing ? 98.12 : 99.99, attempts: 8640, failures: failing ? 162 : 1, p95_us: 4200 + i % 7 * 300, since: ago(86000) },
             recent: kind === "unknown" ? "" : failing ? "+".repeat(47) + "x+".padEnd(13, "x") : kind === "degraded" ? "+".repeat(40) + "~".repeat(20) : "+".repeat(33) + "x" + "+".repeat(26),
             connections: { total: 4, idle: 3, stuck: 0, users: [], more_users: 0 }, ...changes };
}

export function link(name, addresses, changes = {}) {
    const down = addresses.filter((a) => a.state === "down");
    const state = addresses.length === 0 ? "unknown" : down.length === 0 ? (addresses.some((a) => a.state !== "up") ? "degraded" : "up") : down.length === addresses.length ? "down" : "degraded";
    const worst = down[0];
    const cause = worst && `${worst.ip} (${worst.zone}) does not answer: no reply on port 443 (${worst.last.reason})`;
    const given = { name, host: `${name}.private.cloud.tdengine.example`, port: 443, state, path: state, service: state, cause: cause ?? null,
             fix: cause ? "allow TCP 443 from this host in the endpoint's security group, and check its connection state in the VPC console" : null,
             finding: worst ? { code: "reason", reason: worst.last.reason, owner: "you", ip: worst.ip, zone: worst.zone, alike: down.length } : null,
             policy: "any", kind: "tdengine", request: { server_name: null, path: "/rest/sql", sql: "select 1", ca_file: null, curl: `curl -sS -m 10 --resolve ${name}.private.cloud.tdengine.example:443:{ip} -d 'select 1' "https://${name}.private.cloud.tdengine.example/rest/sql?token=$TOKEN"` }, probing: true, token_configured: true, token_problem: null, first_sweep_done: true, answer: addresses.filter((a) => a.answered).map((a) => a.ip),
             all_down: addresses.length > 0 && down.length === addresses.length, answers_total: 4711,
             discovery: { known: true, source: "api", confirmed: ago(14), changed: ago(86400 * 9), request_id: "1A2B", waiting_for: null, error: null,
                          endpoints: [{ endpoint: "ep-bp1example0", status: "Active", business_status: "Normal", connection_status: "Connected", service_name: "com.example", domain: "ep.example", request_id: "1A2B", zones: [] }] },
             addresses, compare: null, connections: { bypass: [], notes: [] }, ...changes };
    return { steps: stepsOf(given), ...given };
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

const ZH = { tcp_timeout: ["没有响应：连接端口 443 超时", "在终端节点的安全组中放行本机到 TCP 443 的流量，并在专有网络控制台查看终端节点的连接状态"], http_status_5xx: ["返回服务器错误", "查看实例的状态"] };

export function fault(code, changes = {}) {
    return { code, severity: "fail", owner: "you", link: null, ip: null, cause: code, next_step: null, fix: null, since: ago(734), values: {},
             texts: { zh: { cause: code, next_step: null } }, ...changes };
}

// What the agent says of a link's cause.
function faultOfLink({ name, state, cause, fix, finding }) {
    const [zhCause, zhFix] = ZH[finding?.reason] ?? ["故障", "请联系管理员"];
    return fault(`PN-${(finding?.reason ?? finding?.code ?? "waiting").toUpperCase().replaceAll("_", "-")}`, {
        severity: state === "down" ? "fail" : "warn", owner: finding?.code === "certificate" ? "tdengine" : "you", link: name, ip: finding?.ip ?? null, cause, next_step: fix,
        texts: { zh: { cause: `${finding?.ip ?? ""}${finding?.zone ? ` (${finding.zone})` : ""} ${zhCause}${finding?.reason ? ` (${finding.reason})` : ""}`, next_step: zhFix } } });
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
             host: { name: "app-server-1", instance: "i-bp1example", region: "cn-hangzhou", zone: "cn-hangzhou-h" }, links,
             resolver: { running: true, managed: true, pid: 4321, restarts: 0, problem: null, listen: ["127.0.0.153:53"],
                         plan: { published_generation: 21474836492, accepted_generation: 21474836492, accepted: true, source: "current", refused_total: 0, last_refusal: null },
                         upstream_source: "/etc/resolv.conf",
                         upstreams: [{ address: "100.100.2.136:53", srtt_us: 412, sent: 93612, answered: 93610, timeouts: 2, servfail: 0, refused: 0, network_errors: 0, tcp: 12, state: "works" },
                                     { address: "100.100.2.138:53", srtt_us: 508, sent: 48, answered: 48, timeouts: 0, servfail: 0, refused: 0, network_errors: 0, tcp: 0, state: "works" }],
                         started: ago(3 * 86400), queries: { private: 48211, cache: 210544, stale: 31, upstream: 93612, local: 870, refused: 2 },
                         cache: { entries: 1842, bytes: 402112, hits: 210575, misses: 93650, evictions: 0 }, inflight: 0, tcp_clients: 0 },
             host_dns: { state: "on", path: "works", mode: "split", since: ago(86400 * 3), decision: "hostdns: resolved", text: "on, split since 2026-03-01 05:06:07: the private names go to 127.0.0.153:53", texts: { zh: { text: "已接管：私有域名由 127.0.0.153:53 解析" } } },
             steps: hostSteps(),
             discovery: { last_success: ago(14), changes_total: 3, requests: [{ action: "ListVpcEndpointZones", code: "ok", count: 4210 }, { action: "ListVpcEndpointZones", code: "Throttling", count: 2 }] },
             probes: { attempts_total: 52000, missed_total: 0, failures_total: { tcp_timeout: 174 } }, warnings: [], warning_kinds: [], drains: [],
             faults: [...links.filter((l) => l.cause).map(faultOfLink), ...faults].sort((a, b) => (a.severity > b.severity) - (a.severity < b.severity)),
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

const note = (kind, ip, total, stuck = 0) => ({ kind, ip, uid: 1000, total, stuck, stuck_for_us: stuck ? 734e6 : null, at_least: false, text: `uid 1000: ${total} connections on ${ip}`, texts: { zh: { text: `uid 1000 有 ${total} 个 TCP 连接在 ${ip} 上` } } });
const dead = (address_, changes) => ({ address: address_, srtt_us: 0, sent: 812, answered: 0, timeouts: 812, servfail: 0, refused: 0, network_errors: 0, tcp: 0, state: "silent", ...changes });

// The incidents of these links, as the agent lists them.
export const incidents = (links, link_, ip) => {
    const list = links.filter((l) => !link_ || l.name === link_).flatMap((l) => {
        const bad = l.addresses.filter((a) => a.last && !a.last.ok && a.last.reason !== "token_missing" && (!ip || a.ip === ip));
        return bad.length === 0 ? [] : [{ link: l.name, ips: bad.slice(0, 10).map((a) => a.ip), addresses: bad.length, began: ago(734), last: ago(2), open: true, failures: 12 * bad.length, reasons: [...new Set(bad.map((a) => a.last.reason))].slice(0, 3) }];
    });
    const old = links.filter((l) => l.name === (link_ || l.name)).slice(0, 1).flatMap((l) => l.addresses.slice(0, 1)).map((a) => ({ link: link_ || links[0].name, ips: [ip || a.ip], addresses: 1, began: ago(42000), last: ago(41940), open: false, failures: 1, reasons: ["tcp_timeout"] }));
    return { schema_version: 1, ts: iso(NOW), total: list.length + old.length, incidents: [...list, ...old] };
};

export const scenes = {
    first: () => status([link("tdengine-prod", [address(257, "unknown"), address(514, "unknown")], { state: "unknown", first_sweep_done: false })],
                        { overall: "unknown", headline: "the first probes are under way", started: ago(2) }),
    lostUpstreams: () => {
        const s = status([link("tdengine-prod", [address(257)])], { overall: "failed", headline: "no upstream answers: only private names are answered",
            faults: [fault("PN-UPSTREAMS-SILENT", { cause: "none of the 2 upstreams answers: only private names are resolved", next_step: "see which of them this host reaches",
                     fix: ["postern", "doctor", "--only", "dns"], texts: { zh: { cause: "2 个上游均无应答：只有私有域名可以解析", next_step: "查看本机能连到哪一个" } } })] });
        s.resolver.upstreams = [dead("100.100.2.136:53"), dead("100.100.2.138:53")];
        s.steps = hostSteps({ upstreams: step("upstreams", "fail", "2 of 2: no answer", "2 个中 2 个：无应答") });
        return s;
    },
    takeoverOff: () => status([link("tdengine-prod", [address(257), address(514)])], { host_dns: { state: "off", path: null, mode: null, since: null, decision: null, answers: null, asks: "no", text: "off: this host's programs ask their own nameservers", texts: { zh: { text: "postern 未接管本机的 DNS" } } },
          steps: hostSteps({ host: step("host", "warn", "does not ask postern", "未使用 postern 解析") }) }, fault("PN-RESOLV-UNASKED", { severity: "warn", cause: "this host does not ask postern: /etc/resolv.conf names 100.100.2.136", next_step: "postern dns enable", fix: ["sudo", "postern", "dns", "enable"], texts: { zh: { cause: "本机未使用 postern 解析：/etc/resolv.conf 指向 100.100.2.136", next_step: "postern dns enable" } } })),
    several: () => status(["prod", "test", "staging", "archive", "metrics"].map((name, i) => link(name, [address(i * 2 + 1, i % 2 ? "service" : "down"), address(i * 2 + 2, i === 3 ? "up" : "down")]))),
    stuck: () => status([link("tdengine-prod", [address(257), address(514, "down", { connections: { total: 9, idle: 0, stuck: 5, users: [], more_users: 0 } })],
                              { connections: { bypass: [], notes: [note("withdrawn", "10.0.2.2", 9, 5)] } })]),
    drained: () => status([link("tdengine-prod", [address(257), address(514, "up", { answered: false, drained: true })])],
                          { drains: [{ target: "cn-hangzhou-i", began: ago(600), until: ago(-3600), reason: "new cable", free: false }] }),
    expiring: () => status([link("tdengine-prod", [address(257, "degraded", { last: result(null, { certificate: certificate({ not_after: ago(-5 * 86400), chain_not_after: ago(-5 * 86400) }) }) })],
                                 { cause: "the certificate of 10.0.1.1 expires on 2026-03-09", fix: "TDengine Cloud has to renew the certificate: tell them now",
                                   finding: { code: "certificate", reason: null, owner: null, ip: "10.0.1.1", zone: null, alike: 1 } })]),
    young: () => status([link("young", [address(257), address(514, "up", { availability_24h: { percent: 98.41, attempts: 126, failures: 2, p95_us: 4100, since: ago(40 * 60) },
                                                         availability_30d: { percent: 98.41, attempts: 126, failures: 2, since: ago(21 * 60), covered_s: 21 * 60 } })])], { started: ago(21 * 60) }),
    none: () => status([]),
    gone: () => scenes.three(),
    older: () => status([link("tdengine-prod", [address(257), address(514)])], { overall: "degraded" }, fault("PN-CONFIG-OLDER", { severity: "warn", cause: "the agent runs the configuration of 2026-03-03T05:06:07Z; /etc/postern/postern.toml was changed at 2026-03-04T04:59:00Z",
        next_step: "systemctl reload postern", fix: ["sudo", "systemctl", "reload", "postern"], texts: { zh: { cause: "Agent 使用的是 2026-03-03T05:06:07Z 的配置；/etc/postern/postern.toml 于 2026-03-04T04:59:00Z 修改过", next_step: "systemctl reload postern" } } })),
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
        link("waiting", [], { state: "down", cause: "no address is ready: the connection is Pending", fix: "postern asks again by itself; at once with: postern refresh",
                              discovery: { known: false, source: "none", confirmed: null, changed: null, request_id: null, waiting_for: "the connection is Pending", endpoints: [],
                                           error: { code: "api_denied", what: "NoPermission: privatelink:ListVpcEndpointZones", hint: "give the RAM role this action", since: ago(600) } } }),
        link("web", [address(12)], { kind: "https", token_configured: false, request: { server_name: null, path: "/", sql: null, ca_file: null, curl: "curl -sS -m 10 --resolve web.private.cloud.tdengine.example:443:{ip} https://web.private.cloud.tdengine.example/" } }),
        link("fixed", [address(11)], { discovery: { known: true, source: "fixed", confirmed: null, changed: null, request_id: null, waiting_for: null, error: null, endpoints: [] } })],
        { warnings: ["the snapshot can't be written: no space left on device"], warning_kinds: ["agent"] },
        fault("PN-AGENT-STATE", { severity: "warn", cause: "the snapshot can't be written: no space left on device", texts: { zh: { cause: "无法写入快照：磁盘空间不足", next_step: null } } })),
    thousand: () => status([link("fleet", Array.from({ length: 1000 }, (_, i) => address(i + 1, i % 97 === 5 ? "down" : i % 41 === 3 ? "degraded" : "up")))]),
    hostile: () => status([link("tdengine-prod", [address(257, "up", { zone: HOSTILE, last: result("sql_error", { detail: HOSTILE, certificate: certificate({ subject: HOSTILE, issuer: HOSTILE, names: [HOSTILE] }) }) })],
                                { host: HOSTILE, cause: HOSTILE, fix: HOSTILE, state: "down" })], { headline: `tdengine-prod: ${HOSTILE}`, overall: "failed", warnings: [HOSTILE], warning_kinds: ["agent"] },
                          fault("PN-AGENT-STATE", { cause: HOSTILE, next_step: HOSTILE, fix: ["echo", HOSTILE] })),
};
