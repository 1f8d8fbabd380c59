// SPDX-License-Identifier: Apache-2.0
// One address: the cause of its state, its success and times over an hour, a day, a month, its certificate, and the
// private path against the public gateway.

import { byId, el, setText, show } from "./dom.js";
import { addressState, ago, badge, day, inUtc, isGood, milliseconds, moment, now, number, percent, span, stateOfCertificate, stateWord, until } from "./format.js";
import { commandBlock } from "./copy.js";
import { faultOf } from "./faults.js";
import { drawBar, drawIncidents } from "./incidents.js";
import { Chart } from "./chart.js";
import { fetchHistory, PHASES, pointsOf, RANGES, successOf } from "./series.js";
import { reasonInChinese } from "./reasons_zh.js";
import { language, said, t } from "./words.js";

const REFRESH_MS = 30000;

export const facts = (title, rows, ...more) => el("div", { class: "fact" }, title && el("h3", {}, title),
    rows.length > 0 && el("dl", {}, rows.filter(([, value]) => value || value === 0).map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, value)))), more);

export class Detail {
    constructor() {
        this.chart = new Chart();
        this.range = "hour";
        this.phase = "total";
        this.histories = null;
        this.key = "";
        byId("chart-phase").addEventListener("change", (event) => {
            this.phase = event.target.value;
            this.drawChart();
        });
        setInterval(() => !document.hidden && this.load(), REFRESH_MS);
    }

    set(status, link, address) {
        byId("detail").hidden = !address;
        if (!address) return;
        const key = `${link.name}/${address.ip}`;
        [this.link, this.address] = [link, address];
        show(byId("chart-phase"), language(), () => PHASES.map((p) => el("option", { value: p, selected: p === this.phase }, t(p))));
        if (key !== this.key) {
            this.key = key;
            this.histories = null;
            this.chart.clear(link.probing ? "" : t("not_probed"));
            this.drawChart();
            this.load();
        }
        this.drawHead(faultOf(status, link, address.ip));
        this.drawFacts();
        this.drawRatios();
    }

    translate() {
        if (this.histories) this.drawChart();
    }

    async load() {
        const key = this.key;
        if (!key || !this.link.probing) return;
        try {
            const histories = await fetchHistory(this.link.name, this.address.ip);
            if (key !== this.key) return;
            this.histories = histories;
            this.drawRatios();
            this.drawChart();
        } catch (error) {
            if (key === this.key && !this.histories) this.chart.clear(t("chart_failed", { why: error.message }));
        }
    }

    drawHead(fault) {
        const { link, address } = this;
        setText(byId("detail-title"), `${link.name} · ${address.ip}`);
        setText(byId("detail-host"), [address.zone, address.endpoint, link.host].filter(Boolean).join(" · "));
        const bad = address.last && !isGood(address.last);
        const advice = bad && fault?.advice, command = bad && fault?.command;
        show(byId("detail-why"), [bad, advice, command, address.last?.reason, address.last?.detail, language()], () => [
            bad && el("p", { class: "why" }, el("b", {}, address.last.reason), " ", reasonText(address.last)),
            advice && el("p", { class: "fix" }, el("b", {}, t("next_step")), t("colon"), advice),
            command && commandBlock(command),
        ]);
    }

    drawRatios() {
        const now_s = now() / 1000;
        const counts = Object.keys(RANGES).map((range) => [range, this.histories ? successOf(this.histories, range, now_s) : { attempts: 0, failures: 0, covered_s: 0 }]);
        const node = byId("ratios");
        const focused = [...node.children].indexOf(document.activeElement);
        const drawn = show(node, [counts.map(([range, c]) => [range, c.attempts, c.failures, span(c.covered_s)]), this.range, language()], () => counts.map(([range, { attempts, failures, covered_s, seconds }]) => {
            const good = percent(attempts - failures, attempts);
            const title = covered_s > 0 && covered_s < .95 * seconds ? t("covered", { covered: span(covered_s), range: t(range) }) : t(range);
            return el("button", { type: "button", class: `ratio ${failures === 0 ? "" : "some"}`, "aria-pressed": String(range === this.range),
                                  "aria-label": t("ratio_label", { range: title, percent: good }), onclick: () => this.choose(range) },
                      el("span", { class: "note" }, title), el("b", {}, good),
                      el("span", { class: "note" }, attempts === 0 ? t("no_data") : t("ratio_of", { failures: number(failures), attempts: number(attempts) })));
        }));
        if (drawn && focused >= 0) node.children[focused]?.focus();
    }

    choose(range) {
        this.range = range;
        this.drawRatios();
        this.drawChart();
    }

    drawChart() {
        const series = this.histories && pointsOf(this.histories, this.range, this.phase, now() / 1000);
        drawBar(byId("bar"), series, t(this.range));
        drawIncidents(byId("incidents"), this.histories?.incidents);
        if (series) this.chart.set(series, this.phase, this.range);
    }

    drawFacts() {
        const { link, address } = this;
        const { ts, ...last } = address.last ?? {};
        show(byId("facts"), [last, ts, address.certificate_expiring, link.compare, link.request, language(), inUtc()], () => [lastProbe(link, address), compared(link.compare), certificate(address), commands(link, address.ip)]);
    }
}

function reasonText(last) {
    const words = language() === "zh" && reasonInChinese(last.reason);
    return [words && `${words} `, last.detail && el("span", { lang: "en" }, last.detail)];
}

// The phases of one probe on one bar.
function waterfall(last) {
    const phases = PHASES.slice(1).filter((phase) => last[`${phase}_us`] !== null);
    if (phases.length === 0) return null;
    return el("table", { class: "waterfall" }, el("tbody", {}, phases.map((phase) => {
        const bar = el("span", { class: `bar ${phase === last.phase ? "bad" : phase}` });
        bar.style.width = `${Math.max(1, last[`${phase}_us`] / Math.max(1, last.total_us) * 100)}%`;
        return el("tr", {}, el("th", { scope: "row" }, t(phase)), el("td", { class: "n" }, milliseconds(last[`${phase}_us`])), el("td", { class: "bars" }, bar));
    })));
}

// Over the full width: they are long.
function commands(link, ip) {
    const curl = link.request.curl?.replace("{ip}", ip.includes(":") ? `'[${ip}]'` : ip);
    return el("div", { class: "fact full", id: "commands" }, el("h3", {}, t("again")), commandBlock(`postern probe ${link.name} --address ${ip}`),
              curl && [el("h3", {}, t("as_curl")), commandBlock(curl)]);
}

function lastProbe(link, { last, ...address }) {
    const state = addressState(link, { ...address, last });
    if (!last) return facts(t("last_probe"), [[t("result"), badge(state, link.probing ? t("no_probe") : t("not_probed"))]]);
    return facts(t("last_probe"), [
        [t("when"), ago(last.ts)],
        [t("result"), isGood(last) ? badge("up", t("ok")) : badge("down", t("failed_at", { phase: t(last.phase) }))],
        [t("col_state"), badge(state, stateWord(state))],
        [t("total"), milliseconds(last.total_us)],
        [t("http_status"), last.http_status], [t("sql_code"), last.sql_code], [t("ws"), last.ws_us === null ? null : milliseconds(last.ws_us)],
    ], waterfall(last));
}

const validUntil = (ts, address) => el("span", { class: stateOfCertificate(ts, address) },
    `${day(new Date(ts))} (${Date.parse(ts) <= now() ? t("expired") : t("time_left", { time: until(ts) })})`);

function wide(node) {
    node.classList.add("full");
    return node;
}

function certificate({ last, ...address }) {
    const c = last?.certificate;
    if (!c) return facts(t("certificate"), [], el("p", { class: "note" }, t("no_certificate")));
    return wide(facts(t("certificate"), [
        [t("subject"), c.subject], [t("names"), c.names.join(", ")], [t("issuer"), c.issuer],
        [t("valid_until"), c.not_after && validUntil(c.not_after, address)], [t("chain_until"), c.chain_not_after && c.chain_not_after !== c.not_after && validUntil(c.chain_not_after, address)],
        [t("tls_version"), last.tls_version], [t("fingerprint"), el("code", { class: "break" }, c.fingerprint_sha256)],
    ]));
}

function compared(c) {
    if (!c) return facts(t("compared"), [], el("p", { class: "note" }, t("no_compare")));
    const most = Math.max(c.private_median_us ?? 0, c.public_median_us ?? 0, 1);
    const medians = [["private_median", c.private_median_us], ["public_median", c.public_median_us]].filter(([, us]) => us !== null);
    return facts(t("compared"), [
        [t("gateway"), c.gateway], [t("result"), said(c)], [t("compared_at"), c.last_attempt && moment(new Date(c.last_attempt))],
    ], medians.length > 0 && el("table", { class: "waterfall" }, el("tbody", {}, medians.map(([name, us]) => {
        const bar = el("span", { class: `bar ${name}` });
        bar.style.width = `${Math.max(1, us / most * 100)}%`;
        return el("tr", {}, el("th", { scope: "row" }, t(name)), el("td", { class: "n" }, milliseconds(us)), el("td", { class: "bars" }, bar));
    }))));
}
