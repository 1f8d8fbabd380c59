// SPDX-License-Identifier: Apache-2.0
// Every name and its addresses, one row each. Long tables are virtual: only the visible rows exist, with spacers for
// the others, and the table gives their number.

import { byId, el, setAttribute, setText, show } from "./dom.js";
import { addressState, age, badge, certificateEnd, day, inUtc, isGood, milliseconds, now, percent, rank, span, stateOfCertificate, stateWord, until, worstFirst } from "./format.js";
import { drawStreak } from "./streak.js";
import { language, said, t } from "./words.js";

const ALL_UP_TO = 60;   // up to here all rows are drawn
const BEYOND = 8;       // rows drawn above and below those in view
const COLUMNS = ["address", "zone", "state", "last", "p95", "good", "month", "streak", "cert", "dns", "since"];

export class Matrix {
    // `choose(link, ip)`: called to show details.
    constructor(choose) {
        this.choose = choose;
        this.rows = new Map();  // index → row, of what is drawn
        this.items = [];
        this.chosen = "";
        this.printing = false;
        this.rowHeight = 38;
        byId("matrix-find").addEventListener("input", () => this.draw());
        byId("matrix-trouble").addEventListener("change", () => this.draw());
        byId("matrix").addEventListener("scroll", () => this.fill(), { passive: true });
        addEventListener("resize", () => this.measure());
        addEventListener("beforeprint", () => this.print(true));
        addEventListener("afterprint", () => this.print(false));
    }

    set(status, chosen) {
        this.status = status;
        this.chosen = chosen;
        this.draw();
    }

    print(on) {
        this.printing = on;
        this.fill();
    }

    get virtual() {
        return this.items.length > ALL_UP_TO && !this.printing;
    }

    wanted(link, address) {
        const text = byId("matrix-find").value.trim().toLowerCase();
        if (byId("matrix-trouble").checked && addressState(link, address) === "up") return false;
        return !text || [link.name, link.host, address.ip, address.zone ?? "", address.endpoint ?? "", address.last?.reason ?? ""]
            .some((word) => word.toLowerCase().includes(text));
    }

    draw() {
        const items = [];
        let of = 0, shown = 0;
        for (const link of worstFirst(this.status.links)) {
            const addresses = link.addresses.filter((a) => this.wanted(link, a)).map((a) => [rank(addressState(link, a)), a])
                .sort(([a], [b]) => a - b).map(([, a]) => a);
            of += link.addresses.length;
            shown += addresses.length;
            if (addresses.length === 0 && link.addresses.length > 0) continue;
            items.push({ link });
            for (const address of addresses) items.push({ link, address });
        }
        this.items = items;
        this.frame(of, shown);
        this.fill();
    }

    // The table around the rows: rebuilt only for another language, or when it becomes virtual.
    frame(of, shown) {
        const scroller = byId("matrix");
        byId("matrix-controls").hidden = of < 2;
        show(byId("matrix-count"), [of, shown, language()], () => of > 1 && document.createTextNode(shown === of ? String(of) : t("count", { n: shown, of })));
        const made = show(scroller, [language(), this.items.length > ALL_UP_TO, this.items.length > 0], () => this.items.length > 0
            ? el("table", {}, el("thead", {}, el("tr", {}, COLUMNS.map((c) => el("th", { scope: "col", class: c }, t(`col_${c}`))))),
                 this.body = el("tbody"))
            : el("p", { class: "empty" }, this.status.links.length === 0 ? t("no_links") : t("nothing_found")));
        if (made) {
            this.rows.clear();
            this.before = this.after = null;
        }
        scroller.classList.toggle("virtual", this.items.length > ALL_UP_TO);
        if (this.items.length > ALL_UP_TO) {
            scroller.tabIndex = 0;
            scroller.setAttribute("role", "region");
            scroller.setAttribute("aria-labelledby", "addresses");
        } else {
            scroller.removeAttribute("tabindex");
            scroller.removeAttribute("role");
            scroller.removeAttribute("aria-labelledby");
        }
        if (this.items.length > 0) setAttribute(this.body.parentNode, "aria-rowcount", String(this.items.length + 1));
    }

    measure() {
        const row = this.body?.querySelector("tr.address");
        if (row?.offsetHeight) this.rowHeight = row.offsetHeight;
        if (this.items.length > 0) this.fill();
    }

    view() {
        if (!this.virtual) return [0, this.items.length];
        const scroller = byId("matrix");
        const first = Math.max(0, Math.floor(scroller.scrollTop / this.rowHeight) - BEYOND);
        return [first, Math.min(this.items.length, first + Math.ceil((scroller.clientHeight || 600) / this.rowHeight) + 2 * BEYOND)];
    }

    fill() {
        if (this.items.length === 0) return;
        const [first, last] = this.view();
        for (const [index, row] of this.rows) {
            if (index >= first && index < last && row.kind === this.kind(index)) continue;
            row.node.remove();
            this.rows.delete(index);
        }
        this.spacer("before", first);
        let next = null;
        for (let index = last - 1; index >= first; --index) {
            let row = this.rows.get(index);
            if (!row) {
                row = this.makeRow(index);
                this.rows.set(index, row);
            }
            if (next ? row.node.nextSibling !== next : row.node.parentNode !== this.body) this.body.insertBefore(row.node, next ?? this.after ?? null);
            next = row.node;
            this.update(row, this.items[index]);
        }
        this.spacer("after", this.items.length - last);
    }

    kind(index) {
        return index < this.items.length && (this.items[index].address ? "address" : "link");
    }

    spacer(where, rows) {
        this[where]?.remove();
        this[where] = null;
        if (rows === 0) return;
        this[where] = el("tr", { class: "spacer", "aria-hidden": "true" }, el("td", { colspan: COLUMNS.length }));
        this[where].firstChild.style.height = `${rows * this.rowHeight}px`;
        if (where === "before") this.body.prepend(this[where]);
        else this.body.append(this[where]);
    }

    makeRow(index) {
        const kind = this.kind(index);
        const row = { kind, cells: {} };
        const attributes = { class: kind, "aria-rowindex": index + 2 };
        if (kind === "link") {
            row.cells.link = el("th", { scope: "rowgroup", colspan: COLUMNS.length });
            row.node = el("tr", attributes, row.cells.link);
            return row;
        }
        row.button = el("button", { type: "button", class: "plain", onclick: () => this.choose(row.item.link.name, row.item.address.ip) });
        for (const column of COLUMNS) row.cells[column] = el(column === "address" ? "th" : "td", { class: column, scope: column === "address" ? "row" : null });
        row.zone = el("span", { class: "note zone-below" });
        row.cells.address.append(row.button, row.zone);
        row.node = el("tr", { ...attributes, onclick: (event) => event.target !== row.button && this.choose(row.item.link.name, row.item.address.ip) },
                      COLUMNS.map((column) => row.cells[column]));
        return row;
    }

    update(row, item) {
        row.item = item;
        if (row.kind === "link") return this.updateLink(row.cells.link, item.link);
        const { link, address: a } = item;
        const state = addressState(link, a);
        setText(row.button, a.ip);
        setAttribute(row.button, "aria-label", t("details_of", { ip: a.ip }));
        const chosen = this.chosen === `${link.name}/${a.ip}`;
        row.node.classList.toggle("chosen", chosen);
        setAttribute(row.button, "aria-expanded", String(chosen));
        for (const node of [row.cells.zone, row.zone]) setText(node, a.zone ?? t("none"));
        show(row.cells.state, [state, link.probing, language()], () => badge(state, link.probing ? stateWord(state) : t("not_probed")));
        this.updateLast(row.cells.last, link, a);
        setText(row.cells.p95, a.availability_24h ? milliseconds(a.availability_24h.p95_us) : t("none"));
        const month = a.availability_30d, today = a.availability_24h;
        this.updateGood(row.cells.good, today, 86400, today && Math.min((now() - Date.parse(today.since)) / 1000, month?.covered_s ?? Infinity));
        this.updateGood(row.cells.month, month, 2592000, month?.covered_s);
        show(row.cells.streak, [a.recent, language()], () => drawStreak(a.recent ?? "", `${link.name} ${a.ip}`));
        const end = certificateEnd(a.last);
        const left = end ? until(end) : t("none");
        show(row.cells.cert, [left, a.certificate_expiring, language()], () => el("span", end && { class: stateOfCertificate(end, a), title: day(new Date(end)) }, left));
        const given = link.vpc_answer ? (a.answered ? "in_vpc" : link.vpc_answer.answered ? "no_vpc" : "none")
            : a.answered ? (a.drained ? "drained_answered" : "in_answer") : a.drained ? "drained" : "withdrawn";
        const odd = given === "withdrawn" || given.startsWith("drained");
        row.cells.dns.classList.toggle("odd", odd);
        show(row.cells.dns, [given, language()], () => el("span", { class: odd ? "state degraded" : "" }, t(given)));
        show(row.cells.since, [a.since, language(), inUtc(), link.probing], () => (a.since && link.probing ? age(a.since) : document.createTextNode(t("none"))));
    }

    // With the time that it is about, where that is not the whole.
    updateGood(cell, of, whole_s, covered_s) {
        const { attempts = 0, failures = 0 } = of ?? {};
        const part = attempts > 0 && covered_s < .95 * whole_s && span(covered_s);
        show(cell, [attempts, failures, part], () => [el("span", {}, percent(attempts - failures, attempts)), part && el("span", { class: "note" }, ` ${t("of_time", { span: part })}`)]);
    }

    updateLast(cell, link, a) {
        const bad = a.last && !isGood(a.last);
        const text = !a.last ? t("none") : bad ? a.last.reason + (a.streak < -1 ? ` ×${-a.streak}` : "") : milliseconds(a.last.total_us);
        setText(cell, text);
        cell.classList.toggle("reason", Boolean(bad));
    }

    updateLink(cell, link) {
        const word = link.probing ? stateWord(link.state) : t("not_probed");
        const notes = !this.virtual && link.connections?.notes;
        show(cell, [link.name, link.host, link.state, link.addresses.length === 0, notes, language()], () => [
            el("span", { class: "name" }, link.name), " ", badge(link.state, word), " ", el("span", { class: "note host" }, link.host),
            link.addresses.length === 0 && el("span", { class: "note" }, ` ${t("no_addresses")}`),
            notes?.map?.((n) => el("span", { class: "why" }, said(n))),
        ]);
    }
}
