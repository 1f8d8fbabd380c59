// SPDX-License-Identifier: Apache-2.0
// Live probes, newest on top. Neither filtering nor pausing loses any, up to the ring's size.

import { byId, el, setText, show } from "./dom.js";
import { badge, clock, inUtc, isGood, milliseconds, moment, zoneName } from "./format.js";
import { reasonInChinese } from "./reasons_zh.js";
import { language, t } from "./words.js";

const KEPT = 2000;
const SHOWN = 200;
const FILTERS = { all: () => true, failed: (r) => !isGood(r), turns: (r) => r.state !== r.prev_state };

export class Log {
    constructor() {
        this.records = [];  // newest first
        this.known = new Set();
        this.held = false;
        this.news = 0;
        this.planned = false;
        byId("log-what").addEventListener("change", () => this.draw());
        byId("log-find").addEventListener("input", () => this.draw());
        byId("log-pause").addEventListener("click", () => this.hold(!this.held));
        this.translate();
    }

    translate() {
        const what = byId("log-what");
        const value = what.value || "all";
        what.replaceChildren(...Object.keys(FILTERS).map((name) => el("option", { value: name }, t(`log_${name}`))));
        what.value = value;
        this.hold(this.held);
    }

    hold(on) {
        this.held = on;
        if (!on) this.news = 0;
        byId("log-pause").setAttribute("aria-pressed", String(on));
        setText(byId("log-pause"), t(on ? "resume" : "pause"));
        this.draw();
    }

    // After a restart of the agent.
    restarted(ts) {
        this.add([{ restarted: true, ts, link: "", ip: "" }]);
    }

    add(list) {
        const fresh = list.filter((record) => {
            const key = `${record.ts} ${record.link} ${record.ip}`;
            return !this.known.has(key) && this.known.add(key);
        });
        if (fresh.length === 0) return;
        this.records.unshift(...fresh.reverse());
        if (fresh.length > 1) this.records.sort((a, b) => (a.ts < b.ts ? 1 : a.ts > b.ts ? -1 : 0));
        for (const old of this.records.splice(KEPT)) this.known.delete(`${old.ts} ${old.link} ${old.ip}`);
        if (this.held) this.news += fresh.length;
        if (this.planned) return;
        this.planned = true;  // a hundred probes a second are drawn at the display's rate
        requestAnimationFrame(() => {
            this.planned = false;
            this.draw();
        });
    }

    draw() {
        setText(byId("log-note"), this.held && this.news > 0 ? t("log_held", { n: this.news }) : "");
        if (this.held && this.drawn) return;
        const filter = FILTERS[byId("log-what").value] ?? FILTERS.all;
        const text = byId("log-find").value.trim().toLowerCase();
        const matches = (r) => r.restarted || (filter(r) && (!text || [r.link, r.ip, r.zone ?? "", r.reason ?? "", r.detail ?? ""].some((w) => w.toLowerCase().includes(text))));
        const list = folded(this.records, matches);
        this.drawn = show(byId("log"), [language(), inUtc(), list.map(({ r, times }) => `${r.ts}${r.link}${r.ip}${times}`)], () => list.length === 0
            ? el("tbody", {}, el("tr", {}, el("td", { class: "empty" }, t("log_empty"))))
            : [el("thead", {}, el("tr", {}, ["col_time", "link", "col_address", "col_result", "col_total"].map((c) => el("th", { scope: "col" }, c === "col_time" ? `${t(c)} (${zoneName()})` : t(c))))),
               el("tbody", {}, list.map(rowOf))]) || this.drawn;
    }
}

// Newest first; a failure that an address repeats is one entry with how often, until another result of that address.
function folded(records, matches) {
    const list = [], runs = new Map();
    for (const r of records) {
        if (!matches(r)) continue;
        const key = `${r.link} ${r.ip}`, run = runs.get(key), turned = r.state !== r.prev_state && r;
        if (run && run.r.reason === r.reason && !isGood(r)) {
            run.times += 1;
            run.first = r;
            run.turned ||= turned;
            continue;
        }
        const entry = { r, times: 1, first: r, turned };
        if (r.restarted) runs.clear();
        else runs.set(key, entry);
        if (list.length < SHOWN) list.push(entry);
    }
    return list;
}

function rowOf({ r, times, first, turned }) {
    const time = el("td", {}, el("time", { datetime: r.ts, title: moment(new Date(r.ts)) }, clock(new Date(r.ts))));
    if (r.restarted) return el("tr", { class: "divider" }, time, el("td", { colspan: 4 }, t("restarted")));
    const good = isGood(r);
    return el("tr", { class: good ? "" : "bad" }, time, el("td", {}, r.link), el("td", {}, r.ip),
        el("td", { class: "result" }, badge(good ? "up" : "down", good ? t("ok") : r.reason),
           times > 1 && el("b", { class: "times", title: t("since_time", { time: moment(new Date(first.ts)) }) }, ` ×${times}`),
           times > 1 && el("span", { class: "note" }, " ", t("since_time", { time: clock(new Date(first.ts)) })),
           turned && el("span", { class: "turn" }, " ", badge(turned.prev_state), " → ", badge(turned.state)),
           !good && el("span", { class: "note" }, " ", language() === "zh" && reasonInChinese(r.reason), r.detail && ` ${r.detail}`)),
        el("td", { class: "n" }, milliseconds(r.total_us)));
}
