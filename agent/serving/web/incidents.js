// SPDX-License-Identifier: Apache-2.0
// The past of one address: a bar of the chosen time, a cell for each part of it, and its failures of the last 30 days, the
// ones that follow each other as one.

import { el, show, svg } from "./dom.js";
import { inUtc, milliseconds, moment, number, shortMoment, span } from "./format.js";
import { language, t } from "./words.js";

const CELLS = 60, BAR_HEIGHT = 26;
const SHOWN_INCIDENTS = 8;

// Cells without a probe are empty, never good.
function cellsOf({ points, from_s, to_s }) {
    const width_s = (to_s - from_s) / CELLS;
    const cells = Array.from({ length: CELLS }, (_, i) => ({ from_s: from_s + i * width_s, to_s: from_s + (i + 1) * width_s, attempts: 0, failures: 0, p50: null, reason: null }));
    for (const p of points) {
        const cell = cells[Math.min(CELLS - 1, Math.max(0, Math.floor((p.time_s - from_s) / width_s)))];
        cell.attempts += p.attempts;
        cell.failures += p.failures;
        cell.p50 = Math.max(cell.p50 ?? 0, p.p50 ?? 0) || null;
        cell.reason ??= p.reason;
    }
    return cells;
}

const kindOf = ({ attempts, failures }) => (attempts === 0 ? "empty" : failures === 0 ? "good" : failures < attempts / 2 ? "slow" : "bad");

export function drawBar(node, series, range) {
    const cells = series ? cellsOf(series) : [];
    show(node, [cells, range, language(), inUtc()], () => {
        if (!cells.some((c) => c.attempts > 0)) return null;
        const seen = cells.filter((c) => c.attempts > 0);
        const label = t("bar_label", { range, n: seen.filter((c) => c.failures > 0).length, of: seen.length });
        return [svg("svg", { class: "bar-cells", viewBox: `0 0 ${CELLS * 10} ${BAR_HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
            cells.map((c, i) => svg("g", {}, svg("title", {}, c.attempts === 0 ? `${shortMoment(new Date(c.from_s * 1000))}: ${t("no_data")}`
                : t("bar_cell", { from: shortMoment(new Date(c.from_s * 1000)), to: shortMoment(new Date(c.to_s * 1000)), failures: number(c.failures), attempts: number(c.attempts), p50: milliseconds(c.p50) }) + (c.failures > 0 && c.reason ? ` (${c.reason})` : "")),
                svg("rect", { class: "hit", x: i * 10, y: 0, width: 10, height: BAR_HEIGHT }),
                svg("rect", { class: kindOf(c), x: i * 10 + 1, width: 8, ...heightOf(kindOf(c)) })))),
            el("p", { class: "bar-ends note", "aria-hidden": "true" }, el("span", {}, t("ago", { age: range })), el("span", {}, t("bar_now")))];
    });
}

// A failure is also taller, not only red.
const HEIGHTS = { empty: 4, good: 16, slow: 21, bad: BAR_HEIGHT };
const heightOf = (kind) => ({ y: BAR_HEIGHT - HEIGHTS[kind], height: HEIGHTS[kind] });

// Newest first: {from_s, to_s, failures, attempts, reasons}. Minutes where there are any, hours before them.
export function incidentsOf({ minute, hour }) {
    const minutes_from = minute.start[0] ?? Infinity;
    const rows = [...rowsBefore(hour, minutes_from), ...rowsBefore(minute, Infinity)];
    const list = [];
    let open = null;
    for (const row of rows) {
        if (row.failures === 0) {
            if (row.attempts > 0) open = null;
            continue;
        }
        if (!open || row.from_s - open.to_s > 2 * row.period_s) list.push(open = { from_s: row.from_s, to_s: row.to_s, failures: 0, attempts: 0, reasons: new Set() });
        open.to_s = row.to_s;
        open.failures += row.failures;
        open.attempts += row.attempts;
        for (const reason of row.reasons) open.reasons.add(reason);
    }
    return list.reverse();
}

function* rowsBefore(history, before_s) {
    for (let i = 0; i < history.start.length; ++i) {
        if (history.start[i] + history.period_s > before_s) return;
        yield { from_s: history.start[i], to_s: history.start[i] + history.period_s, period_s: history.period_s, attempts: history.attempts[i], failures: history.failures[i],
                reasons: Object.entries(history.reasons).filter(([, counts]) => counts[i] > 0).map(([reason]) => reason) };
    }
}

export function drawIncidents(node, histories, now_s) {
    const list = histories ? incidentsOf(histories) : [];
    show(node, [list.map((i) => [i.from_s, i.to_s, i.failures]), Math.floor(now_s / 60), language(), inUtc(), Boolean(histories)], () => {
        if (!histories) return null;
        const rows = list.slice(0, SHOWN_INCIDENTS).map((i) => el("tr", {},
            el("th", { scope: "row" }, moment(new Date(i.from_s * 1000))),
            el("td", {}, i.to_s > now_s - 60 ? t("incident_open") : span(i.to_s - i.from_s)),
            el("td", { class: "n" }, t("ratio_of", { failures: number(i.failures), attempts: number(i.attempts) })),
            el("td", { class: "reason" }, [...i.reasons].join(", "))));
        return [el("h3", {}, t("incidents")), rows.length === 0 ? el("p", { class: "note" }, t("no_incidents"))
            : el("table", {}, el("thead", {}, el("tr", {}, ["incident_began", "incident_lasted", "failures", "incident_reason"].map((c) => el("th", { scope: "col" }, t(c))))), el("tbody", {}, rows)),
            list.length > SHOWN_INCIDENTS && el("p", { class: "note" }, t("more_incidents", { n: list.length - SHOWN_INCIDENTS }))];
    });
}
