// SPDX-License-Identifier: Apache-2.0
// The page: takes one status document, draws every panel. The selection is in the URL as #link/ip.

import { byId, el, recall, remember, setText, show } from "./dom.js";
import { addressState, inUtc, moment, now, number, rank, setNow, setUtc, shape, span, tickAges, zoneName } from "./format.js";
import { drawBanner, worstLink } from "./banner.js";
import { Detail } from "./detail.js";
import { AllIncidents } from "./incidents.js";
import { drawDiscovery, drawDns } from "./panels.js";
import { drawPath } from "./path.js";
import { Feed } from "./feed.js";
import { Log } from "./log.js";
import { Matrix } from "./matrix.js";
import { noteRecords } from "./streak.js";
import { language, setLanguage, t } from "./words.js";

const state = { status: null, feed: "start", lost: "", version: "", started: "" };
const dark = matchMedia("(prefers-color-scheme: dark)");

const themeNow = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");

function translate() {
    document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
    for (const node of document.querySelectorAll("[data-t]")) setText(node, t(node.dataset.t));
    for (const [id, key] of [["matrix-find", "find"], ["log-find", "log_find"]]) byId(id).placeholder = t(key);
    setText(byId("language"), t("to_language"));
    byId("language").lang = language() === "zh" ? "en" : "zh-CN";
    setText(byId("clock"), t("to_clock", { zone: zoneName() }));
    byId("clock").title = t(inUtc() ? "clock_utc" : "clock_local");
    setText(byId("theme"), t(themeNow() === "dark" ? "to_theme_light" : "to_theme_dark"));
    byId("ratios").setAttribute("aria-label", t("times"));
    byId("chart-reading").dataset.hint = t("chart_hint");
    for (const [id, title] of [["chart-table", "as_table"], ["log-scroll", "log"]]) {
        const node = id === "log-scroll" ? byId(id) : byId(id).querySelector(".scroll");
        node.setAttribute("role", "region");
        node.setAttribute("aria-label", t(title));
    }
}

// The selected address; else a failing one; else the first. `of`: the link whose path is shown.
function chosen(status) {
    const [name, ip] = decodeURIComponent(location.hash.slice(1)).split("/");
    let best = null;
    for (const link of status.links) {
        for (const address of link.addresses) {
            if (link.name === name && address.ip === ip) return { link, address, of: link };
            const order = rank(addressState(link, address));
            if (!best || order < best.order) best = { link, address, order };
        }
    }
    return { link: best?.link, address: best?.address, of: worstLink(status) ?? best?.link ?? status.links[0] };
}

const log = new Log();
const detail = new Detail();
const incidents = new AllIncidents();
const matrix = new Matrix((link, ip) => {
    history.replaceState(null, "", `#${encodeURIComponent(link)}/${encodeURIComponent(ip)}`);
    draw();
    byId("detail-title").focus({ preventScroll: true });
    byId("detail").scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
});

function drawDrains({ drains }) {
    show(byId("drains"), [drains, language(), inUtc()], () => (drains ?? []).map((d) =>
        el("li", {}, t("drained_until", { target: d.target, until: moment(new Date(d.until)) }), d.reason && `: ${d.reason}`)));
}

function drawFrame(status) {
    setText(byId("about"), [t("about", { version: status.version, up: span((now() - Date.parse(status.started)) / 1000), path: status.config.path }), t("as_of", { time: moment(new Date(status.ts)) }),
                            status.probes.missed_total > 0 ? t("missed", { n: number(status.probes.missed_total) }) : ""].filter(Boolean).join(" · "));
    const fleet = status.discovery.report ? ["fleet"] : [];
    show(byId("data-links"), [language(), fleet], () => [`${t("data")}: `, ["api/v1/status", "api/v1/probes", "health", "metrics", ...fleet].flatMap((path) => [el("a", { href: path }, path), " "])]);
    const warnings = state.version && state.version !== status.version ? [t("reloaded")] : [];
    byId("warnings").hidden = warnings.length === 0;
    show(byId("warnings").lastElementChild, warnings, () => warnings.map((text) => el("li", {}, text)));
}

function drawFeed() {
    const node = byId("feed");
    const key = state.feed === "lost" ? "feed_lost" : `feed_${state.feed}`;
    setText(node, `${shape(state.feed === "live" ? "good" : "unknown")} ${t(key)}`);
    node.className = state.feed;
    document.body.classList.toggle("lost", Boolean(state.lost));
}

function draw() {
    drawFeed();
    const status = state.status;
    if (!status) return;
    const { link, address, of } = chosen(status);
    drawBanner(status, state.lost);
    drawPath(status, of);
    matrix.set(status, address ? `${link.name}/${address.ip}` : "");
    detail.set(status, link, address);
    drawDns(status);
    drawDiscovery(status);
    incidents.set(status);
    drawDrains(status);
    drawFrame(status);
}

const listener = {
    status(document_) {
        setNow(document_.ts);
        if (state.started && state.started !== document_.started) log.restarted(document_.started);
        state.started = document_.started;
        state.version ||= document_.version;
        const first = !state.status;
        state.status = document_;
        if (first) {
            performance.mark("draw-begin");
            byId("plain").hidden = true;
            byId("app").hidden = false;
        }
        draw();
        if (!first) return;
        matrix.measure();
        performance.measure("draw", "draw-begin");
    },
    records(list) {
        noteRecords(list);
        log.add(list);
    },
    state(name) {
        if (name === state.feed) return;
        state.feed = name;
        if (name === "lost") state.lost ||= new Date(now()).toISOString();
        else if (name !== "paused") state.lost = "";
        draw();
    },
};

byId("language").addEventListener("click", () => {
    setLanguage(language() === "zh" ? "en" : "zh");
    translate();
    log.translate();
    draw();
    detail.translate();
    incidents.draw();
});
byId("clock").addEventListener("click", () => {
    setUtc(!inUtc());
    translate();
    log.draw();
    draw();
    detail.translate();
    incidents.draw();
});
byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = themeNow() === "dark" ? "light" : "dark";
    remember("theme", document.documentElement.dataset.theme);
    translate();
});
dark.addEventListener("change", translate);
addEventListener("beforeprint", () => {  // paper has no buttons
    for (const node of document.querySelectorAll("main details:not(#chart-table)")) {
        node.open = true;
        node.dispatchEvent(new Event("toggle"));
    }
});
addEventListener("hashchange", draw);

if (["dark", "light"].includes(recall("theme"))) document.documentElement.dataset.theme = recall("theme");
translate();
setInterval(tickAges, 1000);
new Feed(listener).start();
