// SPDX-License-Identifier: Apache-2.0
// DNS and discovery: this host's queries and answers, and the sources of addresses.

import { byId, el, show } from "./dom.js";
import { ago, badge, inUtc, milliseconds, moment, number, percent } from "./format.js";
import { facts } from "./detail.js";
import { language, said, t } from "./words.js";

const SOURCES = ["private", "cache", "upstream", "stale", "local", "refused"];

// Queries a second between the last two documents that differ.
let before = null, rate = null;
function rateOf(status) {
    const queries = status.resolver.queries;
    if (!queries) return null;
    const sample = { at: Date.parse(status.ts), total: Object.values(queries).reduce((a, b) => a + b, 0), started: status.resolver.started };
    if (!before || before.started !== sample.started || sample.total < before.total) {
        before = sample;
        rate = null;
    } else if (sample.at - before.at >= 5000) {
        rate = (sample.total - before.total) / (sample.at - before.at) * 1000;
        before = sample;
    }
    return rate;
}

function queriesOf(r, perSecond) {
    const total = Object.values(r.queries).reduce((a, b) => a + b, 0);
    const shares = SOURCES.filter((name) => r.queries[name] > 0);
    const bar = el("div", { class: "shares", "aria-hidden": "true" }, shares.map((name) => {
        const part = el("span", { class: `src-${name}` });
        part.style.flexGrow = r.queries[name];
        return part;
    }));
    return [
        el("p", {}, el("b", {}, number(total)), ` ${t("queries")}`, perSecond !== null && ` · ${t("per_second", { n: perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond) })}`),
        total > 0 && bar,
        total > 0 && el("ul", { class: "keys" }, shares.map((name) => el("li", { class: `src-${name}` }, t(`src_${name}`), " ", el("b", {}, number(r.queries[name]))))),
    ];
}

// Since the resolver's start.
function troubleOf(u) {
    const kinds = [["up_timeouts", u.timeouts], ["up_servfail", u.servfail], ["up_refused", u.refused], ["up_network", u.network_errors]].filter(([, n]) => n > 0);
    return kinds.length > 0 && el("span", { class: "note row" }, t("up_since_start", { what: kinds.map(([kind, n]) => t(kind, { n: number(n) })).join(t("comma")) }));
}

function upstreams(list) {
    const columns = ["upstream", "rtt", "sent", "up_now"];
    return el("table", {}, el("thead", {}, el("tr", {}, columns.map((c) => el("th", { scope: "col" }, t(c))))), el("tbody", {}, list.map((u) =>
        el("tr", {}, el("th", { scope: "row" }, u.address, troubleOf(u)),
                  el("td", { class: "n" }, u.srtt_us > 0 ? milliseconds(u.srtt_us) : t("none")), el("td", { class: "n" }, number(u.sent)),
                  el("td", { class: "n" }, badge({ works: "up", unknown: "unknown" }[u.state] ?? "down", t(`up_${u.state}`)))))));
}

export function drawDns(status) {
    const r = status.resolver, perSecond = rateOf(status);
    show(byId("dns").lastElementChild, [r, status.host_dns, status.steps[0], perSecond, language(), inUtc()], () => {
        const lookups = r.cache ? r.cache.hits + r.cache.misses : 0;
        return [
            r.problem && el("p", { class: "why", lang: "en" }, r.problem),
            r.queries ? queriesOf(r, perSecond) : el("p", { class: "note" }, t("no_stats")),
            facts("", [
                [t("resolver"), r.running ? badge("up", t("running", { pid: r.pid ?? "?" })) : badge("down", t("stopped"))],
                [t("listens"), r.listen.join(", ")],
                [t("plan"), r.plan.accepted ? badge("up", t("accepted")) : badge("degraded", t("not_accepted"))],
                [t("hit_ratio"), lookups > 0 && `${percent(r.cache.hits, lookups)} ${t("of_lookups", { n: number(lookups) })} · ${t("cache_size", { n: number(r.cache.entries) })}`],
                [t("host_dns"), [badge(status.steps[0].state, said(status.steps[0])), el("span", { class: "note row" }, said(status.host_dns))]],
            ]),
            r.upstreams.length > 0 && upstreams(r.upstreams),
        ];
    });
}

function linkDiscovery(link) {
    const d = link.discovery;
    return el("li", {}, el("b", {}, link.name), " ", el("span", { class: "note" }, t(`source_${d.source}`)),
        facts("", [
            [t("confirmed"), d.source !== "fixed" && ago(d.confirmed)], [t("changed"), d.changed && ago(d.changed)],
            ...(d.sources ?? []).filter((s) => /^target:/.test(s.source)).map((s) => [s.source.slice(7), s.addresses.join(", ")]),
            ...d.endpoints.map((e) => [t("step_endpoint"), [e.endpoint, e.status, e.connection_status].filter(Boolean).join(", ")]),
        ]),
        d.waiting_for && el("p", { class: "why", lang: "en" }, d.waiting_for),
        d.error && el("p", { class: "why" }, el("span", { lang: "en" }, d.error.what), d.error.since && [" (", t("failing"), " ", ago(d.error.since), ")"]),
        d.error?.hint && el("p", { class: "fix", lang: "en" }, d.error.hint));
}

// The fleet's list, where the addresses come from one.
const listOf = (list) => list && facts(t("list_of", { fleet: list.fleet }), !list.written ? [[t("list_number"), t("list_none")]] : [
    [t("list_number"), number(list.generation)], [t("list_written"), [ago(list.written), list.publisher && `, ${list.publisher}`]], [t("valid_until"), moment(new Date(list.not_after))]]);

const MOST_LINKS = 20;

export function drawDiscovery(status) {
    const { list, report: _, ...d } = status.discovery;
    const steady = status.links.slice(0, MOST_LINKS).map(({ name, discovery }) => [name, discovery]);
    byId("discovery").hidden = status.links.length === 0;
    show(byId("discovery").lastElementChild, [d, steady, list && { ...list, age_s: 0 }, language(), inUtc()], () => [
        facts("", [
            [t("last_success"), d.last_success && ago(d.last_success)], [t("changes"), number(d.changes_total)],
            [t("requests"), d.requests.length > 0 && d.requests.map((r) => el("span", { class: "row" }, el("code", {}, `${r.action} ${r.code}`), ` ${number(r.count)}`))],
        ]),
        listOf(list),
        el("ul", { class: "plain-list" }, status.links.slice(0, MOST_LINKS).map(linkDiscovery)),
    ]);
}
