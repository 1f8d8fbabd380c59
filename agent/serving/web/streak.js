// SPDX-License-Identifier: Apache-2.0
// The last results of an address as bars: "+" good, "~" good but degraded, "x" failed, "?" unknown. A failure is also
// taller, not only red.

import { svg } from "./dom.js";
import { t } from "./words.js";

export const STREAK = 60;
const TALLEST = 18;
const BARS = [["+", "good", 8], ["~", "slow", 12], ["x", "bad", TALLEST], ["?", "mute", 3]];

export function drawStreak(recent) {
    const shown = recent.slice(-STREAK);
    const start = STREAK - shown.length;
    const bars = BARS.map(([mark, name, height]) => {
        let path = "";
        for (let i = 0; i < shown.length; ++i) {
            if (shown[i] === mark) path += `M${(start + i) * 3} ${TALLEST - height}h2v${height}h-2z`;
        }
        return path && svg("path", { class: name, d: path });
    });
    return svg("svg", { class: "streak", viewBox: `0 0 ${STREAK * 3} ${TALLEST}`, role: "img", "aria-label": streakText(shown), preserveAspectRatio: "none" },
               bars);
}

export function streakText(recent) {
    if (!recent) return t("streak_none");
    const count = (marks) => [...recent].filter((mark) => marks.includes(mark)).length;
    return t("streak", { n: recent.length, good: count("+~"), bad: count("x") });
}
