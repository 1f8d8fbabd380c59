// SPDX-License-Identifier: Apache-2.0
// Numbers and times in the page's language. Times of the API are microseconds and UTC texts.

import { el, recall, remember, setText } from "./dom.js";
import { language, t } from "./words.js";

export const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");

export function milliseconds(us) {
    if (us === null || us === undefined) return t("none");
    const ms = us / 1000;
    return `${ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export const number = (n) => new Intl.NumberFormat(locale()).format(n);

// Rounded down: 100 % means all of them.
export function percent(good, of) {
    if (of === 0) return t("none");
    return `${Math.floor(good / of * 10000) / 100} %`;
}

const UNITS = [["day", 86400, 172800], ["hour", 3600, 7200], ["minute", 60, 120], ["second", 1, 0]];
const spans = new Map();  // making a format takes longer than using it
export function span(seconds) {
    const s = Math.max(0, Math.round(seconds));
    const [unit, size] = UNITS.find(([, , from]) => s >= from);
    const key = locale() + unit;
    if (!spans.has(key)) spans.set(key, new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }));
    return spans.get(key).format(Math.floor(s / size));
}

// All times of the page are in the browser's zone, or in UTC.
let utc = recall("clock") === "utc";
export const inUtc = () => utc;
export function setUtc(on) {
    utc = on;
    remember("clock", on ? "utc" : "local");
}

const formats = new Map();
function format(date, options) {
    if (Number.isNaN(date.getTime())) return t("none");
    const key = locale() + utc + JSON.stringify(options);
    if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), { timeZone: utc ? "UTC" : undefined, ...options }));
    return formats.get(key).format(date);
}
// "UTC", "UTC+8": of that time, as the offset may change in the year.
export function zoneName(date = new Date(now())) {
    const minutes = utc ? 0 : -date.getTimezoneOffset();
    const hours = Math.floor(Math.abs(minutes) / 60), rest = Math.abs(minutes) % 60;
    return `UTC${minutes === 0 ? "" : `${minutes < 0 ? "-" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`}`;
}
export const zoneOffset_s = (at_s) => (utc ? 0 : new Date(at_s * 1000).getTimezoneOffset() * 60);
export const clock = (date) => format(date, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
export const clockMinute = (date) => format(date, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const monthDay = (date) => format(date, { month: "short", day: "numeric" });
export const day = (date) => format(date, { year: "numeric", month: "short", day: "numeric" });
export const moment = (date) => `${monthDay(date)} ${clock(date)} ${zoneName(date)}`;
export const shortMoment = (date) => `${monthDay(date)} ${clockMinute(date)}`;

// The agent's clock, not the browser's: ages are relative to the time in the last status.
let ahead_ms = 0;
export const setNow = (ts) => (ahead_ms = Date.parse(ts) - Date.now());
export const now = () => Date.now() + ahead_ms;

// An age that keeps counting, see tickAges(): "14 s", or in the text `key`.
export function age(ts, key = "for_age") {
    if (!ts) return t("never");
    const node = el("time", { datetime: ts, title: moment(new Date(ts)), "data-age": Date.parse(ts), "data-key": key });
    tickAge(node);
    return node;
}
export const ago = (ts) => age(ts, "ago");
const tickAge = (node) => setText(node, t(node.dataset.key, { age: span((now() - node.dataset.age) / 1000) }));
export const tickAges = () => document.querySelectorAll("time[data-age]").forEach(tickAge);

const SHAPES = { up: "●", degraded: "▲", down: "✕", unknown: "○", good: "●", failed: "✕", pass: "✓", warn: "▲", fail: "✕", skip: "–" };
export const shape = (state) => SHAPES[state] ?? "○";
const WORDS = { degraded: "state_degraded", unknown: "state_unknown" };
export const stateWord = (state) => t(WORDS[state] ?? state);
// State is a shape and a word; colour repeats them.
export function badge(state, word = stateWord(state)) {
    return el("span", { class: `state ${state}` }, el("span", { class: "shape", "aria-hidden": "true" }, shape(state)), ` ${word}`);
}

// Of a certificate and its chain: what ends first. expiry_warning is the agent's to judge.
export const certificateEnd = (last) => last?.certificate && [last.certificate.not_after, last.certificate.chain_not_after].filter(Boolean).sort()[0];
export const until = (ts) => (Date.parse(ts) <= now() ? t("expired") : span((Date.parse(ts) - now()) / 1000));
export const stateOfCertificate = (ts, address) => (Date.parse(ts) <= now() ? "state down" : address.certificate_expiring ? "state degraded" : "");

// Without a token for TDengine only the path is judged.
export const asksService = (link) => link.kind !== "tdengine" || link.token_configured;
export const addressState = (link, address) => (!link.probing ? "unknown" : asksService(link) ? address.state : address.path);
const RANKS = { down: 0, degraded: 1, unknown: 2, up: 3 };
export const rank = (state) => RANKS[state] ?? 2;
// Links in trouble first, else in the order of the configuration.
const rankOfLink = (link) => (link.probing ? rank(link.state) : RANKS.up);
export const worstFirst = (links) => [...links].sort((a, b) => rankOfLink(a) - rankOfLink(b));
export const isGood = (result) => result.ok || result.reason === "token_missing";
