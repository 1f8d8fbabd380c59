// SPDX-License-Identifier: Apache-2.0
// The path of one link, from this host's question to its applications' connections, as status shows it: [{step, state, text}] with doctor's states:
// pass, warn, fail, skip. A step that can't be seen is skipped with the step that hides it, never reported as failed.
// Doctor's findings for the same steps can replace stepsOf().

import { byId, el, show } from "./dom.js";
import { asksService, badge, isGood } from "./format.js";
import { faultOf } from "./faults.js";
import { hostState } from "./host.js";
import { upstreamNow } from "./upstreams.js";
import { language, t } from "./words.js";

const ORDER = ["connect", "tls", "request", "ttfb", "transfer", "reply", "sql", "ws"];
const STEPS = [["tcp", "connect", "connect"], ["tls", "tls", "tls"], ["http", "request", "reply"], ["sql", "sql", "ws"]];

// Steps that this kind of probe does not have.
const BEYOND_KIND = { tcp: ["tls", "http", "sql"], https: ["sql"] };

const step = (name, state, text) => ({ step: name, state, text });

// A sentence that the agent has in English only: in Chinese the fault of the link, if there is one, says the same.
const ofLink = (status, link, english) => (language() === "zh" ? faultOf(status, link)?.cause ?? english : english);

function credentials(status, link) {
    const d = link.discovery;
    if (d.source === "fixed") return step("credentials", "skip", t("no_need"));
    if (d.error) return step("credentials", "fail", ofLink(status, link, d.error.what));
    if (d.source === "snapshot") return step("credentials", "warn", t("from_snapshot"));
    return d.known ? step("credentials", "pass", t("api_confirmed")) : step("credentials", "skip", t("not_asked"));
}

function endpoint(status, link) {
    const d = link.discovery;
    if (d.source === "fixed") return step("endpoint", "skip", t("no_need"));
    if (d.waiting_for) return step("endpoint", "fail", ofLink(status, link, d.waiting_for));
    if (!d.known) return step("endpoint", "skip", t("because", { step: t("step_credentials") }));
    return step("endpoint", "pass", d.endpoints.map((e) => e.connection_status).find(Boolean) ?? t("ready"));
}

function securityGroup(link, probed) {
    const timedOut = probed.filter((a) => a.last.reason === "tcp_timeout").length;
    const through = probed.filter((a) => a.last.connect_us !== null && a.last.phase !== "connect").length;
    if (timedOut === 0) {
        return through > 0 ? step("group", "pass", t("group_open", { port: link.port })) : step("group", "skip", t("group_unseen"));
    }
    return step("group", "warn", timedOut === probed.length ? t("group_suspect") : t("group_some", { n: timedOut, of: probed.length }));
}

function dns(status, link) {
    const r = status.resolver;
    if (!r.running) return step("dns", "fail", t("dns_stopped"));
    if (r.problem) return step("dns", "warn", r.problem);
    const vpc = link.vpc_answer;
    if (vpc) return step("dns", { same: "pass", fewer: "pass", unknown: "skip" }[vpc.finding] ?? "warn", vpc.text);
    if (!r.plan.accepted) return step("dns", "warn", t("dns_plan"));
    if (link.all_down) return step("dns", "warn", t("dns_all"));
    return step("dns", link.answer.length > 0 ? "pass" : "fail", t("dns_answers", { n: link.answer.length, of: link.addresses.length }));
}

// The way of a question: this host, the resolver, its upstreams.
const HOST_STEPS = { asks: "pass", broken: "fail", apart: "warn", unknown: "skip" };
function hostStep({ host_dns }) {
    const host = hostState(host_dns);
    return step("host", HOST_STEPS[host], host === "broken" || host_dns.state === "off" ? t("host_not_asking") : t(`takeover_${host_dns.state}`));
}

function upstreamsStep({ resolver: { running, upstreams: list, queries } }) {
    if (!running || !queries) return step("upstreams", "skip", t("because", { step: t("step_dns") }));
    if (list.length === 0) return step("upstreams", "fail", t("up_none"));
    const states = list.map((u) => upstreamNow(u).state), dead = states.filter((s) => s === "down").length;
    const known = states.filter((s) => s !== "unknown").length;
    if (known === 0) return step("upstreams", "skip", t("up_unused"));
    if (dead === known) return step("upstreams", "fail", t("up_dead", { of: list.length }));
    return step("upstreams", dead > 0 || states.includes("degraded") ? "warn" : "pass", t("up_answer", { n: known - dead, of: list.length }));
}

// Of this host's applications. Stuck: what they sent is not acknowledged.
function connections(status, link) {
    const seen = link.addresses.map((a) => a.connections).filter(Boolean), notes = link.connections?.notes ?? [];
    if (!link.connections || !status.connections?.known) return step("connections", "skip", t("connections_unknown"));
    const count = (list, key) => list.reduce((sum, c) => sum + (c[key] ?? 0), 0);
    const stuck = count(notes, "stuck"), total = count(seen, "total");
    if (stuck > 0) return step("connections", "warn", t("connections_stuck", { n: stuck, ips: [...new Set(notes.filter((n) => n.stuck > 0).map((n) => n.ip))].join(", ") }));
    const left = notes.filter((n) => n.kind === "withdrawn");
    if (left.length > 0) return step("connections", "warn", t("connections_left", { n: count(left, "total"), ips: [...new Set(left.map((n) => n.ip))].join(", ") }));
    const around = notes.filter((n) => n.kind === "bypass");
    if (around.length > 0) return step("connections", "warn", t("connections_around", { n: count(around, "total") }));
    return step("connections", "pass", t("connections_fine", { n: total }));
}

// The last probes of all addresses between two phases.
function reached(name, first, last, link, probed) {
    if ((BEYOND_KIND[link.kind] ?? []).includes(name)) return step(name, "skip", t("beyond_kind", { kind: link.kind }));
    if (name === "sql" && !asksService(link)) return step(name, "skip", t("no_token"));
    if (probed.length === 0) return step(name, "skip", t("no_probe"));
    const at = (a) => (isGood(a.last) ? ORDER.length : ORDER.indexOf(a.last.phase));
    const known = probed.filter((a) => !/^local_/.test(a.last.reason ?? ""));
    const arrived = known.filter((a) => at(a) >= ORDER.indexOf(first));
    const passed = arrived.filter((a) => at(a) > ORDER.indexOf(last));
    if (arrived.length === 0) {
        const blocked = STEPS.find(([, from, to]) => known.some((a) => at(a) >= ORDER.indexOf(from) && at(a) <= ORDER.indexOf(to)));
        return step(name, "skip", blocked ? t("because", { step: t(`step_${blocked[0]}`) }) : t("no_probe"));
    }
    if (passed.length === arrived.length) return step(name, "pass", t("reach_all", { of: known.length === arrived.length ? passed.length : arrived.length }));
    return step(name, passed.length > 0 ? "warn" : "fail", t("reach_some", { n: passed.length, of: arrived.length }));
}

export function stepsOf(status, link) {
    const probed = link.addresses.filter((a) => a.last);
    return [
        hostStep(status), dns(status, link), upstreamsStep(status), credentials(status, link), endpoint(status, link), securityGroup(link, probed),
        ...STEPS.map(([name, first, last]) => reached(name, first, last, link, probed)), connections(status, link),
    ];
}

export function drawPath(status, link) {
    const section = byId("path").closest("section");
    section.hidden = !link;
    if (!link) return;
    const steps = stepsOf(status, link);
    show(byId("path"), [steps, language()], () => steps.map(({ step: name, state, text }) =>
        el("li", { class: state }, el("span", { class: "step" }, t(`step_${name}`)), badge(state, t(state === "skip" ? "skip_" : state)),
           el("span", { class: "note" }, text))));
    show(byId("path-of"), [link.name, language()], () => document.createTextNode(t("path_of", { link: link.name })));
}
