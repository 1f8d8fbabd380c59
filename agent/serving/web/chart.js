// SPDX-License-Identifier: Apache-2.0
// Times of one address as SVG: the p50 as a line, p50 to p95 as a band, periods with failures as crosses on the
// baseline. Also as a sentence, as a reading by pointer or arrow keys, and as a table.

import { byId, el, setText, svg } from "./dom.js";
import { clockMinute, milliseconds, moment, monthDay, number, zoneOffset_s } from "./format.js";
import { t } from "./words.js";

const HEIGHT = 200, LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 38;
const MOST_TABLE_ROWS = 300;

// 1, 2 or 5 times a power of ten, so that four to eight steps reach `most`.
function niceStep(most) {
    const power = 10 ** Math.floor(Math.log10(most / 4));
    return power * [1, 2, 5, 10].find((factor) => most / (power * factor) <= 5);
}

function timeTicks(from_s, to_s, width) {
    const steps = [300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 604800];
    const step = steps.find((s) => (to_s - from_s) / s <= Math.max(2, width / 90)) ?? steps.at(-1);
    const zone_s = zoneOffset_s(to_s);
    const ticks = [];
    for (let at = Math.ceil((from_s - zone_s) / step) * step + zone_s; at < to_s; at += step) ticks.push(at);
    const write = step >= 86400 ? monthDay : clockMinute;
    return ticks.map((at) => [at, write(new Date(at * 1000))]);
}

// Runs of points without a gap.
function runsOf(points, step) {
    const runs = [];
    let last = null;
    for (const point of points) {
        if (point.p50 === null) {
            last = null;
            continue;
        }
        if (!last || point.time_s - last.time_s > 2.5 * step) runs.push([]);
        runs.at(-1).push(point);
        last = point;
    }
    return runs;
}

export class Chart {
    constructor() {
        this.node = byId("chart");
        this.node.tabIndex = 0;
        this.node.setAttribute("role", "group");
        this.at = -1;
        this.node.addEventListener("pointermove", (event) => this.point(event.clientX));
        this.node.addEventListener("pointerleave", () => this.read(-1));
        this.node.addEventListener("blur", () => this.read(-1));
        this.node.addEventListener("keydown", (event) => this.key(event));
        new ResizeObserver(() => this.series && this.draw()).observe(this.node);
        byId("chart-table").addEventListener("toggle", () => this.table());
    }

    set(series, phase, range) {
        this.series = series;
        this.label = t("chart_label", { phase: t(phase), range: t(range) });
        this.draw();
        this.table();
        this.summary();
    }

    // Nothing to draw: `text` gives the reason.
    clear(text) {
        this.series = null;
        this.node.replaceChildren(el("p", { class: "empty" }, text));
        setText(byId("chart-summary"), "");
        this.read(-1);
        byId("chart-table").open = false;
    }

    draw() {
        const { points, step, from_s, to_s } = this.series;
        const width = Math.max(240, this.node.clientWidth);
        const most = Math.max(1000, ...points.map((p) => p.p95 ?? 0)) * 1.05;
        this.x = (time_s) => LEFT + (time_s - from_s) / (to_s - from_s) * (width - LEFT - RIGHT);
        this.y = (us) => TOP + (1 - us / most) * (HEIGHT - TOP - BOTTOM);
        this.node.setAttribute("aria-label", this.label);
        if (points.length === 0) return this.node.replaceChildren(el("p", { class: "empty" }, t("chart_empty")));
        const x = (p) => this.x(p.time_s + step / 2).toFixed(1), y = (us) => this.y(us).toFixed(1);
        const band = (run) => `M${run.map((p) => `${x(p)} ${y(p.p95)}`).join("L")}L${run.toReversed().map((p) => `${x(p)} ${y(p.p50)}`).join("L")}Z`;
        const line = (run) => (run.length === 1 ? `M${x(run[0]) - 1.5} ${y(run[0].p50)}h3` : `M${run.map((p) => `${x(p)} ${y(p.p50)}`).join("L")}`);
        const ground = HEIGHT - BOTTOM;
        const cross = (p) => `M${x(p) - 3} ${ground + 5}l6 6m0 -6l-6 6`;
        // Most of them failed: shaded over the whole height.
        const outage = (p) => `M${this.x(p.time_s).toFixed(1)} ${TOP}H${Math.min(width - RIGHT, this.x(p.time_s + step)).toFixed(1)}V${ground}H${this.x(p.time_s).toFixed(1)}Z`;
        const runs = runsOf(points, step);
        this.cursor = svg("line", { class: "cursor", y1: TOP, y2: ground });
        this.node.replaceChildren(svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "aria-hidden": "true" },
            this.grid(most, width, ground),
            svg("path", { class: "outage", d: points.filter((p) => p.failures > 0 && 2 * p.failures >= p.attempts).map(outage).join("") }),
            svg("path", { class: "band", d: runs.map(band).join("") }),
            svg("path", { class: "line", d: runs.map(line).join("") }),
            svg("path", { class: "failures", d: points.filter((p) => p.failures > 0).map(cross).join("") }),
            this.cursor),
            el("p", { class: "legend", "aria-hidden": "true" }, ...["p50", "band", "failed"].map((name) => el("span", { class: name }, t(`legend_${name}`)))));
        this.read(Math.min(this.at, points.length - 1));
    }

    grid(most, width, ground) {
        const { from_s, to_s } = this.series;
        const step = niceStep(most);
        const parts = [];
        for (let us = 0; us <= most; us += step) {
            parts.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: this.y(us), y2: this.y(us) }),
                       svg("text", { x: LEFT - 6, y: this.y(us) + 4, class: "left" }, us === 0 ? "0" : milliseconds(us)));
        }
        for (const [at, text] of timeTicks(from_s, to_s, width)) {
            parts.push(svg("line", { x1: this.x(at), x2: this.x(at), y1: ground, y2: ground + 4 }),
                       svg("text", { x: this.x(at), y: HEIGHT - 8, class: this.x(at) > width - 24 ? "left" : "middle" }, text));
        }
        return svg("g", { class: "grid" }, parts);
    }

    point(clientX) {
        if (!this.series?.points.length) return;
        const at_x = clientX - this.node.getBoundingClientRect().left;
        const { points, step } = this.series;
        let best = 0;
        for (let i = 1; i < points.length; ++i) {
            if (Math.abs(this.x(points[i].time_s + step / 2) - at_x) < Math.abs(this.x(points[best].time_s + step / 2) - at_x)) best = i;
        }
        this.read(best);
    }

    key(event) {
        const count = this.series?.points.length;
        if (!count) return;
        const to = { ArrowLeft: this.at < 0 ? count - 1 : this.at - 1, ArrowRight: this.at + 1, Home: 0, End: count - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        this.read(Math.min(count - 1, Math.max(0, to)));
    }

    read(index) {
        this.at = index;
        const point = this.series?.points[index];
        this.cursor?.classList.toggle("on", Boolean(point));
        if (!point) return setText(byId("chart-reading"), "");
        const at_x = this.x(point.time_s + this.series.step / 2);
        this.cursor.setAttribute("x1", at_x);
        this.cursor.setAttribute("x2", at_x);
        setText(byId("chart-reading"), t("chart_reading", {
            time: moment(new Date(point.time_s * 1000)), p50: milliseconds(point.p50), p95: milliseconds(point.p95),
            failures: number(point.failures), attempts: number(point.attempts) }) + (point.reason ? ` (${point.reason})` : ""));
    }

    summary() {
        const { points } = this.series;
        const measured = points.filter((p) => p.p50 !== null).map((p) => p.p50).sort((a, b) => a - b);
        const total = (key) => points.reduce((sum, p) => sum + p[key], 0);
        setText(byId("chart-summary"), total("attempts") === 0 ? "" : t("chart_summary", {
            p50: milliseconds(measured[Math.floor(measured.length / 2)]), low: milliseconds(measured[0]), high: milliseconds(measured.at(-1)),
            p95: milliseconds(measured.length ? Math.max(...points.map((p) => p.p95 ?? 0)) : null),
            failures: number(total("failures")), attempts: number(total("attempts")) }));
    }

    table() {
        const details = byId("chart-table");
        if (!details.open || !this.series) return;
        const head = ["at", "legend_p50", "p95", "attempts", "failures", "most_common"].map((key) => el("th", { scope: "col" }, key === "p95" ? key : t(key)));
        const rows = this.series.points.slice(-MOST_TABLE_ROWS).reverse().map((p) => el("tr", {},
            el("th", { scope: "row" }, moment(new Date(p.time_s * 1000))), el("td", {}, milliseconds(p.p50)), el("td", {}, milliseconds(p.p95)),
            el("td", {}, number(p.attempts)), el("td", {}, number(p.failures)), el("td", {}, p.reason ?? "")));
        details.querySelector("div").replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
    }
}
