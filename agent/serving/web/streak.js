// SPDX-License-Identifier: Apache-2.0
// The last results of an address as bars: "+" good, "~" good but degraded, "x" failed, "?" unknown. A failure is also
// taller, not only red.

import { svg } from "./dom.js";
import { isGood, milliseconds, moment } from "./format.js";
import { t } from "./words.js";

export const STREAK = 60;
const TALLEST = 18;
const BARS = [["+", "good", 8], ["~", "slow", 12], ["x", "bad", TALLEST], ["?", "mute", 3]];

// The records that this page has seen, newest first: what a bar says when it is pointed at.
const seen = new Map();
export function noteRecords(list) {
    for (const record of list) {
        const key = `${record.link} ${record.ip}`, records = seen.get(key) ?? [];
        if (records.some((r) => r.ts === record.ts)) continue;
        records.push(record);
        records.sort((a, b) => (a.ts < b.ts ? 1 : -1));
        seen.set(key, records.slice(0, STREAK));
    }
}

export function drawStreak(recent, key) {
    const shown = recent.slice(-STREAK);
    const start = STREAK - shown.length;
    const bars = BARS.map(([mark, name, height]) => {
        let path = "";
        for (let i = 0; i < shown.length; ++i) {
            if (shown[i] === mark) path += `M${(start + i) * 3} ${TALLEST - height}h2v${height}h-2z`;
        }
        return path && svg("path", { class: name, d: path });
    });
    const title = svg("title", {}, streakText(shown));
    return svg("svg", { class: "streak", viewBox: `0 0 ${STREAK * 3} ${TALLEST}`, role: "img", "aria-label": streakText(shown), preserveAspectRatio: "none",
                        onpointermove: (event) => (title.textContent = pointedAt(event, shown, start, seen.get(key) ?? [])) }, title, bars);
}

// The probe under the pointer: "4 Mar 13:06:07 UTC+8: tcp_timeout", or "12 probes ago: failed" of an older one.
function pointedAt(event, shown, start, records) {
    const box = event.currentTarget.getBoundingClientRect();
    const at = Math.floor((event.clientX - box.left) / box.width * STREAK) - start;
    const word = { "+": "ok", "~": "state_degraded", "x": "streak_failed" }[shown[at]];
    const record = records[shown.length - 1 - at];
    if (record) return t("streak_record", { time: moment(new Date(record.ts)), result: isGood(record) ? t("ok") : record.reason, total: milliseconds(record.total_us) });
    return at < 0 || !word ? streakText(shown) : t("streak_at", { n: shown.length - at, result: t(word) });
}

export function streakText(recent) {
    if (!recent) return t("streak_none");
    const count = (marks) => [...recent].filter((mark) => marks.includes(mark)).length;
    return t("streak", { n: recent.length, good: count("+~"), bad: count("x") });
}
