// SPDX-License-Identifier: Apache-2.0
// The past: a bar of the chosen time of one address, a cell for each part of it; and the incidents of 30 days, of one address
// and of all.

import { byId, el, show, svg } from "./dom.js";
import { ask } from "./feed.js";
import { badge, inUtc, milliseconds, moment, number, shortMoment, span } from "./format.js";
import { language, t } from "./words.js";

const CELLS = 60, BAR_HEIGHT = 26;

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

// `reply`: of /api/v1/incidents; `where`: with link and addresses.
export function drawIncidents(node, reply, where) {
    const list = reply?.incidents ?? [];
    show(node, [list, reply?.total, language(), inUtc()], () => {
        if (!reply) return null;
        if (list.length === 0) return [!where && el("h3", {}, t("incidents")), el("p", { class: "note" }, t("no_incidents"))];
        const columns = ["incident_began", ...(where ? ["link", "col_address"] : []), "incident_lasted", "failures", "incident_reason"];
        const rows = list.map((i) => el("tr", {}, el("th", { scope: "row" }, moment(new Date(i.began))),
            where && [el("td", {}, i.link), el("td", {}, i.ips.slice(0, 3).join(", "), i.addresses > 3 && ` … ×${number(i.addresses)}`)],
            el("td", {}, i.open && [badge("down", t("incident_open")), " "], span((Date.parse(i.last) - Date.parse(i.began)) / 1000)),
            el("td", { class: "n" }, number(i.failures)), el("td", { class: "reason" }, i.reasons.join(", "))));
        return [!where && el("h3", {}, t("incidents")),
            el("table", {}, el("thead", {}, el("tr", {}, columns.map((c) => el("th", { scope: "col" }, t(c))))), el("tbody", {}, rows)),
            reply.total > list.length && el("p", { class: "note" }, t("more_incidents", { n: number(reply.total - list.length) }))];
    });
}

// Of all addresses; asked for when the state of one turns, and twice a minute.
export class AllIncidents {
    constructor() {
        setInterval(() => !document.hidden && this.load(), 30000);
    }

    set({ links }) {
        const states = links.map((l) => l.addresses.map((a) => a.state).join()).join(";");
        if (states !== this.states) this.load();
        this.states = states;
    }

    async load() {
        try {
            this.reply = await ask("api/v1/incidents?limit=50");
            this.draw();
        } catch {
            return;  // the stream reports when the agent is gone
        }
    }

    draw() {
        byId("all").hidden = !this.reply?.total;
        drawIncidents(byId("all").lastElementChild, this.reply, true);
    }
}
