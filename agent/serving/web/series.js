// SPDX-License-Identifier: Apache-2.0
// Turns the roll-ups of /api/v1/history into chart data: a bounded number of points, oldest first, of {time_s, p50,
// p95, attempts, failures, reason}; and the success ratio over a time.

import { ask } from "./feed.js";

export const RANGES = { hour: ["minute", 3600], day: ["minute", 86400], week: ["hour", 604800], month: ["hour", 2592000] };
export const PHASES = ["total", "connect", "tls", "request", "ttfb", "transfer"];
const MOST_POINTS = 300;

// Minutes of a day, hours of a month (and of a week), and the incidents.
export async function fetchHistory(link, ip) {
    const of = (resolution, since) =>
        ask(`api/v1/history?link=${encodeURIComponent(link)}&ip=${encodeURIComponent(ip)}&resolution=${resolution}&since=${since}`);
    const [minute, hour, incidents] = await Promise.all([of("minute", "24h"), of("hour", "720h"), ask(`api/v1/incidents?link=${encodeURIComponent(link)}&ip=${encodeURIComponent(ip)}`)]);
    return { minute, hour, incidents };
}

// The rows of a history within the last `seconds` before `now_s`.
function* rowsOf(history, seconds, now_s) {
    for (let i = 0; i < history.start.length; ++i) {
        if (history.start[i] > now_s - seconds && history.start[i] <= now_s) yield i;
    }
}

export function successOf(histories, range, now_s) {
    const [resolution, seconds] = RANGES[range];
    const history = histories[resolution];
    let attempts = 0, failures = 0, first_s = null;
    for (const i of rowsOf(history, seconds, now_s)) {
        if (history.attempts[i] === 0) continue;
        attempts += history.attempts[i];
        failures += history.failures[i];
        first_s = Math.min(first_s ?? Infinity, history.start[i]);
    }
    // An hour begins before its first probe: of the last day the minutes know better.
    const minutes = histories.minute, i = minutes.start.findIndex((_, at) => minutes.attempts[at] > 0);
    if (first_s !== null && i >= 0 && first_s > now_s - RANGES.day[1]) first_s = Math.max(first_s, minutes.start[i]);
    return { attempts, failures, covered_s: first_s === null ? 0 : Math.min(seconds, now_s - first_s), seconds };
}

function mostCommon(history, rows) {
    let best = null, most = 0;
    for (const [reason, counts] of Object.entries(history.reasons)) {
        const count = rows.reduce((sum, i) => sum + counts[i], 0);
        if (count > most) [best, most] = [reason, count];
    }
    return best;
}

const middle = (values) => (values.length === 0 ? null : values.sort((a, b) => a - b)[Math.floor(values.length / 2)]);
const highest = (values) => (values.length === 0 ? null : Math.max(...values));
const sum = (list, rows) => rows.reduce((total, i) => total + list[i], 0);

// If several periods share a point: the median of their p50, the highest p95, all failures.
export function pointsOf(histories, range, phase, now_s) {
    const [resolution, seconds] = RANGES[range];
    const history = histories[resolution];
    const step = history.period_s * Math.max(1, Math.ceil(seconds / history.period_s / MOST_POINTS));
    const groups = new Map();
    for (const i of rowsOf(history, seconds, now_s)) {
        const at = history.start[i] - history.start[i] % step;
        groups.set(at, [...(groups.get(at) ?? []), i]);
    }
    const marks = history[`${phase}_us`];
    const of = (mark, rows) => rows.map((i) => marks[mark][i]).filter((value) => value !== null);
    const points = [...groups].sort(([a], [b]) => a - b).map(([time_s, rows]) => ({
        time_s, p50: middle(of("p50", rows)), p95: highest(of("p95", rows)), attempts: sum(history.attempts, rows),
        failures: sum(history.failures, rows), reason: mostCommon(history, rows),
    }));
    return { points, step, from_s: now_s - seconds, to_s: now_s };
}
